package simulation

import "time"

const (
	// Heals is how long after the last fault all must show the same.
	Heals = int64(2 * time.Second)
	// maxEvents is the most events of a run: a protocol that never comes to rest exceeds it.
	maxEvents = 3_000_000
	// rest is the last part of a run, in which nobody has anything to say but that it is there: so many frames at most
	// over each end of a connection.
	rest       = int64(400 * time.Millisecond)
	restFrames = 60
	// hesitates is how long before a call the time may have been read that it is given, ns.
	hesitates = 50_000
	// A node's tables have at most so many bytes each when they are empty, and so many for each key that there ever was.
	tableBytes = 256 << 10
	keyBytes   = 1 << 10
)
