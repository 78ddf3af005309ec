package eventlog

import (
	"sync"
	"sync/atomic"
	"time"

	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/event/spool"
)

// counters live as long as the Role.
type counters struct {
	events, fromRings, fromProcesses, duplicates, lost, failures atomic.Uint64
	drained, drainErrors, offeredAgain, deleted                  atomic.Uint64

	commit, publish, drain, lag histogram
}

// histogram of nanoseconds.
type histogram struct {
	mu sync.Mutex
	h  shm.Histogram
}

func (h *histogram) add(d time.Duration, n uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.h.Add(uint64(max(d, 0)), n) // a clock that was set back gives a negative time
}

func (h *histogram) copy() *shm.Histogram {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.h
	return &c
}

// Stats is what the role says of itself. Counters are since it was made.
type Stats struct {
	Events        uint64 // in the log
	FromRings     uint64
	FromProcesses uint64
	Duplicates    uint64 // that came again, and were dropped
	Lost          uint64 // that the data plane counted as lost, in gap records
	Failures      uint64 // commits of the spool that failed

	Number       uint64 // of the newest event
	Waiting      uint64 // events that the database does not have yet
	Drained      uint64
	DrainErrors  uint64
	OfferedAgain uint64 // after failovers
	Deleted      uint64 // by retention

	Spool spool.Stats

	// In ns.
	Commit  *shm.Histogram // of a group to the spool
	Publish *shm.Histogram // from an event's time to when subscribers may see it
	Drain   *shm.Histogram // of a batch to the database
	Lag     *shm.Histogram // from an event's time to when the database has it
}

// Stats may be called at any time.
func (r *Role) Stats() Stats {
	c := r.stats
	s := Stats{
		Events: c.events.Load(), FromRings: c.fromRings.Load(), FromProcesses: c.fromProcesses.Load(), Duplicates: c.duplicates.Load(),
		Lost: c.lost.Load(), Failures: c.failures.Load(), Drained: c.drained.Load(), DrainErrors: c.drainErrors.Load(),
		OfferedAgain: c.offeredAgain.Load(), Deleted: c.deleted.Load(),
		Commit: c.commit.copy(), Publish: c.publish.copy(), Drain: c.drain.copy(), Lag: c.lag.copy(),
	}
	if l := r.log.Load(); l != nil {
		l.mu.Lock()
		published := l.published
		l.mu.Unlock()
		s.Number, s.Waiting, s.Spool = l.spool.Number(published), l.waiting(), l.spool.Stats()
	}
	return s
}
