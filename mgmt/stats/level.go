package stats

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"fcredirect/mgmt/postgres"
)

// The levels: how wide a bucket of each is.
const (
	second = iota
	minute
	hour
	numLevels
)

var bucket = [numLevels]time.Duration{time.Second, time.Minute, time.Hour}

var levelNames = [numLevels]string{"1s", "1m", "1h"}

// chain is a family of tables, each a rollup of the one before.
type chain struct {
	tables [numLevels]table
	marks  [numLevels - 1]string // the rows of sample_level that say how far each has gone into the next
	span   string                // of sample_span
}

var (
	flows = chain{[numLevels]table{flowSeconds, flowMinutes, flowHours}, [2]string{"flow_1s", "flow_1m"}, SpanFlow}
	// groups has the same counts without initiator and target. Its rows are written with those of flows, by the same
	// transactions, so the same marks hold.
	groups = chain{[numLevels]table{flowSeconds, groupMinutes, groupHours}, [2]string{"flow_1s", "flow_1m"}, SpanFlow}
	ports  = chain{[numLevels]table{portSeconds, portMinutes, portHours}, [2]string{"port_1s", "port_1m"}, SpanPort}
)

// level is the name of a table's row in sample_level.
func (t table) level() string { return strings.Replace(t.name, "_sample_", "_", 1) }

// mark is a row of sample_level.
type mark struct {
	upto  int64     // rows of transactions below are in the next level,
	open  []int64   // but for those of these
	floor time.Time // samples before were dropped
}

// fresh is the condition that selects what is not in the next level yet.
func (m mark) fresh() string {
	s := fmt.Sprintf("tx >= %d", m.upto)
	if len(m.open) > 0 {
		s += " OR tx = ANY('{" + strings.Trim(strings.Join(strings.Fields(fmt.Sprint(m.open)), ","), "[]") + "}')"
	}
	return "(" + s + ")"
}

// makeMarks makes the rows of a node that are not there yet.
func makeMarks(ctx context.Context, q postgres.Querier, node int32) error {
	var names []string
	for _, t := range tables {
		names = append(names, t.level())
	}
	if _, err := q.Exec(ctx, `INSERT INTO sample_level (node_id, level) SELECT $1, n FROM unnest($2::text[]) n
		WHERE NOT EXISTS (SELECT FROM sample_level WHERE node_id = $1 AND level = n) ON CONFLICT DO NOTHING`, node, names); err != nil {
		return fmt.Errorf("stats: levels of node %d: %w", node, err)
	}
	return nil
}

// readMarks gives all marks of a node. A level that has no row has gone nowhere yet.
func readMarks(ctx context.Context, q postgres.Querier, node int32) (map[string]mark, error) {
	rows, err := q.Query(ctx, "SELECT level, upto, open, floor FROM sample_level WHERE node_id = $1", node)
	if err != nil {
		return nil, fmt.Errorf("stats: levels of node %d: %w", node, err)
	}
	marks := map[string]mark{}
	var name string
	var m mark
	_, err = pgx.ForEachRow(rows, []any{&name, &m.upto, &m.open, &m.floor}, func() error {
		marks[name] = m
		m.open = nil
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("stats: levels of node %d: %w", node, err)
	}
	return marks, nil
}

// transaction runs do in one transaction. Setup statements come first.
func transaction(ctx context.Context, q postgres.Querier, setup []string, do func(pgx.Tx) error) error {
	tx, err := q.Begin(ctx)
	if err != nil {
		return err
	}
	for _, sql := range setup {
		if _, err = tx.Exec(ctx, sql); err != nil {
			break
		}
	}
	if err == nil {
		err = do(tx)
	}
	if err == nil {
		return tx.Commit(ctx)
	}
	// The first error says what happened; rolling back a connection that is lost fails too.
	_ = tx.Rollback(context.WithoutCancel(ctx))
	return err
}

// stable makes all statements of a transaction see the same moment.
const stable = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
