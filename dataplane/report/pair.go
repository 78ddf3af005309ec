package report

import (
	"encoding/hex"
	"fmt"
	"math"
	"time"

	"fcredirect/dataplane/pair"
	"fcredirect/dataplane/shm"
)

// Pair is how a node stands with its partner, in an inline pair.
type Pair struct {
	Node     string `json:"node"`
	State    string `json:"state"` // single, standby, active, draining; stopped after an orderly end
	Why      string `json:"why"`
	Since    string `json:"since"`
	Epoch    uint64 `json:"epoch"` // in which it is active; standing by, the newest it heard of
	Changes  uint64 `json:"changes"`
	Priority uint8  `json:"priority"`
	Start    string `json:"start"`
	Takeover string `json:"takeover"`
	BeatMs   uint64 `json:"beat_ms"`
	DeadMs   uint64 `json:"dead_after_ms"` // without a beat on any path
	Ready    bool   `json:"ready"`         // its tables have what the partner knows, as was said last
	ReadyAt  string `json:"ready_at"`
	Known    uint64 `json:"known"`
	Linked   bool   `json:"linked"`
	Sent     uint64 `json:"beats_sent"`
	Announce uint64 `json:"announced"` // frames sent to tell the switches where MACs are

	Heard     uint64 `json:"beats_heard"`
	Forged    uint64 `json:"beats_forged"`
	Replayed  uint64 `json:"beats_replayed"`
	Foreign   uint64 `json:"beats_foreign"`
	Looped    uint64 `json:"beats_looped"`
	Unproven  uint64 `json:"beats_unproven"`
	Takeovers uint64 `json:"takeovers"`
	HandOvers uint64 `json:"hand_overs"`
	Fences    uint64 `json:"fences"`

	Partner *Partner `json:"partner"` // null for a single node
	Paths   []Path   `json:"paths"`
}

// Partner is what is known of the other node.
type Partner struct {
	Node       string  `json:"node"`
	Alive      bool    `json:"alive"`
	Heard      string  `json:"heard"`
	AgeMs      float64 `json:"age_ms"` // since it was heard; 0 never
	State      string  `json:"state"`
	Epoch      uint64  `json:"epoch"`
	Ready      bool    `json:"ready"`
	Priority   uint8   `json:"priority"`
	Boot       string  `json:"boot"`
	ABI        uint32  `json:"abi"`
	SamePorts  bool    `json:"same_ports"`
	SamePolicy bool    `json:"same_policy"`
	WindowOpen bool    `json:"window_open"` // a change of its policy waits for its confirmation
}

// Path is a port by which beats come.
type Path struct {
	Port  string  `json:"port"`
	Heard string  `json:"heard"`
	AgeMs float64 `json:"age_ms"`
}

// PairOf says how a node stands with its partner.
func PairOf(f *shm.File) (Pair, error) {
	r, err := pair.Read(f)
	if err != nil {
		return Pair{}, err
	}
	now := time.Now().UnixNano()
	p := Pair{
		Node: shm.Text(f.Header().Node[:]), State: r.State.String(), Why: r.Why.String(), Since: stamp(r.Since), Epoch: r.Epoch, Changes: r.Changes,
		Priority: r.Priority, Start: r.Start.String(), Takeover: r.Takeover.String(), BeatMs: uint64(r.Beat / 1e6), DeadMs: uint64(r.Beat/1e6) * uint64(r.Misses),
		Ready: r.Ready == 1, ReadyAt: stamp(r.ReadyAt), Known: r.Known, Linked: r.Linked == 1, Sent: r.Sent, Announce: r.Announce,
		Heard: r.Heard, Forged: r.Forged, Replayed: r.Replayed, Foreign: r.Foreign, Looped: r.Looped, Unproven: r.Unproven,
		Takeovers: r.Takeovers, HandOvers: r.HandOvers, Fences: r.Fences, Paths: []Path{},
	}
	if shm.Text(r.Partner[:]) == "" {
		return p, nil
	}
	p.Partner = &Partner{
		Node: shm.Text(r.Partner[:]), Alive: r.PartnerAlive == 1, Heard: stamp(r.PartnerHeard), AgeMs: age(now, r.PartnerHeard),
		State: r.PartnerState.String(), Epoch: r.PartnerEpoch, Ready: r.PartnerFlags&pair.IsReady != 0, Priority: r.PartnerPriority,
		Boot: hex.EncodeToString(r.PartnerBoot[:8]), ABI: r.PartnerABI, SamePorts: r.PartnerLayout == r.Layout,
		WindowOpen: r.PartnerFlags&pair.WindowOpen != 0,
	}
	if pages := shm.Items[shm.Control](f, shm.RegionControl); len(pages) == 1 {
		p.Partner.SamePolicy = pages[0].PolicyHash == r.PartnerPolicy
	}
	if r.PartnerHeard == 0 {
		p.Partner.State = "unknown"
	}
	infos := shm.Items[shm.PortInfo](f, shm.RegionPorts)
	for i := range infos[:min(len(infos), pair.MaxPaths)] {
		if infos[i].Role != shm.RoleService {
			p.Paths = append(p.Paths, Path{Port: shm.Text(infos[i].Name[:]), Heard: stamp(r.HeardOn[i]), AgeMs: age(now, r.HeardOn[i])})
		}
	}
	return p, nil
}

// age is the time since then in ms with one decimal, 0 for never.
func age(now, then int64) float64 {
	if then == 0 {
		return 0
	}
	return math.Round(float64(now-then)/1e5) / 10
}

// String says in a few words how the node stands.
func (p *Pair) String() string {
	if p.Partner == nil {
		return p.State
	}
	return fmt.Sprintf("%s with %s", p.State, p.Partner.Node)
}
