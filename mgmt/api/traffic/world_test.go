package traffic

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"go.uber.org/goleak"

	"fcredirect/dataplane/command"
	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/flowindex"
	"fcredirect/mgmt/hub"
	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/settings"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a node: a segment as a data plane writes it, by hand, and the interface over it.
type world struct {
	t        testing.TB
	seg      *shm.Segment
	shard    *flow.Shard
	settings *settings.Store
	ahead    *Ahead
	api      *rest.API
	role     auth.Role

	mu    sync.Mutex
	gone  bool
	roles func(method string, request []byte) ([]byte, error)
}

const (
	epoch         = 1_767_225_600_000_000_000 // 2026-01-01 00:00 UTC
	host1, host2  = frame.WWN(0x200002fc01000001), frame.WWN(0x200002fc01000002)
	arrayA        = frame.WWN(0x500a098000000001)
	redirectedID  = "0-100-200002fc01000001-500a098000000001"
	forwardedID   = "0-100-200002fc01000002-500a098000000001"
	policyText    = "aliases: {host-1: 20:00:02:fc:01:00:00:01, array-a: 50:0a:09:80:00:00:00:01}\nservices: [{name: inspect, mode: steer, port: svc0, mac: \"02:fc:5e:00:00:01\"}]\npolicies: [{name: watch, match: {initiator: host-1}, action: redirect, service: inspect}]\n"
	unknownFlow   = "0-100-200002fc010000ff-500a098000000001"
	directionRoom = 256
)

func newWorld(t testing.TB) *world {
	t.Helper()
	seg, err := shm.Create(shm.Config{Dir: t.TempDir(), Node: "fcr-t", TSCHz: 1e9, State: append(command.StateRegions(), []shm.RegionSpec{
		{Name: shm.RegionControl, Stride: shm.ControlBytes, Count: 1},
		{Name: shm.RegionPorts, Stride: shm.PortInfoBytes, Count: 3},
		{Name: shm.RegionLcores, Stride: shm.LcoreBytes, Count: 1},
		{Name: shm.RegionCounters, Stride: shm.CountersBytes, Count: 3},
		{Name: shm.RegionServices, Stride: shm.ServiceBytes, Count: 1},
		{Name: shm.RegionRings, Stride: int(unsafe.Sizeof(feed.Info{})), Count: 2},
		{Name: shm.RegionLogins, Stride: login.Bytes(64), Count: 1},
		{Name: fmt.Sprintf(shm.RegionPolicy, 0), Stride: 1 << 20, Count: 1},
		{Name: fmt.Sprintf(shm.RegionFlows, 0), Stride: flow.EntryBytes, Count: flow.Slots(directionRoom)},
		{Name: fmt.Sprintf(shm.RegionInfos, 0), Stride: flow.InfoBytes, Count: directionRoom},
	}...), Ctl: append(command.CtlRegions(), shm.RegionSpec{Name: shm.RegionCursors, Stride: int(unsafe.Sizeof(feed.Cursor{})), Count: 2})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { seg.Close() })
	w := &world{t: t, seg: seg, role: auth.Operator}
	h := seg.State.Header()
	h.StartNS, h.TSCStart, h.State = epoch, epoch, shm.Running
	w.fill()
	if w.settings, err = settings.Open(settings.Options{Dir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.settings.Close() })
	w.ahead = NewAhead(w.settings, w, nil)
	index := flowindex.New(flowindex.Options{Segment: w})
	stream := hub.New(hub.Options{Topics: []hub.Topic{hub.Samples(w), hub.Flows(index)}})
	w.api = rest.New(rest.Options{Gate: w})
	Register(w.api, Deps{Live: w, Settings: w.settings, Index: index, Ahead: w.ahead, Hub: stream, Bus: w})
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { index.Run(ctx) })
	running.Go(func() { stream.Run(ctx) })
	t.Cleanup(func() { stop(); running.Wait() })
	<-stream.Began()
	for end := time.Now().Add(30 * time.Second); problem.Is(w.listed(index), problem.Busy); runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("the index does not run")
		}
	}
	return w
}

func (w *world) listed(x *flowindex.Index) error {
	_, err := x.List(w.t.Context(), &flowindex.Query{Limit: 1})
	return err
}

// fill writes ports, logins, a policy and two flows.
func (w *world) fill() {
	for i, p := range []struct {
		name string
		role uint8
		pair int16
	}{{"edge0", shm.RoleEdge, 1}, {"fabric0", shm.RoleFabric, 0}, {"svc0", shm.RoleService, -1}} {
		in := &shm.Items[shm.PortInfo](w.seg.State, shm.RegionPorts)[i]
		copy(in.Name[:], p.name)
		in.Role, in.Pair, in.Up, in.SpeedMb = p.role, p.pair, uint32(1-i/2), 10_000
	}
	for i, consumer := range []feed.Consumer{feed.Store, feed.Event} {
		ring := &shm.Items[feed.Info](w.seg.State, shm.RegionRings)[i]
		ring.Consumer, ring.Items, ring.Offered, ring.Lost = uint8(consumer), 64, uint64(10*(i+1)), uint64(i)
		shm.Items[feed.Cursor](w.seg.Ctl, shm.RegionCursors)[i].Tail = 5
	}
	c := &shm.Items[shm.Counters](w.seg.State, shm.RegionCounters)[0]
	c.RxFrames, c.RxBytes = 100, 10_000
	c.Fates[shm.FateForwarded], c.Fates[shm.FateSteered], c.Fates[shm.FateDropSOF] = 80, 15, 5
	logins, err := login.NewTable(w.seg.State.Bytes(shm.RegionLogins), 64, 1)
	if err != nil {
		w.t.Fatal(err)
	}
	for i, wwpn := range []frame.WWN{host1, host2, arrayA} {
		claimed := login.Initiator
		if wwpn == arrayA {
			claimed = login.Target
		}
		logins.Put(&login.Login{Addr: login.At(0, 100, frame.FCID(i+1)), WWPN: wwpn, Port: uint8(i / 2), State: login.Live, Claimed: claimed, FirstSeen: epoch, LastSeen: epoch + int64(i)})
	}
	doc, err := policy.Parse("policy.yaml", []byte(policyText))
	if err != nil {
		w.t.Fatal(err)
	}
	flat, _, err := policy.Compile(doc)
	if err != nil || shm.PutPolicy(w.seg.State.Bytes(fmt.Sprintf(shm.RegionPolicy, 0)), flat) == nil {
		w.t.Fatal("no policy", err)
	}
	control := &shm.Items[shm.Control](w.seg.State, shm.RegionControl)[0]
	control.Generation, control.PolicySlot = 1, 0
	entries, infos := shm.Items[flow.Entry](w.seg.State, fmt.Sprintf(shm.RegionFlows, 0)), shm.Items[flow.Info](w.seg.State, fmt.Sprintf(shm.RegionInfos, 0))
	if w.shard, _, err = flow.NewShard(entries, infos, 1, false); err != nil {
		w.t.Fatal(err)
	}
	for i, host := range []frame.WWN{host1, host2} {
		key := flow.MakeKey(0, 100, uint32(i+1), 3)
		for side, k := range []flow.Key{key, key.Reverse()} {
			e := w.shard.Insert(k, uint8(side), epoch+uint64(i))
			in := w.shard.Info(e)
			in.Initiator, in.Target, in.Orient = uint64(host), uint64(arrayA), flow.FromInitiator+flow.Orient(side)
			if e.Frames, e.Bytes, e.Stamp = uint64(10*(i+1)), 1000, 1; i == 0 {
				e.Verdict, in.Rule, in.Service = flow.MakeVerdict(flow.Redirect, 0, 1, 0, 0), 0, 0
			}
		}
	}
}

// Use makes a world a Segment.
func (w *world) Use(do func(*attach.Segment) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gone {
		return problem.New(problem.DataplaneUnavailable, "")
	}
	return do(&attach.Segment{State: w.seg.State, Ctl: w.seg.Ctl, Epoch: w.seg.State.Header().Epoch})
}

func (w *world) lose(gone bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.gone = gone
}

// Authenticate makes it a Gate: everybody is alice.
func (w *world) Authenticate(*http.Request) (*auth.Actor, error) {
	return &auth.Actor{Name: "alice", Role: w.role, Door: auth.DoorToken, Token: "t"}, nil
}

var errNoRole = errors.New("no role")

// Call makes it a Caller.
func (w *world) Call(_ context.Context, role, method string, request []byte) ([]byte, error) {
	if w.roles == nil || role != "telemetry" {
		return nil, errNoRole
	}
	return w.roles(method, request)
}

// CallShard asks one of several.
func (w *world) CallShard(_ context.Context, role string, shard int, method string, request []byte) ([]byte, error) {
	if w.roles == nil || role != "store" || shard != 0 {
		return nil, errNoRole
	}
	return w.roles(method, request)
}

// do makes a request and gives status and body.
func (w *world) do(method, path, body string) (int, string, http.Header) {
	w.t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r := httptest.NewRequestWithContext(w.t.Context(), method, path, content)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	answer := httptest.NewRecorder()
	w.api.ServeHTTP(answer, r)
	return answer.Code, answer.Body.String(), answer.Header()
}

// get asks for something that is there.
func (w *world) get(path string, into any) {
	w.t.Helper()
	status, body, _ := w.do("GET", path, "")
	if status != http.StatusOK {
		w.t.Fatalf("%s: %d %s", path, status, body)
	}
	d := json.NewDecoder(bytes.NewReader([]byte(body)))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		w.t.Fatalf("%s: %s: %v", path, body, err)
	}
}

// refuses checks that a request has a problem, at a place if that is not empty.
func (w *world) refuses(method, path, body string, code problem.Code, place string) {
	w.t.Helper()
	status, text, _ := w.do(method, path, body)
	if status != problem.Lookup(code).Status || !strings.Contains(text, `"code":"`+string(code)+`"`) || !strings.Contains(text, place) {
		w.t.Errorf("%s %s: %d %s, want %s at %q", method, path, status, text, code, place)
	}
}
