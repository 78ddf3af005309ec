package stats

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"fcredirect/mgmt/postgres"
)

// errRestored: the marks are ahead of the server's transactions.
var errRestored = errors.New("the samples were restored into another cluster; the next EnsurePartitions settles that")

// restored says whether the samples come from another cluster, whose transactions had come further than this one's.
func restored(ctx context.Context, q postgres.Querier) (yes bool, err error) {
	err = q.QueryRow(ctx, "SELECT s.upto < coalesce((SELECT max(upto) FROM sample_level), 0) FROM sample_snapshot() s").Scan(&yes)
	if err != nil {
		err = fmt.Errorf("stats: compare the samples with the server's transactions: %w", err)
	}
	return yes, err
}

// settle makes the numbers of transactions go on where those of the cluster ended that the samples come from.
func settle(ctx context.Context, q postgres.Querier) error {
	err := transaction(ctx, q, nil, func(tx pgx.Tx) error {
		if err := lockPartitions(ctx, tx, ensureLockWait); err != nil {
			return err
		}
		if yes, err := restored(ctx, tx); err != nil || !yes {
			return err
		}
		// What was not rolled up there may lie beyond the marks.
		var offset, last int64
		err := tx.QueryRow(ctx, "SELECT s.upto - txid_snapshot_xmax(txid_current_snapshot()), (SELECT max(upto) FROM sample_level) FROM sample_snapshot() s").
			Scan(&offset, &last)
		if err != nil {
			return err
		}
		for _, s := range steps {
			var highest int64
			err := tx.QueryRow(ctx, fmt.Sprintf(`SELECT coalesce(max(tx), 0) FROM %s
				WHERE tx >= (SELECT coalesce(min(upto), 0) FROM sample_level WHERE level = $1)`, s.source().name), s.mark()).Scan(&highest)
			if err != nil {
				return err
			}
			last = max(last, highest)
		}
		var upto int64
		if err := tx.QueryRow(ctx, "SELECT upto FROM sample_snapshot()").Scan(&upto); err != nil {
			return err
		}
		offset += last + 1 - upto
		for _, sql := range []string{
			fmt.Sprintf("CREATE OR REPLACE FUNCTION sample_tx() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT txid_current() + %d'", offset),
			fmt.Sprintf(`CREATE OR REPLACE FUNCTION sample_snapshot(OUT upto bigint, OUT open bigint[]) LANGUAGE sql STABLE AS
				'SELECT txid_snapshot_xmax(s) + %[1]d, ARRAY(SELECT txid_snapshot_xip(s) + %[1]d) FROM txid_current_snapshot() s'`, offset),
		} {
			if _, err := tx.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("stats: settle restored samples: %w", err)
	}
	return nil
}
