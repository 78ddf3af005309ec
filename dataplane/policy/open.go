package policy

import (
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"fcredirect/dataplane/frame"
)

// Open checks flat bytes and returns the Snapshot over them. The hash tells a torn copy
// from a whole one; everything else is checked because a hash can be made for anything:
// afterwards every offset is inside, every list in order, and every index exactly what the
// rules call for, so that nothing that reads the Snapshot has to check again.
//
// flat must not change afterwards. Open allocates the Snapshot and nothing that grows with
// the policy.
func Open(flat []byte) (*Snapshot, error) {
	s, err := open(flat)
	if err != nil {
		return nil, fmt.Errorf("open compiled policy: %w", err)
	}
	return s, nil
}

func open(flat []byte) (*Snapshot, error) {
	if err := checkHeader(flat); err != nil {
		return nil, err
	}
	sections, err := cutSections(flat)
	if err != nil {
		return nil, err
	}
	s := &Snapshot{
		size:  len(flat),
		rules: sections[secRules], services: sections[secServices], wwnSets: sections[secWWNSets], members: sections[secMembers],
		vsanSets: sections[secVSANSets], ranges: sections[secRanges], anchored: sections[secAnchored],
		firstByVSAN: sections[secFirstByVSAN], aliases: sections[secAliases], text: sections[secText],
		initiators: wwnIndex{entries: sections[secInitiatorIndex], starts: sections[secInitiatorLengths], list: 12},
		targets:    wwnIndex{entries: sections[secTargetIndex], starts: sections[secTargetLengths], list: 16},
	}
	s.hash = [32]byte(flat[hashOffset:hashEnd])
	for _, check := range []func() error{
		s.checkCounts, s.checkText, s.checkServices, s.checkSets, s.checkRanges, s.checkRules, s.checkAnchors, s.checkFirstByVSAN, s.checkAliases,
		func() error { return s.checkIndex(&s.initiators) },
		func() error { return s.checkIndex(&s.targets) },
	} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func checkHeader(flat []byte) error {
	switch {
	case len(flat) < headerSize:
		return fmt.Errorf("%d bytes are too few", len(flat))
	case string(flat[:8]) != magic:
		return errors.New("the magic number is wrong; this is no compiled policy")
	case le.Uint32(flat[8:]) != formatVersion:
		return fmt.Errorf("format %d is not %d; compile the policy with this version", le.Uint32(flat[8:]), formatVersion)
	case le.Uint32(flat[12:]) != headerSize:
		return fmt.Errorf("header of %d bytes", le.Uint32(flat[12:]))
	case le.Uint64(flat[16:]) != uint64(len(flat)) || len(flat) > MaxFlat:
		return fmt.Errorf("%d bytes, the header says %d", len(flat), le.Uint64(flat[16:]))
	case contentHash(flat) != [32]byte(flat[hashOffset:hashEnd]):
		return errors.New("the hash does not fit the content; the copy is torn")
	}
	return zero(flat[hashEnd+8*numSections : headerSize])
}

func zero(b []byte) error {
	for _, c := range b {
		if c != 0 {
			return errors.New("padding is not zero")
		}
	}
	return nil
}

// cutSections checks that the sections follow each other without gap or overlap.
func cutSections(flat []byte) (out [numSections][]byte, err error) {
	at := headerSize
	for i := range out {
		from, n := int(le.Uint32(flat[hashEnd+8*i:])), int(le.Uint32(flat[hashEnd+8*i+4:]))
		if from != alignUp(at) || from > len(flat) || n > (len(flat)-from)/recordSize[i] {
			return out, fmt.Errorf("section %d lies at %d with %d records", i, from, n)
		}
		if err := zero(flat[at:from]); err != nil {
			return out, err
		}
		at = from + n*recordSize[i]
		out[i] = flat[from:at:at]
	}
	if at != len(flat) {
		return out, fmt.Errorf("%d bytes behind the last section", len(flat)-at)
	}
	return out, nil
}

func count(section []byte, kind int) int { return len(section) / recordSize[kind] }

func (s *Snapshot) checkCounts() error {
	for _, c := range []struct {
		what    string
		n, most int
	}{
		{"rules", s.Rules(), MaxRules}, {"services", s.Services(), MaxServices}, {"aliases", s.Aliases(), MaxAliases},
		{"members", count(s.members, secMembers), MaxMembers}, {"anchored rules", count(s.anchored, secAnchored), MaxRules},
	} {
		if c.n > c.most {
			return fmt.Errorf("%d %s, more than %d", c.n, c.what, c.most)
		}
	}
	if count(s.firstByVSAN, secFirstByVSAN) != vsanEnd ||
		count(s.initiators.starts, secInitiatorLengths) != numLengths || count(s.targets.starts, secTargetLengths) != numLengths {
		return errors.New("a table has the wrong size")
	}
	return nil
}

// checkText checks every reference to a text, and that texts are UTF-8: cut anywhere
// between two characters they stay so, cut inside one a reference is refused.
func (s *Snapshot) checkText() error {
	if !utf8.Valid(s.text) {
		return errors.New("the text is not UTF-8")
	}
	for _, t := range []struct {
		section []byte
		kind    int
		refs    []int
	}{
		{s.rules, secRules, []int{ruleName, ruleInitiators, ruleTargets, ruleNote, ruleTicket}},
		{s.services, secServices, []int{serviceName, servicePort, serviceNote}},
		{s.aliases, secAliases, []int{8}},
	} {
		for i := range count(t.section, t.kind) {
			b := record(t.section, t.kind, i)
			for _, at := range t.refs {
				from, n := uint64(le.Uint32(b[at:])), uint64(le.Uint32(b[at+4:]))
				if from+n > uint64(len(s.text)) || !s.boundary(from) || !s.boundary(from+n) {
					return fmt.Errorf("a text lies at %d with %d bytes", from, n)
				}
			}
		}
	}
	return nil
}

// boundary tells whether no character of the text is cut at this offset.
func (s *Snapshot) boundary(at uint64) bool {
	return at == uint64(len(s.text)) || utf8.RuneStart(s.text[at])
}

func (s *Snapshot) checkServices() error {
	for i := range s.Services() {
		b := record(s.services, secServices, i)
		info := s.Service(i)
		switch {
		case info.Mode > ModeMirror, info.OnFailure != Bypass && info.OnFailure != Block, info.VLAN > MaxVSAN, b[serviceHasMAC] > 1,
			info.Mode == ModeSteer && !info.HasMAC, !info.HasMAC && info.MAC != frame.MAC{}, info.HasMAC && info.MAC[0]&1 != 0:
			return fmt.Errorf("service %d is not valid", i)
		}
		if err := zero(b[serviceHasMAC+1:]); err != nil {
			return err
		}
	}
	return nil
}

// checkSets checks that the sets share out members and anchored rules without gap or
// overlap, and that members are disjoint and in order.
func (s *Snapshot) checkSets() error {
	members, listed := uint64(0), uint64(0)
	for i := range count(s.wwnSets, secWWNSets) {
		b := record(s.wwnSets, secWWNSets, i)
		n, asI, asT := uint64(le.Uint32(b[4:])), uint64(le.Uint32(b[12:])), uint64(le.Uint32(b[16:]))
		if n == 0 || uint64(le.Uint32(b)) != members || uint64(le.Uint32(b[8:])) != listed || le.Uint32(b[20:]) != 0 {
			return fmt.Errorf("WWN set %d is not valid", i)
		}
		members += n
		listed += asI + asT
		if members > uint64(count(s.members, secMembers)) || listed > uint64(count(s.anchored, secAnchored)) {
			return fmt.Errorf("WWN set %d is not valid", i)
		}
		free := uint64(0) // lowest WWN not covered yet
		for m := members - n; m < members; m++ {
			b := record(s.members, secMembers, int(m))
			p := Prefix{frame.WWN(le.Uint64(b)), b[8]}
			if p.Bits < 1 || p.Bits > 64 || p.Base&lowMask(p.Bits) != 0 || uint64(p.Base) < free || p.Bits == 64 && p.Base == 0 ||
				free == 0 && m > members-n {
				return fmt.Errorf("member %d is not valid", m)
			}
			free = uint64(p.Last()) + 1 // 0 again behind the very last WWN: then nothing may follow
			if err := zero(b[9:]); err != nil {
				return err
			}
		}
	}
	if members != uint64(count(s.members, secMembers)) || listed != uint64(count(s.anchored, secAnchored)) {
		return errors.New("members or anchored rules without a set")
	}
	return nil
}

func (s *Snapshot) checkRanges() error {
	total := uint64(0)
	for i := range count(s.vsanSets, secVSANSets) {
		b := record(s.vsanSets, secVSANSets, i)
		n := uint64(le.Uint32(b[4:]))
		if n == 0 || uint64(le.Uint32(b)) != total || total+n > uint64(count(s.ranges, secRanges)) {
			return fmt.Errorf("VSAN set %d is not valid", i)
		}
		last := -2
		for r := total; r < total+n; r++ {
			from, to := int(le.Uint16(s.ranges[4*r:])), int(le.Uint16(s.ranges[4*r+2:]))
			if from <= last+1 || from > to || to > MaxVSAN {
				return fmt.Errorf("VSAN range %d is not valid", r)
			}
			last = to
		}
		total += n
	}
	if total != uint64(count(s.ranges, secRanges)) {
		return errors.New("VSAN ranges without a set")
	}
	return nil
}

func (s *Snapshot) checkRules() error {
	inside := func(i uint32, n int) bool { return i == noIndex || uint64(i) < uint64(n) }
	for i := range s.Rules() {
		b := record(s.rules, secRules, i)
		r := s.verdictOf(b)
		setI, setT := le.Uint32(b[ruleSetI:]), le.Uint32(b[ruleSetT:])
		disabled := b[ruleFlags]&flagDisabled != 0
		ok := b[ruleFlags] < 4 && r.Action <= Drop && le.Uint32(b[ruleLine:]) <= math.MaxInt32 &&
			inside(le.Uint32(b[ruleService:]), s.Services()) && inside(le.Uint32(b[ruleSetV:]), count(s.vsanSets, secVSANSets)) &&
			inside(setI, count(s.wwnSets, secWWNSets)) && inside(setT, count(s.wwnSets, secWWNSets))
		switch b[ruleAnchor] {
		case anchorNone:
			ok = ok && disabled
		case anchorInitiator:
			ok = ok && !disabled && setI != noIndex
		case anchorTarget:
			ok = ok && !disabled && setT != noIndex
		case anchorVSAN:
			ok = ok && !disabled && setI == noIndex && setT == noIndex
		default:
			ok = false
		}
		if !ok || !s.fits(r) {
			return fmt.Errorf("rule %d is not valid", i)
		}
	}
	return nil
}

// fits checks a rule's action against its service. The service's number was checked.
func (s *Snapshot) fits(v Verdict) bool {
	if v.CommandsOnly && v.Action != Mirror {
		return false
	}
	switch v.Action {
	case Redirect:
		return v.Service >= 0 && s.modeOf(v.Service) == ModeSteer && (v.OnFailure == Bypass || v.OnFailure == Block)
	case Mirror:
		return v.Service >= 0 && s.modeOf(v.Service) == ModeMirror && v.OnFailure == Unsaid
	}
	return v.Service == none && v.OnFailure == Unsaid
}

func (s *Snapshot) modeOf(service int32) Mode {
	return Mode(record(s.services, secServices, int(service))[serviceMode])
}

// checkAnchors checks that each rule stands in the list of the set it is anchored at, once,
// and nowhere else.
func (s *Snapshot) checkAnchors() error {
	anchored := 0
	for i := range s.Rules() {
		if a := s.rules[64*i+ruleAnchor]; a == anchorInitiator || a == anchorTarget {
			anchored++
		}
	}
	if anchored != count(s.anchored, secAnchored) {
		return errors.New("anchored rules are missing")
	}
	for set := range count(s.wwnSets, secWWNSets) {
		for _, end := range []struct {
			ix     *wwnIndex
			anchor byte
			setAt  int
		}{{&s.initiators, anchorInitiator, ruleSetI}, {&s.targets, anchorTarget, ruleSetT}} {
			last := -1
			for list := s.ruleList(end.ix, set); len(list) > 0; list = list[8:] {
				rule := int(le.Uint32(list))
				if rule <= last || rule >= s.Rules() {
					return fmt.Errorf("WWN set %d has a list that is not valid", set)
				}
				b := record(s.rules, secRules, rule)
				if b[ruleAnchor] != end.anchor || int(le.Uint32(b[end.setAt:])) != set {
					return fmt.Errorf("rule %d is anchored elsewhere than at WWN set %d", rule, set)
				}
				if lo, hi := s.vsanSpan(le.Uint32(b[ruleSetV:])); lo != le.Uint16(list[4:]) || hi != le.Uint16(list[6:]) {
					return fmt.Errorf("rule %d is anchored with other VSANs than it has", rule)
				}
				last = rule
			}
		}
	}
	return nil
}

// vsanSpan is the lowest and highest VSAN of a set of ranges.
func (s *Snapshot) vsanSpan(set uint32) (lo, hi uint16) {
	if set == noIndex {
		return 0, vsanEnd - 1
	}
	b := record(s.vsanSets, secVSANSets, int(set))
	first, n := int(le.Uint32(b)), int(le.Uint32(b[4:]))
	return le.Uint16(s.ranges[4*first:]), le.Uint16(s.ranges[4*(first+n)-2:])
}

// checkIndex checks that an index holds each member of each set with rules, once, in order,
// and nothing else; and notes which prefix lengths there are.
func (s *Snapshot) checkIndex(ix *wwnIndex) error {
	n := len(ix.entries) / 16
	if le.Uint32(ix.starts) != 0 || le.Uint32(ix.starts[4:]) != 0 || int(le.Uint32(ix.starts[4*(numLengths-1):])) != n {
		return errors.New("an index is not valid")
	}
	for length := 1; length <= 64; length++ {
		from, to := int(le.Uint32(ix.starts[4*length:])), int(le.Uint32(ix.starts[4*length+4:]))
		if from > to || to > n {
			return errors.New("an index is not valid")
		}
		if from < to {
			ix.lengths |= 1 << (length - 1)
		}
		for i := from; i < to; i++ {
			base, set := le.Uint64(ix.entries[16*i:]), le.Uint32(ix.entries[16*i+8:])
			if base&uint64(lowMask(uint8(length))) != 0 || int(set) >= count(s.wwnSets, secWWNSets) || le.Uint32(ix.entries[16*i+12:]) != 0 {
				return fmt.Errorf("index entry %d is not valid", i)
			}
			if i > from {
				before, setBefore := le.Uint64(ix.entries[16*i-16:]), le.Uint32(ix.entries[16*i-8:])
				if base < before || base == before && set <= setBefore {
					return fmt.Errorf("index entry %d is out of order", i)
				}
			}
		}
	}
	// Entries are different from each other; so if each member is found and there are as
	// many entries as members, there is no other entry.
	expected := 0
	for set := range count(s.wwnSets, secWWNSets) {
		if len(s.ruleList(ix, set)) == 0 {
			continue
		}
		b := record(s.wwnSets, secWWNSets, set)
		first, members := int(le.Uint32(b)), int(le.Uint32(b[4:]))
		for m := first; m < first+members; m++ {
			if !ix.holds(le.Uint64(s.members[16*m:]), int(s.members[16*m+8]), uint32(set)) {
				return fmt.Errorf("member %d is not in an index", m)
			}
		}
		expected += members
	}
	if expected != n {
		return errors.New("an index holds more than the sets")
	}
	return nil
}

// holds tells whether the index has this entry.
func (ix *wwnIndex) holds(base uint64, length int, set uint32) bool {
	lo, end := int(le.Uint32(ix.starts[4*length:])), int(le.Uint32(ix.starts[4*length+4:]))
	for hi := end; lo < hi; {
		mid := int(uint(lo+hi) / 2)
		b, st := le.Uint64(ix.entries[16*mid:]), le.Uint32(ix.entries[16*mid+8:])
		if b < base || b == base && st < set {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo < end && le.Uint64(ix.entries[16*lo:]) == base && le.Uint32(ix.entries[16*lo+8:]) == set
}

// checkFirstByVSAN makes the table again out of the rules.
func (s *Snapshot) checkFirstByVSAN() error {
	f := newFirstFill()
	for i := range s.Rules() {
		b := record(s.rules, secRules, i)
		if b[ruleAnchor] != anchorVSAN {
			continue
		}
		v := le.Uint32(b[ruleSetV:])
		if v == noIndex {
			f.fill(0, vsanEnd-1, uint32(i))
			continue
		}
		set := record(s.vsanSets, secVSANSets, int(v))
		first, n := int(le.Uint32(set)), int(le.Uint32(set[4:]))
		for r := first; r < first+n; r++ {
			f.fill(le.Uint16(s.ranges[4*r:]), le.Uint16(s.ranges[4*r+2:]), uint32(i))
		}
	}
	for v, rule := range f.first {
		if le.Uint32(s.firstByVSAN[4*v:]) != rule {
			return fmt.Errorf("the first rule for VSAN %d is not valid", v)
		}
	}
	return nil
}

func (s *Snapshot) checkAliases() error {
	for i := range s.Aliases() {
		b := record(s.aliases, secAliases, i)
		if wwn := le.Uint64(b); wwn == 0 || le.Uint32(b[12:]) == 0 || i > 0 && wwn <= le.Uint64(s.aliases[16*i-16:]) {
			return fmt.Errorf("alias %d is not valid", i)
		}
	}
	return nil
}
