package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/registry"
)

// What can become of a call besides an answer. ErrNoRole, ErrNoMethod, ErrGone and ErrOverload pass: Retryable says so.
var (
	ErrNoRole   = errors.New("bus: no process runs the role")
	ErrNoMethod = errors.New("bus: nobody answers this there")
	ErrGone     = errors.New("bus: the other process is gone or the segment was replaced: whether the request was heard is unknown")
	ErrOverload = errors.New("bus: too many requests")
	ErrTimeout  = errors.New("bus: no answer in time")
	ErrTooLarge = errors.New("bus: message too large")
)

// Retryable says whether the same call may succeed a moment later.
func Retryable(err error) bool {
	return errors.Is(err, ErrNoRole) || errors.Is(err, ErrNoMethod) || errors.Is(err, ErrGone) || errors.Is(err, ErrOverload)
}

// Bus is a process's end of the bus. Any goroutine may use it.
type Bus struct {
	reg     *registry.Registry
	owned   bool // reg was made by Dial
	log     *slog.Logger
	cpu     int // where the receiver goroutine is pinned, -1 nowhere
	ctx     context.Context
	stop    context.CancelFunc
	done    chan struct{}
	link    atomic.Pointer[link] // nil: no segment
	running atomic.Int32         // handlers at work for other processes
	atWork  sync.WaitGroup       // the same
	stats   counters

	mu       sync.Mutex // for writers of handlers
	handlers atomic.Pointer[map[string]map[int]*entry]
}

type counters struct {
	calls, served, refused, dropped, stale, broken, resets, commits, rings atomic.Uint64
}

// Stats counts since the Bus was opened.
type Stats struct {
	Calls   uint64 // asked of other processes
	Served  uint64 // handlers run for other processes
	Refused uint64 // requests answered with ErrOverload, ErrNoMethod or ErrTooLarge
	Dropped uint64 // answers that found too many before them
	Stale   uint64 // messages of dead processes, or for them
	Broken  uint64 // times that a ring could not be right
	Resets  uint64 // times that another process said so
	Commits uint64 // batches of messages published
	Rings   uint64 // of them, with a doorbell
}

// Open takes part with the process's place in the registry, which must stay open until the Bus is closed. It needs no
// segment yet, and goes along when the segment is replaced.
func Open(reg *registry.Registry, log *slog.Logger) (*Bus, error) { return open(reg, log, -1) }

func open(reg *registry.Registry, log *slog.Logger, cpu int) (*Bus, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	b := &Bus{reg: reg, log: log, cpu: cpu, done: make(chan struct{})}
	b.handlers.Store(&map[string]map[int]*entry{})
	b.ctx, b.stop = context.WithCancel(context.Background())
	l, err := b.connect()
	if err != nil {
		b.stop()
		return nil, err
	}
	go b.work(l)
	return b, nil
}

// Dial takes part for a short while: for commands. It waits until there is a segment; Close gives the place back.
func Dial(ctx context.Context, place attach.Place) (*Bus, error) {
	reg, err := registry.Open(registry.Options{Place: place, Name: filepath.Base(os.Args[0])})
	if err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	err = reg.Wait(ctx)
	var b *Bus
	if err == nil {
		b, err = Open(reg, nil)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("bus: %w", err), reg.Close())
	}
	b.owned = true
	return b, nil
}

// Close ends calls in flight with ErrGone and the contexts of handlers, for which it waits a bounded time.
func (b *Bus) Close() error {
	b.stop()
	if l := b.hold(); l != nil {
		l.door.ring()
		l.release()
	}
	<-b.done
	if b.owned {
		return b.reg.Close()
	}
	return nil
}

// Stats gives the counters.
func (b *Bus) Stats() Stats {
	s := &b.stats
	return Stats{s.calls.Load(), s.served.Load(), s.refused.Load(), s.dropped.Load(), s.stale.Load(), s.broken.Load(), s.resets.Load(),
		s.commits.Load(), s.rings.Load()}
}

// connect makes a link over the segment of the registry; nil while there is none.
func (b *Bus) connect() (*link, error) {
	at, ok := b.reg.Hold()
	if !ok {
		return nil, nil
	}
	l, err := newLink(b, at)
	if err != nil {
		return nil, errors.Join(err, at.Release())
	}
	b.link.Store(l)
	return l, nil
}

// work serves one segment after the other.
func (b *Bus) work(l *link) {
	defer close(b.done)
	if b.cpu >= 0 {
		if err := pin(b.cpu); err != nil {
			b.log.Warn("bus: the receiver goes where it likes", "error", err)
		}
	}
	for b.ctx.Err() == nil {
		changed := b.reg.Changed()
		if l == nil {
			var err error
			if l, err = b.connect(); err != nil {
				b.log.Error("bus: no part in this segment", "error", err)
			}
		}
		if l == nil {
			select {
			case <-changed:
			case <-b.ctx.Done():
			}
			continue
		}
		l.receive()
		b.link.Store(nil)
		l.close()
		l = nil
	}
	b.outlast()
}

// outlast waits for handlers, whose contexts have ended.
func (b *Bus) outlast() {
	over := make(chan struct{})
	go func() {
		b.atWork.Wait()
		close(over)
	}()
	select {
	case <-over:
	case <-time.After(closing):
		b.log.Error("bus: a handler goes on although its context has ended", "waited", closing)
	}
}

// hold gives the link, usable until its release; nil while there is none.
func (b *Bus) hold() *link {
	if l := b.link.Load(); l != nil && l.hold() {
		return l
	}
	return nil
}

// Handle makes h answer a method from now on, remove ends that. A role registers when it serves and removes when it
// stops, so that a standby answers nothing. Handlers of requests from other processes run in goroutines of their own.
func (b *Bus) Handle(method string, h Handler) (remove func()) { return b.HandleShard(method, 0, h) }

// HandleShard is Handle for a shard of a role.
func (b *Bus) HandleShard(method string, shard int, h Handler) (remove func()) {
	return b.register(method, shard, &entry{handler: h})
}

// HandleInline is Handle for a handler that is over in a microsecond, never waits and never calls: it runs where the
// request was received, while nothing else is received.
func (b *Bus) HandleInline(method string, h Handler) (remove func()) {
	return b.register(method, 0, &entry{handler: h, inline: true})
}

func (b *Bus) register(method string, shard int, e *entry) (remove func()) {
	if method == "" || len(method) > MaxMethod {
		panic(fmt.Sprintf("bus: method %q: want a name of 1 to %d bytes", method, MaxMethod))
	}
	b.change(method, func(shards map[int]*entry) { shards[shard] = e })
	return func() {
		b.change(method, func(shards map[int]*entry) {
			if shards[shard] == e { // else another one has taken its place
				delete(shards, shard)
			}
		})
	}
}

// change makes a new table of handlers: who looks one up never waits.
func (b *Bus) change(method string, edit func(map[int]*entry)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := maps.Clone(*b.handlers.Load())
	shards := maps.Clone(all[method])
	if shards == nil {
		shards = map[int]*entry{}
	}
	edit(shards)
	if all[method] = shards; len(shards) == 0 {
		delete(all, method)
	}
	b.handlers.Store(&all)
}

func (b *Bus) handler(method []byte, shard int) *entry {
	return (*b.handlers.Load())[string(method)][shard]
}
