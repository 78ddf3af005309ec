package pgtest

import (
	"context"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// transaction is what a transaction and its savepoints share: the connection that may be lost.
type transaction struct {
	faults *Faults
	tx     pgx.Tx

	mu   sync.Mutex
	lost *Fault // guarded by mu
}

// next counts an operation. The error says that the connection was lost earlier.
func (t *transaction) next(op string) (fault *Fault, lost error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lost != nil {
		return nil, t.lost
	}
	return t.faults.next(op), nil
}

// lose is what a lost connection does: the server rolls the transaction back.
func (t *transaction) lose(fault *Fault) {
	if fault == nil {
		return
	}
	t.mu.Lock()
	t.lost = fault
	t.mu.Unlock()
	// Its error is of no interest: the transaction is gone either way.
	_ = t.tx.Rollback(context.Background())
}

// faultyTx is a transaction or a savepoint in one.
type faultyTx struct {
	pgx.Tx
	root *transaction
}

func (x *faultyTx) Begin(ctx context.Context) (pgx.Tx, error) {
	fault, err := x.root.next("Begin of a savepoint")
	if err != nil {
		return nil, err
	}
	if fault != nil {
		x.root.lose(fault)
		return nil, fault
	}
	tx, err := x.Tx.Begin(ctx)
	if err != nil {
		return nil, err
	}
	return &faultyTx{Tx: tx, root: x.root}, nil
}

func (x *faultyTx) Commit(ctx context.Context) error {
	fault, err := x.root.next("Commit")
	if err != nil {
		return err
	}
	if fault == nil {
		return x.Tx.Commit(ctx)
	}
	if fault.When == After {
		if err := x.Tx.Commit(ctx); err != nil {
			return err
		}
	}
	// Of the whole transaction: after its commit there is nothing to roll back any more.
	x.root.lose(fault)
	return fault
}

// Rollback is no operation that counts: it is what happens anyway.
func (x *faultyTx) Rollback(ctx context.Context) error {
	x.root.mu.Lock()
	lost := x.root.lost
	x.root.mu.Unlock()
	if lost != nil {
		return pgx.ErrTxClosed
	}
	return x.Tx.Rollback(ctx)
}

func (x *faultyTx) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	fault, err := x.root.next("Exec " + sql)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	defer x.root.lose(fault)
	return execute(ctx, x.Tx, fault, sql, args)
}

func (x *faultyTx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	fault, err := x.root.next("Query " + sql)
	if err != nil {
		return lostRows{err}, err
	}
	defer x.root.lose(fault)
	return query(ctx, x.Tx, fault, sql, args)
}

func (x *faultyTx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	fault, err := x.root.next("QueryRow " + sql)
	if err != nil {
		return lostRow{lostRows{err}}
	}
	defer x.root.lose(fault)
	return queryRow(ctx, x.Tx, fault, sql, args)
}

func (x *faultyTx) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error) {
	fault, err := x.root.next("CopyFrom " + table.Sanitize())
	if err != nil {
		return 0, err
	}
	defer x.root.lose(fault)
	return copyFrom(ctx, x.Tx, fault, table, columns, rows)
}

func (x *faultyTx) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	fault, err := x.root.next("SendBatch")
	if err != nil {
		return lostBatch{err}
	}
	if fault == nil {
		return x.Tx.SendBatch(ctx, b)
	}
	defer x.root.lose(fault)
	if fault.When == After {
		if err := x.Tx.SendBatch(ctx, b).Close(); err != nil {
			return lostBatch{err}
		}
	}
	return lostBatch{fault}
}

// lostBatch is the answer to a batch that was lost.
type lostBatch struct{ err error }

func (b lostBatch) Exec() (pgconn.CommandTag, error) { return pgconn.CommandTag{}, b.err }
func (b lostBatch) Query() (pgx.Rows, error)         { return lostRows(b), b.err }
func (b lostBatch) QueryRow() pgx.Row                { return lostRow{lostRows(b)} }
func (b lostBatch) Close() error                     { return b.err }
func (lostBatch) Tx() pgx.Tx                         { return nil }
