package change

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fcredirect/dataplane/flow"
	"fcredirect/mgmt/change/changetest"
	"fcredirect/mgmt/change/draft"
	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/postgres/pgtest"
	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/settings"
)

// gatedDB is a database that can be away.
type gatedDB struct {
	postgres.Querier
	away *atomic.Bool
}

var errAway = errors.New("connection refused")

func (g gatedDB) Begin(ctx context.Context) (pgx.Tx, error) {
	if g.away.Load() {
		return nil, errAway
	}
	return g.Querier.Begin(ctx)
}

func (g gatedDB) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if g.away.Load() {
		return nil, errAway
	}
	return g.Querier.Query(ctx, sql, args...)
}

func (g gatedDB) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if g.away.Load() {
		return awayRow{}
	}
	return g.Querier.QueryRow(ctx, sql, args...)
}

type awayRow struct{}

func (awayRow) Scan(...any) error { return errAway }

// withDatabase is change control whose settings and history are in PostgreSQL.
func withDatabase(t *testing.T, dir string, plane *changetest.Plane) (*Service, *settings.Store, *postgres.DB, *atomic.Bool) {
	t.Helper()
	return onDatabase(t, pgtest.DB(t), dir, plane)
}

func onDatabase(t *testing.T, dsn, dir string, plane *changetest.Plane) (*Service, *settings.Store, *postgres.DB, *atomic.Bool) {
	t.Helper()
	away := &atomic.Bool{}
	db, err := postgres.Open(postgres.Config{DSN: dsn, Node: "n1", MaxConns: 2, Wrap: func(q postgres.Querier) postgres.Querier { return gatedDB{q, away} }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	store, err := settings.Open(settings.Options{Dir: dir, DB: db})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	s, err := New(Options{Settings: store, Plane: plane, DB: db})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s, store, db, away
}

func (s *Service) commitAlias(t *testing.T, name string, n int) Applied {
	t.Helper()
	if _, err := s.Edit(t.Context(), "alice", alias(name, n), false, nil); err != nil {
		t.Fatal(err)
	}
	a, err := s.Apply(t.Context(), Order{By: "alice", Ticket: "CHG-" + name})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestTheWholeHistoryIsInTheDatabaseAndTheLastOfItHere(t *testing.T) {
	s, store, _, away := withDatabase(t, memory(t), changetest.New(nil))
	const n = keptRevisions + 6
	for i := range n {
		s.commitAlias(t, fmt.Sprint("a", i), i+1)
		if i%20 == 0 {
			if err := s.archive(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !s.unarchived() {
		t.Error("it does not know that the database lacks something")
	}
	if err := s.archive(t.Context()); err != nil || s.unarchived() {
		t.Fatal(err)
	}
	if docs := len(store.List(kindDocument)); docs != 1 || len(s.revisions()) != keptRevisions {
		t.Errorf("%d documents and %d revisions are kept", docs, len(s.revisions()))
	}
	seen := uint64(0)
	for below := uint64(0); ; {
		page, err := s.History(t.Context(), below, 9)
		if err != nil || !page.Complete {
			t.Fatal(page, err)
		}
		for _, r := range page.Revisions {
			if below = r.Revision; r.Revision != n-seen || r.Outcome != "confirmed" || r.Ticket != fmt.Sprintf("CHG-a%d", r.Revision-1) || r.Settled.IsZero() {
				t.Fatalf("%+v", r)
			}
			seen++
		}
		if !page.More {
			break
		}
	}
	if seen != n {
		t.Errorf("%d revisions are listed of %d", seen, n)
	}
	if _, err := s.Restore(t.Context(), "bob", 2, false); err != nil || len(s.Draft(PendingOne).Aliases) != 2 {
		t.Errorf("restored from the database: %v", err)
	}
	away.Store(true)
	page, err := s.History(t.Context(), 0, 100)
	if err != nil || page.Complete || len(page.Revisions) != keptRevisions {
		t.Errorf("without a database: %d revisions, complete %v, %v", len(page.Revisions), page.Complete, err)
	}
	if _, err := s.Text(t.Context(), 1); !problem.Is(err, problem.DatabaseUnavailable) {
		t.Error(err)
	}
	if _, err := s.Edit(t.Context(), "bob", alias("z", 999), false, nil); !problem.Is(err, problem.DatabaseUnavailable) {
		t.Error(err)
	}
}

func TestWithTheDatabaseGoneInTheWindowConfirmAndRevertWorkAndItIsToldLater(t *testing.T) {
	plane := changetest.New(nil)
	s, _, db, away := withDatabase(t, memory(t), plane)
	for i, tt := range []struct {
		decide func(context.Context, string, uint64) error
		want   string
	}{{s.Revert, "reverted"}, {s.Confirm, "confirmed"}} {
		if _, err := s.Edit(t.Context(), "alice", alias("a", i+1), false, nil); err != nil {
			t.Fatal(err)
		}
		a, err := s.Apply(t.Context(), Order{By: "alice", Window: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		away.Store(true)
		if err := tt.decide(t.Context(), "alice", a.Revision); err != nil {
			t.Fatal(err)
		}
		if err := s.archive(t.Context()); err == nil || !s.unarchived() {
			t.Error("the history is said to be in a database that is away")
		}
		away.Store(false)
		if err := s.archive(t.Context()); err != nil {
			t.Fatal(err)
		}
		var outcome string
		if err := db.Q().QueryRow(t.Context(), "SELECT outcome FROM revision WHERE revision = $1", int64(a.Revision)).Scan(&outcome); err != nil || outcome != tt.want {
			t.Errorf("%s: the database has %q, %v", tt.want, outcome, err)
		}
	}
}

func TestANewMachineGetsItsConfigurationFromTheDatabase(t *testing.T) {
	dsn, plane := pgtest.DB(t), changetest.New(nil)
	s, store, _, _ := onDatabase(t, dsn, memory(t), plane)
	s.commitAlias(t, "a", 1)
	if _, err := s.Edit(t.Context(), "alice", alias("b", 2), false, nil); err != nil {
		t.Fatal(err)
	}
	text := s.Draft(PendingOne).YAML()
	store.Close()

	fresh, err := settings.Open(settings.Options{Dir: memory(t)})
	if err != nil {
		t.Fatal(err)
	}
	fresh.Close()
	ctx, stop := context.WithCancel(t.Context())
	dir := memory(t)
	db, err := postgres.Open(postgres.Config{DSN: dsn, Node: "n1", MaxConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	again, err := settings.Open(settings.Options{Dir: dir, DB: db})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { again.Close() })
	s2, err := New(Options{Settings: again, Plane: plane, DB: db})
	if err != nil {
		t.Fatal(err)
	}
	changed, ended := again.Changed(), make(chan struct{})
	go func() { again.Run(ctx); close(ended) }()
	<-changed
	stop()
	<-ended
	if err := s2.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if st := s2.State(); string(s2.Draft(PendingOne).YAML()) != string(text) || st.Confirmed.Revision != 1 || st.Lock == nil || st.Drift != nil {
		t.Errorf("%+v", st)
	}
}

func TestADryRunAsksAboutFlowsThatHaveEndedToo(t *testing.T) {
	s, _, db, away := withDatabase(t, memory(t), changetest.New(nil))
	s.o.Traffic = &traffic{}
	if _, err := s.Edit(t.Context(), "alice", draft.Edit{Op: draft.Put, Kind: draft.KindPolicy, Name: "p", Policy: &draft.Policy{
		Match: draft.Match{Initiator: []string{host.String()}}, Action: "drop"}}, false, nil); err != nil {
		t.Fatal(err)
	}
	node, err := db.NodeID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, ended := range []time.Duration{time.Minute, time.Hour} {
		k := flow.MakeKey(0, 9, uint32(i+1), 0x020000)
		for j, key := range []flow.Key{k, k.Reverse()} {
			_, err := db.Q().Exec(t.Context(), `INSERT INTO flow (node_id, epoch, serial, key, fabric, vsan, s_id, d_id, initiator, target, from_initiator, in_port,
				action, rule, service, state, generation, created, last_seen, frames, bytes, errors, shard, producer, seq, ended_at)
				VALUES ($1, 1, $2, $3, 0, 9, $4, $5, $6, $7, $8, 'edge0', 'forward', '', '', 'ended', 1, now(), now() - $9::interval, 50, 5000, 0, 0, 0, 1, now() - $9::interval)`,
				node, int64(10*i+j), int64(key), int32(key.SID()), int32(key.DID()), int64(host), int64(array), j == 0, ended)
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	r, err := s.DryRun(t.Context(), 10)
	if err != nil || r.Flows != 1 || r.Ended != 1 || r.Changed != 1 || r.Changes[0].Frames != 100 || !r.Changes[0].Ended || !r.Complete {
		t.Errorf("%+v %v", r, err)
	}
	away.Store(true)
	if r, err = s.DryRun(t.Context(), 10); err != nil || r.Complete || r.Flows != 0 {
		t.Errorf("without a database: %+v %v", r, err)
	}
}
