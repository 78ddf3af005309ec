package store

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/postgres/pgtest"
)

func verifyLeaks(m *testing.M) { goleak.VerifyTestMain(m) }

// swap is a Querier whose faults can be changed while it is in use.
type swap struct {
	postgres.Querier
	to atomic.Pointer[postgres.Querier]
}

func (s *swap) use(q postgres.Querier) { s.to.Store(&q) }
func (s *swap) now() postgres.Querier  { return *s.to.Load() }

func (s *swap) Begin(ctx context.Context) (pgx.Tx, error) { return s.now().Begin(ctx) }

func (s *swap) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return s.now().QueryRow(ctx, sql, args...)
}

// database opens a database through faults that a test may change.
func database(t testing.TB, dsn string) (*postgres.DB, *swap) {
	t.Helper()
	s := &swap{}
	db, err := postgres.Open(postgres.Config{DSN: dsn, Node: "n1", App: "store", MaxConns: 4, Wrap: func(q postgres.Querier) postgres.Querier {
		s.Querier = q
		s.use(q)
		return s
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db, s
}

// running is an instance of the role in its goroutine.
type running struct {
	*Role
	t     testing.TB
	stop  context.CancelFunc
	ended chan error
	ready chan struct{}
}

func run(t testing.TB, o Options) *running {
	t.Helper()
	if o.Linger == 0 {
		o.Linger = time.Millisecond
	}
	role, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return runRole(t, role)
}

func runRole(t testing.TB, role *Role) *running {
	ctx, stop := context.WithCancel(context.Background())
	r := &running{Role: role, t: t, stop: stop, ended: make(chan error, 1), ready: make(chan struct{})}
	go func() { r.ended <- role.Run(ctx, func() { close(r.ready) }) }()
	t.Cleanup(func() { r.crash() })
	return r
}

// String says how it fares.
func (r *running) String() string {
	s := r.Stats()
	s.Workers, s.Flush = nil, shm.Histogram{}
	state := "runs"
	select {
	case err := <-r.ended:
		r.ended <- err
		state = fmt.Sprintf("ended with %v", err)
	default:
	}
	return fmt.Sprintf("%s, healthy: %v; updates %d commits %d failures %d resyncs %d lost %d depth %d lag %v", state, r.Healthy(), s.Updates, s.Commits,
		s.Failures, s.Resyncs, s.Lost, s.Depth, s.Lag)
}

// retireNow has it look for rows that are too old without waiting for its time.
func (r *running) retireNow() { r.retireAt.Store(0) }

// end stops it in order.
func (r *running) end() {
	r.t.Helper()
	r.stop()
	if err := r.wait(); err != nil {
		r.t.Errorf("the role ended with %v", err)
	}
}

// crash stops it with whatever it is doing undone.
func (r *running) crash() {
	r.drain = 0
	r.stop()
	_ = r.wait()
}

// wait gives the error with which it ended.
func (r *running) wait() error {
	select {
	case err := <-r.ended:
		r.ended <- err
		return err
	case <-time.After(patienceOfTests):
		r.t.Error("the role does not end")
		return nil
	}
}

// image is a flow's row as far as it must be the data plane's.
type image struct {
	key, frames, bytes, errors int64
	initiator, target          int64
	state                      string
	ended                      bool
}

// truth is what must be in the table.
func (p *plane) truth() map[life]image {
	all := map[life]image{}
	put := func(l life, f *feed.FlowItem, ended bool) {
		state := f.State
		if ended {
			state = feed.Ended
		}
		all[l] = image{int64(f.Key), int64(f.Frames), int64(f.Bytes), int64(f.Errors), int64(f.Initiator), int64(f.Target), state.String(), ended}
	}
	for l, f := range p.ended {
		put(l, &f, true)
	}
	for _, l := range p.lcores {
		for i := range l.flows {
			if l.live[i] {
				put(life{p.epoch(), l.flows[i].Serial}, &l.flows[i], false)
			}
		}
	}
	return all
}

// differ compares the tables with the truth, and says what is not right. Flows in lost have ended without a word: their
// totals are what they were last.
func (p *plane) differ(q postgres.Querier, lost map[life]bool) error {
	ctx := context.Background()
	rows, err := q.Query(ctx, "SELECT epoch, serial, key, frames, bytes, errors, initiator, target, state, ended_at IS NOT NULL FROM flow")
	if err != nil {
		return err
	}
	want := p.truth()
	var epoch, serial int64
	var is image
	var wrong error
	_, err = pgx.ForEachRow(rows, []any{&epoch, &serial, &is.key, &is.frames, &is.bytes, &is.errors, &is.initiator, &is.target, &is.state, &is.ended}, func() error {
		l := life{uint64(epoch), uint64(serial)}
		w, there := want[l]
		delete(want, l)
		switch {
		case lost[l]:
			if !is.ended {
				wrong = errors.Join(wrong, fmt.Errorf("%v lives in the table, and ended without a word", l))
			}
		case !there:
			wrong = errors.Join(wrong, fmt.Errorf("%v is in the table, and never was: %+v", l, is))
		case is != w:
			wrong = errors.Join(wrong, fmt.Errorf("%v is %+v, want %+v", l, is, w))
		}
		return nil
	})
	for l := range want {
		if !lost[l] {
			wrong = errors.Join(wrong, fmt.Errorf("%v is not in the table: %+v", l, want[l]))
		}
	}
	return errors.Join(err, wrong, p.loginsDiffer(q), sumsDiffer(q))
}

func (p *plane) loginsDiffer(q postgres.Querier) error {
	rows, err := q.Query(context.Background(), "SELECT fabric::bigint << 36 | vsan::bigint << 24 | fc_id, wwpn FROM login")
	if err != nil {
		return err
	}
	var addr, wwpn int64
	got := map[int64]int64{}
	if _, err := pgx.ForEachRow(rows, []any{&addr, &wwpn}, func() error { got[addr] = wwpn; return nil }); err != nil {
		return err
	}
	for addr, l := range p.control.logins {
		if got[int64(addr)] != int64(l.WWPN) {
			return fmt.Errorf("login %#x is %#x, want %#x", addr, got[int64(addr)], l.WWPN)
		}
		delete(got, int64(addr))
	}
	if len(got) > 0 {
		return fmt.Errorf("logins that are gone are in the table: %v", got)
	}
	return nil
}

// sumsDiffer checks that the samples of each life add up to what its row says was sampled: at any moment.
func sumsDiffer(q postgres.Querier) error {
	rows, err := q.Query(context.Background(), `SELECT f.epoch, f.serial, f.sampled_frames, coalesce(s.frames, 0) FROM flow f
		FULL JOIN (SELECT epoch, serial, sum(frames)::bigint AS frames, sum(bytes)::bigint AS bytes, sum(errors)::int AS errors FROM flow_sample_1s GROUP BY 1, 2) s
		USING (epoch, serial) WHERE (f.sampled_frames, f.sampled_bytes, f.sampled_errors) IS DISTINCT FROM (coalesce(s.frames, 0), coalesce(s.bytes, 0), coalesce(s.errors, 0))`)
	if err != nil {
		return err
	}
	var epoch, serial, says, is *int64
	var wrong error
	_, err = pgx.ForEachRow(rows, []any{&epoch, &serial, &says, &is}, func() error {
		if epoch == nil || says == nil {
			wrong = errors.Join(wrong, errors.New("samples of a life that is not in the table"))
			return nil
		}
		wrong = errors.Join(wrong, fmt.Errorf("life %d %d: %d frames sampled, the samples have %d", *epoch, *serial, *says, *is))
		return nil
	})
	return errors.Join(err, wrong)
}

// same fails the test when the tables are not the truth.
func (p *plane) same(q postgres.Querier) {
	p.t.Helper()
	if err := p.differ(q, nil); err != nil {
		p.t.Fatal(err)
	}
}

// eventually waits for a condition of the database or the role that no event tells of.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patienceOfTests); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s", patienceOfTests, what)
		}
	}
}

// number is what a query of one number gives.
func number(t testing.TB, q postgres.Querier, sql string, args ...any) (n int64) {
	t.Helper()
	if err := q.QueryRow(context.Background(), sql, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}

func TestFlowsAndLoginsOfTheDataPlaneAreInTheTables(t *testing.T) {
	p := newPlane(t, 2, 32, 256, 1)
	db, _ := database(t, pgtest.DB(t))
	r := run(t, Options{Place: p.place(), DB: db})
	p.mu.Lock()
	for i, l := range p.lcores {
		for slot := range 20 {
			p.make(l, slot)
			p.count(l, slot, uint64(slot+i))
		}
	}
	p.login(0x64010203, 0x200002fc01000001)
	p.login(0x64010204, 0x200002fc01000002)
	p.mu.Unlock()
	p.rest()
	p.same(db.Q())
	p.mu.Lock()
	for _, l := range p.lcores {
		p.change(l, 3)
		p.count(l, 4, 100)
		p.end(l, 5)
	}
	p.login(0x64010203, 0)
	p.mu.Unlock()
	p.rest()
	p.same(db.Q())
	r.end()
	if s := r.Stats(); s.Updates == 0 || s.Rows == 0 || s.Commits == 0 || s.Failures > 0 || s.Depth > 0 || s.Lag > 0 {
		t.Errorf("%+v", s)
	}
}
