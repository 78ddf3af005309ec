package store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"github.com/jackc/pgx/v5"

	"fcredirect/mgmt/postgres"
)

// ErrFenced says that another instance has taken the shard: this one must write no more.
var ErrFenced = errors.New("store: another instance has taken the shard")

// errMoved says that the shard's row is not as we left it: a commit whose answer was lost, lost commits, or ErrFenced.
// settle tells which.
var errMoved = errors.New("store: the shard's cursor has moved")

// cursor is the shard's row in ring_cursor as we know it. It belongs to the flusher, and outlives its session.
type cursor struct {
	node     int32
	owner    int64 // ours
	flush    int64 // number of the last flush that we know to be committed
	next     int64 // number of the last flush that was tried, or more
	asked    int64 // number of a flush whose end is not known, 0 for none
	seq      []uint64
	identity postgres.Identity
}

// position is where the data plane stands: what the shard's row is compared with.
type position struct {
	epoch      uint64
	released   []uint64 // per producer: what is not in the rings any more
	offered    []uint64 // per producer: what was ever put into the rings
	boots      uint64
	unreported uint64
}

const selectCursor = `SELECT owner, flush, epoch, seq, boots, unreported FROM ring_cursor WHERE node_id = $1 AND shard = $2 FOR UPDATE`

// stored is the row as it stands in the database.
type stored struct {
	there             bool
	owner, flush      int64
	epoch             int64
	seq               []int64
	boots, unreported int64
}

// readCursor locks and reads the row. The lock waits for a transaction of ours that may still be under way in the
// server, so what is read is how it ended.
func readCursor(ctx context.Context, tx pgx.Tx, node int32, shard int) (s stored, err error) {
	err = tx.QueryRow(ctx, selectCursor, node, shard).Scan(&s.owner, &s.flush, &s.epoch, &s.seq, &s.boots, &s.unreported)
	if errors.Is(err, pgx.ErrNoRows) {
		return stored{}, nil
	}
	s.there = err == nil
	return s, err
}

// covers says whether the row's numbers can be those of the data plane's rings: they have all that was released, and
// nothing that was never offered.
func (s *stored) covers(p *position) bool {
	if len(s.seq) != len(p.released) {
		return false
	}
	for i, seq := range s.seq {
		if uint64(seq) < p.released[i] || uint64(seq) > p.offered[i] {
			return false
		}
	}
	return true
}

const putCursor = `INSERT INTO ring_cursor (node_id, shard, owner, flush, epoch, seq, boots, unreported) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (node_id, shard) DO UPDATE SET owner = excluded.owner, flush = excluded.flush, epoch = excluded.epoch, seq = excluded.seq,
	boots = excluded.boots, unreported = excluded.unreported, updated = now()`

// take makes us the owner of the shard. From its commit on no other instance can write for it. lost says that commits
// were lost whatever the row says. settled is false when there may be rows of flows that ended without a word.
func (c *cursor) take(ctx context.Context, db *postgres.DB, shard int, p *position, lost bool) (settled bool, err error) {
	ctx, stop := context.WithTimeout(ctx, flushTimeout)
	defer stop()
	node, err := db.NodeID(ctx)
	if err != nil {
		return false, err
	}
	identity, err := db.Identity(ctx)
	if err != nil {
		return false, err
	}
	owner := rand.Int64()
	var s stored
	var seq []int64
	err = transact(ctx, db.Q(), func(tx pgx.Tx) error {
		if s, err = readCursor(ctx, tx, node, shard); err != nil {
			return err
		}
		whole := s.there && s.epoch == int64(p.epoch) && s.covers(p)
		settled = whole && !lost && s.boots == int64(p.boots) && s.unreported == int64(p.unreported)
		if seq = s.seq; !whole {
			seq = signed(p.released)
		}
		boots, unreported := s.boots, s.unreported
		if !settled {
			boots, unreported = 0, 0 // stays so until it is done, also when we die before
		}
		s.flush = max(s.flush, c.next) + 1
		_, err := tx.Exec(ctx, putCursor, node, shard, owner, s.flush, int64(p.epoch), seq, boots, unreported)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("store: take shard %d: %w", shard, err)
	}
	*c = cursor{node: node, owner: owner, flush: s.flush, next: s.flush, seq: unsigned(seq), identity: identity}
	return settled, nil
}

const moveCursor = `UPDATE ring_cursor SET flush = $4, seq = coalesce($6, seq), updated = now()
WHERE node_id = $1 AND shard = $2 AND owner = $3 AND flush = $5`

// move begins every transaction that writes: it gives it a number, and holds the row until the end.
func (c *cursor) move(ctx context.Context, tx pgx.Tx, shard int, number int64, seq []uint64) error {
	tag, err := tx.Exec(ctx, moveCursor, c.node, shard, c.owner, number, c.flush, signed(seq))
	if err == nil && tag.RowsAffected() != 1 {
		return errMoved
	}
	return err
}

// number gives a transaction a number of its own.
func (c *cursor) number() int64 {
	c.next++
	return c.next
}

// What became of a transaction whose end we do not know.
type fate uint8

const (
	undone    fate = iota // it changed nothing
	committed             // it is in the database
	lostSome              // the database has lost commits, ours or an earlier one, or all
)

// resolve asks what became of the transaction that was asked for, and whether all before it are still there. ErrFenced:
// another instance has the shard.
func (c *cursor) resolve(ctx context.Context, db *postgres.DB, shard int) (f fate, err error) {
	ctx, stop := context.WithTimeout(ctx, flushTimeout)
	defer stop()
	node, err := db.NodeID(ctx)
	if err != nil {
		return undone, err
	}
	identity, err := db.Identity(ctx)
	if err != nil {
		return undone, err
	}
	var s stored
	if err := transact(ctx, db.Q(), func(tx pgx.Tx) error {
		s, err = readCursor(ctx, tx, node, shard)
		return err
	}); err != nil {
		return undone, fmt.Errorf("store: look at shard %d: %w", shard, err)
	}
	ours := s.there && s.owner == c.owner && node == c.node
	switch {
	case ours && s.flush == c.flush:
		f = undone
	case ours && s.flush == c.asked && c.asked != 0:
		f, c.flush = committed, c.asked
	case s.there && s.owner != c.owner && identity == c.identity:
		return undone, ErrFenced
	default:
		return lostSome, nil
	}
	c.identity, c.asked = identity, 0
	return f, nil
}

// transact runs do in a transaction. An error of the commit leaves it open whether it took effect.
func transact(ctx context.Context, q postgres.Querier, do func(tx pgx.Tx) error) error {
	tx, err := q.Begin(ctx)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		// The connection may be gone, and the transaction with it: what went wrong before is what counts.
		_ = tx.Rollback(context.WithoutCancel(ctx))
		return err
	}
	return tx.Commit(ctx)
}

func signed(list []uint64) []int64 {
	if list == nil {
		return nil
	}
	s := make([]int64, len(list))
	for i, v := range list {
		s[i] = int64(v)
	}
	return s
}

func unsigned(list []int64) []uint64 {
	u := make([]uint64, len(list))
	for i, v := range list {
		u[i] = uint64(v)
	}
	return u
}
