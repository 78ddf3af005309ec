package eventlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/event/archive"
	"fcredirect/mgmt/event/spool"
	"fcredirect/mgmt/postgres"
)

// Database is a *postgres.DB.
type Database interface {
	archive.Database
	Identity(ctx context.Context) (postgres.Identity, error)
}

// Bus answers requests: a *bus.Bus.
type Bus interface {
	Handle(method string, answer func(ctx context.Context, request []byte) ([]byte, error)) (remove func())
}

// Options say where the log is kept.
type Options struct {
	Place attach.Place
	DB    Database      // nil: the spool is all there is, and old events go when it is full
	Bus   Bus           // nil: nobody asks
	Log   *slog.Logger  // nil: none
	Dir   string        // folder of the spool
	Batch int           // records per group; 0: Batch
	Spool spool.Options // bounds of the spool; Dir is taken from above
	// RetainAge and RetainEvents bound the log in the database; 0: what limits.go says, negative: no bound.
	RetainAge    time.Duration
	RetainEvents int64

	tempo tempo
}

// tempo is what tests hurry.
type tempo struct{ meet, linger, away, retain time.Duration }

// Role is role event.
type Role struct {
	o       Options
	log     atomic.Pointer[Log] // while it runs
	standby atomic.Bool
	stats   *counters
}

// New makes the role. Nothing is opened yet.
func New(o Options) (*Role, error) {
	if o.Dir == "" && o.Spool.Files == nil {
		return nil, errors.New("event: no folder for the spool")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Batch <= 0 {
		o.Batch = Batch
	}
	o.Spool.Dir = o.Dir
	if o.RetainAge == 0 {
		o.RetainAge = RetainAge
	}
	if o.RetainEvents == 0 {
		o.RetainEvents = RetainEvents
	}
	if o.tempo == (tempo{}) {
		o.tempo = tempo{meetTime, DrainLinger, awayTold, retainEvery}
	}
	return &Role{o: o, stats: &counters{}}, nil
}

// Run keeps the log until ctx ends. While another process has the spool it waits for that one to end.
func (r *Role) Run(ctx context.Context, ready func()) error {
	s, err := r.open(ctx)
	if s == nil {
		return err
	}
	l := newLog(&r.o, s, r.stats)
	r.log.Store(l)
	defer r.log.Store(nil)
	err = l.run(ctx, ready)
	if e := s.Close(); e != nil && err == nil {
		err = fmt.Errorf("event: close the spool: %w", e)
	}
	return err
}

// open opens the spool, nil without an error when ctx ended before it was free.
func (r *Role) open(ctx context.Context) (*spool.Spool, error) {
	defer r.standby.Store(false)
	for {
		s, err := spool.Open(r.o.Spool)
		if !errors.Is(err, spool.ErrLocked) {
			return s, err
		}
		if !r.standby.Swap(true) {
			r.o.Log.Info("another process keeps the log of events: waiting")
		}
		select {
		case <-time.After(lockPause):
		case <-ctx.Done():
			return nil, nil
		}
	}
}

// run starts the goroutines and ends with the last of them.
func (l *Log) run(ctx context.Context, ready func()) error {
	l.opened()
	group, ctx := errgroup.WithContext(ctx)
	attaching, stopAttaching := context.WithCancel(ctx)
	remove := l.handle()
	group.Go(func() error {
		defer func() { // whoever asks from now on finds nobody, and asks again
			stopAttaching()
			close(l.written)
			for _, r := range remove {
				r()
			}
		}()
		return l.write(ctx)
	})
	group.Go(func() error { l.attach(attaching); return nil })
	if l.archive != nil {
		group.Go(func() error { l.drain(ctx); return nil })
	}
	ready()
	return group.Wait()
}

// Healthy says why the log is not well.
func (r *Role) Healthy() error {
	if l := r.log.Load(); l != nil {
		return l.healthy()
	}
	if r.standby.Load() {
		return errors.New("event: another process keeps the log; this one takes over when that one ends")
	}
	return errors.New("event: the role does not run")
}

// Subscribe gives the events after a number, and then those that come.
func (r *Role) Subscribe(after uint64) (*Subscription, error) {
	l := r.log.Load()
	if l == nil {
		return nil, ErrStopped
	}
	return &Subscription{log: l, after: after, lineage: l.spool.Lineage()}, nil
}

// problem is something that keeps the log from being well, since a time.
type problem struct {
	mu    sync.Mutex
	err   error
	since time.Time
}

// set notes the problem; nil ends it. It gives what it was before.
func (p *problem) set(err error) (was error, lasted time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	was = p.err
	if was != nil {
		lasted = time.Since(p.since)
	}
	if p.err = err; was == nil && err != nil {
		p.since = time.Now()
	}
	return was, lasted
}

func (p *problem) get() (err error, lasted time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		return nil, 0
	}
	return p.err, time.Since(p.since)
}

func (l *Log) healthy() error {
	var all []error
	if err, _ := l.disk.get(); errors.Is(err, syscall.ENOSPC) {
		all = append(all, fmt.Errorf("%w: %w", syscall.ENOSPC, err)) // the registry cuts what is long, and a path is
	} else if err != nil {
		all = append(all, err)
	}
	if err, _ := l.segment.get(); err != nil {
		all = append(all, err)
	}
	if err, lasted := l.away.get(); err != nil && lasted > l.o.tempo.away {
		all = append(all, fmt.Errorf("%d events wait for the database: %w", l.waiting(), err))
	}
	if len(all) == 0 {
		return nil
	}
	return fmt.Errorf("event: %w", errors.Join(all...))
}

var _ event.Appender = (*Log)(nil)
