package policy

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"fcredirect/dataplane/frame"
)

// Explanation says how a verdict came about, rule by rule. It is found by walking the
// rules, without the index that Evaluate uses.
type Explanation struct {
	Initiator, Target frame.WWN
	VSAN              uint16
	Verdict           Verdict
	Rules             []RuleExplanation // in the order of the policy

	s *Snapshot
}

// RuleExplanation says of one rule which of its conditions hold.
type RuleExplanation struct {
	Rule      int
	Initiator bool // the condition on the initiator holds
	Target    bool
	VSAN      bool
	Disabled  bool
	Decides   bool // the first enabled rule all of whose conditions hold
}

// Matches tells whether all conditions hold.
func (r *RuleExplanation) Matches() bool { return r.Initiator && r.Target && r.VSAN }

// Explain evaluates a pair and says why. The arguments are those of Evaluate.
func (s *Snapshot) Explain(initiator, target frame.WWN, vsan uint16) *Explanation {
	x := &Explanation{Initiator: initiator, Target: target, VSAN: vsan, Verdict: noMatch, s: s}
	x.Rules = make([]RuleExplanation, s.Rules())
	for i := range x.Rules {
		b := record(s.rules, secRules, i)
		x.Rules[i] = RuleExplanation{
			Rule:      i,
			Initiator: s.inSet(le.Uint32(b[ruleSetI:]), initiator),
			Target:    s.inSet(le.Uint32(b[ruleSetT:]), target),
			VSAN:      s.inRanges(le.Uint32(b[ruleSetV:]), min(vsan, vsanEnd-1)),
			Disabled:  b[ruleFlags]&flagDisabled != 0,
		}
		if r := &x.Rules[i]; x.Verdict.Rule == none && r.Matches() && !r.Disabled {
			r.Decides = true
			x.Verdict = s.verdictOf(b)
			x.Verdict.Rule = int32(i)
		}
	}
	return x
}

// Why says of one rule, in words, why it decides or not.
func (x *Explanation) Why(i int) string {
	r, info := &x.Rules[i], x.s.Rule(i)
	var failed []string
	if !r.Initiator {
		failed = append(failed, fmt.Sprintf("initiator is %s, not %s", x.s.portText(x.Initiator), info.Initiator))
	}
	if !r.Target {
		failed = append(failed, fmt.Sprintf("target is %s, not %s", x.s.portText(x.Target), info.Target))
	}
	if !r.VSAN {
		failed = append(failed, fmt.Sprintf("VSAN is %d, not %s", x.VSAN, info.VSAN))
	}
	why := "no: " + strings.Join(failed, "; ")
	switch {
	case r.Decides:
		why = fmt.Sprintf("decides: initiator %s, target %s, VSAN %s", info.Initiator, info.Target, info.VSAN)
	case r.Matches() && r.Disabled:
		return "disabled; it would match"
	case r.Matches():
		why = fmt.Sprintf("would match, but rule %s decided before", x.s.Rule(int(x.Verdict.Rule)).Name)
	case r.Disabled:
		why = "disabled; " + why
	}
	return why
}

// Outcome says the verdict in words.
func (x *Explanation) Outcome() string {
	v := x.Verdict
	if v.Rule == none {
		return "forward: no rule matches"
	}
	rule := x.s.Rule(int(v.Rule))
	out := v.Action.String()
	if v.Service != none {
		service := x.s.Service(int(v.Service))
		frames := ""
		if v.Action == Mirror {
			frames = " all frames"
			if v.CommandsOnly {
				frames = " commands"
			}
		}
		out += fmt.Sprintf("%s to service %s (port %s)", frames, service.Name, service.Port)
	}
	if v.Action == Redirect {
		out += ", " + v.OnFailure.String() + " on failure"
	}
	out += ": rule " + rule.Name
	if rule.Line > 0 {
		out += " in line " + strconv.Itoa(rule.Line)
	}
	return out
}

// WriteText writes the explanation for people: the pair, the verdict, then every rule.
func (x *Explanation) WriteText(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "%s -> %s, VSAN %d\n%s\n", x.s.portText(x.Initiator), x.s.portText(x.Target), x.VSAN, x.Outcome()); err != nil {
		return err
	}
	for i := range x.Rules {
		mark := " "
		if x.Rules[i].Decides {
			mark = "*"
		}
		if _, err := fmt.Fprintf(w, "%s %3d %s: %s\n", mark, i+1, x.s.Rule(i).Name, x.Why(i)); err != nil {
			return err
		}
	}
	return nil
}

// portText is a port with its alias.
func (s *Snapshot) portText(wwn frame.WWN) string {
	if wwn == 0 {
		return "unknown (matches any alone)"
	}
	if alias := s.AliasOf(wwn); alias != "" {
		return fmt.Sprintf("%s (%v)", alias, wwn)
	}
	return wwn.String()
}

// vsanText writes a set of VSANs as it could stand in a document.
func (s *Snapshot) vsanText(set uint32) string {
	if set == noIndex {
		return anyWord
	}
	b := record(s.vsanSets, secVSANSets, int(set))
	first, n := int(le.Uint32(b)), int(le.Uint32(b[4:]))
	var parts []string
	for r := first; r < first+n; r++ {
		from, to := le.Uint16(s.ranges[4*r:]), le.Uint16(s.ranges[4*r+2:])
		part := strconv.Itoa(int(from))
		if to > from {
			part += "-" + strconv.Itoa(int(to))
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}
