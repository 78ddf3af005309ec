package telemetry

import (
	"sync"
	"time"
)

// history is the looks of the last minutes, and who is busiest now.
type history struct {
	mu    sync.Mutex
	looks []*Look // guarded by mu; oldest first
	busy  []Flow  // guarded by mu
}

func (h *history) add(l *Look, busy []Flow) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.looks) == historyLooks {
		h.looks = h.looks[:copy(h.looks, h.looks[1:])]
	}
	h.looks = append(h.looks, l)
	h.busy = busy
}

// since gives the looks after a time, at most so many, the last ones. Where the clock has stepped back, those before it
// stepped count as older.
func (h *history) since(t time.Time, most int) []*Look {
	h.mu.Lock()
	defer h.mu.Unlock()
	from := len(h.looks)
	for from > 0 && h.looks[from-1].At.After(t) && len(h.looks)-from < most {
		from--
	}
	return append([]*Look{}, h.looks[from:]...)
}

// latest is the newest look, nil before the first.
func (h *history) latest() *Latest {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.looks) == 0 {
		return nil
	}
	return &Latest{*h.looks[len(h.looks)-1], h.busy}
}
