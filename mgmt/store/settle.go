package store

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"fcredirect/dataplane/shm"
)

// Settling finds the flows that ended without a word: because the database has lost commits, the data plane was killed
// in the middle of an entry, it had no room for the last item of a flow, or it began anew with another segment.
//
//	begin   the data plane is asked to offer everything once more (not when it is new: then all is in the rings)
//	offered what it has arrives with higher numbers than all that was in the rings before; each ring says when that was all
//	sweep   the rows of the node are looked at in steps: what lives in another epoch, or has a number from before, has ended
//	done    the shard's row says so; until then whoever takes the shard begins again
type settling struct {
	on         bool
	nonce      uint64
	upto       []uint64 // per producer: numbers that are from before
	waits      []bool   // per producer: it has not said yet that it has offered everything
	epoch      int64    // how far the sweep is
	serial     int64
	boots      uint64 // what will have been settled
	unreported uint64
}

// begin starts settling, or starts it again.
func (f *flusher) begin() {
	p := place(f.seg, f.shard)
	f.settle = settling{on: true, upto: make([]uint64, len(f.durable)), waits: make([]bool, len(f.durable)), boots: p.boots, unreported: p.unreported}
	f.forget()
	if p.boots == 1 && p.unreported == 0 && !slices.ContainsFunc(f.durable, func(seq uint64) bool { return seq > 0 }) {
		return
	}
	// All that is in the rings now is from before the wish. It is not what was released: a flow whose entry was lost in a
	// crash may have updates in the ring, and nothing after them.
	copy(f.settle.upto, p.offered)
	f.settle.nonce = rand.Uint64() | 1
	for i, r := range f.readers {
		f.settle.waits[i] = true
		r.Resync(f.settle.nonce)
	}
	f.count(func(s *Stats) { s.Resyncs++ })
	f.log.Info("the data plane is asked for everything", "shard", f.shard)
}

// forget drops what is known of rows, or begins with nothing. Which rows wait for a sample is found by a sweep.
func (f *flusher) forget() {
	f.known.forget()
	if !f.settle.on {
		f.settle.on, f.settle.upto, f.settle.nonce = true, make([]uint64, len(f.durable)), 0
		clear(f.settle.waits)
	}
	f.settle.epoch, f.settle.serial = math.MinInt64, math.MinInt64
}

// offered notes the producers whose answer is in the tables now.
func (f *flusher) offered(synced []uint64) {
	for i, nonce := range synced {
		if nonce == f.settle.nonce && nonce != 0 {
			f.settle.waits[i] = false
		}
	}
}

// unsettled says whether flows may have ended without a word since they were settled last. A data plane that is starting
// has not yet looked how much the one before it left in the rings.
func (f *flusher) unsettled() bool {
	if f.settle.on || atomic.LoadUint32(&f.seg.State.Header().State) == shm.Starting {
		return false
	}
	p := place(f.seg, f.shard)
	return p.boots != f.settle.boots || p.unreported != f.settle.unreported
}

// sweeping says whether there is a step to do.
func (f *flusher) sweeping() bool { return f.settle.on && !slices.Contains(f.settle.waits, true) }

// sweep does one step, if all producers have answered.
func (f *flusher) sweep(ctx context.Context) error {
	s := &f.settle
	if !f.sweeping() {
		return nil
	}
	var looked, ended int64
	var epoch, serial *int64
	var late []int64
	if err := f.fenced(ctx, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, sweepFlows, f.cursor.node, s.epoch, s.serial, sweepRows, int64(f.seg.Epoch), f.shard,
			signed(s.upto), int(f.readers[0].Info().Shards)).
			Scan(&looked, &ended, &epoch, &serial, &late)
	}); err != nil {
		return fmt.Errorf("store: look for flows that ended: %w", err)
	}
	f.count(func(s *Stats) { s.Settled += uint64(ended) })
	for _, serial := range late {
		f.known.wait(f.known.put(uint64(serial)))
	}
	if looked == sweepRows {
		s.epoch, s.serial = *epoch, *serial
		return nil
	}
	if err := f.fenced(ctx, func(tx pgx.Tx) error {
		if f.shard == 0 { // the control goroutine is the last producer, and tells of logins
			if _, err := tx.Exec(ctx, sweepLogins, f.cursor.node, int64(f.seg.Epoch), int64(s.upto[len(s.upto)-1])); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, settleCursor, f.cursor.node, f.shard, f.cursor.owner, int64(s.boots), int64(s.unreported))
		return err
	}); err != nil {
		return fmt.Errorf("store: note that flows are settled: %w", err)
	}
	s.on = false
	return nil
}

// retire deletes rows of flows that ended long ago, or are too many, in steps. One shard does it for all.
func (f *flusher) retire(ctx context.Context) error {
	now := f.age()
	if f.shard != 0 || int64(now) < f.retireAt.Load() {
		return nil
	}
	// The clock may have been set since we began: what is old is told by the time that has passed since.
	before := f.born.Round(0).Add(now - f.keep)
	var gone int64
	if err := f.fenced(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, retireOld, f.cursor.node, before, retireRows)
		if gone = tag.RowsAffected(); err != nil || gone > 0 {
			return err
		}
		tag, err = tx.Exec(ctx, retireMany, f.cursor.node, f.keepRows, retireRows)
		gone = tag.RowsAffected()
		return err
	}); err != nil {
		return fmt.Errorf("store: delete flows that ended long ago: %w", err)
	}
	f.count(func(s *Stats) { s.Retired += uint64(gone) })
	if gone < retireRows {
		f.retireAt.Store(int64(now + retireEvery))
	}
	return nil
}

// fenced runs do in a transaction of its own that has a number as every other.
func (f *flusher) fenced(ctx context.Context, do func(tx pgx.Tx) error) error {
	ctx, stop := context.WithTimeout(ctx, flushTimeout)
	defer stop()
	number := f.cursor.number()
	err := transact(ctx, f.db.Q(), func(tx pgx.Tx) error {
		if err := f.cursor.move(ctx, tx, f.shard, number, nil); err != nil {
			return err
		}
		return do(tx)
	})
	if err == nil {
		f.cursor.flush = number
	} else {
		f.cursor.asked = number
	}
	return err
}
