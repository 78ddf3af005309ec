package pgtest

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"fcredirect/mgmt/postgres"
)

// When says on which side of its effect an operation fails.
type When int

const (
	// Before: the operation did not reach the server.
	Before When = iota
	// After: it took effect, and the answer was lost. Inside a transaction only Commit has an effect that stays.
	After
)

func (w When) String() string { return [...]string{"before", "after"}[w] }

// Fault is the error of an operation that was made to fail. To postgres.Kind it is a lost connection.
type Fault struct {
	N    int
	Op   string
	When When
}

func (f *Fault) Error() string {
	return fmt.Sprintf("pgtest: connection lost %s operation %d: %s", f.When, f.N, f.Op)
}

func (f *Fault) Unwrap() error { return io.ErrUnexpectedEOF }

// Faults is a Querier whose n-th operation fails as if the connection were lost at that moment: a transaction in which
// that happens is rolled back (unless it was the answer to Commit) and does nothing more. Everything after works again.
//
// Operations are Begin, Exec, Query, QueryRow, CopyFrom, SendBatch and Commit, of the Querier and of its transactions,
// counted from 1. A loop over every n:
//
//	for n := 1; ; n++ {
//		q := pgtest.Faulty(db.Q(), n, pgtest.After)
//		... run what must bear it ...
//		if !q.Hit() {
//			break
//		}
//	}
type Faults struct {
	q    postgres.Querier // constant
	at   int              // constant
	when When             // constant

	mu  sync.Mutex
	ops int  // guarded by mu
	hit bool // guarded by mu
}

// Faulty makes the n-th operation fail; n = 0 only counts.
func Faulty(q postgres.Querier, n int, when When) *Faults { return &Faults{q: q, at: n, when: when} }

// Ops is how many operations there were.
func (f *Faults) Ops() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ops
}

// Hit says whether the n-th has been reached.
func (f *Faults) Hit() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hit
}

// next counts an operation, and gives its fault if it is the one.
func (f *Faults) next(op string) *Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ops++
	if f.ops != f.at {
		return nil
	}
	f.hit = true
	return &Fault{N: f.ops, Op: op, When: f.when}
}

// Begin starts a transaction whose operations count too.
func (f *Faults) Begin(ctx context.Context) (pgx.Tx, error) {
	fault := f.next("Begin")
	if fault != nil {
		return nil, fault
	}
	tx, err := f.q.Begin(ctx)
	if err != nil {
		return nil, err
	}
	return &faultyTx{Tx: tx, root: &transaction{faults: f, tx: tx}}, nil
}

// Exec runs a statement.
func (f *Faults) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return execute(ctx, f.q, f.next("Exec "+sql), sql, args)
}

// Query runs a query.
func (f *Faults) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return query(ctx, f.q, f.next("Query "+sql), sql, args)
}

// QueryRow runs a query of one row.
func (f *Faults) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return queryRow(ctx, f.q, f.next("QueryRow "+sql), sql, args)
}

// CopyFrom copies rows in.
func (f *Faults) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error) {
	return copyFrom(ctx, f.q, f.next("CopyFrom "+table.Sanitize()), table, columns, rows)
}

func execute(ctx context.Context, q postgres.Querier, fault *Fault, sql string, args []any) (pgconn.CommandTag, error) {
	if fault != nil && fault.When == Before {
		return pgconn.CommandTag{}, fault
	}
	tag, err := q.Exec(ctx, sql, args...)
	if err == nil && fault != nil {
		return pgconn.CommandTag{}, fault
	}
	return tag, err
}

func query(ctx context.Context, q postgres.Querier, fault *Fault, sql string, args []any) (pgx.Rows, error) {
	if fault == nil {
		return q.Query(ctx, sql, args...)
	}
	if fault.When == After {
		rows, err := q.Query(ctx, sql, args...)
		if err != nil {
			return rows, err
		}
		rows.Close()
	}
	return lostRows{fault}, fault
}

func queryRow(ctx context.Context, q postgres.Querier, fault *Fault, sql string, args []any) pgx.Row {
	if fault == nil {
		return q.QueryRow(ctx, sql, args...)
	}
	rows, _ := query(ctx, q, fault, sql, args)
	return lostRow{rows}
}

func copyFrom(ctx context.Context, q postgres.Querier, fault *Fault, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error) {
	if fault != nil && fault.When == Before {
		return 0, fault
	}
	n, err := q.CopyFrom(ctx, table, columns, rows)
	if err == nil && fault != nil {
		return 0, fault
	}
	return n, err
}

// lostRows is the answer to a query that was lost.
type lostRows struct{ err error }

func (lostRows) Close()                                       {}
func (r lostRows) Err() error                                 { return r.err }
func (lostRows) CommandTag() pgconn.CommandTag                { return pgconn.CommandTag{} }
func (lostRows) FieldDescriptions() []pgconn.FieldDescription { return nil }
func (lostRows) Next() bool                                   { return false }
func (r lostRows) Scan(...any) error                          { return r.err }
func (r lostRows) Values() ([]any, error)                     { return nil, r.err }
func (lostRows) RawValues() [][]byte                          { return nil }
func (lostRows) Conn() *pgx.Conn                              { return nil }
func (lostRows) TypeMap() *pgtype.Map                         { return nil }

type lostRow struct{ rows pgx.Rows }

func (r lostRow) Scan(...any) error {
	r.rows.Close()
	return r.rows.Err()
}
