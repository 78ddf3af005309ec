package stats

import "time"

const (
	// Seconds, Minutes and Hours are the widths of a partition of each level. One is dropped as a whole, so a level holds
	// up to a width more than its retention. At the default retention 12, 14 and 13 of each exist.
	Seconds = 10 * time.Minute
	Minutes = 24 * time.Hour
	Hours   = 30 * 24 * time.Hour

	// maxPartitions bounds the partitions of a table: a clock that jumps about makes no more, and its samples lie in the
	// one for all else. Planning a query costs about 20 µs for each.
	maxPartitions = 200

	// ensureLockWait is how long EnsurePartitions waits for a lock: it is in a writer's way, and its work can wait.
	ensureLockWait = 2 * time.Second
)
