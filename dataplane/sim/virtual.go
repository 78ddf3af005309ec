package sim

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"time"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/sim/wire"
)

// Virtual is a fabric in invented time: its ports hang on one switch, everything runs on
// one goroutine, and the clock jumps from event to event. The same Config gives the same
// frames at the same nanoseconds, always. It is for captures and for tests.
type Virtual struct {
	*Fabric
	// Record, if set, is told of each frame that a port puts on its wire, in the order of
	// time for each port. The bytes must not be kept.
	Record func(port string, at time.Duration, b []byte)

	now     time.Duration
	queue   arrivals
	sent    uint64 // orders arrivals at the same instant
	rng     *rand.Rand
	ended   bool
	carry   func(from *Port, b []byte) // in place of the switch, for tests
	pending int
}

// The wire of a virtual fabric.
const (
	bitsPerSecond   = 10_000_000_000
	etherOverhead   = 24                   // preamble, FCS and gap, in bytes
	switchLatency   = 2 * time.Microsecond // and up to as much again, by the dice
	virtualLifetime = 24 * time.Hour       // of invented time
)

// NewVirtual builds the fabric of cfg, which must be complete.
func NewVirtual(cfg *Config) (*Virtual, error) {
	v := &Virtual{rng: rand.New(rand.NewPCG(cfg.Seed, 0x57A6E))}
	var err error
	v.Fabric, err = New(cfg, func(iface, netns string) (wire.Wire, error) {
		return &virtualWire{v: v}, nil
	})
	if err != nil {
		return nil, err
	}
	for _, p := range v.ports {
		p.wire.(*virtualWire).port = p
	}
	return v, nil
}

// Run runs the fabric to its end, as Fabric.Run does: its duration, or until all commands
// are done; then read back and LOGO.
func (v *Virtual) Run() error {
	for _, p := range v.ports {
		for _, s := range p.stations {
			s.start()
		}
	}
	if v.limited() {
		v.each(KindInitiator, func(n *Node, done func()) { n.initiate.whenFinished(done) }, v.wind)
	}
	if v.cfg.Duration > 0 {
		v.ports[0].clock.after(v.cfg.Duration, v.wind)
	} else if !v.limited() {
		return fmt.Errorf("run virtual fabric: it has no end: set duration, or commands for every initiator")
	}
	for !v.ended {
		if !v.step() {
			return fmt.Errorf("run virtual fabric: nothing happens any more at %v", v.now)
		}
		if v.now > virtualLifetime {
			return fmt.Errorf("run virtual fabric: no end after %v", v.now)
		}
	}
	v.elapsed = v.now
	return nil
}

// wind is the end: initiators drain and log out, then targets.
func (v *Virtual) wind() {
	if v.pending > 0 {
		return // it has begun
	}
	v.pending++
	v.each(KindInitiator, func(n *Node, done func()) { n.initiate.quiesce(done) }, func() {
		v.each(KindInitiator, func(n *Node, done func()) { n.stop(done) }, func() {
			v.each(KindTarget, func(n *Node, done func()) { n.stop(done) }, func() { v.ended = true })
		})
	})
}

// each starts do for every node of the kind and calls then when all are done.
func (v *Virtual) each(kind string, do func(n *Node, done func()), then func()) {
	for _, p := range v.ports {
		p.clock.now = max(p.clock.now, v.now)
	}
	waiting := 1
	done := func() {
		if waiting--; waiting == 0 {
			then()
		}
	}
	for _, n := range v.nodes {
		if n.cfg.Kind == kind {
			waiting++
			do(n, done)
		}
	}
	done()
}

// step does what comes next; false when there is nothing.
func (v *Virtual) step() bool {
	var next *Port
	var due time.Duration
	for _, p := range v.ports {
		t, ok := p.clock.next()
		if p.local.len() > 0 || len(p.jobs) > 0 {
			t, ok = v.now+time.Microsecond, true // a turn had no room for all of it
		}
		if ok && (next == nil || t < due) {
			next, due = p, t
		}
	}
	if len(v.queue) > 0 && (next == nil || v.queue[0].at <= due) {
		a := heap.Pop(&v.queue).(*arrival)
		v.now = max(v.now, a.at)
		a.to.clock.now = max(a.to.clock.now, v.now)
		a.to.arrive(a.frame)
		next = a.to
	} else if next != nil {
		v.now = max(v.now, due)
	} else {
		return false
	}
	return next.turn(v.now) == nil
}

// transmit puts a frame on the wire of a port: it takes its time to leave, is recorded,
// and goes on to the port that has its destination, or to all others.
func (v *Virtual) transmit(w *virtualWire, b []byte) {
	bits := time.Duration(len(b)+etherOverhead) * 8
	w.free = max(w.free, v.now) + bits*time.Second/bitsPerSecond
	w.n.Sent++
	if v.Record != nil {
		v.Record(w.port.name, w.free, b)
	}
	if v.carry != nil {
		v.carry(w.port, b)
		return
	}
	dst, vlan := frame.MAC(b[:6]), vlanOf(b)
	for _, p := range v.ports {
		if p != w.port && (dst.IsGroup() || p.find(vlan, dst) != nil || p.tap != nil) {
			v.deliver(w.port, p, b)
		}
	}
}

// deliver has the frame arrive at a port, behind those that it was sent after.
func (v *Virtual) deliver(from, to *Port, b []byte) {
	out, in := from.wire.(*virtualWire), to.wire.(*virtualWire)
	at := out.free + switchLatency + time.Duration(v.rng.Int64N(int64(switchLatency)))
	in.last = max(in.last+1, at)
	v.sent++
	heap.Push(&v.queue, &arrival{at: in.last, order: v.sent, to: to, frame: append([]byte(nil), b...)})
}

// virtualWire is a port's connection to the switch of a Virtual.
type virtualWire struct {
	v    *Virtual
	port *Port
	free time.Duration // when the last frame has left
	last time.Duration // when the last frame arrives
	n    wire.Counters
}

func (w *virtualWire) Send(b []byte) { w.v.transmit(w, b) }

func (w *virtualWire) Flush() error { return nil }

func (w *virtualWire) Queued() int { return 0 }

func (w *virtualWire) Room() int { return maxLocalFrames }

// Receive is never called: Virtual hands frames to the port itself.
func (w *virtualWire) Receive(time.Duration, func([]byte)) error {
	return fmt.Errorf("receive on a virtual wire")
}

func (w *virtualWire) Wake() {}

func (w *virtualWire) Counters() wire.Counters { return w.n }

func (w *virtualWire) Close() error { return nil }

type arrival struct {
	at    time.Duration
	order uint64
	to    *Port
	frame []byte
}

type arrivals []*arrival

func (q arrivals) Len() int { return len(q) }

func (q arrivals) Less(i, j int) bool {
	if q[i].at != q[j].at {
		return q[i].at < q[j].at
	}
	return q[i].order < q[j].order
}

func (q arrivals) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

func (q *arrivals) Push(x any) { *q = append(*q, x.(*arrival)) }

func (q *arrivals) Pop() any {
	old := *q
	a := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return a
}
