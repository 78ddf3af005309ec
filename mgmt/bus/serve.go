package bus

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// Handler answers a request, which belongs to it. The answer must not be changed after it was given. Its context ends
// when the caller gave up or died.
type Handler func(ctx context.Context, request []byte) ([]byte, error)

// entry is a handler that is registered.
type entry struct {
	handler Handler
	inline  bool
}

// Error is one that a handler gave. Two with the same code are the same to errors.Is; to give a code along, a handler
// returns or wraps one of these.
type Error struct {
	Code string // stable, for programs; at most 255 bytes; may be empty
	Text string
}

func (e *Error) Error() string { return e.Text }

// Is compares by code.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && e.Code != "" && t.Code == e.Code
}

// classes of failures: what the bus itself says, so that callers in other processes can tell. Append only.
var classes = []error{nil, ErrNoMethod, ErrOverload, ErrTooLarge, ErrNoRole, ErrGone, ErrTimeout}

// writeFailure encodes an error: class, length of the code, code, text.
func writeFailure(err error) []byte {
	class := 0
	for i, c := range classes {
		if i > 0 && (errors.Is(err, c) || c == ErrTimeout && errors.Is(err, context.DeadlineExceeded)) {
			class = i
			break
		}
	}
	code, text := "", err.Error()
	if e := (*Error)(nil); errors.As(err, &e) {
		code = e.Code[:min(len(e.Code), 255)]
	}
	b := append([]byte{byte(class), byte(len(code))}, code...)
	return append(b, text[:min(len(text), MaxMessage/2)]...)
}

func readFailure(b []byte) error {
	if len(b) < 2 || len(b) < 2+int(b[1]) {
		return &Error{Text: "bus: an error that cannot be read"}
	}
	e := &Error{Code: string(b[2 : 2+b[1]]), Text: string(b[2+b[1]:])}
	if class := int(b[0]); class > 0 && class < len(classes) {
		if e.Text == classes[class].Error() {
			return classes[class]
		}
		return fmt.Errorf("%w: %w", classes[class], e)
	}
	return e
}

// serving are the handlers at work for one process.
type serving struct {
	sync.Mutex
	all map[uint64]context.CancelFunc
}

func (s *serving) add(id uint64, stop context.CancelFunc) {
	s.Lock()
	defer s.Unlock()
	s.all[id] = stop
}

// remove says whether the answer is still wanted.
func (s *serving) remove(id uint64) bool {
	s.Lock()
	defer s.Unlock()
	_, wanted := s.all[id]
	delete(s.all, id)
	return wanted
}

func (s *serving) cancel(id uint64) {
	s.Lock()
	defer s.Unlock()
	if stop := s.all[id]; stop != nil {
		stop()
		delete(s.all, id)
	}
}

func (s *serving) cancelAll() {
	s.Lock()
	defer s.Unlock()
	for id, stop := range s.all {
		stop()
		delete(s.all, id)
	}
}

// serve answers a whole request. The receive lock is held.
func (l *link) serve(p *peer, h header, method, body []byte) {
	b := l.bus
	e := b.handler(method, int(h.Shard))
	switch {
	case e == nil:
		l.refuse(p, h, fmt.Errorf("%w: %s", ErrNoMethod, method))
	case e.inline:
		b.stats.served.Add(1)
		l.reply(p, h, func() ([]byte, error) { return b.run(l.ctx, e, body) })
	case b.running.Add(1) > MaxHandlers:
		b.running.Add(-1)
		l.refuse(p, h, fmt.Errorf("%w: %d are being answered", ErrOverload, MaxHandlers))
	default:
		b.stats.served.Add(1)
		var ctx context.Context
		var stop context.CancelFunc
		if h.Budget > 0 {
			ctx, stop = context.WithTimeout(l.ctx, time.Duration(h.Budget)*time.Millisecond)
		} else {
			ctx, stop = context.WithCancel(l.ctx)
		}
		p.serving.add(h.ID, stop)
		l.woken = true
		b.atWork.Add(1)
		go func() {
			defer b.atWork.Done()
			defer stop()
			answer, err := b.run(ctx, e, body)
			b.running.Add(-1)
			if p.serving.remove(h.ID) {
				l.reply(p, h, func() ([]byte, error) { return answer, err })
				p.send.flush(turns)
			}
		}()
	}
}

// reply posts an answer; it is sent with the next flush.
func (l *link) reply(p *peer, h header, run func() ([]byte, error)) {
	body, err := run()
	s := &stream{kind: answer, to: h.From, id: h.ID, body: body}
	if err == nil && len(body) > MaxMessage {
		err = fmt.Errorf("%w: an answer of %d bytes, the limit is %d", ErrTooLarge, len(body), MaxMessage)
	}
	if err != nil {
		s.kind, s.body = failure, writeFailure(err)
	}
	if p.send.post(s) != nil {
		l.bus.stats.dropped.Add(1)
	}
}

// refuse answers with an error of the bus.
func (l *link) refuse(p *peer, h header, err error) {
	l.bus.stats.refused.Add(1)
	l.reply(p, h, func() ([]byte, error) { return nil, err })
}

// run calls a handler. One that panics is a bug of its role, which must not take along the other roles of the process
// nor leave the caller without an answer.
func (b *Bus) run(ctx context.Context, e *entry, request []byte) (answer []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			b.log.Error("bus: a handler panicked", "panic", r, "stack", string(debug.Stack()))
			answer, err = nil, &Error{Code: "bus.panic", Text: fmt.Sprintf("the handler panicked: %v", r)}
		}
	}()
	return e.handler(ctx, request)
}
