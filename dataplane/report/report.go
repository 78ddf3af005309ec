// Package report is what a reader makes of the segment: ports, lcores, services, logins and flows as plain values with
// stable JSON keys (README.md lists them). The command line, the replay report and the demo's summary all print these.
//
// Who may import it: anything outside the fast path. It only reads; nothing in the segment is trusted. Any goroutine
// may call it; a Busiest belongs to one.
//
// Invariants: lists are sorted, so that the same state gives the same bytes; a list without items is empty, not null.
//
// Limits: Flows and Logins need memory and time for the whole table, so they are for questions that are asked once.
// What looks again and again uses Busiest, whose work at a look does not grow with the table (limits.go).
package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/shm"
)

// Port is a port with its counters, summed over the lcores.
type Port struct {
	Name         string            `json:"name"`
	Role         string            `json:"role"`
	Device       string            `json:"device,omitempty"`
	Driver       string            `json:"driver,omitempty"`
	MAC          string            `json:"mac,omitempty"`
	Fabric       uint8             `json:"fabric"`
	Pair         string            `json:"pair,omitempty"`
	Lcore        int               `json:"lcore"`
	Up           bool              `json:"up"`
	SpeedMbps    uint32            `json:"speed_mbps"`
	MTU          uint32            `json:"mtu"`
	FramesIn     uint64            `json:"frames_in"`
	BytesIn      uint64            `json:"bytes_in"`
	FramesOut    uint64            `json:"frames_out"`
	BytesOut     uint64            `json:"bytes_out"`
	Mirrored     uint64            `json:"mirrored_out"`
	MirrorLost   uint64            `json:"mirror_lost"`
	TxHeld       uint64            `json:"tx_held"`
	TxStalled    uint64            `json:"tx_stalled"`
	DeviceErrors uint64            `json:"device_errors"`
	PausesIn     uint64            `json:"pauses_in"`  // pause frames received: the neighbour stopped us
	PausesOut    uint64            `json:"pauses_out"` // and sent: we stopped the neighbour
	Fates        map[string]uint64 `json:"fates"`      // what became of the frames received here
	Drops        map[string]uint64 `json:"drops"`      // those of the fates that are drops
	Dropped      uint64            `json:"dropped"`
	Counters     shm.Counters      `json:"-"`
}

// Ports lists the ports in the order of the boot file.
func Ports(f *shm.File) []Port {
	infos, counters := shm.Items[shm.PortInfo](f, shm.RegionPorts), shm.Items[shm.Counters](f, shm.RegionCounters)
	ports := make([]Port, 0, len(infos))
	for i := range infos {
		in := &infos[i]
		p := Port{
			Name: shm.Text(in.Name[:]), Role: shm.RoleName(in.Role), Device: shm.Text(in.Device[:]), Driver: shm.Text(in.Driver[:]),
			Fabric: in.Fabric, Lcore: int(in.Lcore), Up: in.Up == 1, SpeedMbps: in.SpeedMb, MTU: in.MTU,
			DeviceErrors: in.Missed + in.RxErrors + in.TxErrors + in.NoMbuf, PausesIn: in.RxPauses, PausesOut: in.TxPauses,
			Fates: map[string]uint64{}, Drops: map[string]uint64{},
		}
		if mac := frame.MAC(in.MAC); !mac.IsZero() {
			p.MAC = mac.String()
		}
		if in.Pair >= 0 && int(in.Pair) < len(infos) {
			p.Pair = shm.Text(infos[in.Pair].Name[:])
		}
		c := &p.Counters
		for at := i; at < len(counters); at += len(infos) {
			c.Plus(&counters[at])
		}
		p.FramesIn, p.BytesIn, p.FramesOut, p.BytesOut = c.RxFrames, c.RxBytes, c.TxFrames, c.TxBytes
		p.Mirrored, p.MirrorLost = c.Mirrored-c.MirrorLost, c.MirrorLost+c.MirrorRefused
		p.TxHeld, p.TxStalled, p.Dropped = c.TxHeld, c.TxDropped, c.Drops()
		for fate, n := range c.Fates {
			if n == 0 {
				continue
			}
			p.Fates[shm.Fate(fate).String()] = n
			if shm.Fate(fate).Dropped() {
				p.Drops[shm.Fate(fate).String()] = n
			}
		}
		ports = append(ports, p)
	}
	return ports
}

// Drops adds up the drops of all ports by reason; tx_stalled is among them.
func Drops(ports []Port) map[string]uint64 {
	drops := map[string]uint64{}
	for _, p := range ports {
		for reason, n := range p.Drops {
			drops[reason] += n
		}
		if p.TxStalled > 0 {
			drops["tx_stalled"] += p.TxStalled
		}
	}
	return drops
}

// Lcore is a poll-mode core.
type Lcore struct {
	Index       int     `json:"index"`
	CPU         uint32  `json:"cpu"`
	Generation  uint32  `json:"generation"`
	Busy        float64 `json:"busy"` // share of its time since the start
	Frames      uint64  `json:"frames"`
	Bursts      uint64  `json:"bursts"`
	Flows       uint64  `json:"directions"`
	FlowsFull   uint64  `json:"flow_table_full"`
	FlowsEnded  uint64  `json:"directions_ended"`
	Evaluations uint64  `json:"evaluations"`
	ControlLost uint64  `json:"control_lost"`
	Carried     uint64  `json:"carried"`
	Stalls      uint64  `json:"stalls"`
	WorstStall  float64 `json:"worst_stall_us"`
	P50         float64 `json:"latency_p50_us"` // receive to transmit
	P99         float64 `json:"latency_p99_us"`
	P9999       float64 `json:"latency_p9999_us"`
	Worst       float64 `json:"latency_worst_us"`

	Page shm.Lcore `json:"-"`
}

// Lcores lists the lcores.
func Lcores(f *shm.File) []Lcore {
	pages := shm.Items[shm.Lcore](f, shm.RegionLcores)
	lcores := make([]Lcore, 0, len(pages))
	us := microseconds(f.Header())
	for i := range pages {
		p := &pages[i]
		l := Lcore{
			Index: i, CPU: p.CPU, Generation: p.Generation, Frames: p.Frames, Bursts: p.Bursts, Flows: p.FlowsLive,
			FlowsFull: p.FlowsFull, FlowsEnded: p.FlowsEnded, Evaluations: p.Evaluations, ControlLost: p.ControlLost,
			Carried: p.Carried, Stalls: p.Stalls, WorstStall: us(p.WorstStall), Page: *p,
			P50: us(p.Latency.Quantile(0.5)), P99: us(p.Latency.Quantile(0.99)), P9999: us(p.Latency.Quantile(0.9999)),
			Worst: us(p.Latency.Max),
		}
		if all := p.BusyTSC + p.IdleTSC; all > 0 {
			l.Busy = float64(p.BusyTSC) / float64(all)
		}
		lcores = append(lcores, l)
	}
	return lcores
}

// microseconds turns ticks of a segment into microseconds with three decimals.
func microseconds(h *shm.Header) func(ticks uint64) float64 {
	perTick := 1e9 / float64(max(h.TSCHz, 1))
	return func(ticks uint64) float64 { return math.Round(float64(ticks)*perTick) / 1e3 }
}

// Login is an N_Port that is logged in.
type Login struct {
	Fabric    uint8    `json:"fabric"`
	VSAN      uint16   `json:"vsan"`
	FCID      string   `json:"fc_id"`
	WWPN      string   `json:"wwpn"`
	WWNN      string   `json:"wwnn,omitempty"`
	Alias     string   `json:"alias,omitempty"`
	MAC       string   `json:"mac,omitempty"`
	Port      string   `json:"port,omitempty"`
	Role      string   `json:"role"`
	Functions []string `json:"functions"` // claimed by PRLI
	State     string   `json:"state"`
	FromPeer  bool     `json:"from_peer,omitempty"` // another node knows it; no frame has shown it here
	FirstSeen string   `json:"first_seen"`
	LastSeen  string   `json:"last_seen"`
}

// Logins lists the logins by fabric, VSAN and FC_ID.
func Logins(f *shm.File) ([]Login, error) {
	view, err := login.NewView(f.Bytes(shm.RegionLogins))
	if err != nil {
		return nil, fmt.Errorf("login table: %w", err)
	}
	active := Policy(f)
	ports := shm.Items[shm.PortInfo](f, shm.RegionPorts)
	var all []login.Login
	for l := range view.All() {
		all = append(all, l)
	}
	slices.SortFunc(all, func(a, b login.Login) int { return cmp.Compare(a.Addr, b.Addr) })
	list := make([]Login, 0, len(all))
	for i := range all {
		l := &all[i]
		r := Login{
			Fabric: l.Addr.Fabric(), VSAN: l.Addr.VF(), FCID: l.Addr.ID().String(), WWPN: l.WWPN.String(), Alias: alias(active, l.WWPN),
			Role: l.Role(), Functions: l.Claimed.Names(), State: l.State.String(), FromPeer: l.Flags&login.FromPeer != 0, FirstSeen: stamp(l.FirstSeen), LastSeen: stamp(l.LastSeen),
		}
		if l.WWNN != 0 {
			r.WWNN = l.WWNN.String()
		}
		if !l.MAC.IsZero() {
			r.MAC = l.MAC.String()
		}
		if int(l.Port) < len(ports) {
			r.Port = shm.Text(ports[l.Port].Name[:])
		}
		list = append(list, r)
	}
	return list, nil
}
