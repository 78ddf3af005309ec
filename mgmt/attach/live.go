package attach

import (
	"context"
	"sync"
	"time"

	"fcredirect/mgmt/problem"
)

// Live is the segment that there is now, for those who answer requests: they look at it for a moment, from many
// goroutines, and a request must neither wait for a data plane nor read a mapping that was taken away under it.
//
// Run follows the data plane: behind a cold start Use hands out the new segment at once, and the old one is unmapped when
// the last of those who still look at it has returned.
type Live struct {
	place Place

	mu      sync.Mutex
	current *held // nil: there is none
	why     error // there is none
}

// held is a mapping with the number of those who look at it.
type held struct {
	*Segment
	users int
	left  bool // it is no longer the current one: the last user unmaps it
}

// NewLive makes a Live that has not looked yet: Run does.
func NewLive(p Place) *Live { return &Live{place: p} }

// Run follows the data plane until ctx ends. Behind it there is no segment.
func (l *Live) Run(ctx context.Context) {
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		l.look()
		select {
		case <-ctx.Done():
			l.set(nil, ctx.Err())
			return
		case <-tick.C:
		}
	}
}

// look opens what is there, if it is not what is held.
func (l *Live) look() {
	l.mu.Lock()
	h := l.current
	l.mu.Unlock() // Run alone sets it: it stays ours to look at
	if h != nil && !h.Replaced() {
		return
	}
	s, err := Open(l.place)
	l.set(s, err)
}

// set replaces the current segment.
func (l *Live) set(s *Segment, why error) {
	l.mu.Lock()
	old := l.current
	l.current, l.why = nil, why
	if s != nil {
		l.current = &held{Segment: s}
	}
	if old != nil {
		old.left = true
	}
	unmap := old != nil && old.users == 0
	l.mu.Unlock()
	if unmap {
		old.Close()
	}
}

// Use calls do with the segment, which stays mapped until do returns. do is short, and keeps nothing that lies in the
// mapping (shm.Text and slices of regions do: clone them). Two calls may get two different segments: compare Epoch where
// that matters. Without a segment do is not called, and the error is a problem of mgmt/problem.
func (l *Live) Use(do func(*Segment) error) error {
	l.mu.Lock()
	h := l.current
	if h == nil {
		err := problem.Wrap(problem.DataplaneUnavailable, l.why, "")
		l.mu.Unlock()
		return err
	}
	h.users++
	l.mu.Unlock()
	defer l.release(h)
	return do(h.Segment)
}

func (l *Live) release(h *held) {
	l.mu.Lock()
	h.users--
	unmap := h.left && h.users == 0
	l.mu.Unlock()
	if unmap {
		h.Close()
	}
}
