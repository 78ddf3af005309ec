package account_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fcredirect/mgmt/api/account"
	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/settings"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// eventLog is a log of events in memory, and the role that keeps it.
type eventLog struct {
	mu     sync.Mutex
	events []event.Event
	away   bool
}

func (l *eventLog) Append(_ context.Context, t event.Type, f event.Fields) error {
	b, err := event.Encode(t, f)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, event.Event{Number: uint64(len(l.events) + 1), At: time.Now().UTC(), Type: t, Fields: b})
	return err
}

func (l *eventLog) Flush(context.Context) error { return nil }

func (l *eventLog) setAway(away bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.away = away
}

func (l *eventLog) Call(_ context.Context, _, method string, request []byte) ([]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var q event.ListRequest
	switch {
	case l.away:
		return nil, fmt.Errorf("nobody: %w", bus.ErrNoRole)
	case method == event.MethodAppend:
		return nil, nil
	case method != event.MethodList:
		return nil, fmt.Errorf("%s: %w", method, bus.ErrNoMethod)
	}
	if err := json.Unmarshal(request, &q); err != nil {
		return nil, err
	}
	var types []event.Type
	for _, name := range q.Types {
		types = append(types, event.Named(name)...)
	}
	a := event.ReadAnswer{Events: []event.Event{}}
	for _, e := range l.events {
		if (q.Before == 0 || e.Number < q.Before) && !e.At.Before(q.Since) && (q.Until.IsZero() || e.At.Before(q.Until)) &&
			slices.Contains(types, e.Type) && event.Matches(e.Fields, q.Match) {
			a.Events = append(a.Events, e)
		}
	}
	a.Events = a.Events[max(0, len(a.Events)-q.Max):]
	return json.Marshal(a)
}

func (l *eventLog) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b strings.Builder
	for _, e := range l.events {
		fmt.Fprintln(&b, e.Type, string(e.Fields))
	}
	return b.String()
}

// node is an API with accounts.
type node struct {
	t      *testing.T
	api    *rest.API
	auth   *auth.Service
	events *eventLog
	own    *syncWriter // the daemon's own log
}

type syncWriter struct {
	mu sync.Mutex
	b  strings.Builder
}

func (w *syncWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *syncWriter) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

const (
	good  = "a heron over the marsh"
	other = "nine lamps in the attic"
)

// newNode has an administrator called root.
func newNode(t *testing.T) *node {
	t.Helper()
	n := &node{t: t, events: &eventLog{}, own: &syncWriter{}}
	log := slog.New(slog.NewTextHandler(n.own, &slog.HandlerOptions{Level: slog.LevelDebug}))
	store, err := settings.Open(settings.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	if n.auth, err = auth.New(auth.Options{Settings: store, Events: n.events, Dir: t.TempDir(), Cost: auth.Cost{Memory: 8, Time: 1}, Log: log}); err != nil {
		t.Fatal(err)
	}
	n.api = rest.New(rest.Options{Gate: n.auth, Audit: audit.New(audit.Options{Events: n.events, Caller: n.events, Log: log}), Log: log, Version: "test"})
	account.Register(n.api, account.Deps{Auth: n.auth, Events: n.events})
	return n
}

func (n *node) installed() *node {
	n.t.Helper()
	n.ask(local(), "POST", "/api/v1/setup", `{"name":"root","password":"`+good+`"}`).want(201, "")
	return n
}

// who asks: a change of the request.
type who func(*http.Request)

func local() who {
	return func(r *http.Request) {
		r.RemoteAddr = "@"
		*r = *r.WithContext(auth.WithPeer(r.Context(), auth.Peer{UID: 0}))
	}
}
func nobody() who { return func(*http.Request) {} }
func bearer(token string) who {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}
func cookie(c *http.Cookie) who { return func(r *http.Request) { r.AddCookie(c) } }
func (w who) and(name, value string) who {
	return func(r *http.Request) { w(r); r.Header.Set(name, value) }
}

// answer is one that a test looks at.
type answer struct {
	*httptest.ResponseRecorder
	t    *testing.T
	what string
}

func (n *node) ask(w who, method, path, body string) *answer {
	n.t.Helper()
	r := httptest.NewRequest(method, "https://fcr"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	w(r)
	rec := httptest.NewRecorder()
	n.api.ServeHTTP(rec, r)
	return &answer{rec, n.t, method + " " + path}
}

// want holds an answer to a status and, for a problem, a code.
func (a *answer) want(status int, code string) *answer {
	a.t.Helper()
	if a.Code != status || code != "" && !strings.Contains(a.Body.String(), `"code":"`+code+`"`) {
		a.t.Fatalf("%s: %d, want %d %s: %s", a.what, a.Code, status, code, a.Body)
	}
	return a
}

func (a *answer) into(v any) {
	a.t.Helper()
	if err := json.Unmarshal(a.Body.Bytes(), v); err != nil {
		a.t.Fatalf("%s: %v: %s", a.what, err, a.Body)
	}
}

func (a *answer) text() string {
	b, _ := io.ReadAll(a.Result().Body)
	return string(b)
}

// signIn gives the cookie.
func (n *node) signIn(name, password string) *http.Cookie {
	n.t.Helper()
	a := n.ask(nobody(), "POST", "/api/v1/sessions", fmt.Sprintf(`{"name":%q,"password":%q}`, name, password)).want(201, "")
	for _, c := range a.Result().Cookies() {
		if c.Name == auth.CookieName {
			return c
		}
	}
	n.t.Fatalf("no cookie: %v", a.Header())
	return nil
}

func (n *node) user(name, role string) *node {
	n.t.Helper()
	n.ask(local().and("If-None-Match", "*"), "PUT", "/api/v1/users/"+name, `{"role":"`+role+`","password":"`+good+`"}`).want(201, "")
	return n
}

// token makes one for a user.
func (n *node) token(w who, body string) string {
	n.t.Helper()
	var made struct{ Token string }
	n.ask(w, "POST", "/api/v1/tokens", body).want(201, "").into(&made)
	return made.Token
}
