// Package capturetest plays the data plane for tests of captures: a segment with ports, the commands that start and stop
// captures, and lcores that copy the frames they are told to.
//
// Only tests import it. A Plane's methods may be called by one goroutine, Do and Use by many.
package capturetest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"fcredirect/dataplane/capture"
	"fcredirect/dataplane/command"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/problem"
)

// Ports are those of the node.
var Ports = []string{"edge0", "fabric0", "svc0"}

// Plane is a data plane that copies every frame for every capture that runs.
type Plane struct {
	Seg  *shm.Segment
	Page *capture.Page

	writers []*capture.Writer
	mu      sync.Mutex
	mapped  *attach.Segment // nil: there is no data plane
	runs    [capture.MaxCaptures]run
	last    uint32
	// Refuse, if not nil, is the answer to the next commands.
	Refuse error
	// Specs are those of all captures that were started.
	Specs []capture.Spec
}

type run struct {
	id   uint32
	spec capture.Spec
}

// New makes one with that many lcores.
func New(t testing.TB, lcores int) *Plane {
	t.Helper()
	p := &Plane{}
	const ring = 1 << 20
	dir := t.TempDir()
	var err error
	p.Seg, err = shm.Create(shm.Config{
		Dir: dir, Node: "node-a", TSCHz: uint64(time.Second), TSCNow: 1,
		State: append([]shm.RegionSpec{
			{Name: shm.RegionControl, Stride: shm.ControlBytes, Count: 1},
			{Name: shm.RegionPorts, Stride: shm.PortInfoBytes, Count: len(Ports)},
			{Name: shm.RegionLcores, Stride: shm.LcoreBytes, Count: lcores},
			{Name: shm.RegionCounters, Stride: shm.CountersBytes, Count: lcores * len(Ports)},
		}, capture.StateRegions(ring, lcores)...),
		Ctl: capture.CtlRegions(ring, lcores),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Seg.Close() })
	shm.Items[shm.Control](p.Seg.State, shm.RegionControl)[0].PolicySlot = shm.NoPolicy
	for i, name := range Ports {
		info := &shm.Items[shm.PortInfo](p.Seg.State, shm.RegionPorts)[i]
		copy(info.Name[:], name)
		info.Role, info.SpeedMb, info.MAC = uint8(i), 10_000, [6]byte{2, 0, 0, 0, 0, byte(i)}
	}
	p.Page, _, _ = capture.Control(p.Seg)
	p.writers = capture.Writers(p.Seg)
	mapped, err := attach.Open(attach.Place{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mapped.Close() })
	p.mapped = mapped
	return p
}

// Now is the TSC of this moment.
func (p *Plane) Now() uint64 {
	return uint64(time.Now().UnixNano()-p.Seg.State.Header().StartNS) + 1
}

// Use is for capture.Options.Live.
func (p *Plane) Use(do func(*attach.Segment) error) error {
	p.mu.Lock()
	gone := p.mapped == nil
	p.mu.Unlock()
	if gone {
		return problem.New(problem.DataplaneUnavailable, "")
	}
	return do(p.mapped)
}

// Do is for capture.Options.Do.
func (p *Plane) Do(_ context.Context, _ *attach.Segment, op command.Op, request []byte) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.Refuse != nil {
		return nil, p.Refuse
	}
	switch op {
	case capture.OpStart:
		return p.start(request)
	case capture.OpStop:
		return p.stop(request)
	}
	return nil, errors.New("no such operation")
}

func (p *Plane) start(request []byte) ([]byte, error) {
	var r capture.StartRequest
	if err := errors.Join(capture.Decode(request, &r), r.Spec.Check()); err != nil {
		return nil, err
	}
	for slot := range p.runs {
		if p.runs[slot].id != 0 {
			continue
		}
		p.last++
		p.runs[slot] = run{p.last, r.Spec}
		p.Specs = append(p.Specs, r.Spec)
		revision := atomic.AddUint32(&p.Page.Revision, 1)
		s := &p.Page.Slots[slot]
		atomic.StoreUint32(&s.Until, 0)
		atomic.StoreUint32(&s.From, revision)
		atomic.StoreUint32(&s.State, capture.StateRunning)
		atomic.StoreUint32(&s.ID, p.last)
		return capture.Encode(&capture.StartReply{ID: p.last, Slot: uint32(slot), Revision: revision, Patterns: 2}), nil
	}
	return nil, &command.Error{Code: command.Full}
}

func (p *Plane) stop(request []byte) ([]byte, error) {
	var r capture.StopRequest
	if err := capture.Decode(request, &r); err != nil {
		return nil, err
	}
	return capture.Encode(&capture.StopReply{Revision: p.end(r.ID, capture.StateStopped)}), nil
}

func (p *Plane) end(id, state uint32) uint32 {
	for slot := range p.runs {
		if p.runs[slot].id == id {
			p.runs[slot] = run{}
			s := &p.Page.Slots[slot]
			atomic.StoreUint32(&s.Until, p.Page.Revision+1)
			atomic.StoreUint32(&s.State, state)
		}
	}
	return atomic.AddUint32(&p.Page.Revision, 1)
}

// End ends the capture started last, as the data plane does by itself.
func (p *Plane) End(state uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end(p.last, state)
}

// Die takes the segment away.
func (p *Plane) Die() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mapped = nil
}

// Restart makes the segment that of another start.
func (p *Plane) Restart() { p.Seg.State.Header().BootID[0]++ }

// Passed says that an lcore has ended a pass that began then.
func (p *Plane) Passed(lcore int, tsc uint64) {
	atomic.StoreUint64(&shm.Items[shm.Lcore](p.Seg.State, shm.RegionLcores)[lcore].Heartbeat, tsc)
}

// Captured gives a frame to every capture that runs, as an lcore does.
func (p *Plane) Captured(lcore int, r capture.Record, frame []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r.Slots, r.Revision, r.Len = 0, p.Page.Revision, uint32(len(frame))
	w := p.writers[lcore]
	for slot := range p.runs {
		if p.runs[slot].id == 0 {
			continue
		}
		r.Slots |= 1 << slot
		c := w.Count(&capture.Armed{ID: p.runs[slot].id, Slot: uint8(slot)})
		atomic.AddUint64(&c.Matched, 1)
		atomic.AddUint64(&c.Copied, 1)
	}
	if r.Slots == 0 {
		return
	}
	r.Kept = uint16(len(frame))
	for w.Put(&r, unsafe.Pointer(unsafe.SliceData(frame))) == nil {
		p.mu.Unlock()
		time.Sleep(time.Millisecond) // a real lcore would count it as missed
		p.mu.Lock()
	}
	w.Commit()
}

// Missed counts frames that found the ring full.
func (p *Plane) Missed(n uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for slot := range p.runs {
		if id := p.runs[slot].id; id != 0 {
			c := p.writers[0].Count(&capture.Armed{ID: id, Slot: uint8(slot)})
			atomic.AddUint64(&c.Matched, n)
			atomic.AddUint64(&c.Full, n)
		}
	}
}
