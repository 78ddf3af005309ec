package lcore

import (
	"encoding/binary"
	"testing"

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
	for _, port := range []uint64{edge0, fabric0} {
		slot := to.Reserve()
		*(*Send)(slot) = Send{Mbuf: dpdk.FormatMbuf(mem, ofPair(PairBeat)), Port: port}
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
