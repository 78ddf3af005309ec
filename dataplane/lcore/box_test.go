package lcore

import (
	"testing"

	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/dpdk/dpdktest"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/ring"
	"fcredirect/dataplane/shm"
)

// The box of the tests: one lcore with an edge port, its fabric port and a service port, over fake NICs.
const (
	edge0 = iota
	fabric0
	svc0
)

// Two hosts and two arrays that are logged in.
const (
	host1, host2   = frame.FCID(0x010001), frame.FCID(0x010002)
	array1, array2 = frame.FCID(0x020001), frame.FCID(0x020002)
)

var (
	wwpns = map[frame.FCID]frame.WWN{
		host1: 0x20000002fc010001, host2: 0x20000002fc010002, array1: 0x20000002fc0a0001, array2: 0x20000002fc0a0002,
	}
	serviceMAC = frame.MAC{2, 0xfc, 0x5e, 0, 0, 1}
)

const testPolicy = `
aliases:
  host-1: 20:00:00:02:fc:01:00:01
  host-2: 20:00:00:02:fc:01:00:02
  array-1: 20:00:00:02:fc:0a:00:01
  array-2: 20:00:00:02:fc:0a:00:02
services:
  - {name: inspect, mode: steer, port: svc0, mac: "02:fc:5e:00:00:01", on-failure: bypass}
  - {name: guard, mode: steer, port: svc0, mac: "02:fc:5e:00:00:01", on-failure: block}
  - {name: tap, mode: mirror, port: svc0}
policies:
  - {name: steer, match: {initiator: host-1, target: array-1, vsan: any}, action: redirect, service: inspect}
  - {name: guard, match: {initiator: host-1, target: array-2, vsan: any}, action: redirect, service: guard}
  - {name: copy, match: {initiator: host-2, target: array-1, vsan: any}, action: mirror, frames: commands, service: tap}
  - {name: no, match: {initiator: host-2, target: array-2, vsan: any}, action: drop}
`

type box struct {
	t       testing.TB
	nics    *dpdktest.NICs
	worker  *Worker
	shared  *Shared
	logins  *login.Table
	control *ring.Consumer
	command *ring.Producer
	entries []flow.Entry
	infos   []flow.Info
}

func newBox(t testing.TB) *box { return newBoxOf(t, 64) }

func newBoxOf(t testing.TB, directions int) *box {
	t.Helper()
	nics, err := dpdktest.New(600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nics.Close() })
	b := &box{t: t, nics: nics, shared: &Shared{}, entries: make([]flow.Entry, flow.Slots(directions)), infos: make([]flow.Info, directions)}
	memory := make([]byte, login.Bytes(64))
	if b.logins, err = login.NewTable(memory, 64, 1); err != nil {
		t.Fatal(err)
	}
	for id, wwpn := range wwpns {
		b.logins.Put(&login.Login{Addr: login.At(0, 0, id), WWPN: wwpn, State: login.Live})
	}
	logins, err := login.NewView(memory)
	if err != nil {
		t.Fatal(err)
	}
	shard, _, err := flow.NewShard(b.entries, b.infos, 1, false)
	if err != nil {
		t.Fatal(err)
	}
	var toControl *ring.Producer
	var commands *ring.Consumer
	if toControl, b.control, err = ring.New(ControlSpec); err != nil {
		t.Fatal(err)
	}
	if b.command, commands, err = ring.New(CommandSpec); err != nil {
		t.Fatal(err)
	}
	b.publish(1, "")
	b.worker, err = New(Config{
		CPU: -1, Shared: b.shared, Cycle: nics.Cycle(), Run: func(*dpdk.Cycle) { nics.Run() }, Shard: shard, Logins: logins,
		Ports: []Port{
			{ID: 0, Role: shm.RoleEdge, Pair: fabric0}, {ID: 1, Role: shm.RoleFabric, Pair: edge0}, {ID: 2, Role: shm.RoleService, Pair: -1},
		},
		Counters: make([]shm.Counters, 3), Page: &shm.Lcore{}, Control: toControl, Commands: commands,
		Shards: []*flow.Shard{shard}, DropTimeout: 100 * dpdktest.TicksPerRun, StallLimit: 1 << 60, TSCHz: 1e9,
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// publish makes a policy the active one; an empty text is no policy.
func (b *box) publish(generation uint32, text string) {
	b.t.Helper()
	s := &Snapshot{Generation: generation}
	if text != "" {
		s.Policy = compilePolicy(b.t, text)
		for i := range s.Policy.Services() {
			d := s.Policy.Service(i)
			s.Services = append(s.Services, Service{Port: svc0, MAC: d.MAC, Up: true})
		}
	}
	b.shared.Publish(s)
}

// send offers frames to a port and polls until all is quiet.
func (b *box) send(port uint16, frames ...[]byte) {
	b.nics.Offer(port, 0, frames...)
	for range 8 + 3*len(frames) {
		b.worker.Poll()
		b.worker.Rest()
	}
}

func (b *box) fates(port int) map[shm.Fate]uint64 {
	m := map[shm.Fate]uint64{}
	for f, n := range b.worker.Counters[port].Fates {
		if n > 0 {
			m[shm.Fate(f)] = n
		}
	}
	return m
}

// balance checks the books: every received frame has one fate, and every frame or copy left or was dropped.
func (b *box) balance() {
	b.t.Helper()
	var sum shm.Counters
	for port := range b.worker.Counters {
		c := &b.worker.Counters[port]
		var fates uint64
		for _, n := range c.Fates {
			fates += n
		}
		if fates != c.RxFrames {
			b.t.Errorf("port %d: %d frames received, %d fates", port, c.RxFrames, fates)
		}
		sum.Plus(c)
	}
	if in, out := sum.RxFrames+sum.Mirrored-sum.MirrorLost, sum.TxFrames+sum.Drops()+sum.TxDropped; in != out {
		b.t.Errorf("%d in, %d out: %+v", in, out, sum)
	}
	if n := b.nics.InUse(); n != 0 {
		b.t.Errorf("%d mbufs leaked", n)
	}
}

// An exchange as real hosts speak it; the Fill byte makes frames distinguishable.
func command(from, to frame.FCID, fill byte) []byte {
	return fcp(from, to, frame.RCtlUnsolicitedCmd, 0x290000, fill)
}

func data(from, to frame.FCID, fill byte) []byte {
	return fcp(from, to, frame.RCtlSolicitedData, 0x000008, fill)
}

func response(from, to frame.FCID, fill byte) []byte {
	return fcp(from, to, frame.RCtlCommandStatus, 0x980000, fill)
}

func fcp(from, to frame.FCID, rctl uint8, fctl uint32, fill byte) []byte {
	return build(frame.Header{RCtl: rctl, FCtl: fctl, Type: frame.TypeFCP, SID: from, DID: to}, fill)
}

func build(h frame.Header, fill byte) []byte {
	h.Dst, h.Src = frame.FPMA(0x0efd00, h.DID), frame.FPMA(0x0efd00, h.SID)
	if h.SOF == 0 {
		h.SOF = frame.SOFi3
	}
	if h.EOF == 0 {
		h.EOF = frame.EOFt
	}
	payload := make([]byte, 32)
	for i := range payload {
		payload[i] = fill
	}
	return frame.AppendFCoE(nil, &h, payload)
}
