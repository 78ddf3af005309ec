package apifuzz

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fcredirect/mgmt/auth"
)

const (
	defaultSeconds = 15
	shortSeconds   = 5 // with -short, under the race detector
	workers        = 3
	maxAnswer      = 32 << 20
	maxFindings    = 20
)

// asked says for each operation how often it was answered, and how often with success.
type asked struct {
	mu       sync.Mutex
	answers  map[string]map[int]int
	findings []string
	known    map[string]bool // what was found already: the same of the same operation is told once
}

func (a *asked) count(id string, status int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.answers[id] == nil {
		a.answers[id] = map[int]int{}
	}
	a.answers[id][status]++
}

func (a *asked) find(what, format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.known[what] && len(a.findings) < maxFindings {
		a.known[what] = true
		a.findings = append(a.findings, fmt.Sprintf(format, args...))
	}
}

func number(t *testing.T, name string, usual int64) int64 {
	text := os.Getenv(name)
	if text == "" {
		return usual
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatalf("%s is %q: want a number", name, text)
	}
	return n
}

// TestTheInterfaceIsAsItsDescriptionSays runs both tests on one node: making one takes longer than asking.
func TestTheInterfaceIsAsItsDescriptionSays(t *testing.T) {
	n := start(t)
	d := n.describe(t)
	t.Run("the matrix of permissions is the golden one", func(t *testing.T) { n.matrix(t, d) })
	t.Run("the command line can do what it describes", n.cli)
	t.Run("no input breaks it", func(t *testing.T) { n.fuzz(t, d) })
}

// fuzz asks everything as everybody until the time is over.
func (n *node) fuzz(t *testing.T, d *description) {
	usual := int64(defaultSeconds)
	if testing.Short() {
		usual = shortSeconds
	}
	seed := uint64(number(t, "FCR_FUZZ_SEED", time.Now().UnixNano()))
	length := time.Duration(number(t, "FCR_FUZZ_SECONDS", usual)) * time.Second
	t.Logf("seed %d (FCR_FUZZ_SEED), %d operations, %v", seed, len(d.operations), length)

	all := &asked{answers: map[string]map[int]int{}, known: map[string]bool{}}
	var done atomic.Int64
	var running sync.WaitGroup
	until := time.Now().Add(length)
	for w := range workers {
		running.Go(func() {
			f := &fuzzer{n: w, node: n, d: d, all: all, t: t, g: &generator{Rand: rand.New(rand.NewPCG(seed, uint64(w))), d: d, seen: map[string][]string{}}}
			for round := w; time.Now().Before(until); round++ {
				op := d.operations[round%len(d.operations)]
				if f.g.one(3) { // some come before others can: what exists is asked for by name
					op = d.operations[f.g.IntN(len(d.operations))]
				}
				if spared(op) {
					continue
				}
				f.ask(f.g.make(op))
				done.Add(1)
			}
		})
	}
	running.Wait()
	for _, finding := range all.findings {
		t.Error(finding)
	}
	succeeded := 0
	for _, op := range d.operations {
		good := false
		for status := range all.answers[op.ID] {
			good = good || status < 400
		}
		if good {
			succeeded++
		} else if !spared(op) {
			t.Logf("%s never succeeded: %v", op.ID, all.answers[op.ID])
		}
	}
	t.Logf("%d requests; %d of %d operations succeeded at least once", done.Load(), succeeded, len(d.operations))
	if done.Load() < int64(len(d.operations))/2 { // a loaded machine, under the race detector
		t.Errorf("%d requests are too few for %d operations", done.Load(), len(d.operations))
	}
}

// spared are operations that would end the test, not the appliance: streams that go on, and what takes away the roles that
// it asks.
func spared(op *operation) bool {
	_, stream := op.Responses["101"]
	return stream
}

// fuzzer is one of those that ask.
type fuzzer struct {
	n    int
	node *node
	d    *description
	g    *generator
	all  *asked
	t    *testing.T
}

// ask sends a request as somebody and judges the answer.
func (f *fuzzer) ask(r *request) {
	role, token := f.somebody()
	in, err := f.build(r, token)
	if err != nil {
		return // Go's client does not send such
	}
	ctx, cancel := context.WithTimeout(context.Background(), f.patience(r.op))
	defer cancel()
	out, err := f.node.remote.Do(in.WithContext(ctx))
	if err != nil {
		if !tolerable(r, err) {
			f.all.find(r.op.ID+" no answer", "%v as %s: %v\n%s", r, role, err, f.node.log.about("panicked"))
		}
		return
	}
	defer out.Body.Close()
	body, err := io.ReadAll(io.LimitReader(out.Body, maxAnswer))
	if err != nil && !tolerable(r, err) && !(out.StatusCode < 400 && endless(r.op)) {
		f.all.find(r.op.ID+" half an answer", "%v as %s: %d, and then %v", r, role, out.StatusCode, err)
		return
	}
	f.all.count(r.op.ID, out.StatusCode)
	if err := f.judge(r, role, out, body); err != nil {
		id := out.Header.Get("X-Request-Id")
		f.all.find(r.op.ID+err.Error(), "%v as %s: %d %.1000s\n%v\n%s", r, role, out.StatusCode, body, err, f.node.log.about(id))
	}
	if out.StatusCode == http.StatusUnauthorized && auth.Role(role).Valid() && f.node.token(who{auth.Role(role), f.n}) == token {
		f.node.enrol(f.t, who{auth.Role(role), f.n}) // somebody took the account or its token away
	}
}

// endless says whether an answer may go on: a file that is still written.
func endless(op *operation) bool {
	for status, r := range op.Responses {
		for media := range r.Content {
			if status < "400" && media == "application/x-pcapng" {
				return true
			}
		}
	}
	return false
}

func (f *fuzzer) patience(op *operation) time.Duration {
	if endless(op) {
		return 300 * time.Millisecond
	}
	return patience
}

// somebody is one of the roles, nobody, or who has a token that is none.
func (f *fuzzer) somebody() (role, token string) {
	switch f.g.IntN(12) {
	case 0:
		return "nobody", ""
	case 1:
		return "stranger", pick(f.g, canary, "fcr_"+f.g.letters(16)+"_"+f.g.letters(32), "a b", strings.Repeat("x", 5000))
	case 2, 3, 4, 5, 6, 7:
		return string(auth.Admin), f.node.token(who{auth.Admin, f.n})
	}
	some := pick(f.g, auth.Roles()...)
	return string(some), f.node.token(who{some, f.n})
}

func (f *fuzzer) build(r *request, token string) (*http.Request, error) {
	in, err := http.NewRequest(r.op.method, f.node.base+r.path, bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	for name, value := range r.header {
		in.Header.Set(name, value)
	}
	if token != "" {
		in.Header.Set("Authorization", "Bearer "+token)
	}
	return in, nil
}

// tolerable are ends of a connection that the interface is right to make: a body that is refused before it was sent.
func tolerable(r *request, err error) bool {
	var u *url.Error
	if errors.As(err, &u) && (strings.Contains(u.Err.Error(), "invalid header") || strings.Contains(u.Err.Error(), "net/http: invalid")) {
		return true
	}
	return len(r.body) > 1<<20 && (strings.Contains(err.Error(), "reset") || strings.Contains(err.Error(), "broken pipe") || strings.Contains(err.Error(), "closed"))
}

// judge says what is wrong with an answer.
func (f *fuzzer) judge(r *request, role string, out *http.Response, body []byte) error {
	status := out.StatusCode
	if status < 400 {
		if !may(role, r.op.Permission) {
			return fmt.Errorf("%s has no %s", role, r.op.Permission)
		}
		if strings.HasPrefix(r.spoiled, "an unknown parameter") {
			return errors.New("an unknown parameter is no error")
		}
	}
	if out.Header.Get("Set-Cookie") != "" && strings.Contains(out.Header.Get("Set-Cookie"), canary) {
		return errors.New("it sets somebody's cookie")
	}
	if status >= 400 {
		return f.judgeProblem(r, out, body)
	}
	s, known := f.d.answers(r.op, status, out.Header.Get("Content-Type"))
	if !known && !(status == http.StatusNotModified || len(body) == 0) {
		return fmt.Errorf("an answer of status %d and type %q is not described", status, out.Header.Get("Content-Type"))
	}
	if _, declared := r.op.Responses[strconv.Itoa(status)]; !declared && status != http.StatusNotModified && status != http.StatusCreated && status != http.StatusOK && status != http.StatusNoContent {
		return fmt.Errorf("status %d is not described", status)
	}
	if media, _, _ := strings.Cut(out.Header.Get("Content-Type"), ";"); s == nil || media != "application/json" {
		return nil
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	f.g.remember(r.op.Tags[0]+".", v)
	return f.d.check("the answer", s, v)
}

func (f *fuzzer) judgeProblem(r *request, out *http.Response, body []byte) error {
	var p struct {
		Code   string
		Status int
	}
	var v any
	if out.Header.Get("Content-Type") != "application/problem+json" || json.Unmarshal(body, &p) != nil || json.Unmarshal(body, &v) != nil {
		return fmt.Errorf("%q is no problem", out.Header.Get("Content-Type"))
	}
	if err := f.d.check("the problem", f.d.Components.Schemas["Problem"], v); err != nil {
		return err
	}
	if p.Status != out.StatusCode {
		return fmt.Errorf("the problem's status is %d", p.Status)
	}
	if out.StatusCode == http.StatusInternalServerError {
		return errors.New("something broke inside")
	}
	// The name of a member or of a parameter may come back, for it is a place; its value never.
	if echoed := bytes.Count(body, []byte(canary)); echoed > 0 && !bytes.Contains(body, []byte(`"location"`)) {
		return errors.New("what was refused comes back")
	}
	if lost := out.StatusCode == http.StatusNotFound || out.StatusCode == http.StatusMethodNotAllowed; lost && strings.Contains(r.op.path, "{") {
		return nil // a name may make another path
	}
	declared := r.op.Responses[strconv.Itoa(out.StatusCode)]
	if !slices.Contains(declared.Codes, p.Code) {
		return fmt.Errorf("%s is not among the problems that are described: %v", p.Code, declared.Codes)
	}
	return nil
}

// may says whether who asks may have success.
func may(role string, p auth.Permission) bool {
	return p == auth.Open || auth.Role(role).May(p)
}
