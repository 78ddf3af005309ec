package worker

import (
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// run is the life of a worker. A pinned one leaves its thread locked at the end, so that it dies with its affinity.
func (w *worker[T]) run(started chan<- error) {
	err := w.pin()
	started <- err
	if err != nil {
		return
	}
	timer := time.NewTimer(w.wait)
	defer timer.Stop()
	for {
		if w.burst() > 0 {
			continue
		}
		select {
		case <-w.pool.stop:
			// What was committed before Close is there by now.
			for w.burst() > 0 {
			}
			return
		default:
			w.sleep(timer)
		}
	}
}

func (w *worker[T]) pin() error {
	if w.cpu < 0 {
		return nil
	}
	runtime.LockOSThread()
	var set unix.CPUSet
	set.Set(w.cpu)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("pin a worker to CPU %d: %w", w.cpu, err)
	}
	return nil
}

// sleep waits for the doorbell, the end, or its bound.
func (w *worker[T]) sleep(timer *time.Timer) {
	w.asleep.Store(true)
	defer w.asleep.Store(false)
	if !w.out.Empty() {
		return
	}
	timer.Reset(w.wait)
	select {
	case <-w.bell:
	case <-timer.C:
	case <-w.pool.stop:
	}
}

// counts is what happened in a burst.
type counts struct {
	applied, merged, stale, dropped uint64
}

// burst handles what waits, up to its bound, and says how many slots that were.
func (w *worker[T]) burst() int {
	n := 0
	var since, of int64 // of the items of one batch: when it was offered, how many
	for n < burst {
		s := (*slot[T])(w.out.Next())
		if s == nil {
			break
		}
		n++
		if s.mark != 0 {
			w.publish(since, of)
			of = 0
			w.handler.Mark(s.mark)
			continue
		}
		if s.at != since && of > 0 {
			w.publish(since, of)
			of = 0
		}
		since = s.at
		of++
		w.handle(&s.item)
	}
	if of > 0 {
		w.publish(since, of)
	}
	if n > 0 {
		w.out.Release()
		w.handled.Store(w.out.Cursor())
	}
	return n
}

func (w *worker[T]) handle(item *T) {
	if w.order != nil {
		source, seq := w.order(item)
		if source < 0 || source >= len(w.seen) {
			w.count.dropped++
			return
		}
		if seq <= w.seen[source] {
			w.count.stale++
			return
		}
		w.seen[source] = seq
	}
	switch w.handler.Handle(item) {
	case Applied:
		w.count.applied++
	case Merged:
		w.count.merged++
	default:
		w.count.dropped++
	}
}

// publish adds n items of the batch offered at since to what Stats shows.
func (w *worker[T]) publish(since, n int64) {
	now := w.pool.now()
	w.mu.Lock()
	defer w.mu.Unlock()
	t, c := &w.total, &w.count
	if n > 0 {
		t.Latency.Add(uint64(max(now-since, 0)), uint64(n))
	}
	t.Processed += c.applied + c.merged
	t.Conflated += c.merged
	t.Stale += c.stale
	t.Dropped += c.dropped
	*c = counts{}
}
