package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"fcredirect/dataplane/feed"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/worker"
)

// ErrDatabase is what Healthy says when it is the database that keeps the role from writing: a restart of the role would
// not help.
var ErrDatabase = errors.New("store: the database takes no writes")

// Bus is where questions come from.
type Bus interface {
	Handle(method string, answer func(ctx context.Context, request []byte) ([]byte, error)) (remove func())
}

// Options are what an instance is made of.
type Options struct {
	Place attach.Place
	DB    *postgres.DB
	Bus   Bus // nil: nobody asks
	Log   *slog.Logger
	Shard int   // of the rings
	Batch int   // flows that make a batch full; 0 is DefaultBatch
	CPUs  []int // of the workers, which are as many; none: one worker that is not pinned

	Linger time.Duration // how long a batch that is not full waits; 0 is DefaultLinger
	// Retention of flows that ended: no longer than Keep, no more than KeepRows. 0 is DefaultKeep and DefaultKeepRows.
	Keep     time.Duration
	KeepRows int
	// SampleRows bounds the samples written per second: when more flows change, each is sampled less often. 0 is
	// DefaultSampleRows.
	SampleRows int
}

// Role is one instance.
type Role struct {
	// constant
	place        attach.Place
	db           *postgres.DB
	bus          Bus
	log          *slog.Logger
	shard        int
	batch        int
	cpus         []int
	linger       time.Duration
	keep         time.Duration
	keepRows     int
	sampleRows   int
	born         time.Time
	drain, leave time.Duration

	// the flusher's
	recent recents
	cursor cursor

	epoch              atomic.Uint64 // of the segment that is served, 0 for none
	depth              atomic.Uint64
	readSince, unsaved atomic.Int64 // ns since born + 1: when the oldest item of the open batch, and of the one being written, was read
	flushing           atomic.Int64 // and when the transaction under way began
	retireAt           atomic.Int64 // ns since born: when rows are looked for that are too old

	mu    sync.Mutex
	stats Stats                   // guarded by mu
	pool  *worker.Pool[feed.Item] // guarded by mu: of the session
	err   error                   // guarded by mu: why writing fails
	since time.Time               // guarded by mu: since when
}

// New checks the options.
func New(o Options) (*Role, error) {
	r := &Role{
		place: o.Place, db: o.DB, bus: o.Bus, log: o.Log, shard: o.Shard, batch: o.Batch, cpus: o.CPUs, linger: o.Linger, keep: o.Keep,
		keepRows: o.KeepRows, sampleRows: o.SampleRows, born: time.Now(), drain: drainTimeout, leave: leaveTimeout,
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	fill := func(v *int, is int) {
		if *v == 0 {
			*v = is
		}
	}
	fill(&r.batch, DefaultBatch)
	fill(&r.keepRows, DefaultKeepRows)
	fill(&r.sampleRows, DefaultSampleRows)
	if r.linger == 0 {
		r.linger = DefaultLinger
	}
	if r.keep == 0 {
		r.keep = DefaultKeep
	}
	switch {
	case r.db == nil:
		return nil, errors.New("store: no database")
	case r.shard < 0 || r.shard >= feed.MaxShards:
		return nil, fmt.Errorf("store: shard %d: want 0 to %d", r.shard, feed.MaxShards-1)
	case r.batch < minBatch || r.batch > maxBatch:
		return nil, fmt.Errorf("store: a batch of %d flows: want %d to %d", r.batch, minBatch, maxBatch)
	case r.linger < 0 || r.keep < 0 || r.keepRows < 0 || r.sampleRows < 0:
		return nil, errors.New("store: a limit is negative")
	}
	return r, nil
}

// Run serves until ctx ends, and then writes what has been read, for a bounded time. Any other end is an error. It calls
// ready once, when it has the shard and reads the rings for the first time.
func (r *Role) Run(ctx context.Context, ready func()) error {
	var once sync.Once
	for {
		seg, err := attach.Wait(ctx, r.place)
		if ctx.Err() != nil {
			if err == nil {
				err = seg.Close()
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("store: %w", err)
		}
		err = r.serve(ctx, seg, func() { once.Do(ready) })
		if e := seg.Close(); err == nil && e != nil {
			err = fmt.Errorf("store: %w", e)
		}
		switch {
		case ctx.Err() != nil && !errors.Is(err, ErrFenced):
			return nil
		case err != nil && !errors.Is(err, errReplaced):
			return err
		}
		r.log.Info("store: another segment", "shard", r.shard)
	}
}

// Healthy says what keeps it from writing, nil when nothing does. Any goroutine may call it.
func (r *Role) Healthy() error {
	r.mu.Lock()
	err, since := r.err, r.since
	r.mu.Unlock()
	if err != nil && time.Since(since) > patience {
		return fmt.Errorf("%w since %s: %w", ErrDatabase, since.UTC().Format(time.TimeOnly), err)
	}
	if at := r.flushing.Load(); at != 0 && r.age()-time.Duration(at-1) > slowFlush {
		return fmt.Errorf("%w: a transaction is under way for %v", ErrDatabase, (r.age() - time.Duration(at-1)).Round(time.Second))
	}
	return nil
}

// age is the time since the role was made: it knows no steps.
func (r *Role) age() time.Duration { return time.Since(r.born) }

// tenth is the same in tenths of a second.
func (r *Role) tenth() uint32 { return uint32(tenths(r.age())) }

// ill and well note whether writing succeeds.
func (r *Role) ill(err error) {
	r.mu.Lock()
	first := r.err == nil
	if r.err = err; first {
		r.since = time.Now()
	}
	r.stats.Failures++
	r.mu.Unlock()
	if first {
		r.log.Warn("store: a transaction failed, trying again", "shard", r.shard, "err", err)
	}
}

func (r *Role) well() {
	r.mu.Lock()
	was, since := r.err, r.since
	r.err = nil
	r.mu.Unlock()
	if was != nil {
		r.log.Info("store: writing again", "shard", r.shard, "after", time.Since(since).Round(time.Millisecond))
	}
}
