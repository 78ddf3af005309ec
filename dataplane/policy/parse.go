package policy

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"fcredirect/dataplane/yamlconf"
)

// Load reads and parses the policy file at path.
func Load(path string) (*Document, error) {
	text, err := ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, text)
}

// ReadFile reads the text of the policy file at path.
func ReadFile(path string) ([]byte, error) {
	text, err := yamlconf.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read policy: %w; name the right one with --policy", err)
	}
	if err != nil {
		return nil, fmt.Errorf("read policy: %w", err)
	}
	return text, nil
}

// Parse reads a policy file. name is how the user knows it; it stands in every message.
// The error is a *yamlconf.Errors. A file that parses may still name what is not there:
// Compile says so. When the file does not parse, what Compile would say is in the error
// too, as far as it can be told.
func Parse(name string, text []byte) (*Document, error) {
	root, report := yamlconf.Read(name, text)
	if report.Failed() {
		return nil, report.Err()
	}
	p := &parser{r: report, doc: &Document{name: name, text: string(text)}}
	p.file(&root)
	if report.Failed() {
		resolve(p.doc, report)
		return nil, report.Err()
	}
	return p.doc, nil
}

type parser struct {
	r   *yamlconf.Report
	doc *Document
}

// exchangeSafe is the answer to every key that asks for a switch-over between exchanges.
var exchangeSafe = yamlconf.Refusal{
	Problem: "exchange-safe switching is not done by this version: a changed policy holds from the flow's next frame on",
	Cure:    "Remove the key, and apply the policy while the pair does no I/O (multipath can move it away for that time).",
}

// virtualTarget is the answer to everything that asks for another target's identity.
var virtualTarget = yamlconf.Refusal{
	Problem: "virtual-target is not done by this version",
	Cure:    "Use mode: steer and a transparent service that hands frames back, or mode: mirror for copies.",
}

var fileSchema = yamlconf.Schema{
	What: "a policy file",
	Keys: []string{"aliases", "sets", "services", "policies"},
	Refused: map[string]yamlconf.Refusal{
		"default": {Problem: "the default cannot be set: what no rule matches is forwarded", Cure: "Write a last rule with match: {}."},
		"rules":   {Problem: "rules stand under policies", Cure: "Write policies: instead of rules:."},
	},
}

func (p *parser) file(root *yamlconf.Node) {
	if root.Empty() {
		p.r.Errorf(yamlconf.Span{}, "For a policy without rules write policies: [].", "the file is empty")
		return
	}
	f, ok := p.r.Fields(root, &fileSchema)
	if !ok {
		return
	}
	if n := f.Get("aliases"); n != nil && p.mapping(n, "aliases") {
		p.aliases(n)
	}
	if n := f.Get("sets"); n != nil && p.mapping(n, "sets") {
		p.sets(n)
	}
	if n := f.Get("services"); n != nil {
		for _, item := range p.list(n, "services") {
			p.service(&item)
		}
	}
	n := f.Get("policies")
	if n == nil {
		p.r.Errorf(yamlconf.Span{}, "List the rules under policies:; for none write policies: [].", "the key policies is missing")
		return
	}
	items := p.list(n, "policies")
	p.doc.Rules = make([]Rule, 0, len(items))
	for i := range items {
		p.rule(&items[i])
	}
}

// mapping checks for a mapping of names; nothing at all is one without entries.
func (p *parser) mapping(n *yamlconf.Node, what string) bool {
	if n.Empty() {
		return false
	}
	if n.Kind != yamlconf.Mapping {
		p.r.Errorf(n.Span, "Write one \"name: value\" on each line.", "%s must be a mapping of names, not %v", what, n.Kind)
		return false
	}
	return true
}

// list checks for a list; nothing at all is one without items.
func (p *parser) list(n *yamlconf.Node, what string) []yamlconf.Node {
	if n.Empty() {
		return nil
	}
	items, _ := p.r.List(n, what)
	return items
}

func (p *parser) aliases(n *yamlconf.Node) {
	p.doc.Aliases = make([]Alias, 0, len(n.Items)/2)
	for key, value := range p.r.Pairs(n, "aliases") {
		name, ok := p.r.Text(key, "an alias")
		if !ok {
			continue
		}
		a := Alias{Name: name, at: key.Span, wwnAt: value.Span}
		if a.WWN, ok = p.r.Word(value, "alias "+name); !ok {
			a.WWN = skipped // reported already; the name must still be found
		}
		p.doc.Aliases = append(p.doc.Aliases, a)
	}
}

// skipped stands for a value that could not be read and was reported. It cannot come from
// a file, where control characters are refused. unread is the same for an action or mode.
const (
	skipped = "\x00"
	unread  = 0xFF
)

func (p *parser) sets(n *yamlconf.Node) {
	p.doc.Sets = make([]Set, 0, len(n.Items)/2)
	for key, value := range p.r.Pairs(n, "sets") {
		name, ok := p.r.Text(key, "a set")
		if !ok {
			continue
		}
		s := Set{Name: name, at: key.Span}
		items, ok := p.r.List(value, "set "+name)
		if !ok {
			s.Members = []Term{{Text: skipped}}
		} else {
			s.Members = p.terms(items, "a member of set "+name)
		}
		p.doc.Sets = append(p.doc.Sets, s)
	}
}

func (p *parser) terms(items []yamlconf.Node, what string) []Term {
	terms := make([]Term, 0, len(items))
	for i := range items {
		text, ok := p.r.Word(&items[i], what)
		if !ok {
			text = skipped
		}
		terms = append(terms, Term{text, items[i].Span})
	}
	return terms
}

var serviceSchema = yamlconf.Schema{
	What: "a service",
	Keys: []string{"name", "mode", "port", "mac", "vlan", "on-failure", "note"},
	Refused: map[string]yamlconf.Refusal{
		"exchange-safe": exchangeSafe, "transition": exchangeSafe,
		"virtual-target": virtualTarget, "present-as": virtualTarget,
		"instances": {Problem: "a service has one instance in this version", Cure: "Name its port and mac directly."},
		"health":    {Problem: "health checks of services are not done by this version", Cure: "Remove the key."},
	},
}

func (p *parser) service(n *yamlconf.Node) {
	s := Service{Mode: unread, at: n.Span, modeAt: n.Span, portAt: n.Span, macAt: n.Span}
	f, ok := p.r.Fields(n, &serviceSchema)
	if !ok {
		return
	}
	what := "the service"
	if s.Name = p.named(f, n, "service"); s.Name != skipped {
		what = "service " + s.Name
	}
	if m := f.Get("mode"); m == nil {
		p.r.Errorf(n.Span, "Add mode: steer (the service hands frames back) or mirror (it gets copies).", "%s has no mode", what)
	} else if i, ok := p.r.Choice(m, what+": mode", modeNames...); ok {
		s.Mode, s.modeAt = Mode(i), m.Span
	}
	if m := f.Get("port"); m == nil {
		p.r.Errorf(n.Span, "Add port: and the name of a port of role service in the boot file.", "%s has no port", what)
		s.Port = skipped
	} else if s.Port, ok = p.r.Text(m, what+": port"); !ok {
		s.Port = skipped
	} else {
		s.portAt = m.Span
	}
	if m := f.Get("mac"); m != nil {
		s.macAt = m.Span
		if s.MAC, ok = p.r.Word(m, what+": mac"); !ok {
			s.MAC = skipped
		}
	}
	if m := f.Get("vlan"); m != nil {
		v, _ := p.r.Int(m, what+": vlan", 1, MaxVSAN)
		s.VLAN, s.vlanAt = uint16(v), m.Span
	}
	if m := f.Get("on-failure"); m != nil {
		s.OnFailure, s.failAt = p.onFailure(m, what), m.Span
	}
	s.Note = p.freeText(f, "note", what)
	p.doc.Services = append(p.doc.Services, s)
}

// named reads the name of a service or rule.
func (p *parser) named(f yamlconf.Fields, n *yamlconf.Node, what string) string {
	m := f.Get("name")
	if m == nil {
		p.r.Errorf(n.Span, "Add name: and a name of its own.", "the %s has no name", what)
		return skipped
	}
	name, ok := p.r.Text(m, "the "+what+"'s name")
	if !ok {
		return skipped
	}
	return name
}

func (p *parser) onFailure(n *yamlconf.Node, what string) OnFailure {
	i, ok := p.r.Choice(n, what+": on-failure", onFailureNames[1:]...)
	if !ok {
		return Unsaid
	}
	return OnFailure(i + 1)
}

// freeText reads a note or ticket, which may be left empty and look like a number.
func (p *parser) freeText(f yamlconf.Fields, key, what string) string {
	n := f.Get(key)
	if n == nil || n.Empty() || n.Kind == yamlconf.Scalar && n.Text == "" {
		return ""
	}
	s, _ := p.r.Word(n, what+": "+key)
	most := MaxNote
	if key == "ticket" {
		most = MaxTicket
	}
	if len(s) > most {
		p.r.Errorf(n.Span, "Shorten it.", "%s: %s has %d bytes, more than %d", what, key, len(s), most)
		return ""
	}
	return s
}

var ruleSchema = yamlconf.Schema{
	What: "a rule",
	Keys: []string{"name", "match", "action", "service", "frames", "on-failure", "disabled", "note", "ticket"},
	Refused: map[string]yamlconf.Refusal{
		"exchange-safe": exchangeSafe, "transition": exchangeSafe, "quiesce": exchangeSafe,
		"virtual-target": virtualTarget, "present-as": virtualTarget,
		"services": {Problem: "chains of services are not done by this version", Cure: "Name one: service: NAME."},
		"enabled":  {Problem: "a rule is enabled unless it says otherwise", Cure: "To disable it write disabled: true."},
	},
}

func (p *parser) rule(n *yamlconf.Node) {
	f, ok := p.r.Fields(n, &ruleSchema)
	if !ok {
		return
	}
	rule := Rule{Action: unread, at: n.Span, nameAt: n.Span, matchAt: n.Span, actionAt: n.Span, serviceAt: n.Span}
	what := "the rule"
	if rule.Name = p.named(f, n, "rule"); rule.Name != skipped {
		what = "rule " + rule.Name
		rule.nameAt = f.Get("name").Span
	}
	if m := f.Get("match"); m == nil {
		p.r.Errorf(n.Span, "Add match: {initiator: …, target: …}; match: {} matches everything.", "%s has no match", what)
	} else {
		rule.matchAt = f.Key("match")
		p.match(m, what, &rule)
	}
	if m := f.Get("action"); m == nil {
		p.r.Errorf(n.Span, "Add action: forward, redirect, mirror or drop.", "%s has no action", what)
	} else if i, ok := p.r.Choice(m, what+": action", actionNames...); ok {
		rule.Action, rule.actionAt = Action(i), m.Span
	}
	if m := f.Get("service"); m != nil {
		rule.serviceAt = m.Span
		if m.Kind == yamlconf.Sequence {
			p.r.Errorf(m.Span, "Name one: service: NAME.", "%s: chains of services are not done by this version", what)
			rule.Service = skipped
		} else if rule.Service, ok = p.r.Text(m, what+": service"); !ok {
			rule.Service = skipped
		}
	}
	if m := f.Get("frames"); m != nil {
		i, _ := p.r.Choice(m, what+": frames", "all", "commands")
		rule.CommandsOnly, rule.framesAt = i == 1, m.Span
	}
	if m := f.Get("on-failure"); m != nil {
		rule.OnFailure, rule.failAt = p.onFailure(m, what), m.Span
	}
	if m := f.Get("disabled"); m != nil {
		rule.Disabled, _ = p.r.Bool(m, what+": disabled")
	}
	rule.Note = p.freeText(f, "note", what)
	rule.Ticket = p.freeText(f, "ticket", what)
	p.doc.Rules = append(p.doc.Rules, rule)
}

var matchSchema = yamlconf.Schema{What: "match", Keys: []string{"initiator", "target", "vsan"}}

func (p *parser) match(n *yamlconf.Node, what string, rule *Rule) {
	f, ok := p.r.Fields(n, &matchSchema)
	if !ok {
		return
	}
	if m := f.Get("initiator"); m != nil {
		rule.Initiator = p.ports(m, what+": initiator")
	}
	if m := f.Get("target"); m != nil {
		rule.Target = p.ports(m, what+": target")
	}
	if m := f.Get("vsan"); m != nil {
		p.vsans(m, what, rule)
	}
}

const anyWord = "any"

// ports reads the condition on one end: any, one term, or a list of terms.
func (p *parser) ports(n *yamlconf.Node, what string) []Term {
	if n.Kind == yamlconf.Scalar {
		if n.Text == anyWord {
			return nil
		}
		return p.terms([]yamlconf.Node{*n}, what)
	}
	items, ok := p.r.List(n, what)
	if !ok {
		return []Term{{Text: skipped}}
	}
	if len(items) == 0 {
		p.r.Errorf(n.Span, "Write any, or at least one name, WWN or mask.", "%s is an empty list", what)
		return []Term{{Text: skipped}}
	}
	return p.terms(items, what)
}

// vsans reads the condition on the VSAN: any, a number, a range, or a list of both.
func (p *parser) vsans(n *yamlconf.Node, what string, rule *Rule) {
	if n.Kind == yamlconf.Scalar && n.Text == anyWord {
		return
	}
	items := []yamlconf.Node{*n}
	if n.Kind != yamlconf.Scalar {
		var ok bool
		if items, ok = p.r.List(n, what+": vsan"); !ok {
			return
		}
		if len(items) == 0 {
			p.r.Errorf(n.Span, "Write any, or at least one number.", "%s: vsan is an empty list", what)
		}
	}
	for i := range items {
		text, ok := p.r.Word(&items[i], what+": vsan")
		if !ok {
			continue
		}
		from, to, ok := parseVSANs(text)
		if !ok {
			p.r.Errorf(items[i].Span, fmt.Sprintf("Write any, a number from 0 (no tag) to %d, or a range as 100-199.", MaxVSAN),
				"%s: vsan cannot be %s", what, yamlconf.Quote(text))
			continue
		}
		rule.VSAN = append(rule.VSAN, VSANRange{from, to, items[i].Span})
	}
}

func parseVSANs(s string) (from, to uint16, ok bool) {
	first, last, isRange := strings.Cut(s, "-")
	if !isRange {
		last = first
	}
	a, err1 := strconv.ParseUint(first, 10, 16)
	b, err2 := strconv.ParseUint(last, 10, 16)
	return uint16(a), uint16(b), err1 == nil && err2 == nil && a <= b && b <= MaxVSAN
}
