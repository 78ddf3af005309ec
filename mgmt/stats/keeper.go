package stats

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"fcredirect/mgmt/postgres"
)

// Keeper keeps a node's samples in order: it makes partitions ahead, rolls up what is new, and drops what is old. Several
// at a time do no harm.
type Keeper struct {
	db   *postgres.DB // constant
	keep Retention    // constant
	log  *slog.Logger // constant
	// now is the clock: the server's, which is one for all who write there. Tests put another in.
	now func(context.Context, postgres.Querier) (time.Time, error)

	reach map[string]int64 // the runner's: by mark, how many transactions a slice takes

	mu    sync.Mutex
	stats KeeperStats // guarded by mu
	err   error       // guarded by mu: of the last pass
	since time.Time   // guarded by mu: when passes began to fail
}

// KeeperStats counts what a keeper did since it was made.
type KeeperStats struct {
	Passes   uint64        `json:"passes"`
	Failures uint64        `json:"failures"` // passes that ended with an error
	Slices   uint64        `json:"slices"`   // transactions of rollups
	Rows     uint64        `json:"rows"`     // written by them
	Dropped  uint64        `json:"dropped"`  // partitions
	Bytes    int64         `json:"bytes"`    // that all samples take, as last seen
	Last     time.Duration `json:"last_ns"`  // that the last pass took
}

// NewKeeper makes one.
func NewKeeper(db *postgres.DB, keep Retention, log *slog.Logger) (*Keeper, error) {
	if err := keep.Check(); err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Keeper{db: db, keep: keep, log: log, now: serverClock, reach: map[string]int64{}}, nil
}

func serverClock(ctx context.Context, q postgres.Querier) (now time.Time, err error) {
	if err = q.QueryRow(ctx, "SELECT clock_timestamp()").Scan(&now); err != nil {
		err = fmt.Errorf("stats: ask for the time: %w", err)
	}
	return now, err
}

// Run makes a pass at once and then shortly after each full minute, until ctx ends. A pass that fails is tried again,
// sooner; only an error that trying again does not mend ends Run.
func (k *Keeper) Run(ctx context.Context) error {
	retry := firstRetry
	for {
		err := k.Pass(ctx)
		wait := untilNext(time.Now())
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			retry = firstRetry
		case !passes(err):
			return err
		default:
			k.log.Warn("samples are not kept in order for the moment", "err", err, "again_in", min(retry, wait))
			wait = min(retry, wait)
			retry = min(2*retry, lastRetry)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// passes says whether trying again may help.
func passes(err error) bool {
	return postgres.Kind(err).Retry() || errors.Is(err, errUnrolled) || errors.Is(err, errRestored) || errors.Is(err, errFull)
}

// untilNext is the time until shortly after the next full minute.
func untilNext(now time.Time) time.Duration {
	return floor(now, period).Add(period + settling).Sub(now.Round(0))
}

// Err is what passes have been failing with for a while: a writer or reader that one had to wait for is no trouble.
func (k *Keeper) Err() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err == nil || time.Since(k.since) < illAfter && !errors.Is(k.err, errFull) {
		return nil
	}
	return k.err
}

// Stats may be called from any goroutine.
func (k *Keeper) Stats() KeeperStats {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.stats
}

func (k *Keeper) count(add func(*KeeperStats)) {
	k.mu.Lock()
	defer k.mu.Unlock()
	add(&k.stats)
}

// Pass does once all that there is to do. It is for one goroutine at a time.
func (k *Keeper) Pass(ctx context.Context) error {
	start := time.Now()
	err := k.pass(ctx)
	if ctx.Err() != nil {
		return err
	}
	k.count(func(s *KeeperStats) {
		s.Passes++
		s.Last = time.Since(start)
		if err != nil {
			s.Failures++
		}
		if k.err == nil {
			k.since = start
		}
		k.err = err
	})
	return err
}

func (k *Keeper) pass(ctx context.Context) error {
	node, err := k.db.NodeID(ctx)
	if err != nil {
		return err
	}
	q := k.db.Q()
	now, err := k.now(ctx, q)
	if err != nil {
		return err
	}
	// What finds no partition lies in the one for all else, so the rest can be done all the same.
	early := EnsurePartitions(ctx, q, now)
	if early != nil && !passes(early) {
		return early
	}
	if err := k.roll(ctx, q, node, now); err != nil {
		return errors.Join(early, err)
	}
	if err := summarize(ctx, q); err != nil && !passes(err) {
		return errors.Join(early, err)
	}
	return errors.Join(early, k.retain(ctx, q, node, now))
}

// roll takes slices of each step until nothing is left but what the minute or hour that goes on has, now being zero that
// too.
func (k *Keeper) roll(ctx context.Context, q postgres.Querier, node int32, now time.Time) error {
	if err := makeMarks(ctx, q, node); err != nil {
		return err
	}
	for _, s := range steps {
		for more := true; more; {
			reach := max(k.reach[s.mark()], firstReach)
			start := time.Now()
			done, err := rollup(ctx, q, node, s, now, reach)
			if err != nil {
				return err
			}
			switch took := time.Since(start); {
			case took < shortSlice:
				reach = min(2*reach, maxReach)
			case took > longSlice:
				reach = max(reach/2, 1)
			}
			k.reach[s.mark()] = reach
			more = done.more && !done.busy
			k.count(func(s *KeeperStats) {
				s.Slices++
				s.Rows += uint64(done.rows)
			})
		}
	}
	return nil
}

// errFull: the bound on disk cannot be kept.
var errFull = errors.New("samples take more room than they may, and all that is left is still being written")

func (k *Keeper) retain(ctx context.Context, q postgres.Querier, node int32, now time.Time) error {
	clock, err := retentionClock(ctx, q, node, now)
	if err != nil {
		return err
	}
	marks, err := readMarks(ctx, q, node)
	if err != nil {
		return err
	}
	keep := k.keep.keep()
	if err := k.sweep(ctx, q, node, clock, marks); err != nil {
		return err
	}
	if err := forget(ctx, q, node, clock.Add(-keep[hour])); err != nil {
		return err
	}
	list, bytes, err := listPartitions(ctx, q)
	if err != nil {
		return err
	}
	var failed error
	drops := 0
	remove := func(i int) {
		p := list[i]
		list = slices.Delete(list, i, i+1)
		drops++
		if err := k.drop(ctx, q, p.partition); err != nil {
			failed = errors.Join(failed, err)
			return
		}
		bytes -= p.bytes
	}
	for i := 0; i < len(list) && drops < dropsPerPass; {
		if list[i].to.Add(keep[levelOf(list[i].table)]).After(clock) {
			i++
			continue
		}
		remove(i)
	}
	for bytes > k.keep.bytes() && drops < dropsPerPass {
		i := surplus(list, clock)
		if i < 0 {
			failed = errors.Join(failed, fmt.Errorf("stats: %w: %d MiB of %d", errFull, bytes>>20, k.keep.bytes()>>20))
			break
		}
		remove(i)
	}
	k.count(func(s *KeeperStats) { s.Bytes = bytes })
	return failed
}

// sweep looks into the partitions for all else, which are empty but for times that were wrong.
func (k *Keeper) sweep(ctx context.Context, q postgres.Querier, node int32, clock time.Time, marks map[string]mark) error {
	for _, t := range tables {
		var some bool
		if err := q.QueryRow(ctx, fmt.Sprintf("SELECT EXISTS (SELECT FROM %s)", t.rest())).Scan(&some); err != nil {
			return fmt.Errorf("stats: sweep %s: %w", t.rest(), err)
		}
		if some {
			if err := sweep(ctx, q, node, t, clock.Add(-k.keep.keep()[levelOf(t)]), marks); err != nil {
				return err
			}
		}
	}
	return nil
}

// drop removes a partition. Where it holds samples that are not rolled up, they came late, or are of another node whose
// keeper has not run for as long as samples are kept: then we do it now, in its place.
func (k *Keeper) drop(ctx context.Context, q postgres.Querier, p partition) error {
	for last := int32(0); ; {
		node, err := unrolled(ctx, q, p.table, p.name())
		if err != nil {
			return fmt.Errorf("stats: drop %s: %w", p.name(), err)
		}
		if node == 0 || node == last {
			break
		}
		if err := k.roll(ctx, q, node, time.Time{}); err != nil {
			return err
		}
		last = node
	}
	for tries := 1; ; tries++ {
		err := drop(ctx, q, p)
		if err == nil {
			k.count(func(s *KeeperStats) { s.Dropped++ })
			k.log.Info("dropped samples", "partition", p.name())
		}
		if err == nil || tries == dropTries || postgres.Kind(err) != postgres.Cancelled {
			return err
		}
	}
}
