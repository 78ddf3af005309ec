package replication

import (
	"slices"
	"sync"
	"time"

	"fcredirect/mgmt/peer/record"
)

// meter follows how soon changes are shown at the other end.
type meter struct {
	t *trace

	mu     sync.Mutex
	begun  time.Time
	heads  []int32 // by key: the first event that is not shown yet; -1: all are
	ages   [record.NumLanes][]int64
	left   int
	unseen int           // came and went
	done   chan struct{} // closed when nothing is left
}

func newMeter(t *trace) *meter {
	m := &meter{t: t, heads: slices.Clone(t.first), left: len(t.events), done: make(chan struct{})}
	for i := range t.events {
		lane := t.events[i].lane
		m.ages[lane] = append(m.ages[lane], 0)
	}
	for lane := range m.ages {
		m.ages[lane] = m.ages[lane][:0]
	}
	if m.left == 0 {
		close(m.done)
	}
	return m
}

func (m *meter) start(begun time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.begun = begun
}

// shown says that the other node shows the outcome of an event, and with it of all earlier ones of its key.
func (m *meter) shown(i int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.see(i, int64(time.Since(m.begun)))
}

// shownAll is shown for many at the same moment.
func (m *meter) shownAll(n int, event func(int) int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := int64(time.Since(m.begun))
	for k := range n {
		m.see(event(k), now)
	}
}

func (m *meter) see(i int32, now int64) {
	if i < 0 || int(i) >= len(m.t.events) {
		return // of before the trace
	}
	key, left := m.t.events[i].key, m.left
	at := m.heads[key]
	for ; at >= 0 && at <= i; at = m.t.next[at] {
		e := &m.t.events[at]
		m.ages[e.lane] = append(m.ages[e.lane], now-e.at)
		m.left--
	}
	m.heads[key] = at
	if m.left == 0 && left > 0 {
		close(m.done)
	}
}

// forget takes changes off that can no longer be seen: their record came and went before anybody was told of it. It is
// asked whether the other node has, or ever will have, a key.
func (m *meter) forget(absent func(key int32) bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.left == 0 {
		return
	}
	for key, at := range m.heads {
		if at < 0 {
			continue
		}
		last, n := at, 0
		for i := at; i >= 0; i = m.t.next[i] {
			last = i
			n++
		}
		if m.t.events[last].gone && absent(int32(key)) {
			m.heads[key] = -1
			m.left -= n
			m.unseen += n
		}
	}
	if m.left == 0 {
		close(m.done)
	}
}

// close counts what has not been shown with its present age, and says how many that were.
func (m *meter) close() (missing int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	missing = m.left
	now := int64(time.Since(m.begun))
	for key, at := range m.heads {
		for ; at >= 0; at = m.t.next[at] {
			e := &m.t.events[at]
			m.ages[e.lane] = append(m.ages[e.lane], now-e.at)
		}
		m.heads[key] = -1
	}
	if m.left > 0 {
		m.left = 0
		close(m.done)
	}
	return missing
}

// Staleness is how old changes were when they were shown, in ms.
type Staleness struct {
	Changes int     `json:"changes"`
	P50     float64 `json:"p50_ms"`
	P99     float64 `json:"p99_ms"`
	Max     float64 `json:"max_ms"`
}

func staleness(ages []int64) Staleness {
	if len(ages) == 0 {
		return Staleness{}
	}
	slices.Sort(ages)
	at := func(q float64) float64 { return float64(ages[min(len(ages)-1, int(q*float64(len(ages))))]) / 1e6 }
	return Staleness{Changes: len(ages), P50: at(0.5), P99: at(0.99), Max: float64(ages[len(ages)-1]) / 1e6}
}

// lanes gives the staleness of each lane, by name, and of all changes together. Only after close.
func (m *meter) lanes() map[string]Staleness {
	by := map[string]Staleness{}
	var all []int64
	for lane := range m.ages {
		if len(m.ages[lane]) > 0 {
			by[record.Lane(lane).String()] = staleness(m.ages[lane])
		}
		all = append(all, m.ages[lane]...)
	}
	by["all"] = staleness(all)
	return by
}
