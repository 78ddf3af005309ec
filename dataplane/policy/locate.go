package policy

import (
	"cmp"
	"slices"
	"strings"

	"fcredirect/dataplane/yamlconf"
)

// Part is what of a document stands in a line.
type Part struct {
	Section string // aliases, sets, services, policies
	Index   int    // in the section
	Name    string
	Key     string // of a service or rule: name, match, action, service, …; empty when it is not known
}

// Lines finds the part of a document that a diagnostic is about by its line.
type Lines struct {
	parts []partLine
	keys  []partLine
}

type partLine struct {
	line int
	part Part
}

// Lines prepares to find parts. A document that was not read from a text has none.
func (d *Document) Lines() *Lines {
	l := &Lines{}
	if d.text == "" {
		return l
	}
	r := yamlconf.NewReport(d.name, d.text)
	add := func(at yamlconf.Span, p Part) { l.parts = append(l.parts, partLine{r.Line(at), p}) }
	for i := range d.Aliases {
		add(d.Aliases[i].at, Part{"aliases", i, d.Aliases[i].Name, ""})
	}
	for i := range d.Sets {
		add(d.Sets[i].at, Part{"sets", i, d.Sets[i].Name, ""})
	}
	for i := range d.Services {
		s := &d.Services[i]
		p := Part{"services", i, s.Name, ""}
		add(s.at, p)
		l.key(r, p, []string{"mode", "port", "mac", "vlan", "on-failure"}, s.modeAt, s.portAt, s.macAt, s.vlanAt, s.failAt)
	}
	for i := range d.Rules {
		rule := &d.Rules[i]
		p := Part{"policies", i, rule.Name, ""}
		add(rule.at, p)
		l.key(r, p, []string{"match", "action", "service", "frames", "on-failure"}, rule.matchAt, rule.actionAt, rule.serviceAt, rule.framesAt, rule.failAt)
	}
	byLine := func(a, b partLine) int { return cmp.Compare(a.line, b.line) }
	slices.SortStableFunc(l.parts, byLine)
	slices.SortStableFunc(l.keys, byLine)
	return l
}

func (l *Lines) key(r *yamlconf.Report, p Part, keys []string, at ...yamlconf.Span) {
	for i, a := range at {
		if line := r.Line(a); line > 0 {
			p.Key = keys[i]
			l.keys = append(l.keys, partLine{line, p})
		}
	}
}

// Part finds what stands in a line.
func (l *Lines) Part(line int) (Part, bool) {
	last := func(list []partLine) (partLine, bool) {
		n, _ := slices.BinarySearchFunc(list, line+1, func(p partLine, line int) int { return cmp.Compare(p.line, line) })
		if line <= 0 || n == 0 {
			return partLine{}, false
		}
		return list[n-1], true
	}
	found, ok := last(l.parts)
	if !ok {
		return Part{}, false
	}
	if k, ok := last(l.keys); ok && k.line > found.line && k.part.Section == found.part.Section && k.part.Index == found.part.Index {
		if k.line == line || k.part.Key == "match" {
			return k.part, true
		}
	}
	return found.part, true
}

// Pointer is the part as a path: policies/watch-oracle/match. A slash in a name is written as ~1, as in JSON pointers.
func (p Part) Pointer() string {
	s := p.Section + "/" + pointerName.Replace(p.Name)
	if p.Key != "" {
		s += "/" + p.Key
	}
	return s
}

var pointerName = strings.NewReplacer("~", "~0", "/", "~1")
