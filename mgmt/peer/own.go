package peer

import (
	"slices"
	"sync/atomic"

	"fcredirect/mgmt/peer/engine"
	"fcredirect/mgmt/peer/record"
)

// own is this node's own records. Changes are gathered and go into the engine under one lock; a look at a record whose
// change waits has them go in first. It belongs to the goroutine that serves the segment.
type own struct {
	engine  *engine.Engine
	now     func() int64
	slot    uint8
	partner uint8 // origin of records that ours may depend on; slot itself when there is none

	changes []change
	waits   map[record.Key]struct{} // keys that changes are about
	live    [record.NumStreams]atomic.Int64
	full    atomic.Uint64 // changes that found no room; any goroutine may read it
}

// change is a Put, or a Delete where fields are none.
type change struct {
	lane   record.Lane
	key    record.Key
	n      int // fields
	nrefs  int
	fields [record.MaxFields]uint64
	refs   [maxRefs]record.Ref
}

func newOwn(e *engine.Engine, now func() int64, slot, partner uint8) *own {
	return &own{engine: e, now: now, slot: slot, partner: partner, changes: make([]change, 0, changesMax), waits: map[record.Key]struct{}{}}
}

// get is what the engine has of a key of ours.
func (o *own) get(key record.Key) (r record.Record, live bool) {
	if _, waits := o.waits[key]; waits {
		o.flush()
	}
	r, ok := o.engine.Get(o.slot, key)
	return r, ok && !r.Gone
}

// ref names what a change depends on, if there is such a record: ours, or else the partner's, whose flows we may have
// taken over.
func (o *own) ref(refs []record.Ref, key record.Key) []record.Ref {
	if r, live := o.get(key); live {
		return append(refs, record.Ref{Origin: o.slot, Key: key, Version: r.Version})
	}
	if r, ok := o.engine.Get(o.partner, key); ok && !r.Gone {
		return append(refs, record.Ref{Origin: o.partner, Key: key, Version: r.Version})
	}
	return refs
}

// news says whether fields of a record are to be told: they are not known, or only by a change that is not later than a
// version. live says whether there is such a record.
func (o *own) news(key record.Key, fields []uint64, than uint64) (is, live bool) {
	was, live := o.get(key)
	return !live || was.Version <= than || !slices.Equal(was.Fields[:len(fields)], fields), live
}

// put tells fields of a record of which news has said that they are to be told.
func (o *own) put(lane record.Lane, key record.Key, live bool, fields []uint64, refs ...record.Ref) {
	if !live {
		o.live[key.Kind.Stream()].Add(1)
	}
	c := o.next(lane, key)
	c.n, c.nrefs = copy(c.fields[:], fields), copy(c.refs[:], refs)
}

// delete tells that a record is gone, if there is one.
func (o *own) delete(lane record.Lane, key record.Key) {
	if _, live := o.get(key); live {
		o.live[key.Kind.Stream()].Add(-1)
		o.next(lane, key)
	}
}

func (o *own) next(lane record.Lane, key record.Key) *change {
	if len(o.changes) == cap(o.changes) {
		o.flush()
	}
	o.changes = append(o.changes, change{lane: lane, key: key})
	o.waits[key] = struct{}{}
	return &o.changes[len(o.changes)-1]
}

// flush has all changes go in.
func (o *own) flush() {
	if o == nil || len(o.changes) == 0 {
		return
	}
	o.engine.Batch(o.now(), func(b *engine.Batch) {
		for i := range o.changes {
			var err error
			if c := &o.changes[i]; c.n == 0 {
				err = b.Delete(c.lane, c.key)
			} else {
				err = b.Put(c.lane, c.key, c.fields[:c.n], c.refs[:c.nrefs]...)
			}
			if err != nil { // there is no room: what the peers have of it is old
				o.full.Add(1)
			}
		}
	})
	o.changes = o.changes[:0]
	clear(o.waits)
}
