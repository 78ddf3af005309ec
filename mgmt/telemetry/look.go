package telemetry

import (
	"encoding/hex"
	"fmt"
	"sync/atomic"
	"time"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
)

// Look is what the pages said at a moment. Counters are totals since the data plane started; a rate is the difference
// between two looks of the same boot.
type Look struct {
	At       time.Time `json:"at"`
	Boot     string    `json:"boot"` // of the data plane: another one counts from zero
	Started  time.Time `json:"started"`
	Alive    bool      `json:"alive"`
	Ports    []Port    `json:"ports"`
	Lcores   []Lcore   `json:"lcores"`
	Services []Service `json:"services"`
	Rings    []Ring    `json:"rings"`
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

// Service is a service of the active policy at a look.
type Service struct {
	Name  string `json:"name"`
	Port  string `json:"port"`
	Up    bool   `json:"up"`
	Flips uint32 `json:"flips"` // times that it came or went
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

// Flow is one of the busiest flows, with its rates since the look before.
type Flow struct {
	report.Flow
	FramesOut float64 `json:"frames_to_target_per_second"`
	FramesIn  float64 `json:"frames_to_initiator_per_second"`
	BytesOut  float64 `json:"bytes_to_target_per_second"`
	BytesIn   float64 `json:"bytes_to_initiator_per_second"`
}

// Latest is the newest look, and who is busiest now.
type Latest struct {
	Look
	Busiest []Flow `json:"busiest"`
}

// eye looks at one segment. It belongs to the looker.
type eye struct {
	seg     *attach.Segment
	busiest *report.Busiest
	policy  *policy.Snapshot // gives names; read again only when it changed
	read    string           // generation and id of the policy read last
}

func newEye(seg *attach.Segment) *eye { return &eye{seg: seg, busiest: report.NewBusiest(seg.State)} }

// look reads the pages; nil while the data plane starts, for then its counters are those of nobody.
func (e *eye) look(now time.Time) *Look {
	boot, ok := running(e.seg.State)
	if !ok {
		return nil
	}
	l := &Look{
		At: now.Round(0).UTC().Truncate(time.Microsecond), Boot: boot, Started: time.Unix(0, e.seg.State.Header().StartNS).UTC(), Alive: e.seg.State.Alive(),
		Ports: []Port{}, Lcores: []Lcore{}, Services: []Service{}, Rings: []Ring{},
	}
	for _, p := range report.Ports(e.seg.State) {
		c := &p.Counters
		l.Ports = append(l.Ports, Port{
			Name: p.Name, Up: p.Up, FramesIn: c.RxFrames, BytesIn: c.RxBytes, FramesOut: c.TxFrames, BytesOut: c.TxBytes, Drops: p.Dropped,
			Stalled: p.TxStalled, MirrorLost: p.MirrorLost, DeviceErrors: p.DeviceErrors, PausesIn: p.PausesIn, PausesOut: p.PausesOut,
		})
	}
	for _, c := range report.Lcores(e.seg.State) {
		l.Lcores = append(l.Lcores, Lcore{Index: c.Index, Busy: c.Busy, Frames: c.Frames, Flows: c.Flows, Stalls: c.Stalls, P99: c.P99})
	}
	for _, s := range report.Services(e.seg.State) {
		l.Services = append(l.Services, Service{Name: s.Name, Port: s.Port, Up: s.Up, Flips: s.Flips})
	}
	for _, r := range feed.Rings(e.seg.State, e.seg.Ctl) {
		l.Rings = append(l.Rings, Ring{
			Consumer: r.Consumer.String(), Shard: r.Shard, Producer: r.Producer, Depth: r.Depth, Offered: r.Offered, Released: r.Released,
			Conflated: r.Conflated, Lost: r.Lost,
		})
	}
	if again, ok := running(e.seg.State); !ok || again != boot {
		return nil // it started anew under our eyes
	}
	return l
}

// running says which boot the counters are of. A start first says so, then clears them, and is named last.
func running(f *shm.File) (boot string, ok bool) {
	h := f.Header()
	before := atomic.LoadUint32(&h.State)
	id := h.BootID
	return hex.EncodeToString(id[:]), before != shm.Starting && atomic.LoadUint32(&h.State) != shm.Starting
}

// busy brings the rates of the busiest flows up to date.
func (e *eye) busy(now time.Time) []Flow {
	s := report.SegmentOf(e.seg.State)
	if id := fmt.Sprint(s.Generation, s.Policy); id != e.read {
		if p, err := report.ReadPolicy(e.seg.State); err == nil {
			e.policy, e.read = p, id
		}
	}
	e.busiest.Look(now)
	flows := []Flow{}
	for _, f := range e.busiest.Top(busiestFlows, e.policy) {
		flows = append(flows, Flow{f.Flow, f.FramesOutRate, f.FramesInRate, f.BytesOutRate, f.BytesInRate})
	}
	return flows
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
