package feed

import (
	"errors"
	"fmt"
	"sync/atomic"

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
			slots := c.Source.Slots()
			o.list = append(o.list, &Outlet{
				to: to, shard: uint32(shard), mask: uint32(c.Spec.shards(consumer) - 1), report: c.Report,
				start: c.Now, due: c.Now + c.Report, turn: make([]uint32, 0, slots), next: make([]uint32, 0, slots),
				urgent: make([]uint32, 0, urgentItems), all: -1,
			})
		}
	}
	return o, nil
}

// NewEvents takes the producer's side of the ring of events.
func NewEvents(state, ctl *shm.File, c Config) (*Events, error) {
	to, err := newSink(state, ctl, c, Event, 0)
	if err != nil {
		return nil, err
	}
	// Lost, and the data plane died before it could tell.
	return &Events{to: to, lost: to.info.Lost - to.info.Told, first: c.Now}, nil
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
	s := sink{info: &infos[at], cursor: &cursors[at], producer: uint8(c.Producer)}
	s.info.Consumer, s.info.Shard, s.info.Producer, s.info.Shards = uint8(consumer), uint8(shard), uint8(c.Producer), uint8(c.Spec.shards(consumer))
	s.info.Items = uint32(spec.Items)
	var err error
	if s.ring, err = ring.NewProducer(spec, mem, tailOf(cursors, at)); errors.Is(err, ring.ErrBroken) {
		atomic.StoreUint64(&s.cursor.Tail, plausible(mem, spec.Items)) // a ctl file that was made anew, or one with nonsense
		s.info.Broken++
		s.ring, err = ring.NewProducer(spec, mem, tailOf(cursors, at))
	}
	if err != nil {
		return sink{}, fmt.Errorf("feed: ring %d for %v: %w", c.Producer, consumer, err)
	}
	s.info.Offered = s.ring.Written()
	return s, nil
}

// plausible is a cursor for a ring whose own is lost: from there on everything that is surely still whole comes once
// more, and consumers drop by its number what they have.
func plausible(mem []byte, items int) uint64 {
	head := ring.Head(mem)
	return head - min(head, uint64(items)*3/4)
}
