package replication

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"

	"fcredirect/mgmt/peer/engine"
	"fcredirect/mgmt/peer/record"
)

// arrival is one node that comes to another which has many flows.
type arrival struct {
	Seconds   float64   `json:"seconds"` // from the newcomer's start, with its first handshake, until digests are equal
	Records   int       `json:"records"`
	Bytes     uint64    `json:"bytes"`
	Messages  uint64    `json:"messages"`
	CPU       float64   `json:"cpu_seconds"`   // of both nodes
	Live      Staleness `json:"live"`          // of immediate changes that were made meanwhile
	Memory    int       `json:"replica_bytes"` // of the tables of one node
	PerRecord float64   `json:"bytes_per_record"`
}

// arrive measures one. Each flow is a record of what happens to it, in one direction, and one of its totals.
func (l *lab) arrive(ctx context.Context, flows int) (a arrival, err error) {
	way, err := openLine(0)
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, way.close()) }()
	v := &oursVariant{r: &run{ctx: ctx, lab: l, line: way}}
	defer func() { err = errors.Join(err, v.close()) }()
	w := newWorld((flows + 1) / 2) // both directions of half as many
	s := &live{v: v, w: w}
	if err := v.make(s.applied); err != nil {
		return a, err
	}
	if a.Records, err = v.crowd(w); err != nil {
		return a, err
	}
	runtime.GC()
	s.heads, s.base = v.from.engine.Vector()[v.slot].Versions, uint64(a.Records)
	begun, cpu := time.Now(), cpuTime()
	if err := v.connect(); err != nil {
		return a, err
	}
	for !v.has(s.heads) {
		if err := s.change(); err != nil {
			return a, err
		}
		if time.Since(begun) > syncLimit || ctx.Err() != nil {
			return a, errors.Join(errors.New("bench: the newcomer was not synced in time"), ctx.Err())
		}
		time.Sleep(livePause)
	}
	a.Seconds, a.CPU = time.Since(begun).Seconds(), (cpuTime() - cpu).Seconds()
	if err := v.settled(); err != nil {
		return a, err
	}
	cost := v.look()
	a.Bytes, a.Messages, a.Memory = cost.bytes, cost.messages, v.to.engine.Stats().Memory
	a.PerRecord = float64(a.Bytes) / float64(a.Records)
	a.Live = staleness(s.ages)
	return a, nil
}

// live is what goes on while the newcomer is synced: now and then a flow fails. Before the newcomer has any state that comes
// with all the rest; afterwards it must not wait for the totals that are still under way.
type live struct {
	v     *oursVariant
	w     *world
	heads [record.NumStreams]uint64 // when the newcomer came
	base  uint64

	mu    sync.Mutex
	at    []time.Time
	since time.Time // that the newcomer has all state of before
	ages  []int64
}

func (s *live) change() error {
	s.mu.Lock()
	key := s.w.direction(len(s.at) % (2 * s.w.flows))
	s.at = append(s.at, time.Now())
	s.mu.Unlock()
	return s.v.from.engine.Put(s.v.r.lab.now(), record.Immediate, s.w.keys[key], s.w.change(key, 1, false))
}

func (s *live) applied(a engine.Applied) {
	if a.Origin != s.v.slot || a.Stream != record.State {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range a.Records {
		n := int64(a.Records[i].Version) - int64(s.base) - 1
		if n >= 0 && n < int64(len(s.at)) && !s.since.IsZero() && s.at[n].After(s.since) {
			s.ages = append(s.ages, int64(time.Since(s.at[n])))
		}
	}
	if a.Reset && s.since.IsZero() {
		s.since = time.Now()
	}
}

// crowd puts both directions of all flows and their totals, and gives how many records that are.
func (o *oursVariant) crowd(w *world) (n int, err error) {
	for key := range w.keys {
		w.change(key, 0, false)
	}
	for from := 0; from < len(w.keys); from += crowdBatch {
		o.from.engine.Batch(o.r.lab.now(), func(b *engine.Batch) {
			for key := from; key < min(from+crowdBatch, len(w.keys)) && err == nil; key++ {
				o.refs = w.refs(key, o.refs)
				err = b.Put(record.Normal, w.keys[key], w.fields[key], o.refs...)
				n++
			}
		})
	}
	return n, err
}

// has says whether the receiver has come so far.
func (o *oursVariant) has(heads [record.NumStreams]uint64) bool {
	have := o.to.engine.Vector()[o.slot].Versions
	for stream, head := range heads {
		if have[stream] < head {
			return false
		}
	}
	return true
}
