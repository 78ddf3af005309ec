package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Querier is what one can do with a database: a pool, one of its transactions, and what tests put in between.
type Querier interface {
	Begin(ctx context.Context) (pgx.Tx, error)
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error)
}

// Config says which database, and for whom.
type Config struct {
	// DSN is a URL or keywords, with one host or several. target_session_attrs=read-write is forced.
	DSN string
	// Node is this appliance's name in table node.
	Node string
	// App is shown in pg_stat_activity, unless the DSN says otherwise.
	App string
	// MaxConns bounds the pool; 0 is DefaultConns.
	MaxConns int
	Log      *slog.Logger
	// Wrap stands between DB.Q and the pool: tests put faults there.
	Wrap func(Querier) Querier
}

// Identity names the history that a server writes: after a failover at least one of the two differs, and commits that
// were acknowledged before may be missing.
type Identity struct {
	System   int64 // the cluster's system identifier, made by initdb
	Timeline int32 // goes up with each promotion
}

func (i Identity) String() string { return fmt.Sprintf("%d/%d", i.System, i.Timeline) }

// DB is a pool of connections to the primary.
type DB struct {
	pool *pgxpool.Pool // constant
	q    Querier       // constant
	node string        // constant
	log  *slog.Logger  // constant

	mu       sync.Mutex
	identity Identity // guarded by mu: of the newest connection
	changes  int      // guarded by mu: of identity
	nodeID   int32    // guarded by mu: 0 = not known in this identity
}

// Open makes the pool. It does not connect: an error is one of the configuration.
func Open(c Config) (*DB, error) {
	if c.Node == "" || len(c.Node) > maxNodeName {
		return nil, fmt.Errorf("postgres: a node's name has 1 to %d characters: %q", maxNodeName, c.Node)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	pc, err := parse(c.DSN, c.App)
	if err != nil {
		return nil, err
	}
	pc.MaxConns = DefaultConns
	if c.MaxConns > 0 {
		pc.MaxConns = int32(c.MaxConns)
	}
	db := &DB{node: c.Node, log: c.Log}
	pc.ConnConfig.ValidateConnect = db.validate
	pc.ConnConfig.Tracer = watcher{db}
	// The context bounds only what New does itself, which does not connect.
	if db.pool, err = pgxpool.NewWithConfig(context.Background(), pc); err != nil {
		return nil, fmt.Errorf("postgres: open the pool: %w", err)
	}
	db.q = db.pool
	if c.Wrap != nil {
		db.q = c.Wrap(db.pool)
	}
	return db, nil
}

// Q is where statements go. Every call takes a connection of its own; use Begin for what belongs together.
func (db *DB) Q() Querier { return db.q }

// Close gives all connections back; it waits for those in use.
func (db *DB) Close() { db.pool.Close() }

// NodeID is the number of our node in table node, made on first use. It is cached until the server or its timeline
// changes: an asynchronous failover may have lost the row, and with it all that depends on it.
func (db *DB) NodeID(ctx context.Context) (int32, error) {
	db.mu.Lock()
	id, before := db.nodeID, db.changes
	db.mu.Unlock()
	if id != 0 {
		return id, nil
	}
	err := db.q.QueryRow(ctx, "SELECT node_id FROM node WHERE name = $1", db.node).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		err = db.q.QueryRow(ctx, "INSERT INTO node (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET name = node.name RETURNING node_id",
			db.node).Scan(&id)
	}
	if err != nil {
		return 0, fmt.Errorf("postgres: number of node %q: %w", db.node, err)
	}
	db.mu.Lock()
	defer db.mu.Unlock()
	// Our own question may have made the first connection; any other change means that the answer may be the old server's.
	if db.changes == max(before, 1) {
		db.nodeID = id
	}
	return id, nil
}

// identityQuery asks for what tells one history from another. The timeline is taken from the name of the WAL file that
// is written now: the one in pg_control changes only with the checkpoint after a promotion, seconds later. It is null on
// a standby.
const identityQuery = `SELECT system_identifier,
	CASE WHEN NOT pg_is_in_recovery() THEN ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int END,
	current_setting('transaction_read_only') = 'on'
	FROM pg_control_system()`

// Identity asks the server.
func (db *DB) Identity(ctx context.Context) (Identity, error) {
	id, err := IdentityOf(ctx, db.q)
	if err == nil {
		err = db.note(id)
	}
	return id, err
}

// IdentityOf asks the server that q talks to: inside a transaction, the one that will commit it.
func IdentityOf(ctx context.Context, q Querier) (Identity, error) {
	var id Identity
	var timeline *int32
	var readOnly bool
	if err := q.QueryRow(ctx, identityQuery).Scan(&id.System, &timeline, &readOnly); err != nil {
		return Identity{}, fmt.Errorf("postgres: identity of the server: %w", err)
	}
	if timeline == nil {
		return Identity{}, fmt.Errorf("postgres: identity of the server: %w", errReadOnly)
	}
	id.Timeline = *timeline
	return id, nil
}

// errReadOnly is a server that takes no writes: a standby, or one with default_transaction_read_only.
var errReadOnly = errors.New("the server is read-only: a standby, or default_transaction_read_only is on")

// errOld is a server that an old primary became when another was promoted, and it does not know.
var errOld = errors.New("the server is an old primary")

// validate judges a new connection. An error closes it, and the next host is tried.
func (db *DB) validate(ctx context.Context, conn *pgconn.PgConn) error {
	id, err := validate(ctx, conn)
	if err != nil {
		return err
	}
	return db.note(id)
}

func validate(ctx context.Context, conn *pgconn.PgConn) (id Identity, err error) {
	results, err := conn.Exec(ctx, identityQuery).ReadAll()
	if err != nil {
		return id, fmt.Errorf("identity of the server: %w", err)
	}
	if len(results) != 1 || len(results[0].Rows) != 1 || len(results[0].Rows[0]) != 3 {
		return id, errors.New("identity of the server: not one row")
	}
	row := results[0].Rows[0]
	if row[1] == nil || string(row[2]) != "f" {
		return id, errReadOnly
	}
	if id.System, err = strconv.ParseInt(string(row[0]), 10, 64); err != nil {
		return id, fmt.Errorf("identity of the server: %w", err)
	}
	timeline, err := strconv.ParseInt(string(row[1]), 10, 32)
	id.Timeline = int32(timeline)
	return id, err
}

// note remembers the server's identity and forgets what it does not know. A primary that was replaced and comes back still
// takes writes, which the others will never have: once the new one was seen, the old one is refused.
func (db *DB) note(id Identity) error {
	db.mu.Lock()
	defer db.mu.Unlock()
	before := db.identity
	if id == before {
		return nil
	}
	if id.System == before.System && id.Timeline < before.Timeline {
		return fmt.Errorf("%w: its timeline is %d, and %d was seen already: end it, or, if it was restored from a backup, restart this program",
			errOld, id.Timeline, before.Timeline)
	}
	db.identity, db.nodeID = id, 0
	db.changes++
	if before != (Identity{}) {
		db.log.Warn("the database is another server or timeline", "was", before.String(), "is", id.String())
	}
	return nil
}

// watcher sees the end of each statement: one that failed because the server is read-only empties the pool, so that the
// next connection looks for the primary.
type watcher struct{ db *DB }

func (w watcher) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}

func (w watcher) TraceQueryEnd(_ context.Context, _ *pgx.Conn, d pgx.TraceQueryEndData) { w.end(d.Err) }

func (w watcher) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceCopyFromStartData) context.Context {
	return ctx
}

func (w watcher) TraceCopyFromEnd(_ context.Context, _ *pgx.Conn, d pgx.TraceCopyFromEndData) {
	w.end(d.Err)
}

func (w watcher) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}

func (w watcher) TraceBatchQuery(_ context.Context, _ *pgx.Conn, d pgx.TraceBatchQueryData) {
	w.end(d.Err)
}

func (w watcher) TraceBatchEnd(_ context.Context, _ *pgx.Conn, d pgx.TraceBatchEndData) { w.end(d.Err) }

func (w watcher) end(err error) {
	if err != nil && Kind(err) == ReadOnly {
		w.db.log.Warn("the database is read-only: looking for the primary", "err", err)
		w.db.pool.Reset()
	}
}
