package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/registry"
)

// What can become of a call besides an answer. ErrNoRole, ErrNoMethod, ErrGone and ErrOverload pass: Retryable says so.
var (
	ErrNoRole   = errors.New("bus: no process runs the role")
	ErrNoMethod = errors.New("bus: the role does not answer this yet")
	ErrGone     = errors.New("bus: the other process is gone, or the segment was replaced: what became of the request is unknown")
	ErrOverload = errors.New("bus: too many requests")
	ErrTimeout  = errors.New("bus: no answer in time")
	ErrTooLarge = errors.New("bus: message too large")
	ErrClosed   = errors.New("bus: closed")
)

// Error is one that a handler gave: to give a code along, a handler returns one of these.
type Error struct {
	Code string // stable, for programs; may be empty
	Text string
}

func (e *Error) Error() string { return e.Text }

// Retryable says whether the same call may succeed a moment later.
func Retryable(err error) bool {
	return errors.Is(err, ErrNoRole) || errors.Is(err, ErrNoMethod) || errors.Is(err, ErrGone) || errors.Is(err, ErrOverload)
}

// Handler answers a request. It may keep the request; the answer must not be changed after it was given. Its context
// ends when the caller gave up or died.
type Handler func(ctx context.Context, request []byte) ([]byte, error)

// Bus is a process's end of the bus. Any goroutine may use it.
type Bus struct {
	reg *registry.Registry
	log *slog.Logger

	mu       sync.RWMutex
	handlers map[string]*Handler
}

// Open takes part with the process's place in the registry. It goes along when the segment is replaced.
func Open(reg *registry.Registry, log *slog.Logger) (*Bus, error) {
	return &Bus{reg: reg, log: log, handlers: map[string]*Handler{}}, nil
}

// Dial takes part for a short while: for commands. Close gives the place back.
func Dial(ctx context.Context, place attach.Place) (*Bus, error) {
	reg, err := registry.Open(registry.Options{Place: place, Name: "fcrctl"})
	if err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	return Open(reg, nil)
}

// Close ends calls in flight with ErrClosed.
func (b *Bus) Close() error { return nil }

// Handle makes h answer a method from now on; remove ends that. A role registers when it serves and removes when it
// stops, so that a standby answers nothing.
func (b *Bus) Handle(method string, h Handler) (remove func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.handlers[method] = &h
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.handlers[method] == &h {
			delete(b.handlers, method)
		}
	}
}

// Call asks shard 0 of a role.
func (b *Bus) Call(ctx context.Context, role, method string, request []byte) ([]byte, error) {
	return b.CallShard(ctx, role, 0, method, request)
}

// CallShard asks the process that runs (role, shard).
func (b *Bus) CallShard(ctx context.Context, role string, shard int, method string, request []byte) ([]byte, error) {
	in, ok := b.reg.Find(role, shard)
	if !ok {
		return nil, fmt.Errorf("%w: %s, shard %d", ErrNoRole, role, shard)
	}
	b.mu.RLock()
	h := b.handlers[method]
	b.mu.RUnlock()
	if h == nil || in.Member < 0 {
		return nil, fmt.Errorf("%w: %s of %s", ErrNoMethod, method, role)
	}
	return (*h)(ctx, request)
}

// Subscribe asks again and again, until ctx ends or each returns an error: first is the first request, each makes of an
// answer the next. Where each counts from the number of what it saw last and the handler waits until there is more, this
// is a subscription without gaps or repetition, across restarts of the role and replaced segments.
func (b *Bus) Subscribe(ctx context.Context, role, method string, first []byte, each func(answer []byte) (next []byte, err error)) error {
	return errors.New("bus: not yet")
}
