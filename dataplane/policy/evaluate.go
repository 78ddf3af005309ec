package policy

import (
	"math/bits"

	"fcredirect/dataplane/frame"
)

// Verdict is what the policy says about a flow.
type Verdict struct {
	Action       Action
	CommandsOnly bool      // Mirror: copy FCP_CMND frames alone
	OnFailure    OnFailure // Redirect: Bypass or Block; else Unsaid
	Service      int32     // Redirect, Mirror: number of the service; else -1
	Rule         int32     // number of the rule that matched; -1 when none did
}

// noMatch is the verdict when no rule matches.
var noMatch = Verdict{Action: Forward, Service: none, Rule: none}

// Evaluate returns the verdict on storage traffic between an initiator and a target: that
// of the first rule that matches, else Forward. A port whose WWPN is not known is 0, and
// matches only conditions that are any. vsan is the VSAN of the VFT header, else the VLAN,
// 0 without a tag.
//
// It does not allocate. The cost is a binary search for each end and prefix length in use,
// and a few nanoseconds for each rule that the better indexed of its ends leads to.
func (s *Snapshot) Evaluate(initiator, target frame.WWN, vsan uint16) Verdict {
	vsan = min(vsan, vsanEnd-1) // no range reaches up to it: it stands for all above
	best := le.Uint32(s.firstByVSAN[4*int(vsan):])
	best = s.firstMatch(&s.initiators, initiator, target, ruleSetT, vsan, best)
	best = s.firstMatch(&s.targets, target, initiator, ruleSetI, vsan, best)
	if best == noIndex {
		return noMatch
	}
	v := s.verdictOf(record(s.rules, secRules, int(best)))
	v.Rule = int32(best)
	return v
}

// verdictOf is the verdict of a rule's record, but for the rule's number.
func (s *Snapshot) verdictOf(b []byte) Verdict {
	return Verdict{
		Action:       Action(b[ruleAction]),
		CommandsOnly: b[ruleFlags]&flagCommandsOnly != 0,
		OnFailure:    OnFailure(b[ruleOnFailure]),
		Service:      int32(le.Uint32(b[ruleService:])),
	}
}

// firstMatch returns the first matching rule among those anchored at own, if it comes
// before best; else best. otherSet is where a rule keeps its set for the other end.
func (s *Snapshot) firstMatch(ix *wwnIndex, own, other frame.WWN, otherSet int, vsan uint16, best uint32) uint32 {
	if own == 0 {
		return best
	}
	for lengths := ix.lengths; lengths != 0; lengths &= lengths - 1 {
		length := bits.TrailingZeros64(lengths) + 1
		key := uint64(own &^ lowMask(uint8(length)))
		lo, end := int(le.Uint32(ix.starts[4*length:])), int(le.Uint32(ix.starts[4*length+4:]))
		for hi := end; lo < hi; {
			mid := int(uint(lo+hi) / 2)
			if le.Uint64(ix.entries[16*mid:]) < key {
				lo = mid + 1
			} else {
				hi = mid
			}
		}
		for ; lo < end && le.Uint64(ix.entries[16*lo:]) == key; lo++ {
			for list := s.ruleList(ix, int(le.Uint32(ix.entries[16*lo+8:]))); len(list) >= 8; list = list[8:] {
				rule := le.Uint32(list)
				if rule >= best {
					break
				}
				if vsan < le.Uint16(list[4:]) || vsan > le.Uint16(list[6:]) {
					continue
				}
				b := record(s.rules, secRules, int(rule))
				if s.inRanges(le.Uint32(b[ruleSetV:]), vsan) && s.inSet(le.Uint32(b[otherSet:]), other) {
					best = rule
					break
				}
			}
		}
	}
	return best
}

// ruleList returns the rules anchored at a set, as the end that the index is of.
func (s *Snapshot) ruleList(ix *wwnIndex, set int) []byte {
	b := record(s.wwnSets, secWWNSets, set)
	from, n := int(le.Uint32(b[8:])), int(le.Uint32(b[ix.list:]))
	if ix.list == 16 {
		from += int(le.Uint32(b[12:])) // targets stand behind initiators
	}
	return s.anchored[8*from : 8*(from+n)]
}

// inSet tells whether a WWN is in a set; noIndex is the set of everything.
func (s *Snapshot) inSet(set uint32, wwn frame.WWN) bool {
	if set == noIndex {
		return true
	}
	if wwn == 0 {
		return false
	}
	b := record(s.wwnSets, secWWNSets, int(set))
	first, n := int(le.Uint32(b)), int(le.Uint32(b[4:]))
	members := s.members[16*first : 16*(first+n)]
	lo := 0 // members below lo start at or below wwn
	for hi := n; lo < hi; {
		mid := int(uint(lo+hi) / 2)
		if le.Uint64(members[16*mid:]) <= uint64(wwn) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == 0 {
		return false
	}
	m := members[16*(lo-1):]
	return uint64(wwn&^lowMask(m[8])) == le.Uint64(m)
}

// inRanges tells whether a VSAN is in a set of ranges; noIndex is the set of everything.
func (s *Snapshot) inRanges(set uint32, vsan uint16) bool {
	if set == noIndex {
		return true
	}
	b := record(s.vsanSets, secVSANSets, int(set))
	first, n := int(le.Uint32(b)), int(le.Uint32(b[4:]))
	ranges := s.ranges[4*first : 4*(first+n)]
	lo := 0
	for hi := n; lo < hi; {
		mid := int(uint(lo+hi) / 2)
		if le.Uint16(ranges[4*mid:]) <= vsan {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo > 0 && vsan <= le.Uint16(ranges[4*lo-2:])
}
