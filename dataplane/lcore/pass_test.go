package lcore

import (
	"encoding/binary"
	"testing"

	"fcredirect/dataplane/dpdk/dpdktest"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/shm"
)

// numbered makes n frames of one exchange, each with its number in the payload.
func numbered(from, to frame.FCID, n int) [][]byte {
	frames := make([][]byte, n)
	for i := range frames {
		h := frame.Header{RCtl: frame.RCtlSolicitedData, FCtl: 8, Type: frame.TypeFCP, SID: from, DID: to, SOF: frame.SOFn3, EOF: frame.EOFn}
		h.Dst, h.Src = frame.FPMA(0x0efd00, to), frame.FPMA(0x0efd00, from)
		frames[i] = frame.AppendFCoE(nil, &h, binary.BigEndian.AppendUint32(nil, uint32(i)))
	}
	return frames
}

func number(f []byte) int { return int(binary.BigEndian.Uint32(f[52:])) }

func TestASlowPortHoldsBackItsFeederAndLosesNothing(t *testing.T) {
	b := newBox(t)
	b.nics.Limit(fabric0, 0, 5) // five frames a pass
	b.nics.Offer(edge0, 0, numbered(host1, array1, 500)...)
	b.nics.Offer(fabric0, 0, numbered(array1, host1, 500)...)
	sent := 0
	for passes := 0; sent < 500 && passes < 2000; passes++ {
		b.worker.Poll()
		if n := b.nics.InUse(); n > 2*BurstFrames {
			t.Fatalf("%d mbufs held: more than a burst per port", n)
		}
		for _, f := range b.nics.Sent(fabric0, 0) {
			if number(f) != sent {
				t.Fatalf("frame %d left in place of %d", number(f), sent)
			}
			sent++
		}
		if passes == 60 {
			if n := b.nics.Waiting(fabric0, 0); n != 0 {
				t.Fatalf("the other direction still has %d frames waiting: held up by a port that it does not feed", n)
			}
		}
	}
	if sent != 500 {
		t.Fatalf("%d of 500 frames left", sent)
	}
	if c := b.worker.Counters[fabric0]; c.TxHeld == 0 || c.TxDropped != 0 {
		t.Fatalf("held %d, dropped %d", c.TxHeld, c.TxDropped)
	}
	b.nics.Sent(edge0, 0)
	b.send(edge0)
	b.balance()
}

func TestADeadPortIsGivenUpAfterTheDropTimeout(t *testing.T) {
	b := newBox(t)
	b.nics.Limit(fabric0, 0, 0)
	b.nics.Offer(edge0, 0, numbered(host1, array1, 100)...)
	passes := 0
	for ; b.worker.Counters[fabric0].TxDropped == 0 && passes < 1000; passes++ {
		b.worker.Poll()
	}
	if got := b.worker.Counters[fabric0].TxDropped; got != BurstFrames {
		t.Fatalf("%d frames dropped, want one burst", got)
	}
	// Two ticks of the fake clock a pass, three ports a poll.
	if least := int(b.worker.DropTimeout / (2 * 3 * dpdktest.TicksPerRun)); passes < least {
		t.Fatalf("gave up after %d polls, the timeout is %d", passes, least)
	}
	b.nics.Limit(fabric0, 0, -1)
	for range 100 {
		b.worker.Poll()
	}
	if n := len(b.nics.Sent(fabric0, 0)); n != 100-BurstFrames {
		t.Fatalf("%d frames left when the port came back, want %d", n, 100-BurstFrames)
	}
	b.balance()
}

func TestAStalledServicePortHoldsUpNobody(t *testing.T) {
	b := newBox(t)
	b.publish(2, testPolicy)
	b.nics.Limit(svc0, 0, 0)
	b.nics.Offer(edge0, 0, numbered(host1, array1, 300)...) // steered, bypass
	b.nics.Offer(edge0, 0, numbered(host1, array2, 300)...) // steered, block
	b.nics.Offer(edge0, 0, numbered(array2, array1, 300)...)
	for range 40 {
		b.worker.Poll()
	}
	f := b.fates(edge0)
	if f[shm.FateForwarded] != 300 || f[shm.FateBypassed] == 0 || f[shm.FateDropBlocked] == 0 {
		t.Fatalf("fates %v", f)
	}
	if f[shm.FateSteered] > queueHeldMax+BurstFrames {
		t.Fatalf("%d frames held for a stalled service port", f[shm.FateSteered])
	}
	if f[shm.FateBypassed]+f[shm.FateDropBlocked]+f[shm.FateSteered] != 600 {
		t.Fatalf("fates %v", f)
	}
	b.nics.Limit(svc0, 0, -1)
	b.send(edge0)
	b.nics.Sent(fabric0, 0)
	b.nics.Sent(svc0, 0)
	b.balance()
}

func TestDrainLeavesNothingBehind(t *testing.T) {
	b := newBox(t)
	b.nics.Limit(fabric0, 0, 4)
	b.nics.Offer(edge0, 0, numbered(host1, array1, 32)...)
	b.worker.Poll()
	if left := b.worker.Drain(100); left != 0 {
		t.Fatalf("%d frames left behind by a drain with time enough", left)
	}
	if n := len(b.nics.Sent(fabric0, 0)); n != 32 {
		t.Fatalf("%d frames sent", n)
	}
	b.nics.Offer(edge0, 0, numbered(host1, array1, 32)...)
	b.nics.Limit(fabric0, 0, 0)
	b.worker.Poll()
	if left := b.worker.Drain(3); left != 32 || b.worker.Counters[fabric0].TxDropped != 32 {
		t.Fatalf("%d frames left, %d counted", left, b.worker.Counters[fabric0].TxDropped)
	}
	b.balance()
}

func TestLatencyIsCountedPerFrame(t *testing.T) {
	b := newBox(t)
	b.send(edge0, numbered(host1, array1, 50)...)
	if n := b.worker.Page.Latency.Count(); n != 50 {
		t.Fatalf("%d samples for 50 frames", n)
	}
}
