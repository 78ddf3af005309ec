package telemetry

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/postgres/pgtest"
	"fcredirect/mgmt/stats"
)

// plane is a segment with one port, as far as pages go.
type plane struct {
	seg  *shm.Segment
	port *shm.Counters
}

func newPlane(t *testing.T, dir string) *plane {
	t.Helper()
	spec := feed.Spec{Producers: 1, State: 64, Events: 64, Shards: 1}
	seg, err := shm.Create(shm.Config{Dir: dir, Node: "n", TSCHz: 1e9, State: append([]shm.RegionSpec{
		{Name: shm.RegionPorts, Stride: shm.PortInfoBytes, Count: 1},
		{Name: shm.RegionLcores, Stride: shm.LcoreBytes, Count: 1},
		{Name: shm.RegionCounters, Stride: shm.CountersBytes, Count: 1},
	}, spec.StateRegions()...), Ctl: spec.CtlRegions()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { seg.Close() })
	info := &shm.Items[shm.PortInfo](seg.State, shm.RegionPorts)[0]
	copy(info.Name[:], "edge0")
	info.Pair = -1
	return &plane{seg: seg, port: &shm.Items[shm.Counters](seg.State, shm.RegionCounters)[0]}
}

func open(t *testing.T) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(postgres.Config{DSN: pgtest.DB(t), Node: "n", App: "telemetry test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

func sum(t *testing.T, db *postgres.DB) (frames int64) {
	t.Helper()
	if err := db.Q().QueryRow(t.Context(), "SELECT coalesce(sum(frames_in), 0)::bigint FROM port_sample_1s").Scan(&frames); err != nil {
		t.Fatal(err)
	}
	return frames
}

func TestWhatAPortCountedIsWrittenOnceWhateverIsMissedOrComesTwice(t *testing.T) {
	db := open(t)
	base := time.Now()
	at := func(second int, boot string, frames uint64) written {
		return written{look: &Look{At: base.Add(time.Duration(second) * time.Second), Boot: boot, Ports: []Port{{Name: "edge0", FramesIn: frames}}}}
	}
	const first, second = "00000000000000000000000000000001", "00000000000000000000000000000002"
	w := writer{db: db}
	for i, step := range []struct {
		look written
		want int64
	}{
		{at(1, first, 10), 10},
		{at(2, first, 10), 10},    // nothing new
		{at(3, first, 25), 25},    // some
		{at(90, first, 100), 100}, // much later, because nothing could be written
		{at(91, first, 100), 100},
		{at(92, second, 7), 107}, // another boot counts from zero
		{at(93, second, 9), 109},
	} {
		if i == 4 {
			w = writer{db: db} // the role was killed, and another takes up where it was
		}
		if err := w.put(t.Context(), step.look); err != nil {
			t.Fatal(err)
		}
		if got := sum(t, db); got != step.want {
			t.Fatalf("step %d: %d frames in the samples, want %d", i, got, step.want)
		}
	}
	var spans int
	if err := db.Q().QueryRow(t.Context(), "SELECT count(*) FROM sample_span WHERE source = 'port'").Scan(&spans); err != nil || spans != 3 {
		t.Fatalf("%d spans of ports, want 3: the break, and the one that another writer began (%v)", spans, err)
	}
}

func TestAWriteThatFailsAnywhereLosesAndDoublesNothing(t *testing.T) {
	dsn := pgtest.DB(t)
	judge, err := postgres.Open(postgres.Config{DSN: dsn, Node: "n", App: "judge"})
	if err != nil {
		t.Fatal(err)
	}
	defer judge.Close()
	for n := 1; ; n++ {
		for _, when := range []pgtest.When{pgtest.Before, pgtest.After} {
			var fault *pgtest.Faults
			db, err := postgres.Open(postgres.Config{DSN: dsn, Node: "n", App: "telemetry test", Wrap: func(q postgres.Querier) postgres.Querier {
				fault = pgtest.Faulty(q, n, when)
				return fault
			}})
			if err != nil {
				t.Fatal(err)
			}
			w, frames := writer{db: db}, uint64(sum(t, judge))
			failed := true
			for try := 0; try < 5 || failed && try < 7; try++ { // the last one succeeds
				frames += 3
				l := &Look{At: time.Now(), Boot: "0000000000000000000000000000000a", Ports: []Port{{Name: "edge0", FramesIn: frames}}}
				failed = w.put(t.Context(), written{look: l, stored: true}) != nil
			}
			hit := fault.Hit()
			db.Close()
			if got := sum(t, judge); got != int64(frames) {
				t.Fatalf("operation %d fails (%v): %d frames in the samples, want %d", n, when, got, frames)
			}
			if !hit {
				if n < 5 {
					t.Fatalf("only %d operations", n)
				}
				return
			}
		}
	}
}

// hub is a bus that the test calls.
type hub struct {
	mu      sync.Mutex
	answers map[string]func(context.Context, []byte) ([]byte, error)
}

func (h *hub) Handle(method string, answer func(context.Context, []byte) ([]byte, error)) func() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answers[method] = answer
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.answers, method)
	}
}

func (h *hub) ask(t *testing.T, method, request string, answer any) {
	t.Helper()
	h.mu.Lock()
	handler := h.answers[method]
	h.mu.Unlock()
	b, err := handler(t.Context(), []byte(request))
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	if err := json.Unmarshal(b, answer); err != nil {
		t.Fatal(err)
	}
}

func TestTheRoleLooksWritesAndAnswersUntilItIsStopped(t *testing.T) {
	db := open(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent(), goleak.IgnoreAnyFunction("github.com/jackc/pgx/v5/pgxpool.(*Pool).backgroundHealthCheck"))
	dir := t.TempDir()
	p := newPlane(t, dir)
	p.port.RxFrames = 42
	h := &hub{answers: map[string]func(context.Context, []byte) ([]byte, error){}}
	r, err := New(Options{Place: attach.Place{Dir: dir}, DB: db, Bus: h})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- r.Run(ctx, func() { close(ready) }) }()
	<-ready
	for deadline := time.Now().Add(20 * time.Second); sum(t, db) != 42; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d frames in the samples", sum(t, db))
		}
	}
	var latest Look
	h.ask(t, "telemetry.latest", "{}", &latest)
	if len(latest.Ports) != 1 || latest.Ports[0].FramesIn != 42 || len(latest.Rings) == 0 {
		t.Fatalf("%+v", latest)
	}
	var looks []*Look
	h.ask(t, "telemetry.history", "{}", &looks)
	if len(looks) == 0 {
		t.Fatal("no history")
	}
	var total stats.Total
	h.ask(t, "stats.total", `{"of":"port","port":"edge0"}`, &total)
	if total.Counts.Port == nil || total.Counts.Port.FramesIn != 42 {
		t.Fatalf("%+v", total)
	}
	if _, err := h.answers["stats.top"](ctx, []byte(`{"off":"port"}`)); err == nil || !strings.Contains(err.Error(), "unknown field") {
		t.Fatalf("a request with a field that nobody knows: %v", err)
	}
	if err := r.Healthy(); err != nil {
		t.Fatal(err)
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if len(h.answers) != 0 {
		t.Fatal("it still answers")
	}
}

func TestAStoreThatStandsStillMakesAGap(t *testing.T) {
	ring := func(depth, released uint64) *Look {
		return &Look{Boot: "a", Rings: []Ring{{Consumer: "store", Depth: depth, Released: released}, {Consumer: "peer", Depth: 9}}}
	}
	for name, c := range map[string]struct {
		before, now *Look
		want        bool
	}{
		"the first look":  {nil, ring(0, 0), false},
		"nothing to do":   {ring(0, 5), ring(0, 5), true},
		"it reads":        {ring(4, 5), ring(7, 9), true},
		"it stands still": {ring(4, 5), ring(7, 5), false},
		"another boot":    {&Look{Boot: "b"}, ring(0, 5), false},
	} {
		if got := c.now.stored(c.before); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
