package peer

import (
	"sync"
	"time"

	"fcredirect/mgmt/peer/engine"
)

// quiet keeps what a peer can cause as often as it likes from filling the log: of each peer and kind it is told once in
// quietFor.
type quiet struct {
	mu   sync.Mutex
	told map[about]time.Time // as many as there are peers and kinds
}

type about struct {
	peer string
	kind engine.NoticeKind
}

func (q *quiet) passes(n engine.Notice, now time.Time) bool {
	switch n.Kind {
	case engine.Refused, engine.Diverged, engine.Repaired, engine.DuplicateNode:
	default:
		return true
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	what := about{n.Peer, n.Kind}
	if at, told := q.told[what]; told && now.Sub(at) < quietFor {
		return false
	}
	if q.told == nil {
		q.told = map[about]time.Time{}
	}
	q.told[what] = now
	return true
}
