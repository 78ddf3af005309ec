package replication

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"fcredirect/mgmt/peer/engine"
	"fcredirect/mgmt/peer/link"
	"fcredirect/mgmt/peer/record"
)

// arrival is one node that comes to two which have many flows, one of them its own.
type arrival struct {
	Seconds   float64   `json:"seconds"` // from the newcomer's start, with its first handshake, until it has everything
	Records   int       `json:"records"`
	Bytes     uint64    `json:"bytes"`
	Messages  uint64    `json:"messages"`
	CPU       float64   `json:"cpu_seconds"`   // of all nodes
	Live      Staleness `json:"live"`          // of immediate changes that were made meanwhile, at the node that was there before
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
	if err := v.make([]string{newcomer, sender, receiver}, s.applied); err != nil {
		return a, err
	}
	if a.Records, err = v.crowd(w); err != nil {
		return a, err
	}
	if err := errors.Join(v.connect(), v.settled()); err != nil {
		return a, err
	}
	c, err := v.newcomer()
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, c.stop()) }()
	runtime.GC()
	heads := v.from.engine.Vector()[v.slot].Versions
	s.begin(max(heads[record.State], heads[record.Counts]))
	cpu := cpuTime()
	if err := c.come(v); err != nil {
		return a, err
	}
	stop := s.start()
	for !c.has(v.slot, heads) { // which waits while the newcomer is busy, so it is not what makes the changes
		if time.Since(s.begun) > syncLimit || ctx.Err() != nil {
			return a, errors.Join(errors.New("bench: the newcomer was not synced in time"), stop(), ctx.Err())
		}
		time.Sleep(time.Millisecond)
	}
	a.Seconds, a.CPU = time.Since(s.begun).Seconds(), (cpuTime() - cpu).Seconds()
	if err := errors.Join(stop(), v.agree(c, syncLimit)); err != nil {
		return a, err
	}
	p := c.engine.Peers(l.now())[0] // the sender: the newcomer's name is the lowest
	a.Bytes, a.Messages, a.Memory = c.received(), p.Received.Frames, c.engine.Stats().Memory
	a.PerRecord = float64(a.Bytes) / float64(a.Records)
	a.Live = s.seen()
	return a, nil
}

// live is what goes on while the newcomer is synced: a flow fails each livePause.
type live struct {
	v    *oursVariant
	w    *world
	made int

	mu    sync.Mutex // for what the engine's goroutines read
	begun time.Time
	base  uint64 // the version before the first change
	ages  []int64
}

func (s *live) begin(base uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.base, s.begun = base, time.Now()
}

// seen is how old changes were at the other node.
func (s *live) seen() Staleness {
	s.mu.Lock()
	defer s.mu.Unlock()
	return staleness(s.ages)
}

// start makes changes when they are due, from a thread of its own, until it is stopped.
func (s *live) start() (stop func() error) {
	ended, failed := make(chan struct{}), make(chan error, 1)
	go func() {
		runtime.LockOSThread()                                           // never unlocked: the thread ends with the goroutine, and its priority with it
		_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), niceness) // it may not be allowed to
		var err error
		for err == nil {
			select {
			case <-ended:
				failed <- nil
				return
			default:
				err = s.due()
				sleep(playPause)
			}
		}
		failed <- err
	}()
	return func() error {
		close(ended)
		return <-failed
	}
}

// due makes those that are due, together, as the role does with what it finds in its rings.
func (s *live) due() (err error) {
	n := int(time.Since(s.begun)/livePause) - s.made
	if n == 0 {
		return nil
	}
	s.v.from.engine.Batch(s.v.r.lab.now(), func(b *engine.Batch) {
		for ; n > 0 && err == nil; n-- {
			key := s.w.direction(s.made % (2 * s.w.flows))
			err = b.Put(record.Immediate, s.w.keys[key], s.w.change(key, 1, false))
			s.made++
		}
	})
	return err
}

// applied is called by the engine of the node that was there before.
func (s *live) applied(a engine.Applied) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.Origin != s.v.slot || s.begun.IsZero() {
		return
	}
	for i := range a.Records {
		if n := int64(a.Records[i].Version) - int64(s.base); n > 0 {
			s.ages = append(s.ages, int64(time.Since(s.begun)-time.Duration(n)*livePause))
		}
	}
}

// comer is the newcomer.
type comer struct {
	*node
	mu    sync.Mutex // guards conns
	conns []*counted // with the sender
}

// newcomer makes a node that does not run yet.
func (o *oursVariant) newcomer() (*comer, error) {
	n, err := o.r.lab.newNode(newcomer, []string{newcomer, sender, receiver}, nil)
	if err != nil {
		return nil, err
	}
	return &comer{node: n}, nil
}

// come starts it. Its name is the lowest, so it dials the others as soon as it is there.
func (c *comer) come(o *oursVariant) error {
	return c.connect(o.r.ctx, link.Options{
		Peers: []link.Peer{{Name: sender, Address: o.back.address}, {Name: receiver, Address: o.r.line.address}},
		Dial: func(ctx context.Context, _, address string) (net.Conn, error) {
			conn, err := (&line{address: address}).dial(ctx)
			if err != nil {
				return nil, err
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			if address == o.back.address {
				c.conns = append(c.conns, conn)
			}
			return conn, nil
		},
	})
}

// received are the bytes from the sender.
func (c *comer) received() (n uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		n += conn.received.Load()
	}
	return n
}

// has says whether it has come so far.
func (c *comer) has(slot uint8, heads [record.NumStreams]uint64) bool {
	have := c.engine.Vector()[slot].Versions
	for stream, head := range heads {
		if have[stream] < head {
			return false
		}
	}
	return true
}

// agree waits until the newcomer has the digests of the sender.
func (o *oursVariant) agree(c *comer, limit time.Duration) error {
	for end := time.Now().Add(limit); ; time.Sleep(time.Millisecond) {
		here, there := o.from.engine.Digests()[o.slot], c.engine.Digests()[o.slot]
		if here == there {
			return nil
		}
		if time.Now().After(end) || o.r.ctx.Err() != nil {
			return fmt.Errorf("bench: the digests of the sender are %v, of the newcomer %v", here, there)
		}
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
