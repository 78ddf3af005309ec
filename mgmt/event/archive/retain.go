package archive

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Retain deletes the oldest events, at most SliceEvents of them: those from before a time, and those beyond a number of
// events, 0 for any number. It says how many it deleted: fewer than SliceEvents means that there are no more.
//
// What follows from them stays, in the base tables. Rows of the views that speak of what is over, and whose last event is
// gone, go too: otherwise the list of flows that ended would grow for ever.
func (a *Archive) Retain(ctx context.Context, before time.Time, most uint64) (deleted uint64, err error) {
	node, err := a.db.NodeID(ctx)
	if err != nil {
		return 0, err
	}
	err = a.transaction(ctx, func(tx pgx.Tx) error {
		number, cut, err := stateOf(ctx, tx, node, " FOR UPDATE")
		if err != nil {
			return err
		}
		to, err := oldest(ctx, tx, node, cut, number, before, most)
		if err != nil || to == cut {
			return err
		}
		return forget(ctx, tx, node, cut, to, &deleted)
	})
	if err != nil {
		return 0, fmt.Errorf("archive: delete old events: %w", err)
	}
	return deleted, nil
}

// oldest is the number up to which events are due, cut when none is.
func oldest(ctx context.Context, tx pgx.Tx, node int32, cut, number uint64, before time.Time, most uint64) (to uint64, err error) {
	rows, err := tx.Query(ctx, "SELECT number, at FROM event WHERE node_id = $1 AND number > $2 ORDER BY number LIMIT $3", node, int64(cut), SliceEvents)
	if err != nil {
		return 0, err
	}
	to = cut
	var n int64
	var at time.Time
	due := true
	_, err = pgx.ForEachRow(rows, []any{&n, &at}, func() error {
		due = due && (at.Before(before) || most > 0 && uint64(n)+most <= number)
		if due {
			to = uint64(n)
		}
		return nil
	})
	return to, err
}

// forget folds events into the base tables and deletes them.
func forget(ctx context.Context, tx pgx.Tx, node int32, cut, to uint64, deleted *uint64) error {
	var touched []change
	if _, err := replay(ctx, tx, node, cut, to, "_base", func(c []change) { touched = append(touched, c...) }); err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, "DELETE FROM event WHERE node_id = $1 AND number > $2 AND number <= $3", node, int64(cut), int64(to))
	if err != nil {
		return err
	}
	*deleted = uint64(tag.RowsAffected())
	if _, err := tx.Exec(ctx, "UPDATE event_log SET cut = $2, updated = now() WHERE node_id = $1", node, int64(to)); err != nil {
		return err
	}
	all := anew(touched)
	for i, v := range views {
		if v.over == "false" {
			continue
		}
		for n := i; n < len(touched); n += len(views) { // fold gives one change per view, in their order
			if all || len(touched[n].rows) > 0 {
				if err := touched[n].prune(ctx, tx, node, to, v, all); err != nil {
					return fmt.Errorf("prune %s: %w", v.name, err)
				}
			}
		}
	}
	return nil
}

// anew says whether a data plane started among the events.
func anew(touched []change) bool {
	for _, c := range touched {
		for _, r := range c.rows {
			if c.view == views[0] && r.counts[0] > 0 {
				return true
			}
		}
	}
	return false
}

// prune deletes rows that speak of what is over: of those that the deleted events touched, and, when a data plane started
// among them, of all, because then all that lived before is over.
func (c *change) prune(ctx context.Context, tx pgx.Tx, node int32, to uint64, v *view, all bool) error {
	sql, args := "DELETE FROM "+v.name+" v WHERE v.node_id = $1 AND v.number <= $2 AND ("+v.over+")", []any{node, int64(to)}
	if !all {
		var arrays, same []string
		for i, k := range v.keys {
			arrays = append(arrays, fmt.Sprintf("$%d::text[]", i+3))
			same = append(same, fmt.Sprintf("v.%s = u.k%d::%s", k.name, i, k.sql))
		}
		var names []string
		for i := range v.keys {
			names = append(names, fmt.Sprintf("k%d", i))
		}
		sql = "DELETE FROM " + v.name + " v USING unnest(" + strings.Join(arrays, ", ") + ") AS u(" + strings.Join(names, ", ") + ")" +
			" WHERE v.node_id = $1 AND v.number <= $2 AND (" + v.over + ") AND " + strings.Join(same, " AND ")
		args = append(args, c.keyArguments()...)
	}
	var keys []string
	for _, k := range v.keys {
		keys = append(keys, "v."+k.name)
	}
	sql = "WITH gone AS (" + sql + " RETURNING " + strings.Join(keys, ", ") + ") DELETE FROM " + v.table("_base") + " b USING gone WHERE b.node_id = $1 AND " + v.sameKeys("b", "gone")
	_, err := tx.Exec(ctx, sql, args...)
	return err
}
