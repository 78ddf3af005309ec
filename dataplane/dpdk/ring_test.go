package dpdk_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"fcredirect/dataplane/dpdk"
)

func TestRingKeepsOrderAndBytes(t *testing.T) {
	pool := newPool(t, 1023)
	ring := newRing(t, 1024, pool)
	var frames [][]byte
	for i := range 600 { // more than one crossing takes
		frames = append(frames, frame(i, 14+i*3))
	}
	if n, err := ring.EnqueueBurst(frames); n != 600 || err != nil {
		t.Fatalf("%d frames taken, %v", n, err)
	}
	if n := ring.Len(); n != 600 {
		t.Fatalf("%d frames in the ring", n)
	}
	buf, lens := make([]byte, 2*dpdk.FrameMax), make([]uint32, 64)
	next := 0
	for {
		n := ring.DequeueBurst(buf, lens)
		if n == 0 {
			break
		}
		at := 0
		for _, length := range lens[:n] {
			if !bytes.Equal(buf[at:at+int(length)], frames[next]) {
				t.Fatalf("frame %d differs", next)
			}
			at += int(length)
			next++
		}
	}
	if next != 600 {
		t.Errorf("%d frames came out", next)
	}
}

func TestRingRefusals(t *testing.T) {
	tests := []struct {
		name        string
		mbufs, size int
		frames      [][]byte
		taken       int
		want        error
		text        string
	}{
		{"a full ring takes what fits", 255, 16, make([][]byte, 20), 15, dpdk.ErrRingFull, "ring is full"},
		{"an empty mempool gives what it has", 7, 16, make([][]byte, 10), 7, dpdk.ErrNoMbuf, "mempool is empty"},
		{"a frame longer than an mbuf is not taken", 255, 16, [][]byte{make([]byte, 4097)}, 0, syscall.EMSGSIZE, "frame of 4097 bytes, limit 4096"},
		{"a long frame among others stops the burst before it", 511, 512, append(make([][]byte, 300), make([]byte, 5000)), 256, syscall.EMSGSIZE, "5000"},
		{"nothing is taken from nothing", 255, 16, nil, 0, nil, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ring := newRing(t, test.size, newPool(t, test.mbufs))
			n, err := ring.EnqueueBurst(test.frames)
			if n != test.taken || !errors.Is(err, test.want) {
				t.Errorf("took %d, %v, want %d, %v", n, err, test.taken, test.want)
			}
			if err != nil && (!strings.Contains(err.Error(), test.text) || !strings.Contains(err.Error(), "rte_ring_enqueue "+ring.Name())) {
				t.Errorf("error %q, want %q and the ring's name in it", err, test.text)
			}
			if ring.Len() != test.taken {
				t.Errorf("%d frames in the ring", ring.Len())
			}
		})
	}
	t.Run("one frame at a time gives the same errors", func(t *testing.T) {
		ring := newRing(t, 2, newPool(t, 15))
		if err := ring.Enqueue(frame(0, 60)); err != nil {
			t.Error(err)
		}
		if err := ring.Enqueue(frame(1, 60)); !errors.Is(err, dpdk.ErrRingFull) {
			t.Errorf("full ring: %v", err)
		}
		if err := ring.Enqueue(make([]byte, 4097)); !errors.Is(err, syscall.EMSGSIZE) {
			t.Errorf("long frame: %v", err)
		}
	})
	t.Run("a ring without a mempool takes no copies", func(t *testing.T) {
		ring := newRing(t, 16, nil)
		if err := ring.Enqueue(frame(0, 60)); !errors.Is(err, syscall.EINVAL) {
			t.Errorf("error %v", err)
		}
	})
}

func TestDequeueIntoAShortBuffer(t *testing.T) {
	pool := newPool(t, 63)
	ring := newRing(t, 16, pool)
	for i := range 3 {
		if err := ring.Enqueue(frame(i, 2172)); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, 100)
	if n, ok := ring.Dequeue(buf); n != 100 || !ok || !bytes.Equal(buf, frame(0, 2172)[:100]) {
		t.Errorf("%d bytes, %v", n, ok)
	}
	lens := make([]uint32, 8)
	if n := ring.DequeueBurst(buf, lens); n != 1 || lens[0] != 100 {
		t.Errorf("%d frames, the first of %d bytes, want one of 100", n, lens[0])
	}
	if n := ring.DequeueBurst(buf, nil); n != 0 {
		t.Errorf("%d frames without room for a length", n)
	}
	if n, ok := ring.Dequeue(nil); n != 0 || !ok {
		t.Errorf("%d bytes into nothing, %v", n, ok)
	}
	if n, ok := ring.Dequeue(buf); n != 0 || ok {
		t.Errorf("%d bytes, %v, from an empty ring", n, ok)
	}
}

func TestDequeueJoinsSegments(t *testing.T) {
	pool := newPool(t, 63)
	w := newWire(t, pool, 16)
	c := newCycle(t, pool)
	c.NTx = 1
	c.Tx[0].Port = w.port.ID()
	load(t, c, pool, 0, 100, 1)
	dpdk.Chain(c.Tx[0].Mbuf[0], pool.Mbuf(frame(2, 50)))
	c.Run()
	want := append(frame(1, 100), frame(2, 50)...)
	if got := w.sent(); len(got) != 1 || !bytes.Equal(got[0], want) {
		t.Errorf("got %d frames, the first %d bytes, want one of 150", len(got), len(got[0]))
	}
}

func TestRingCloseGivesFramesBackAndRefusesTwice(t *testing.T) {
	pool := newPool(t, 63)
	ring, err := dpdk.NewRing(unique("ring"), 16, pool, dpdk.AnySocket)
	if err != nil {
		t.Fatal(err)
	}
	if err := ring.Enqueue(frame(0, 60)); err != nil {
		t.Fatal(err)
	}
	if err := ring.Close(); err != nil {
		t.Fatal(err)
	}
	if n := pool.InUse(); n != 0 {
		t.Errorf("%d mbufs in use", n)
	}
	if err := ring.Close(); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("rte_ring_free %s", ring.Name())) {
		t.Errorf("second close: %v", err)
	}
}
