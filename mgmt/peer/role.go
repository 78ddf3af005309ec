package peer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"fcredirect/dataplane/feed"
	"fcredirect/mgmt/attach"
)

// Bus is what the role asks of the bus: that others can call it.
type Bus interface {
	Handle(method string, answer func(ctx context.Context, request []byte) ([]byte, error)) (remove func())
}

// Method answers Stats as JSON.
const Method = "peer.stats"

// Options are what an instance is made of.
type Options struct {
	Place attach.Place
	Bus   Bus // nil: nobody asks
	Log   *slog.Logger
	Batch int // items read from a ring at once; 0 is DefaultBatch
}

// Role is one instance.
type Role struct {
	o      Options
	counts counts
	round  atomic.Int64 // ns since 1970: the loop came round; 0 while it does not read
}

// New checks the options.
func New(o Options) (*Role, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Batch < 0 {
		return nil, fmt.Errorf("peer: a batch of %d items", o.Batch)
	}
	if o.Batch == 0 {
		o.Batch = DefaultBatch
	}
	return &Role{o: o}, nil
}

// Run reads until ctx ends. ready is called when it reads the rings for the first time.
func (r *Role) Run(ctx context.Context, ready func()) error {
	if r.o.Bus != nil {
		defer r.o.Bus.Handle(Method, r.answer)()
	}
	for once := ready; ctx.Err() == nil; {
		seg, err := attach.Wait(ctx, r.o.Place)
		if ctx.Err() != nil {
			return errors.Join(closeOf(seg))
		}
		if err != nil {
			return fmt.Errorf("peer: %w", err)
		}
		err = r.serve(ctx, seg, once)
		r.round.Store(0)
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
func (r *Role) serve(ctx context.Context, seg *attach.Segment, ready func()) error {
	readers, err := feed.Open(seg.State, seg.Ctl, feed.Peer, 0)
	if err != nil {
		return err
	}
	r.counts.segments.Add(1)
	r.o.Log.Info("peer: reading the rings", "segment", seg.Dir, "rings", len(readers), "epoch", seg.Epoch)
	ready()
	looked, wait := time.Now(), minWait
	pause := time.NewTimer(0)
	defer pause.Stop()
	for ctx.Err() == nil {
		r.round.Store(time.Now().UnixNano())
		n, err := r.pass(readers)
		if err != nil {
			return err
		}
		if n > 0 {
			wait = minWait
			continue
		}
		if time.Since(looked) >= lookEvery {
			looked = time.Now()
			if seg.Replaced() {
				return nil
			}
		}
		pause.Reset(wait)
		wait = min(2*wait, maxWait)
		select {
		case <-ctx.Done():
		case <-pause.C:
		}
	}
	return nil
}

// pass reads a batch from each ring and releases it at once: what only is counted is durable enough.
func (r *Role) pass(readers []*feed.Reader) (n int, err error) {
	for _, rd := range readers {
		before := n
		for range r.o.Batch {
			item := rd.Next()
			if item == nil {
				break
			}
			r.counts.count(item)
			n++
		}
		if err := rd.Err(); err != nil {
			return n, fmt.Errorf("ring of producer %d: %w", rd.Producer(), err)
		}
		if n == before {
			continue
		}
		r.counts.batches.Add(1)
		if err := rd.Release(rd.Read()); err != nil {
			return n, fmt.Errorf("ring of producer %d: %w", rd.Producer(), err)
		}
	}
	return n, nil
}

// Healthy says whether the loop comes round. Waiting for a segment is no illness.
func (r *Role) Healthy() error {
	at := r.round.Load()
	if late := time.Since(time.Unix(0, at)); at != 0 && late > deadAfter {
		return fmt.Errorf("peer: it has not looked at the rings for %v", late.Round(time.Second))
	}
	return nil
}

func (r *Role) answer(context.Context, []byte) ([]byte, error) {
	b, err := json.Marshal(r.Stats())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", Method, err)
	}
	return b, nil
}
