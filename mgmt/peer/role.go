package peer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/config"
	"fcredirect/mgmt/event"
)

// Bus is what the role asks of the bus: that others can call it.
type Bus interface {
	Handle(method string, answer func(ctx context.Context, request []byte) ([]byte, error)) (remove func())
}

// Options are what an instance is made of.
type Options struct {
	Place  attach.Place
	Bus    Bus // nil: nobody asks
	Log    *slog.Logger
	Batch  int            // items read from a ring at once; 0 is DefaultBatch
	Node   string         // the name of this node
	Dir    string         // of its certificates and its incarnation
	Peers  config.Peer    // without nodes, this one stands alone
	Events event.Appender // nil: nobody keeps them
	Alarms Alarms         // nil: nobody hears of them

	// Answer takes the questions of other nodes; nil: nobody does.
	Answer func(ctx context.Context, question []byte) ([]byte, error)
}

// Role is one instance.
type Role struct {
	o       Options
	pace    pace
	counts  counts
	cluster atomic.Pointer[cluster] // nil: this node stands alone, or the role does not run
	alive   atomic.Bool             // the data plane runs
	round   atomic.Int64            // ns since 1970: the loop came round; 0 while it does not read
}

// New checks the options.
func New(o Options) (*Role, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Events == nil {
		o.Events = event.Nowhere{}
	}
	if o.Alarms == nil {
		o.Alarms = silent{}
	}
	if o.Batch < 0 {
		return nil, fmt.Errorf("peer: a batch of %d items", o.Batch)
	}
	if o.Batch == 0 {
		o.Batch = DefaultBatch
	}
	if _, err := settingsOf(o.Peers.Settings); err != nil {
		return nil, err
	}
	return &Role{o: o, pace: usual}, nil
}

// Run reads until ctx ends, and keeps the peers in step where there are any. ready is called when it reads the rings for the
// first time.
func (r *Role) Run(ctx context.Context, ready func()) error {
	c, err := newCluster(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	failed := make(chan error, 1)
	if c != nil {
		r.cluster.Store(c)
		defer r.cluster.Store(nil)
		running.Go(func() {
			if err := c.run(ctx); err != nil {
				failed <- err
				cancel()
			}
		})
	}
	defer r.handlers()()
	err = r.segments(ctx, c, ready)
	cancel()
	running.Wait()
	select {
	case broken := <-failed:
		return errors.Join(broken, err)
	default:
		return err
	}
}

// segments serves one segment after the other.
func (r *Role) segments(ctx context.Context, c *cluster, ready func()) error {
	for once := ready; ctx.Err() == nil; {
		seg, err := attach.Wait(ctx, r.o.Place)
		if ctx.Err() != nil {
			return errors.Join(closeOf(seg))
		}
		if err != nil {
			return fmt.Errorf("peer: %w", err)
		}
		err = r.serve(ctx, c, seg, once)
		r.round.Store(0)
		r.alive.Store(false)
		if err = errors.Join(err, seg.Close()); err != nil {
			return fmt.Errorf("peer: %w", err)
		}
		once = func() {}
	}
	return nil
}

func closeOf(seg *attach.Segment) error {
	if seg == nil {
		return nil
	}
	return seg.Close()
}

// serve reads the rings of one segment, until ctx ends or everything in a segment that was replaced is read.
func (r *Role) serve(ctx context.Context, c *cluster, seg *attach.Segment, ready func()) error {
	var to *own
	longest := maxWait
	if c != nil {
		to, longest = c.own, maxWaitPeers
	}
	s, err := newSource(seg, to, r.o.Log)
	if err != nil {
		return err
	}
	r.counts.segments.Add(1)
	r.o.Log.Info("peer: reading the rings", "segment", seg.Dir, "rings", len(s.readers), "epoch", seg.Epoch)
	if c != nil {
		inner, stop := context.WithCancel(ctx)
		var programming sync.WaitGroup
		programming.Go(func() { c.serve(inner, seg) })
		defer programming.Wait()
		defer stop()
	}
	ready()
	var looked time.Time
	wait, pause := minWait, time.NewTimer(0)
	defer pause.Stop()
	for ctx.Err() == nil {
		now := time.Now()
		r.round.Store(now.UnixNano())
		n, err := s.pass(r.o.Batch, r.counts.count)
		if err != nil {
			return err
		}
		if n > 0 {
			r.counts.batches.Add(1)
		}
		if now.Sub(looked) >= lookEvery {
			looked = now
			if n == 0 && seg.Replaced() {
				return nil
			}
			r.look(c, s)
		}
		if n > 0 {
			wait = minWait
			continue
		}
		pause.Reset(wait)
		wait = min(2*wait, longest)
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
	}
	return nil
}

// look has a look at the pages.
func (r *Role) look(c *cluster, s *source) {
	r.alive.Store(s.seg.State.Alive())
	s.look()
	if c == nil {
		return
	}
	c.asked.Store(s.settling.nonce != 0)
	if s.settling.done {
		c.everythingTold()
	}
}

// Healthy says whether the loop comes round. Waiting for a segment is no illness.
func (r *Role) Healthy() error {
	at := r.round.Load()
	if late := time.Since(time.Unix(0, at)); at != 0 && late > deadAfter {
		return fmt.Errorf("peer: it has not looked at the rings for %v", late.Round(time.Second))
	}
	return nil
}
