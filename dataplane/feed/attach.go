package feed

import (
	"errors"
	"fmt"

	"fcredirect/dataplane/ring"
	"fcredirect/dataplane/shm"
)

// Config is what a producer's side is made of.
type Config struct {
	Spec     Spec
	Producer int    // index of the lcore; Spec.Producers-1 is the control goroutine
	Report   uint64 // ticks between two offers of a flow, at least
	Now      uint64 // TSC
	Source   Source // what the lcore offers; nil for the control goroutine
}

// NewOutlets takes the producer's side of the rings of state: one for the peers, and one for each shard of the store.
// The regions are those of Spec.StateRegions and Spec.CtlRegions; what a data plane before us left there stays.
func NewOutlets(state, ctl *shm.File, c Config) (*Outlets, error) {
	o := &Outlets{source: c.Source, fresh: c.Now}
	for _, consumer := range []Consumer{Peer, Store} {
		for shard := range c.Spec.shards(consumer) {
			to, err := newSink(state, ctl, c, consumer, shard)
			if err != nil {
				return nil, err
			}
			marks := marksOf(c.Source.Slots(), c.Spec.shards(consumer))
			out := &Outlet{
				to: to, shard: uint32(shard), mask: uint32(c.Spec.shards(consumer) - 1), report: c.Report,
				start: c.Now, due: c.Now + c.Report, turn: make([]uint32, 0, marks), next: make([]uint32, 0, marks),
				urgent: make([]uint32, 0, urgentItems), all: -1,
			}
			if to.owes() {
				out.all = 0
			}
			o.list = append(o.list, out)
		}
	}
	return o, nil
}

// marksOf is how many marks a list has room for: of a table that is at most half full, with its flows spread over the
// shards, twice as many as there are. All lists of the store together take as much as one of a store without shards.
func marksOf(slots, shards int) int { return min(slots, max(slots/shards, leastMarks)) }

// NewEvents takes the producer's side of the ring of events.
func NewEvents(state, ctl *shm.File, c Config) (*Events, error) {
	to, err := newSink(state, ctl, c, Event, 0)
	if err != nil {
		return nil, err
	}
	e := &Events{to: to, first: c.Now}
	e.recall()
	return e, nil
}

func newSink(state, ctl *shm.File, c Config, consumer Consumer, shard int) (sink, error) {
	infos, cursors := shm.Items[Info](state, shm.RegionRings), shm.Items[Cursor](ctl, shm.RegionCursors)
	if len(infos) != c.Spec.Rings() || len(cursors) != len(infos) {
		return sink{}, fmt.Errorf("feed: the segment has %d rings and %d cursors, want %d", len(infos), len(cursors), c.Spec.Rings())
	}
	at := c.Spec.index(consumer, shard, c.Producer)
	spec := c.Spec.ring(consumer)
	mem := memory(state, consumer, shard*c.Spec.Producers+c.Producer, c.Spec.stride(consumer))
	if mem == nil {
		return sink{}, fmt.Errorf("feed: the segment has no ring %d for %v", c.Producer, consumer)
	}
	if infos[at].Items == 0 {
		c.Spec.describe(infos)
	}
	s := sink{info: &infos[at], cursor: &cursors[at], producer: uint8(c.Producer)}
	// A ctl file may have been made anew, or hold nonsense; and where somebody goes on writing nonsense, the ring is broken
	// from the start, which must not keep the data plane from starting.
	if err := mend(s.cursor, mem, spec.Items, func() (err error) {
		s.ring, err = ring.NewProducer(spec, mem, tailOf(cursors, at))
		return err
	}, func() { s.info.Broken++ }); err != nil && !errors.Is(err, ring.ErrBroken) {
		return sink{}, fmt.Errorf("feed: ring %d for %v: %w", c.Producer, consumer, err)
	}
	s.info.Offered = s.ring.Written()
	return s, nil
}

// describe says what each ring is: also those of producers that never come, since consumers find a ring by its place among
// the others. A page once written stays, because its producer may be at work.
func (s Spec) describe(infos []Info) {
	for c := range numConsumers {
		for shard := range s.shards(c) {
			for producer := range s.Producers {
				if in := &infos[s.index(c, shard, producer)]; in.Items == 0 {
					in.Consumer, in.Shard, in.Producer, in.Shards = uint8(c), uint8(shard), uint8(producer), uint8(s.shards(c))
					in.Items = uint32(s.items(c))
				}
			}
		}
	}
}

// plausible is a cursor for a ring whose own is lost: from there on everything that is surely still whole comes once
// more, and consumers drop by its number what they have.
func plausible(mem []byte, items int) uint64 {
	head := ring.Head(mem)
	return head - min(head, uint64(items)*3/4)
}
