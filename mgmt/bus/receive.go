package bus

import (
	"bytes"
	"sync/atomic"
	"time"

	"fcredirect/dataplane/ring"
)

// peer is another process. What has no other guard belongs to whoever holds the receive lock.
type peer struct {
	index   int
	ch      channel
	in      *ring.Consumer
	claim   uint16        // of its place
	known   bool          // somebody has the place and lived when last looked
	seen    atomic.Uint32 // claim + 1 while it is known: for callers
	noted   time.Time     // when trouble was logged last
	parts   map[uint64]*part
	send    sender
	calls   calls
	serving serving
}

// part is a request of which not everything has arrived.
type part struct {
	header
	method []byte
	body   []byte
}

// poll reads all rings once, and sends on where streams are left. It gives the number of messages moved. The receive
// lock is held.
func (l *link) poll() (moved int) {
	if l.newcomer.Load() {
		l.look(false)
	}
	if l.unsent.Load() {
		l.dispatch()
	}
	for _, p := range l.near {
		if !p.in.Empty() {
			moved += l.read(p)
		}
		if p.send.left.Load() {
			moved += p.send.flush(turns)
		}
	}
	return moved
}

// read handles what has arrived from one process, a ring full at the most.
func (l *link) read(p *peer) (n int) {
	for n < messages {
		m := (*message)(p.in.Next())
		if m == nil {
			break
		}
		n++
		// Copied before it is checked: the other side could write meanwhile.
		if h := m.header; !l.handle(p, h, uint32(p.in.Cursor()), &m.payload) {
			l.trouble(p)
			return n
		}
	}
	if p.in.Broken() {
		l.trouble(p)
		return n + 1
	}
	p.in.Release()
	if w := p.ch.waiting(); atomic.LoadUint32(w) == 1 && atomic.CompareAndSwapUint32(w, 1, 0) {
		door{l.at.Table.Door(p.index)}.ring()
	}
	if p.send.waiting.Load() > 0 {
		p.send.flush(turns) // the answers given at once, all together
	}
	return n
}

// handle takes one message; false when it cannot be right.
func (l *link) handle(p *peer, h header, seq uint32, payload *[payloadBytes]byte) bool {
	if h.Seq != seq || h.Kind == 0 || h.Kind >= numKinds || int(h.Len) > len(payload) {
		return false
	}
	if !p.known || h.From != p.claim {
		l.meet(p, false)
	}
	if !p.known || h.From != p.claim || h.To != l.at.Claim {
		l.bus.stats.stale.Add(1) // of a dead process, or for one
		return true
	}
	b := payload[:h.Len]
	switch h.Kind {
	case request:
		return l.request(p, h, b)
	case answer, failure:
		return p.calls.arrive(l, h, b)
	case cancel:
		l.drop(p, h.ID)
		p.serving.cancel(h.ID)
		p.send.kill(func(s *stream) bool { return s.kind == answer && s.id == h.ID })
	case reset:
		l.bus.stats.resets.Add(1)
		l.forget(p, nobody)
	}
	return true
}

// request puts a request together and starts its handler.
func (l *link) request(p *peer, h header, b []byte) bool {
	if h.Flags&first == 0 {
		q := p.parts[h.ID]
		if q == nil {
			return true // refused or cancelled
		}
		if len(q.body)+len(b) > int(q.Total) {
			return false
		}
		if l.assembly+len(b) > MaxAssembly {
			l.drop(p, h.ID)
			l.refuse(p, h, ErrOverload)
			return true
		}
		l.assembly += len(b)
		q.body = append(q.body, b...)
		if h.Flags&last == 0 {
			return true
		}
		l.drop(p, h.ID)
		if len(q.body) != int(q.Total) {
			return false
		}
		l.serve(p, q.header, q.method, q.body)
		return true
	}
	if len(b) == 0 || int(b[0]) > len(b)-1 || b[0] > MaxMethod || p.parts[h.ID] != nil {
		return false
	}
	method, b := b[1:1+b[0]], b[1+b[0]:]
	switch {
	case h.Total > MaxMessage:
		l.refuse(p, h, ErrTooLarge)
	case h.Flags&last != 0:
		if len(b) != int(h.Total) {
			return false
		}
		l.serve(p, h, method, bytes.Clone(b))
	case l.assembly+len(b) > MaxAssembly || len(p.parts) >= MaxCalls:
		l.refuse(p, h, ErrOverload)
	default:
		l.assembly += len(b)
		p.parts[h.ID] = &part{h, bytes.Clone(method), append(make([]byte, 0, min(int(h.Total), 64<<10)), b...)}
	}
	return true
}

// drop forgets a request that is not whole.
func (l *link) drop(p *peer, id uint64) {
	if q := p.parts[id]; q != nil {
		l.assembly -= len(q.body)
		delete(p.parts, id)
	}
}

// nobody is the claim of no process.
const nobody = -1

// forget ends all that goes on between this process and p: calls to it fail, handlers for it are told. What is meant for
// the process of claim but goes on: p's successor may have been called before it was noticed.
func (l *link) forget(p *peer, but int) {
	for id := range p.parts {
		l.drop(p, id)
	}
	p.send.kill(func(s *stream) bool { return int(s.to) != but })
	p.calls.fail(l, but)
	p.serving.cancelAll()
}

// trouble begins anew with a ring that somebody wrote into: what is in it is dropped, and the other side is told that
// its calls and answers may be among it.
func (l *link) trouble(p *peer) {
	l.bus.stats.broken.Add(1)
	if now := time.Now(); now.Sub(p.noted) > time.Second {
		p.noted = now
		l.bus.log.Warn("bus: a ring held what cannot be right and was begun anew", "from", p.index, "to", l.at.Member)
	}
	l.forget(p, nobody)
	atomic.StoreUint64(p.ch.tail(), atomic.LoadUint64(p.ch.head()))
	in, err := p.ch.consumer()
	if err != nil {
		return // its head has moved in this instant to what cannot be right: the old consumer says so at the next look
	}
	p.in = in
	if claim, ok := l.at.Table.MemberClaim(p.index); ok && p.send.post(&stream{kind: reset, to: claim}) == nil {
		p.send.flush(turns)
	}
}

// look finds out who takes part, and ends what went on with processes that are gone; with thorough also those that died
// without a word.
func (l *link) look(thorough bool) {
	l.newcomer.Store(false)
	if l.closed {
		return
	}
	l.near = l.near[:0]
	for _, p := range l.peers {
		if p == nil {
			continue
		}
		if l.meet(p, thorough); p.known {
			l.near = append(l.near, p)
		}
		if p.known && thorough {
			p.in.Release() // in case somebody else wrote into our cursor
		}
	}
	if thorough {
		l.looked = time.Now()
	}
}

// meet finds out who has p's place now. What goes on with a predecessor ends before anything of its successor is heard.
// Whether a process lives is looked at when it is new, and when thorough: it costs system calls.
func (l *link) meet(p *peer, thorough bool) {
	claim, ok := l.at.Table.MemberClaim(p.index)
	same := ok && claim == p.claim
	if p.known && same && !thorough {
		return
	}
	if p.known || ok && (!same || thorough) {
		lives, but := ok && l.at.Table.MemberAlive(p.index), nobody
		if p.known && same && lives {
			return
		}
		if lives {
			but = int(claim)
		}
		l.forget(p, but)
		p.claim, p.known = claim, lives
		p.seen.Store(0)
		if lives {
			p.seen.Store(uint32(claim) + 1)
		}
	}
	if !p.known && p.calls.open.Load() > 0 {
		p.calls.fail(l, nobody)
	}
}
