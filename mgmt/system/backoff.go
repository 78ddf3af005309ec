package system

import (
	"math/rand/v2"
	"time"
)

// backoff is how long to wait before the next attempt. It belongs to one goroutine.
type backoff struct{ failures int }

// next counts a failure after a run of that length.
func (b *backoff) next(ran time.Duration) time.Duration {
	if ran >= healthyFor {
		b.failures = 0
	}
	wait := backoffMost
	if b.failures < 7 {
		wait = min(wait, backoffFirst<<b.failures)
	}
	b.failures++
	return wait - wait/5 + rand.N(2*wait/5+1)
}
