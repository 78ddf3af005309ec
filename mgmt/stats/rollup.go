package stats

// How a rollup finds what is new, exactly once.
//
// Time cannot tell: a sample that a writer could not write for a minute, or that a stepped clock has put elsewhere, comes
// late. So each row carries the number of the transaction that wrote it (column tx), and the mark of a level keeps which
// transactions were over at the moment of the last rollup: all below upto but those in open. What the next rollup sees
// and the last one could not see is new, wherever in time it lies. The mark moves in the transaction that writes the
// coarser rows.
//
// Coarser rows are added, never changed: a late sample gives its minute one row more. To keep these few, a rollup stops
// at the first transaction that wrote samples of the minute that is still going on. Which transaction it stops at has no
// influence on what is counted.

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"fcredirect/mgmt/postgres"
)

// step is a rollup of one level into the next.
type step struct {
	of   chain
	from int // level
}

var steps = []step{{flows, second}, {ports, second}, {flows, minute}, {ports, minute}}

func (s step) source() table  { return s.of.tables[s.from] }
func (s step) into() table    { return s.of.tables[s.from+1] }
func (s step) mark() string   { return s.of.marks[s.from] }
func (s step) String() string { return s.source().name + " into " + s.into().name }
func (s step) lock(node int32) (class, key int32) {
	for i := range steps {
		if steps[i].mark() == s.mark() {
			return rollupLock, node<<3 | int32(i)
		}
	}
	panic("stats: unknown step " + s.mark())
}

// origin is where buckets are counted from: a whole hour before all times, since date_bin is wrong before its origin in
// some releases of PostgreSQL.
const origin = "timestamptz '0001-01-01 00:00:00+00'"

const flowRollup = `WITH rolled AS (
	INSERT INTO %[2]s (node_id, vsan, at, epoch, serial, initiator, target, frames, bytes, errors, in_port, rule, service)
	SELECT node_id, vsan, date_bin('%[3]s', at, %[4]s) AS bucket, epoch, serial, initiator, target, sum(frames), sum(bytes), sum(errors),
		in_port, rule, service
	FROM %[1]s WHERE node_id = $1 AND (tx >= $2 AND tx < $3 OR tx = ANY($4::bigint[]))
	GROUP BY node_id, vsan, bucket, epoch, serial, initiator, target, in_port, rule, service
	RETURNING node_id, vsan, at, frames, bytes, errors, in_port, rule, service
), grouped AS (
	INSERT INTO %[5]s (node_id, vsan, at, frames, bytes, errors, in_port, rule, service)
	SELECT node_id, vsan, at, sum(frames), sum(bytes), sum(errors), in_port, rule, service
	FROM rolled GROUP BY node_id, vsan, at, in_port, rule, service
)
SELECT count(*) FROM rolled`

const portRollup = `WITH rolled AS (
	INSERT INTO %[2]s (node_id, at, boot, span_us, frames_in, bytes_in, frames_out, bytes_out, drops, stalled, mirror_lost, device_errors,
		pauses_in, pauses_out, port)
	SELECT node_id, date_bin('%[3]s', at, %[4]s) AS bucket, boot, sum(span_us), sum(frames_in), sum(bytes_in), sum(frames_out), sum(bytes_out),
		sum(drops), sum(stalled), sum(mirror_lost), sum(device_errors), sum(pauses_in), sum(pauses_out), port
	FROM %[1]s WHERE node_id = $1 AND (tx >= $2 AND tx < $3 OR tx = ANY($4::bigint[]))
	GROUP BY node_id, bucket, boot, port
	RETURNING 1
)
SELECT count(*) FROM rolled`

func (s step) sql() string {
	width := fmt.Sprintf("%d s", int(bucket[s.from+1].Seconds()))
	if s.of.span == SpanPort {
		return fmt.Sprintf(portRollup, s.source().name, s.into().name, width, origin)
	}
	return fmt.Sprintf(flowRollup, s.source().name, s.into().name, width, origin, groups.tables[s.from+1].name)
}

// rollupSetup: a rollup reads what lies at the end of its table, which the planner cannot know of a table that grows.
var rollupSetup = []string{stable, "SET LOCAL enable_seqscan = off", "SET LOCAL jit = off", fmt.Sprintf("SET LOCAL work_mem = '%dMB'", rollupMemory>>20)}

// rolled is what a slice has done.
type rolled struct {
	rows int64 // written
	more bool  // there was more than reach allowed
	busy bool  // somebody else is at it
}

// rollup takes one slice of what is new: transactions up to reach beyond the mark.
func rollup(ctx context.Context, q postgres.Querier, node int32, s step, now time.Time, reach int64) (done rolled, err error) {
	err = transaction(ctx, q, rollupSetup, func(tx pgx.Tx) error {
		// The snapshot of the transaction is that of this statement. Who had the lock until now may have moved the mark
		// after it was taken: then locking the mark's row below fails, and the slice is tried again.
		class, key := s.lock(node)
		var free bool
		if err := tx.QueryRow(ctx, "SELECT pg_try_advisory_xact_lock($1, $2)", class, key).Scan(&free); err != nil || !free {
			done.busy = err == nil
			return err
		}
		var m mark
		err := tx.QueryRow(ctx, "SELECT upto, open FROM sample_level WHERE node_id = $1 AND level = $2 FOR UPDATE", node, s.mark()).Scan(&m.upto, &m.open)
		if err != nil {
			return err
		}
		var seen mark
		if err := tx.QueryRow(ctx, "SELECT upto, open FROM sample_snapshot()").Scan(&seen.upto, &seen.open); err != nil {
			return err
		}
		if seen.upto < m.upto {
			return errRestored
		}
		cut, err := s.cut(ctx, tx, node, now, m.upto, seen.upto)
		if err != nil {
			return err
		}
		if done.more = cut-m.upto > reach; done.more {
			cut = m.upto + reach
		}
		if cut == m.upto && len(m.open) == 0 {
			return nil
		}
		if err := tx.QueryRow(ctx, s.sql(), node, m.upto, cut, m.open).Scan(&done.rows); err != nil {
			return err
		}
		open := []int64{}
		for _, x := range seen.open {
			if x < cut {
				open = append(open, x)
			}
		}
		_, err = tx.Exec(ctx, "UPDATE sample_level SET upto = $3, open = $4 WHERE node_id = $1 AND level = $2", node, s.mark(), cut, open)
		return err
	})
	if err != nil {
		err = fmt.Errorf("stats: roll %v up for node %d: %w", s, node, err)
	}
	return done, err
}

// cut is the transaction to stop at: the first that wrote samples of the bucket that is going on, as far as the order in
// which rows lie tells; with a zero time the end of what there is.
func (s step) cut(ctx context.Context, tx pgx.Tx, node int32, now time.Time, from, to int64) (int64, error) {
	if now.IsZero() {
		return to, nil
	}
	width := bucket[s.from+1]
	current := floor(now, width)
	var first int64
	err := tx.QueryRow(ctx, fmt.Sprintf("SELECT tx FROM %s WHERE node_id = $1 AND at >= $2 AND at < $3 AND tx >= $4 LIMIT 1", s.source().name),
		node, current, current.Add(2*width), from).Scan(&first)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return to, nil
	case err != nil:
		return 0, err
	}
	return min(first, to), nil
}

// summarize brings the block range indexes up to date: what they do not know of is read whole by each rollup.
func summarize(ctx context.Context, q postgres.Querier) error {
	err := transaction(ctx, q, []string{fmt.Sprintf("SET LOCAL lock_timeout = %d", summarizeLockWait.Milliseconds())}, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT brin_summarize_new_values(c.oid) FROM pg_inherits t
			JOIN pg_index x ON x.indrelid = t.inhrelid JOIN pg_class c ON c.oid = x.indexrelid JOIN pg_am a ON a.oid = c.relam
			WHERE t.inhparent = ANY(SELECT to_regclass(n) FROM unnest($1::text[]) n) AND a.amname = 'brin' ORDER BY c.oid`, tableNames())
		return err
	})
	if err != nil {
		return fmt.Errorf("stats: summarize indexes: %w", err)
	}
	return nil
}
