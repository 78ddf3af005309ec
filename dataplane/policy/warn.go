package policy

import (
	"fmt"
	"strings"

	"fcredirect/dataplane/yamlconf"
)

// Warning is something a policy may say but hardly means. Its embedded diagnostic has the
// place and the text.
type Warning struct {
	Code WarningCode
	*yamlconf.Diagnostic
}

// WarningCode names a kind of warning; it stays the same when the text changes.
type WarningCode string

// Kinds of warnings.
const (
	RuleDisabled    WarningCode = "rule_disabled"
	RuleShadowed    WarningCode = "rule_shadowed"
	ShadowUndecided WarningCode = "shadow_undecided"
	DropsEverything WarningCode = "drops_everything"
	ServiceUnused   WarningCode = "service_unused"
	AliasUnused     WarningCode = "alias_unused"
	SetUnused       WarningCode = "set_unused"
	MemberRedundant WarningCode = "member_redundant"
)

// warner collects warnings: names first, then services, then rules.
type warner struct {
	out    *resolved
	report *yamlconf.Report
	list   []Warning
}

func warn(out *resolved, s *Snapshot, report *yamlconf.Report) []Warning {
	w := &warner{out: out, report: report}
	w.names()
	w.services()
	w.rules(s)
	return w.list
}

func (w *warner) add(code WarningCode, at yamlconf.Span, cure, format string, args ...any) {
	w.list = append(w.list, Warning{code, w.report.Diagnose(at, cure, format, args...)})
}

// findings collects the first of many places that have the same kind of fault.
type findings struct {
	n     int
	first [maxListed]struct {
		at   yamlconf.Span
		text string
	}
}

func (f *findings) add(at yamlconf.Span, before, name, after string) {
	if f.n < maxListed {
		f.first[f.n].at, f.first[f.n].text = at, before+name+after
	}
	f.n++
}

// some adds a warning for each of the first findings, and one for the rest.
func (w *warner) some(code WarningCode, f *findings, cure, kind string) {
	for i := range min(f.n, maxListed) {
		w.add(code, f.first[i].at, cure, "%s", f.first[i].text)
	}
	if f.n > maxListed {
		w.add(code, yamlconf.Span{}, cure, "and %d more %s", f.n-maxListed, kind)
	}
}

func (w *warner) names() {
	var aliases, sets, members findings
	for i, a := range w.out.doc.Aliases {
		if !w.out.aliasUsed[i] {
			aliases.add(a.at, "no set or rule uses alias ", a.Name, "")
		}
	}
	for _, s := range w.out.doc.Sets {
		if !w.out.setUsed[s.Name] {
			sets.add(s.at, "no rule uses set ", s.Name, "")
		}
	}
	for _, r := range w.out.redundant {
		members.add(r.at, r.what+": another member covers ", r.text, "")
	}
	w.some(AliasUnused, &aliases, "It still names its WWN in reports.", "aliases that no set or rule uses")
	w.some(SetUnused, &sets, "", "sets that no rule uses")
	w.some(MemberRedundant, &members, "Remove it.", "members that others cover")
}

func (w *warner) services() {
	const unused, disabled, enabled = 0, 1, 2
	use := make([]int, len(w.out.services))
	for i := range w.out.rules {
		r := &w.out.rules[i]
		if r.service == none {
			continue
		}
		if r.Disabled {
			use[r.service] = max(use[r.service], disabled)
		} else {
			use[r.service] = enabled
		}
	}
	for i, s := range w.out.services {
		switch use[i] {
		case unused:
			w.add(ServiceUnused, s.at, "", "no rule uses service %s", s.Name)
		case disabled:
			w.add(ServiceUnused, s.at, "", "only disabled rules use service %s", s.Name)
		}
	}
}

func (w *warner) rules(s *Snapshot) {
	var disabled findings
	shadows := newShadows(w.out, s)
	for i := range w.out.rules {
		r := &w.out.rules[i]
		if r.Disabled {
			disabled.add(r.nameAt, "rule ", r.Name, " is disabled")
			continue
		}
		switch state, by := shadows.check(i); state {
		case shadowed:
			w.add(RuleShadowed, r.nameAt, "Move it before them, or remove it.", "rule %s never decides: all that it matches is decided before, by %s", r.Name, w.ruleNames(by))
		case undecided:
			w.add(ShadowUndecided, r.nameAt, "Look for it in the hit counters.", "whether rule %s can ever decide was not found out", r.Name)
		case alive:
			if r.Action == Drop && r.initiators == none && r.targets == none && r.vsans == none {
				w.add(DropsEverything, r.nameAt, "", "rule %s drops all storage traffic that no rule before it matches", r.Name)
			}
		}
	}
	w.some(RuleDisabled, &disabled, "", "disabled rules")
}

// ruleNames lists rules with their lines, the first few of many.
func (w *warner) ruleNames(rules []int) string {
	var parts []string
	for i, n := range rules {
		if i == 3 {
			parts = append(parts, fmt.Sprintf("and %d more", len(rules)-i))
			break
		}
		part := w.out.rules[n].Name
		if line := w.report.Line(w.out.rules[n].at); line > 0 {
			part += fmt.Sprintf(" (line %d)", line)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}
