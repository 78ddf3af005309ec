package worker

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"fcredirect/dataplane/ring"
)

// Outcome says what became of an item.
type Outcome uint8

// The outcomes.
const (
	Applied Outcome = iota
	Merged          // with one of the same flow that waits already
	Dropped         // nothing could be done with it
)

// Handler is a worker's part of the work. It belongs to the worker's goroutine.
type Handler[T any] interface {
	// Handle takes one item, which is valid during the call only.
	Handle(item *T) Outcome
	// Mark says that all items offered before Pool.Mark(n) were handled.
	Mark(n uint64)
}

// Config describes a pool.
type Config[T any] struct {
	Workers int           // 0 is one per CPU of CPUs, or one
	CPUs    []int         // worker i is pinned to CPUs[i % len]; none: not pinned
	Queue   int           // items per worker, a power of two; 0 is DefaultQueue
	Wait    time.Duration // 0 is DefaultWait
	// Order gives the source of an item, from 0 to len(Seen)-1, and its number there. nil: nothing is stale.
	Order func(item *T) (source int, seq uint64)
	// Seen is the last number of each source that is not to be handled again.
	Seen []uint64
	// Handler makes the part of worker i. It is called by New.
	Handler func(i int) Handler[T]
}

// Pool is a running pool. It must be closed.
type Pool[T any] struct {
	workers []*worker[T]
	base    time.Time
	stop    chan struct{}
	done    sync.WaitGroup
	at      int64 // the reader's clock of the batch that is being offered, 0 when none is
}

// slot is an item in a worker's ring.
type slot[T any] struct {
	at   int64  // ns since the pool's base, when its batch was begun
	mark uint64 // not 0: a mark, no item
	item T
}

// New starts the workers.
func New[T any](c Config[T]) (*Pool[T], error) {
	if err := c.fill(); err != nil {
		return nil, fmt.Errorf("worker: %w", err)
	}
	p := &Pool[T]{base: time.Now(), stop: make(chan struct{})}
	for i := range c.Workers {
		w := &worker[T]{pool: p, handler: c.Handler(i), order: c.Order, wait: c.Wait, cpu: -1, bell: make(chan struct{}, 1)}
		w.seen = append(w.seen, c.Seen...)
		if len(c.CPUs) > 0 {
			w.cpu = c.CPUs[i%len(c.CPUs)]
		}
		var err error
		spec := ring.Spec{Items: c.Queue, Stride: int(unsafe.Sizeof(slot[T]{})+7) &^ 7}
		if w.in, w.out, err = ring.New(spec); err != nil {
			return nil, fmt.Errorf("worker: %w", err)
		}
		p.workers = append(p.workers, w)
	}
	started := make(chan error, len(p.workers))
	for _, w := range p.workers {
		p.done.Go(func() { w.run(started) })
	}
	var err error
	for range p.workers {
		err = errors.Join(err, <-started)
	}
	if err != nil {
		p.Close()
		return nil, fmt.Errorf("worker: %w", err)
	}
	return p, nil
}

func (c *Config[T]) fill() error {
	if c.Workers == 0 {
		c.Workers = max(1, len(c.CPUs))
	}
	if c.Queue == 0 {
		c.Queue = DefaultQueue
	}
	if c.Wait == 0 {
		c.Wait = DefaultWait
	}
	t := reflect.TypeFor[T]()
	switch {
	case c.Workers < 1 || c.Workers > MaxWorkers:
		return fmt.Errorf("%d workers: want 1 to %d", c.Workers, MaxWorkers)
	case c.Wait < 0:
		return fmt.Errorf("a wait of %v", c.Wait)
	case c.Handler == nil:
		return errors.New("no handler")
	case t.Size() > maxItemBytes:
		return fmt.Errorf("items of %d bytes: at most %d", t.Size(), maxItemBytes)
	case pointers(t):
		return fmt.Errorf("%v holds pointers", t)
	}
	return nil
}

// pointers says whether a value of the type may lead the garbage collector to something.
func pointers(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return t.Len() > 0 && pointers(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if pointers(t.Field(i).Type) {
				return true
			}
		}
		return false
	}
	return t.Kind() > reflect.Complex128 || t.Kind() == reflect.Uintptr || t.Kind() == reflect.Invalid
}

// Workers is how many there are.
func (p *Pool[T]) Workers() int { return len(p.workers) }

// Of is the worker that has the items of a hash.
func (p *Pool[T]) Of(hash uint32) int { return int(uint64(hash) * uint64(len(p.workers)) >> 32) }

// Offer copies an item into the queue of its worker, which sees it after Commit. It says false when the queue is full.
func (p *Pool[T]) Offer(hash uint32, item *T) bool {
	s := p.reserve(p.workers[p.Of(hash)])
	if s == nil {
		return false
	}
	s.mark, s.item = 0, *item
	return true
}

func (p *Pool[T]) reserve(w *worker[T]) *slot[T] {
	s := (*slot[T])(w.in.Reserve())
	if s == nil {
		return nil
	}
	if p.at == 0 {
		p.at = p.now()
	}
	s.at = p.at
	return s
}

// Commit lets the workers see what was offered.
func (p *Pool[T]) Commit() {
	p.at = 0
	for _, w := range p.workers {
		n := w.in.Written()
		if n == w.offered.Load() {
			continue
		}
		w.in.Commit()
		w.offered.Store(n)
		// The worker says that it sleeps before it looks for the last time: one of the two sees the other.
		if w.asleep.Load() {
			select {
			case w.bell <- struct{}{}:
			default:
			}
		}
	}
}

// Mark has each handler told when it has handled what was offered so far. n is not 0. It says false, and does nothing,
// when a queue is full.
func (p *Pool[T]) Mark(n uint64) bool {
	for _, w := range p.workers {
		if w.in.Free(1) == 0 {
			return false
		}
	}
	for _, w := range p.workers {
		p.reserve(w).mark = n
	}
	p.Commit()
	return true
}

// Close lets the workers handle what was committed, and returns when they have ended.
func (p *Pool[T]) Close() {
	close(p.stop)
	p.done.Wait()
}

func (p *Pool[T]) now() int64 { return int64(time.Since(p.base)) }

// worker is one of the goroutines.
type worker[T any] struct {
	// constant
	pool    *Pool[T]
	handler Handler[T]
	order   func(*T) (int, uint64)
	wait    time.Duration
	cpu     int
	bell    chan struct{}

	in  *ring.Producer // the reader's
	out *ring.Consumer // the worker's

	// the worker's
	seen  []uint64
	count counts // of the burst

	// atomic
	offered atomic.Uint64
	handled atomic.Uint64
	asleep  atomic.Bool

	mu    sync.Mutex
	total Worker // guarded by mu
}
