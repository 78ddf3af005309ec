package lcore

import (
	"bytes"
	"slices"
	"testing"

	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/shm"
)

// Frames in, frames out, fate: what the data plane does with a frame, one sentence each.
func TestFatesOfFrames(t *testing.T) {
	els := func(from, to frame.FCID) []byte {
		return build(frame.Header{RCtl: frame.RCtlELSRequest, FCtl: 0x290000, Type: frame.TypeELS, SID: from, DID: to}, 3)
	}
	change := func(b []byte, at int, v byte) []byte { b[at] = v; return b }
	tagged := func(h frame.Header) []byte {
		h.Tagged, h.VLAN, h.RCtl, h.Type, h.SID, h.DID = true, 100, frame.RCtlUnsolicitedCmd, frame.TypeFCP, host1, array1
		return build(h, 1)
	}
	nested := append(append(bytes.Clone(command(host1, array1, 1)[:12]), 0x81, 0, 0, 1, 0x81, 0, 0, 2), command(host1, array1, 1)[12:]...)

	for _, c := range []struct {
		name   string
		in     uint16
		frame  []byte
		out    int // port, -1 none
		fate   shm.Fate
		change bool // the frame leaves with other MACs
		copies int  // out of the service port besides
	}{
		{"a steered command goes to the service", edge0, command(host1, array1, 1), svc0, shm.FateSteered, true, 0},
		{"so does the data of the exchange", edge0, data(host1, array1, 1), svc0, shm.FateSteered, true, 0},
		{"and the response of the target", fabric0, response(array1, host1, 1), svc0, shm.FateSteered, true, 0},
		{"the ELS of a steered pair takes the direct way", edge0, els(host1, array1), fabric0, shm.FateForwarded, false, 0},
		{"its ABTS too", edge0, build(frame.Header{RCtl: frame.RCtlABTS, SID: host1, DID: array1}, 0), fabric0, shm.FateForwarded, false, 0},
		{"a command of a mirrored pair is copied", edge0, command(host2, array1, 1), fabric0, shm.FateForwarded, false, 1},
		{"the data of a commands-only mirror is not", edge0, data(host2, array1, 1), fabric0, shm.FateForwarded, false, 0},
		{"a dropped pair's command is dropped", edge0, command(host2, array2, 1), -1, shm.FateDropPolicy, false, 0},
		{"and its target's response", fabric0, response(array2, host2, 1), -1, shm.FateDropPolicy, false, 0},
		{"a pair that no rule names is forwarded", edge0, command(array1, array2, 1), fabric0, shm.FateForwarded, false, 0},
		{"an unknown FC_ID is forwarded", edge0, command(0x030003, array1, 1), fabric0, shm.FateForwarded, false, 0},
		{"the same IDs on another VLAN are strangers", edge0, tagged(frame.Header{}), fabric0, shm.FateForwarded, false, 0},
		{"a frame for the name server crosses", edge0, els(host1, 0xfffffc), fabric0, shm.FateWellKnown, false, 0},
		{"FIP crosses", edge0, change(change(command(host1, array1, 1), 12, 0x89), 13, 0x14), fabric0, shm.FateFIP, false, 0},
		{"IP crosses", edge0, change(change(command(host1, array1, 1), 12, 8), 13, 0), fabric0, shm.FateNotFCoE, false, 0},
		{"a tag in a tag crosses", edge0, nested, fabric0, shm.FateNestedTag, false, 0},
		{"a runt crosses", edge0, command(host1, array1, 1)[:40], fabric0, shm.FateRunt, false, 0},
		{"a frame of one byte crosses", edge0, []byte{1}, fabric0, shm.FateRunt, false, 0},
		{"a truncated frame is dropped", edge0, command(host1, array1, 1)[:82], -1, shm.FateDropEOF, false, 0},
		{"the header of old is dropped", edge0, change(command(host1, array1, 1), 15, 9), -1, shm.FateDropOldFormat, false, 0},
		{"another version is dropped", edge0, change(command(host1, array1, 1), 14, 0x10), -1, shm.FateDropVersion, false, 0},
		{"a bad SOF is dropped", edge0, change(command(host1, array1, 1), 27, 0), -1, shm.FateDropSOF, false, 0},
		{"an aborted frame is dropped", edge0, build(frame.Header{EOF: frame.EOFa, Type: frame.TypeFCP, SID: host1, DID: array1}, 0), -1, shm.FateDropEOFInvalid, false, 0},
		{"a frame to its own sender is dropped", edge0, command(host1, host1, 1), -1, shm.FateDropLoop, false, 0},
		{"an unknown extended header is dropped", edge0, build(frame.Header{RCtl: frame.RCtlIFR, SID: host1, DID: array1}, 0), -1, shm.FateDropExtHeader, false, 0},
		{"a stranger's frame from the service port is dropped", svc0, command(host2, array1, 1), -1, shm.FateDropUnmatched, false, 0},
		{"IP from the service port is dropped", svc0, change(change(command(host1, array1, 1), 12, 8), 13, 0), -1, shm.FateDropUnmatched, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBox(t)
			b.publish(2, testPolicy)
			b.send(c.in, c.frame)
			for port := range uint16(3) {
				sent := b.nics.Sent(port, 0)
				want := 0
				if int(port) == c.out {
					want = 1
				}
				if port == svc0 {
					want += c.copies
				}
				if len(sent) != want {
					t.Fatalf("%d frames left port %d, want %d; fates %v", len(sent), port, want, b.fates(int(c.in)))
				}
				for _, f := range sent {
					if len(f) != len(c.frame) || len(f) > 12 && !bytes.Equal(f[12:], c.frame[12:]) {
						t.Error("what lies behind the MACs changed")
					}
					if bytes.Equal(f, c.frame) == c.change {
						t.Errorf("MACs changed: %v", !c.change)
					}
				}
			}
			if got := b.fates(int(c.in)); len(got) != 1 || got[c.fate] != 1 {
				t.Errorf("fates %v, want one %v", got, c.fate)
			}
			b.balance()
		})
	}
}

func TestASteeredFrameComesBackWithItsTrueAddresses(t *testing.T) {
	b := newBox(t)
	b.publish(2, testPolicy)
	in := command(host1, array1, 1)
	b.send(edge0, in)
	atService := b.nics.Sent(svc0, 0)
	if len(atService) != 1 || frame.MAC(atService[0][:6]) != serviceMAC {
		t.Fatalf("the service got %x", atService)
	}
	returned := bytes.Clone(atService[0])
	copy(returned[:12], []byte{9, 9, 9, 9, 9, 9, 2, 0xfc, 0x5e, 0, 0, 1}) // whatever MACs the service chose
	b.send(svc0, returned)
	out := b.nics.Sent(fabric0, 0)
	if len(out) != 1 || !bytes.Equal(out[0], in) {
		t.Fatalf("the target got %x, want %x", out, in)
	}
	b.send(svc0, returned) // in fabric mode a frame may be sent again by the service: it is not steered again
	if n := len(b.nics.Sent(svc0, 0)); n != 0 {
		t.Fatalf("a handed-back frame was steered %d times more", n)
	}
	b.nics.Sent(fabric0, 0)
	b.balance()
}

func TestAServiceCannotInjectIntoAFlowThatWasNeverSteered(t *testing.T) {
	b := newBox(t)
	b.publish(2, testPolicy)
	b.send(edge0, command(array1, array2, 1)) // forwarded: the entry exists
	b.send(svc0, command(array1, array2, 2))
	if n := len(b.nics.Sent(fabric0, 0)); n != 1 || b.fates(svc0)[shm.FateDropUnmatched] != 1 {
		t.Fatalf("%d frames left, fates %v", n, b.fates(svc0))
	}
	b.balance()
}

func TestAFrameAtTheServiceSurvivesAPolicyChange(t *testing.T) {
	b := newBox(t)
	b.publish(2, testPolicy)
	b.send(edge0, command(host1, array1, 1))
	returned := b.nics.Sent(svc0, 0)[0]
	b.publish(3, "")
	b.send(edge0, data(host1, array1, 2)) // re-evaluated: forward
	b.send(svc0, returned)
	if n := len(b.nics.Sent(fabric0, 0)); n != 2 {
		t.Fatalf("%d frames reached the target, want 2", n)
	}
	b.balance()
}

func TestANewPolicyIsTakenUpByTheNextFrame(t *testing.T) {
	b := newBox(t)
	b.send(edge0, command(host2, array2, 1))
	b.publish(2, testPolicy)
	b.send(edge0, command(host2, array2, 2))
	if n := len(b.nics.Sent(fabric0, 0)); n != 1 {
		t.Fatalf("%d frames left, want the first alone", n)
	}
	if b.worker.Page.Generation != 2 {
		t.Fatalf("generation %d acknowledged", b.worker.Page.Generation)
	}
	b.balance()
}

func TestALoginLearntLateChangesTheVerdict(t *testing.T) {
	b := newBox(t)
	b.publish(2, testPolicy)
	b.logins.Remove(login.At(0, 0, host2))
	b.send(edge0, command(host2, array2, 1)) // nobody knows host2: forwarded
	b.logins.Put(&login.Login{Addr: login.At(0, 0, host2), WWPN: wwpns[host2], State: login.Live})
	b.send(edge0, command(host2, array2, 2)) // the entry is not asked again by itself
	*(*uint64)(b.command.Reserve()) = uint64(login.At(0, 0, host2))
	b.command.Commit()
	b.send(edge0)
	b.send(edge0, command(host2, array2, 3))
	if n := len(b.nics.Sent(fabric0, 0)); n != 2 {
		t.Fatalf("%d frames left, want 2: the third one is dropped by policy", n)
	}
	b.balance()
}

func TestAServiceThatIsDownIsBypassedOrBlocks(t *testing.T) {
	b := newBox(t)
	b.publish(2, testPolicy)
	down := *b.shared.Snapshot()
	down.Generation, down.Services = 3, slices.Clone(down.Services)
	for i := range down.Services {
		down.Services[i].Up = false
	}
	b.shared.Publish(&down)
	b.send(edge0, command(host1, array1, 1), command(host1, array2, 2))
	if f := b.fates(edge0); f[shm.FateBypassed] != 1 || f[shm.FateDropBlocked] != 1 {
		t.Fatalf("fates %v", f)
	}
	b.publish(4, testPolicy)
	b.send(edge0, command(host1, array1, 1))
	if f := b.fates(edge0); f[shm.FateSteered] != 1 {
		t.Fatalf("fates %v after the service came back", f)
	}
	b.balance()
}

func TestAFullFlowTableForwardsAndSaysSo(t *testing.T) {
	b := newBoxOf(t, flow.MinDirections)
	b.publish(2, testPolicy)
	for i := range flow.MinDirections {
		b.send(edge0, command(frame.FCID(0x050000+i), array1, 1))
	}
	b.nics.Sent(fabric0, 0)
	b.send(edge0, command(host2, array2, 1)) // would be dropped by policy
	if n := len(b.nics.Sent(fabric0, 0)); n != 1 || b.worker.Page.FlowsFull != 1 || b.fates(edge0)[shm.FateUnflowed] != 1 {
		t.Fatalf("%d sent, %d refused, fates %v", n, b.worker.Page.FlowsFull, b.fates(edge0))
	}
	b.balance()
}

func TestTheLearnerGetsACopyOfWhatItLearnsFrom(t *testing.T) {
	b := newBox(t)
	plogi := build(frame.Header{RCtl: frame.RCtlELSRequest, Type: frame.TypeELS, SID: host1, DID: array1}, 3)
	fip := command(host1, array1, 1)
	fip[12], fip[13] = 0x89, 0x14
	first := command(host1, array2, 1)
	b.send(edge0, plogi, fip, first, data(host1, array2, 2), data(host1, array2, 3))
	for _, want := range [][]byte{plogi, fip, first} {
		slot := b.control.Next()
		if slot == nil {
			t.Fatal("a copy is missing")
		}
		item := (*ControlItem)(slot)
		if !bytes.Equal(item.Frame[:item.Len], want) || item.Port != edge0 {
			t.Fatalf("port %d: %x, want %x", item.Port, item.Frame[:item.Len], want)
		}
	}
	if b.control.Next() != nil {
		t.Fatal("more copies than frames to learn from")
	}
}

func TestTheFirstCommandIsShownEvenWhenAFlowBeginsWithData(t *testing.T) {
	b := newBox(t)
	b.publish(2, testPolicy)
	for n, pair := range [][2]frame.FCID{{host1, array1}, {host2, array1}, {host2, array2}, {array1, array2}} { // one of each action
		b.send(edge0, data(pair[0], pair[1], 1))
		if b.control.Next() != nil {
			t.Fatalf("pair %d: data was shown", n)
		}
		b.send(edge0, command(pair[0], pair[1], 2), command(pair[0], pair[1], 3))
		if b.control.Next() == nil || b.control.Next() != nil {
			t.Fatalf("pair %d: want one command shown", n)
		}
	}
	if f := b.fates(edge0); f[shm.FateSteered] != 3 || f[shm.FateDropPolicy] != 3 || f[shm.FateForwarded] != 6 {
		t.Fatalf("fates %v", f)
	}
	b.balance()
}

func TestTheCommandsOfAStormLeaveRoomForALogin(t *testing.T) {
	b := newBoxOf(t, 2*ControlItems)
	b.publish(2, testPolicy)
	for i := range 2 * ControlItems { // nobody empties the ring meanwhile
		b.send(edge0, command(frame.FCID(0x050000+i), array1, 1))
	}
	plogi := build(frame.Header{RCtl: frame.RCtlELSRequest, Type: frame.TypeELS, SID: host1, DID: array1}, 3)
	b.send(edge0, plogi)
	var last []byte
	for slot := b.control.Next(); slot != nil; slot = b.control.Next() {
		last = (*ControlItem)(slot).Frame[:(*ControlItem)(slot).Len]
	}
	if !bytes.Equal(last, plogi) || b.worker.Page.ControlLost != 0 {
		t.Fatalf("the PLOGI was not shown, %d copies were lost", b.worker.Page.ControlLost)
	}
	b.control.Release()
	b.send(edge0, command(0x050000+2*ControlItems-1, array1, 1))
	if b.control.Next() == nil {
		t.Fatal("a flow whose command had found no room showed none later")
	}
}

func TestErrorFramesAreCountedOnTheirFlow(t *testing.T) {
	b := newBox(t)
	abts := build(frame.Header{RCtl: frame.RCtlABTS, SID: host1, DID: array1}, 0)
	b.send(edge0, command(host1, array1, 1), abts, abts)
	for d := range flow.NewView(b.entries, b.infos).All() {
		if d.Errors != 2 || d.Frames != 3 {
			t.Fatalf("%d errors in %d frames", d.Errors, d.Frames)
		}
	}
}

func TestNoAllocationPerFrame(t *testing.T) {
	b := newBox(t)
	b.publish(2, testPolicy)
	frames := [][]byte{
		command(host1, array1, 1), data(host1, array1, 2), command(host2, array1, 3), command(host2, array2, 4), command(array2, array1, 5),
	}
	b.send(edge0, frames...) // the entries are made
	w, c := b.worker, b.worker.Cycle
	for i, f := range frames {
		c.Rx[i] = b.nics.Mbuf(f)
		c.Data[i], c.Len[i] = c.Rx[i].Data(), uint32(len(f))
	}
	n := testing.AllocsPerRun(1000, func() {
		w.in, w.row = &w.own[0], &w.Counters[edge0]
		w.burst(len(frames))
		w.sent()
		w.Rest()
		for q := range w.portOf { // as if all had been sent
			c.Tx[q].N = 0
		}
		c.NFree, c.NClone = 0, 0
	})
	if n != 0 {
		t.Fatalf("%v allocations per burst", n)
	}
}
