package stats

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"fcredirect/mgmt/postgres"
)

// Retention says how long samples are kept, and how much room they take. Zero values are the defaults.
type Retention struct {
	Seconds, Minutes, Hours time.Duration // of the levels
	// Bytes bounds all samples, indexes included. Over it, the level that is furthest over its share loses its oldest.
	Bytes int64
}

// Check says what is wrong with it.
func (r Retention) Check() error {
	for i, keep := range r.keep() {
		most := flows.tables[i].width * (maxPartitions / 2)
		if keep < minKeep[i] || keep > most {
			return fmt.Errorf("stats: samples of level %s kept for %v: want %v to %v", levelNames[i], keep, minKeep[i], most)
		}
	}
	if b := r.bytes(); b < minBytes {
		return fmt.Errorf("stats: %d MiB for samples: want %d or more", b>>20, int64(minBytes)>>20)
	}
	return nil
}

func (r Retention) keep() [numLevels]time.Duration {
	keep := [numLevels]time.Duration{r.Seconds, r.Minutes, r.Hours}
	for i := range keep {
		if keep[i] == 0 {
			keep[i] = defaultKeep[i]
		}
	}
	return keep
}

func (r Retention) bytes() int64 {
	if r.Bytes == 0 {
		return DefaultBytes
	}
	return r.Bytes
}

// stored is a partition that is there, with its indexes' bytes.
type stored struct {
	partition
	bytes int64
}

func levelOf(t table) int {
	for i, n := range levelNames {
		if strings.HasSuffix(t.name, "_"+n) {
			return i
		}
	}
	panic("stats: table " + t.name)
}

// listPartitions lists the partitions of all tables, the oldest first, and what all samples take. Partitions whose names
// are not ours are left alone.
func listPartitions(ctx context.Context, q postgres.Querier) (list []stored, bytes int64, err error) {
	byName := map[string]table{}
	for _, t := range tables {
		byName[t.name] = t
	}
	rows, err := q.Query(ctx, `SELECT p.relname, c.relname, pg_total_relation_size(c.oid) FROM pg_inherits i
		JOIN pg_class p ON p.oid = i.inhparent JOIN pg_class c ON c.oid = i.inhrelid
		WHERE i.inhparent = ANY(SELECT to_regclass(n) FROM unnest($1::text[]) n)`, tableNames())
	if err != nil {
		return nil, 0, fmt.Errorf("stats: list partitions: %w", err)
	}
	var parent, child string
	var size int64
	_, err = pgx.ForEachRow(rows, []any{&parent, &child, &size}, func() error {
		bytes += size
		t := byName[parent]
		from, err := time.Parse(partitionStamp, strings.TrimPrefix(child, t.name+"_"))
		if err == nil {
			list = append(list, stored{partition{t, from, from.Add(t.width)}, size})
		}
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("stats: list partitions: %w", err)
	}
	slices.SortFunc(list, func(a, b stored) int {
		if c := a.from.Compare(b.from); c != 0 {
			return c
		}
		return strings.Compare(a.table.name, b.table.name)
	})
	return list, bytes, nil
}

// retentionClock moves the clock by which retention drops towards now, and says where it stands: it never goes forward
// by more than clockStep, so that a clock that is wrong for a while costs little.
func retentionClock(ctx context.Context, q postgres.Querier, node int32, now time.Time) (at time.Time, err error) {
	err = q.QueryRow(ctx, `INSERT INTO sample_clock (node_id, at) VALUES ($1, $2)
		ON CONFLICT (node_id) DO UPDATE SET at = least(excluded.at, sample_clock.at + $3::interval) RETURNING at`, node, now, clockStep).Scan(&at)
	if err != nil {
		err = fmt.Errorf("stats: retention's clock of node %d: %w", node, err)
	}
	return at, err
}

// surplus says which partition to drop for want of room: the oldest of the table that exceeds its share by most. Those
// that may still be written to stay: -1 when there is no other.
func surplus(list []stored, clock time.Time) int {
	size := map[string]int64{}
	for _, p := range list {
		size[p.table.name] += p.bytes
	}
	best := -1
	var most int64
	for i, p := range list {
		if over := size[p.table.name] / share[levelOf(p.table)]; over > most && !p.to.After(clock) {
			best, most = i, over
		}
	}
	return best
}

// markOf is the mark that says what of a table is in the next level, empty for the last level.
func markOf(t table) string {
	for _, c := range []chain{flows, groups, ports} {
		for i, mark := range c.marks {
			if c.tables[i] == t {
				return mark
			}
		}
	}
	return ""
}

// errUnrolled: a partition holds what is not in the next level yet.
var errUnrolled = errors.New("not all of it is in the next level yet")

// drop removes a partition, unless it holds what the next level does not have.
func drop(ctx context.Context, q postgres.Querier, p partition) error {
	err := transaction(ctx, q, []string{"SET LOCAL enable_seqscan = off", "SET LOCAL jit = off"}, func(tx pgx.Tx) error {
		if err := lockPartitions(ctx, tx, dropLockWait); err != nil {
			return err
		}
		// Nobody writes to it from here on: what its writers have committed can be seen by the statements that follow.
		if _, err := tx.Exec(ctx, fmt.Sprintf("LOCK TABLE %s IN ACCESS EXCLUSIVE MODE", p.table.name)); err != nil {
			return err
		}
		if node, err := unrolled(ctx, tx, p.table, p.name()); err != nil || node != 0 {
			return errors.Join(err, errUnrolled)
		}
		if _, err := tx.Exec(ctx, "DROP TABLE "+p.name()); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "UPDATE sample_level SET floor = $2 WHERE level = $1 AND floor < $2", p.table.level(), p.to)
		return err
	})
	if err != nil {
		return fmt.Errorf("stats: drop %s: %w", p.name(), err)
	}
	return nil
}

// unrolled is a node of which a partition of the table holds rows that are not in the next level, 0 when there is none.
func unrolled(ctx context.Context, q postgres.Querier, t table, name string) (int32, error) {
	mark := markOf(t)
	if mark == "" {
		return 0, nil
	}
	for node := int32(-1 << 31); ; {
		err := q.QueryRow(ctx, fmt.Sprintf("SELECT node_id FROM %s WHERE node_id > $1 ORDER BY node_id LIMIT 1", name), node).Scan(&node)
		if errors.Is(err, pgx.ErrNoRows) {
			return 0, nil
		} else if err != nil {
			return 0, err
		}
		marks, err := readMarks(ctx, q, node)
		if err != nil {
			return 0, err
		}
		var some bool
		err = q.QueryRow(ctx, fmt.Sprintf("SELECT EXISTS (SELECT FROM %s WHERE node_id = $1 AND %s)", name, marks[mark].fresh()), node).Scan(&some)
		if err != nil || some {
			return node, err
		}
	}
}

// sweep deletes what retention drops from the partition for all else: rows that never got one of their own.
func sweep(ctx context.Context, q postgres.Querier, node int32, t table, before time.Time, marks map[string]mark) error {
	fresh := ""
	if mark := markOf(t); mark != "" {
		fresh = " AND NOT " + marks[mark].fresh()
	}
	err := transaction(ctx, q, []string{"SET LOCAL jit = off"}, func(tx pgx.Tx) error {
		var last *time.Time
		err := tx.QueryRow(ctx, fmt.Sprintf("WITH gone AS (DELETE FROM %s WHERE node_id = $1 AND at < $2%s RETURNING at) SELECT max(at) FROM gone",
			t.rest(), fresh), node, before).Scan(&last)
		if err != nil || last == nil {
			return err
		}
		_, err = tx.Exec(ctx, "UPDATE sample_level SET floor = $3 WHERE node_id = $1 AND level = $2 AND floor < $3", node, t.level(),
			last.Add(time.Microsecond))
		return err
	})
	if err != nil {
		return fmt.Errorf("stats: sweep %s: %w", t.rest(), err)
	}
	return nil
}

// forget deletes what describes samples that are gone.
func forget(ctx context.Context, q postgres.Querier, node int32, before time.Time) error {
	for _, sql := range []string{
		"DELETE FROM sample_span WHERE node_id = $1 AND until < $2",
		"DELETE FROM port_total WHERE node_id = $1 AND at < $2",
	} {
		if _, err := q.Exec(ctx, sql, node, before); err != nil {
			return fmt.Errorf("stats: forget what was before %v: %w", before, err)
		}
	}
	return nil
}
