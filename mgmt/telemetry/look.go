package telemetry

import (
	"encoding/hex"
	"sync"
	"time"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/report"
	"fcredirect/mgmt/attach"
)

// Look is what the pages said at a moment. Counters are totals since the data plane started; rates are between two
// looks of the same boot.
type Look struct {
	At     time.Time `json:"at"`
	Boot   string    `json:"boot"` // of the data plane: another one counts from zero
	Alive  bool      `json:"alive"`
	Ports  []Port    `json:"ports"`
	Lcores []Lcore   `json:"lcores"`
	Rings  []Ring    `json:"rings"`
}

// Port is a port at a look.
type Port struct {
	Name         string `json:"name"`
	Up           bool   `json:"up"`
	FramesIn     uint64 `json:"frames_in"`
	BytesIn      uint64 `json:"bytes_in"`
	FramesOut    uint64 `json:"frames_out"`
	BytesOut     uint64 `json:"bytes_out"`
	Drops        uint64 `json:"drops"`
	Stalled      uint64 `json:"stalled"`
	MirrorLost   uint64 `json:"mirror_lost"`
	DeviceErrors uint64 `json:"device_errors"`
	PausesIn     uint64 `json:"pauses_in"`
	PausesOut    uint64 `json:"pauses_out"`
}

// Lcore is a poll-mode core at a look.
type Lcore struct {
	Index  int     `json:"index"`
	Busy   float64 `json:"busy"` // share of its time since the start
	Frames uint64  `json:"frames"`
	Flows  uint64  `json:"directions"`
	Stalls uint64  `json:"stalls"`
	P99    float64 `json:"latency_p99_us"`
}

// Ring is a ring to the slow path at a look.
type Ring struct {
	Consumer  string `json:"consumer"`
	Shard     int    `json:"shard"`
	Producer  int    `json:"producer"`
	Depth     uint64 `json:"depth"`
	Offered   uint64 `json:"offered"`
	Released  uint64 `json:"released"`
	Conflated uint64 `json:"conflated"`
	Lost      uint64 `json:"lost"`
}

// look reads the pages.
func look(seg *attach.Segment, now time.Time) *Look {
	boot := seg.State.Header().BootID
	l := &Look{At: now, Boot: hex.EncodeToString(boot[:]), Alive: seg.State.Alive(), Ports: []Port{}, Lcores: []Lcore{}, Rings: []Ring{}}
	for _, p := range report.Ports(seg.State) {
		c := &p.Counters
		l.Ports = append(l.Ports, Port{
			Name: p.Name, Up: p.Up, FramesIn: c.RxFrames, BytesIn: c.RxBytes, FramesOut: c.TxFrames, BytesOut: c.TxBytes, Drops: p.Dropped,
			Stalled: p.TxStalled, MirrorLost: p.MirrorLost, DeviceErrors: p.DeviceErrors, PausesIn: p.PausesIn, PausesOut: p.PausesOut,
		})
	}
	for _, c := range report.Lcores(seg.State) {
		l.Lcores = append(l.Lcores, Lcore{Index: c.Index, Busy: c.Busy, Frames: c.Frames, Flows: c.Flows, Stalls: c.Stalls, P99: c.P99})
	}
	for _, r := range feed.Rings(seg.State, seg.Ctl) {
		l.Rings = append(l.Rings, Ring{
			Consumer: r.Consumer.String(), Shard: r.Shard, Producer: r.Producer, Depth: r.Depth, Offered: r.Offered, Released: r.Released,
			Conflated: r.Conflated, Lost: r.Lost,
		})
	}
	return l
}

// stored says whether the store keeps up: since the look before, each of its rings was read, or has nothing in it. Then
// what flows did meanwhile is in the database, or on its way.
func (l *Look) stored(before *Look) bool {
	if before == nil || before.Boot != l.Boot || len(before.Rings) != len(l.Rings) {
		return false
	}
	for i, r := range l.Rings {
		if r.Consumer == feed.Store.String() && r.Depth > 0 && r.Released == before.Rings[i].Released {
			return false
		}
	}
	return true
}

// history is the looks of the last minutes.
type history struct {
	mu    sync.Mutex
	looks []*Look // guarded by mu; oldest first
}

func (h *history) add(l *Look) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.looks) == historyLooks {
		h.looks = h.looks[:copy(h.looks, h.looks[1:])]
	}
	h.looks = append(h.looks, l)
}

// since gives the looks after a time, at most so many, the last ones.
func (h *history) since(t time.Time, most int) []*Look {
	h.mu.Lock()
	defer h.mu.Unlock()
	from := len(h.looks)
	for from > 0 && h.looks[from-1].At.After(t) {
		from--
	}
	return append([]*Look{}, h.looks[max(from, len(h.looks)-most):]...)
}

// last is the newest look, nil before the first.
func (h *history) last() *Look {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.looks) == 0 {
		return nil
	}
	return h.looks[len(h.looks)-1]
}
