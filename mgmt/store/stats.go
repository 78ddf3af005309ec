package store

import (
	"time"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/worker"
)

// Stats is what an instance says of its work since it was made. Counters only go up.
type Stats struct {
	Updates   uint64 `json:"updates"`   // items read from the rings
	Stale     uint64 `json:"stale"`     // of these, not taken because the database has them
	Conflated uint64 `json:"conflated"` // of these, merged with a later one of the same flow
	Rows      uint64 `json:"rows"`      // of flows and logins, written
	Samples   uint64 `json:"samples"`
	Commits   uint64 `json:"commits"`
	Failures  uint64 `json:"failures"` // transactions that failed
	Lost      uint64 `json:"lost"`     // times that the database had lost commits, or was another one
	Resyncs   uint64 `json:"resyncs"`  // times that the data plane was asked for everything
	Settled   uint64 `json:"settled"`  // flows found gone without a word, and marked as ended
	Retired   uint64 `json:"retired"`  // rows of ended flows that were deleted

	Flush   shm.Histogram   `json:"-"`       // ns that a transaction took
	Lag     time.Duration   `json:"lag_ns"`  // since the oldest item was read that is not durable
	Depth   uint64          `json:"depth"`   // items that are not released
	Waiting int             `json:"waiting"` // flows that changed since their last sample
	Workers []worker.Worker `json:"-"`
}

// Stats may be called from any goroutine.
func (r *Role) Stats() Stats {
	r.mu.Lock()
	s, pool := r.stats, r.pool
	r.mu.Unlock()
	if pool != nil {
		s.Workers = pool.Stats()
		sum := worker.Sum(s.Workers)
		s.Stale += sum.Stale
		s.Conflated += sum.Conflated
	}
	s.Depth = r.depth.Load()
	for _, at := range []int64{r.readSince.Load(), r.unsaved.Load()} {
		if at != 0 {
			s.Lag = max(s.Lag, r.age()-time.Duration(at-1))
		}
	}
	return s
}

func (r *Role) count(add func(*Stats)) {
	r.mu.Lock()
	add(&r.stats)
	r.mu.Unlock()
}

// use makes the workers of a session, nil for none, those of which Stats tells; what the ones before counted stays.
func (r *Role) use(pool *worker.Pool[feed.Item]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pool != nil {
		sum := worker.Sum(r.pool.Stats())
		r.stats.Stale += sum.Stale
		r.stats.Conflated += sum.Conflated
	}
	r.pool = pool
}

// mark keeps a time where Stats finds it, 0 for none.
func (r *Role) mark(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(1, int64(t.Sub(r.born))+1)
}
