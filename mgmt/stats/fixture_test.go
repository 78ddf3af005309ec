package stats

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"fcredirect/dataplane/frame"
	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/postgres/pgtest"
)

// few makes rapid try a test less often than it would, unless the command line says how often: each check works on a real
// database for a second.
func few(t *testing.T, checks string) {
	f := flag.Lookup("rapid.checks")
	if f.Value.String() != f.DefValue {
		return
	}
	_ = f.Value.Set(checks)
	t.Cleanup(func() { _ = f.Value.Set(f.DefValue) })
}

// noon is the time around which tests play: an hour and a minute begin.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// world is a database with samples, and what a simple model knows of them.
type world struct {
	t     testing.TB
	dsn   string
	db    *postgres.DB
	q     postgres.Querier // what keepers use: faults may stand in it
	node  int32
	now   time.Time
	facts []fact
}

// fact is a sample of a flow.
type fact struct {
	at                    time.Time
	initiator, target     frame.WWN
	vsan                  int
	rule, service, port   string
	frames, bytes, errors int64
}

var nodes atomic.Int32

// newWorld opens a database as a node of its own.
func newWorld(t testing.TB, dsn string) *world {
	t.Helper()
	w := &world{t: t, dsn: dsn, now: noon}
	var err error
	w.db, err = postgres.Open(postgres.Config{DSN: dsn, Node: fmt.Sprintf("node-%d", nodes.Add(1)), Wrap: func(q postgres.Querier) postgres.Querier {
		w.q = q
		return switchable{w}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if w.node, err = w.db.NodeID(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

// switchable lets a test put faults between the database and who uses it.
type switchable struct{ w *world }

func (s switchable) Begin(ctx context.Context) (pgx.Tx, error) { return s.w.q.Begin(ctx) }

func open(t testing.TB) *world {
	w := newWorld(t, pgtest.DB(t))
	t.Cleanup(w.db.Close)
	return w
}

func (w *world) keeper(keep Retention) *Keeper {
	w.t.Helper()
	k, err := NewKeeper(w.db, keep, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	k.now = w.clock
	return k
}

func (w *world) clock(context.Context, postgres.Querier) (time.Time, error) { return w.now, nil }

func (w *world) service() *Service {
	s := NewService(w.db)
	s.now = w.clock
	return s
}

// write writes samples as the store does, and the model notes them.
func (w *world) write(q postgres.Querier, facts ...fact) {
	w.t.Helper()
	w.copyIn(q, facts)
	w.facts = append(w.facts, facts...)
}

func (w *world) copyIn(q postgres.Querier, facts []fact) {
	w.t.Helper()
	_, err := q.CopyFrom(context.Background(), pgx.Identifier{"flow_sample_1s"}, []string{"node_id", "vsan", "at", "epoch", "serial", "initiator", "target",
		"frames", "bytes", "errors", "in_port", "rule", "service"}, pgx.CopyFromSlice(len(facts), func(i int) ([]any, error) {
		f := &facts[i]
		return []any{w.node, f.vsan, f.at, int64(1), int64(f.initiator%1000*1000 + f.target%1000), int64(f.initiator), int64(f.target), f.frames, f.bytes,
			f.errors, f.port, f.rule, f.service}, nil
	}))
	if err != nil {
		w.t.Fatal(err)
	}
}

// key is what a kind tells facts apart by.
func (f *fact) key(of Kind) Key {
	var k Key
	switch of {
	case OfFlow:
		k = Key{Initiator: &f.initiator, Target: &f.target, VSAN: &f.vsan}
	case OfInitiator:
		k.Initiator = &f.initiator
	case OfTarget:
		k.Target = &f.target
	case OfPolicy:
		k.Policy = &f.rule
	case OfService:
		k.Service = &f.service
	case OfVSAN:
		k.VSAN = &f.vsan
	}
	return k
}

// selects says whether a key names the fact.
func (k Key) selects(f *fact) bool {
	return (k.Initiator == nil || *k.Initiator == f.initiator) && (k.Target == nil || *k.Target == f.target) && (k.VSAN == nil || *k.VSAN == f.vsan) &&
		(k.Policy == nil || *k.Policy == f.rule) && (k.Service == nil || *k.Service == f.service) && (k.Port == nil || *k.Port == f.port)
}

// String makes keys comparable.
func (k Key) String() string {
	s := ""
	for _, p := range []any{k.Initiator, k.Target, k.VSAN, k.Policy, k.Service, k.Port} {
		switch p := p.(type) {
		case *frame.WWN:
			if p != nil {
				s += fmt.Sprintf("%016x ", uint64(*p))
			}
		case *int:
			if p != nil {
				s += fmt.Sprintf("%05d ", *p)
			}
		case *string:
			if p != nil {
				s += fmt.Sprintf("%q ", *p)
			}
		}
	}
	return s
}

func (c *Counts) plus(f *fact) {
	c.Frames, c.Bytes, c.Errors = c.Frames+f.frames, c.Bytes+f.bytes, c.Errors+f.errors
}

// bare drops what the model does not know.
func (c Counts) bare() Counts { return Counts{Frames: c.Frames, Bytes: c.Bytes, Errors: c.Errors} }

// total is what the model says.
func (w *world) total(k Key, from, to time.Time) (c Counts) {
	for i := range w.facts {
		if f := &w.facts[i]; k.selects(f) && !f.at.Before(from) && f.at.Before(to) {
			c.plus(f)
		}
	}
	return c
}

// top is what the model says, in the order of the answer.
func (w *world) top(of Kind, k Key, by Counter, bucket time.Duration, from, to time.Time) []TopRow {
	rows := map[string]*TopRow{}
	peaks := map[string]int64{}
	for i := range w.facts {
		f := &w.facts[i]
		if !k.selects(f) || f.at.Before(from) || !f.at.Before(to) {
			continue
		}
		key := f.key(of)
		name := key.String()
		if rows[name] == nil {
			rows[name] = &TopRow{Key: key}
		}
		rows[name].Counts.plus(f)
		if by == Rate {
			at := fmt.Sprint(name, floor(f.at, bucket).UnixMicro())
			peaks[at] += f.bytes
			rows[name].Peak = max(rows[name].Peak, float64(peaks[at])/bucket.Seconds())
		}
	}
	var list []TopRow
	for _, r := range rows {
		list = append(list, *r)
	}
	slices.SortFunc(list, func(a, b TopRow) int {
		return cmp.Or(cmp.Compare(b.by(by), a.by(by)), cmp.Compare(a.Key.String(), b.Key.String()))
	})
	return list
}

func (r *TopRow) by(c Counter) float64 {
	return map[Counter]float64{Bytes: float64(r.Counts.Bytes), Frames: float64(r.Counts.Frames), Errors: float64(r.Counts.Errors), Rate: r.Peak}[c]
}

// rows counts what a table holds of the node.
func (w *world) rows(table string) (n int) {
	w.t.Helper()
	if err := w.db.Q().QueryRow(context.Background(), "SELECT count(*) FROM "+table+" WHERE node_id = $1", w.node).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

func ptr[T any](v T) *T { return &v }

func (s switchable) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return s.w.q.Exec(ctx, sql, args...)
}

func (s switchable) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return s.w.q.Query(ctx, sql, args...)
}

func (s switchable) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return s.w.q.QueryRow(ctx, sql, args...)
}

func (s switchable) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error) {
	return s.w.q.CopyFrom(ctx, table, columns, rows)
}
