package engine

import (
	"fmt"
	"slices"

	"fcredirect/mgmt/peer/record"
	"fcredirect/mgmt/peer/replica"
	"fcredirect/mgmt/peer/wire"
)

// mark is a place in a stream of an origin, over all its incarnations.
type mark struct{ incarnation, version uint64 }

func (m mark) before(o mark) bool {
	return m.incarnation < o.incarnation || m.incarnation == o.incarnation && m.version < o.version
}

// vector is a clock with a hand for each stream of each node: what must be applied before something else.
type vector [maxNodes][record.NumStreams]mark

func (v *vector) raise(slot uint8, stream record.Stream, m mark) {
	if v[slot][stream].before(m) {
		v[slot][stream] = m
	}
}

func (v *vector) merge(o *vector) {
	for slot := range v {
		for stream := range v[slot] {
			v.raise(uint8(slot), record.Stream(stream), o[slot][stream])
		}
	}
}

// deps appends the hands that are not zero, as a unit carries them.
func (v *vector) deps(all []wire.At) []wire.At {
	for slot := range v {
		for stream, m := range v[slot] {
			if m.incarnation > 0 {
				all = append(all, wire.At{Slot: uint8(slot), Stream: record.Stream(stream), Incarnation: m.incarnation, Version: m.version})
			}
		}
	}
	return all
}

// origin is a node as the source of its records: ours, or the replica of another's.
type origin struct {
	slot        uint8
	incarnation uint64         // 0: nothing is known of it
	table       *replica.Table // of that incarnation
	needs       [record.NumStreams]vector

	// A higher incarnation that has begun to come, and has not replaced this one yet.
	next            *replica.Table
	nextIncarnation uint64
	nextBy          *peer // who has begun it

	held       [record.NumStreams]*unit  // what is complete and waits for what it depends on
	lent       [record.NumStreams]uint64 // the highest version that others brought, early ones too
	lentAt     int64                     // when they last brought any
	early      []record.Record           // of State, seen ahead of the stream
	earlyNeeds vector                    // what they depend on
	earlyCount uint64                    // counts what changes early, and what moves the stream while there is any
	progress   [record.NumStreams]int64  // when something of the stream last came
	wanted     [record.NumStreams]int64  // when it was last asked for
}

func (o *origin) at(s record.Stream) mark { return mark{o.incarnation, o.table.Head(s)} }

func (o *origin) position() wire.Position {
	p := wire.Position{Slot: o.slot, Incarnation: o.incarnation}
	for s := range record.NumStreams {
		p.Applied[s] = o.table.Head(s)
	}
	return p
}

// lend notes that somebody else has brought what the origin had up to a version.
func (o *origin) lend(now int64, s record.Stream, version uint64) {
	o.lent[s], o.lentAt = max(o.lent[s], version), now
}

// refute looks at what the origin says it has, after it got what we sent at the time echo, so after others had brought what they
// did. What goes beyond it was never true: what came ahead is taken back, and with a stream we begin anew, at which the origin
// takes another incarnation.
func (e *Engine) refute(now, echo int64, has wire.Position) error {
	o := e.origins[has.Slot]
	if o.incarnation != has.Incarnation || echo <= o.lentAt {
		return nil
	}
	for s := range record.NumStreams {
		if o.table.Head(s) > has.Applied[s] && o.lent[s] >= o.table.Head(s) {
			return fmt.Errorf("others said that %s has more %v than it has", e.names[o.slot], s)
		}
	}
	if o.lent[record.State] <= has.Applied[record.State] {
		return nil
	}
	o.lent[record.State] = has.Applied[record.State]
	e.changes = e.changes[:0]
	o.table.Recall(has.Applied[record.State], func(r *record.Record) { e.changes = append(e.changes, *r) })
	o.early = slices.DeleteFunc(o.early, func(r record.Record) bool { return r.Version > has.Applied[record.State] })
	o.earlyCount++
	e.show(Applied{Origin: o.slot, Incarnation: o.incarnation, Stream: record.State, Repair: true, Records: e.changes})
	e.release(now)
	return nil
}

// asked says whether the origin was ever asked for, so that how far we have it is news for whoever relays it.
func (o *origin) asked() bool { return o.wanted != [record.NumStreams]int64{} }
