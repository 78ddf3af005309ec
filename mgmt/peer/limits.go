package peer

import "time"

const (
	// DefaultBatch items are read from a ring before it is the next one's turn.
	DefaultBatch = 1024
	// An empty look at the rings is followed by a wait of minWait, then of twice as much each time, up to maxWait: the
	// most urgent lane of a peer has 10 ms.
	minWait = time.Millisecond
	maxWait = 8 * time.Millisecond
	// lookEvery is how often it looks whether the segment was replaced: a system call.
	lookEvery = 200 * time.Millisecond
	// deadAfter is how long the loop may not come round before it is ill.
	deadAfter = 5 * time.Second
)
