package replica

import (
	"slices"

	"fcredirect/mgmt/peer/record"
)

// What a record depends on is remembered of the own origin's State only, and of the last changes only: it is asked for
// when a change must overtake its stream, and then mostly of changes that were just made. Whatever is not remembered is
// answered by "take the stream along", which is always right.
//
// A record that changed twice depends on what either change depends on, for a peer that has seen neither. So a change takes over
// the refs of the one before it, and since says how far back they are complete: whoever stands at since or later misses
// none. Of Counts a row has one word for all refs, see Cursor.Needs.
type refs struct {
	changes []refsOf     // ring: a power of two
	first   uint64       // that is remembered
	next    uint64       // to be written
	kept    []record.Ref // ring: a power of two
	written uint64       // refs, ever
}

type refsOf struct {
	version, since uint64
	start          uint64 // in kept, counted from the beginning
	n              uint64
}

// note remembers what a change depends on, and returns where. before is the version that its record had, or 0, and noted where
// that was remembered.
func (f *refs) note(version, before, noted uint64, others []record.Ref) uint64 {
	var room [RefsMax]record.Ref
	all, fits := union(room[:0], others)
	since := before
	if !fits {
		all, since = all[:0], version
	} else if before != 0 {
		if o := f.of(noted, before); o != nil {
			both := all
			for i := range o.n {
				if both, fits = union(both, []record.Ref{*f.ref(o.start + i)}); !fits {
					break
				}
			}
			if fits {
				all, since = both, o.since
			}
		}
	}
	f.room(uint64(len(all)))
	o := refsOf{version: version, since: since, start: f.written, n: uint64(len(all))}
	for i := range all {
		*f.ref(f.written) = all[i]
		f.written++
	}
	*f.change(f.next) = o
	f.next++
	return f.next - 1
}

// union adds refs, one for each record: the latest. It stops at RefsMax.
func union(all, more []record.Ref) ([]record.Ref, bool) {
	for _, r := range more {
		i := slices.IndexFunc(all, func(o record.Ref) bool { return o.Origin == r.Origin && o.Key == r.Key })
		switch {
		case i >= 0:
			all[i].Version = max(all[i].Version, r.Version)
		case len(all) == RefsMax:
			return all, false
		default:
			all = append(all, r)
		}
	}
	return all, true
}

// room makes the rings larger, up to their bounds, and forgets the oldest changes when they are full.
func (f *refs) room(n uint64) {
	if f.next-f.first == uint64(len(f.changes)) {
		if len(f.changes) < changesMax {
			f.changes = larger(f.changes, f.first, f.next)
		} else {
			f.first++
		}
	}
	begin := f.written
	if f.first < f.next {
		begin = f.change(f.first).start
	}
	for len(f.kept) < refsKept && f.written+n-begin > uint64(len(f.kept)) {
		f.kept = larger(f.kept, begin, f.written)
	}
	for f.first < f.next && f.written+n-f.change(f.first).start > uint64(len(f.kept)) {
		f.first++
	}
}

// larger is a ring of twice the size with what stands between two places.
func larger[T any](old []T, from, to uint64) []T {
	ring := make([]T, max(64, 2*len(old)))
	for i := from; i < to; i++ {
		ring[i&uint64(len(ring)-1)] = old[i&uint64(len(old)-1)]
	}
	return ring
}

func (f *refs) ref(i uint64) *record.Ref { return &f.kept[i&uint64(len(f.kept)-1)] }

func (f *refs) change(i uint64) *refsOf { return &f.changes[i&uint64(len(f.changes)-1)] }

// of is what is remembered at a place of the change that made a version, or nil.
func (f *refs) of(noted, version uint64) *refsOf {
	if noted < f.first || noted >= f.next {
		return nil
	}
	if o := f.change(noted); o.version == version {
		return o
	}
	return nil
}

func (f *refs) memory() int { return len(f.changes)*32 + len(f.kept)*32 }

// needs is the highest version of this table's State among refs.
func (t *Table) needs(refs []record.Ref) (version uint64) {
	for i := range refs {
		if refs[i].Origin == t.origin && refs[i].Key.Kind.Stream() == record.State {
			version = max(version, refs[i].Version)
		}
	}
	return version
}

// Refs are the changes that the record of a key depends on, own and foreign, and those that its earlier changes depended on, as far as they
// are remembered: those of State, of some thousand last changes; ok is false when they are not. For the table of the own
// origin only.
func (t *Table) Refs(key record.Key) (refs []record.Ref, ok bool) {
	_, o := t.recall(key)
	if o == nil || o.since == o.version {
		return nil, false
	}
	for i := range o.n {
		refs = append(refs, *t.refs.ref(o.start + i))
	}
	return refs, true
}

// recall is the record of a key of State, and what is remembered of it.
func (t *Table) recall(key record.Key) (r record.Record, o *refsOf) {
	if !key.Kind.Known() || key.Kind.Stream() != record.State {
		return r, nil
	}
	if p := t.sets[record.State].find(key); p.found {
		p.slab.load(&r, p.row)
		o = t.refs.of(*p.slab.extra(p.row), r.Version)
	}
	return r, o
}

// Closure is the record of a key, and what it depends on in this table, transitively, as far as it is newer than a State
// version that a peer has; in the order of versions, tombstones included. What it depends on in other tables Refs of each of them
// says. ok is false when that is more than max, or not remembered: then the stream up to its head does what the closure would.
func (t *Table) Closure(key record.Key, after uint64, max int) (records []record.Record, ok bool) {
	if after < t.floors[record.State] {
		return nil, false
	}
	next := []record.Key{key}
	for len(next) > 0 {
		key, next = next[len(next)-1], next[:len(next)-1]
		if slices.ContainsFunc(records, func(r record.Record) bool { return r.Key == key }) {
			continue
		}
		r, o := t.recall(key)
		if r.Version != 0 && r.Version <= after {
			continue
		}
		if o == nil || o.since > after || len(records) == max {
			return nil, false
		}
		records = append(records, r)
		for i := range o.n {
			if f := t.refs.ref(o.start + i); f.Origin == t.origin && f.Version > after {
				next = append(next, f.Key)
			}
		}
	}
	slices.SortFunc(records, byVersion)
	return records, true
}
