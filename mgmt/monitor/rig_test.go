package monitor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/registry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rig is a node: a segment that a goroutine keeps alive as a data plane does, and everything else that the role looks at,
// for a test to break.
type rig struct {
	t    *testing.T
	seg  *shm.Segment
	opts Options
	role *Role

	mu        sync.Mutex
	control   bool // comes round
	lcores    bool
	readers   bool // release what is offered
	instances []registry.Instance
	commands  []string
	database  func(context.Context) error
	spool     func(context.Context) ([]byte, error)
	told      []string // events, "second:+code/subject"
	began     time.Time
	block     chan struct{} // events wait for it
	handlers  map[string]bus.Handler
}

const items = 64

var ringSpec = feed.Spec{Producers: 2, State: items, Events: items, Shards: 1}

func newSegment(t *testing.T) (*shm.Segment, string) {
	t.Helper()
	state := append([]shm.RegionSpec{
		{Name: shm.RegionControl, Stride: shm.ControlBytes, Count: 1},
		{Name: shm.RegionLcores, Stride: shm.LcoreBytes, Count: 1},
		{Name: shm.RegionPorts, Stride: shm.PortInfoBytes, Count: 2},
		{Name: shm.RegionServices, Stride: shm.ServiceBytes, Count: 2},
		{Name: fmt.Sprintf(shm.RegionInfos, 0), Stride: flow.InfoBytes, Count: 1000},
	}, ringSpec.StateRegions()...)
	dir := t.TempDir()
	seg, err := shm.Create(shm.Config{Dir: dir, Node: "fcr-t", TSCHz: 1e9, State: state, Ctl: ringSpec.CtlRegions()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { seg.Close() })
	for i := range feed.Rings(seg.State, seg.Ctl) { // as producers describe them
		in := &shm.Items[feed.Info](seg.State, shm.RegionRings)[i]
		in.Consumer, in.Producer, in.Shards, in.Items = uint8(i/2), uint8(i%2), 1, items
	}
	for i, role := range []uint8{shm.RoleEdge, shm.RoleService} {
		p := &shm.Items[shm.PortInfo](seg.State, shm.RegionPorts)[i]
		copy(p.Name[:], []string{"edge0", "svc0"}[i])
		p.Role, p.Up = role, 1
	}
	s := &shm.Items[shm.ServiceInfo](seg.State, shm.RegionServices)[0]
	copy(s.Name[:], "inspect")
	s.Port, s.Up = 1, 1
	seg.State.Header().State = shm.Running
	return seg, dir
}

// newRig makes a node on which all is well: store with a standby, and event.
func newRig(t *testing.T) *rig {
	seg, dir := newSegment(t)
	r := &rig{t: t, seg: seg, control: true, lcores: true, readers: true, began: time.Now(), handlers: map[string]bus.Handler{}}
	r.database = func(context.Context) error { return nil }
	running := func(role string, number int, state registry.State) registry.Instance {
		return registry.Instance{Role: role, Number: number, State: state, Active: number == 0, Alive: true, PID: os.Getpid()}
	}
	r.instances = []registry.Instance{
		running("database", 0, registry.Running), running("store", 0, registry.Running), running("store", 1, registry.Standby), running("event", 0, registry.Running),
	}
	watch := Watch{Shards: 1, Replicas: 1, Interval: time.Second, Timeout: time.Second, Threshold: 3, Database: true}
	for role, replicas := range map[string]int{"database": 1, "store": 2, "event": 1} {
		w := watch
		w.Role, w.Replicas, w.Database = role, replicas, role != "database"
		r.opts.Roles = append(r.opts.Roles, w)
	}
	r.opts.Clock = func() string { return "" }
	r.opts.Place, r.opts.DB, r.opts.Registry, r.opts.Bus, r.opts.Events, r.opts.Dir = attach.Place{Dir: dir}, r, r, r, r, t.TempDir()
	return r
}

// play runs the role while the script runs, in a bubble in which time passes by itself.
func play(t *testing.T, script func(r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.begin()
		script(r)
	})
}

// begin starts the data plane and the role, for as long as the bubble lasts.
func (r *rig) begin() {
	r.t.Helper()
	stop := r.run()
	ctx, end := context.WithCancel(context.Background())
	gone := make(chan struct{})
	go func() { r.dataplane(ctx); close(gone) }()
	r.t.Cleanup(func() { stop(); end(); <-gone })
}

// run starts the role; stop ends it.
func (r *rig) run() (stop func()) {
	r.t.Helper()
	var err error
	if r.role, err = New(r.opts); err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	role := r.role
	go func() { done <- role.Run(ctx, func() { close(ready) }) }()
	<-ready
	time.Sleep(between)
	return func() {
		cancel()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
	}
}

// between is past the moment of each look, so that what a test changes at a whole second is seen in the same order in
// every run.
const between = 330 * time.Millisecond

func (r *rig) dataplane(ctx context.Context) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		r.set(func() {
			if r.control {
				atomic.AddInt64(&r.page().Heartbeat, 1)
			}
			if r.lcores {
				atomic.AddUint64(&r.lcore().Heartbeat, 1)
			}
			if r.readers {
				for i := range r.infos() {
					atomic.StoreUint64(&r.cursors()[i].Tail, r.infos()[i].Offered)
				}
			}
		})
	}
}

// set changes something.
func (r *rig) set(do func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	do()
}

// after lets time pass, and then changes something.
func (r *rig) after(d time.Duration, do func()) {
	time.Sleep(d)
	r.set(do)
	synctest.Wait()
}

func (r *rig) page() *shm.Control { return &shm.Items[shm.Control](r.seg.State, shm.RegionControl)[0] }
func (r *rig) lcore() *shm.Lcore  { return &shm.Items[shm.Lcore](r.seg.State, shm.RegionLcores)[0] }
func (r *rig) port(i int) *shm.PortInfo {
	return &shm.Items[shm.PortInfo](r.seg.State, shm.RegionPorts)[i]
}
func (r *rig) service() *shm.ServiceInfo {
	return &shm.Items[shm.ServiceInfo](r.seg.State, shm.RegionServices)[0]
}

// restart is a new start of the data plane, as far as its header and its links tell.
func (r *rig) restart() {
	r.seg.State.Header().BootID[0]++
	r.links(0)
	r.port(0).LinkChanges, r.port(1).LinkChanges = 0, 0
}

// links makes all links come or go.
func (r *rig) links(up uint32) {
	for i := range 2 {
		r.port(i).Up = up
		r.port(i).LinkChanges++
	}
	r.service().Up = uint16(up)
}

func (r *rig) infos() []feed.Info { return shm.Items[feed.Info](r.seg.State, shm.RegionRings) }
func (r *rig) cursors() []feed.Cursor {
	return shm.Items[feed.Cursor](r.seg.Ctl, shm.RegionCursors)
}

// Rings by their place in the directory: those of the lcore.
const (
	storeRing = 2
	eventRing = 4
)

func (r *rig) instance(role string, number int) *registry.Instance {
	at := slices.IndexFunc(r.instances, func(i registry.Instance) bool { return i.Role == role && i.Number == number })
	return &r.instances[at]
}

// The rig is everything that the role asks.

func (r *rig) List() []registry.Instance {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.instances)
}

func (r *rig) Members() []registry.Process {
	return []registry.Process{{Name: "fcr-mgmtd", PID: os.Getpid(), Alive: true}}
}

func (r *rig) note(what string) {
	r.commands = append(r.commands, fmt.Sprintf("%d:%s", int(time.Since(r.began).Seconds()), what))
}

func (r *rig) Depose(role string, shard int, _ time.Duration) error {
	r.set(func() { r.note(fmt.Sprintf("depose %s/%d", role, shard)) })
	return nil
}

func (r *rig) Command(role string, shard int, c registry.Command) ([]registry.Order, error) {
	r.set(func() { r.note(fmt.Sprintf("%v %s/%d", c, role, shard)) })
	return nil, nil
}

func (r *rig) Identity(ctx context.Context) (postgres.Identity, error) {
	var look func(context.Context) error
	r.set(func() { look = r.database })
	return postgres.Identity{}, look(ctx)
}

func (r *rig) Handle(method string, h bus.Handler) (remove func()) {
	r.set(func() { r.handlers[method] = h })
	return func() { r.set(func() { delete(r.handlers, method) }) }
}

func (r *rig) Call(ctx context.Context, role, method string, _ []byte) ([]byte, error) {
	var spool func(context.Context) ([]byte, error)
	r.set(func() { spool = r.spool })
	if spool == nil {
		return nil, bus.ErrNoRole
	}
	return spool(ctx)
}

func (r *rig) Append(ctx context.Context, t event.Type, f event.Fields) error {
	if _, err := event.Encode(t, f); err != nil {
		r.t.Errorf("the event log would refuse it: %v", err)
	}
	var block chan struct{}
	r.set(func() { block = r.block })
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	sign, known := map[event.Type]string{event.AlarmRaised: "+", event.AlarmCleared: "-", event.AlarmHeard: "~"}[t]
	if !known {
		return nil // what an admin did
	}
	name := f["code"].(string)
	if s := f["subject"].(string); s != "" {
		name += "/" + s
	}
	r.set(func() {
		r.told = append(r.told, fmt.Sprintf("%d:%s%s", int(time.Since(r.began).Seconds()), sign, name))
	})
	return nil
}

// expect compares what was raised, cleared and commanded so far.
func (r *rig) expect(told, commands string) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if got := strings.Join(r.told, " "); got != told {
		r.t.Errorf("alarms %q, want %q", got, told)
	}
	if got := strings.Join(r.commands, " "); got != commands {
		r.t.Errorf("commands %q, want %q", got, commands)
	}
}

var errRefused = errors.New("connection refused")

func away(context.Context) error { return errRefused }
