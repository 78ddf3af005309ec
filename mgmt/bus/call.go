package bus

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// call is one that waits for its answer.
type call struct {
	id      uint64
	claim   uint16 // of the place that it went to
	begun   bool   // the first message of the answer has come
	kind    kind   // of the answer
	total   int
	buf     []byte
	result  []byte
	problem error
	ended   bool // for who has the receive lock, as that one ends it
	over    chan struct{}
}

// calls are those to one process.
type calls struct {
	sync.Mutex
	all    map[uint64]*call
	open   atomic.Int32 // how many
	closed bool
}

func (cs *calls) add(c *call) error {
	cs.Lock()
	defer cs.Unlock()
	switch {
	case cs.closed:
		return ErrGone
	case len(cs.all) >= MaxCalls:
		return fmt.Errorf("%w: %d calls wait for answers of one process", ErrOverload, MaxCalls)
	}
	cs.all[c.id] = c
	cs.open.Add(1)
	return nil
}

// take removes a call: whoever gets it ends it.
func (cs *calls) take(id uint64) *call {
	cs.Lock()
	defer cs.Unlock()
	return cs.remove(id)
}

// remove gives the call out of hand. cs is locked.
func (cs *calls) remove(id uint64) *call {
	c := cs.all[id]
	if c != nil {
		delete(cs.all, id)
		cs.open.Add(-1)
	}
	return c
}

// fail ends all calls but those to the process of one claim.
func (cs *calls) fail(l *link, but int) {
	cs.Lock()
	defer cs.Unlock()
	for id, c := range cs.all {
		if int(c.claim) != but {
			cs.remove(id)
			c.end(l, nil, ErrGone)
		}
	}
}

// arrive takes a message of an answer; false when it cannot be right. The receive lock is held.
func (cs *calls) arrive(l *link, h header, b []byte) bool {
	cs.Lock()
	defer cs.Unlock()
	c := cs.all[h.ID]
	if c == nil {
		return true // the caller gave up
	}
	if h.Flags&first != 0 {
		if c.begun {
			return false
		}
		c.begun, c.kind, c.total = true, h.Kind, int(h.Total)
		if h.Total > MaxMessage {
			cs.remove(h.ID)
			c.end(l, nil, ErrTooLarge)
			return true
		}
	}
	if !c.begun || h.Kind != c.kind || len(c.buf)+len(b) > c.total {
		return false
	}
	if c.buf == nil {
		c.buf = make([]byte, 0, min(c.total, 1<<20))
	}
	c.buf = append(c.buf, b...)
	if h.Flags&last == 0 {
		return true
	}
	if len(c.buf) != c.total {
		return false
	}
	cs.remove(h.ID)
	if c.kind == failure {
		c.end(l, nil, readFailure(c.buf))
	} else {
		c.end(l, c.buf, nil)
	}
	return true
}

// end wakes the caller. It is called once.
func (c *call) end(l *link, result []byte, problem error) {
	c.result, c.problem = result, problem
	l.woken, c.ended = true, true
	close(c.over)
}

// Call asks shard 0 of a role.
func (b *Bus) Call(ctx context.Context, role, method string, request []byte) ([]byte, error) {
	return b.CallShard(ctx, role, 0, method, request)
}

// CallShard asks the process that runs (role, shard). The request must not be changed until it returns; the answer
// belongs to the caller, but where the role lives in this process it is the one that the handler gave.
func (b *Bus) CallShard(ctx context.Context, role string, shard int, method string, request []byte) ([]byte, error) {
	l := b.hold()
	if l != nil {
		defer l.release()
		if member, ok := l.at.Table.Locate(role, shard); ok && member != l.at.Member {
			answer, err := l.call(ctx, member, shard, method, request)
			if err != nil {
				err = fmt.Errorf("%s of %s, shard %d: %w", method, role, shard, err)
			}
			return answer, err
		}
	}
	// Also when the registry does not name this process: a role may serve before it says that it runs, and without a
	// segment.
	e := b.handler([]byte(method), shard)
	if e == nil && (l == nil || !b.isOurs(l, role, shard)) {
		return nil, fmt.Errorf("%w: %s, shard %d", ErrNoRole, role, shard)
	}
	if e == nil {
		return nil, fmt.Errorf("%s of %s, shard %d: %w", method, role, shard, ErrNoMethod)
	}
	answer, err := b.run(ctx, e, request)
	if err != nil {
		return nil, fmt.Errorf("%s of %s, shard %d: %w", method, role, shard, alike(ctx, err))
	}
	return answer, nil
}

func (b *Bus) isOurs(l *link, role string, shard int) bool {
	member, ok := l.at.Table.Locate(role, shard)
	return ok && member == l.at.Member
}

// alike makes an error of a handler in this process the one that a caller in another would get, so that no role comes to
// depend on the difference.
func alike(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil {
		return givenUp(ended)
	}
	return readFailure(writeFailure(err))
}

// givenUp is the error of a call whose context has ended.
func givenUp(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	}
	return fmt.Errorf("bus: given up: %w", err)
}

// call asks another process.
func (l *link) call(ctx context.Context, member, shard int, method string, body []byte) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, givenUp(err)
	}
	p := l.peers[member]
	claim, ok := l.at.Table.MemberClaim(member)
	switch {
	case !ok || p == nil:
		return nil, ErrGone
	case len(body) > MaxMessage || len(method) > MaxMethod:
		return nil, fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLarge, len(body), MaxMessage)
	}
	c := &call{id: l.ids.Add(1), claim: claim, over: make(chan struct{})}
	if err := p.calls.add(c); err != nil {
		return nil, err
	}
	if now, ok := l.at.Table.MemberClaim(member); !ok || now != claim {
		p.calls.take(c.id) // who notices that a process has gone may have been here before the call was
		return nil, ErrGone
	}
	if p.seen.Load() != uint32(claim)+1 {
		l.newcomer.Store(true) // whoever polls next reads its ring too
		l.door.ring()
	}
	s := &stream{kind: request, to: claim, shard: uint16(shard), id: c.id, name: method, body: body, budget: budget(ctx)}
	if err := p.send.post(s); err != nil {
		p.calls.take(c.id)
		return nil, err
	}
	l.bus.stats.calls.Add(1)
	l.await(c)
	defer func() {
		if !s.over.Load() { // it was refused or failed before it was sent
			p.send.kill(func(o *stream) bool { return o == s })
		}
	}()
	select {
	case <-c.over:
	case <-ctx.Done():
		if p.calls.take(c.id) == nil {
			<-c.over // its end has come in this instant
			break
		}
		p.send.kill(func(o *stream) bool { return o == s })
		if p.send.post(&stream{kind: cancel, to: claim, id: c.id}) == nil {
			p.send.flush(turns)
		}
		return nil, givenUp(ctx.Err())
	}
	return c.result, c.problem
}

// await sends what was posted and polls the rings for a short while: to be told by another goroutine costs more. If
// somebody polls already, that one does both for all that post meanwhile, in one go.
func (l *link) await(c *call) {
	l.unsent.Store(true)
	if !l.rx.TryLock() {
		return
	}
	l.door.set(polled)
	passes := 0
	l.calling.try(func() bool {
		if l.poll(); c.ended {
			return true
		}
		if passes++; l.woken || passes%64 == 0 {
			l.woken = false
			runtime.Gosched() // others whose answers came, or who are about to call
		}
		return false
	})
	l.door.set(asleep)
	l.look(false) // a newcomer may have come to the door while we were awake
	if l.poll() > 0 {
		l.door.ring() // there may be more to do: the receiver goroutine's
	}
	l.woken = false
	l.unlock()
}

// unlock gives the receive lock back, and sees to what was posted by those who found it taken.
func (l *link) unlock() {
	l.rx.Unlock()
	for l.unsent.Load() && l.rx.TryLock() {
		l.dispatch()
		l.rx.Unlock()
	}
}

// dispatch sends what was posted. The receive lock is held.
func (l *link) dispatch() {
	l.unsent.Store(false)
	for _, p := range l.peers {
		if p != nil && p.send.waiting.Load() > 0 {
			p.send.flush(turns)
		}
	}
}

// budget is how many ms the caller will wait, 0 for ever.
func budget(ctx context.Context) uint32 {
	deadline, ok := ctx.Deadline()
	if !ok {
		return 0
	}
	return uint32(min(max(time.Until(deadline).Milliseconds(), 1), 1<<31))
}

// spinner decides how long to poll before sleeping: long while that meets with success, and hardly where it does not.
// It belongs to whoever holds the receive lock.
type spinner struct {
	time   time.Duration
	missed int
}

// try calls look until it says true or it has not been worth it.
func (s *spinner) try(look func() bool) bool {
	if look() {
		return true
	}
	limit := s.time
	if limit == 0 {
		if s.missed++; s.missed%probe != 0 {
			return false
		}
		limit = maxSpin
	}
	start := time.Now()
	for i := 1; !look(); i++ {
		if i%8 == 0 && time.Since(start) > limit {
			if s.time = limit / 2; s.time < minSpin {
				s.time = 0
			}
			return false
		}
	}
	s.time = maxSpin
	return true
}
