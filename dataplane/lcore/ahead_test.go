package lcore

import (
	"testing"

	"fcredirect/dataplane/dpdk/dpdktest"
	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/shm"
)

func (b *box) tell(c Command) {
	b.t.Helper()
	slot := b.command.Reserve()
	if slot == nil {
		b.t.Fatal("the ring of commands is full")
	}
	*(*Command)(slot) = c
	b.command.Commit()
	b.passes(4)
}

// both directions of host1's flow with array1, as control has them made.
func (b *box) pin() (to, back flow.Key) {
	to = flow.MakeKey(0, 0, uint32(host1), uint32(array1))
	b.tell(Command{What: Pin, Arg: uint64(to), Port: edge0, From: flow.FromInitiator})
	b.tell(Command{What: Pin, Arg: uint64(to.Reverse()), Port: fabric0, From: flow.FromTarget})
	return to, to.Reverse()
}

// hint makes both directions known from another node.
func (b *box) hint() (to, back flow.Key) {
	to = flow.MakeKey(0, 0, uint32(host1), uint32(array1))
	b.tell(Command{What: Hint, Arg: uint64(to), Port: edge0, From: flow.FromInitiator})
	b.tell(Command{What: Hint, Arg: uint64(to.Reverse()), Port: fabric0, From: flow.FromTarget})
	return to, to.Reverse()
}

func TestAFlowOfAnotherNodeHasItsVerdictAndIsNotToldOf(t *testing.T) {
	b := newBox(t)
	e := b.listen(t)
	b.publish(2, testPolicy)
	b.passes(1)
	to, _ := b.hint()
	b.hint() // twice is the same as once
	b.passes(400)
	if e.hear(); len(e.heard) != 0 {
		t.Errorf("%d events of a flow that no frame was seen of", len(e.heard))
	}
	evaluations := b.worker.Page.Evaluations
	b.send(edge0, data(host1, array1, 1))
	if got := b.fates(edge0); got[shm.FateSteered] != 1 || b.worker.Page.Evaluations != evaluations {
		t.Errorf("%v, %d evaluations more", got, b.worker.Page.Evaluations-evaluations)
	}
	if d := b.worker.Shard.Find(to); d.Frames != 1 {
		t.Errorf("%d frames", d.Frames)
	}
	b.balance()
}

func TestAFlowOfAnotherNodeEndsWhen(t *testing.T) {
	for name, test := range map[string]struct {
		frame bool
		do    func(b *box, to flow.Key)
		live  int
	}{
		"the other node has it no longer": {do: func(b *box, to flow.Key) { b.tell(Command{What: Unhint, Arg: uint64(to)}) }, live: 1},
		"not when a frame was seen here":  {frame: true, do: func(b *box, to flow.Key) { b.tell(Command{What: Unhint, Arg: uint64(to)}) }, live: 2},
		"not at its first sweep": {do: func(b *box, _ flow.Key) {
			b.passes(3000)
			b.worker.FlowIdle = 5800 * dpdktest.TicksPerRun
			b.sweepAll()
		}, live: 2},
		"not while this node is shut":      {do: func(b *box, _ flow.Key) { b.shared.Shut(); b.worker.FlowIdle = 1; b.sweepAll(); b.sweepAll() }, live: 2},
		"but when it was silent once more": {do: func(b *box, _ flow.Key) { b.worker.FlowIdle = 1; b.sweepAll(); b.sweepAll() }, live: 0},
		"not by an Unhint of a flow of ours": {frame: true, do: func(b *box, _ flow.Key) {
			b.tell(Command{What: Unhint, Arg: uint64(flow.MakeKey(0, 0, uint32(host2), uint32(array2)))})
		}, live: 2},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBox(t)
			b.passes(8)
			to, _ := b.hint()
			if test.frame {
				b.send(edge0, data(host1, array1, 1))
			}
			test.do(b, to)
			if got := b.worker.Shard.Live(); got != test.live {
				t.Errorf("%d directions, want %d", got, test.live)
			}
			b.balance()
		})
	}
}

func (b *box) sweepAll() { b.passes(sweepEvery * len(b.entries) / sweepSlots * 2) }

func TestAFlowMadeAheadHasItsVerdictBeforeItsFirstFrame(t *testing.T) {
	b := newBox(t)
	e := b.listen(t)
	b.publish(2, testPolicy)
	b.passes(1)
	to, back := b.pin()
	b.pin()  // twice is the same as once
	b.hint() // and it stays ours, though another node has it too
	for _, key := range []flow.Key{to, back} {
		d := b.worker.Shard.Find(key)
		if d == nil || d.Verdict.Action() != flow.Redirect || d.Frames != 0 || b.worker.Shard.Info(d).Rule != 0 || b.worker.Shard.Info(d).Static != 1 || b.worker.Shard.Info(d).Hinted != 0 {
			t.Fatalf("%+v", d)
		}
	}
	evaluations := b.worker.Page.Evaluations
	b.send(edge0, data(host1, array1, 1))
	b.send(fabric0, data(array1, host1, 1))
	if got := b.fates(edge0); got[shm.FateSteered] != 1 || b.worker.Page.Evaluations != evaluations || b.worker.Shard.Live() != 2 {
		t.Errorf("%v, %d evaluations more, %d directions", got, b.worker.Page.Evaluations-evaluations, b.worker.Shard.Live())
	}
	b.passes(400)
	e.hear()
	if len(e.heard) != 1 || e.heard[0].Header().Type != feed.FlowCreated {
		t.Errorf("%d events", len(e.heard))
	}
	b.balance()
}

func TestAFlowMadeAheadEndsWhenNobodyWantsItAnyMore(t *testing.T) {
	b := newBox(t)
	b.publish(2, testPolicy)
	b.passes(10)
	to, back := b.pin()
	b.worker.FlowIdle = dpdktest.TicksPerRun
	b.sweepAll()
	if b.worker.Shard.Live() != 2 {
		t.Fatalf("%d directions after a sweep", b.worker.Shard.Live())
	}
	b.tell(Command{What: Unpin, Arg: uint64(to)})
	b.sweepAll()
	if b.worker.Shard.Has(to) || !b.worker.Shard.Has(back) {
		t.Fatal("the one that nobody wants stayed, or the other went")
	}
	b.tell(Command{What: End, Arg: uint64(back)})
	b.tell(Command{What: End, Arg: uint64(back)}) // what is not there is ended
	if b.worker.Shard.Live() != 0 || b.worker.Page.FlowsLive != 0 || b.worker.Page.FlowsEnded != 2 {
		t.Fatalf("%d directions, %d ended", b.worker.Shard.Live(), b.worker.Page.FlowsEnded)
	}
}

// Its last totals must be told, so a direction that is deleted waits for room; a frame meanwhile lets it live on.
func TestADeletedFlowWaitsForRoomForItsTotals(t *testing.T) {
	b := newBoxOf(t, 256)
	e := b.listen(t)
	b.publish(2, testPolicy)
	for i := range frame.FCID(60) { // nobody listens: the rings are full
		b.send(edge0, data(host1, 0x020000+i, 1))
		b.passes(40)
	}
	b.worker.FlowIdle = 1 << 40
	key := flow.MakeKey(0, 0, uint32(host1), 0x020000)
	if b.worker.outlets.Room(uint64(key)) {
		t.Fatal("the rings have room")
	}
	b.tell(Command{What: End, Arg: uint64(key)})
	if !b.worker.Shard.Has(key) {
		t.Fatal("it ended, and its totals with it")
	}
	b.worker.FlowIdle = dpdktest.TicksPerRun * 1000
	for range 20 {
		e.hear()
		b.sweepAll()
	}
	if b.worker.Shard.Has(key) {
		t.Error("it stands though there was room")
	}
}

func TestAPinToAPortOfAnotherLcoreOrIntoAFullTableIsNoHarm(t *testing.T) {
	b := newBox(t)
	b.tell(Command{What: Pin, Arg: 1, Port: 77, From: flow.FromInitiator})
	b.tell(Command{What: Pin, Arg: 1, Port: svc0, From: flow.FromInitiator})
	if b.worker.Shard.Live() != 0 {
		t.Fatal("a direction was made")
	}
	for i := range uint64(len(b.infos) + 9) {
		b.tell(Command{What: Pin, Arg: uint64(flow.MakeKey(0, 0, 0x010000, 0x020000+uint32(i))), Port: edge0, From: flow.FromInitiator})
	}
	if b.worker.Shard.Live() != len(b.infos) {
		t.Fatalf("%d directions in a table of %d", b.worker.Shard.Live(), len(b.infos))
	}
}
