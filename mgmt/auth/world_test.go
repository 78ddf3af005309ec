package auth

import (
	"context"
	"errors"
	"flag"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fcredirect/mgmt/event"
	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/settings"
)

func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "25"); err != nil { // each writes files; the command line may say more
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// cheap is a cost that tests can afford.
var cheap = Cost{Memory: 8, Time: 1}

// hands are clocks that a test sets.
type hands struct {
	mu      sync.Mutex
	wall    time.Time
	elapsed time.Duration
}

func newHands() *hands { return &hands{wall: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)} }

// pass lets time go by on both.
func (h *hands) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wall, h.elapsed = h.wall.Add(d), h.elapsed+d
}

// set sets the wall clock.
func (h *hands) set(by time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.wall = h.wall.Add(by)
}

func (h *hands) clock() Clock {
	return Clock{
		Wall:    func() time.Time { h.mu.Lock(); defer h.mu.Unlock(); return h.wall },
		Elapsed: func() time.Duration { h.mu.Lock(); defer h.mu.Unlock(); return h.elapsed },
	}
}

// told collects events.
type told struct {
	mu     sync.Mutex
	events []string
}

func (l *told) Append(_ context.Context, t event.Type, f event.Fields) error {
	b, err := event.Encode(t, f)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, t.String()+" "+string(b))
	return err
}

func (l *told) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.events, "\n")
}

// world is a Service that can be started again.
type world struct {
	*Service
	t     tester
	dir   string
	hands *hands
	told  *told
	store *settings.Store
	cost  Cost
}

type tester interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
	Errorf(string, ...any)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := worldIn(t, t.TempDir())
	t.Cleanup(func() { w.store.Close() })
	return w
}

func worldIn(t tester, dir string) *world {
	w := &world{t: t, dir: dir, hands: newHands(), told: &told{}, cost: cheap}
	w.start()
	return w
}

func (w *world) start() {
	w.t.Helper()
	var err error
	if w.store, err = settings.Open(settings.Options{Dir: filepath.Join(w.dir, "settings")}); err != nil {
		w.t.Fatal(err)
	}
	if w.Service, err = New(Options{Settings: w.store, Events: w.told, Dir: w.dir, Clock: w.hands.clock(), Cost: w.cost}); err != nil {
		w.t.Fatal(err)
	}
}

// restart ends the process in good order, or not.
func (w *world) restart(flushed bool) {
	w.t.Helper()
	if flushed {
		if err := w.flush(context.Background()); err != nil {
			w.t.Fatal(err)
		}
	}
	w.store.Close()
	w.start()
}

const (
	good  = "a heron over the marsh"
	other = "nine lamps in the attic"
)

func whatever(uint64) error { return nil }

// with makes an account.
func (w *world) with(name string, role Role) *world {
	w.t.Helper()
	if _, _, err := w.PutAccount(context.Background(), name, Draft{Role: role, Password: good}, whatever, false); err != nil {
		w.t.Fatal(err)
	}
	return w
}

var here = Source{Address: netip.MustParseAddr("192.0.2.7"), Agent: "a browser"}

func from(address string) Source { return Source{Address: netip.MustParseAddr(address)} }

// signIn gives the cookie's value.
func (w *world) signIn(name, password string, s Source) string {
	w.t.Helper()
	_, c, err := w.SignIn(context.Background(), name, password, s)
	if err != nil {
		w.t.Fatalf("sign in as %s: %v", name, err)
	}
	return c.Value
}

// request is one from an address, with a cookie or an Authorization header.
func request(address, cookie, authorization string) *http.Request {
	r := httptest.NewRequest("GET", "https://fcr/api/v1/me", nil)
	r.RemoteAddr = netip.AddrPortFrom(netip.MustParseAddr(address), 4711).String()
	if cookie != "" {
		r.AddCookie(&http.Cookie{Name: CookieName, Value: cookie})
	}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	return r
}

func (w *world) byCookie(value string) (*Actor, error) {
	return w.Authenticate(request("192.0.2.7", value, ""))
}

func (w *world) byToken(text string) (*Actor, error) {
	return w.Authenticate(request("192.0.2.7", "", "Bearer "+text))
}

func (w *world) byTokenFrom(text, address string) (*Actor, error) {
	return w.Authenticate(request(address, "", "Bearer "+text))
}

// want holds an error to a code; the empty one is none.
func want(t tester, err error, code problem.Code) {
	t.Helper()
	if code == "" && err != nil || code != "" && !problem.Is(err, code) {
		t.Fatalf("got %v, want %q", err, code)
	}
}

// waitOf is how long an error says to wait.
func waitOf(err error) time.Duration {
	var p *problem.Problem
	if errors.As(err, &p) {
		return p.After
	}
	return 0
}

// flushing makes told what the audit log writes to.
type flushing struct{ *told }

func (flushing) Flush(context.Context) error { return nil }
