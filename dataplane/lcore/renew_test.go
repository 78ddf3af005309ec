package lcore

import (
	"testing"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/login"
)

// walk is as many passes as a renewal of the whole table takes.
func (b *box) walk() { b.passes(4 * (len(b.entries)/renewSlots + len(b.infos))) }

func TestASilentFlowGetsTheVerdictOfANewPolicyAndIsToldOf(t *testing.T) {
	b := newBox(t)
	e := b.listen(t)
	b.publish(2, testPolicy)
	b.send(edge0, command(host1, array1, 1))
	b.send(fabric0, response(array1, host1, 2))
	b.walk()
	b.publish(3, "")
	b.walk()
	to := flow.MakeKey(0, 0, uint32(host1), uint32(array1))
	for _, key := range []flow.Key{to, to.Reverse()} {
		d := b.worker.Shard.Find(key)
		if d.Verdict.Action() != flow.Forward || b.worker.Shard.Info(d).Rule != -1 || d.Stamp>>8 != 3 || d.Frames != 1 {
			t.Errorf("%x: %+v", key, d)
		}
		if !d.Verdict.Is(flow.Steered) {
			t.Errorf("%x: what is still at the service would not be let through", key)
		}
	}
	b.passes(400)
	e.hear()
	if len(e.heard) != 2 || e.heard[1].Header().Type != feed.FlowVerdict || e.heard[1].Flow().OldAction != flow.Redirect || e.heard[1].Flow().OldRule != 0 {
		t.Errorf("%d events: %+v", len(e.heard), e.heard)
	}
	if last := e.stored[len(e.stored)-1].Flow(); last.Action != flow.Forward {
		t.Errorf("told of last: %+v", last)
	}

	// Its next frame finds the verdict there, and nothing is told twice.
	evaluations := b.worker.Page.Evaluations
	b.send(edge0, data(host1, array1, 3))
	b.passes(400)
	e.heard = nil
	if e.hear(); b.worker.Page.Evaluations != evaluations || len(e.heard) != 0 {
		t.Errorf("%d more evaluations, %d events", b.worker.Page.Evaluations-evaluations, len(e.heard))
	}
	b.balance()
}

func TestASilentFlowKeepsItsNamesWhenItsLoginsAreGone(t *testing.T) {
	b := newBox(t)
	b.publish(2, "")
	b.send(edge0, command(host1, array1, 1))
	b.logins.Remove(login.At(0, 0, host1))
	b.tell(Command{What: Invalidate, Arg: uint64(login.At(0, 0, host1))})
	b.publish(3, testPolicy)
	b.walk()
	d := b.worker.Shard.Find(flow.MakeKey(0, 0, uint32(host1), uint32(array1)))
	if info := b.worker.Shard.Info(d); info.Initiator != uint64(wwpns[host1]) || d.Verdict.Action() != flow.Redirect || info.Rule != 0 {
		t.Errorf("%+v, %v", info, d.Verdict.Action())
	}
	if d.Stamp != 0 {
		t.Error("its next frame does not ask who it is")
	}
	b.send(edge0, command(host1, array1, 2))
	if info := b.worker.Shard.Info(d); info.Initiator != 0 || d.Verdict.Action() != flow.Forward {
		t.Errorf("%+v, %v", info, d.Verdict.Action())
	}
	b.balance()
}

func TestAFlowOfAnotherNodeIsRenewedInSilence(t *testing.T) {
	b := newBox(t)
	e := b.listen(t)
	b.passes(1)
	to, _ := b.hint()
	b.publish(2, testPolicy)
	b.walk()
	b.passes(400)
	if e.hear(); len(e.heard) != 0 || len(e.stored) != 0 {
		t.Errorf("%d events, %d items of a flow that no frame was seen of", len(e.heard), len(e.stored))
	}
	if d := b.worker.Shard.Find(to); d.Verdict.Action() != flow.Redirect {
		t.Errorf("%+v", d)
	}
}

// A renewal may wait; what frames have to tell may not.
func TestARenewalLeavesHalfOfTheRingOfEventsToFrames(t *testing.T) {
	const flows = 200 // of which the ring holds 64 events
	b := newBoxOf(t, flows)
	for i := range frame.FCID(flows) {
		b.send(edge0, command(host1, array1+1000+i, 1))
	}
	e := b.listen(t)
	e.event, e.silent = e.peer, e.event // nobody hears of events
	b.publish(2, `
policies:
  - {name: no, match: {initiator: "20:00:00:02:fc:01:00:01", vsan: any}, action: drop}
`)
	changed := func() (n int) {
		for i := range b.entries {
			if d := b.worker.Shard.InSlot(uint32(i)); d != nil && d.Verdict.Action() == flow.Drop {
				n++
			}
		}
		return n
	}
	b.walk()
	if n := changed(); n != 32 || !b.worker.AtRest() {
		t.Fatalf("%d flows changed while nobody hears; at rest: %v", n, b.worker.AtRest())
	}
	heard := 0
	for range flows {
		for e.silent.Next() != nil {
			heard++
		}
		if err := e.silent.Release(e.silent.Read()); err != nil {
			t.Fatal(err)
		}
		b.walk()
		e.hear()
	}
	if n := changed(); n != flows || heard != flows || !b.worker.AtRest() {
		t.Errorf("%d flows changed, %d events heard", n, heard)
	}
}

func TestAChangeInTheMiddleOfARenewalBeginsItAgain(t *testing.T) {
	b := newBox(t)
	b.publish(2, testPolicy)
	b.send(edge0, command(host1, array1, 1))
	b.walk()
	b.publish(3, "")
	b.passes(len(b.entries) / renewSlots / 2)
	if b.worker.AtRest() {
		t.Fatal("at rest in the middle")
	}
	b.publish(4, testPolicy)
	b.walk()
	if d := b.worker.Shard.Find(flow.MakeKey(0, 0, uint32(host1), uint32(array1))); d.Verdict.Action() != flow.Redirect || d.Stamp>>8 != 4 || !b.worker.AtRest() {
		t.Errorf("%+v", d)
	}
}

// BenchmarkRenewal is what a change of the policy costs an lcore whose million directions are all silent.
func BenchmarkRenewal(b *testing.B) {
	const directions = 1 << 20
	box := newBoxOf(b, directions)
	for i := range frame.FCID(directions / 2) {
		for n, key := range []flow.Key{flow.MakeKey(0, 0, uint32(host1), uint32(0x100000+i)), flow.MakeKey(0, 0, uint32(0x100000+i), uint32(host1))} {
			e := box.worker.Shard.Insert(key, uint8(n), 1)
			e.Stamp, e.Frames = 1<<8, 1
			box.worker.Shard.Info(e).Orient = flow.Orient(1 + n)
		}
	}
	text := ""
	b.ResetTimer()
	passes := 0
	for i := range b.N {
		if text = ""; i%2 == 0 {
			text = testPolicy
		}
		box.publish(uint32(2+i), text)
		box.worker.takeUp(box.shared.Snapshot())
		box.worker.renewal = renewal{left: box.worker.Shard.Slots()}
		for box.worker.renewal.left > 0 {
			box.worker.renew()
			passes++
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/directions, "ns/direction")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(passes), "ns/pass")
}
