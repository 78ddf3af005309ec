package report

import (
	"fmt"
	"sync/atomic"
	"time"

	"fcredirect/dataplane/login"
	"fcredirect/dataplane/shm"
)

// Segment says whose segment it is and how its data plane fares.
type Segment struct {
	Node     string `json:"node"`
	State    string `json:"state"` // starting, running, drained; what the data plane wrote last
	Alive    bool   `json:"alive"` // its process still runs
	PID      uint32 `json:"pid"`
	Boot     string `json:"boot"`  // new at each start
	Boots    uint64 `json:"boots"` // starts that used this file
	Started  string `json:"started"`
	LastSign string `json:"last_sign_of_life"` // of its control goroutine
	ABI      uint32 `json:"abi"`
	Bytes    int    `json:"bytes"`
	TSCHz    uint64 `json:"tsc_hz"` // ticks per second of the lcores' clock

	AdoptedDirections uint64  `json:"adopted_directions"` // by a warm start
	AdoptedLogins     uint64  `json:"adopted_logins"`
	AdoptMs           float64 `json:"adopt_ms"`

	Generation  uint32  `json:"generation"`       // of the configuration
	Policy      string  `json:"policy,omitempty"` // its id, empty for none
	PolicySince string  `json:"policy_since,omitempty"`
	Learner     Learner `json:"learner"`
	HeapBytes   uint64  `json:"heap_bytes"`
	GCCycles    uint64  `json:"gc_cycles"`
}

// Learner is what the control goroutine counted while it learnt logins.
type Learner struct {
	Frames     uint64 `json:"frames"`
	Logins     uint64 `json:"logins"`
	LoginsFull uint64 `json:"login_table_full"` // logins that found no slot: their flows are forwarded
	BadCRC     uint64 `json:"bad_crc"`          // frames not learnt from; they crossed all the same
	Conflicts  uint64 `json:"conflicts"`        // a live WWPN claimed from elsewhere
	Expired    uint64 `json:"expired"`
	// Counters are all that the learner counts and that are not 0, by the names of login.Counter; those above are among them.
	Counters map[string]uint64 `json:"counters"`
}

// SegmentOf describes a segment.
func SegmentOf(f *shm.File) Segment {
	h := f.Header()
	s := Segment{
		Node: shm.Text(h.Node[:]), State: stateName(atomic.LoadUint32(&h.State)), Alive: f.Alive(), PID: h.PID, Boot: h.Boot(), Boots: h.Boots,
		Started: stamp(h.StartNS), ABI: h.ABI, Bytes: f.Size(), TSCHz: h.TSCHz, AdoptMs: float64(h.AdoptNS) / float64(time.Millisecond),
	}
	pages := shm.Items[shm.Control](f, shm.RegionControl)
	if len(pages) != 1 {
		return s
	}
	p := &pages[0]
	s.LastSign, s.AdoptedDirections, s.AdoptedLogins = stamp(p.Heartbeat), p.Adopted, p.AdoptedLogins
	s.Generation = atomic.LoadUint32(&p.Generation)
	if atomic.LoadUint32(&p.PolicySlot) != shm.NoPolicy {
		s.Policy, s.PolicySince = fmt.Sprintf("%016x", p.PolicyHash), stamp(p.PolicySinceNS)
	}
	s.Learner = Learner{
		Frames: p.Frames, Logins: p.LoginsLive, LoginsFull: p.LoginsFull, BadCRC: p.BadCRC, Conflicts: p.Conflicts, Expired: p.Expired,
		Counters: map[string]uint64{},
	}
	for i, n := range shm.Items[uint64](f, shm.RegionLearner) {
		if n > 0 && i < int(login.NumCounters) {
			s.Learner.Counters[login.Counter(i).String()] = n
		}
	}
	s.HeapBytes, s.GCCycles = p.HeapBytes, p.GCCycles
	return s
}

func stateName(state uint32) string {
	switch state {
	case shm.Starting:
		return "starting"
	case shm.Running:
		return "running"
	case shm.Drained:
		return "drained"
	}
	return "?"
}

// Service is the state of a service of the active policy.
type Service struct {
	Name  string `json:"name"`
	Port  string `json:"port"`
	Up    bool   `json:"up"`
	Flips uint32 `json:"flips"` // times that Up changed

	Unused bool `json:"-"` // no enabled rule uses it, as far as the data plane tells
}

// Services lists the services in the order of the policy.
func Services(f *shm.File) []Service {
	ports := shm.Items[shm.PortInfo](f, shm.RegionPorts)
	list := []Service{}
	for _, in := range shm.Items[shm.ServiceInfo](f, shm.RegionServices) {
		s := Service{Name: shm.Text(in.Name[:]), Up: in.Up == 1, Flips: in.Flips, Unused: in.Use == shm.Unused}
		if s.Name == "" {
			break
		}
		if in.Port >= 0 && int(in.Port) < len(ports) {
			s.Port = shm.Text(ports[in.Port].Name[:])
		}
		list = append(list, s)
	}
	return list
}
