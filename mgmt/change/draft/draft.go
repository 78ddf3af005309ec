package draft

import (
	"fmt"
	"slices"
	"strings"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/policy"
	"fcredirect/mgmt/problem"
)

// Draft is a document. Its lists and what they hold are not to be changed.
type Draft struct {
	Aliases  []*Alias   // by name
	Sets     []*Set     // by name
	Services []*Service // by name
	Policies []*Policy  // in their order
}

// Parse reads a YAML document. The error is a *yamlconf.Errors.
func Parse(name string, text []byte) (*Draft, error) {
	doc, err := policy.Parse(name, text)
	if err != nil {
		return nil, err
	}
	return Of(doc), nil
}

// Of is the draft of a document. Addresses get the spelling with colons.
func Of(doc *policy.Document) *Draft {
	d := &Draft{}
	for _, a := range doc.Aliases {
		d.Aliases = append(d.Aliases, &Alias{Name: a.Name, WWPN: term(a.WWN)})
	}
	for _, s := range doc.Sets {
		d.Sets = append(d.Sets, &Set{Name: s.Name, Members: texts(s.Members)})
	}
	for _, s := range doc.Services {
		out := &Service{Name: s.Name, Mode: s.Mode.String(), Port: s.Port, MAC: mac(s.MAC), VLAN: s.VLAN, Note: s.Note}
		if s.OnFailure != policy.Unsaid {
			out.OnFailure = s.OnFailure.String()
		}
		d.Services = append(d.Services, out)
	}
	for _, r := range doc.Rules {
		out := &Policy{
			Name: r.Name, Match: Match{Initiator: texts(r.Initiator), Target: texts(r.Target)}, Action: r.Action.String(), Service: r.Service,
			Disabled: r.Disabled, Note: r.Note, Ticket: r.Ticket,
		}
		for _, v := range r.VSAN {
			out.Match.VSAN = append(out.Match.VSAN, v.String())
		}
		if r.CommandsOnly {
			out.Frames = "commands"
		}
		if r.OnFailure != policy.Unsaid {
			out.OnFailure = r.OnFailure.String()
		}
		d.Policies = append(d.Policies, out)
	}
	return d.sorted()
}

func (d *Draft) sorted() *Draft {
	slices.SortStableFunc(d.Aliases, func(a, b *Alias) int { return strings.Compare(a.Name, b.Name) })
	slices.SortStableFunc(d.Sets, func(a, b *Set) int { return strings.Compare(a.Name, b.Name) })
	slices.SortStableFunc(d.Services, func(a, b *Service) int { return strings.Compare(a.Name, b.Name) })
	return d
}

// FromObjects is the draft of a document in JSON. What is wrong with it is said by place.
func FromObjects(o *Objects) (*Draft, error) {
	d := &Draft{}
	for i := range o.Aliases {
		a := o.Aliases[i]
		a.WWPN = term(a.WWPN)
		d.Aliases = append(d.Aliases, &a)
	}
	for i := range o.Sets {
		s := o.Sets[i]
		s.Members = terms(s.Members)
		d.Sets = append(d.Sets, &s)
	}
	for i := range o.Services {
		s := o.Services[i]
		s.MAC = mac(s.MAC)
		if _, ok := modes[s.Mode]; !ok {
			return nil, problem.New(problem.Invalid, "").At(fmt.Sprintf("body/services/%d/mode", i), "must be steer or mirror")
		}
		d.Services = append(d.Services, &s)
	}
	for i := range o.Policies {
		p := o.Policies[i]
		p.tidy()
		if err := checkWords(&p); err != nil {
			return nil, within(err, fmt.Sprintf("body/policies/%d", i))
		}
		d.Policies = append(d.Policies, &p)
	}
	return d.sorted(), nil
}

// within puts the places of a problem below another one.
func within(err error, place string) error {
	p := problem.Of(err)
	for i := range p.Fields {
		p.Fields[i].Location = place + strings.TrimPrefix(p.Fields[i].Location, "body")
	}
	return p
}

// Objects is the document in JSON.
func (d *Draft) Objects() *Objects {
	o := &Objects{Policies: []Policy{}}
	for _, a := range d.Aliases {
		o.Aliases = append(o.Aliases, *a)
	}
	for _, s := range d.Sets {
		o.Sets = append(o.Sets, *s)
	}
	for _, s := range d.Services {
		o.Services = append(o.Services, *s)
	}
	for _, p := range d.Policies {
		o.Policies = append(o.Policies, *p)
	}
	return o
}

// YAML is the document as text, in one fixed form: equal drafts have equal texts.
func (d *Draft) YAML() []byte { return d.Document().YAML() }

// Document is the draft for the compiler.
func (d *Draft) Document() *policy.Document {
	doc := &policy.Document{Aliases: make([]policy.Alias, 0, len(d.Aliases)), Rules: make([]policy.Rule, 0, len(d.Policies))}
	for _, a := range d.Aliases {
		doc.Aliases = append(doc.Aliases, policy.Alias{Name: a.Name, WWN: a.WWPN})
	}
	for _, s := range d.Sets {
		doc.Sets = append(doc.Sets, policy.Set{Name: s.Name, Members: termsOf(s.Members)})
	}
	for _, s := range d.Services {
		doc.Services = append(doc.Services, policy.Service{
			Name: s.Name, Mode: modes[s.Mode], Port: s.Port, MAC: s.MAC, VLAN: s.VLAN, OnFailure: onFailures[s.OnFailure], Note: s.Note,
		})
	}
	for _, p := range d.Policies {
		doc.Rules = append(doc.Rules, p.rule())
	}
	return doc
}

func (p *Policy) rule() policy.Rule {
	r := policy.Rule{
		Name: p.Name, Initiator: termsOf(p.Match.Initiator), Target: termsOf(p.Match.Target), Action: actions[p.Action], Service: p.Service,
		CommandsOnly: p.Frames == "commands", OnFailure: onFailures[p.OnFailure], Disabled: p.Disabled, Note: p.Note, Ticket: p.Ticket,
	}
	for _, text := range p.Match.VSAN {
		if v, ok := policy.ParseVSAN(text); ok {
			r.VSAN = append(r.VSAN, v)
		}
	}
	return r
}

var (
	modes = map[string]policy.Mode{
		"steer": policy.ModeSteer, "mirror": policy.ModeMirror, "virtual-target": policy.ModeVirtualTarget,
	}
	actions = map[string]policy.Action{
		"forward": policy.Forward, "redirect": policy.Redirect, "mirror": policy.Mirror, "drop": policy.Drop,
	}
	onFailures = map[string]policy.OnFailure{"": policy.Unsaid, "bypass": policy.Bypass, "block": policy.Block}
)

func termsOf(list []string) []policy.Term {
	if len(list) == 0 {
		return nil
	}
	out := make([]policy.Term, len(list))
	for i, t := range list {
		out[i].Text = t
	}
	return out
}

func texts(list []policy.Term) []string {
	var out []string
	for _, t := range list {
		out = append(out, term(t.Text))
	}
	return out
}

func terms(list []string) []string {
	out := slices.Clone(list)
	for i := range out {
		out[i] = term(out[i])
	}
	return out
}

// term gives a WWN its usual spelling. A name cannot read as one.
func term(s string) string {
	if w, err := frame.ParseWWN(s); err == nil {
		return w.String()
	}
	return s
}

func mac(s string) string {
	if m, err := frame.ParseMAC(s); err == nil {
		return m.String()
	}
	return s
}

// tidy gives a policy that somebody sent the form that it would be read back in.
func (p *Policy) tidy() {
	any := func(list []string) []string {
		if len(list) == 0 || len(list) == 1 && list[0] == "any" {
			return nil
		}
		return terms(list)
	}
	p.Match.Initiator, p.Match.Target = any(p.Match.Initiator), any(p.Match.Target)
	if vsans := p.Match.VSAN; len(vsans) == 0 || len(vsans) == 1 && vsans[0] == "any" {
		p.Match.VSAN = nil
	}
	for i, text := range p.Match.VSAN {
		if v, ok := policy.ParseVSAN(text); ok {
			if i == 0 {
				p.Match.VSAN = slices.Clone(p.Match.VSAN)
			}
			p.Match.VSAN[i] = v.String()
		}
	}
	if p.Frames == "all" {
		p.Frames = ""
	}
}

// Alias finds an alias, nil when there is none.
func (d *Draft) Alias(name string) *Alias {
	return byName(d.Aliases, name, func(a *Alias) string { return a.Name })
}

// Set finds a set, nil when there is none.
func (d *Draft) Set(name string) *Set {
	return byName(d.Sets, name, func(s *Set) string { return s.Name })
}

// Service finds a service, nil when there is none.
func (d *Draft) Service(name string) *Service {
	return byName(d.Services, name, func(s *Service) string { return s.Name })
}

// Policy finds a policy and its position, from 0; nil when there is none.
func (d *Draft) Policy(name string) (*Policy, int) {
	i := slices.IndexFunc(d.Policies, func(p *Policy) bool { return p.Name == name })
	if i < 0 {
		return nil, -1
	}
	return d.Policies[i], i
}

func byName[T any](list []*T, name string, nameOf func(*T) string) *T {
	if i, ok := slices.BinarySearchFunc(list, name, func(o *T, n string) int { return strings.Compare(nameOf(o), n) }); ok {
		return list[i]
	}
	return nil
}

// with is a sorted list in which an object stands, instead of the one of its name if there is one.
func with[T any](list []*T, object *T, nameOf func(*T) string) []*T {
	i, found := slices.BinarySearchFunc(list, nameOf(object), func(o *T, n string) int { return strings.Compare(nameOf(o), n) })
	out := make([]*T, 0, len(list)+1)
	out = append(append(out, list[:i]...), object)
	if found {
		i++
	}
	return append(out, list[i:]...)
}

// without is a list in which no object has the name.
func without[T any](list []*T, name string, nameOf func(*T) string) []*T {
	out := make([]*T, 0, len(list))
	for _, o := range list {
		if nameOf(o) != name {
			out = append(out, o)
		}
	}
	return out
}
