package replica

import "fcredirect/mgmt/peer/record"

// kinds is how many kinds a handle can name.
const kinds = 16

// A set has the records of one stream: rows, their history, their digests. Tables have one for each stream, and a unit
// that is staged is one too, so that a unit which replaces everything is applied by taking its place.
type set struct {
	slabs   [kinds]*slab // nil until there is one of the kind
	history history
	graves  []grave // tombstones in the order of versions; stale when the row is another by now
	rows    int     // live and gone
	gone    int
	digests bool // buckets are kept
	buckets [Buckets]Digest
	cuts    []*Cut // that are open
	touched uint64 // see touch: the compiler must not leave it out
}

type grave struct {
	version uint64
	handle  uint32
}

// A place is where the row of a key is, or would be.
type place struct {
	key   record.Key
	name  name
	slab  *slab
	slot  uint32
	row   []uint64 // if found
	found bool
}

func handleOf(kind record.Kind, slot uint32) uint32 { return uint32(kind)<<slotBits | slot }

// at is the slab and the row of a handle.
func (s *set) at(handle uint32) (*slab, []uint64) {
	b := s.slabs[handle>>slotBits]
	return b, b.row(handle & slotMask)
}

// placed is the place of a row that there is.
func (s *set) placed(handle uint32) place {
	b, row := s.at(handle)
	key := record.Key{Kind: b.kind, ID: row[rowID]}
	return place{key: key, name: nameOf(key), slab: b, slot: handle & slotMask, row: row, found: true}
}

func (s *set) find(key record.Key) place {
	b := s.slabs[key.Kind]
	if b == nil {
		b = newSlab(key.Kind)
		s.slabs[key.Kind] = b
	}
	p := place{key: key, name: nameOf(key), slab: b}
	if p.slot, p.found = b.find(p.name); p.found {
		p.row = b.row(p.slot)
	}
	return p
}

func (s *set) get(key record.Key) (r record.Record, known bool) {
	b := s.slabs[key.Kind]
	if b == nil {
		return r, false
	}
	slot, found := b.find(nameOf(key))
	if found {
		b.load(&r, b.row(slot))
	}
	return r, found
}

// write makes a row what is given. The history is the caller's.
func (s *set) write(p *place, version uint64, gone bool, fields []uint64) (handle uint32) {
	if !p.found {
		p.slot = p.slab.add(p.name)
		p.row, p.found = p.slab.row(p.slot), true
		s.rows++
	} else {
		s.leave(p)
	}
	row := p.row
	row[rowVersion] = version << 1
	own := row[rowFields : rowFields+p.slab.fields]
	n := copy(own, fields)
	clear(own[n:])
	if gone {
		row[rowVersion] |= 1
		s.gone++
		return handleOf(p.key.Kind, p.slot)
	}
	p.slab.live++
	if s.digests {
		s.buckets[p.name.bucket].add(mix(p.key.Kind, p.key.ID, version, own))
	}
	return handleOf(p.key.Kind, p.slot)
}

// leave takes what a row was out of the sums, and saves it for cuts that have not come to it.
func (s *set) leave(p *place) {
	was := p.row[rowVersion]
	for _, c := range s.cuts {
		c.save(p.slab, p.row)
	}
	if was&1 != 0 {
		s.gone--
		return
	}
	p.slab.live--
	if s.digests {
		s.buckets[p.name.bucket].sub(mix(p.key.Kind, p.key.ID, was>>1, p.row[rowFields:rowFields+p.slab.fields]))
	}
}

// change is write as the latest change of all.
func (s *set) change(p *place, version uint64, gone bool, fields []uint64) {
	handle := s.write(p, version, gone, fields)
	if gone {
		s.bury(version, handle)
	}
	if s.history.append(version, handle) {
		s.history.tidy(s.rows, s.stale)
	}
}

func (s *set) remove(p *place) {
	s.leave(p)
	p.slab.remove(p.slot, p.name)
	p.found, p.row = false, nil
	s.rows--
}

func (s *set) stale(version uint64, handle uint32) bool {
	_, row := s.at(handle)
	return row[rowVersion]>>1 != version
}

func (s *set) bury(version uint64, handle uint32) {
	if len(s.graves) >= 2*s.gone+64 {
		kept := s.graves[:0]
		for _, g := range s.graves {
			if s.dead(g) {
				kept = append(kept, g)
			}
		}
		s.graves = kept
	}
	s.graves = append(s.graves, grave{version, handle})
}

// dead says whether the tombstone is still one.
func (s *set) dead(g grave) bool {
	_, row := s.at(g.handle)
	return row[rowVersion] == g.version<<1|1
}

// collect forgets the tombstones up to a version, but at most max, and returns how many and the highest of them.
func (s *set) collect(upTo uint64, max int) (n int, highest uint64) {
	i := 0
	for ; i < len(s.graves) && s.graves[i].version <= upTo && n < max; i++ {
		g := s.graves[i]
		if !s.dead(g) {
			continue
		}
		p := s.placed(g.handle)
		s.remove(&p)
		n, highest = n+1, g.version
	}
	s.graves = s.graves[:copy(s.graves, s.graves[i:])]
	return n, highest
}

// empty forgets all and keeps the memory.
func (s *set) empty() {
	for _, b := range s.slabs {
		if b != nil {
			b.empty()
		}
	}
	*s = set{slabs: s.slabs, graves: s.graves[:0]}
}

func (s *set) memory() (n int) {
	for _, b := range s.slabs {
		if b != nil {
			n += b.memory()
		}
	}
	for _, c := range s.cuts {
		n += cap(c.saved) * 8
	}
	return n + s.history.memory() + cap(s.graves)*16 + len(s.buckets)*16
}
