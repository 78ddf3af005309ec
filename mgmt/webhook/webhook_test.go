package webhook

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fcredirect/mgmt/alarm"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/settings"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// desk is the receiver: a TLS server that does with each request what the test says.
type desk struct {
	*httptest.Server
	mu     sync.Mutex
	secret string
	do     func(n int, w http.ResponseWriter, r *http.Request) // nil: takes it
	got    []Message
	bad    []string
	news   chan struct{}
}

func newDesk(t *testing.T) *desk {
	d := &desk{news: make(chan struct{}, 1024)}
	d.Server = httptest.NewTLSServer(d)
	d.Config.ErrorLog = nil
	t.Cleanup(d.Close)
	return d
}

func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var m Message
	_ = json.Unmarshal(body, &m)
	d.mu.Lock()
	stamp, _ := strconv.ParseInt(r.Header.Get("Webhook-Timestamp"), 10, 64)
	want, _ := Sign(d.secret, r.Header.Get("Webhook-Id"), time.Unix(stamp, 0), body)
	if got := r.Header.Get("Webhook-Signature"); got != want || m.ID != r.Header.Get("Webhook-Id") || time.Since(time.Unix(stamp, 0)) > time.Minute {
		d.bad = append(d.bad, fmt.Sprintf("signature %q, want %q, of %s", got, want, body))
	}
	d.got = append(d.got, m)
	n, do, news := len(d.got), d.do, d.news
	d.mu.Unlock()
	defer func() { news <- struct{}{} }() // also when the test has it panic
	if do != nil {
		do(n, w, r)
	}
}

// patience is how long tests wait for what comes at once on a machine that has time for it.
const patience = 30 * time.Second

// numbers waits for so many requests, and gives the numbers of their events.
func (d *desk) numbers(t *testing.T, n int) string {
	t.Helper()
	for range n {
		select {
		case <-d.news:
		case <-time.After(patience):
			t.Fatalf("%d requests came, want %d more", len(d.got), n)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	var all []string
	for _, m := range d.got {
		s := "test"
		if m.Event != nil {
			s = fmt.Sprint(m.Event.Number)
		}
		if m.Missed > 0 {
			s += fmt.Sprintf("(missed %d)", m.Missed)
		}
		all = append(all, s)
	}
	if len(d.bad) > 0 {
		t.Errorf("%v", d.bad)
	}
	return strings.Join(all, " ")
}

func (d *desk) hook() Hook {
	return Hook{URL: d.URL + "/hook", Enabled: true, AllowLocal: true, CA: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: d.Certificate().Raw}))}
}

// logbook is the log of events: it answers requests as role event does, and is told what the service tells.
type logbook struct {
	mu      sync.Mutex
	events  []event.Event
	lineage string
	news    chan struct{}
	told    []string
	alarms  map[string]string
}

func newLogbook() *logbook {
	return &logbook{lineage: "one", news: make(chan struct{}), alarms: map[string]string{}}
}

func (l *logbook) happen(t *testing.T, what event.Type, f event.Fields) {
	t.Helper()
	fields, err := event.Encode(what, f)
	if err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	n := uint64(len(l.events) + 1)
	l.events = append(l.events, event.Event{Number: n, At: time.Now(), Type: what, Fields: fields, Origin: event.Origin{Epoch: 7, Producer: 1, Seq: n}})
	close(l.news)
	l.news = make(chan struct{})
}

func (l *logbook) Subscribe(ctx context.Context, role, method string, first []byte, each func([]byte) ([]byte, error)) error {
	for next := first; ; {
		var q event.ReadRequest
		if err := json.Unmarshal(next, &q); err != nil || role != event.RoleName || method != event.MethodRead {
			return fmt.Errorf("%s %s: %w", role, method, err)
		}
		l.mu.Lock()
		a := event.ReadAnswer{Lineage: l.lineage, After: q.After}
		switch {
		case q.Newest:
			a.After = uint64(len(l.events))
		case q.After < uint64(len(l.events)):
			a.Events, a.After = l.events[q.After:], uint64(len(l.events))
		}
		news := l.news
		l.mu.Unlock()
		if len(a.Events) == 0 && !q.Newest {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-news:
				continue
			}
		}
		b, err := json.Marshal(a)
		if err != nil {
			return err
		}
		if next, err = each(b); err != nil {
			return err
		}
	}
}

func (l *logbook) Append(_ context.Context, t event.Type, f event.Fields) error {
	b, err := event.Encode(t, f)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = append(l.told, t.String()+" "+string(b))
	return err
}

func (l *logbook) Set(code alarm.Code, subject, detail string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.alarms[alarm.ID(code, subject)] = detail
}

func (l *logbook) Unset(code alarm.Code, subject string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.alarms, alarm.ID(code, subject))
}

func (l *logbook) state() (alarms, told int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.alarms), len(l.told)
}

// bench is a service with its log.
type bench struct {
	*Service
	t     *testing.T
	log   *logbook
	store *settings.Store
	dir   string
	end   func()
}

func newBench(t *testing.T) *bench {
	t.Helper()
	store, err := settings.Open(settings.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	b := &bench{t: t, log: newLogbook(), store: store, dir: t.TempDir()}
	b.begin()
	t.Cleanup(func() { b.end() })
	return b
}

// begin starts the service; end stops it.
func (b *bench) begin() { b.beginWith(time.Minute) }

func (b *bench) beginWith(giveUp time.Duration) {
	b.t.Helper()
	s, err := New(Options{Settings: b.store, Bus: b.log, Alarms: b.log, Events: b.log, Dir: b.dir, Node: "fcr-t", Version: "1",
		FirstPause: 5 * time.Millisecond, LastPause: 20 * time.Millisecond, GiveUp: giveUp})
	if err != nil {
		b.t.Fatal(err)
	}
	b.Service = s
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { s.Run(ctx) })
	b.end = func() { stop(); running.Wait(); b.end = func() {} }
}

// put makes a hook for a desk, and waits until the service listens for it.
func (b *bench) put(name string, h Hook, d *desk) {
	b.t.Helper()
	_, secret, err := b.Put(b.t.Context(), name, h, func(uint64) error { return nil })
	if err != nil {
		b.t.Fatal(err)
	}
	if secret != "" {
		d.mu.Lock()
		d.secret = secret
		d.mu.Unlock()
	}
	if !h.Enabled {
		return
	}
	b.wait("the service reads the log", func() bool {
		b.Service.mu.Lock()
		defer b.Service.mu.Unlock()
		return b.Service.lineage != ""
	})
}

func (b *bench) wait(what string, is func() bool) {
	b.t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

func (b *bench) raise(code alarm.Code, muted bool) {
	f := event.Fields{"code": string(code), "level": "major"}
	if muted {
		f["muted"] = true
	}
	b.log.happen(b.t, event.AlarmRaised, f)
}

func (b *bench) of(name string) HookState {
	b.t.Helper()
	v, err := b.Get(name)
	if err != nil {
		b.t.Fatal(err)
	}
	return v.State
}

func TestEventsArriveSignedAndInOrder(t *testing.T) {
	b, d := newBench(t), newDesk(t)
	b.raise(alarm.DatabaseDown, false) // before there is a hook
	b.put("ops", d.hook(), d)
	for range 20 {
		b.raise(alarm.DatabaseDown, false)
	}
	b.raise(alarm.DatabaseDown, true) // muted
	b.log.happen(t, event.RoleStarted, event.Fields{"role": "store"})
	b.raise(alarm.DatabaseDown, false)
	if got := d.numbers(t, 21); got != "2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 24" {
		t.Errorf("events %s", got)
	}
	b.wait("it is counted", func() bool { return b.of("ops").Delivered == 21 })
	if s := b.of("ops"); s.State != "ok" || s.Last == nil || s.Last.Status != 200 {
		t.Errorf("%+v", s)
	}
}

func TestWhatIsNotTakenComesAgain(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(w http.ResponseWriter, r *http.Request)
		say  string
	}{
		{"a server that fails", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, "it answered 503"},
		{"one that knows no such place", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }, "it answered 404"},
		{"one that sends elsewhere", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/hook", http.StatusTemporaryRedirect)
		},
			"redirects are not followed"},
		{"one that hangs up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, ""},
		{"one whose header never ends", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 4*headerMax))
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, d := newBench(t), newDesk(t)
			said := make(chan string, 1)
			d.do = func(n int, w http.ResponseWriter, r *http.Request) {
				if n == 6 {
					said <- b.of("ops").Last.Error
				}
				if n <= 5 {
					c.do(w, r)
				}
			}
			b.put("ops", d.hook(), d)
			b.raise(alarm.DatabaseDown, false)
			b.raise(alarm.DatabaseFull, false)
			if got := d.numbers(t, 7); got != "1 1 1 1 1 1 2" {
				t.Errorf("events %s", got)
			}
			if s := <-said; s == "" || !strings.Contains(s, c.say) || strings.Contains(s, "/hook") {
				t.Errorf("it says %q", s)
			}
			b.wait("all is well again", func() bool {
				alarms, told := b.log.state()
				return alarms == 0 && told == 2 && b.of("ops").State == "ok"
			})
		})
	}
}

func TestALongBodyIsNotReadToItsEnd(t *testing.T) {
	b, d := newBench(t), newDesk(t)
	d.do = func(_ int, w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil { // without an end
			if _, err := w.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}
	b.put("ops", d.hook(), d)
	b.raise(alarm.DatabaseDown, false)
	if got := d.numbers(t, 1); got != "1" {
		t.Errorf("events %s", got)
	}
	b.wait("it counts as taken", func() bool { return b.of("ops").Delivered == 1 })
}

func TestAFailingHookIsAnAlarmAndHoldsNobodyElseUp(t *testing.T) {
	b, ill, well := newBench(t), newDesk(t), newDesk(t)
	ill.do = func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }
	b.put("ill", ill.hook(), ill)
	b.put("well", well.hook(), well)
	for range MaxQueued + 10 {
		b.raise(alarm.DatabaseDown, false)
		well.numbers(t, 1)
	}
	b.wait("it is an alarm", func() bool { alarms, _ := b.log.state(); return alarms == 1 })
	s := b.of("ill")
	if s.State != "failing" || s.Waiting != MaxQueued || s.GivenUp < 9 || s.Next == "" {
		t.Errorf("%+v", s)
	}
	ill.mu.Lock()
	ill.do = nil
	ill.got = nil
	ill.mu.Unlock()
	b.wait("it recovers", func() bool { return b.of("ill").Delivered == uint64(MaxQueued) })
	if first := ill.got[0]; first.Missed < 9 {
		ill.mu.Lock()
		defer ill.mu.Unlock()
		for _, m := range ill.got {
			if m.Missed > 0 {
				return
			}
		}
		t.Errorf("it is not told that it missed some: %+v", first)
	}
}

func TestARestartGoesOnWhereItWas(t *testing.T) {
	b, d := newBench(t), newDesk(t)
	d.do = func(n int, w http.ResponseWriter, _ *http.Request) {
		if n > 2 {
			w.WriteHeader(500)
		}
	}
	b.put("ops", d.hook(), d)
	for range 4 {
		b.raise(alarm.DatabaseDown, false)
	}
	d.numbers(t, 3)
	b.end()
	b.raise(alarm.DatabaseDown, false) // nobody listens
	d.mu.Lock()
	d.got, d.do, d.news = nil, nil, make(chan struct{}, 1024)
	d.mu.Unlock()
	b.begin()
	if got := d.numbers(t, 3); got != "3 4 5" {
		t.Errorf("after the restart: %s", got)
	}
	if s := b.of("ops"); s.GivenUp != 0 {
		t.Errorf("%+v", s)
	}
}

func TestADisabledHookGetsNothingAndANewSecretIsUsedAtOnce(t *testing.T) {
	b, d := newBench(t), newDesk(t)
	b.put("ops", d.hook(), d)
	b.raise(alarm.DatabaseDown, false)
	d.numbers(t, 1)
	h := d.hook()
	h.Enabled = false
	b.put("ops", h, d)
	b.wait("it is disabled", func() bool { return b.of("ops").State == "disabled" })
	b.wait("nobody reads the log", func() bool { b.Service.mu.Lock(); defer b.Service.mu.Unlock(); return b.Service.lineage == "" })
	b.raise(alarm.DatabaseDown, false)
	old := d.secret
	secret, err := b.Rotate(t.Context(), "ops")
	if err != nil || secret == old {
		t.Fatal(err)
	}
	d.mu.Lock()
	d.secret = secret
	d.mu.Unlock()
	b.put("ops", d.hook(), d)
	b.raise(alarm.DatabaseDown, false)
	if got := d.numbers(t, 1); got != "1 3" {
		t.Errorf("events %s", got)
	}
	if a, err := b.Test(t.Context(), "ops"); err != nil || !a.Taken() {
		t.Errorf("test: %+v, %v", a, err)
	}
	if err := b.Delete(t.Context(), "ops", func(uint64) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if _, ok := b.store.Get(SecretKind, "ops"); ok || len(b.List()) != 0 {
		t.Error("something is left of it")
	}
}

func TestARenumberedLogIsReadOn(t *testing.T) {
	b, d := newBench(t), newDesk(t)
	b.put("ops", d.hook(), d)
	for range 3 {
		b.raise(alarm.DatabaseDown, false)
	}
	d.numbers(t, 3)
	b.log.mu.Lock()
	b.log.lineage, b.log.events = "two", b.log.events[:2]
	b.log.mu.Unlock()
	b.raise(alarm.DatabaseDown, false) // number 3 of another lineage
	b.raise(alarm.DatabaseDown, false)
	d.numbers(t, 1)
}
