package operation

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fcredirect/mgmt/alarm"
	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/backup"
	"fcredirect/mgmt/bundle"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/config"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/job"
	"fcredirect/mgmt/monitor"
	"fcredirect/mgmt/peer"
	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/registry"
	"fcredirect/mgmt/settings"
	"fcredirect/mgmt/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gate knows everybody by the name of the role that is the token.
type gate struct{}

func (gate) Authenticate(r *http.Request) (*auth.Actor, error) {
	role, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok || !auth.Role(role).Valid() {
		return nil, problem.New(problem.Unauthenticated, "")
	}
	return &auth.Actor{Name: "a-" + role, Role: auth.Role(role), Door: auth.DoorToken}, nil
}

// node is everything that the operations ask: the other roles, the registry, the configuration.
type node struct {
	mu        sync.Mutex
	book      *alarm.Book
	events    []event.Event
	away      bool // the other roles do not run
	broken    bool // what they answer cannot be read
	instances []registry.Instance
	ordered   []string
	done      bool // orders are fulfilled
	pending   string
	active    string // what stands behind the policies
}

func (n *node) Call(_ context.Context, role, method string, request []byte) ([]byte, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.away {
		return nil, bus.ErrNoRole
	}
	if n.broken {
		return []byte("nonsense"), nil
	}
	switch role {
	case monitor.RoleName:
		return n.keep(method, request)
	case event.RoleName:
		return n.list(request)
	case peer.RoleName:
		return n.pair(method, request)
	}
	return nil, bus.ErrNoRole
}

// keep is role monitor.
func (n *node) keep(method string, request []byte) ([]byte, error) {
	var q struct {
		monitor.AcknowledgeRequest
		ID     string
		Until  time.Time
		Reason string
	}
	if err := json.Unmarshal(request, &q); err != nil {
		return nil, err
	}
	var err error
	switch now := time.Now(); method {
	case monitor.MethodAcknowledge:
		_, err = n.book.Acknowledge(now, q.Code, q.Subject, q.By, q.Note)
	case monitor.MethodUnacknowledge:
		_, err = n.book.Unacknowledge(now, q.Code, q.Subject)
	case monitor.MethodMute:
		err = n.book.Mute(now, alarm.Mute{ID: q.ID, Code: q.Code, Subject: q.Subject, Until: q.Until, Reason: q.Reason, By: q.By})
	case monitor.MethodUnmute:
		_, err = n.book.Unmute(now, q.ID)
	}
	switch {
	case errors.Is(err, alarm.ErrNotActive), errors.Is(err, alarm.ErrNoMute):
		return nil, &bus.Error{Code: monitor.CodeNotFound, Text: err.Error()}
	case errors.Is(err, alarm.ErrMutesFull):
		return nil, &bus.Error{Code: monitor.CodeFull, Text: err.Error()}
	case err != nil:
		return nil, &bus.Error{Code: monitor.CodeInvalid, Text: err.Error()}
	}
	return json.Marshal(monitor.Answer{Alarms: n.book.List(), Mutes: n.book.Mutes()})
}

// pair is role peer of a node whose partner is fcr-b, and stands ready.
func (n *node) pair(method string, request []byte) ([]byte, error) {
	all := []peer.Peer{{Name: "fcr-t", State: "self"}, {Name: "fcr-b", State: "synced", Partner: true}, {Name: "fcr-c", State: "away", Lag: 9}}
	var q peer.HandOverRequest
	if err := json.Unmarshal(request, &q); err != nil {
		return nil, err
	}
	switch {
	case method == peer.MethodList:
		return json.Marshal(peer.ListAnswer{Peers: all})
	case q.Name == "fcr-x":
		return nil, &bus.Error{Code: peer.CodeUnknown, Text: "no peer is called so"}
	case q.Name == "fcr-c" && method == peer.MethodSync:
		return nil, &bus.Error{Code: peer.CodeAway, Text: "fcr-c is not connected"}
	case q.Name == "fcr-c":
		return nil, &bus.Error{Code: peer.CodeNoPair, Text: "fcr-c is not the partner"}
	case method == peer.MethodSync:
		n.ordered = append(n.ordered, q.By+" sync")
		return json.Marshal(all[1])
	case q.Check:
		return json.Marshal(peer.HandOverAnswer{Obstacles: []string{"fcr-b is not ready"}})
	case !q.Force:
		return nil, &bus.Error{Code: peer.CodeRefused, Text: "fcr-b is not ready"}
	}
	n.ordered = append(n.ordered, q.By+" handover")
	return json.Marshal(peer.HandOverAnswer{Done: true, Obstacles: []string{"fcr-b is not ready"}, TookMS: 2})
}

// list is role event.
func (n *node) list(request []byte) ([]byte, error) {
	var q event.ListRequest
	if err := json.Unmarshal(request, &q); err != nil {
		return nil, err
	}
	a := event.ReadAnswer{Events: []event.Event{}}
	for _, e := range n.events {
		for _, t := range q.Types {
			if t == e.Type.String() && e.Number > q.After && (q.Before == 0 || e.Number < q.Before) {
				a.Events = append(a.Events, e)
			}
		}
	}
	if over := len(a.Events) - q.Max; over > 0 && q.Newest() {
		a.Events = a.Events[over:]
	} else if over > 0 {
		a.Events = a.Events[:q.Max]
	}
	return json.Marshal(a)
}

func (n *node) List() []registry.Instance   { return n.instances }
func (n *node) Members() []registry.Process { return nil }

func (n *node) Command(role string, shard int, c registry.Command) ([]registry.Order, error) {
	for _, i := range n.instances {
		if i.Role == role {
			n.ordered = append(n.ordered, c.String()+" "+role)
			return []registry.Order{{Role: role, Shard: max(shard, 0), Command: c}}, nil
		}
	}
	return nil, registry.ErrNoRole
}

func (n *node) Fulfilled(o registry.Order) (bool, registry.Instance) { return n.done, n.instances[0] }

func (n *node) Subscribe(ctx context.Context, _, _ string, _ []byte, _ func([]byte) ([]byte, error)) error {
	<-ctx.Done()
	return ctx.Err()
}

func (n *node) Set(alarm.Code, string, string) {}
func (n *node) Unset(alarm.Code, string)       {}

func (n *node) Documents(context.Context) ([]byte, uint64, []byte, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var pending []byte
	if n.pending != "" {
		pending = []byte(n.pending)
	}
	return []byte("policies: []\n" + n.active), 3, pending, nil
}
func (n *node) History(context.Context) ([]byte, error) { return nil, nil }
func (n *node) Put(_ context.Context, who string, text []byte, dry bool) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !dry {
		n.pending = who + ": " + string(text)
	}
	return nil
}

func (n *node) set(do func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	do()
}

// rig is a served interface.
type rig struct {
	t      *testing.T
	server *httptest.Server
	node   *node
	deps   Deps
}

func newRig(t *testing.T) *rig {
	t.Helper()
	dir := t.TempDir()
	book, err := alarm.NewBook(alarm.Catalogue)
	if err != nil {
		t.Fatal(err)
	}
	n := &node{book: book, done: true, instances: []registry.Instance{
		{Role: "store", State: registry.Running, Active: true, Alive: true, PID: 7}, {Role: "api", State: registry.Running, Active: true, Alive: true, PID: 7},
	}}
	store, err := settings.Open(settings.Options{Dir: filepath.Join(dir, "settings")})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, node: n, deps: Deps{
		Config: &config.Config{Node: "fcr-t", StateDir: dir}, Version: "1", Started: time.Now(), Registry: n, Bus: n, Live: attach.NewLive(attach.Place{Dir: filepath.Join(dir, "none")}),
		Settings: store, Certificate: func() time.Time { return time.Now().Add(time.Hour) },
	}}
	if r.deps.Jobs, err = job.Open(job.Options{Dir: dir}); err != nil {
		t.Fatal(err)
	}
	if r.deps.Webhooks, err = webhook.New(webhook.Options{Settings: store, Bus: n, Alarms: n, Dir: dir, Node: "fcr-t"}); err != nil {
		t.Fatal(err)
	}
	if r.deps.Backups, err = backup.New(backup.Options{Dir: filepath.Join(dir, "backups"), Settings: store, Configuration: n, Roles: []byte("{}"), Node: "fcr-t"}); err != nil {
		t.Fatal(err)
	}
	sources := []bundle.Source{{Name: "x.txt", Collect: func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, "password=hunter2")
		return err
	}}}
	if r.deps.Bundles, err = bundle.New(bundle.Options{Dir: filepath.Join(dir, "bundles"), Sources: sources}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { r.deps.Jobs.Run(ctx) })
	running.Go(func() { r.deps.Webhooks.Run(ctx) })
	a := rest.New(rest.Options{Gate: gate{}, Version: "test"})
	Register(a, r.deps)
	r.server = httptest.NewServer(a)
	t.Cleanup(func() {
		cancel()
		running.Wait()
		r.server.Close()
		r.server.Client().CloseIdleConnections()
		store.Close()
	})
	return r
}

// open sends a request; headers stand behind the body, name and value in turn.
func (r *rig) open(method, path, role, body string, headers ...string) *http.Response {
	r.t.Helper()
	q, err := http.NewRequestWithContext(r.t.Context(), method, r.server.URL+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+role)
	if body != "" {
		q.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		q.Header.Set(headers[i], headers[i+1])
	}
	res, err := r.server.Client().Do(q)
	if err != nil {
		r.t.Fatal(err)
	}
	return res
}

// ask sends a request, wants a status, and reads the answer into a value, if there is one.
func (r *rig) ask(want int, into any, method, path, role, body string, headers ...string) *http.Response {
	r.t.Helper()
	res := r.open(method, path, role, body, headers...)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && into != nil {
		if s, ok := into.(*string); ok {
			*s = string(text)
		} else {
			err = json.Unmarshal(text, into)
		}
	}
	if err != nil || res.StatusCode != want {
		r.t.Fatalf("%s %s: %d %s, %v", method, path, res.StatusCode, text, err)
	}
	return res
}

// ended waits for the job that a request began.
func (r *rig) ended(method, path, role, body string) (j job.Job) {
	r.t.Helper()
	res := r.ask(http.StatusAccepted, nil, method, path, role, body)
	id := strings.TrimPrefix(res.Header.Get("Location"), "/api/v1/jobs/")
	j, err := r.deps.Jobs.Wait(r.t.Context(), id)
	if err != nil {
		r.t.Fatal(err)
	}
	r.ask(http.StatusOK, &j, "GET", res.Header.Get("Location"), "viewer", "")
	return j
}
