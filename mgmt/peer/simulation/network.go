package simulation

import (
	"math/rand/v2"
)

// A connection is what TLS over TCP makes of a network: two ends, frames in order in each direction, a window beyond which
// a writer waits, and an end that one side may see long before the other. What real connections do not do (lose, repeat,
// swap or change a frame) the network does as well when it is told to, because the protocol promises to notice.

// session is one end of a connection as the protocol sees it.
type session interface {
	Receive(now int64, frame []byte) error
	Next(now int64, buf []byte) (frame []byte, wake int64)
	Close(now int64)
	Err() error // it gives the connection up
}

// owner is who has an end.
type owner interface {
	clock() int64           // what time it is there
	time(clock int64) int64 // the other way
	alive() bool
	reads() bool // false: it is up and does not read
	closed(e *end, why error)
}

// path is one direction between two nodes.
type path struct {
	delay, jitter int64 // ns
	nsPerByte     float64
	severed       bool // cut for ever
	cut           bool // nothing arrives, and nothing is lost: it comes when the path is whole again
	noise         Noise
	random        *rand.Rand
	ends          []*end // that send over it
}

// Noise is what a path does to frames, each of so many in a thousand.
type Noise struct{ Lose, Repeat, Swap, Change, Cut, Invent uint16 }

func (n Noise) any() bool { return n != Noise{} }

// end is one side of a connection.
type end struct {
	s       *scheduler
	owner   owner
	session session
	peer    *end
	path    *path // to the peer
	open    bool
	hurt    bool // noise has touched what it sends: the peer may refuse it
	refused bool // it was closed because of what came over it

	flight  []flying // in the order of arrival
	bytes   int
	arrives int64 // the last one
	busy    int64 // the writer is still writing until then
	pump    int64 // Next is called then, 0: when something happens
	due     int64 // deliver is called then, 0: not
	scratch []byte
}

type flying struct {
	frame []byte
	at    int64
	last  bool // not a frame: the sender has closed
}

const (
	window    = 256 << 10 // bytes that a sender may have on the way
	writeTime = 10_000    // ns for one write
	frameMax  = 1 << 20
)

// connect makes the two ends; each is opened by its owner when it hears of it.
func connect(s *scheduler, a, b owner, there, back *path) (*end, *end) {
	one := &end{s: s, owner: a, path: there}
	other := &end{s: s, owner: b, path: back, peer: one}
	one.peer = other
	there.ends = append(there.ends, one)
	back.ends = append(back.ends, other)
	return one, other
}

// start opens the end.
func (e *end) start(session session) {
	e.session, e.open = session, true
	e.wake(e.s.now)
}

// wake has the session asked for what it has to send.
func (e *end) wake(at int64) {
	at = max(at, e.s.now, e.busy)
	if e.pump != 0 && e.pump <= at {
		return
	}
	e.pump = at
	e.s.at(at, func() {
		if e.pump == at {
			e.pump = 0
			e.send()
		}
	})
}

// send takes one frame of the session, when there is room, and asks again when that is written.
func (e *end) send() {
	if !e.open || !e.owner.alive() || e.bytes >= window {
		return
	}
	if e.scratch == nil {
		e.scratch = make([]byte, 0, 4096)
	}
	frame, wake := e.session.Next(e.owner.clock(), e.scratch[:0])
	if !e.open {
		return
	}
	if len(frame) == 0 {
		if err := e.session.Err(); err != nil {
			e.close(err)
			return
		}
		if wake > 0 && wake < 1<<62 {
			e.wake(max(e.owner.time(wake), e.s.now+1000))
		}
		return
	}
	e.s.frames++
	if e.s.told != nil {
		e.s.tell("%v sends %d bytes, type %d", e.owner, len(frame), frame[min(4, len(frame)-1)])
	}
	e.write(append([]byte(nil), frame...))
	if cap(frame) > cap(e.scratch) {
		e.scratch = frame
	}
	e.busy = e.s.now + writeTime + int64(float64(len(frame))*e.path.nsPerByte)
	e.wake(e.busy)
}

// write puts a frame on its way, with what the path does to it.
func (e *end) write(frame []byte) {
	p := e.path
	if !p.noise.any() {
		e.fly(frame)
		return
	}
	hit := func(perMille uint16) bool { return uint16(p.random.IntN(1000)) < perMille }
	n := p.noise
	switch {
	case hit(n.Lose):
		e.hurt = true
		return
	case hit(n.Repeat):
		e.hurt = true
		e.fly(append([]byte(nil), frame...))
	case hit(n.Change):
		e.hurt = true
		frame[p.random.IntN(len(frame))] ^= 1 << p.random.IntN(8)
	case hit(n.Cut):
		e.hurt = true
		frame = frame[:p.random.IntN(len(frame))]
	case hit(n.Invent):
		e.hurt = true
		invented := make([]byte, p.random.IntN(200))
		for i := range invented {
			invented[i] = byte(p.random.Uint32())
		}
		e.fly(invented)
	}
	e.fly(frame)
	if last := len(e.flight) - 1; last > 0 && hit(n.Swap) {
		e.hurt = true
		a, b := &e.flight[last-1], &e.flight[last]
		a.frame, b.frame = b.frame, a.frame
	}
}

func (e *end) fly(frame []byte) {
	e.bytes += len(frame)
	e.put(flying{frame: frame})
}

func (e *end) put(f flying) {
	p := e.path
	at := e.s.now + p.delay + int64(float64(len(f.frame))*p.nsPerByte)
	if p.jitter > 0 {
		at += p.random.Int64N(p.jitter)
	}
	e.arrives = max(e.arrives, at)
	f.at = e.arrives
	e.flight = append(e.flight, f)
	e.deliverAt(f.at)
}

func (e *end) deliverAt(at int64) {
	if e.due != 0 && e.due <= at {
		return
	}
	e.due = at
	e.s.at(at, func() {
		if e.due == at {
			e.due = 0
			e.deliver()
		}
	})
}

// deliver hands over what has arrived. It is called again when a cut path is mended, or the peer reads again.
func (e *end) deliver() {
	for len(e.flight) > 0 && !e.path.cut && (e.peer.owner.reads() || !e.peer.owner.alive()) {
		f := e.flight[0]
		if f.at > e.s.now {
			e.deliverAt(f.at)
			return
		}
		e.flight = e.flight[1:]
		e.bytes -= len(f.frame)
		e.peer.receive(f)
		if e.open {
			e.wake(e.s.now)
		}
	}
}

// receive takes what arrives.
func (e *end) receive(f flying) {
	switch {
	case !e.owner.alive(): // nobody answers
	case !e.open && !f.last:
		if e.session != nil && e.peer.open { // the host answers that there is no such connection
			e.put(flying{last: true})
		}
	case !e.open:
	case f.last:
		e.close(nil)
	default:
		e.s.note(uint64(len(f.frame)), tail(f.frame))
		gone := e.session.Err() != nil // it was given up for another reason just before
		if err := e.session.Receive(e.owner.clock(), f.frame); err != nil {
			e.refused = !gone
			e.send() // it may have a last word
			e.close(err)
		}
	}
}

// close ends the connection from this side; the other one hears of it after what was sent before.
func (e *end) close(why error) {
	if !e.open {
		return
	}
	e.open = false
	if e.owner.alive() {
		e.session.Close(e.owner.clock())
		e.put(flying{last: true})
	}
	e.owner.closed(e, why)
	e.path.forget(e)
}

// forget drops what is closed and has nothing more on its way.
func (p *path) forget(closed *end) {
	keep := p.ends[:0]
	for _, e := range p.ends {
		if e.open || e.peer.open || e.session == nil || len(e.flight) > 0 || e == closed {
			keep = append(keep, e)
		}
	}
	clear(p.ends[len(keep):])
	p.ends = keep
}

// resume delivers what was held up.
func (p *path) resume() {
	for _, e := range append([]*end(nil), p.ends...) {
		e.deliver()
	}
}

// tail is the end of a frame, where its checksum is.
func tail(frame []byte) (v uint64) {
	for _, b := range frame[max(0, len(frame)-8):] {
		v = v<<8 | uint64(b)
	}
	return v
}
