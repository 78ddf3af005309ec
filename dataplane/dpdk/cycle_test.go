package dpdk_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"fcredirect/dataplane/dpdk"
)

// load puts frames made from tags into transmit queue tx.
func load(t *testing.T, c *dpdk.Cycle, pool *dpdk.Mempool, tx int, size int, tags ...int) {
	t.Helper()
	q := &c.Tx[tx]
	for _, tag := range tags {
		m := pool.Mbuf(frame(tag, size))
		if m == nil {
			t.Fatal("mempool is empty")
		}
		q.Mbuf[q.N] = m
		q.N++
	}
}

// moveAll puts what was received into transmit queue tx.
func moveAll(c *dpdk.Cycle, tx int) {
	q := &c.Tx[tx]
	for _, m := range c.Rx[:c.RxN] {
		q.Mbuf[q.N] = m
		q.N++
	}
	c.RxN = 0
}

func freeAll(c *dpdk.Cycle) {
	for _, m := range c.Rx[:c.RxN] {
		c.Free[c.NFree] = m
		c.NFree++
	}
	c.RxN = 0
	c.RxPort = dpdk.NoPort
	c.Run()
}

func wantFrames(t *testing.T, got [][]byte, size int, tags ...int) {
	t.Helper()
	if len(got) != len(tags) {
		t.Fatalf("%d frames, want %d", len(got), len(tags))
	}
	for i, tag := range tags {
		if want := frame(tag, size); !bytes.Equal(got[i], want) {
			t.Errorf("frame %d begins %q (%d bytes), want %q (%d)", i, got[i][:12], len(got[i]), want[:12], len(want))
		}
	}
}

func tags(from, to int) []int {
	var s []int
	for i := from; i < to; i++ {
		s = append(s, i)
	}
	return s
}

func TestPartialTransmitKeepsOrderAndRemainder(t *testing.T) {
	pool := newPool(t, 255)
	w := newWire(t, pool, 16) // takes 15
	c := newCycle(t, pool)
	c.NTx = 1
	c.Tx[0].Port = w.port.ID()

	load(t, c, pool, 0, 100, tags(0, 40)...)
	var left [][]byte
	for _, want := range []struct{ remainder, sent int }{{25, 15}, {10, 30}, {0, 40}} {
		c.Run()
		if got := int(c.Tx[0].N); got != want.remainder {
			t.Fatalf("remainder %d, want %d", got, want.remainder)
		}
		if c.Tx[0].Sent != uint64(want.sent) || c.Tx[0].SentBytes != uint64(100*want.sent) {
			t.Fatalf("sent %d frames, %d bytes, want %d frames of 100", c.Tx[0].Sent, c.Tx[0].SentBytes, want.sent)
		}
		left = append(left, w.sent()...)
	}
	wantFrames(t, left, 100, tags(0, 40)...)
}

func TestFramesOfTheNextBurstQueueBehindTheRemainder(t *testing.T) {
	pool := newPool(t, 255)
	w := newWire(t, pool, 16)
	c := newCycle(t, pool)
	c.NTx = 1
	c.Tx[0].Port = w.port.ID()

	load(t, c, pool, 0, 64, tags(0, 20)...)
	c.Run() // 15 leave, 5 stay
	load(t, c, pool, 0, 64, tags(20, 25)...)
	left := w.sent()
	c.Run()
	left = append(left, w.sent()...)
	wantFrames(t, left, 64, tags(0, 25)...)
}

func TestAStalledQueueDoesNotHoldUpAnother(t *testing.T) {
	pool := newPool(t, 255)
	stalled, free := newWire(t, pool, 2), newWire(t, pool, 64)
	c := newCycle(t, pool)
	c.NTx = 2
	c.Tx[0].Port, c.Tx[1].Port = stalled.port.ID(), free.port.ID()

	load(t, c, pool, 0, 64, tags(0, 8)...)
	load(t, c, pool, 1, 64, tags(100, 108)...)
	c.Run()
	if c.Tx[0].N != 7 || c.Tx[1].N != 0 {
		t.Fatalf("remainders %d and %d, want 7 and 0", c.Tx[0].N, c.Tx[1].N)
	}
	wantFrames(t, free.sent(), 64, tags(100, 108)...)
	wantFrames(t, stalled.sent(), 64, 0)
}

func TestReceiveGate(t *testing.T) {
	tests := []struct {
		name      string
		gate      uint32
		remainder [2]int // frames that each of the two queues cannot send
		received  bool
	}{
		{"no gate, so a remainder does not stop receive", 0b00, [2]int{5, 5}, true},
		{"a gated queue with a remainder stops receive", 0b01, [2]int{5, 0}, false},
		{"the second gated queue stops receive too", 0b11, [2]int{0, 5}, false},
		{"a remainder in a queue that is not gated does not", 0b10, [2]int{5, 0}, true},
		{"a gated queue that sent everything does not", 0b11, [2]int{0, 0}, true},
		{"bits beyond the queues in use mean nothing", 0xfffc, [2]int{5, 5}, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			pool := newPool(t, 255)
			in := newWire(t, pool, 64)
			out := [2]wire{newWire(t, pool, 16), newWire(t, pool, 16)}
			c := newCycle(t, pool)
			c.NTx = 2
			for i, w := range out {
				c.Tx[i].Port = w.port.ID()
				if test.remainder[i] > 0 {
					load(t, c, pool, i, 64, tags(0, 15+test.remainder[i])...)
				}
			}
			if err := in.in.Enqueue(frame(7, 64)); err != nil {
				t.Fatal(err)
			}
			c.RxPort, c.RxGate = in.port.ID(), test.gate
			c.Run()
			if received := c.RxN == 1; received != test.received || (c.RxGated == 1) == test.received {
				t.Errorf("received %d frames, gated %d, want received = %v", c.RxN, c.RxGated, test.received)
			}
			freeAll(c)
		})
	}
}

func TestGateOpensWhenTheRemainderIsGone(t *testing.T) {
	pool := newPool(t, 255)
	w := newWire(t, pool, 16)
	c := newCycle(t, pool)
	c.NTx, c.RxGate = 1, 1
	c.Tx[0].Port, c.RxPort = w.port.ID(), w.port.ID()
	load(t, c, pool, 0, 64, tags(0, 16)...)
	if err := w.in.Enqueue(frame(99, 64)); err != nil {
		t.Fatal(err)
	}
	c.Run()
	if c.RxGated != 1 || c.RxN != 0 {
		t.Fatalf("gated %d, received %d, want 1 and 0", c.RxGated, c.RxN)
	}
	w.sent()
	c.Run() // the last frame leaves, then the same Run receives
	if c.RxGated != 0 || c.RxN != 1 {
		t.Fatalf("gated %d, received %d, want 0 and 1", c.RxGated, c.RxN)
	}
	freeAll(c)
}

func TestNoPortOnlyTransmits(t *testing.T) {
	pool := newPool(t, 255)
	w := newWire(t, pool, 16)
	c := newCycle(t, pool)
	c.NTx = 1
	c.Tx[0].Port = w.port.ID()
	load(t, c, pool, 0, 64, 1, 2, 3)
	if err := w.in.Enqueue(frame(9, 64)); err != nil {
		t.Fatal(err)
	}
	c.RxPort = dpdk.NoPort
	c.Run()
	wantFrames(t, w.sent(), 64, 1, 2, 3)
	if c.RxN != 0 || w.in.Len() != 1 {
		t.Errorf("received %d frames, %d wait, want 0 and 1", c.RxN, w.in.Len())
	}
}

func TestReceiveFillsInTheBurst(t *testing.T) {
	pool := newPool(t, 255)
	w := newWire(t, pool, 128)
	c := newCycle(t, pool)
	total := 0
	for i := range 70 {
		if err := w.in.Enqueue(frame(i, 60+i)); err != nil {
			t.Fatal(err)
		}
	}
	c.RxPort = w.port.ID()
	var before uint64
	for _, want := range []struct{ ask, got int }{{32, 32}, {1, 1}, {64, 37}, {32, 0}} {
		c.RxBurst = uint16(want.ask)
		c.Run()
		if int(c.RxN) != want.got {
			t.Fatalf("asked for %d, got %d, want %d", want.ask, c.RxN, want.got)
		}
		bytesWant := uint32(0)
		for i, m := range c.Rx[:c.RxN] {
			got := unsafe.Slice((*byte)(c.Data[i]), c.Len[i])
			if !bytes.Equal(got, frame(total+i, 60+total+i)) || !bytes.Equal(got, m.Bytes()) {
				t.Errorf("frame %d is wrong", total+i)
			}
			bytesWant += c.Len[i]
		}
		if c.RxBytes != bytesWant {
			t.Errorf("RxBytes %d, want %d", c.RxBytes, bytesWant)
		}
		if c.TSCTx <= before || c.TSCRx < c.TSCTx {
			t.Errorf("time stamps %d, %d after %d do not grow", c.TSCTx, c.TSCRx, before)
		}
		before = c.TSCRx
		total += int(c.RxN)
		for _, m := range c.Rx[:c.RxN] {
			c.Free[c.NFree] = m
			c.NFree++
		}
	}
	c.RxPort = dpdk.NoPort
	c.Run()
}

func TestMirrorCopies(t *testing.T) {
	for _, size := range []int{60, dpdk.CloneCopyMax, dpdk.CloneCopyMax + 1, 2172} {
		for _, copyMax := range []uint32{0, dpdk.CloneCopyMax, 4096} {
			t.Run(fmt.Sprintf("of %d bytes, copied up to %d", size, copyMax), func(t *testing.T) {
				pool := newPool(t, 255)
				in, pair, service := newWire(t, pool, 64), newWire(t, pool, 64), newWire(t, pool, 64)
				c := newCycle(t, pool)
				c.CloneCopyMax = copyMax
				c.NTx = 2
				c.Tx[0].Port, c.Tx[1].Port = pair.port.ID(), service.port.ID()
				for i := range 8 {
					if err := in.in.Enqueue(frame(i, size)); err != nil {
						t.Fatal(err)
					}
				}
				c.RxPort = in.port.ID()
				c.Run()
				for i, m := range c.Rx[:c.RxN] {
					if i%2 == 0 {
						c.Clone[c.NClone].Mbuf, c.Clone[c.NClone].Tx = m, 1
						c.NClone++
					}
				}
				load(t, c, pool, 1, size, 50)
				moveAll(c, 0)
				c.Run()
				if c.NClone != 0 || c.Tx[1].Sent != 5 || c.Tx[1].SentBytes != uint64(5*size) || c.Tx[1].CloneFailed != 0 {
					t.Errorf("%d clones left, %d frames and %d bytes sent, %d failed", c.NClone, c.Tx[1].Sent, c.Tx[1].SentBytes, c.Tx[1].CloneFailed)
				}
				wantFrames(t, pair.sent(), size, tags(0, 8)...)
				wantFrames(t, service.sent(), size, 50, 0, 2, 4, 6)
			})
		}
	}
}

func TestAMirrorCopyOutlivesItsOriginal(t *testing.T) {
	for _, size := range []int{60, 2172} {
		pool := newPool(t, 15)
		service := newWire(t, pool, 16)
		c := newCycle(t, pool)
		c.NTx = 1
		c.Tx[0].Port = service.port.ID()
		m := pool.Mbuf(frame(3, size))
		c.Clone[0].Mbuf, c.NClone = m, 1
		c.Free[0], c.NFree = m, 1
		c.Run()
		// A short one stands alone, a long one holds on to its original.
		if n, want := pool.InUse(), 1+size/2000; n != want {
			t.Errorf("%d mbufs in use for a copy of %d bytes, want %d", n, size, want)
		}
		// The copy waits in the ring. Whatever the pool still has is written over.
		var rest []*dpdk.Mbuf
		for m := pool.Mbuf(frame(100, 2172)); m != nil; m = pool.Mbuf(frame(100, 2172)) {
			rest = append(rest, m)
		}
		if len(rest) < 12 {
			t.Errorf("%d mbufs were left in the pool of 15", len(rest))
		}
		wantFrames(t, service.sent(), size, 3)
		for _, m := range rest {
			m.Release()
		}
	}
}

func TestAFrameTooLongForTheMirrorsMempoolIsShared(t *testing.T) {
	pool := newPool(t, 15)
	small, err := dpdk.NewMempool(unique("small"), 15, 0, 500+dpdk.Headroom, dpdk.AnySocket)
	if err != nil {
		t.Fatal(err)
	}
	defer small.Close()
	service := newWire(t, pool, 16)
	c := newCycle(t, small)
	c.CloneCopyMax = dpdk.FrameMax
	c.NTx = 1
	c.Tx[0].Port = service.port.ID()
	m := pool.Mbuf(frame(3, 501))
	c.Clone[0].Mbuf, c.NClone = m, 1
	c.Free[0], c.NFree = m, 1
	c.Run()
	wantFrames(t, service.sent(), 501, 3)
}

func TestMirrorCopiesThatCannotBeMade(t *testing.T) {
	t.Run("because the queue is full are counted there", func(t *testing.T) {
		pool := newPool(t, 511)
		w := newWire(t, pool, 512)
		c := newCycle(t, pool)
		c.NTx = 1
		c.Tx[0].Port = w.port.ID()
		load(t, c, pool, 0, 64, tags(0, dpdk.TxFramesMax-1)...)
		for i := range 3 {
			c.Clone[i].Mbuf = c.Tx[0].Mbuf[i]
		}
		c.NClone = 3
		c.Run()
		if c.Tx[0].Sent != dpdk.TxFramesMax || c.Tx[0].CloneFailed != 2 {
			t.Errorf("%d sent, %d copies failed, want %d and 2", c.Tx[0].Sent, c.Tx[0].CloneFailed, dpdk.TxFramesMax)
		}
		w.sent()
	})
	for _, size := range []int{64, 2172} {
		t.Run(fmt.Sprintf("because the mempool is empty are counted (%d bytes)", size), func(t *testing.T) {
			pool := newPool(t, 3)
			w := newWire(t, pool, 16)
			c := newCycle(t, pool)
			c.NTx = 1
			c.Tx[0].Port = w.port.ID()
			load(t, c, pool, 0, size, 0, 1, 2)
			for i := range 3 {
				c.Clone[i].Mbuf = c.Tx[0].Mbuf[i]
			}
			c.NClone = 3
			c.Run()
			if c.Tx[0].Sent != 3 || c.Tx[0].CloneFailed != 3 {
				t.Errorf("%d sent, %d copies failed, want 3 and 3", c.Tx[0].Sent, c.Tx[0].CloneFailed)
			}
			wantFrames(t, w.sent(), size, 0, 1, 2)
		})
	}
	t.Run("because the cycle has no mempool are counted", func(t *testing.T) {
		pool := newPool(t, 15)
		w := newWire(t, pool, 16)
		c := newCycle(t, nil)
		c.NTx = 1
		c.Tx[0].Port = w.port.ID()
		load(t, c, pool, 0, 64, 0)
		c.Clone[0].Mbuf, c.NClone = c.Tx[0].Mbuf[0], 1
		c.Run()
		if c.Tx[0].CloneFailed != 1 {
			t.Errorf("%d copies failed, want 1", c.Tx[0].CloneFailed)
		}
		wantFrames(t, w.sent(), 64, 0)
	})
}

func TestASegmentedFrameIsDroppedAndCounted(t *testing.T) {
	pool := newPool(t, 63)
	ring := newRing(t, 64, pool)
	port, err := dpdk.OpenRingPort(unique("loop"), []*dpdk.Ring{ring}, []*dpdk.Ring{ring}, dpdk.PortConfig{Mempool: pool})
	port = started(t, port, err)
	c := newCycle(t, pool)
	c.NTx = 1
	c.Tx[0].Port, c.RxPort = port.ID(), port.ID()
	load(t, c, pool, 0, 64, 0, 1, 2, 3)
	for _, i := range []int{0, 2} {
		dpdk.Chain(c.Tx[0].Mbuf[i], pool.Mbuf(frame(90+i, 64)))
	}
	c.Run()
	if c.RxN != 2 || c.RxMultiSeg != 2 || c.RxBytes != 128 {
		t.Fatalf("received %d (%d bytes), %d in segments, want 2 (128), 2", c.RxN, c.RxBytes, c.RxMultiSeg)
	}
	wantFrames(t, [][]byte{c.Rx[0].Bytes(), c.Rx[1].Bytes()}, 64, 1, 3)
	freeAll(c)
	if c.RxMultiSeg != 0 {
		t.Errorf("%d frames in segments, in a run that received nothing", c.RxMultiSeg)
	}
}

func TestOneRingBothWaysCarriesFramesBetweenLcores(t *testing.T) {
	pool := newPool(t, 255)
	ring := newRing(t, 64, nil)
	port, err := dpdk.OpenRingPort(unique("handback"), []*dpdk.Ring{ring}, []*dpdk.Ring{ring}, dpdk.PortConfig{Mempool: pool})
	port = started(t, port, err)
	from, to := newCycle(t, pool), newCycle(t, pool)
	from.NTx = 1
	from.Tx[0].Port = port.ID()
	load(t, from, pool, 0, 2172, tags(0, 20)...)
	from.Run()
	to.RxPort = port.ID()
	to.Run()
	var got [][]byte
	for _, m := range to.Rx[:to.RxN] {
		got = append(got, m.Bytes())
	}
	wantFrames(t, got, 2172, tags(0, 20)...)
	freeAll(to)
}

func TestAQueueOfNoPortOnlyCollects(t *testing.T) {
	pool := newPool(t, 63)
	w := newWire(t, pool, 16)
	c := newCycle(t, pool)
	c.NTx = 2
	c.Tx[0].Port, c.Tx[1].Port = dpdk.NoPort, w.port.ID()
	load(t, c, pool, 0, 64, 1)
	load(t, c, pool, 1, 64, 2)
	c.Clone[0].Mbuf, c.Clone[0].Tx, c.NClone = c.Tx[1].Mbuf[0], 0, 1
	c.Run()
	if c.Tx[0].N != 2 || c.Tx[0].Sent != 0 {
		t.Fatalf("%d frames collected, %d sent, want 2 and 0", c.Tx[0].N, c.Tx[0].Sent)
	}
	wantFrames(t, [][]byte{c.Tx[0].Mbuf[0].Bytes(), c.Tx[0].Mbuf[1].Bytes()}, 64, 1, 2)
	wantFrames(t, w.sent(), 64, 2)
}

func TestCloseGivesBackWhatWaits(t *testing.T) {
	pool := newPool(t, 63)
	c, err := dpdk.NewCycle(pool)
	if err != nil {
		t.Fatal(err)
	}
	c.NTx = 2
	load(t, c, pool, 0, 64, 0, 1)
	load(t, c, pool, 1, 64, 2)
	c.Free[0], c.NFree = pool.Mbuf(frame(3, 64)), 1
	if unsent := c.Close(); unsent != 3 {
		t.Errorf("%d frames were unsent, want 3", unsent)
	}
}

func TestARequestBeyondTheLimitsPanicsWithNothingDone(t *testing.T) {
	tests := []struct {
		name string
		ask  func(c *dpdk.Cycle)
		want string
	}{
		{"queues", func(c *dpdk.Cycle) { c.NTx = dpdk.TxMax + 1 }, "17 transmit queues, limit 16"},
		{"frames", func(c *dpdk.Cycle) { c.NTx, c.Tx[2].N = 3, dpdk.TxFramesMax+1 }, "257 frames in transmit queue 2, limit 256"},
		{"clones", func(c *dpdk.Cycle) { c.NClone = dpdk.CloneMax + 1 }, "65 clones, limit 64"},
		{"clone to nowhere", func(c *dpdk.Cycle) { c.NTx, c.NClone, c.Clone[0].Tx = 1, 1, 1 }, "clone 0 is for transmit queue 1 of 1"},
		{"free", func(c *dpdk.Cycle) { c.NFree = dpdk.FreeMax + 1 }, "257 frames to free, limit 256"},
		{"no burst", func(c *dpdk.Cycle) { c.RxPort, c.RxBurst = 0, 0 }, "receive burst of 0"},
		{"burst", func(c *dpdk.Cycle) { c.RxPort, c.RxBurst = 0, dpdk.BurstMax+1 }, "receive burst of 65, limit 1 to 64"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newCycle(t, nil)
			c.TSCTx = 42
			test.ask(c)
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, test.want) {
					t.Errorf("panic %q, want %q in it", got, test.want)
				}
				if c.TSCTx != 42 {
					t.Error("the run was begun")
				}
				c.NTx, c.NFree = 0, 0
			}()
			c.Run()
		})
	}
}

func TestRunDoesNotAllocate(t *testing.T) {
	pool := newPool(t, 255)
	ring := newRing(t, 64, pool)
	port, err := dpdk.OpenRingPort(unique("loop"), []*dpdk.Ring{ring}, []*dpdk.Ring{ring}, dpdk.PortConfig{Mempool: pool})
	port = started(t, port, err)
	c := newCycle(t, pool)
	c.NTx = 1
	c.Tx[0].Port, c.RxPort = port.ID(), port.ID()
	load(t, c, pool, 0, 64, tags(0, 32)...)
	if n := testing.AllocsPerRun(1000, func() {
		c.Run()
		moveAll(c, 0)
	}); n != 0 {
		t.Errorf("%v allocations per run", n)
	}
	if c.Tx[0].N != 32 || c.Tx[0].Sent < 32000 {
		t.Errorf("%d frames circulate, %d sent, want 32 and over 32000", c.Tx[0].N, c.Tx[0].Sent)
	}
}
