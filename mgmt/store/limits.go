package store

import "time"

const (
	// DefaultBatch flows make a batch full. A transaction costs about a millisecond whatever it holds.
	DefaultBatch = 8192
	// linger is how long a batch that is not full waits.
	linger = 50 * time.Millisecond
)
