package archive

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"fcredirect/mgmt/event"
)

// replay applies the events in (from, to] to the tables with a suffix.
func replay(ctx context.Context, tx pgx.Tx, node int32, from, to uint64, suffix string, each func([]change)) (replayed uint64, err error) {
	for from < to {
		rows, err := tx.Query(ctx, `SELECT number, at, type, epoch, producer, seq, fields FROM event
			WHERE node_id = $1 AND number > $2 AND number <= $3 ORDER BY number LIMIT $4`, node, int64(from), int64(to), replayEvents)
		if err != nil {
			return replayed, fmt.Errorf("read events: %w", err)
		}
		events, err := scan(rows)
		if err != nil {
			return replayed, fmt.Errorf("read events: %w", err)
		}
		if len(events) == 0 {
			break
		}
		changes := fold(events)
		for i := range changes {
			if c := &changes[i]; len(c.rows) > 0 {
				if _, err := tx.Exec(ctx, c.view.upsert(suffix), c.arguments(node)...); err != nil {
					return replayed, fmt.Errorf("replay into %s: %w", c.view.table(suffix), err)
				}
			}
		}
		each(changes)
		replayed += uint64(len(events))
		from = events[len(events)-1].Number
	}
	return replayed, nil
}

// stateOf reads how far the log is, inside a transaction.
func stateOf(ctx context.Context, tx pgx.Tx, node int32, lock string) (number, cut uint64, err error) {
	var n, c int64
	if err := tx.QueryRow(ctx, "SELECT number, cut FROM event_log WHERE node_id = $1"+lock, node).Scan(&n, &c); err != nil {
		return 0, 0, fmt.Errorf("how far the log is: %w", err)
	}
	return uint64(n), uint64(c), nil
}

// Rebuild makes the views anew from the log. The drain waits meanwhile.
func (a *Archive) Rebuild(ctx context.Context) error {
	node, err := a.db.NodeID(ctx)
	if err != nil {
		return err
	}
	err = a.transaction(ctx, func(tx pgx.Tx) error {
		number, cut, err := stateOf(ctx, tx, node, " FOR UPDATE")
		if err != nil {
			return err
		}
		for _, v := range views {
			if _, err := tx.Exec(ctx, "DELETE FROM "+v.name+" WHERE node_id = $1", node); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, "INSERT INTO "+v.name+" SELECT * FROM "+v.table("_base")+" WHERE node_id = $1", node); err != nil {
				return err
			}
		}
		_, err = replay(ctx, tx, node, cut, number, "", func([]change) {})
		return err
	})
	if err != nil {
		return fmt.Errorf("archive: rebuild: %w", err)
	}
	return nil
}

// transaction runs do in a transaction that may take as long as it needs.
func (a *Archive) transaction(ctx context.Context, do func(pgx.Tx) error) error {
	tx, err := a.db.Q().Begin(ctx)
	if err != nil {
		return err
	}
	defer rollback(tx)
	if _, err := tx.Exec(ctx, "SET LOCAL statement_timeout = 0"); err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// Check replays the log into tables of its own, as of one moment, and compares them with the views.
func (a *Archive) Check(ctx context.Context) (result event.CheckAnswer, err error) {
	node, err := a.db.NodeID(ctx)
	if err != nil {
		return result, err
	}
	tx, err := a.db.Q().Begin(ctx)
	if err != nil {
		return result, fmt.Errorf("archive: check: %w", err)
	}
	defer rollback(tx)
	if result, err = check(ctx, tx, node); err != nil {
		return result, fmt.Errorf("archive: check: %w", err)
	}
	return result, nil
}

func check(ctx context.Context, tx pgx.Tx, node int32) (result event.CheckAnswer, err error) {
	// The first two statements of the transaction: its snapshot is taken after them.
	for _, sql := range []string{"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ", "SET LOCAL statement_timeout = 0"} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return result, err
		}
	}
	number, cut, err := stateOf(ctx, tx, node, "")
	if err != nil {
		return result, err
	}
	result.Number, result.Cut = number, cut
	const suffix = "_check"
	for _, v := range views {
		sql := fmt.Sprintf("CREATE TEMPORARY TABLE %s (LIKE %s INCLUDING INDEXES INCLUDING CONSTRAINTS) ON COMMIT DROP", v.table(suffix), v.name)
		if _, err := tx.Exec(ctx, sql); err != nil {
			return result, err
		}
		sql = fmt.Sprintf("INSERT INTO %s SELECT * FROM %s WHERE node_id = $1", v.table(suffix), v.table("_base"))
		if _, err := tx.Exec(ctx, sql, node); err != nil {
			return result, err
		}
	}
	if result.Events, err = replay(ctx, tx, node, cut, number, suffix, func([]change) {}); err != nil {
		return result, err
	}
	log, err := checkNumbers(ctx, tx, node, number, cut)
	if err != nil {
		return result, err
	}
	result.Views = append(result.Views, log)
	for _, v := range views {
		c, err := v.compare(ctx, tx, node, suffix)
		if err != nil {
			return result, fmt.Errorf("compare %s: %w", v.name, err)
		}
		result.Views = append(result.Views, c)
	}
	return result, nil
}

// checkNumbers proves that no number is missing but those that log.lost stands for.
func checkNumbers(ctx context.Context, tx pgx.Tx, node int32, number, cut uint64) (event.ViewCheck, error) {
	c := event.ViewCheck{Name: "event"}
	var rows, lost, outside int64
	err := tx.QueryRow(ctx, `SELECT count(*), coalesce(sum(CASE WHEN type = $4 AND producer = $5 THEN (fields->>'last')::bigint - (fields->>'first')::bigint END), 0)::bigint,
		count(*) FILTER (WHERE number <= $2 OR number > $3) FROM event WHERE node_id = $1`, node, int64(cut), int64(number), int32(event.LogLost),
		int32(event.FromSpool)).Scan(&rows, &lost, &outside)
	if err != nil {
		return c, fmt.Errorf("count events: %w", err)
	}
	c.Rows, c.Expected = uint64(rows), number-cut-uint64(lost)
	if c.Rows != c.Expected {
		c.Differences = append(c.Differences, fmt.Sprintf("numbers %d to %d without %d that are lost: %d events, there are %d", cut+1, number, lost, c.Expected, rows))
	}
	if outside > 0 {
		c.Differences = append(c.Differences, fmt.Sprintf("%d events have numbers outside of %d to %d", outside, cut+1, number))
	}
	c.Equal = len(c.Differences) == 0
	return c, nil
}

func (v *view) compare(ctx context.Context, tx pgx.Tx, node int32, suffix string) (event.ViewCheck, error) {
	c := event.ViewCheck{Name: v.name}
	var rows, expected int64
	counts := fmt.Sprintf("SELECT (SELECT count(*) FROM %s WHERE node_id = $1), (SELECT count(*) FROM %s)", v.name, v.table(suffix))
	if err := tx.QueryRow(ctx, counts, node).Scan(&rows, &expected); err != nil {
		return c, err
	}
	c.Rows, c.Expected = uint64(rows), uint64(expected)
	side := func(what, one, other string) string {
		return fmt.Sprintf("(SELECT '%s: ' || to_jsonb(d)::text FROM (SELECT * FROM %s WHERE node_id = $1 EXCEPT SELECT * FROM %s) d LIMIT %d)", what, one, other, maxDifferences)
	}
	found, err := tx.Query(ctx, side("only in the view", v.name, v.table(suffix))+" UNION ALL "+side("only replayed", v.table(suffix), v.name), node)
	if err != nil {
		return c, err
	}
	if c.Differences, err = pgx.CollectRows(found, pgx.RowTo[string]); err != nil {
		return c, err
	}
	c.Equal = len(c.Differences) == 0
	return c, nil
}

// conflictKeys compares two tables' keys.
func (v *view) sameKeys(a, b string) string {
	var all []string
	for _, k := range v.keys {
		all = append(all, fmt.Sprintf("%s.%s = %s.%s", a, k.name, b, k.name))
	}
	return strings.Join(all, " AND ")
}
