package policy

import (
	"cmp"
	"crypto/sha256"
	"slices"

	"fcredirect/dataplane/yamlconf"
)

// encoder writes the sections side by side; finish joins them.
type encoder struct {
	sections [numSections][]byte
	texts    map[string]uint32
}

// encode writes the flat form. anchored tells for each rule where it is anchored.
func encode(out *resolved, anchored []uint8, report *yamlconf.Report) []byte {
	e := &encoder{texts: make(map[string]uint32, 3*len(out.rules))}
	e.rules(out, anchored, report)
	e.services(out)
	e.wwnSets(out, anchored)
	e.vsanSets(out)
	e.firstByVSAN(out, anchored)
	e.aliases(out)
	return e.finish()
}

func (e *encoder) u16(section int, v uint16) {
	e.sections[section] = le.AppendUint16(e.sections[section], v)
}

func (e *encoder) u32(section int, vs ...uint32) {
	for _, v := range vs {
		e.sections[section] = le.AppendUint32(e.sections[section], v)
	}
}

func (e *encoder) u64(section int, v uint64) {
	e.sections[section] = le.AppendUint64(e.sections[section], v)
}

func (e *encoder) bytes(section int, b ...byte) {
	e.sections[section] = append(e.sections[section], b...)
}

// text writes a reference; equal texts are stored once.
func (e *encoder) text(section int, s string) {
	at, ok := e.texts[s]
	if !ok && s != "" {
		at = uint32(len(e.sections[secText]))
		e.sections[secText] = append(e.sections[secText], s...)
		e.texts[s] = at
	}
	e.u32(section, at, uint32(len(s)))
}

// index writes none as noIndex.
func index(i int) uint32 {
	if i == none {
		return noIndex
	}
	return uint32(i)
}

func (e *encoder) rules(out *resolved, anchored []uint8, report *yamlconf.Report) {
	e.sections[secRules] = make([]byte, 0, recordSize[secRules]*len(out.rules))
	for i := range out.rules {
		r := &out.rules[i]
		e.text(secRules, r.Name)
		e.text(secRules, conditionText(r.Initiator))
		e.text(secRules, conditionText(r.Target))
		e.text(secRules, r.Note)
		e.text(secRules, r.Ticket)
		e.u32(secRules, index(r.service), index(r.initiators), index(r.targets), index(r.vsans), uint32(report.Line(r.at)))
		var flags byte
		if r.CommandsOnly {
			flags |= flagCommandsOnly
		}
		if r.Disabled {
			flags |= flagDisabled
		}
		e.bytes(secRules, byte(r.Action), flags, byte(r.onFailure), anchored[i])
	}
}

func (e *encoder) services(out *resolved) {
	for _, s := range out.services {
		e.text(secServices, s.Name)
		e.text(secServices, s.Port)
		e.text(secServices, s.Note)
		e.bytes(secServices, s.mac[:]...)
		e.u16(secServices, s.VLAN)
		var hasMAC byte
		if s.hasMAC {
			hasMAC = 1
		}
		e.bytes(secServices, byte(s.Mode), byte(s.failureAnswer()), hasMAC, 0, 0, 0, 0, 0)
	}
}

// wwnSets writes the sets, their members, the rules anchored at them and both indexes.
func (e *encoder) wwnSets(out *resolved, anchored []uint8) {
	asInitiators := make([][]uint32, len(out.wwnSets))
	asTargets := make([][]uint32, len(out.wwnSets))
	for i := range out.rules {
		switch r := &out.rules[i]; anchored[i] {
		case anchorInitiator:
			asInitiators[r.initiators] = append(asInitiators[r.initiators], uint32(i))
		case anchorTarget:
			asTargets[r.targets] = append(asTargets[r.targets], uint32(i))
		}
	}
	members, listed := 0, 0
	for s, ps := range out.wwnSets {
		e.u32(secWWNSets, uint32(members), uint32(len(ps)), uint32(listed), uint32(len(asInitiators[s])), uint32(len(asTargets[s])), 0)
		members += len(ps)
		listed += len(asInitiators[s]) + len(asTargets[s])
		for _, p := range ps {
			e.u64(secMembers, uint64(p.Base))
			e.bytes(secMembers, p.Bits, 0, 0, 0, 0, 0, 0, 0)
		}
		for _, rules := range [][]uint32{asInitiators[s], asTargets[s]} {
			for _, rule := range rules {
				e.u32(secAnchored, rule)
				lo, hi := vsanSpan(out, &out.rules[rule])
				e.u16(secAnchored, lo)
				e.u16(secAnchored, hi)
			}
		}
	}
	e.index(secInitiatorIndex, secInitiatorLengths, out, asInitiators)
	e.index(secTargetIndex, secTargetLengths, out, asTargets)
}

// vsanSpan is the lowest and highest VSAN that a rule can match.
func vsanSpan(out *resolved, r *resolvedRule) (lo, hi uint16) {
	if r.vsans == none {
		return 0, vsanEnd - 1
	}
	ranges := out.vsanSets[r.vsans]
	return ranges[0].From, ranges[len(ranges)-1].To
}

// index writes the way from a prefix to the sets that hold it and have rules.
func (e *encoder) index(entries, lengths int, out *resolved, rules [][]uint32) {
	type entry struct {
		p   Prefix
		set int
	}
	var all []entry
	for s, ps := range out.wwnSets {
		if len(rules[s]) > 0 {
			for _, p := range ps {
				all = append(all, entry{p, s})
			}
		}
	}
	slices.SortFunc(all, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.p.Bits, b.p.Bits), cmp.Compare(a.p.Base, b.p.Base), cmp.Compare(a.set, b.set))
	})
	next := 0
	for bits := range numLengths {
		for next < len(all) && int(all[next].p.Bits) < bits {
			next++
		}
		e.u32(lengths, uint32(next))
	}
	for _, x := range all {
		e.u64(entries, uint64(x.p.Base))
		e.u32(entries, uint32(x.set), 0)
	}
}

func (e *encoder) vsanSets(out *resolved) {
	ranges := 0
	for _, rs := range out.vsanSets {
		e.u32(secVSANSets, uint32(ranges), uint32(len(rs)))
		ranges += len(rs)
		for _, r := range rs {
			e.u16(secRanges, r.From)
			e.u16(secRanges, r.To)
		}
	}
}

// firstByVSAN writes for each VSAN the first of the rules that are any to any.
func (e *encoder) firstByVSAN(out *resolved, anchored []uint8) {
	f := newFirstFill()
	for i := range out.rules {
		if anchored[i] != anchorVSAN {
			continue
		}
		if v := out.rules[i].vsans; v != none {
			for _, r := range out.vsanSets[v] {
				f.fill(r.From, r.To, uint32(i))
			}
		} else {
			f.fill(0, vsanEnd-1, uint32(i))
		}
	}
	e.u32(secFirstByVSAN, f.first[:]...)
}

// firstFill fills ranges of VSANs, each VSAN once: what was filled stays. It skips over
// what is filled, so that ten thousand rules for all VSANs cost no more than one.
type firstFill struct {
	first [vsanEnd]uint32
	next  [vsanEnd + 1]uint16 // at or above this VSAN, the next one not filled; shortened as used
}

func newFirstFill() *firstFill {
	f := new(firstFill)
	for v := range f.next {
		f.next[v] = uint16(v)
	}
	for v := range f.first {
		f.first[v] = noIndex
	}
	return f
}

func (f *firstFill) fill(from, to uint16, rule uint32) {
	for v := f.free(from); v <= to; v = f.free(v) {
		f.first[v] = rule
		f.next[v] = v + 1
	}
}

func (f *firstFill) free(v uint16) uint16 {
	for f.next[v] != v {
		f.next[v] = f.next[f.next[v]]
		v = f.next[v]
	}
	return v
}

// aliases writes names without looking for equal ones, which there are none of; a rule's
// condition may repeat one.
func (e *encoder) aliases(out *resolved) {
	e.sections[secAliases] = make([]byte, 0, recordSize[secAliases]*len(out.aliases))
	for _, a := range out.aliases {
		e.u64(secAliases, uint64(a.wwn))
		e.u32(secAliases, uint32(len(e.sections[secText])), uint32(len(a.name)))
		e.sections[secText] = append(e.sections[secText], a.name...)
	}
}

// finish joins the sections behind the header and signs them.
func (e *encoder) finish() []byte {
	size := headerSize
	for _, s := range e.sections {
		size = alignUp(size) + len(s)
	}
	flat := make([]byte, headerSize, size)
	copy(flat, magic)
	le.PutUint32(flat[8:], formatVersion)
	le.PutUint32(flat[12:], headerSize)
	le.PutUint64(flat[16:], uint64(size))
	for i, s := range e.sections {
		flat = append(flat, make([]byte, alignUp(len(flat))-len(flat))...)
		le.PutUint32(flat[hashEnd+8*i:], uint32(len(flat)))
		le.PutUint32(flat[hashEnd+8*i+4:], uint32(len(s)/recordSize[i]))
		flat = append(flat, s...)
	}
	sum := contentHash(flat)
	copy(flat[hashOffset:], sum[:])
	return flat
}

// contentHash is the hash of everything but the hash.
func contentHash(flat []byte) (sum [sha256.Size]byte) {
	h := sha256.New()
	h.Write(flat[:hashOffset])
	h.Write(flat[hashEnd:])
	h.Sum(sum[:0])
	return sum
}
