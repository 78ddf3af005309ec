package policy

// Compile goes through these stages, in this order:
//
//	1. resolve  look up names, parse addresses, intern sets    (resolve.go)
//	2. anchor   choose where Evaluate finds each rule           (here)
//	3. encode   write the sections                              (encode.go)
//	4. open     check the result as any other flat bytes        (open.go)
//	5. warn     what is allowed but hardly meant                (warn.go, shadow.go)

import (
	"fmt"

	"fcredirect/dataplane/yamlconf"
)

// Compile checks a document and makes its flat form. The error is a *yamlconf.Errors with
// all that is wrong. Warnings are worth showing, and no reason not to apply the policy.
func Compile(doc *Document) (flat []byte, warnings []Warning, err error) {
	name := doc.name
	if name == "" {
		name = "policy"
	}
	report := yamlconf.NewReport(name, doc.text)
	out := resolve(doc, report)
	if report.Failed() {
		return nil, nil, report.Err()
	}
	flat = encode(out, anchors(out), report)
	if len(flat) > MaxFlat {
		report.Errorf(yamlconf.Span{}, "Shorten notes, or use masks instead of long lists.", "the compiled policy has %d bytes, more than %d", len(flat), MaxFlat)
		return nil, nil, report.Err()
	}
	s, err := Open(flat)
	if err != nil {
		// Not the document's fault: the encoder and the validator disagree.
		panic(fmt.Sprintf("policy: compiled %d rules into what does not open: %v", len(out.rules), err))
	}
	return flat, warn(out, s, report), nil
}

// anchors chooses for each rule where Evaluate finds it. A rule with conditions on both ends
// hangs on the one that leads to fewer rules: ten thousand rules for one array hang on their
// hosts, and the array's name alone finds none of them.
func anchors(out *resolved) []uint8 {
	byInitiator := crowding(out, func(r *resolvedRule) int { return r.initiators })
	byTarget := crowding(out, func(r *resolvedRule) int { return r.targets })
	chosen := make([]uint8, len(out.rules))
	for i := range out.rules {
		r := &out.rules[i]
		switch {
		case r.Disabled:
			chosen[i] = anchorNone
		case r.initiators == none && r.targets == none:
			chosen[i] = anchorVSAN
		case r.targets == none || r.initiators != none && byInitiator[r.initiators] <= byTarget[r.targets]:
			chosen[i] = anchorInitiator
		default:
			chosen[i] = anchorTarget
		}
	}
	return chosen
}

// crowding tells for each set how many rules the most crowded of its members leads to, on
// the end that set returns.
func crowding(out *resolved, set func(*resolvedRule) int) []int {
	rules := make([]int, len(out.wwnSets))
	for i := range out.rules {
		if s := set(&out.rules[i]); s != none && !out.rules[i].Disabled {
			rules[s]++
		}
	}
	// An exact member also meets the masks around it; that is left out, it only makes the
	// choice less good.
	perMember := make(map[Prefix]int)
	for s, members := range out.wwnSets {
		if rules[s] > 0 {
			for _, m := range members {
				perMember[m] += rules[s]
			}
		}
	}
	worst := make([]int, len(out.wwnSets))
	for s, members := range out.wwnSets {
		if rules[s] > 0 {
			for _, m := range members {
				worst[s] = max(worst[s], perMember[m])
			}
		}
	}
	return worst
}
