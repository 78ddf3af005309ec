package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"fcredirect/mgmt/event"
	"fcredirect/mgmt/problem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// log is a log of events, and the role that keeps it.
type log struct {
	mu      sync.Mutex
	events  []string
	full    bool // nothing can be queued
	away    bool // nothing becomes durable, and nobody answers
	waiting int  // events that are not durable
	flushes int
	probes  int
}

func (l *log) Append(ctx context.Context, t event.Type, f event.Fields) error {
	b, err := event.Encode(t, f)
	if err == nil {
		err = event.CheckFields(b)
	}
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return err
	}
	l.mu.Lock()
	full := l.full
	if !full {
		l.events = append(l.events, t.String()+" "+string(b))
		l.waiting++
	}
	l.mu.Unlock()
	if full {
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (l *log) Flush(ctx context.Context) error {
	l.mu.Lock()
	l.flushes++
	if !l.away {
		l.waiting = 0
	}
	wait := l.waiting > 0
	l.mu.Unlock()
	if wait {
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (l *log) Call(ctx context.Context, role, method string, request []byte) ([]byte, error) {
	var q event.AppendRequest
	if err := json.Unmarshal(request, &q); err != nil || role != event.RoleName || method != event.MethodAppend || len(q.Events) != 0 || q.Instance == 0 {
		return nil, errors.New("another request than expected")
	}
	l.mu.Lock()
	l.probes++
	away := l.away
	l.mu.Unlock()
	if away {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return nil, nil
}

func (l *log) set(full, away bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.full, l.away = full, away
}

func (l *log) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.events...)
}

var there = netip.MustParseAddr("192.0.2.7")

// play lets a request be made and ended.
func play(r Recorder, request Request, by bool, code problem.Code, do func(context.Context)) {
	if !request.Address.IsValid() {
		request.Address = there
	}
	ctx, e := Begin(context.Background(), request)
	if by {
		e.By("alice", "admin", "web")
	}
	if do != nil {
		do(ctx)
	}
	r.Finish(ctx, e, code)
}

func TestWhatLeavesATrace(t *testing.T) {
	for _, tt := range []struct {
		name    string
		write   bool
		by      bool // it is known who
		claimed bool // credentials were presented
		code    problem.Code
		want    string
	}{
		{"a write that was done", true, true, true, "", "audit.write"},
		{"a read that was done", false, true, true, "", ""},
		{"a read of what is not there", false, true, true, problem.NotFound, ""},
		{"a write to what is not there", true, true, true, problem.NotFound, "audit.refused"},
		{"a write that is stale", true, true, true, problem.PreconditionFailed, "audit.refused"},
		{"a read that is forbidden", false, true, true, problem.Forbidden, "audit.refused"},
		{"a read with a bad token", false, false, true, problem.Unauthenticated, "audit.refused"},
		{"a read with an old cookie", false, false, true, problem.SessionExpired, "audit.refused"},
		{"a read of nobody", false, false, false, problem.Unauthenticated, ""},
		{"a write of nobody", true, false, false, problem.Unauthenticated, ""},
		{"a read that failed inside", false, true, true, problem.Internal, "audit.failed"},
		{"a write that failed inside", true, true, true, problem.Internal, "audit.failed"},
		{"a write without a database", true, true, true, problem.DatabaseUnavailable, "audit.failed"},
		{"a read of nobody that failed inside", false, false, false, problem.Internal, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := &log{}
			r := New(Options{Events: l})
			ctx, e := Begin(t.Context(), Request{Action: "alias.put", Object: "/api/v1/aliases/a", Write: tt.write, Address: there, ID: "R1"})
			if tt.claimed {
				e.Claims("alice", "web")
			}
			if tt.by {
				e.By("alice", "admin", "web")
			}
			Object(ctx, "alias/a")
			r.Finish(ctx, e, tt.code)
			r.Finish(ctx, e, tt.code) // once is enough
			got := l.all()
			if tt.want == "" && len(got) != 0 || tt.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], tt.want+" ")) {
				t.Fatalf("%v, want %q", got, tt.want)
			}
			if tt.want != "" && !strings.Contains(got[0], `"object":"alias/a"`) {
				t.Errorf("%v", got)
			}
		})
	}
}

func TestAnEntryTellsAll(t *testing.T) {
	l := &log{}
	play(New(Options{Events: l}), Request{Action: "alias.put", Write: true, ID: "R1"}, true, "", func(ctx context.Context) {
		Object(ctx, "alias/host-1")
		Before(ctx, map[string]string{"wwpn": "old"})
		After(ctx, map[string]string{"wwpn": "new"})
	})
	want := `audit.write {"who":"alice","role":"admin","door":"web","address":"192.0.2.7","action":"alias.put","object":"alias/host-1","result":"ok",` +
		`"request_id":"R1","before":"{\"wwpn\":\"old\"}","after":"{\"wwpn\":\"new\"}"}`
	if got := l.all(); len(got) != 1 || got[0] != want {
		t.Errorf("%v\nwant %s", got, want)
	}
	var none *Entry // who is not recorded need not ask
	none.By("a", "b", "c")
	none.Claims("a", "b")
	none.As(1, 2)
	none.Action("x")
	Object(t.Context(), "x")
	Before(t.Context(), 1)
	After(t.Context(), 1)
	New(Options{Events: l}).Finish(t.Context(), none, "")
	if err := New(Options{Events: l}).Ready(t.Context(), none); err != nil {
		t.Error(err)
	}
}

func TestAWriteIsDurableBeforeItIsAnswered(t *testing.T) {
	l := &log{}
	r := New(Options{Events: l, Caller: l})
	play(r, Request{Action: "alias.put", Write: true}, true, "", nil)
	if l.waiting != 0 || l.flushes != 1 {
		t.Errorf("%d wait, %d flushes", l.waiting, l.flushes)
	}
	for range 5 {
		play(r, Request{Action: "alias.put", Write: true}, true, problem.Forbidden, nil)
	}
	if l.flushes != 1 {
		t.Error("an answer to somebody who is refused waits for the disk")
	}
}

func TestWhatWasDoneIsWrittenDownAlsoForOneWhoIsGone(t *testing.T) {
	l := &log{}
	gone, cancel := context.WithCancel(t.Context())
	ctx, e := Begin(gone, Request{Action: "alias.put", Write: true})
	e.By("alice", "admin", "web")
	cancel()
	New(Options{Events: l}).Finish(ctx, e, "")
	if got := l.all(); len(got) != 1 || l.waiting != 0 {
		t.Errorf("%v, %d wait", got, l.waiting)
	}
}

func TestWritesAreRefusedWhileNothingCanBeWrittenDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &log{}
		var own strings.Builder
		r := New(Options{Events: l, Caller: l, Log: slog.New(slog.NewTextHandler(&own, nil))})
		ready := func(action string, write bool) error {
			ctx, e := Begin(t.Context(), Request{Action: action, Write: write, ID: "R9"})
			begin := time.Now()
			defer func() {
				if took := time.Since(begin); took > probeTimeout {
					t.Errorf("%s took %v", action, took)
				}
			}()
			return r.Ready(ctx, e)
		}
		if err := ready("alias.put", true); err != nil {
			t.Fatal(err)
		}
		l.set(false, true)
		if err := ready("alias.put", true); !problem.Is(err, problem.AuditUnavailable) {
			t.Errorf("a write: %v", err)
		}
		if err := ready("list-aliases", false); err != nil {
			t.Errorf("a read: %v", err)
		}
		for _, action := range []string{"change.confirm", "change.revert", "session.create", "session.delete"} {
			if err := ready(action, true); err != nil {
				t.Errorf("%s: %v", action, err)
			}
		}
		if got := own.String(); strings.Count(got, "request_id=R9") != 4 {
			t.Errorf("the daemon's own log says %s", got)
		}

		// It went away between the two: what was done is told, late and by the log of the daemon, and the next one waits.
		begin := time.Now()
		play(r, Request{Action: "alias.put", Write: true}, true, "", nil)
		if took := time.Since(begin); took != flushTimeout {
			t.Errorf("the answer waited %v", took)
		}
		if !strings.Contains(own.String(), "not in the log of events yet") {
			t.Errorf("%s", own.String())
		}
		l.set(false, false)
		if err := ready("alias.put", true); err != nil {
			t.Errorf("it is back: %v", err)
		}
		if l.waiting != 0 {
			t.Error("a write goes on before the last one is written down")
		}
		l.set(true, false)
		begin = time.Now()
		play(r, Request{Action: "alias.put", Write: true}, true, "", nil)
		if took := time.Since(begin); took > time.Second {
			t.Errorf("a full queue held the answer for %v", took)
		}
	})
}

func TestAFloodOfRefusedAttemptsCostsLittleAndIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &log{}
		r := New(Options{Events: l})
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { r.Run(ctx) })
		const each = 400
		for i := range 50 * each { // 50 networks, an hour
			a := netip.MustParseAddr(fmt.Sprintf("2001:db8:0:%x::%x", i%50, i%0xffff))
			play(r, Request{Action: "session.create", Write: true, Address: a}, true, problem.Forbidden, nil)
			if i%20 == 0 {
				time.Sleep(3600 * time.Millisecond)
			}
		}
		time.Sleep(time.Second) // not at the summary's own time
		stop()
		running.Wait()
		single, counted := 0, 0
		bytes := 0
		for _, e := range l.all() {
			bytes += len(e)
			if rest, ok := strings.CutPrefix(e, "audit.summary "); ok {
				var s struct{ Count int }
				if err := json.Unmarshal([]byte(rest), &s); err != nil {
					t.Fatal(err)
				}
				counted += s.Count
			} else {
				single++
			}
		}
		if single+counted != 50*each {
			t.Errorf("%d one by one and %d counted, of %d", single, counted, 50*each)
		}
		if single > totalBurst+3600/2+60 || bytes > 2<<20 {
			t.Errorf("%d one by one, %d KiB", single, bytes>>10)
		}
		// Somebody else who is refused in the middle of it is still told.
		time.Sleep(3 * time.Second)
		play(r, Request{Action: "user.put", Write: true}, true, problem.Forbidden, nil)
		if all := l.all(); !strings.Contains(all[len(all)-1], "user.put") {
			t.Errorf("%s", all[len(all)-1])
		}
	})
}

func TestSourcesThatAreRememberedAreBounded(t *testing.T) {
	now := time.Now()
	f := newFlood(now)
	for i := range 2 * maxSources {
		f.admit(source{address: fmt.Sprint(i), code: problem.Forbidden}, now)
	}
	if len(f.sources) > maxSources || len(f.counted) > maxSummary+1 {
		t.Errorf("%d sources, %d kinds", len(f.sources), len(f.counted))
	}
	if !f.admit(source{address: "new"}, now.Add(time.Hour)) || len(f.sources) > maxSources {
		t.Errorf("an hour later: %d sources", len(f.sources))
	}
}

type nested struct {
	Name   string `json:"name"`
	Secret string `json:"shown,omitempty" secret:"true"`
}

type embedded struct {
	Key string `json:"key" secret:"true"`
	Top string `json:"top"`
}

type planted struct {
	embedded
	nested   `json:"inner"`
	Password string            `json:"new_password"`
	Hidden   string            `json:"-"`
	List     []nested          `json:"list"`
	ByName   map[string]nested `json:"by_name"`
	Headers  map[string]string `json:"headers"`
	Any      any               `json:"any"`
	Pointer  *nested           `json:"pointer"`
	Raw      json.RawMessage   `json:"raw"`
	At       time.Time         `json:"at"`
	Address  netip.Addr        `json:"address"`
	Bytes    []byte            `json:"bytes"`
	Empty    []string          `json:"empty,omitempty"`
	Zero     time.Time         `json:"zero,omitzero"`
	None     *nested           `json:"none"`
	Number   uint64            `json:"number"`
	private  string
}

const hidden = "PLANTED"

func TestSecretsAreLeftOutWhereverTheyAre(t *testing.T) {
	n := nested{Name: "n", Secret: hidden}
	v := planted{
		embedded: embedded{Key: hidden, Top: "top"}, nested: n, Password: hidden, Hidden: hidden, List: []nested{n}, ByName: map[string]nested{"a": n},
		Headers: map[string]string{"Authorization": hidden, "X-Api-Key": hidden, "Accept": "json"}, Any: []any{n, map[string]any{"passphrase": hidden, "deep": map[string]any{"Set-Cookie": hidden}}},
		Pointer: &n, Raw: json.RawMessage(`{"client_secret":"` + hidden + `","fine":[{"private_key":"` + hidden + `"}],"n":12345678901234567890}`),
		At: time.Unix(5, 0).UTC(), Address: there, Bytes: []byte("abc"), Number: 1 << 63, private: hidden,
	}
	got := string(encode(&v).text)
	if strings.Contains(got, hidden) || !json.Valid([]byte(got)) {
		t.Fatalf("%s", got)
	}
	want := `{"top":"top","inner":{"name":"n"},"list":[{"name":"n"}],"by_name":{"a":{"name":"n"}},"headers":{"Accept":"json"},` +
		`"any":[{"name":"n"},{"deep":{}}],"pointer":{"name":"n"},"raw":{"fine":[{}],"n":12345678901234567890},"at":"1970-01-01T00:00:05Z",` +
		`"address":"192.0.2.7","bytes":"YWJj","none":null,"number":9223372036854775808}`
	if got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// Whatever has no secrets is written as encoding/json writes it.
func TestStatesAreJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := draw(t, 3)
		text := encode(v).text
		var again any
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		plain, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var want any
		if err := json.Unmarshal(plain, &want); err != nil {
			t.Fatal(err)
		}
		if v != nil && !reflect.DeepEqual(again, want) {
			t.Errorf("%s, want %s", text, plain)
		}
	})
}

func draw(t *rapid.T, depth int) any {
	kinds := 5
	if depth > 0 {
		kinds = 8
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return rapid.String().Draw(t, "text")
	case 1:
		return rapid.Int64().Draw(t, "number")
	case 2:
		return rapid.Bool().Draw(t, "truth")
	case 3:
		return rapid.Float64Range(-1e9, 1e9).Draw(t, "fraction")
	case 4:
		return []string(nil)
	case 5:
		m := map[string]any{}
		for range rapid.IntRange(0, 3).Draw(t, "members") {
			m["k"+rapid.StringN(0, 5, 9).Draw(t, "name")] = draw(t, depth-1)
		}
		return m
	case 6:
		return []any{draw(t, depth-1), draw(t, depth-1)}
	}
	return struct {
		A any `json:"a"`
		B any `json:"b,omitempty"`
	}{draw(t, depth-1), draw(t, depth-1)}
}

type loop struct {
	Self *loop `json:"self"`
}

func TestStatesAreCutAndTheLogTakesThem(t *testing.T) {
	big := map[string]string{}
	for i := range 400 {
		big[fmt.Sprintf("n%03d", i)] = "same"
	}
	changed := map[string]string{}
	for k, v := range big {
		changed[k] = v
	}
	changed["n007"] = "another"
	before, after := texts(encode(big), encode(changed))
	if before != `{"n007":"same"}` || after != `{"n007":"another"}` {
		t.Errorf("%s, %s", before, after)
	}
	self := &loop{}
	self.Self = self
	for name, v := range map[string]any{
		"a loop": self, "control characters": strings.Repeat("\x01", 1<<20), "text": strings.Repeat("é\"", 1<<20), "wide": make([]int, 1<<21),
		"a function": func() {}, "a channel": map[string]any{"c": make(chan int)}, "not a number": map[string]float64{"x": nan()},
	} {
		l := &log{}
		play(New(Options{Events: l}), Request{
			Action: strings.Repeat("\x02", 9999), Object: strings.Repeat("\xff", 9999), Write: true, ID: strings.Repeat("\"", 9999),
		}, true, "", func(ctx context.Context) {
			From(ctx).By(strings.Repeat("\x00", 9999), strings.Repeat("\x03", 9999), "web")
			Before(ctx, v)
			After(ctx, v)
		})
		if got := l.all(); len(got) != 1 {
			t.Errorf("%s: the log took %d", name, len(got))
		}
	}
}

func nan() float64 { zero := 0.0; return zero / zero }

func TestAHandlerThatOutlivesItsRequestChangesNothing(t *testing.T) {
	l := &log{}
	r := New(Options{Events: l})
	ctx, e := Begin(t.Context(), Request{Action: "alias.put", Write: true})
	e.By("alice", "admin", "web")
	var group sync.WaitGroup
	group.Go(func() {
		for range 100 {
			Object(ctx, "alias/a")
			After(ctx, 1)
		}
	})
	r.Finish(ctx, e, problem.Timeout)
	group.Wait()
	r.Finish(ctx, e, "")
	if got := l.all(); len(got) != 1 || !strings.Contains(got[0], "timeout") {
		t.Errorf("%v", got)
	}
}

// Nothing that the package lets others do takes an event back.
func TestARecorderOnlyAdds(t *testing.T) {
	events := reflect.TypeFor[Events]()
	for i := range events.NumMethod() {
		if name := events.Method(i).Name; name != "Append" && name != "Flush" {
			t.Errorf("the log of events is also asked to %s", name)
		}
	}
	recorder := reflect.TypeFor[*Log]()
	for i := range recorder.NumMethod() {
		if name := recorder.Method(i).Name; name != "Ready" && name != "Finish" && name != "Run" {
			t.Errorf("Log has a method %s", name)
		}
	}
}
