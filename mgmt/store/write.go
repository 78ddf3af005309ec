package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"fcredirect/dataplane/feed"
)

// errUnknown says that an update by what we know found other rows than there should be: what we know is wrong.
var errUnknown = errors.New("store: rows are not as they are known")

// flush is a transaction: what it writes, and what is to be noted when it is committed.
type flush struct {
	number  int64
	last    bool     // of its batch: then seq is durable
	seq     []uint64 // per producer
	at      time.Time
	tenth   uint32
	epoch   int64
	logins  []feed.LoginItem
	counts  counts
	full    full
	samples []sample // go with counts
	late    []uint64 // serials whose samples are read from their rows
	ended   []recent

	// what the transaction found
	written int64 // rows of flows and logins
	told    bool  // all rows of full were newer than those in the table
	base    []base
}

// base is what was sampled of a direction.
type base struct {
	serial        uint64
	frames, bytes uint64
	errors        uint16
}

// build puts the flows at the places given, and the logins, into the columns of a flush.
func (f *flusher) build(flows []feed.FlowItem, at []int32, logins []feed.LoginItem) *flush {
	w := &f.work
	w.number, w.at, w.tenth, w.epoch = f.cursor.number(), time.Now(), f.tenth(), int64(f.seg.Epoch)
	w.logins, w.last, w.seq = logins, false, nil
	w.counts.reset()
	w.full.reset()
	w.samples, w.ended, w.late = w.samples[:0], w.ended[:0], w.late[:0]
	w.told, w.base, w.written = false, w.base[:0], 0
	f.names.active() // also when nobody asks: later it may be gone
	f.calibrate()
	f.choose(flows, at, w.tenth)
	for n, i := range at {
		item := &flows[i]
		seen := stamp(f.clock.Wall(item.LastSeen))
		if e := f.known.get(item.Serial); e != nil && e.facts == f.facts[n] {
			if f.chosen[n] {
				w.samples = append(w.samples, sampleOf(item, e))
			}
			w.counts.add(item, seen, f.chosen[n])
			continue
		}
		r := row{item: item, port: f.names.port(item.InPort), created: stamp(f.clock.Wall(item.Created)), seen: seen}
		r.rule, r.service = f.names.verdict(item.Generation, item.Rule, item.Service)
		if item.Flags&feed.FlagEnded != 0 {
			// Our clock, not that which the data plane had when it started: retention goes by it.
			r.ended = pgtype.Timestamptz{Time: w.at, Valid: true}
			w.ended = append(w.ended, recent{epoch: w.epoch, kept: f.age(), item: *item, row: r})
		}
		w.full.add(&r, f.facts[n])
	}
	w.late = f.lateSamples(w.tenth, w.late)
	return w
}

// execute runs the flush in one transaction.
func (f *flusher) execute(ctx context.Context, w *flush) error {
	ctx, stop := context.WithTimeout(ctx, flushTimeout)
	defer stop()
	if len(w.samples)+len(w.late) > 0 {
		f.partitions(ctx, w.at)
	}
	return transact(ctx, f.db.Q(), func(tx pgx.Tx) error {
		var seq []uint64
		if w.last {
			seq = w.seq
		}
		if err := f.cursor.move(ctx, tx, f.shard, w.number, seq); err != nil {
			return err
		}
		for _, step := range []struct {
			what string
			do   func(context.Context, pgx.Tx, *flush) error
		}{
			{"update flows", f.writeCounts}, {"write flows", f.writeFull}, {"write logins", f.writeLogins},
			{"write samples", f.writeSamples}, {"sample flows", f.writeLate},
		} {
			if err := step.do(ctx, tx, w); err != nil {
				return fmt.Errorf("store: %s: %w", step.what, err)
			}
		}
		return nil
	})
}

func (f *flusher) writeCounts(ctx context.Context, tx pgx.Tx, w *flush) error {
	c := &w.counts
	if len(c.serial) == 0 {
		return nil
	}
	tag, err := tx.Exec(ctx, updateCounts, f.cursor.node, w.epoch, c.serial, c.seen, c.frames, c.bytes, c.errors, c.seq, c.sampled)
	if err == nil && tag.RowsAffected() != int64(len(c.serial)) {
		return errUnknown
	}
	w.written += tag.RowsAffected()
	return err
}

func (f *flusher) writeFull(ctx context.Context, tx pgx.Tx, w *flush) error {
	n, err := f.upsert(ctx, tx, w.epoch, &w.full)
	w.told = n == int64(len(w.full.serial))
	w.written += n
	return err
}

func (f *flusher) upsert(ctx context.Context, tx pgx.Tx, epoch int64, c *full) (int64, error) {
	if len(c.serial) == 0 {
		return 0, nil
	}
	tag, err := tx.Exec(ctx, upsertFlows, f.cursor.node, epoch, f.shard, c.serial, c.key, c.initiator, c.target, c.from, c.port, c.action,
		c.rule, c.service, c.state, c.generation, c.created, c.seen, c.frames, c.bytes, c.errors, c.producer, c.seq, c.ended)
	return tag.RowsAffected(), err
}

// noted takes over what a committed flush has changed.
func (f *flusher) noted(w *flush) {
	k := &f.known
	for i := range w.samples {
		s := &w.samples[i]
		if e := k.get(s.serial); e != nil {
			e.frames, e.bytes, e.errors, e.sampled = s.total.frames, s.total.bytes, s.total.errors, w.tenth
		}
	}
	for i, serial := range w.counts.serial {
		e := k.get(uint64(serial))
		if e == nil {
			continue
		}
		if e.changed = w.tenth; w.counts.sampled[i] {
			e.dirty = false
		} else {
			k.wait(e)
		}
	}
	for i, serial := range w.full.serial {
		e := k.put(uint64(serial))
		if e.facts = 0; w.told {
			e.facts = w.full.facts[i]
		}
		e.changed, e.ended = w.tenth, w.full.ended[i].Valid
		k.wait(e)
	}
	for _, b := range w.base {
		e := k.get(b.serial)
		if e == nil {
			continue
		}
		if e.ended {
			k.remove(b.serial)
			continue
		}
		e.frames, e.bytes, e.errors, e.sampled, e.base, e.dirty = b.frames, b.bytes, b.errors, w.tenth, true, false
	}
	for i := range w.ended {
		f.recent.add(&w.ended[i])
	}
	f.count(func(s *Stats) {
		s.Commits++
		s.Rows += uint64(w.written)
		s.Samples += uint64(len(w.samples) + len(w.base))
	})
}
