package lcore

import (
	"bytes"
	"fmt"
	"testing"

	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/dpdk/dpdktest"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/ring"
	"fcredirect/dataplane/shm"
)

// Two lcores, a pair of ports and a service port each: lcore 0 owns ports 0 to 2, lcore 1 ports 3 to 5.
const (
	edgeA = iota
	fabricA
	svcA
	edgeB
	fabricB
	svcB
)

const twoServices = `
aliases:
  host-1: 20:00:00:02:fc:01:00:01
  host-2: 20:00:00:02:fc:01:00:02
services:
  - {name: a, mode: steer, port: svcA, mac: "02:fc:5e:00:00:01", on-failure: bypass}
  - {name: b, mode: steer, port: svcB, mac: "02:fc:5e:00:00:02", on-failure: bypass}
policies:
  - {name: to-a, match: {initiator: host-1, target: any, vsan: any}, action: redirect, service: a}
  - {name: to-b, match: {initiator: host-2, target: any, vsan: any}, action: redirect, service: b}
`

// twins are two lcores that share their service ports.
type twins struct {
	t       *testing.T
	shared  *Shared
	nics    [2]*dpdktest.NICs
	workers [2]*Worker
	logins  *login.Table
	command [2]*ring.Producer
}

func newTwins(t *testing.T) *twins {
	t.Helper()
	b := &twins{t: t, shared: &Shared{}}
	var err error
	if b.nics[0], err = dpdktest.New(8000); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.nics[0].Close() })
	if b.nics[1], err = b.nics[0].Peer(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.nics[1].Close() })
	b.publish(1, compilePolicy(t, twoServices), true, true)
	memory := make([]byte, login.Bytes(64))
	logins, err := login.NewTable(memory, 64, 1)
	if err != nil {
		t.Fatal(err)
	}
	for id, wwpn := range wwpns {
		logins.Put(&login.Login{Addr: login.At(0, 0, id), WWPN: wwpn, State: login.Live})
	}
	view, err := login.NewView(memory)
	if err != nil {
		t.Fatal(err)
	}
	ports := make([]Port, 6)
	for i := range ports {
		ports[i] = Port{ID: uint16(i), Role: uint8(i % 3), Pair: [3]int{i + 1, i - 1, -1}[i%3], Owner: i / 3}
	}
	shards := make([]*flow.Shard, 2)
	for i := range shards {
		if shards[i], _, err = flow.NewShard(make([]flow.Entry, flow.Slots(64)), make([]flow.Info, 64), 1, false); err != nil {
			t.Fatal(err)
		}
	}
	crossings, err := NewCrossings(ports, 2)
	if err != nil {
		t.Fatal(err)
	}
	for i := range b.workers {
		toControl, _, err1 := ring.New(ControlSpec)
		invalidate, commands, err2 := ring.New(CommandSpec)
		b.command[i], b.logins = invalidate, logins
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		b.workers[i], err = New(Config{
			Index: i, CPU: -1, Shared: b.shared, Cycle: b.nics[i].Cycle(), Run: func(*dpdk.Cycle) { b.nics[i].Run() }, Shard: shards[i], Logins: view,
			Ports: ports, Counters: make([]shm.Counters, 6), Page: &shm.Lcore{}, Control: toControl, Commands: commands, Crossings: crossings[i],
			Shards: shards, DropTimeout: 1000 * dpdktest.TicksPerRun, StallLimit: 1 << 60, TSCHz: 1e9,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// publish makes a policy the active one; up says which service ports are.
func (b *twins) publish(generation uint32, p *policy.Snapshot, upA, upB bool) {
	s := &Snapshot{Generation: generation, Policy: p}
	for i := 0; p != nil && i < p.Services(); i++ {
		d := p.Service(i)
		service := Service{Port: svcA, MAC: d.MAC, Up: upA}
		if d.Port == "svcB" {
			service.Port, service.Up = svcB, upB
		}
		s.Services = append(s.Services, service)
	}
	b.shared.Publish(s)
}

func (b *twins) poll(passes int) {
	for range passes {
		for _, w := range b.workers {
			w.Poll()
			w.Rest()
		}
	}
}

func (b *twins) balance() {
	b.t.Helper()
	if err := b.books(); err != nil {
		b.t.Error(err)
	}
}

// books checks those of both lcores together, when all is quiet.
func (b *twins) books() error {
	var sum shm.Counters
	for port := range 6 {
		var c shm.Counters
		for _, w := range b.workers {
			c.Plus(&w.Counters[port])
		}
		var fates uint64
		for _, n := range c.Fates {
			fates += n
		}
		if fates != c.RxFrames {
			return fmt.Errorf("port %d: %d frames received, %d fates", port, c.RxFrames, fates)
		}
		sum.Plus(&c)
	}
	if in, out := sum.RxFrames+sum.Mirrored-sum.MirrorLost, sum.TxFrames+sum.Drops()+sum.TxDropped; in != out {
		return fmt.Errorf("%d in, %d out: %+v", in, out, sum)
	}
	if n := b.nics[0].InUse(); n != 0 {
		return fmt.Errorf("%d mbufs leaked", n)
	}
	return nil
}

func TestAFlowIsSteeredOutOfAnotherLcoresPortAndBack(t *testing.T) {
	b := newTwins(t)
	in := numbered(host1, array1, 100)
	b.nics[1].Offer(edgeB, 0, in...)
	b.poll(20)
	at := b.nics[0].Sent(svcA, 0)
	if len(at) != 100 || frame.MAC(at[0][:6]) != serviceMAC {
		t.Fatalf("%d frames at the service", len(at))
	}
	b.nics[0].Offer(svcA, 0, at...)
	b.poll(20)
	out := b.nics[1].Sent(fabricB, 0)
	if len(out) != 100 {
		t.Fatalf("%d frames at the target", len(out))
	}
	for i := range out {
		if !bytes.Equal(out[i], in[i]) {
			t.Fatalf("frame %d is not as it was, or not in its place", i)
		}
	}
	b.balance()
}

func TestAnLcoreThatSleepsStopsNobody(t *testing.T) {
	b := newTwins(t)
	// Lcore 1 owns the flow, and does not poll while lcore 0 gets the flow's frames back, and has as many to carry.
	b.nics[1].Offer(edgeB, 0, numbered(host1, array1, 1)...)
	b.poll(4)
	back := b.nics[0].Sent(svcA, 0)
	for range 3000 {
		b.nics[0].Offer(svcA, 0, back...)
	}
	b.nics[0].Offer(edgeA, 0, numbered(host2, array1, 3000)...) // steered out of lcore 1's service port
	for range 400 {
		b.workers[0].Poll()
	}
	f := b.workers[0].Counters[edgeA].Fates
	if f[shm.FateSteered] == 0 || f[shm.FateBypassed] == 0 || f[shm.FateSteered]+f[shm.FateBypassed] != 3000 {
		t.Fatalf("steered %d, bypassed %d", f[shm.FateSteered], f[shm.FateBypassed])
	}
	b.poll(400)
	if n := len(b.nics[1].Sent(fabricB, 0)); n != 3000 {
		t.Fatalf("%d of 3000 frames that the service returned reached the target", n)
	}
	b.balance()
}

func TestAStalledServicePortDoesNotHoldUpAnotherServiceAcrossLcores(t *testing.T) {
	b := newTwins(t)
	b.nics[0].Limit(svcA, 0, 0)
	b.nics[0].Offer(edgeA, 0, numbered(host2, array1, 1)...) // lcore 0 has a flow through lcore 1's service
	b.poll(8)
	back := b.nics[1].Sent(svcB, 0)
	if len(back) != 1 {
		t.Fatalf("%d frames at service b", len(back))
	}
	b.nics[0].Offer(edgeA, 0, numbered(host1, array1, 1000)...)
	b.nics[1].Offer(edgeB, 0, numbered(host1, array2, 3000)...)
	b.poll(150) // service a has all that may wait for it, from both lcores
	for range 50 {
		b.nics[1].Offer(svcB, 0, back...)
	}
	b.nics[0].Offer(edgeA, 0, numbered(host2, array1, 50)...)
	b.poll(8)
	if to, from := len(b.nics[1].Sent(svcB, 0)), b.workers[0].Counters[svcB].Fates[shm.FateHandedBack]; to != 50 || from != 50 {
		t.Fatalf("while service a stands, %d of 50 frames reached service b and %d of 50 came back", to, from)
	}
	b.nics[0].Limit(svcA, 0, -1)
	b.poll(200)
	b.balance()
}

func TestTwoLcoresThatDrainLeaveNothingBetweenThem(t *testing.T) {
	b := newTwins(t)
	b.nics[0].Offer(edgeA, 0, numbered(host2, array1, BurstFrames)...)
	b.nics[1].Offer(edgeB, 0, numbered(host1, array1, BurstFrames)...)
	ended := make(chan int)
	for _, w := range b.workers {
		w.Poll()
		w.begin()
	}
	// The fakes of both belong to one goroutine at a time.
	turn := make(chan struct{}, 1)
	turn <- struct{}{}
	for i, w := range b.workers {
		w.Config.Run = func(*dpdk.Cycle) {
			<-turn
			b.nics[i].Run()
			turn <- struct{}{}
		}
		go func() { ended <- w.Drain(1 << 20) }()
	}
	if left := <-ended + <-ended; left != 0 {
		t.Errorf("%d frames left", left)
	}
	if a, c := len(b.nics[0].Sent(svcA, 0)), len(b.nics[1].Sent(svcB, 0)); a != BurstFrames || c != BurstFrames {
		t.Errorf("%d and %d frames sent of %d each", a, c, BurstFrames)
	}
	b.balance()
}

func TestTwoQueuesGivenUpAtOnceLeaveRoomToDropABurst(t *testing.T) {
	b := newTwins(t)
	w := b.workers[0]
	b.nics[0].Limit(svcA, 0, 0)
	b.nics[0].Offer(edgeA, 0, numbered(host1, array1, 200)...)
	b.nics[0].Offer(edgeA, 0, numbered(host2, array1, carryItems+200)...) // lcore 1 sleeps
	for range 60 {
		w.Poll()
	}
	for _, port := range []int{svcA, svcB} {
		if n := w.Cycle.Tx[w.txOf[port]].N; n < queueHeldMax {
			t.Fatalf("%d frames wait for port %d", n, port)
		}
		w.heldSince[w.txOf[port]] = 1
	}
	w.DropTimeout = 1
	for _, f := range numbered(host1, host1, BurstFrames) { // from itself to itself: dropped
		b.nics[0].Offer(edgeA, 0, f)
	}
	w.Poll()
	if n := w.Counters[edgeA].Fates[shm.FateDropLoop]; n != BurstFrames {
		t.Fatalf("%d frames of a burst dropped", n)
	}
	w.DropTimeout = 1 << 40
	b.nics[0].Limit(svcA, 0, -1)
	b.poll(200)
	b.balance()
}
