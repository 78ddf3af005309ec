package eventlog

import (
	"context"
	"errors"
	"sync"
	"time"

	"fcredirect/mgmt/event"
	"fcredirect/mgmt/event/archive"
	"fcredirect/mgmt/postgres"
)

// How events get into the database, for as long as the role runs:
//
//  1. contact.go: where is the database, and which event comes next? After each error anew.
//  2. gather: what waits, for DrainLinger if it is little.
//  3. archive.Insert: one transaction.
//  4. now and then, retention.

// drainer is the drain's own state.
type drainer struct {
	*Log
	next     uint64            // index of the event that comes next
	number   uint64            // of the last event in the database
	identity postgres.Identity // of the server that was spoken to last
	retained time.Time         // when retention was last done
	once     sync.Once         // of the first contact
}

func (l *Log) drain(ctx context.Context) {
	d := &drainer{Log: l, retained: time.Now()}
	// The database gets its time after the writer has ended, if it is there.
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	go func() {
		select {
		case <-l.written:
		case <-working.Done():
			return
		}
		select {
		case <-time.After(drainEnd):
			stop()
		case <-working.Done():
		}
	}()
	for pause := awayMin; ; {
		contacted := false
		err := d.contact(working)
		for err == nil {
			contacted = true
			d.back()
			if d.done() {
				return
			}
			err = d.step(working)
		}
		if d.ended() {
			return
		}
		if contacted {
			pause = awayMin
		}
		if !errors.Is(err, archive.ErrMoved) {
			d.gone(err)
		}
		select {
		case <-time.After(pause):
		case <-l.written:
		}
		if pause = min(2*pause, awayMax); !errors.Is(err, archive.ErrMoved) && !postgres.Kind(err).Retry() {
			pause = awayMax // it needs somebody to mend it
		}
	}
}

// ended says whether the writer has, so that nothing more comes.
func (d *drainer) ended() bool {
	select {
	case <-d.written:
		return true
	default:
		return false
	}
}

// done says whether the role ends and all is drained.
func (d *drainer) done() bool { return d.ended() && d.waiting() == 0 }

// step drains a batch, or waits for one.
func (d *drainer) step(ctx context.Context) error {
	batch, err := d.gather(ctx)
	if err != nil || len(batch) == 0 {
		return err
	}
	d.database.Lock() // before the clock runs: a rebuild of the views may take minutes
	defer d.database.Unlock()
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	if first := batch[0].Number; first != d.number+1 {
		if err := d.lost(ctx, first-1); err != nil {
			return err
		}
	}
	began := time.Now()
	if err := d.archive.Insert(ctx, d.spool.Lineage(), d.number, batch); err != nil {
		return err
	}
	now := time.Now()
	d.stats.drain.add(now.Sub(began), 1)
	for i := range batch {
		d.stats.lag.add(now.Sub(batch[i].At), 1)
	}
	d.stats.drained.Add(uint64(len(batch)))
	d.next, d.number = d.next+uint64(len(batch)), batch[len(batch)-1].Number
	d.has(d.next - 1)
	return nil
}

// has says that the database has everything up to an index.
func (d *drainer) has(index uint64) {
	d.drained.Store(index)
	if err := d.spool.Drained(index); err != nil {
		d.log.Warn("a drained file of the spool stays", "err", err)
	}
}

// gather gives the next batch: events whose numbers follow one another. It waits for a first one, and a little for more.
func (d *drainer) gather(ctx context.Context) ([]event.Event, error) {
	for {
		if err := d.retain(ctx); err != nil {
			return nil, err
		}
		d.mu.Lock()
		news, waiting := d.news, d.published+1-min(d.next, d.published+1)
		d.mu.Unlock()
		if waiting > 0 {
			if waiting < DrainEvents {
				d.linger(ctx)
			}
			return d.batch()
		}
		select {
		case <-news:
		case <-time.After(d.o.tempo.retain):
		case <-d.written:
			return nil, nil
		}
	}
}

func (d *drainer) linger(ctx context.Context) {
	select {
	case <-time.After(d.o.tempo.linger):
	case <-d.written:
	case <-ctx.Done():
	}
}

func (d *drainer) batch() (events []event.Event, err error) {
	bytes := 0
	for index := d.next; len(events) < DrainEvents && bytes < DrainBytes; {
		part, err := d.readIndex(index, DrainEvents-len(events))
		if err != nil || len(part) == 0 {
			return events, err
		}
		for _, e := range part {
			if n := len(events); n > 0 && e.Number != events[n-1].Number+1 {
				return events, nil // a renumbering lies between
			}
			events = append(events, e)
			bytes += len(e.Fields)
		}
		index += uint64(len(part))
	}
	return events, nil
}

// lost puts an event log.lost into the database, in the place of numbers that nobody has.
func (d *drainer) lost(ctx context.Context, last uint64) error {
	e, err := archive.Stand(event.LogLost, time.Now(), d.spool.Lineage(), last, event.Fields{"first": d.number + 1, "last": last})
	if err != nil {
		return err
	}
	d.log.Error("events are lost: no database and no spool has them", "first", d.number+1, "last", last)
	if err := d.archive.Insert(ctx, d.spool.Lineage(), d.number, []event.Event{e}); err != nil {
		return err
	}
	d.number = last
	return nil
}

// gone notes that the database is away, and tells of it when it lasts.
func (d *drainer) gone(err error) {
	was, lasted := d.away.set(err)
	d.stats.drainErrors.Add(1)
	if was == nil {
		d.log.Warn("the database does not take events: they wait in the spool", "err", err)
	}
	if d.toldAway.Load() || lasted < d.o.tempo.away {
		return
	}
	d.toldAway.Store(true)
	d.tell(event.DatabaseUnavailable, event.Fields{"error": err, "kind": postgres.Kind(err).String()})
}

// back notes that it is there.
func (d *drainer) back() {
	was, lasted := d.away.set(nil)
	if was == nil {
		return
	}
	d.log.Info("the database takes events again", "away", lasted, "waiting", d.waiting())
	told := d.toldAway.Swap(false)
	if !told && lasted >= d.o.tempo.away { // it came back just before it was to be told
		d.tell(event.DatabaseUnavailable, event.Fields{"error": was, "kind": postgres.Kind(was).String()})
	}
	if told || lasted >= d.o.tempo.away {
		d.tell(event.DatabaseAvailable, event.Fields{"away_ms": lasted.Milliseconds(), "waiting": d.waiting()})
	}
}

// retain deletes old events from time to time, and sees that the new ones are still there.
func (d *drainer) retain(ctx context.Context) error {
	if time.Since(d.retained) < d.o.tempo.retain {
		return nil
	}
	d.retained = time.Now()
	var before time.Time
	if d.o.RetainAge > 0 {
		before = time.Now().Add(-d.o.RetainAge)
	}
	d.database.Lock()
	defer d.database.Unlock()
	if err := d.still(ctx); err != nil {
		return err
	}
	for range retainSlices {
		ctx, cancel := context.WithTimeout(ctx, drainTimeout)
		n, err := d.archive.Retain(ctx, before, uint64(max(d.o.RetainEvents, 0)))
		cancel()
		if d.stats.deleted.Add(n); err != nil || n < archive.SliceEvents {
			return err
		}
	}
	d.retained = time.Time{} // there is more
	return nil
}

// still asks whether the database is where it was. A standby may have taken over in its place that has less, and while
// nothing happens nobody else would notice.
func (d *drainer) still(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, drainTimeout)
	defer cancel()
	state, err := d.archive.State(ctx)
	if err == nil && (state.Number != d.number || state.Lineage != d.spool.Lineage()) {
		err = archive.ErrMoved
	}
	return err
}

func timeOf(ns int64) time.Time { return time.Unix(0, ns) }
