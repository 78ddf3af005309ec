package lcore

import (
	"encoding/binary"
	"testing"
	"unsafe"

	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/dpdk/dpdktest"
	"fcredirect/dataplane/ring"
	"fcredirect/dataplane/shm"
)

// ofPair is a frame of a pair of a kind.
func ofPair(kind byte) []byte {
	f := make([]byte, 96)
	copy(f, []byte{3, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 1})
	binary.BigEndian.PutUint16(f[12:], PairEtherType)
	binary.BigEndian.PutUint32(f[14:], PairMagic)
	f[18] = kind
	return f
}

// partnered gives the box a partner.
func (b *box) partnered() *ring.Producer {
	b.t.Helper()
	to, from, err := ring.New(SendSpec)
	if err != nil {
		b.t.Fatal(err)
	}
	b.worker.Sends = from
	return to
}

// controls counts the copies that wait for control.
func (b *box) controls() (n int) {
	for b.control.Next() != nil {
		n++
	}
	b.control.Release()
	return n
}

func TestAShutNodeForwardsNothingAndHearsItsPartner(t *testing.T) {
	b := newBox(t)
	b.partnered()
	b.shared.Shut()
	b.send(edge0, data(host1, array1, 1), command(host1, array1, 1), ofPair(PairBeat), ofPair(PairAnnounce), make([]byte, 60))
	b.send(svc0, data(host1, array1, 1), ofPair(PairBeat))
	if got := b.fates(edge0); got[shm.FateDropStandby] != 3 || got[shm.FateDropPair] != 2 || len(got) != 2 {
		t.Errorf("edge0: %v", got)
	}
	if got := b.fates(svc0); got[shm.FateDropStandby] != 1 || got[shm.FateDropPair] != 1 {
		t.Errorf("svc0: %v", got)
	}
	if n := b.controls(); n != 2 || b.worker.Shard.Live() != 0 {
		t.Errorf("%d copies for control, want the two beats; %d flows", n, b.worker.Shard.Live())
	}
	b.shared.Open()
	b.send(edge0, data(host1, array1, 1))
	if got := b.fates(edge0); got[shm.FateForwarded] != 1 {
		t.Errorf("open again: %v", got)
	}
	b.balance()
}

func TestANodeWhoseTimeIsOverForwardsNothing(t *testing.T) {
	b := newBox(t)
	b.passes(10)
	b.shared.OpenUntil(b.worker.now + 40*dpdktest.TicksPerRun)
	b.send(edge0, data(host1, array1, 1))
	b.passes(40)
	b.send(edge0, data(host1, array1, 1))
	if got := b.fates(edge0); got[shm.FateForwarded] != 1 || got[shm.FateDropStandby] != 1 {
		t.Errorf("%v", got)
	}
	b.balance()
}

func TestAnActiveNodeKeepsFramesOfThePairToItself(t *testing.T) {
	b := newBox(t)
	b.partnered()
	b.send(edge0, ofPair(PairBeat), ofPair(PairAnnounce), make([]byte, 60))
	if got := b.fates(edge0); got[shm.FateDropPair] != 2 || got[shm.FateNotFCoE] != 1 || b.controls() != 1 {
		t.Errorf("%v", got)
	}
	alone := newBox(t)
	alone.send(edge0, ofPair(PairBeat))
	if got := alone.fates(edge0); got[shm.FateNotFCoE] != 1 || alone.controls() != 0 {
		t.Errorf("a node without a partner: %v", got)
	}
	b.balance()
	alone.balance()
}

func TestADrainingNodeForwardsWhatIsOnItsWayAndNothingRound(t *testing.T) {
	b := newBox(t)
	b.partnered()
	b.send(edge0, data(host1, array1, 1))
	b.send(fabric0, data(array1, host1, 1))
	b.shared.Drain(^uint64(0))
	multicast := data(host1, array1, 2)
	multicast[0] |= 1
	b.send(edge0, multicast, data(host1, array1, 3), data(array1, host1, 2), ofPair(PairBeat), data(host2, array2, 1))
	if got := b.fates(edge0); got[shm.FateForwarded] != 3 || got[shm.FateDropStandby] != 2 || got[shm.FateDropPair] != 1 {
		t.Errorf("%v", got) // the second and the last frame; not the multicast, nor the target's frame by the host's side
	}
	b.shared.Drain(b.worker.now)
	b.passes(1)
	b.send(edge0, data(host1, array1, 4))
	if got := b.fates(edge0); got[shm.FateForwarded] != 3 || got[shm.FateDropStandby] != 3 {
		t.Errorf("after its time: %v", got)
	}
	b.balance()
}

func TestFramesOfOurOwnArePutOutAndCounted(t *testing.T) {
	b := newBox(t)
	to := b.partnered()
	mem := make([]byte, dpdk.MbufBytes+dpdk.Headroom+256)
	for _, port := range []uint32{edge0, fabric0} {
		slot := to.Reserve()
		*(*Send)(slot) = Send{Mbuf: dpdk.FormatMbuf(mem, ofPair(PairBeat)), Port: port, Kind: PairBeat}
		to.Commit()
		b.worker.Rest()
		if got := b.worker.Counters[port].Injected; got != 1 {
			t.Errorf("port %d: %d injected", port, got)
		}
		for q := range b.worker.portOf { // it is not a frame of the fake's, so it must not reach it
			b.worker.Cycle.Tx[q].N = 0
		}
	}
}

// tagged puts a VLAN tag into a frame.
func tagged(f []byte) []byte {
	return append(append(append([]byte(nil), f[:12]...), 0x81, 0, 0, 100), f[12:]...)
}

func TestTaggedAnnouncementsDoNotCross(t *testing.T) {
	b := newBox(t)
	b.partnered()
	b.send(edge0, tagged(ofPair(PairAnnounce)), tagged(make([]byte, 60)))
	if got := b.fates(edge0); got[shm.FateDropPair] != 1 || got[shm.FateNotFCoE] != 1 || b.controls() != 0 {
		t.Errorf("%v", got)
	}
	b.shared.Shut()
	b.send(edge0, tagged(ofPair(PairAnnounce)))
	if got := b.fates(edge0); got[shm.FateDropPair] != 2 {
		t.Errorf("shut: %v", got)
	}
	b.balance()
}

func TestAFloodOfBeatsIsBounded(t *testing.T) {
	b := newBox(t)
	b.partnered()
	b.worker.TSCHz = 1 << 50 // all of this is within a millisecond
	for range 40 {
		b.send(edge0, ofPair(PairBeat))
	}
	b.send(fabric0, ofPair(PairBeat))
	if n := b.controls(); n != beatsHeard+1 {
		t.Errorf("%d copies", n)
	}
	b.worker.TSCHz = 1000 * dpdktest.TicksPerRun
	b.passes(1)
	b.send(edge0, ofPair(PairBeat))
	if n := b.controls(); n != 1 {
		t.Errorf("%d copies in the next millisecond", n)
	}
	b.balance()
}

func TestOtherFramesLeaveRoomToBeats(t *testing.T) {
	b := newBox(t)
	b.partnered()
	f := ofPair(PairBeat)
	for range 2 * ControlItems {
		b.worker.copyToControl(edge0, unsafe.Pointer(&f[0]), uint32(len(f)))
	}
	b.send(edge0, f)
	if n := b.controls(); n != ControlItems-beatRoom+1 {
		t.Errorf("%d copies", n)
	}
	b.balance()
}

// own puts a frame of our own into the ring of the lcore.
func own(to *ring.Producer, kind uint32) *dpdk.Mbuf {
	m := dpdk.FormatMbuf(make([]byte, dpdk.MbufBytes+dpdk.Headroom+256), ofPair(byte(kind)))
	*(*Send)(to.Reserve()) = Send{Mbuf: m, Port: fabric0, Kind: kind}
	to.Commit()
	return m
}

func TestABeatWaitsForAHeldPortAndAnAnnouncementDoesNot(t *testing.T) {
	b := newBox(t)
	to, c := b.partnered(), b.worker.Cycle
	q := b.worker.txOf[fabric0]
	tx := &c.Tx[q]
	b.worker.heldSince[q], tx.N = 1, queueHeldMax
	own(to, PairBeat)
	own(to, PairAnnounce)
	newest := own(to, PairBeat)
	b.worker.sendOwn()
	if tx.N != queueHeldMax || c.NFree != 2 {
		t.Errorf("%d in the queue, %d given back", tx.N, c.NFree)
	}
	tx.N--
	b.worker.sendOwn()
	if tx.N != queueHeldMax || tx.Mbuf[queueHeldMax-1] != newest || b.worker.Counters[fabric0].Injected != 1 {
		t.Errorf("%d in the queue, %d injected", tx.N, b.worker.Counters[fabric0].Injected)
	}
	b.worker.heldSince[q], tx.N, c.NFree = 0, 0, 0
	b.worker.now = 5
	b.shared.Shut()
	own(to, PairAnnounce)
	own(to, PairBeat)
	b.worker.sendOwn()
	if tx.N != 1 || c.NFree != 1 {
		t.Errorf("shut: %d in the queue, %d given back; want the beat alone", tx.N, c.NFree)
	}
	tx.N, c.NFree = queueHeldMax, 0
	own(to, PairBeat)
	b.worker.sendOwn()
	b.worker.forgetLate()
	if c.NFree != 1 || b.worker.lateN != 0 {
		t.Errorf("%d given back at the end", c.NFree)
	}
	tx.N, c.NFree = 0, 0 // none of it is a frame of the fake's, so it must not reach it
}
