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
	first   int          // that is remembered
	next    int          // to be written
	kept    []record.Ref // ring: a power of two
	written int          // refs, ever
}

type refsOf struct {
	version, since uint64
	start, n       int // in kept, counted from the beginning
}

// note remembers what a change depends on. before is the version that its record had, or 0.
func (f *refs) note(version, before uint64, others []record.Ref) {
	var room [RefsMax]record.Ref
	all, fits := union(room[:0], others)
	since := before
	if !fits {
		all, since = all[:0], version
	} else if before != 0 {
		if o := f.of(before); o != nil {
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
	f.room(len(all))
	o := refsOf{version: version, since: since, start: f.written, n: len(all)}
	for i := range all {
		*f.ref(f.written) = all[i]
		f.written++
	}
	f.changes[f.next&(len(f.changes)-1)] = o
	f.next++
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

// room makes the rings larger, up to their bounds, and forgets the oldest change when there is none left.
func (f *refs) room(n int) {
	if f.next-f.first == len(f.changes) {
		if len(f.changes) < changesMax {
			old := f.changes
			f.changes = make([]refsOf, max(64, 2*len(old)))
			for i := f.first; i < f.next; i++ {
				f.changes[i&(len(f.changes)-1)] = old[i&(len(old)-1)]
			}
		} else {
			f.first++
		}
	}
	begin := f.written
	if f.first < f.next {
		begin = f.changes[f.first&(len(f.changes)-1)].start
	}
	for len(f.kept) < refsKept && f.written+n-begin > len(f.kept) {
		old := f.kept
		f.kept = make([]record.Ref, max(64, 2*len(old)))
		for i := max(begin, f.written-len(old)); i < f.written; i++ {
			f.kept[i&(len(f.kept)-1)] = old[i&(len(old)-1)]
		}
	}
	for f.first < f.next && f.written+n-f.changes[f.first&(len(f.changes)-1)].start > len(f.kept) {
		f.first++
	}
}

func (f *refs) ref(i int) *record.Ref { return &f.kept[i&(len(f.kept)-1)] }

// of is what is remembered of the change that made a version, or nil.
func (f *refs) of(version uint64) *refsOf {
	lo, hi := f.first, f.next
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if o := &f.changes[mid&(len(f.changes)-1)]; o.version == version {
			return o
		} else if o.version < version {
			lo = mid + 1
		} else {
			hi = mid
		}
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

// Refs are the changes that the record of a key depends on, own and foreign, as far as they are remembered: those of State, of some
// ten thousand last changes; ok is false when they are not.
func (t *Table) Refs(key record.Key) (refs []record.Ref, ok bool) {
	o := t.refs.of(t.Version(key))
	if o == nil || o.since == o.version {
		return nil, false
	}
	for i := range o.n {
		refs = append(refs, *t.refs.ref(o.start + i))
	}
	return refs, true
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
		r, known := t.look(key)
		if known && r.Version <= after {
			continue
		}
		o := t.refs.of(r.Version)
		if !known || o == nil || o.since > after || len(records) == max {
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
