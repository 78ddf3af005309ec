package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/postgres"
)

// flusher writes to the database. One goroutine has it. In each round it
//
//	finds out what became of a transaction whose end it does not know, and takes the shard anew when commits were lost
//	gets what the workers have merged since the round before, and merges it into what it could not write
//	writes that, in one transaction (several when it is very much)
//	does one step of what can wait: settling, retention
//
// When something fails it waits a little and begins the next round: what was not written is still there.
type flusher struct {
	// constant
	*Role
	seg     *attach.Segment
	readers []*feed.Reader // for Resync alone
	names   *names
	clock   shm.Header // a copy: what turns a TSC into a time
	parts   []*part
	cut     chan given // from the parts

	known   known
	settle  settling
	budget  budget
	pending *batch // read and not written
	durable []uint64
	rows    int // in a transaction, at the most
	ensured int64

	flying   bool // the end of the transaction in work is not known
	resolved bool // what became of the session before
	lost     bool // the database has lost commits, and we have not made up for it

	// of a flush
	work      flush
	order     []int32
	chosen    []bool
	facts     []uint64
	sampledTo uint64 // serial
}

// cut is a batch that ends at these places.
type cut struct {
	n      uint64
	seq    []uint64  // per producer: the last item in it
	synced []uint64  // per producer: the last wish for everything whose answer ends in it
	began  time.Time // when its first item was read, zero for none
}

// run works until ctx ends, or the last cut was written, or going on makes no sense.
func (f *flusher) run(ctx context.Context, s *session) error {
	pause := firstPause
	for {
		err := f.round(ctx, s)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			if f.well(); s.finished() {
				return nil
			}
			pause = firstPause
			continue
		}
		if !passing(err) {
			return err
		}
		f.ill(err)
		if postgres.Kind(err) == postgres.Cancelled {
			f.rows = max(minRowsPerTx, f.rows/2)
		}
		if !sleep(ctx, pause/2+rand.N(pause)/2) {
			return nil
		}
		pause = min(2*pause, lastPause)
	}
}

// passing says whether the error may be gone when the same is tried again.
func passing(err error) bool {
	// A sample on its way to the partition for all times, while a partition for its time was attached.
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23514" && strings.HasPrefix(pg.TableName, "flow_sample_") {
		return true
	}
	return errors.Is(err, errMoved) || errors.Is(err, errUnknown) || !errors.Is(err, ErrFenced) && postgres.Kind(err).Retry()
}

func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (f *flusher) round(ctx context.Context, s *session) error {
	if err := f.resolve(ctx); err != nil {
		return err
	}
	if f.lost {
		if err := f.makeUp(ctx); err != nil {
			return err
		}
	}
	s.release(f.durable)
	c := s.next(ctx, f.pending.size() > 0 || f.sweeping())
	if c == nil {
		return nil
	}
	f.collect()
	if err := f.write(ctx, c); err != nil {
		return err
	}
	f.offered(c.synced)
	s.release(f.durable)
	f.count(func(s *Stats) { s.Waiting = f.known.waiting() })
	if f.unsettled() {
		f.begin()
	}
	if err := f.sweep(ctx); err != nil {
		return err
	}
	return f.retire(ctx)
}

// resolve finds out what became of the last transaction, if that is not known.
func (f *flusher) resolve(ctx context.Context) error {
	if f.cursor.asked == 0 || f.lost {
		return nil
	}
	end, err := f.cursor.resolve(ctx, f.db, f.shard)
	if err != nil {
		return err
	}
	f.lost = end == lostSome
	if f.flying && end == committed {
		f.committed()
	} else if f.flying {
		f.known.again(f.work.late)
	}
	f.flying = false
	return nil
}

// makeUp follows a loss of commits: the data plane is asked for all that it has, and what it does not have any more is
// written from memory. What cannot be made up for is a flow that ended longer ago than recents reach.
func (f *flusher) makeUp(ctx context.Context) error {
	p := place(f.seg, f.shard)
	p.released = f.durable
	if _, err := f.cursor.take(ctx, f.db, f.shard, p, true); err != nil {
		return err
	}
	if err := f.rewrite(ctx); err != nil {
		return err
	}
	f.lost = false
	f.begin()
	return nil
}

// collect merges what the workers give away.
func (f *flusher) collect() {
	conflated := 0
	for range f.parts {
		g := <-f.cut
		if f.pending.size() == 0 {
			*f.pending, *g.batch = *g.batch, *f.pending
		} else {
			conflated += f.pending.absorb(g.batch)
		}
		g.batch.reset()
		g.by.free <- g.batch
	}
	f.count(func(s *Stats) { s.Conflated += uint64(conflated) })
}

// write writes what is pending. A batch that is larger than a transaction may be goes in parts, of which only the last
// moves the shard's numbers: the rows of the others are guarded by theirs.
func (f *flusher) write(ctx context.Context, c *cut) error {
	f.order = bySerial(f.pending.flows, f.order)
	for from := 0; ; {
		to := min(len(f.order), from+f.rows)
		var logins []feed.LoginItem
		last := to == len(f.order)
		if last {
			logins = f.pending.logins
		}
		w := f.build(f.pending.flows, f.order[from:to], logins)
		w.last, w.seq = last, append(w.seq[:0], c.seq...)
		if last && w.empty() && slices.Equal(c.seq, f.durable) {
			f.unsaved.Store(0)
			return nil
		}
		if err := f.try(ctx, w); err != nil {
			return err
		}
		if from = to; last {
			return nil
		}
	}
}

func (w *flush) empty() bool {
	return len(w.counts.serial)+len(w.full.serial)+len(w.logins)+len(w.late) == 0
}

// try runs a flush, and notes what it did.
func (f *flusher) try(ctx context.Context, w *flush) error {
	began := time.Now()
	f.flushing.Store(f.mark(began))
	defer f.flushing.Store(0)
	err := f.execute(ctx, w)
	if err != nil {
		f.cursor.asked, f.flying = w.number, true
		if errors.Is(err, errUnknown) {
			f.forget()
		}
		return err
	}
	f.cursor.flush = w.number
	took := time.Since(began)
	f.count(func(s *Stats) { s.Flush.Add(uint64(took), 1) })
	if f.rows < rowsPerTx {
		f.rows = min(rowsPerTx, f.rows+f.rows/8)
	}
	f.committed()
	return nil
}

// committed takes over what the transaction in work has done.
func (f *flusher) committed() {
	w := &f.work
	f.noted(w)
	if w.last {
		copy(f.durable, w.seq)
		f.pending.reset()
		f.unsaved.Store(0)
	}
}
