package sim

import (
	"container/heap"
	"time"
)

// clock is the time of one port: how long it has been running. It moves only when the
// port's owner advances it, so a whole fabric can run on invented time.
type clock struct {
	now   time.Duration
	queue timerQueue
	armed uint64 // orders timers that are due at the same instant
}

// timer calls fire once, at its time. It is part of what it times and is used again.
type timer struct {
	fire  func()
	due   time.Duration
	order uint64
	index int // in the queue, from 1; 0 when not armed
}

// arm sets or moves the timer to d from now.
func (c *clock) arm(t *timer, d time.Duration) {
	c.armed++
	t.due, t.order = c.now+d, c.armed
	if t.index > 0 {
		heap.Fix(&c.queue, t.index-1)
		return
	}
	heap.Push(&c.queue, t)
}

// after is arm with a timer of its own.
func (c *clock) after(d time.Duration, fire func()) *timer {
	t := &timer{fire: fire}
	c.arm(t, d)
	return t
}

// stop disarms the timer; one that is not armed stays so.
func (c *clock) stop(t *timer) {
	if t.index > 0 {
		heap.Remove(&c.queue, t.index-1)
	}
}

// next is when the first timer is due.
func (c *clock) next() (time.Duration, bool) {
	if len(c.queue) == 0 {
		return 0, false
	}
	return c.queue[0].due, true
}

// advance moves the clock to now and fires what has become due, each timer at most once,
// so that one that arms itself for this instant cannot hold up the port.
func (c *clock) advance(now time.Duration) {
	c.now = max(c.now, now)
	last := c.armed
	for len(c.queue) > 0 && c.queue[0].due <= c.now && c.queue[0].order <= last {
		t := c.queue[0]
		heap.Pop(&c.queue)
		t.fire()
	}
}

type timerQueue []*timer

func (q timerQueue) Len() int { return len(q) }

func (q timerQueue) Less(i, j int) bool {
	if q[i].due != q[j].due {
		return q[i].due < q[j].due
	}
	return q[i].order < q[j].order
}

func (q timerQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].index, q[j].index = i+1, j+1
}

func (q *timerQueue) Push(x any) {
	t := x.(*timer)
	*q = append(*q, t)
	t.index = len(*q)
}

func (q *timerQueue) Pop() any {
	old := *q
	t := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	t.index = 0
	return t
}
