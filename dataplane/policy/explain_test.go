package policy

import (
	"fmt"
	"strings"
	"testing"

	"fcredirect/dataplane/frame"
)

func TestExplainSaysWhichRuleAndWhy(t *testing.T) {
	s := example(t)
	var b strings.Builder
	for _, q := range []struct {
		initiator, target string
		vsan              uint16
	}{
		{"oracle-1", "array-a", 0}, {"oracle-2", "array-b", 0}, {"backup", "array-a", 7}, {"20:00:02:fc:03:00:00:07", "array-b", 150},
		{"20:00:02:fc:05:00:00:01", "20:00:02:fc:05:00:00:02", 9}, {"", "array-b", 0},
	} {
		initiator, _ := s.Lookup(q.initiator)
		target, _ := s.Lookup(q.target)
		if err := s.Explain(initiator, target, q.vsan).WriteText(&b); err != nil {
			t.Fatal(err)
		}
		b.WriteString("\n")
	}
	compareGolden(t, "testdata/explain.golden", b.String())
}

func TestALongConditionIsCutInExplanations(t *testing.T) {
	var list []string
	for i := range 100 {
		list = append(list, frame.WWN(0x2000000000000001+uint64(i)).String())
	}
	s, _ := compiled(t, "policies:\n  - {name: r, match: {initiator: ["+strings.Join(list, ", ")+"]}, action: drop}\n")
	if got := s.Rule(0).Initiator; len(got) > 2*maxCondition || !strings.HasSuffix(got, ", …") {
		t.Errorf("condition %q", got)
	}
}

func TestWarningsSayWhatIsHardlyMeant(t *testing.T) {
	const head = `aliases: {a: 20:00:00:00:00:00:00:01, b: 20:00:00:00:00:00:00:02, c: 20:00:00:00:00:00:00:03}
services: [{name: s, mode: steer, port: p, mac: 02:00:00:00:00:01}, {name: m, mode: mirror, port: p}]
sets:
  ab: [a, b]
  twice: [a, b, a, 20:00:00:00:00:00:00:0*]
policies:
`
	var many strings.Builder
	many.WriteString("aliases:\n")
	for i := range 30 {
		fmt.Fprintf(&many, "  a%d: 20:00:00:00:00:00:00:%02x\n", i, i+1)
	}
	many.WriteString("policies: []\n")
	var undecided strings.Builder
	undecided.WriteString("policies:\n")
	// The corners of the last rule's box are matched before, and then one host after the
	// other, more than are subtracted.
	for i := range maxShadowSteps + 10 {
		fmt.Fprintf(&undecided, "  - {name: r%d, match: {initiator: 20:00:00:00:00:00:%02x:%02x}, action: forward}\n", i, i>>8, i&255)
	}
	undecided.WriteString("  - {name: top, match: {initiator: 20:00:00:00:00:00:ff:ff}, action: forward}\n  - {name: last, match: {initiator: 20:00:00:00:00:00:*}, action: drop}\n")
	var b strings.Builder
	for _, tt := range []struct{ name, text string }{
		{"unused", head + "  - {name: r, match: {initiator: ab}, action: redirect, service: s, disabled: true}\n"},
		{"shadowed by one", head + "  - {name: wide, match: {initiator: 20:00:*}, action: redirect, service: s}\n  - {name: narrow, match: {initiator: twice, target: c, vsan: 5}, action: mirror, service: m}\n"},
		{"shadowed by several", head + "  - {name: low, match: {vsan: 0-99}, action: redirect, service: s}\n  - {name: high, match: {vsan: 100-4094}, action: mirror, service: m}\n" +
			"  - {name: middle, match: {initiator: ab, target: twice, vsan: 50-150}, action: drop}\n  - {name: rest, match: {}, action: drop}\n  - {name: never, match: {initiator: c}, action: drop}\n"},
		{"a disabled rule shadows nothing", head + "  - {name: off, match: {}, action: drop, disabled: true}\n  - {name: on, match: {target: ab}, action: redirect, service: s}\n  - {name: copy, match: {initiator: [a, c, twice]}, action: mirror, service: m}\n"},
		{"many unused aliases are summed up", many.String()},
		{"patience runs out", undecided.String()},
	} {
		fmt.Fprintf(&b, "-- %s --\n", tt.name)
		_, warnings := compiled(t, tt.text)
		for _, w := range warnings {
			fmt.Fprintf(&b, "[%s] %s\n", w.Code, w.Error())
		}
	}
	compareGolden(t, "testdata/warnings.golden", b.String())
}
