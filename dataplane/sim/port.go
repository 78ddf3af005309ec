package sim

import (
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/sim/wire"
)

// Port is one interface and the nodes and services behind it, which share it as hosts
// share the switch port of a bridge: frames between two of them do not appear on the
// wire, and a group frame goes to the others and to the wire.
//
// One turn of a port: run what other goroutines asked for; fire timers; hand local frames
// over; let jobs send; flush the wire; receive. Everything runs on the goroutine of Run,
// or on that of whoever calls turn in its place.
type Port struct {
	name string

	// Owned by the port's goroutine.
	wire     wire.Wire
	clock    clock
	read     func() time.Duration // the present time; nil when time is invented
	stations []station
	byMAC    map[stationKey]station
	tap      station // gets the FCoE frames that are nobody else's
	local    frameQueue
	jobs     []*job
	n        PortCounters

	mu    sync.Mutex
	calls []func() // asked for by other goroutines
}

// PortCounters count the frames of a port. In and out are the wire's; local frames went
// from one node of the port to another.
type PortCounters struct {
	FramesIn   uint64 `json:"frames_in"`
	FramesOut  uint64 `json:"frames_out"`
	Local      uint64 `json:"local"`
	NotOurs    uint64 `json:"not_ours"` // no node has the destination address
	LocalLost  uint64 `json:"local_lost"`
	SendFailed uint64 `json:"send_failed"`
}

// station is what sits on a port: a node or a service.
type station interface {
	name() string
	start()
	receive(b []byte) // valid until it returns
	fault() *injector
}

// stationKey is a VLAN (0: no tag) and a MAC address.
type stationKey uint64

// anyVLAN, in a key, is every VLAN and none: a service takes what is steered to it.
const anyVLAN = 0xFFFF

// find is the station that has a unicast address.
func (p *Port) find(vlan uint16, mac frame.MAC) station {
	if s := p.byMAC[makeKey(vlan, mac)]; s != nil {
		return s
	}
	return p.byMAC[makeKey(anyVLAN, mac)]
}

func makeKey(vlan uint16, mac frame.MAC) stationKey {
	var b [8]byte
	copy(b[2:], mac[:])
	return stationKey(vlan)<<48 | stationKey(binary.BigEndian.Uint64(b[:]))
}

func newPort(name string, w wire.Wire) *Port {
	return &Port{name: name, wire: w, byMAC: make(map[stationKey]station)}
}

// add puts a station on the port. Before the port runs.
func (p *Port) add(s station) error {
	if len(p.stations) == maxStations {
		return fmt.Errorf("add %s to port %s: it has %d nodes already", s.name(), p.name, maxStations)
	}
	p.stations = append(p.stations, s)
	return nil
}

func (p *Port) claim(key stationKey, s station) error {
	if other := p.byMAC[key]; other != nil && other != s {
		return fmt.Errorf("add %s to port %s: its address is that of %s", s.name(), p.name, other.name())
	}
	p.byMAC[key] = s
	return nil
}

func (p *Port) unclaim(key stationKey, s station) {
	if p.byMAC[key] == s {
		delete(p.byMAC, key)
	}
}

// do has f run on the port's goroutine, soon.
func (p *Port) do(f func()) {
	p.mu.Lock()
	p.calls = append(p.calls, f)
	p.mu.Unlock()
	p.wire.Wake()
}

func (p *Port) takeCalls() []func() {
	p.mu.Lock()
	defer p.mu.Unlock()
	calls := p.calls
	p.calls = nil
	return calls
}

// turn does everything there is to do at the time now, but for receiving.
func (p *Port) turn(now time.Duration) error {
	p.clock.now = max(p.clock.now, now)
	for _, f := range p.takeCalls() {
		f()
	}
	p.clock.advance(now)
	p.settle()
	if err := p.wire.Flush(); err != nil {
		return fmt.Errorf("port %s: %w", p.name, err)
	}
	return nil
}

// settle hands over local frames and lets jobs send until neither has more, the wire is
// full, or turnFrames have gone: an initiator and a target of one port would keep each
// other busy for ever.
func (p *Port) settle() {
	for range turnFrames {
		if b := p.local.take(); b != nil {
			p.route(b, false)
			p.local.recycle(b)
		} else if !p.runJob() {
			return
		}
	}
}

// wait is how long the port may sleep.
func (p *Port) wait() time.Duration {
	if p.local.len() > 0 || (len(p.jobs) > 0 && p.wire.Room() >= jobFrames) {
		return 0
	}
	if len(p.jobs) > 0 {
		return fullWireWait
	}
	due, ok := p.clock.next()
	if !ok {
		return idleWait
	}
	return max(0, min(due-p.clock.now, idleWait))
}

// run turns the port until done reports true. Time is counted from start.
func (p *Port) run(start time.Time, done func() bool) error {
	p.read = func() time.Duration { return time.Since(start) }
	for {
		if err := p.turn(p.read()); err != nil {
			return err
		}
		if done() {
			return nil
		}
		if err := p.wire.Receive(p.wait(), p.arrive); err != nil {
			return fmt.Errorf("port %s: %w", p.name, err)
		}
	}
}

// arrive takes a frame from the wire.
func (p *Port) arrive(b []byte) {
	p.n.FramesIn++
	if p.read != nil {
		p.clock.now = max(p.clock.now, p.read()) // the port may have slept since its turn
	}
	p.route(b, true)
}

// transmit takes a frame from a station and does to it what the station's faults want.
func (p *Port) transmit(s station, b []byte) { s.fault().apply(b, p.forward) }

// forward is the switch: to the wire, to stations of this port, or both.
func (p *Port) forward(b []byte) {
	if len(b) < frame.EthHeaderLen {
		return
	}
	dst := frame.MAC(b[:6])
	if !dst.IsGroup() {
		if p.find(vlanOf(b), dst) != nil {
			p.toLocal(b)
			return
		}
	} else if len(p.stations) > 1 {
		p.toLocal(b)
	}
	if p.wire.Room() == 0 {
		p.n.SendFailed++
	} else {
		p.n.FramesOut++
	}
	p.wire.Send(b)
}

func (p *Port) toLocal(b []byte) {
	if !p.local.put(b) {
		p.n.LocalLost++
		return
	}
	p.n.Local++
}

// route gives a frame to the stations it is for.
func (p *Port) route(b []byte, fromWire bool) {
	if len(b) < frame.EthHeaderLen {
		p.n.NotOurs++
		return
	}
	dst, src, vlan := frame.MAC(b[:6]), frame.MAC(b[6:12]), vlanOf(b)
	if !dst.IsGroup() {
		s := p.find(vlan, dst)
		if s == nil {
			if s = p.tap; s == nil {
				p.n.NotOurs++
				return
			}
		}
		s.receive(b)
		return
	}
	sender := p.byMAC[makeKey(vlan, src)]
	if fromWire && sender != nil {
		p.n.NotOurs++ // our own frame has come back: a loop
		return
	}
	for _, s := range p.stations {
		if s != sender {
			s.receive(b)
		}
	}
}

// vlanOf is the VLAN of the frame's tag, 0 without one. The frame has an Ethernet header.
func vlanOf(b []byte) uint16 {
	if binary.BigEndian.Uint16(b[12:]) == frame.EtherTypeVLAN && len(b) >= frame.EthHeaderLen+frame.TagLen {
		return binary.BigEndian.Uint16(b[14:]) & 0xFFF
	}
	return 0
}

// job is something that has more frames to send than the wire takes at a time.
type job struct {
	// more sends up to jobFrames frames and reports whether there are still more.
	more func() bool
	busy bool // in Port.jobs
}

// startJob has j.more called until it is done, in turns with other jobs.
func (p *Port) startJob(j *job) {
	if !j.busy {
		j.busy = true
		p.jobs = append(p.jobs, j)
	}
}

// runJob gives the first job its turn; false when there is none or the wire is full.
func (p *Port) runJob() bool {
	if len(p.jobs) == 0 {
		return false
	}
	if p.wire.Room() < jobFrames {
		if p.wire.Flush() != nil || p.wire.Room() < jobFrames {
			return false // the error comes again in turn
		}
	}
	j := p.jobs[0]
	copy(p.jobs, p.jobs[1:])
	p.jobs[len(p.jobs)-1] = nil
	p.jobs = p.jobs[:len(p.jobs)-1]
	j.busy = false
	if j.more() {
		p.startJob(j)
	}
	return true
}

// frameQueue holds copies of frames in order; spent buffers are used again.
type frameQueue struct {
	frames [][]byte
	spare  [][]byte
}

func (q *frameQueue) len() int { return len(q.frames) }

func (q *frameQueue) put(b []byte) bool {
	if len(q.frames) >= maxLocalFrames {
		return false
	}
	var c []byte
	if n := len(q.spare); n > 0 {
		c, q.spare = q.spare[n-1][:0], q.spare[:n-1]
	}
	q.frames = append(q.frames, append(c, b...))
	return true
}

func (q *frameQueue) take() []byte {
	if len(q.frames) == 0 {
		return nil
	}
	b := q.frames[0]
	q.frames[0] = nil
	q.frames = q.frames[1:]
	return b
}

func (q *frameQueue) recycle(b []byte) {
	if len(q.spare) < 64 {
		q.spare = append(q.spare, b)
	}
}
