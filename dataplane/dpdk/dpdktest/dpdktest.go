// Package dpdktest plays the NICs for one Cycle of package dpdk, in plain Go and without EAL: unit
// tests and fuzzing of lcore code hand it frames, let the lcore work on the Cycle, call NICs.Run
// where the lcore calls Cycle.Run, and look at what left which port. It is as strict as DPDK is
// trusting: an mbuf used twice or not owned panics, and what was given back is overwritten.
//
// Only tests import it. A NICs and its Cycle belong to one goroutine. A test of package dpdk runs
// the same scenarios through NICs.Run and through Cycle.Run over ring ports, so that the two cannot
// drift apart.
//
// Limits: a fixed number of mbufs, given to New, of FrameMax bytes; no segments; copies are always
// copies, never references.
package dpdktest

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"fcredirect/dataplane/dpdk"
)

// FrameMax is the longest frame that fits the mbufs made here.
const FrameMax = 4096

const slotBytes = dpdk.MbufBytes + dpdk.Headroom + FrameMax

// TicksPerRun is how far the made-up TSC advances in each half of a Run.
const TicksPerRun = 1000

// owner says who holds an mbuf.
type owner uint8

const (
	nobody owner = iota
	lcore        // received, or made by Mbuf: the lcore must place it
	queue        // in a transmit queue as its remainder
)

func (o owner) String() string { return [...]string{"nobody", "the lcore", "a transmit queue"}[o] }

// Queue names one queue of one port.
type Queue struct{ Port, Queue uint16 }

// pool is the mbufs that NICs and their peers have in common.
type pool struct {
	memory []byte // outside the Go heap as DPDK's are
	owners []owner
	free   []int // slots; the last is the next to be used
}

// NICs are the fake ports of one Cycle. A port exists as soon as it is named.
type NICs struct {
	*pool
	cycle *dpdk.Cycle
	peer  bool
	in    map[Queue][][]byte
	out   map[Queue][][]byte
	limit map[Queue]int
	tsc   uint64
}

// New makes NICs with that many mbufs and a Cycle for them.
func New(mbufs int) (*NICs, error) {
	memory, err := unix.Mmap(-1, 0, mbufs*slotBytes, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("mmap %d mbufs: %w", mbufs, err)
	}
	p := &pool{memory: memory, owners: make([]owner, mbufs)}
	for slot := range mbufs {
		p.free = append(p.free, mbufs-1-slot)
	}
	return p.nics()
}

func (p *pool) nics() (*NICs, error) {
	cycle, err := dpdk.NewCycle(nil)
	if err != nil {
		return nil, err
	}
	return &NICs{pool: p, cycle: cycle, in: map[Queue][][]byte{}, out: map[Queue][][]byte{}, limit: map[Queue]int{}}, nil
}

// Peer makes the NICs of another lcore, with a Cycle of their own and the same mbufs: frames may be carried from one
// to the other. It is closed first, and both belong to one goroutine.
func (n *NICs) Peer() (*NICs, error) {
	p, err := n.nics()
	if err == nil {
		p.peer = true
	}
	return p, err
}

// Close frees the Cycle and, unless it is a peer's, the mbufs.
func (n *NICs) Close() error {
	n.cycle.Close()
	if n.peer {
		return nil
	}
	return unix.Munmap(n.memory)
}

// Cycle is the one that Run serves.
func (n *NICs) Cycle() *dpdk.Cycle { return n.cycle }

// Offer lets frames wait to be received. They are not copied before that. A frame longer than
// FrameMax panics.
func (n *NICs) Offer(port, queue uint16, frames ...[]byte) {
	for _, f := range frames {
		if len(f) > FrameMax {
			panic(fmt.Sprintf("dpdktest: frame of %d bytes, limit %d", len(f), FrameMax))
		}
	}
	q := Queue{port, queue}
	n.in[q] = append(n.in[q], frames...)
}

// Waiting counts the frames that were offered to a queue and not yet received.
func (n *NICs) Waiting(port, queue uint16) int { return len(n.in[Queue{port, queue}]) }

// Limit makes a transmit queue take at most that many frames in each Run; a negative number lifts it.
func (n *NICs) Limit(port, queue uint16, frames int) {
	q := Queue{port, queue}
	if frames < 0 {
		delete(n.limit, q)
		return
	}
	n.limit[q] = frames
}

// Sent takes the frames that left through a queue since the last call, in order.
func (n *NICs) Sent(port, queue uint16) [][]byte {
	q := Queue{port, queue}
	frames := n.out[q]
	delete(n.out, q)
	return frames
}

// InUse counts the mbufs that are not free: after a test that drained everything it is 0.
func (n *NICs) InUse() int { return len(n.owners) - len(n.free) }

// Mbuf makes an mbuf for the lcore, as Mempool.Mbuf does: nil when there is none left or the frame
// does not fit.
func (n *NICs) Mbuf(frame []byte) *dpdk.Mbuf {
	if len(n.free) == 0 || len(frame) > FrameMax {
		return nil
	}
	slot := n.free[len(n.free)-1]
	m := dpdk.FormatMbuf(n.slot(slot), frame)
	n.free = n.free[:len(n.free)-1]
	n.owners[slot] = lcore
	return m
}

func (n *NICs) slot(i int) []byte { return n.memory[i*slotBytes : (i+1)*slotBytes] }

// take checks that m is one of ours and belongs to one of the expected owners.
func (n *NICs) take(m *dpdk.Mbuf, what string, expected ...owner) int {
	offset := uintptr(unsafe.Pointer(m)) - uintptr(unsafe.Pointer(unsafe.SliceData(n.memory)))
	slot := int(offset / slotBytes)
	if m == nil || offset%slotBytes != 0 || slot >= len(n.owners) {
		panic(fmt.Sprintf("dpdktest: %s: %p is not an mbuf", what, m))
	}
	for _, o := range expected {
		if n.owners[slot] == o {
			return slot
		}
	}
	panic(fmt.Sprintf("dpdktest: %s: mbuf %d belongs to %s", what, slot, n.owners[slot]))
}

// give frees a slot and overwrites its frame, so that whoever still looks at it sees that.
func (n *NICs) give(slot int, m *dpdk.Mbuf) {
	b := m.Bytes()
	for i := range b {
		b[i] = 0xdb
	}
	n.owners[slot] = nobody
	n.free = append(n.free, slot)
}

// Run does what Cycle.Run does, in the same order and with the same results.
func (n *NICs) Run() {
	c := n.cycle
	if err := c.Check(); err != nil {
		panic(err)
	}
	c.RxN, c.RxGated, c.RxMultiSeg, c.RxBytes = 0, 0, 0, 0
	n.clones()
	for i := range c.NTx {
		if c.Tx[i].N > 0 && c.Tx[i].Port != dpdk.NoPort {
			n.transmit(&c.Tx[i])
		}
	}
	for i := range c.NFree {
		m := c.Free[i]
		n.give(n.take(m, "free list", lcore, queue), m)
	}
	c.NFree = 0
	n.tsc += TicksPerRun
	c.TSCTx = n.tsc
	if c.NRx == 0 {
		n.poll(c.RxPort, c.RxQueue, c.RxGate)
	}
	for i := range c.NRx {
		c.RxAt = (c.RxFirst + i) % c.NRx
		r := &c.RxList[c.RxAt]
		if n.poll(r.Port, r.Queue, r.Gate); c.RxN > 0 {
			break
		}
	}
	n.tsc += TicksPerRun
	c.TSCRx = n.tsc
}

func (n *NICs) clones() {
	c := n.cycle
	for i := range c.NClone {
		m, t := c.Clone[i].Mbuf, &c.Tx[c.Clone[i].Tx]
		n.take(m, "clone", lcore, queue)
		var copied *dpdk.Mbuf
		if t.N < dpdk.TxFramesMax {
			copied = n.Mbuf(m.Bytes())
		}
		if copied == nil {
			t.CloneFailed++
			continue
		}
		t.Mbuf[t.N] = copied
		t.N++
	}
	c.NClone = 0
}

func (n *NICs) transmit(t *dpdk.Tx) {
	q := Queue{t.Port, t.Queue}
	sent := int(t.N)
	if limit, ok := n.limit[q]; ok {
		sent = min(sent, limit)
	}
	for i, m := range t.Mbuf[:t.N] {
		slot := n.take(m, fmt.Sprintf("transmit queue %d of port %d", t.Queue, t.Port), lcore, queue)
		if i >= sent {
			n.owners[slot] = queue
			continue
		}
		n.out[q] = append(n.out[q], append([]byte(nil), m.Bytes()...))
		t.SentBytes += uint64(m.Len())
		n.give(slot, m)
	}
	copy(t.Mbuf[:], t.Mbuf[sent:t.N])
	t.N -= uint16(sent)
	t.Sent += uint64(sent)
}

func (n *NICs) poll(port, queue uint16, gate uint32) {
	switch {
	case port == dpdk.NoPort:
	case n.gated(gate):
		n.cycle.RxGated = 1
	default:
		n.receive(Queue{port, queue})
	}
}

func (n *NICs) gated(gate uint32) bool {
	c := n.cycle
	for i := range c.NTx {
		if gate>>i&1 != 0 && c.Tx[i].N != 0 {
			return true
		}
	}
	return false
}

func (n *NICs) receive(q Queue) {
	c := n.cycle
	waiting := n.in[q]
	for len(waiting) > 0 && c.RxN < c.RxBurst {
		m := n.Mbuf(waiting[0])
		if m == nil {
			break // no mbuf: the frame stays in the NIC's queue
		}
		waiting = waiting[1:]
		c.Rx[c.RxN] = m
		c.Data[c.RxN] = m.Data()
		c.Len[c.RxN] = uint32(m.Len())
		c.RxBytes += uint32(m.Len())
		c.RxN++
	}
	n.in[q] = waiting
}
