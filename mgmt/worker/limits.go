package worker

import "time"

const (
	// MaxWorkers bounds a pool: management cores are few.
	MaxWorkers = 64
	// DefaultQueue is the items that wait for one worker: half a millisecond of work at 4 million items a second.
	DefaultQueue = 2048
	// DefaultWait bounds how long a worker sleeps without looking. The doorbell wakes it sooner.
	DefaultWait = 50 * time.Millisecond
	// burst is how many items a worker handles before it gives their places back and counts them.
	burst = 128
	// maxItemBytes bounds an item: a queue is a plain array of them.
	maxItemBytes = 4096
)
