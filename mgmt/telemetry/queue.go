package telemetry

import "sync"

// waiting is a look that is not in the database yet, with what the looker knows of the time before it.
type waiting struct {
	look   *Look
	stored bool // flows too were measured since the look before
}

// queue is the looks that wait for the database. When it is full the oldest goes: its counts come with the next one, and
// the time that it stood for is a gap.
type queue struct {
	mu      sync.Mutex
	looks   []waiting // guarded by mu; oldest first
	first   uint64    // guarded by mu: number of the first, counted from the beginning
	dropped uint64    // guarded by mu
}

func (q *queue) add(w waiting) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.looks) == maxWaiting {
		q.looks = q.looks[:copy(q.looks, q.looks[1:])]
		q.first++
		q.dropped++
	}
	q.looks = append(q.looks, w)
}

// all gives those that wait, and the number after the last, for done.
func (q *queue) all() (list []waiting, next uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return append(list, q.looks...), q.first + uint64(len(q.looks))
}

// done removes those before a number.
func (q *queue) done(next uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if next <= q.first {
		return
	}
	n := copy(q.looks, q.looks[next-q.first:])
	clear(q.looks[n:])
	q.looks, q.first = q.looks[:n], next
}

func (q *queue) count() (waiting int, dropped uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.looks), q.dropped
}
