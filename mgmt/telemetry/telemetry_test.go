package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/postgres/pgtest"
	"fcredirect/mgmt/stats"
)

// plane is a segment with one port, as far as pages go.
type plane struct {
	seg  *shm.Segment
	port *shm.Counters
}

func newPlane(t testing.TB, dir string) *plane {
	t.Helper()
	spec := feed.Spec{Producers: 1, State: 64, Events: 64, Shards: 1}
	seg, err := shm.Create(shm.Config{Dir: dir, Node: "n", TSCHz: 1e9, State: append([]shm.RegionSpec{
		{Name: shm.RegionPorts, Stride: shm.PortInfoBytes, Count: 1},
		{Name: shm.RegionLcores, Stride: shm.LcoreBytes, Count: 1},
		{Name: shm.RegionCounters, Stride: shm.CountersBytes, Count: 1},
		{Name: shm.RegionServices, Stride: shm.ServiceBytes, Count: 2},
		{Name: shm.RegionControl, Stride: shm.ControlBytes, Count: 1},
	}, spec.StateRegions()...), Ctl: spec.CtlRegions()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { seg.Close() })
	info := &shm.Items[shm.PortInfo](seg.State, shm.RegionPorts)[0]
	copy(info.Name[:], "edge0")
	info.Pair = -1
	copy(shm.Items[shm.ServiceInfo](seg.State, shm.RegionServices)[0].Name[:], "inspect")
	shm.Items[shm.Control](seg.State, shm.RegionControl)[0].PolicySlot = shm.NoPolicy
	p := &plane{seg: seg, port: &shm.Items[shm.Counters](seg.State, shm.RegionCounters)[0]}
	p.state(shm.Running)
	return p
}

func (p *plane) state(s uint32) { atomic.StoreUint32(&p.seg.State.Header().State, s) }

func open(t *testing.T) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(postgres.Config{DSN: pgtest.DB(t), Node: "n", App: "telemetry test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// sum adds up a column of the samples.
func sum(t *testing.T, db *postgres.DB, column string) (n int64) {
	t.Helper()
	if err := db.Q().QueryRow(t.Context(), "SELECT coalesce(sum("+column+"), 0)::bigint FROM port_sample_1s").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

const first, second = "00000000000000000000000000000001", "00000000000000000000000000000002"

var base = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// seen is a look at a port, in seconds since the base.
func seen(at int, boot string, frames, pauses uint64) waiting {
	return waiting{stored: true, look: &Look{
		At: base.Add(time.Duration(at) * time.Second), Started: base.Add(-10 * time.Second), Boot: boot, Alive: true,
		Ports: []Port{{Name: "edge0", FramesIn: frames, PausesIn: pauses}},
	}}
}

func TestWhatAPortCountedIsWrittenOnceWhateverIsMissedOrComesTwice(t *testing.T) {
	db := open(t)
	w := newWriter(db)
	for i, step := range []struct {
		looks                 []waiting
		frames, pauses, spanS int64
		anew                  bool // the role was killed, and another takes up where it was
	}{
		{looks: []waiting{seen(1, first, 10, 5)}, frames: 10, pauses: 5, spanS: 11}, // since the start
		{looks: []waiting{seen(2, first, 10, 5), seen(3, first, 25, 5)}, frames: 25, pauses: 5, spanS: 13},
		{looks: []waiting{seen(90, first, 100, 5)}, frames: 100, pauses: 5, spanS: 100},                          // nobody looked for a while
		{looks: []waiting{seen(90, first, 100, 5), seen(91, first, 101, 5)}, frames: 101, pauses: 5, spanS: 101}, // the first is there already
		{looks: []waiting{seen(92, first, 103, 5)}, frames: 103, pauses: 5, spanS: 102, anew: true},
		{looks: []waiting{seen(80, first, 99, 5)}, frames: 103, pauses: 5, spanS: 102, anew: true},              // from a writer that was stalled
		{looks: []waiting{seen(93, first, 103, 2)}, frames: 103, pauses: 7, spanS: 103},                         // the device began anew
		{looks: []waiting{seen(94, first, 104, 2), seen(95, second, 7, 0)}, frames: 111, pauses: 7, spanS: 209}, // and the data plane
		{looks: []waiting{seen(60, second, 9, 0)}, frames: 113, pauses: 7, spanS: 209},                          // the clock steps back
		{looks: nil, frames: 113, pauses: 7, spanS: 209},
	} {
		if step.anew {
			w = newWriter(db)
		}
		if err := w.put(t.Context(), step.looks); err != nil {
			t.Fatal(err)
		}
		frames, pauses, span := sum(t, db, "frames_in"), sum(t, db, "pauses_in"), sum(t, db, "span_us")/1e6
		if frames != step.frames || pauses != step.pauses || span != step.spanS {
			t.Fatalf("step %d: %d frames and %d pauses in %d s, want %+v", i, frames, pauses, span, step)
		}
	}
}

// At each operation of the first transaction the connection is lost; what waits is offered again, as the role does.
func TestAWriteThatFailsAnywhereLosesAndDoublesNothing(t *testing.T) {
	dsn := pgtest.DB(t)
	judge, err := postgres.Open(postgres.Config{DSN: dsn, Node: "n", App: "judge"})
	if err != nil {
		t.Fatal(err)
	}
	defer judge.Close()
	for n, hit := 1, true; hit; n++ {
		for _, when := range []pgtest.When{pgtest.Before, pgtest.After} {
			var fault *pgtest.Faults
			db, err := postgres.Open(postgres.Config{DSN: dsn, Node: "n", App: "telemetry test", Wrap: func(q postgres.Querier) postgres.Querier {
				fault = pgtest.Faulty(q, n, when)
				return fault
			}})
			if err != nil {
				t.Fatal(err)
			}
			r, w := &Role{}, newWriter(db)
			r.Log = slog.New(slog.DiscardHandler)
			before, boot := sum(t, judge, "frames_in"), fmt.Sprintf("%031x%d", n, when)
			for look := range 12 {
				r.queue.add(seen(look, boot, uint64(3*look), 0))
				if look%3 == 2 {
					_ = r.flush(t.Context(), w) // it is what must not matter
				}
			}
			_ = r.flush(t.Context(), w)
			hit = fault.Hit()
			if err := r.flush(t.Context(), w); err != nil {
				t.Fatalf("operation %d fails (%v), and then: %v", n, when, err)
			}
			db.Close()
			if got := sum(t, judge, "frames_in") - before; got != 33 {
				t.Fatalf("operation %d fails (%v): %d frames in the samples, want 33", n, when, got)
			}
			var rows int
			if err := judge.Q().QueryRow(t.Context(), "SELECT count(*) FROM port_sample_1s WHERE boot = $1::text::uuid", boot).Scan(&rows); err != nil || rows != 12 {
				t.Fatalf("operation %d fails (%v): %d samples of 12 looks, %v", n, when, rows, err)
			}
			if left, _ := r.queue.count(); left != 0 {
				t.Fatalf("operation %d fails (%v): %d looks wait", n, when, left)
			}
		}
		if !hit && n < 9 {
			t.Fatalf("only %d operations", n)
		}
	}
}

func TestLooksThatWaitTooLongMakeAGapAndLoseNoCount(t *testing.T) {
	db := open(t)
	var q queue
	for i := range maxWaiting + 100 {
		q.add(seen(i, first, uint64(i), 0))
	}
	count, dropped := q.count()
	looks, next := q.all()
	if count != maxWaiting || dropped != 100 || len(looks) != maxWaiting || looks[0].look.Ports[0].FramesIn != 100 {
		t.Fatalf("%d wait, %d dropped", count, dropped)
	}
	w := newWriter(db)
	if err := w.put(t.Context(), []waiting{seen(0, first, 0, 0)}); err != nil {
		t.Fatal(err)
	}
	q.add(seen(5000, first, 5000, 0)) // meanwhile
	if err := w.put(t.Context(), looks); err != nil {
		t.Fatal(err)
	}
	q.done(next)
	if looks, _ := q.all(); len(looks) != 1 || looks[0].look.Ports[0].FramesIn != 5000 {
		t.Fatalf("%d wait after the others were written", len(looks))
	}
	if got := sum(t, db, "frames_in"); got != maxWaiting+99 {
		t.Errorf("%d frames, want %d", got, maxWaiting+99)
	}
	var spans int
	if err := db.Q().QueryRow(t.Context(), "SELECT count(*) FROM sample_span WHERE source = 'port'").Scan(&spans); err != nil || spans != 2 {
		t.Errorf("%d spans of ports, want 2, %v", spans, err)
	}
}

func TestWhereNobodyMeasuredIsNoSpan(t *testing.T) {
	away := func(w waiting) waiting { w.stored = false; return w }
	dead := func(w waiting) waiting { w.look.Alive = false; return w }
	for name, tc := range map[string]struct {
		looks        []waiting
		ports, flows string
	}{
		"one look":           {[]waiting{seen(1, first, 0, 0)}, "0-1", ""},
		"without a break":    {[]waiting{seen(1, first, 0, 0), seen(2, first, 0, 0), seen(3, first, 0, 0), seen(6, first, 0, 0)}, "0-6", "0-2"},
		"nobody looked":      {[]waiting{seen(1, first, 0, 0), seen(5, first, 0, 0), seen(8, first, 0, 0)}, "0-1 4-8", ""},
		"the store was away": {[]waiting{seen(1, first, 0, 0), away(seen(2, first, 0, 0)), seen(3, first, 0, 0), seen(6, first, 0, 0), seen(9, first, 0, 0)}, "0-9", "2-5"},
		"the plane was dead": {[]waiting{seen(7, first, 0, 0), seen(8, first, 0, 0), dead(seen(9, first, 0, 0)), seen(10, second, 0, 0)}, "6-8 9-10", ""},
		"the clock stepped":  {[]waiting{seen(50, first, 0, 0), seen(51, first, 0, 0), seen(10, first, 0, 0), seen(11, first, 0, 0)}, "49-51 9-11", ""},
		"it stepped forward": {[]waiting{seen(1, first, 0, 0), seen(3601, first, 0, 0)}, "0-1 3600-3601", ""},
	} {
		w := newWriter(nil)
		// In one piece, or look by look: the last word on each span is the same.
		for _, size := range []int{len(tc.looks), 1} {
			ports, flows := w.ports, w.flows
			var gotPorts, gotFlows []stats.Span
			for i := 0; i < len(tc.looks); i += size {
				gotPorts = append(gotPorts, ports.over(tc.looks[i:i+size], portsMeasured)...)
				gotFlows = append(gotFlows, flows.over(tc.looks[i:i+size], flowsMeasured)...)
			}
			if p, f := spell(gotPorts), spell(gotFlows); p != tc.ports || f != tc.flows {
				t.Errorf("%s, %d at a time: ports %q, flows %q, want %q and %q", name, size, p, f, tc.ports, tc.flows)
			}
		}
	}
}

// spell writes spans in seconds since the base, each at its longest, as the database keeps it.
func spell(spans []stats.Span) string {
	var list []string
	for i, s := range spans {
		if i+1 < len(spans) && spans[i+1].Since.Equal(s.Since) {
			continue
		}
		list = append(list, fmt.Sprintf("%v-%v", s.Since.Sub(base).Seconds(), s.Until.Sub(base).Seconds()))
	}
	return strings.Join(list, " ")
}

func TestALookWhileTheDataPlaneStartsIsNone(t *testing.T) {
	dir := t.TempDir()
	p := newPlane(t, dir)
	p.port.RxFrames = 7
	seg, err := attach.Open(attach.Place{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer seg.Close()
	e := newEye(seg)
	p.state(shm.Starting)
	if l := e.look(base); l != nil {
		t.Errorf("%+v: its counters are being cleared", l)
	}
	p.state(shm.Running)
	l := e.look(base)
	if l == nil || l.Ports[0].FramesIn != 7 || !l.Alive || len(l.Boot) != 32 || len(l.Services) != 1 || l.Services[0].Name != "inspect" || len(l.Rings) != 3 {
		t.Errorf("%+v", l)
	}
	if flows := e.busy(base); len(flows) != 0 {
		t.Errorf("%+v", flows)
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

func (h *hub) ask(t *testing.T, method, request string, answer any) error {
	t.Helper()
	h.mu.Lock()
	handler := h.answers[method]
	h.mu.Unlock()
	b, err := handler(t.Context(), []byte(request))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, answer); err != nil {
		t.Fatal(err)
	}
	return nil
}

func TestTheRoleLooksWritesAndAnswersUntilItIsStopped(t *testing.T) {
	db := open(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent(), goleak.IgnoreAnyFunction("github.com/jackc/pgx/v5/pgxpool.(*Pool).backgroundHealthCheck"))
	dir := t.TempDir()
	h := &hub{answers: map[string]func(context.Context, []byte) ([]byte, error){}}
	r, err := New(Options{Place: attach.Place{Dir: dir}, DB: db, Bus: h})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- r.Run(ctx, func() { close(ready) }) }()
	<-ready
	var latest *Latest
	if err := h.ask(t, "telemetry.latest", "{}", &latest); err != nil || latest != nil {
		t.Fatalf("%+v, %v: there is no segment yet", latest, err)
	}
	p := newPlane(t, dir)
	atomic.StoreUint64(&p.port.RxFrames, 42)
	for deadline := time.Now().Add(30 * time.Second); sum(t, db, "frames_in") != 42; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d frames in the samples, %+v, %v", sum(t, db, "frames_in"), r.Stats(), r.Healthy())
		}
	}
	if err := h.ask(t, "telemetry.latest", "{}", &latest); err != nil || len(latest.Ports) != 1 || latest.Ports[0].FramesIn != 42 || len(latest.Rings) == 0 {
		t.Fatalf("%+v, %v", latest, err)
	}
	var looks []*Look
	if err := h.ask(t, "telemetry.history", `{"most": 1}`, &looks); err != nil || len(looks) != 1 || looks[0].At.Before(latest.At) {
		t.Fatalf("%+v, %v", looks, err)
	}
	if err := h.ask(t, "telemetry.history", `{"since": "2100-01-01T00:00:00Z"}`, &looks); err != nil || len(looks) != 0 {
		t.Fatalf("%+v, %v", looks, err)
	}
	var total stats.Total
	if err := h.ask(t, "stats.total", `{"of":"port","port":"edge0"}`, &total); err != nil || total.Counts.Port == nil || total.Counts.Port.FramesIn != 42 {
		t.Fatalf("%+v, %v", total, err)
	}
	var wrong *bus.Error
	if err := h.ask(t, "stats.top", `{"off":"port"}`, nil); !errors.As(err, &wrong) || wrong.Code != "telemetry.bad_request" {
		t.Fatalf("a request with a field that nobody knows: %v", err)
	}
	if err := h.ask(t, "stats.series", `{"of":"port"}`, nil); !errors.As(err, &wrong) || wrong.Code != "stats.bad_request" {
		t.Fatalf("a series of no port: %v", err)
	}
	if err := r.Healthy(); err != nil {
		t.Fatal(err)
	}
	atomic.StoreUint64(&p.port.RxFrames, 50)
	before := r.Stats().Looks
	await(t, func() bool { return r.Stats().Looks != before })
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := sum(t, db, "frames_in"); got != 50 {
		t.Fatalf("%d frames after an orderly end, want 50", got)
	}
	if len(h.answers) != 0 {
		t.Fatal("it still answers")
	}
}

func TestAColdStartTakesItsLastCountsAlong(t *testing.T) {
	db := open(t)
	dir := t.TempDir()
	p := newPlane(t, dir)
	p.port.RxFrames = 5
	r, err := New(Options{Place: attach.Place{Dir: dir}, DB: db})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- r.Run(ctx, func() { close(ready) }) }()
	<-ready
	await(t, func() bool { return r.Stats().Looks > 0 })
	atomic.StoreUint64(&p.port.RxFrames, 8)
	if err := errors.Join(os.Remove(filepath.Join(dir, "state")), os.Remove(filepath.Join(dir, "ctl"))); err != nil {
		t.Fatal(err)
	}
	p = newPlane(t, dir)
	atomic.StoreUint64(&p.port.RxFrames, 100)
	await(t, func() bool { l := r.history.latest(); return l != nil && l.Ports[0].FramesIn == 100 })
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := sum(t, db, "frames_in"); got != 108 {
		t.Errorf("%d frames, want 8 of the old segment and 100 of the new one", got)
	}
}

func await(t *testing.T, what func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !what(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it did not happen within 30 s")
		}
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
