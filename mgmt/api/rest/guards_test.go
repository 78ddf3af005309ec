package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/problem"
)

// answered is what came back.
func answered(w *httptest.ResponseRecorder) Problem {
	var p Problem
	_ = json.Unmarshal(w.Body.Bytes(), &p) // what is none stays empty
	return p
}

func TestBodiesThatAreNotWhatTheyShouldBeAreRefusedByTheirPlace(t *testing.T) {
	a := things(t)
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	for _, tt := range []struct {
		name, body, media string
		status            int
		code              problem.Code
	}{
		{"no media type", `{"name":"one"}`, "", 415, problem.UnsupportedMedia},
		{"another media type", `name=one`, "application/x-www-form-urlencoded", 415, problem.UnsupportedMedia},
		{"another character set", `{"name":"one"}`, "application/json; charset=latin1", 415, problem.UnsupportedMedia},
		{"UTF-8 by name", `{"name":"one"}`, "application/json; charset=UTF-8", 200, ""},
		{"no JSON", `{"name":`, "application/json", 400, problem.BadBody},
		{"two documents", `{"name":"one"}{"name":"two"}`, "application/json", 400, problem.BadBody},
		{"too deep", `{"name":` + deep + `}`, "application/json", 400, problem.BadBody},
		{"a member twice", `{"name":"one","name":"two"}`, "application/json", 400, problem.BadBody},
		{"another spelling of a member", `{"Name":"one"}`, "application/json", 422, problem.Invalid},
		{"not UTF-8", "{\"name\":\"\xff\"}", "application/json", 400, problem.BadBody},
		{"NUL", `{"name":"a\u0000"}`, "application/json", 400, problem.BadBody},
		{"a wrong type", `{"name":{"secret":"hunter2"}}`, "application/json", 422, problem.Invalid},
		{"against the pattern", `{"name":"hunter2"}`, "application/json", 422, problem.Invalid},
		{"a list", `[]`, "application/json", 422, problem.Invalid},
		{"null", `null`, "application/json", 422, problem.Invalid},
		{"a number beyond all", `{"name":"one","size":1e999}`, "application/json", 400, problem.BadBody},
		{"a fraction", `{"name":"one","size":1.5}`, "application/json", 422, problem.Invalid},
		{"nothing", ``, "application/json", 400, problem.BadBody},
		{"too long", `{"name":"` + strings.Repeat("x", DefaultBody) + `"}`, "application/json", 413, problem.TooLarge},
		{"as long as may be", `{"name":"one"` + strings.Repeat(" ", DefaultBody-14) + `}`, "application/json", 200, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := ask(t, a, "PUT", "/api/v1/things/one", "admin", tt.body, "If-Match: *", "Content-Type: "+tt.media)
			if p := answered(w); w.Code != tt.status || problem.Code(p.Code) != tt.code {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if strings.Contains(w.Body.String(), "hunter2") {
				t.Errorf("it comes back: %s", w.Body)
			}
		})
	}
}

// endless is a body that is never over, and counts.
type endless struct{ n int }

func (e *endless) Read(b []byte) (int, error) { e.n += len(b); return len(b), nil }

func TestABodyIsNotReadFurtherThanItMayBeLong(t *testing.T) {
	a := things(t)
	for _, length := range []int64{1 << 30, -1} {
		body := &endless{}
		r := httptest.NewRequest("PUT", "/api/v1/things/one", io.LimitReader(body, 1<<30))
		r.ContentLength = length
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer admin")
		w := httptest.NewRecorder()
		a.ServeHTTP(w, r)
		if w.Code != 413 || body.n > 2*DefaultBody || length > 0 && body.n > 0 {
			t.Errorf("length %d: %d, %d bytes read", length, w.Code, body.n)
		}
	}
	if w := ask(t, a, "GET", "/api/v1/things", "viewer", "{}"); w.Code != 400 {
		t.Errorf("a body where there is none: %d", w.Code)
	}
}

func TestWhoSendsSlowlyTakesNobodysPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _, _ := counting(t, &Rates{Window: time.Minute, Reads: 50, Writes: 50, Strangers: 3, Parallel: 1})
		body, sender := io.Pipe()
		var slow sync.WaitGroup
		slow.Go(func() {
			r := httptest.NewRequest("POST", "/api/v1/things", body)
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer admin")
			w := httptest.NewRecorder()
			if a.ServeHTTP(w, r); w.Code != 201 {
				t.Errorf("the slow one: %d %s", w.Code, w.Body)
			}
		})
		synctest.Wait()
		if w := ask(t, a, "POST", "/api/v1/things", "policy-admin", `{"name":"one"}`); w.Code != 201 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		_, _ = sender.Write([]byte(`{"name":"two"}`))
		sender.Close()
		slow.Wait()
	})
}

func TestLongBodiesAreBoundedTogether(t *testing.T) {
	a := things(t)
	if !a.bodies.TryAcquire(bodyMemory - DefaultBody) {
		t.Fatal("taken already")
	}
	long := `{"name":"one"` + strings.Repeat(" ", DefaultBody-14) + `}`
	if w := ask(t, a, "PUT", "/api/v1/things/one", "admin", long, "If-Match: *"); w.Code != 200 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if !a.bodies.TryAcquire(DefaultBody) {
		t.Fatal("a request that is over keeps its room")
	}
	if w := ask(t, a, "PUT", "/api/v1/things/one", "admin", long, "If-Match: *"); w.Code != 503 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(t, a, "PUT", "/api/v1/things/one", "admin", `{"name":"one"}`, "If-Match: *"); w.Code != 200 {
		t.Errorf("a short one: %d %s", w.Code, w.Body)
	}
}

func TestWhatAURLSaysTwiceOrNotInTextIsRefused(t *testing.T) {
	a := things(t)
	for path, want := range map[string]int{
		"/api/v1/things?limit=1&limit=2": 422, "/api/v1/things?limit=%zz": 400, "/api/v1/things?sort=%00": 400, "/api/v1/things?cursor=%ff": 400,
		"/api/v1/things?limit=0": 422, "/api/v1/things?limit=1001": 422, "/api/v1/things?limit=-1": 422, "/api/v1/things?limit=x": 422, "/api/v1/things?limit=99999999999999999999": 422,
		"/api/v1/things?sort=colour": 422, "/api/v1/things?sort=-name": 200, "/api/v1/things/..%2f..%2fetc": 422, "/api/v1/things/%0d%0aSet-Cookie:x": 400,
		"/api/v1/things/one/two": 404, "/api/v1/nothing": 404, "/": 404, "/api/v1/things/": 404, "/api/v1/things/%C3%28": 400,
	} {
		if w := ask(t, a, "GET", path, "viewer", ""); w.Code != want || w.Header().Get("Set-Cookie") != "" {
			t.Errorf("%s: %d %s, want %d", path, w.Code, w.Body, want)
		}
	}
}

func TestMethodsThatThereAreNotAreTold(t *testing.T) {
	a := things(t)
	for _, method := range []string{"POST", "DELETE", "PATCH", "BREW", "TRACE"} {
		if w := ask(t, a, method, "/api/v1/things/one", "admin", ""); w.Code != 405 || w.Header().Get("Allow") != "HEAD, GET, PUT, OPTIONS" || answered(w).Code != "method_not_allowed" {
			t.Errorf("%s: %d %s %s", method, w.Code, w.Header().Get("Allow"), w.Body)
		}
	}
	if w := ask(t, a, "OPTIONS", "/api/v1/things", "", ""); w.Code != 204 || w.Header().Get("Allow") != "HEAD, GET, OPTIONS" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if w := ask(t, a, "HEAD", "/api/v1/things/one", "viewer", ""); w.Code != 200 || w.Header().Get("ETag") != `"7"` {
		t.Errorf("HEAD: %d %v", w.Code, w.Header())
	}
}

func TestWhoHasItAlreadyIsToldSo(t *testing.T) {
	a := things(t)
	for tag, want := range map[string]int{`"7"`: 304, `W/"7"`: 304, `"6", "7"`: 304, "*": 304, `"6"`: 200, "": 200} {
		w := ask(t, a, "GET", "/api/v1/things/one", "viewer", "", "If-None-Match: "+tag)
		if w.Code != want || want == 304 && (w.Body.Len() != 0 || w.Header().Get("ETag") != `"7"`) {
			t.Errorf("%s: %d %s", tag, w.Code, w.Body)
		}
	}
}

func TestWhatAnotherSitesPageSendsIsRefused(t *testing.T) {
	a := things(t)
	for _, tt := range []struct {
		headers []string
		want    int
	}{
		{nil, 200},
		{[]string{"Sec-Fetch-Site: same-origin", "Origin: https://example.com"}, 200},
		{[]string{"Origin: https://example.com"}, 200}, // httptest's host
		{[]string{"Sec-Fetch-Site: cross-site", "Origin: https://evil.example"}, 403},
		{[]string{"Sec-Fetch-Site: same-site"}, 403},
		{[]string{"Origin: https://evil.example"}, 403},
		{[]string{"Origin: null"}, 403},
	} {
		w := ask(t, a, "PUT", "/api/v1/things/one", "admin", `{"name":"one"}`, append(tt.headers, "If-Match: *")...)
		if w.Code != tt.want || tt.want == 403 && answered(w).Code != "foreign_origin" {
			t.Errorf("%v: %d %s", tt.headers, w.Code, w.Body)
		}
		if w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Error("other sites may read")
		}
	}
}

// counting has a POST that counts how often it was done, and one that fails at first.
func counting(t *testing.T, rates *Rates) (a *API, times func() int, slow chan struct{}) {
	a = New(Options{Gate: gate{}, Rates: rates})
	var mu sync.Mutex
	n := 0
	slow = make(chan struct{})
	type input struct{ Body Thing }
	Register(a, Operation{ID: "create-thing", Method: "POST", Path: "/api/v1/things", Tag: "thing", Summary: "Make a thing", Permission: auth.AliasWrite, Audit: "thing.create", Errors: []problem.Code{problem.AlreadyExists}},
		func(ctx context.Context, in *input) (*Item[Thing], error) {
			mu.Lock()
			n++
			mine := n
			mu.Unlock()
			switch in.Body.Name {
			case "slow":
				<-slow
			case "bad":
				return nil, problem.New(problem.AlreadyExists, "")
			case "flaky":
				if mine == 1 {
					return nil, errors.New("open /secret: not today")
				}
			case "panic":
				panic("hunter2")
			}
			return One(Thing{Name: in.Body.Name, Size: mine}, uint64(mine)).Created("/api/v1/things/" + in.Body.Name), nil
		})
	Register(a, Operation{ID: "create-secret", Method: "POST", Path: "/api/v1/secrets", Tag: "thing", Summary: "Make a secret", Permission: auth.AliasWrite, Audit: "secret.create", Secret: true},
		func(context.Context, *struct{}) (*Item[Thing], error) {
			mu.Lock()
			defer mu.Unlock()
			n++
			return One(Thing{Name: "secret"}, 0), nil
		})
	return a, func() int { mu.Lock(); defer mu.Unlock(); return n }, slow
}

func TestAPostWithAKeyIsDoneOnce(t *testing.T) {
	a, times, _ := counting(t, nil)
	post := func(role, body, key string) *httptest.ResponseRecorder {
		return ask(t, a, "POST", "/api/v1/things", role, body, KeyHeader+": "+key)
	}
	first := post("admin", `{"name":"one"}`, "k1")
	again := post("admin", `{"name":"one"}`, "k1")
	if first.Code != 201 || again.Code != 201 || first.Body.String() != again.Body.String() || again.Header().Get("Location") != "/api/v1/things/one" || times() != 1 {
		t.Errorf("%d %s, %d %s", first.Code, first.Body, again.Code, again.Body)
	}
	if first.Header().Get(replayed) != "" || again.Header().Get(replayed) != "true" || first.Header().Get("X-Request-Id") == again.Header().Get("X-Request-Id") {
		t.Errorf("%v", again.Header())
	}
	if w := post("admin", `{"name":"two"}`, "k1"); w.Code != 422 || answered(w).Code != "idempotency_key_reused" {
		t.Errorf("another body: %d %s", w.Code, w.Body)
	}
	if w := post("policy-admin", `{"name":"two"}`, "k1"); w.Code != 201 || times() != 2 {
		t.Errorf("somebody else's key: %d %s", w.Code, w.Body)
	}
	for range 2 { // a refusal is an answer too
		if w := post("admin", `{"name":"bad"}`, "k2"); w.Code != 409 || times() != 3 {
			t.Errorf("refused: %d %s, %d times", w.Code, w.Body, times())
		}
	}
	for _, key := range []string{strings.Repeat("k", 129), "a b", "ä"} {
		if w := post("admin", `{"name":"one"}`, key); w.Code != 400 && w.Code != 422 {
			t.Errorf("key %q: %d", key, w.Code)
		}
	}
	for want := range []int{200, 409} {
		w := ask(t, a, "POST", "/api/v1/secrets", "admin", "", KeyHeader+": s")
		if w.Code != []int{200, 409}[want] || want == 1 && strings.Contains(w.Body.String(), "secret\"") {
			t.Errorf("a secret: %d %s", w.Code, w.Body)
		}
	}
}

func TestWhatFailedInsideMayBeTriedAgainWithItsKey(t *testing.T) {
	var log bytes.Buffer
	a, times, _ := counting(t, nil)
	a.options.Log = slog.New(slog.NewTextHandler(&log, nil))
	w := ask(t, a, "POST", "/api/v1/things", "admin", `{"name":"flaky"}`, KeyHeader+": k")
	if p := answered(w); w.Code != 500 || p.Code != "internal" || strings.Contains(w.Body.String(), "secret") || !strings.Contains(log.String(), p.RequestID) || !strings.Contains(log.String(), "not today") {
		t.Errorf("%d %s; log %s", w.Code, w.Body, &log)
	}
	if w := ask(t, a, "POST", "/api/v1/things", "admin", `{"name":"flaky"}`, KeyHeader+": k"); w.Code != 201 || times() != 2 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(t, a, "POST", "/api/v1/things", "admin", `{"name":"panic"}`, KeyHeader+": p"); w.Code != 500 || strings.Contains(w.Body.String(), "hunter2") {
		t.Errorf("a panic: %d %s", w.Code, w.Body)
	}
}

func TestWhoSendsAKeyMeanwhileWaitsForTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, times, slow := counting(t, nil)
		var all sync.WaitGroup
		codes := make(chan string, 3)
		for range 3 {
			all.Go(func() {
				w := ask(t, a, "POST", "/api/v1/things", "admin", `{"name":"slow"}`, KeyHeader+": k")
				codes <- fmt.Sprint(w.Code, w.Body.String())
			})
		}
		synctest.Wait()
		close(slow)
		all.Wait()
		if one, two, three := <-codes, <-codes, <-codes; one != two || two != three || times() != 1 {
			t.Errorf("%s, %s, %s; done %d times", one, two, three, times())
		}
	})
}

func TestAKeyIsForgottenAfterADay(t *testing.T) {
	a, times, _ := counting(t, nil)
	now := time.Now()
	a.options.Now = func() time.Time { return now }
	for _, after := range []time.Duration{0, keyLife - time.Second, keyLife + time.Second} {
		now = now.Add(after)
		ask(t, a, "POST", "/api/v1/things", "admin", `{"name":"one"}`, KeyHeader+": k")
	}
	if times() != 2 || len(a.onces.table) != 1 || a.onces.order.Len() != 1 {
		t.Errorf("done %d times, %d kept", times(), len(a.onces.table))
	}
	for i := range maxKeys + 10 {
		ask(t, a, "POST", "/api/v1/things", "admin", `{"name":"one"}`, fmt.Sprint(KeyHeader, ": ", i))
	}
	if len(a.onces.table) > maxKeys || a.onces.order.Len() != len(a.onces.table) {
		t.Errorf("%d keys are kept", len(a.onces.table))
	}
}

func TestAKeyThatIsForgottenWhileItIsUnderWayTakesNoRoom(t *testing.T) {
	o := newOnces()
	now := time.Now()
	d, _ := o.claim([32]byte{1}, [32]byte{}, now)
	for i := range maxKeys {
		o.claim([32]byte{2, byte(i), byte(i >> 8)}, [32]byte{}, now)
	}
	if o.table[d.name] != nil {
		t.Fatal("it is still there")
	}
	o.finish(d, &given{kept: true, body: make([]byte, 100)})
	if o.bytes != 0 {
		t.Errorf("%d bytes are counted", o.bytes)
	}
	kept := o.table[[32]byte{2, 1}]
	o.finish(kept, &given{kept: true, body: make([]byte, 100)})
	if o.bytes != 100 {
		t.Errorf("%d bytes are counted", o.bytes)
	}
}

func TestWhoAsksTooMuchIsToldWhenToComeAgain(t *testing.T) {
	a, _, _ := counting(t, &Rates{Window: time.Minute, Reads: 5, Writes: 2, Strangers: 3, Parallel: 4})
	count := func(role string) (passed int, last *httptest.ResponseRecorder) {
		for range 10 {
			last = ask(t, a, "POST", "/api/v1/things", role, `{"name":"one"}`)
			if last.Code != 429 {
				passed++
			}
		}
		return passed, last
	}
	if passed, w := count("admin"); passed != 2 || w.Header().Get("Retry-After") != "60" || answered(w).Code != "too_many_requests" || w.Header().Get("RateLimit-Limit") != "2" {
		t.Errorf("an actor: %d passed, %v", passed, w.Header())
	}
	if passed, _ := count("policy-admin"); passed != 2 {
		t.Errorf("another one: %d passed", passed)
	}
	if passed, _ := count("no-such-token"); passed != 3 {
		t.Errorf("who guesses: %d passed", passed)
	}
}

func TestMoreThanCanBeServedAtOnceIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, _, slow := counting(t, &Rates{Window: time.Minute, Reads: 50, Writes: 50, Strangers: 3, Parallel: 2})
		Register(a, Operation{ID: "confirm-thing", Method: "POST", Path: "/api/v1/confirm", Tag: "thing", Summary: "Confirm", Permission: auth.ChangeApply, Audit: "change.confirm"},
			func(context.Context, *struct{}) (*Nothing, error) { return &Nothing{}, nil })
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() { ask(t, a, "POST", "/api/v1/things", "admin", `{"name":"slow"}`) })
		}
		synctest.Wait()
		if w := ask(t, a, "POST", "/api/v1/things", "admin", `{"name":"one"}`); w.Code != 503 || answered(w).Code != "busy" || w.Header().Get("Retry-After") != "1" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if w := ask(t, a, "POST", "/api/v1/confirm", "admin", ""); w.Code != 204 {
			t.Errorf("what is urgent waits: %d %s", w.Code, w.Body)
		}
		close(slow)
		all.Wait()
		if w := ask(t, a, "POST", "/api/v1/things", "admin", `{"name":"one"}`); w.Code != 201 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

func TestADeadlineIsAnAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(Options{Gate: gate{}})
		Register(a, Operation{ID: "get-late", Method: "GET", Path: "/late", Tag: "thing", Summary: "Late", Permission: auth.Open, Timeout: time.Second},
			func(ctx context.Context, _ *struct{}) (*Item[Thing], error) {
				<-ctx.Done()
				return nil, ctx.Err()
			})
		if w := ask(t, a, "GET", "/late", "", ""); w.Code != 504 || answered(w).Code != "timeout" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

// book is a Recorder that keeps what it is told, and may be out of order.
type book struct {
	audit.Nowhere
	broken error
	codes  []problem.Code
}

func (b *book) Ready(context.Context, *audit.Entry) error { return b.broken }
func (b *book) Finish(_ context.Context, e *audit.Entry, code problem.Code) {
	b.codes = append(b.codes, code)
}

func TestEveryAttemptIsWrittenDownAndWhatCannotBeIsNotDone(t *testing.T) {
	a, times, _ := counting(t, nil)
	b := &book{}
	a.options.Audit = b
	for _, tt := range []struct{ role, body string }{{"admin", `{"name":"one"}`}, {"viewer", `{"name":"one"}`}, {"", ""}, {"nonsense", ""}, {"admin", `{"name":"bad"}`}, {"admin", `{`}, {"admin", `{"name":"panic"}`}} {
		ask(t, a, "POST", "/api/v1/things", tt.role, tt.body)
	}
	if got := fmt.Sprint(b.codes); got != "[ forbidden unauthenticated unauthenticated already_exists bad_body internal]" {
		t.Errorf("%s", got)
	}
	b.broken = problem.New(problem.AuditUnavailable, "")
	done := times()
	if w := ask(t, a, "POST", "/api/v1/things", "admin", `{"name":"one"}`); w.Code != 503 || answered(w).Code != "audit_unavailable" || times() != done {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestNeitherQueryNorHeadersAreLogged(t *testing.T) {
	var log bytes.Buffer
	a := things(t)
	a.options.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	ask(t, a, "GET", "/api/v1/things?cursor=hunter2", "viewer", "", "Cookie: __Host-fcr=hunter2")
	ask(t, a, "PUT", "/api/v1/things/one", "admin", `{"name":"hunter2"}`, "If-Match: *")
	if strings.Contains(log.String(), "hunter2") || strings.Count(log.String(), "msg=request ") != 2 || !strings.Contains(log.String(), "code=bad_cursor") {
		t.Errorf("%s", &log)
	}
}

func TestWhoComesOverTheSocketIsLocalInTheLog(t *testing.T) {
	var log bytes.Buffer
	a := things(t)
	a.options.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	r := httptest.NewRequest("GET", "/api/v1/things", nil)
	r.RemoteAddr = "@" // as net/http has it of a unix socket
	a.ServeHTTP(httptest.NewRecorder(), r)
	if !strings.Contains(log.String(), "address=local") {
		t.Errorf("%s", &log)
	}
}

func TestBrowsersAreToldToBeCareful(t *testing.T) {
	w := ask(t, things(t), "GET", "/nothing", "", "")
	for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"} {
		if w.Header().Get(name) != want {
			t.Errorf("%s: %q", name, w.Header().Get(name))
		}
	}
	if !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") || w.Header().Get("X-Request-Id") == "" {
		t.Errorf("%v", w.Header())
	}
}

func TestAnOperationThatSaysTooLittleIsNoOperation(t *testing.T) {
	whole := Operation{ID: "put-thing", Method: "PUT", Path: "/t", Tag: "thing", Summary: "s", Permission: auth.AliasWrite, Audit: "thing.put"}
	for name, change := range map[string]func(*Operation){
		"whole":          func(*Operation) {},
		"no permission":  func(o *Operation) { o.Permission = "" },
		"no audit":       func(o *Operation) { o.Audit = "" },
		"no tag":         func(o *Operation) { o.Tag = "" },
		"no summary":     func(o *Operation) { o.Summary = "" },
		"no verb":        func(o *Operation) { o.ID = "thing" },
		"unknown code":   func(o *Operation) { o.Errors = []problem.Code{"nonsense"} },
		"unknown method": func(o *Operation) { o.Method = "BREW" },
		"a giant's body": func(o *Operation) { o.MaxBody = MaxBody + 1 },
	} {
		t.Run(name, func(t *testing.T) {
			op := whole
			change(&op)
			defer func() {
				if p := recover(); (p == nil) != (name == "whole") {
					t.Errorf("%v", p)
				}
			}()
			Register(New(Options{}), op, func(context.Context, *struct{}) (*Nothing, error) { return nil, nil })
		})
	}
}

func TestServeWritesItsOwnAnswerAndTellsErrorsBeforeIt(t *testing.T) {
	a := New(Options{Gate: gate{}})
	type input struct {
		Size int `query:"size" minimum:"0" maximum:"9"`
	}
	Serve(a, Operation{ID: "get-bytes", Method: "GET", Path: "/bytes", Tag: "thing", Summary: "Bytes", Permission: auth.Open, Errors: []problem.Code{problem.NotFound}}, "application/octet-stream",
		func(w http.ResponseWriter, _ *http.Request, in *input) error {
			switch in.Size {
			case 0:
				return problem.New(problem.NotFound, "")
			case 1:
				_, _ = w.Write([]byte("half"))
				return errors.New("the other half is missing")
			}
			w.Header().Set("Content-Type", "application/octet-stream")
			_, err := w.Write(make([]byte, in.Size))
			return err
		})
	if w := ask(t, a, "GET", "/bytes?size=5", "", ""); w.Code != 200 || w.Body.Len() != 5 || w.Header().Get("Content-Type") != "application/octet-stream" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if w := ask(t, a, "GET", "/bytes?size=0", "", ""); w.Code != 404 || answered(w).Code != "not_found" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := ask(t, a, "GET", "/bytes?size=10", "", ""); w.Code != 422 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("half an answer ended with %v", p)
		}
	}()
	ask(t, a, "GET", "/bytes?size=1", "", "")
}
