package replica

import (
	"cmp"
	"slices"

	"fcredirect/mgmt/peer/record"
)

// Table has the records of one origin. The zero value is not usable; see New.
type Table struct {
	origin      uint8
	incarnation uint64
	limits      Limits
	last        uint64 // of the own origin: the version given last
	sets        [record.NumStreams]*set
	heads       [record.NumStreams]uint64
	floors      [record.NumStreams]uint64
	early       map[record.Key]record.Record // ahead of their stream; see Express
	refs        refs
	spare       *set // of the last staging
}

// New makes an empty table of an origin's incarnation.
func New(origin uint8, incarnation uint64, limits Limits) *Table {
	t := &Table{origin: origin, incarnation: incarnation, limits: limits.orDefaults(), early: map[record.Key]record.Record{}}
	for i := range t.sets {
		t.sets[i] = &set{digests: true}
	}
	return t
}

// Origin is the slot of the node whose records these are.
func (t *Table) Origin() uint8 { return t.origin }

// Incarnation is that of the origin which gave the versions.
func (t *Table) Incarnation() uint64 { return t.incarnation }

// Put makes fields the latest of key and returns the version of that change; refs are the changes that it depends on. For
// the table of the own origin only. Missing fields are zero. ErrFull, ErrUnknown, ErrFields.
func (t *Table) Put(key record.Key, fields []uint64, refs ...record.Ref) (version uint64, err error) {
	switch {
	case !key.Kind.Known():
		return 0, ErrUnknown
	case len(fields) > key.Kind.Fields():
		return 0, ErrFields
	}
	stream := key.Kind.Stream()
	p := t.sets[stream].find(key)
	if (!p.found || p.row[rowVersion]&1 != 0) && t.live() >= t.limits.Records {
		return 0, ErrFull
	}
	return t.change(stream, &p, false, fields, refs), nil
}

// Delete leaves a tombstone for key, and returns the version of that change; ok is false when there is no such record.
// For the table of the own origin only.
func (t *Table) Delete(key record.Key, refs ...record.Ref) (version uint64, ok bool) {
	if !key.Kind.Known() {
		return 0, false
	}
	stream := key.Kind.Stream()
	p := t.sets[stream].find(key)
	if !p.found || p.row[rowVersion]&1 != 0 {
		return 0, false
	}
	version = t.change(stream, &p, true, nil, refs)
	t.bound()
	return version, true
}

// change gives the next version to what happens to a record of our own.
func (t *Table) change(stream record.Stream, p *place, gone bool, fields []uint64, refs []record.Ref) uint64 {
	t.last++
	t.heads[stream] = t.last
	var before, noted uint64
	if p.found {
		before, noted = p.row[rowVersion]>>1, *p.slab.extra(p.row)
	}
	t.sets[stream].change(p, t.last, gone, fields)
	if stream == record.Counts {
		noted = max(noted, t.needs(refs))
	} else {
		noted = t.refs.note(t.last, before, noted, refs)
	}
	*p.slab.extra(p.row) = noted
	return t.last
}

// Get is the live record of a key.
func (t *Table) Get(key record.Key) (record.Record, bool) {
	r, known := t.look(key)
	if !known || r.Gone {
		return record.Record{}, false
	}
	return r, true
}

// Version is that of the last change of key, its deletion included; 0 when nothing is known of it.
func (t *Table) Version(key record.Key) uint64 {
	r, _ := t.look(key)
	return r.Version
}

// look is the newest that is known of a key, a tombstone too.
func (t *Table) look(key record.Key) (r record.Record, known bool) {
	if !key.Kind.Known() {
		return r, false
	}
	if len(t.early) > 0 {
		if r, known = t.early[key]; known {
			return r, true
		}
	}
	return t.sets[key.Kind.Stream()].get(key)
}

// Each calls f for each live record of a kind until f returns false, those ahead of their stream last, else in no order that means
// something, but in the same when the same was done to the table. The record is valid during the call only, and f must not change the table.
func (t *Table) Each(kind record.Kind, f func(*record.Record) bool) {
	if !kind.Known() {
		return
	}
	var r record.Record
	if s := t.sets[kind.Stream()].slabs[kind]; s != nil {
		for slot := range uint32(s.rows) {
			row := s.row(slot)
			if row[rowVersion] == 0 || row[rowVersion]&1 != 0 {
				continue
			}
			s.load(&r, row)
			if len(t.early) > 0 {
				if _, newer := t.early[r.Key]; newer {
					continue
				}
			}
			if !f(&r) {
				return
			}
		}
	}
	for _, r := range t.ahead(func(r *record.Record) bool { return r.Kind == kind && !r.Gone }) {
		if !f(&r) {
			return
		}
	}
}

// ahead are the chosen ones of the early records, in the order of versions.
func (t *Table) ahead(choose func(*record.Record) bool) (records []record.Record) {
	for _, r := range t.early {
		if choose(&r) {
			records = append(records, r)
		}
	}
	slices.SortFunc(records, byVersion)
	return records
}

func byVersion(a, b record.Record) int {
	return cmp.Or(cmp.Compare(a.Version, b.Version), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
}

// Len is how many live records of a kind there are.
func (t *Table) Len(kind record.Kind) (n int) {
	if !kind.Known() {
		return 0
	}
	s := t.sets[kind.Stream()]
	if b := s.slabs[kind]; b != nil {
		n = b.live
	}
	for key, r := range t.early {
		if key.Kind != kind {
			continue
		}
		if !r.Gone {
			n++
		}
		if old, known := s.get(key); known && !old.Gone {
			n--
		}
	}
	return n
}

// live is how many live records of all kinds there are, those ahead of their stream aside, which EarlyMax bounds.
func (t *Table) live() (n int) {
	for _, s := range t.sets {
		n += s.rows - s.gone
	}
	return n
}

// Head is the version up to which the stream stands: of the own origin its last change, of another what is applied.
func (t *Table) Head(stream record.Stream) uint64 { return t.heads[stream] }

// Floor is the highest version of a tombstone that was collected. Whoever stands below it cannot be told of all deletions
// any more, and needs a unit with reset.
func (t *Table) Floor(stream record.Stream) uint64 { return t.floors[stream] }

// Tombstones is how many deleted records are kept.
func (t *Table) Tombstones() (n int) {
	for _, s := range t.sets {
		n += s.gone
	}
	return n
}

// Collect forgets the tombstones whose versions are at most upTo of their stream, and returns how many those were.
func (t *Table) Collect(upTo [record.NumStreams]uint64) (collected int) {
	for i, s := range t.sets {
		n, highest := s.collect(upTo[i], s.gone)
		t.floors[i] = max(t.floors[i], highest)
		collected += n
	}
	return collected
}

// bound collects the oldest tombstones beyond the limit. It makes room for some more at once, because the first of a stream's
// graves is moved away by moving all others.
func (t *Table) bound() {
	if t.Tombstones() <= t.limits.Tombstones {
		return
	}
	for excess := t.Tombstones() - t.limits.Tombstones + t.limits.Tombstones/16; excess > 0; {
		oldest := -1
		for i, s := range t.sets {
			if s.gone > 0 && (oldest < 0 || s.graves[0].version < t.sets[oldest].graves[0].version) {
				oldest = i
			}
		}
		upTo := uint64(VersionMax)
		for i, s := range t.sets {
			if i != oldest && s.gone > 0 {
				upTo = min(upTo, s.graves[0].version)
			}
		}
		n, highest := t.sets[oldest].collect(upTo, excess)
		t.floors[oldest] = max(t.floors[oldest], highest)
		excess -= n
	}
}

// Memory is how many bytes the table holds.
func (t *Table) Memory() int {
	n := len(t.early)*(128+16) + t.refs.memory()
	for _, s := range t.sets {
		n += s.memory()
	}
	if t.spare != nil {
		n += t.spare.memory()
	}
	return n
}
