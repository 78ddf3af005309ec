package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/ring"
)

// asynchronous queues a frame's update for each of the four, and a worker each does one after the other.
type asynchronous struct {
	*operations
	stop    context.CancelFunc
	queues  [4]*queue
	working sync.WaitGroup
	failed  atomic.Pointer[error]

	// the fast path's
	enqueued, dropped uint64
}

// queue is a work type's: a ring without locks.
type queue struct {
	in   *ring.Producer
	out  *ring.Consumer
	wait bool // critical work: the fast path waits for room
	do   func(*update) error
	done atomic.Uint64
	used atomic.Uint64 // the worker's messages and bytes, where it has any
	sent atomic.Uint64
}

const queueStride = int(unsafe.Sizeof(update{}))

func (v *asynchronous) begin(ctx context.Context, l *lab) (*poller, error) {
	shard, err := l.newTable()
	if err != nil {
		return nil, err
	}
	if v.operations, err = openOperations(ctx, l); err != nil {
		return nil, err
	}
	ctx, v.stop = context.WithCancel(ctx)
	one := func(send func([]update) error) func(*update) error {
		var list [1]update
		return func(u *update) error { list[0] = *u; return send(list[:]) }
	}
	work := [4]func(*update) error{
		one(v.peer.send), func(u *update) error { return v.storage.write(ctx, u) }, one(v.monitoring.send), one(v.audit.write),
	}
	for i := range v.queues {
		q := &queue{wait: i == 0, do: work[i]}
		if q.in, q.out, err = ring.New(ring.Spec{Items: queueItems, Stride: queueStride}); err != nil {
			return nil, err
		}
		v.queues[i] = q
	}
	for _, q := range v.queues {
		v.working.Go(func() { v.work(ctx, q) })
	}
	return newPoller(l.traffic, shard, burstFrames), nil
}

// work is a worker: it waits for work with a bound, does one item, takes the next.
func (v *asynchronous) work(ctx context.Context, q *queue) {
	idle := time.NewTicker(time.Millisecond)
	defer idle.Stop()
	for ctx.Err() == nil {
		slot := q.out.Next()
		if slot == nil {
			select {
			case <-ctx.Done():
			case <-idle.C:
			}
			continue
		}
		if err := q.do((*update)(slot)); err != nil {
			if ctx.Err() == nil {
				v.failed.CompareAndSwap(nil, &err)
			}
			return
		}
		q.out.Release()
		q.done.Add(1)
	}
}

func (v *asynchronous) owed(p *poller, n int, _ uint64) error {
	for _, slot := range p.hit[:n] {
		e := p.shard.InSlot(slot)
		u := fromEntry(e, p.shard.Info(e))
		for _, q := range v.queues {
			if err := v.enqueue(q, &u); err != nil {
				return err
			}
		}
	}
	return nil
}

// enqueue is the papers' enqueue_with_backpressure.
func (v *asynchronous) enqueue(q *queue, u *update) error {
	for q.in.Free(1) == 0 {
		if err := v.failed.Load(); err != nil {
			return fmt.Errorf("bench: asynchronous: %w", *err)
		}
		if !q.wait {
			v.dropped++
			return nil
		}
		_, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
	}
	*(*update)(q.in.Reserve()) = *u
	q.in.Commit()
	v.enqueued++
	return nil
}

func (v *asynchronous) between(*poller, uint64)    {}
func (v *asynchronous) fresh() uint64              { return 0 }
func (v *asynchronous) touch(*poller, *flow.Entry) {}

func (v *asynchronous) counts() (counts, error) {
	peer := v.queues[0].done.Load()
	return counts{
		updates: v.storage.done.Load(), operations: v.storage.done.Load(), peerUpdates: peer, peerMessages: peer,
		peerBytes: peer * oneMessageBytes, syncs: v.audit.syncs.Load(), dropped: v.dropped,
	}, nil
}

// oneMessageBytes is a message of one whole update, and its answer.
const oneMessageBytes = messageHeader + 1 + updateBytes + 8

func (v *asynchronous) pids() []int { return nil }

// end leaves undone what waits in the queues.
func (v *asynchronous) end(*poller) (*bool, error) {
	v.stop()
	v.working.Wait()
	var err error
	if e := v.failed.Load(); e != nil {
		err = *e
	}
	if v.peer.bytes != v.peer.messages*oneMessageBytes {
		err = errors.Join(err, fmt.Errorf("bench: %d bytes in %d messages to the peer", v.peer.bytes, v.peer.messages))
	}
	return nil, errors.Join(err, v.operations.close())
}
