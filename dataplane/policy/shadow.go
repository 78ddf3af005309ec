package policy

import (
	"fmt"
	"math"
	"slices"

	"fcredirect/dataplane/frame"
)

// A rule is shadowed when every pair that matches it matches an earlier enabled rule. To
// find that out, the rule's pairs are taken as a box with three sides (initiators, targets,
// VSANs; each a list of intervals) and one corner of the box is given to Evaluate. If the
// rule itself is the answer, it is alive. Else the answer is an earlier rule, whose own box
// is cut out, which leaves up to three smaller boxes; and so on until the rule is the answer
// or nothing is left. Both answers are exact, also when only several earlier rules together
// cover the rule. What can fail is patience: a rule that is cut into pieces more than
// maxShadowSteps times, or a document that takes more than maxShadowWork, stays undecided,
// which is a warning of its own.

// interval is a range of numbers, both ends included.
type interval struct{ lo, hi uint64 }

// box is a product of three sides. Sides are sorted, disjoint, and never empty.
type box struct{ initiators, targets, vsans []interval }

// everyPort is the side of "any": all WWNs, and 0 for a port that is not known.
var everyPort = []interval{{0, math.MaxUint64}}

// everyVSAN is the side of "any": 4,095 stands for what no range reaches.
var everyVSAN = []interval{{0, vsanEnd - 1}}

type shadow int

const (
	alive shadow = iota
	shadowed
	undecided
)

// shadows finds shadowed rules in one document.
type shadows struct {
	s     *Snapshot
	ports [][]interval // by WWN set
	vsans [][]interval // by VSAN set
	rules []resolvedRule
	work  int
}

func newShadows(out *resolved, s *Snapshot) *shadows {
	x := &shadows{s: s, rules: out.rules, ports: make([][]interval, len(out.wwnSets)), vsans: make([][]interval, len(out.vsanSets))}
	for i, members := range out.wwnSets {
		for _, p := range members {
			// 0 is no port, so a mask does not contain it.
			x.ports[i] = append(x.ports[i], interval{max(1, uint64(p.Base)), uint64(p.Last())})
		}
	}
	for i, ranges := range out.vsanSets {
		for _, r := range ranges {
			x.vsans[i] = append(x.vsans[i], interval{uint64(r.From), uint64(r.To)})
		}
	}
	return x
}

func (x *shadows) box(rule int) box {
	r := &x.rules[rule]
	b := box{everyPort, everyPort, everyVSAN}
	if r.initiators != none {
		b.initiators = x.ports[r.initiators]
	}
	if r.targets != none {
		b.targets = x.ports[r.targets]
	}
	if r.vsans != none {
		b.vsans = x.vsans[r.vsans]
	}
	return b
}

// check tells whether an enabled rule is shadowed, and by which rules.
func (x *shadows) check(rule int) (shadow, []int) {
	var by []int
	left := []box{x.box(rule)}
	for steps := 0; len(left) > 0; steps++ {
		if steps == maxShadowSteps || x.work > maxShadowWork {
			return undecided, nil
		}
		b := left[len(left)-1]
		left = left[:len(left)-1]
		winner := x.winner(b, first)
		if winner != rule {
			// Another corner costs little and saves cutting where small rules stand before
			// a large one.
			if x.winner(b, last) == rule {
				return alive, nil
			}
			if !slices.Contains(by, winner) {
				by = append(by, winner)
			}
			left = x.cut(left, b, x.box(winner))
			continue
		}
		return alive, nil
	}
	slices.Sort(by)
	return shadowed, by
}

func first(side []interval) uint64 { return side[0].lo }
func last(side []interval) uint64  { return side[len(side)-1].hi }

// winner evaluates one corner of a box. The box is part of a rule, so some rule matches.
func (x *shadows) winner(b box, corner func([]interval) uint64) int {
	x.work += 8
	v := x.s.Evaluate(frame.WWN(corner(b.initiators)), frame.WWN(corner(b.targets)), uint16(corner(b.vsans)))
	if v.Rule == none {
		panic(fmt.Sprintf("policy: no rule matches a corner of a rule's own box: %d %d %d", corner(b.initiators), corner(b.targets), corner(b.vsans)))
	}
	return int(v.Rule)
}

// cut appends what is left of b without c.
func (x *shadows) cut(left []box, b, c box) []box {
	add := func(i, t, v []interval) {
		if len(i) > 0 && len(t) > 0 && len(v) > 0 {
			left = append(left, box{i, t, v})
		}
	}
	inI, outI := x.split(b.initiators, c.initiators)
	inT, outT := x.split(b.targets, c.targets)
	_, outV := x.split(b.vsans, c.vsans)
	add(outI, b.targets, b.vsans)
	add(inI, outT, b.vsans)
	add(inI, inT, outV)
	return left
}

// split divides a side into what is inside and outside of another.
func (x *shadows) split(a, b []interval) (in, out []interval) {
	if &a[0] == &b[0] && len(a) == len(b) {
		return a, nil // the same set, the usual case
	}
	x.work += len(a) + len(b)
	j := 0
	for _, r := range a {
		lo := r.lo
		for j < len(b) && b[j].hi < lo {
			j++
		}
		for k := j; ; k++ {
			if k == len(b) || b[k].lo > r.hi {
				out = append(out, interval{lo, r.hi})
				break
			}
			if b[k].lo > lo {
				out = append(out, interval{lo, b[k].lo - 1})
				lo = b[k].lo
			}
			in = append(in, interval{lo, min(r.hi, b[k].hi)})
			if b[k].hi >= r.hi {
				break
			}
			lo = b[k].hi + 1
		}
	}
	return in, out
}
