package archive

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"fcredirect/mgmt/event"
	"fcredirect/mgmt/postgres"
)

// ErrMoved says that the database is not where the caller thought: ask for its State.
var ErrMoved = errors.New("the log in the database is at another number")

// Database is a *postgres.DB.
type Database interface {
	Q() postgres.Querier
	NodeID(ctx context.Context) (int32, error)
}

// Archive is the log of one node in a database.
type Archive struct{ db Database }

// New makes it. Nothing is asked of the database yet.
func New(db Database) *Archive { return &Archive{db} }

// State is how far the log in the database is.
type State struct {
	Known   bool   // false: it has no log of this node yet
	Lineage uint64 // numbering of the spool that wrote last
	Number  uint64 // of the last event
	Cut     uint64 // events up to this number are gone
}

// State asks the database.
func (a *Archive) State(ctx context.Context) (s State, err error) {
	node, err := a.db.NodeID(ctx)
	if err != nil {
		return s, err
	}
	var lineage, number, cut int64
	err = a.db.Q().QueryRow(ctx, "SELECT lineage, number, cut FROM event_log WHERE node_id = $1", node).Scan(&lineage, &number, &cut)
	if errors.Is(err, pgx.ErrNoRows) {
		return s, nil
	}
	if err != nil {
		return s, fmt.Errorf("archive: state: %w", err)
	}
	return State{Known: true, Lineage: uint64(lineage), Number: uint64(number), Cut: uint64(cut)}, nil
}

// Begin makes the log of this node in a database that has none: the first event will be the one after number.
func (a *Archive) Begin(ctx context.Context, lineage, number uint64) error {
	node, err := a.db.NodeID(ctx)
	if err != nil {
		return err
	}
	tag, err := a.db.Q().Exec(ctx, "INSERT INTO event_log (node_id, lineage, number, cut) VALUES ($1, $2, $3, $3) ON CONFLICT (node_id) DO NOTHING",
		node, int64(lineage), int64(number))
	return moved(tag, err, "begin")
}

// Adopt makes the log one of another lineage.
func (a *Archive) Adopt(ctx context.Context, was State, lineage uint64) error {
	node, err := a.db.NodeID(ctx)
	if err != nil {
		return err
	}
	tag, err := a.db.Q().Exec(ctx, "UPDATE event_log SET lineage = $2, updated = now() WHERE node_id = $1 AND lineage = $3 AND number = $4",
		node, int64(lineage), int64(was.Lineage), int64(was.Number))
	return moved(tag, err, "adopt")
}

func moved(tag pgconn.CommandTag, err error, what string) error {
	switch {
	case err != nil:
		return fmt.Errorf("archive: %s: %w", what, err)
	case tag.RowsAffected() != 1:
		return fmt.Errorf("archive: %s: %w", what, ErrMoved)
	}
	return nil
}

const insertEvents = `INSERT INTO event (node_id, number, at, type, name, severity, epoch, producer, seq, fields)
	SELECT $1, u.number, u.at, u.type, u.name, u.severity, u.epoch, u.producer, u.seq, u.fields::jsonb
	FROM unnest($2::bigint[], $3::timestamptz[], $4::int[], $5::text[], $6::text[], $7::bigint[], $8::int[], $9::bigint[], $10::text[])
		AS u(number, at, type, name, severity, epoch, producer, seq, fields)`

// Insert brings events to the database that follow the one with number after, and keeps the views. All or nothing. Times
// are kept to the microsecond.
func (a *Archive) Insert(ctx context.Context, lineage, after uint64, events []event.Event) error {
	node, err := a.db.NodeID(ctx)
	if err != nil {
		return err
	}
	err = a.insert(ctx, node, lineage, after, events)
	if isDuplicate(err) {
		if events, err = a.withoutDuplicates(ctx, node, lineage, events); err == nil {
			err = a.insert(ctx, node, lineage, after, events)
		}
	}
	if err != nil {
		return fmt.Errorf("archive: insert %d events after %d: %w", len(events), after, err)
	}
	return nil
}

func (a *Archive) insert(ctx context.Context, node int32, lineage, after uint64, events []event.Event) error {
	tx, err := a.db.Q().Begin(ctx)
	if err != nil {
		return err
	}
	defer rollback(tx)
	b := &pgx.Batch{}
	b.Queue("UPDATE event_log SET number = $2, updated = now() WHERE node_id = $1 AND lineage = $3 AND number = $4",
		node, int64(events[len(events)-1].Number), int64(lineage), int64(after))
	b.Queue(insertEvents, arguments(node, events)...)
	changes := fold(events)
	for i := range changes {
		if c := &changes[i]; len(c.rows) > 0 {
			b.Queue(c.view.upsert(""), c.arguments(node)...)
		}
	}
	if err := send(ctx, tx, b, func(first pgconn.CommandTag) error { return moved(first, nil, "take the next numbers") }); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// send runs a batch and lets the caller judge what its first statement did.
func send(ctx context.Context, tx pgx.Tx, b *pgx.Batch, judge func(pgconn.CommandTag) error) error {
	results := tx.SendBatch(ctx, b)
	tag, err := results.Exec()
	if err == nil {
		err = judge(tag)
	}
	return errors.Join(err, results.Close())
}

// rollback ends a transaction that was not committed. When its connection is gone, so is it.
func rollback(tx pgx.Tx) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = tx.Rollback(ctx)
}

// microsecond is what a timestamptz keeps.
func microsecond(t time.Time) time.Time { return t.Truncate(time.Microsecond) }

func arguments(node int32, events []event.Event) []any {
	n := len(events)
	numbers, types, epochs, producers, seqs := make([]int64, n), make([]int32, n), make([]int64, n), make([]int32, n), make([]int64, n)
	at, names, severities, fields := make([]time.Time, n), make([]string, n), make([]string, n), make([]string, n)
	for i := range events {
		e := &events[i]
		numbers[i], types[i], epochs[i], producers[i], seqs[i] = int64(e.Number), int32(e.Type), int64(e.Origin.Epoch), int32(e.Origin.Producer), int64(e.Origin.Seq)
		at[i], names[i], severities[i], fields[i] = microsecond(e.At), e.Type.String(), e.Severity().String(), string(e.Fields)
	}
	return []any{node, numbers, at, types, names, severities, epochs, producers, seqs, fields}
}

func isDuplicate(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23505" && pg.ConstraintName == "event_origin"
}

// withoutDuplicates puts an event log.duplicate in the place of each event that the database has under another number. It
// happens when a spool is lost whose last events the data plane offers once more, or is set back to a copy: numbers must
// not have gaps, and an event must not be there twice.
func (a *Archive) withoutDuplicates(ctx context.Context, node int32, lineage uint64, events []event.Event) ([]event.Event, error) {
	args := arguments(node, events)
	rows, err := a.db.Q().Query(ctx, `SELECT u.number, e.number FROM unnest($2::bigint[], $3::bigint[], $4::int[], $5::bigint[]) AS u(number, epoch, producer, seq)
		JOIN event e ON e.node_id = $1 AND e.epoch = u.epoch AND e.producer = u.producer AND e.seq = u.seq`, node, args[1], args[6], args[7], args[8])
	if err != nil {
		return nil, err
	}
	have := map[uint64]uint64{}
	var number, of int64
	if _, err := pgx.ForEachRow(rows, []any{&number, &of}, func() error { have[uint64(number)] = uint64(of); return nil }); err != nil {
		return nil, err
	}
	single := make([]event.Event, len(events))
	for i, e := range events {
		if of, twice := have[e.Number]; twice {
			if e, err = Stand(event.LogDuplicate, e.At, lineage, e.Number, event.Fields{"of": of}); err != nil {
				return nil, err
			}
		}
		single[i] = e
	}
	return single, nil
}

// Stand makes an event that stands in the log for one, or several, that cannot be there.
func Stand(t event.Type, at time.Time, lineage, number uint64, f event.Fields) (event.Event, error) {
	fields, err := event.Encode(t, f)
	origin := event.Origin{Epoch: lineage, Producer: event.FromSpool, Seq: number}
	return event.Event{Number: number, At: at, Type: t, Origin: origin, Fields: fields}, err
}

// Origins gives the origins of the events with the numbers from first to last that the database has.
func (a *Archive) Origins(ctx context.Context, first, last uint64) (map[uint64]event.Origin, error) {
	node, err := a.db.NodeID(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := a.db.Q().Query(ctx, "SELECT number, epoch, producer, seq FROM event WHERE node_id = $1 AND number BETWEEN $2 AND $3", node, int64(first), int64(last))
	if err != nil {
		return nil, fmt.Errorf("archive: origins: %w", err)
	}
	all := map[uint64]event.Origin{}
	var number, epoch, seq int64
	var producer int32
	if _, err := pgx.ForEachRow(rows, []any{&number, &epoch, &producer, &seq}, func() error {
		all[uint64(number)] = event.Origin{Epoch: uint64(epoch), Producer: uint32(producer), Seq: uint64(seq)}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("archive: origins: %w", err)
	}
	return all, nil
}

// Last gives number and origin of the last event up to a number that is no stand-in; false when the database has none.
func (a *Archive) Last(ctx context.Context, upTo uint64) (number uint64, o event.Origin, ok bool, err error) {
	node, err := a.db.NodeID(ctx)
	if err != nil {
		return 0, o, false, err
	}
	var n, epoch, seq int64
	var producer int32
	err = a.db.Q().QueryRow(ctx, "SELECT number, epoch, producer, seq FROM event WHERE node_id = $1 AND number <= $2 AND producer <> $3 ORDER BY number DESC LIMIT 1",
		node, int64(upTo), int32(event.FromSpool)).Scan(&n, &epoch, &producer, &seq)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, o, false, nil
	}
	if err != nil {
		return 0, o, false, fmt.Errorf("archive: the last event: %w", err)
	}
	return uint64(n), event.Origin{Epoch: uint64(epoch), Producer: uint32(producer), Seq: uint64(seq)}, true, nil
}

// Filter selects events. Its zero value selects all.
type Filter struct {
	After  uint64 // number
	Before uint64 // number, 0: any
	Since  time.Time
	Until  time.Time         // not including; zero: any
	Match  map[string]string // as event.ListRequest has it
	Types  []event.Type
	Newest bool // when there are more than the limit, those at the end
}

// List gives at most limit events that the filter selects, by number.
func (a *Archive) List(ctx context.Context, f Filter, limit int) ([]event.Event, error) {
	node, err := a.db.NodeID(ctx)
	if err != nil {
		return nil, err
	}
	sql, args := "SELECT number, at, type, epoch, producer, seq, fields FROM event WHERE node_id = $1 AND number > $2", []any{node, int64(f.After)}
	if f.Before > 0 {
		args = append(args, int64(f.Before))
		sql += fmt.Sprintf(" AND number < $%d", len(args))
	}
	if !f.Since.IsZero() {
		args = append(args, f.Since)
		sql += fmt.Sprintf(" AND at >= $%d", len(args))
	}
	if len(f.Types) > 0 {
		types := make([]int32, len(f.Types))
		for i, t := range f.Types {
			types[i] = int32(t)
		}
		args = append(args, types)
		sql += fmt.Sprintf(" AND type = ANY($%d)", len(args))
	}
	if !f.Until.IsZero() {
		args = append(args, f.Until)
		sql += fmt.Sprintf(" AND at < $%d", len(args))
	}
	for _, name := range slices.Sorted(maps.Keys(f.Match)) {
		begin, star := strings.CutSuffix(f.Match[name], "*")
		args = append(args, name, begin)
		if star {
			sql += fmt.Sprintf(" AND starts_with(coalesce(fields ->> $%d::text, ''), $%d)", len(args)-1, len(args))
		} else {
			sql += fmt.Sprintf(" AND coalesce(fields ->> $%d::text, '') = $%d", len(args)-1, len(args))
		}
	}
	order := " ORDER BY number"
	if f.Newest {
		order += " DESC"
	}
	rows, err := a.db.Q().Query(ctx, sql+order+fmt.Sprintf(" LIMIT %d", limit), args...)
	if err != nil {
		return nil, fmt.Errorf("archive: list: %w", err)
	}
	events, err := scan(rows)
	if err != nil {
		return nil, fmt.Errorf("archive: list: %w", err)
	}
	if f.Newest {
		for i, j := 0, len(events)-1; i < j; i, j = i+1, j-1 {
			events[i], events[j] = events[j], events[i]
		}
	}
	return events, nil
}

// scan reads events: number, at, type, epoch, producer, seq, fields.
func scan(rows pgx.Rows) ([]event.Event, error) {
	var events []event.Event
	var number, epoch, seq int64
	var kind, producer int32
	var at time.Time
	var fields []byte
	_, err := pgx.ForEachRow(rows, []any{&number, &at, &kind, &epoch, &producer, &seq, &fields}, func() error {
		events = append(events, event.Event{
			Number: uint64(number), At: at, Type: event.Type(kind), Fields: append([]byte(nil), fields...),
			Origin: event.Origin{Epoch: uint64(epoch), Producer: uint32(producer), Seq: uint64(seq)},
		})
		return nil
	})
	return events, err
}
