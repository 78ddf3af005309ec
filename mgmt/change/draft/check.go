package draft

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/yamlconf"
	"fcredirect/mgmt/problem"
)

// An object is judged by the policy compiler, in a document of its own: the object, and what it names. So there is one
// place that says what is right, and an edit costs no more when there are ten thousand policies.

func (d *Draft) checkAlias(a *Alias) error {
	if err := checkName(KindAlias, a.Name, "path/name"); err != nil {
		return err
	}
	if d.Set(a.Name) != nil {
		return problem.New(problem.AlreadyExists, "A set has this name, and both may stand in a match.")
	}
	if len(d.Aliases) > policy.MaxAliases {
		return tooMany("aliases", policy.MaxAliases)
	}
	for _, other := range d.Aliases {
		if other.WWPN == a.WWPN && other.Name != a.Name {
			return problem.New(problem.Conflict, "A WWPN has one alias.").At("body/wwpn", "alias %s stands for this WWPN", other.Name)
		}
	}
	return judge(&Draft{Aliases: []*Alias{a}}, KindAlias)
}

func (d *Draft) checkSet(s *Set) error {
	if err := checkName(KindSet, s.Name, "path/name"); err != nil {
		return err
	}
	if d.Alias(s.Name) != nil {
		return problem.New(problem.AlreadyExists, "An alias has this name, and both may stand in a match.")
	}
	if len(d.Sets) > policy.MaxSets {
		return tooMany("sets", policy.MaxSets)
	}
	small := &Draft{Sets: []*Set{s}}
	d.collect(small, s.Members)
	return judge(small, KindSet)
}

func (d *Draft) checkService(s *Service) error {
	if err := checkName(KindService, s.Name, "path/name"); err != nil {
		return err
	}
	if len(d.Services) > policy.MaxServices {
		return tooMany("services", policy.MaxServices)
	}
	if _, ok := modes[s.Mode]; !ok {
		return problem.New(problem.Invalid, "").At("body/mode", "must be steer or mirror")
	}
	if _, ok := onFailures[s.OnFailure]; !ok {
		return problem.New(problem.Invalid, "").At("body/on_failure", "must be bypass or block")
	}
	small := &Draft{Services: []*Service{s}}
	for _, p := range d.Policies { // those that use it must go with its new mode
		if p.Service == s.Name {
			small.Policies = append(small.Policies, &Policy{Name: p.Name, Action: p.Action, Service: p.Service, OnFailure: p.OnFailure, Frames: p.Frames})
		}
	}
	return judge(small, KindService)
}

func (d *Draft) checkPolicy(p *Policy) error {
	if err := checkName(KindPolicy, p.Name, "path/name"); err != nil {
		return err
	}
	if len(d.Policies) > policy.MaxRules {
		return tooMany("policies", policy.MaxRules)
	}
	if err := checkWords(p); err != nil {
		return err
	}
	small := &Draft{Policies: []*Policy{p}}
	d.collect(small, p.Match.Initiator)
	d.collect(small, p.Match.Target)
	if s := d.Service(p.Service); s != nil {
		small.Services = []*Service{s}
	}
	return judge(small, KindPolicy)
}

// checkWords checks what is lost when a policy becomes a rule of the compiler.
func checkWords(p *Policy) error {
	wrong := problem.New(problem.Invalid, "")
	if _, ok := actions[p.Action]; !ok {
		wrong.At("body/action", "must be forward, redirect, mirror or drop")
	}
	if _, ok := onFailures[p.OnFailure]; !ok {
		wrong.At("body/on_failure", "must be bypass or block")
	}
	if p.Frames != "" && p.Frames != "commands" {
		wrong.At("body/frames", "must be all or commands")
	}
	for _, text := range p.Match.VSAN {
		if _, ok := policy.ParseVSAN(text); !ok {
			wrong.At("body/match/vsan", "must be numbers from 0 (no tag) to %d, or ranges as 100-199", policy.MaxVSAN)
			break
		}
	}
	if len(p.Note) > policy.MaxNote {
		wrong.At("body/note", "must not have more than %d bytes", policy.MaxNote)
	}
	if len(p.Ticket) > policy.MaxTicket {
		wrong.At("body/ticket", "must not have more than %d bytes", policy.MaxTicket)
	}
	if len(wrong.Fields) > 0 {
		return wrong
	}
	return nil
}

func tooMany(what string, most int) error {
	return problem.New(problem.LimitReached, "There are %d %s, and no more may be.", most, what)
}

// collect puts what a list of terms names into a document.
func (d *Draft) collect(small *Draft, names []string) {
	for _, name := range names {
		if a := d.Alias(name); a != nil && small.Alias(name) == nil {
			small.Aliases = with(small.Aliases, a, aliasName)
		}
		if s := d.Set(name); s != nil && small.Set(name) == nil {
			small.Sets = with(small.Sets, s, setName)
			d.collect(small, s.Members)
		}
	}
}

// judge compiles a small document, made for one object. What is wrong becomes a problem, each place a part of the body.
func judge(small *Draft, kind Kind) error {
	_, doc := small.Document().Written("")
	_, _, err := policy.Compile(doc)
	return Problem(doc, err, func(p policy.Part) string {
		key := strings.ReplaceAll(p.Key, "-", "_")
		switch {
		case p.Section == "aliases":
			key = "wwpn"
		case p.Section == "sets":
			key = "members"
		case p.Section == "policies" && kind == KindService:
			key = "mode" // the policy is as it was
		case key == "":
			return "body"
		}
		return "body/" + key
	})
}

// Problem makes a problem of what the compiler says of a document that somebody sent. where names the place of a part.
func Problem(doc *policy.Document, err error, where func(policy.Part) string) error {
	var all *yamlconf.Errors
	if !errors.As(err, &all) {
		return err
	}
	out := problem.New(problem.Invalid, "")
	lines := doc.Lines()
	for _, d := range all.List {
		part, _ := lines.Part(d.Line)
		out.At(where(part), "%s", Discreet(d))
	}
	return out
}

var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// Discreet is a diagnostic without what was sent: values in quotes are left out.
func Discreet(d *yamlconf.Diagnostic) string {
	text := d.Message
	if d.Cure != "" {
		text += ". " + d.Cure
	}
	return quoted.ReplaceAllString(text, "this")
}

// ParseSent reads a YAML document that somebody sent. What is wrong is said by line and column, without what stands there.
func ParseSent(text []byte) (*Draft, error) {
	d, err := Parse("", text)
	var all *yamlconf.Errors
	if !errors.As(err, &all) {
		return d, err
	}
	out := problem.New(problem.Invalid, "The document cannot be read.")
	for _, f := range all.List {
		out.At(fmt.Sprintf("body/yaml:%d:%d", f.Line, f.Column), "%s", Discreet(f))
	}
	return nil, out
}
