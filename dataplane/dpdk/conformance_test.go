package dpdk_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/dpdk/dpdktest"
)

// bench is a set of ports with a Cycle: DPDK's over rings, or the fake.
type bench interface {
	cycle() *dpdk.Cycle
	run()
	port(i int) uint16
	offer(i int, f []byte)
	mbuf(f []byte) *dpdk.Mbuf
	sent(i int) [][]byte
	inUse() int
}

// benchPorts ports, each of which holds at most benchDepth sent frames until they are taken.
const (
	benchPorts = 3
	benchDepth = 31
)

type realBench struct {
	c     *dpdk.Cycle
	pool  *dpdk.Mempool
	wires []wire
}

func newRealBench(t testing.TB) *realBench {
	pool := newPool(t, 2047)
	b := &realBench{pool: pool}
	for range benchPorts {
		b.wires = append(b.wires, newWire(t, pool, benchDepth+1))
	}
	b.c = newCycle(t, pool)
	return b
}

func (b *realBench) cycle() *dpdk.Cycle       { return b.c }
func (b *realBench) run()                     { b.c.Run() }
func (b *realBench) port(i int) uint16        { return b.wires[i].port.ID() }
func (b *realBench) mbuf(f []byte) *dpdk.Mbuf { return b.pool.Mbuf(f) }
func (b *realBench) sent(i int) [][]byte      { return b.wires[i].sent() }
func (b *realBench) inUse() int               { return b.pool.InUse() }
func (b *realBench) offer(i int, f []byte) {
	if err := b.wires[i].in.Enqueue(f); err != nil {
		panic(err)
	}
}

type fakeBench struct {
	*dpdktest.NICs
	held [benchPorts][][]byte // sent and not yet taken
}

func newFakeBench(t testing.TB) *fakeBench {
	nics, err := dpdktest.New(2047)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := nics.Close(); err != nil {
			t.Error(err)
		}
	})
	return &fakeBench{NICs: nics}
}

func (b *fakeBench) cycle() *dpdk.Cycle       { return b.Cycle() }
func (b *fakeBench) port(i int) uint16        { return uint16(i) }
func (b *fakeBench) mbuf(f []byte) *dpdk.Mbuf { return b.Mbuf(f) }
func (b *fakeBench) offer(i int, f []byte)    { b.Offer(uint16(i), 0, f) }
func (b *fakeBench) inUse() int               { return b.InUse() }
func (b *fakeBench) run() {
	for i := range b.held {
		b.Limit(uint16(i), 0, benchDepth-len(b.held[i]))
	}
	b.Run()
	for i := range b.held {
		b.held[i] = append(b.held[i], b.Sent(uint16(i), 0)...)
	}
}

func (b *fakeBench) sent(i int) [][]byte {
	frames := b.held[i]
	b.held[i] = nil
	return frames
}

// step is one iteration of a made-up lcore: frames that arrive on a port go to the queue that route
// says; some are mirrored, some freed, some get a tag's worth of bytes put in front or taken away.
type step struct {
	rxPort int // -1: transmit only; benchPorts: any of the list
	first  int // of the list
	burst  int
	gate   uint32
	fates  []byte // one for each frame received: see apply
	offers []offer
	inject []byte // tx queue of each frame made by the lcore itself
	drain  uint8  // bitmap of ports whose sent frames are taken before the run
}

type offer struct{ port, size int }

func drawStep(t *rapid.T) step {
	return step{
		rxPort: rapid.IntRange(-1, benchPorts).Draw(t, "rxPort"),
		first:  rapid.IntRange(0, benchPorts-1).Draw(t, "first"),
		burst:  rapid.IntRange(1, dpdk.BurstMax).Draw(t, "burst"),
		gate:   rapid.Uint32Range(0, 15).Draw(t, "gate"),
		fates:  rapid.SliceOfN(rapid.Byte(), 1, dpdk.BurstMax).Draw(t, "fates"),
		offers: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) offer {
			return offer{rapid.IntRange(0, benchPorts-1).Draw(t, "port"), rapid.SampledFrom([]int{14, 60, 256, 257, 2172}).Draw(t, "size")}
		}), 0, 8).Draw(t, "offers"),
		inject: rapid.SliceOfN(rapid.ByteRange(0, benchPorts-1), 0, 4).Draw(t, "inject"),
		drain:  rapid.Uint8Range(0, 7).Draw(t, "drain"),
	}
}

// seen is all that a step can show.
type seen struct {
	rxN, gated, at uint16
	rxBytes        uint32
	rx             [][]byte
	n              [benchPorts]uint16
	sent, bytes    [benchPorts]uint64
	clonesFailed   [benchPorts]uint64
	out            [benchPorts][][]byte
	clones, frees  uint16
}

// apply runs one step on a bench, with tags for the frames it makes.
func apply(b bench, s step, tag *int) seen {
	c := b.cycle()
	var result seen
	for _, o := range s.offers {
		*tag++
		b.offer(o.port, frame(*tag, o.size))
	}
	for _, tx := range s.inject {
		q := &c.Tx[tx]
		if q.N < dpdk.TxFramesMax-dpdk.BurstMax {
			*tag++
			q.Mbuf[q.N] = b.mbuf(frame(*tag, 100))
			q.N++
		}
	}
	for i := range benchPorts {
		if s.drain>>i&1 != 0 {
			result.out[i] = b.sent(i)
		}
	}
	c.RxPort, c.NRx = dpdk.NoPort, 0
	switch {
	case s.rxPort == benchPorts:
		c.NRx, c.RxFirst = benchPorts, uint16(s.first)
		for i := range benchPorts {
			c.RxList[i].Port, c.RxList[i].Gate = b.port(i), s.gate>>i
		}
	case s.rxPort >= 0:
		c.RxPort = b.port(s.rxPort)
	}
	c.RxBurst, c.RxGate = uint16(s.burst), s.gate
	b.run()

	result.rxN, result.gated, result.rxBytes = c.RxN, c.RxGated, c.RxBytes
	result.clones, result.frees = c.NClone, c.NFree
	if c.NRx > 0 && c.RxN > 0 {
		result.at = c.RxAt
	}
	for i := range benchPorts {
		t := &c.Tx[i]
		result.n[i], result.sent[i], result.bytes[i], result.clonesFailed[i] = t.N, t.Sent, t.SentBytes, t.CloneFailed
	}
	for i, m := range c.Rx[:c.RxN] {
		result.rx = append(result.rx, append([]byte(nil), m.Bytes()...))
		decide(c, m, s.fates[i%len(s.fates)])
	}
	return result
}

// decide gives a received frame its fate: bits 0-1 the queue (3 frees it), bit 2 mirrors it to the
// last queue, bit 3 puts four bytes in front, bit 4 takes four away.
func decide(c *dpdk.Cycle, m *dpdk.Mbuf, fate byte) {
	if fate&8 != 0 && m.Prepend(4) {
		copy(m.Bytes(), "tag!")
	}
	if fate&16 != 0 {
		m.Adj(4)
	}
	if fate&4 != 0 {
		c.Clone[c.NClone].Mbuf, c.Clone[c.NClone].Tx = m, benchPorts-1
		c.NClone++
	}
	tx := int(fate & 3)
	if tx == 3 || c.Tx[tx].N == dpdk.TxFramesMax {
		c.Free[c.NFree] = m
		c.NFree++
		return
	}
	c.Tx[tx].Mbuf[c.Tx[tx].N] = m
	c.Tx[tx].N++
}

// settle empties a bench: what waits to be received is freed, what waits to be sent is taken.
func settle(b bench) {
	c := b.cycle()
	c.NRx = 0
	for i := range benchPorts {
		for {
			c.RxPort, c.RxBurst, c.RxGate = b.port(i), dpdk.BurstMax, 0
			b.run()
			for _, m := range c.Rx[:c.RxN] {
				c.Free[c.NFree] = m
				c.NFree++
			}
			for i := range benchPorts {
				b.sent(i)
			}
			if c.RxN == 0 && c.Tx[0].N == 0 && c.Tx[1].N == 0 && c.Tx[2].N == 0 {
				break
			}
		}
	}
	for i := range benchPorts {
		c.Tx[i].Sent, c.Tx[i].SentBytes, c.Tx[i].CloneFailed = 0, 0, 0
	}
}

func TestTheFakeDoesWhatDPDKDoes(t *testing.T) {
	benches := []bench{newRealBench(t), newFakeBench(t)}
	for _, b := range benches {
		c := b.cycle()
		c.NTx = benchPorts
		for i := range benchPorts {
			c.Tx[i].Port = b.port(i)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		steps := rapid.SliceOfN(rapid.Custom(drawStep), 1, 20).Draw(t, "steps")
		defer func() {
			for i, b := range benches {
				settle(b)
				if n := b.inUse(); n != 0 {
					t.Errorf("bench %d: %d mbufs leaked", i, n)
				}
			}
		}()
		var tag [2]int
		waiting := [benchPorts]int{}
		for n, s := range steps {
			s.offers = bounded(s.offers, &waiting)
			dpdks, fakes := apply(benches[0], s, &tag[0]), apply(benches[1], s, &tag[1])
			if from := s.rxPort; from == benchPorts {
				waiting[dpdks.at] -= int(dpdks.rxN)
			} else if from >= 0 {
				waiting[from] -= int(dpdks.rxN)
			}
			compare(t, n, dpdks, fakes)
		}
	})
}

// bounded keeps the offers that fit the rings of the real ports.
func bounded(offers []offer, waiting *[benchPorts]int) []offer {
	var kept []offer
	for _, o := range offers {
		if waiting[o.port] < benchDepth {
			waiting[o.port]++
			kept = append(kept, o)
		}
	}
	return kept
}

func compare(t *rapid.T, n int, dpdks, fakes seen) {
	framesEqual := func(what string, a, b [][]byte) {
		if len(a) != len(b) {
			t.Fatalf("step %d: %s: %d frames, the fake has %d", n, what, len(a), len(b))
		}
		for i := range a {
			if !bytes.Equal(a[i], b[i]) {
				t.Fatalf("step %d: %s: frame %d is %.12q, the fake's %.12q", n, what, i, a[i], b[i])
			}
		}
	}
	framesEqual("received", dpdks.rx, fakes.rx)
	for i := range benchPorts {
		framesEqual("sent", dpdks.out[i], fakes.out[i])
	}
	if d, f := dpdks.counts(), fakes.counts(); d != f {
		t.Fatalf("step %d: %+v, the fake's %+v", n, d, f)
	}
}

func (s seen) counts() [5 + 4*benchPorts]uint64 {
	all := [5 + 4*benchPorts]uint64{uint64(s.rxN), uint64(s.gated), uint64(s.rxBytes), uint64(s.clones), uint64(s.frees)}
	for i := range benchPorts {
		copy(all[5+4*i:], []uint64{uint64(s.n[i]), s.sent[i], s.bytes[i], s.clonesFailed[i]})
	}
	return all
}
