package bus

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"fcredirect/dataplane/ring"
)

// stream is a message on its way, cut into messages of the ring.
type stream struct {
	kind   kind
	to     uint16 // claim of the receiver's place: nobody else gets it
	shard  uint16
	id     uint64
	budget uint32
	name   string // of the method, in a request
	body   []byte // belongs to the stream until it is sent or killed
	sent   int    // bytes of body
	begun  bool
	over   atomic.Bool // nobody reads body any more
}

// sender sends to one other process. Any goroutine gives it streams; whoever gets the mutex sends for all.
type sender struct {
	l    *link
	peer int
	ch   channel

	inbox struct {
		sync.Mutex
		streams []*stream
		closed  bool
	}
	waiting atomic.Int32 // streams not sent yet
	left    atomic.Bool  // some are active, but nobody sends: the receiver goroutine goes on

	mu     sync.Mutex
	out    *ring.Producer
	active []*stream // they take turns, the first one next
	dirty  int       // messages reserved and not committed
	closed bool      // the segment is not touched any more
}

// post takes a stream without sending it yet.
func (x *sender) post(s *stream) error {
	x.inbox.Lock()
	defer x.inbox.Unlock()
	if x.inbox.closed {
		return ErrGone
	}
	if x.waiting.Load() >= maxStreams {
		return fmt.Errorf("%w: %d messages wait to be sent to process %d", ErrOverload, maxStreams, x.peer)
	}
	x.waiting.Add(1)
	x.inbox.streams = append(x.inbox.streams, s)
	return nil
}

// flush sends what waits. If somebody else is at it, that one sends ours too: it looks once more after it has let go.
func (x *sender) flush(limit int) (sent int) {
	for x.waiting.Load() > 0 && x.mu.TryLock() {
		n, stuck := 0, x.closed
		if !stuck {
			n, stuck = x.pump(limit)
		}
		x.mu.Unlock()
		sent += n
		x.inbox.Lock()
		more := len(x.inbox.streams) > 0
		x.inbox.Unlock()
		if stuck || !more {
			break
		}
	}
	return sent
}

// pump sends until nothing is left, there is no room, or limit turns were taken; stuck says that something is left, for
// the receiver goroutine. x.mu is held.
func (x *sender) pump(limit int) (sent int, stuck bool) {
	x.collect()
	for turn := 0; len(x.active) > 0; turn++ {
		if turn == limit {
			x.publish()
			x.left.Store(true)
			x.l.door.ring()
			return sent, true
		}
		if x.out.Free(1) == 0 && !x.room() {
			x.left.Store(true)
			return sent, true
		}
		sent += x.turn()
		x.collect()
	}
	x.publish()
	x.left.Store(false)
	return sent, false
}

// collect takes over what was posted, and drops what nobody wants any more.
func (x *sender) collect() {
	x.inbox.Lock()
	x.active = append(x.active, x.inbox.streams...)
	clear(x.inbox.streams)
	x.inbox.streams = x.inbox.streams[:0]
	x.inbox.Unlock()
	claim, ok := x.l.at.Table.MemberClaim(x.peer)
	for len(x.active) > 0 && (!ok || x.active[0].to != claim) {
		x.finish()
	}
}

// finish ends the first stream.
func (x *sender) finish() {
	x.active[0].over.Store(true)
	x.active[0] = nil
	x.active = x.active[1:]
	x.waiting.Add(-1)
}

// room publishes what was written and asks the receiver to say when it has read; there may be room then already.
func (x *sender) room() bool {
	x.publish()
	atomic.StoreUint32(x.ch.waiting(), 1)
	if x.out.Broken() && x.mend() || x.out.Free(1) > 0 {
		atomic.StoreUint32(x.ch.waiting(), 0)
		return true
	}
	return false
}

// mend tries to use a ring again whose cursors could not be right: the receiver writes its own anew from time to time,
// and follows ours where it cannot.
func (x *sender) mend() bool {
	x.l.bus.stats.broken.Add(1)
	x.out.Commit()
	return x.out.Mend()
}

// turn sends some messages of the first stream; if it has more, it queues up behind the others.
func (x *sender) turn() (sent int) {
	s := x.active[0]
	for sent < quantum {
		if x.out.Free(1) == 0 {
			break
		}
		x.put(s)
		sent++
		if s.sent == len(s.body) {
			x.finish()
			break
		}
	}
	if sent > 0 && s.sent < len(s.body) {
		x.active = append(x.active[1:], s)
	}
	if x.dirty >= messages/2 {
		x.publish()
	}
	return sent
}

// put writes the next message of a stream.
func (x *sender) put(s *stream) {
	m := (*message)(x.out.Reserve())
	h := header{Kind: s.kind, Seq: uint32(x.out.Written()), From: x.l.at.Claim, To: s.to, ID: s.id}
	n := 0
	if !s.begun {
		s.begun = true
		h.Flags, h.Total, h.Budget, h.Shard = first, uint32(len(s.body)), s.budget, s.shard
		if s.kind == request {
			m.payload[0] = byte(len(s.name))
			n = 1 + copy(m.payload[1:], s.name)
		}
	}
	part := copy(m.payload[n:], s.body[s.sent:])
	if s.sent += part; s.sent == len(s.body) {
		h.Flags |= last
	}
	h.Len = uint16(n + part)
	m.header = h
	x.dirty++
}

// publish makes what was written visible, and wakes the receiver if it sleeps.
func (x *sender) publish() {
	if x.dirty == 0 {
		return
	}
	x.dirty = 0
	x.out.Commit()
	x.l.bus.stats.commits.Add(1)
	if (door{x.l.at.Table.Door(x.peer)}).ring() {
		x.l.bus.stats.rings.Add(1)
	}
}

// kill stops the sending of those streams: after it nobody reads their bodies.
func (x *sender) kill(which func(*stream) bool) {
	x.mu.Lock()
	if !x.closed {
		x.collect()
		x.active = slices.DeleteFunc(x.active, func(s *stream) bool {
			if !which(s) {
				return false
			}
			s.over.Store(true)
			x.waiting.Add(-1)
			return true
		})
	}
	x.mu.Unlock()
	x.flush(turns) // what was posted while we had the mutex
}

// close drops all streams and takes no more: the ring is not touched after it.
func (x *sender) close() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.inbox.Lock()
	x.inbox.closed, x.closed = true, true
	for _, s := range append(x.active, x.inbox.streams...) {
		s.over.Store(true)
		x.waiting.Add(-1)
	}
	x.active, x.inbox.streams = nil, nil
	x.inbox.Unlock()
}
