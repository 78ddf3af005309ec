package store

import (
	"time"

	"fcredirect/dataplane/shm"
)

// Stats is what an instance says of its work since it was made. Counters only go up.
type Stats struct {
	Updates   uint64 // items read from the rings
	Stale     uint64 // of these, not taken because the database has them
	Conflated uint64 // of these, merged with a later one of the same flow
	Rows      uint64 // rows of flows and logins written
	Samples   uint64
	Commits   uint64
	Failures  uint64 // transactions that failed
	Resyncs   uint64 // times that the data plane was asked for everything
	Settled   uint64 // flows found gone without a word, and marked as ended
	Retired   uint64 // rows of ended flows deleted

	Flush   shm.Histogram // ns that a transaction took
	Lag     time.Duration // age of the oldest item that is not durable
	Depth   uint64        // items that are not released
	Waiting int           // flows that wait for their sample
}

// Stats may be called from any goroutine.
func (r *Role) Stats() Stats { return Stats{} }
