package eventlog

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/event/archive"
	"fcredirect/mgmt/event/spool"
	"fcredirect/mgmt/event/spool/spooltest"
	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/postgres/pgtest"
)

func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "20"); err != nil { // each runs roles against a server; the command line may say more
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// tester is a *testing.T or a *rapid.T.
type tester interface {
	Helper()
	Fatalf(string, ...any)
	Logf(string, ...any)
}

// gate is a database that can be shut, and whose n-th operation can fail.
type gate struct {
	*postgres.DB
	shut   atomic.Bool
	mu     sync.Mutex
	faulty postgres.Querier
}

var errShut = fmt.Errorf("the test has shut the database: %w", io.ErrUnexpectedEOF)

func (g *gate) Q() postgres.Querier {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.faulty != nil {
		return g.faulty
	}
	return g.DB.Q()
}

func (g *gate) fail(n int, when pgtest.When) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.faulty = nil
	if n > 0 {
		g.faulty = pgtest.Faulty(g.DB.Q(), n, when)
	}
}

// Everything that the role asks begins with one of these two.
func (g *gate) NodeID(ctx context.Context) (int32, error) {
	if g.shut.Load() {
		return 0, errShut
	}
	return g.DB.NodeID(ctx)
}

func (g *gate) Identity(ctx context.Context) (postgres.Identity, error) {
	if g.shut.Load() {
		return postgres.Identity{}, errShut
	}
	return g.DB.Identity(ctx)
}

// wires are a bus inside the test.
type wires struct {
	mu       sync.Mutex
	handlers map[string]func(context.Context, []byte) ([]byte, error)
}

func (w *wires) Handle(method string, answer func(context.Context, []byte) ([]byte, error)) (remove func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.handlers == nil {
		w.handlers = map[string]func(context.Context, []byte) ([]byte, error){}
	}
	w.handlers[method] = answer
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.handlers, method)
	}
}

func (w *wires) Call(ctx context.Context, _, method string, request []byte) ([]byte, error) {
	w.mu.Lock()
	h := w.handlers[method]
	w.mu.Unlock()
	if h == nil {
		return nil, errors.New("nobody runs the role")
	}
	return h(ctx, request)
}

func ask[A any](t tester, w *wires, method string, request any) A {
	t.Helper()
	a, err := tryAsk[A](w, method, request)
	if err != nil {
		t.Fatalf("%s: %v", method, err)
	}
	return a
}

func tryAsk[A any](w *wires, method string, request any) (a A, err error) {
	b, err := json.Marshal(request)
	if err != nil {
		return a, err
	}
	if b, err = w.Call(context.Background(), event.RoleName, method, b); err == nil {
		err = json.Unmarshal(b, &a)
	}
	return a, err
}

// plane is the data plane's side: some producers of events.
type plane struct {
	dir   string
	spec  feed.Spec
	seg   *shm.Segment
	rings []*feed.Events
	told  []uint64 // events per producer, those included that found no room
	tsc   uint64
	lives []life
}

// life is a segment that is gone. Who had it mapped reads it to its end; what nobody had mapped is gone with it, but not
// what was released.
type life struct {
	epoch    uint64
	told     []uint64
	released []uint64
}

func newPlane(t tester, dir string) *plane {
	p := &plane{dir: dir, spec: feed.Spec{Producers: 3, State: feed.MinItems, Events: feed.MinItems, Shards: 1}}
	p.start(t, true)
	return p
}

func (p *plane) start(t tester, cold bool) {
	t.Helper()
	state := append(p.spec.StateRegions(), shm.RegionSpec{Name: shm.RegionPorts, Stride: shm.PortInfoBytes, Count: 2},
		shm.RegionSpec{Name: shm.RegionControl, Stride: shm.ControlBytes, Count: 1})
	var err error
	p.seg, err = shm.Create(shm.Config{Dir: p.dir, Node: "a", TSCHz: 1e9, TSCNow: p.tsc, Fresh: cold, State: state, Ctl: p.spec.CtlRegions()})
	if err != nil {
		t.Fatalf("%v", err)
	}
	if cold {
		p.told = make([]uint64, p.spec.Producers)
	}
	p.rings = nil
	for i := range p.spec.Producers {
		e, err := feed.NewEvents(p.seg.State, p.seg.Ctl, feed.Config{Spec: p.spec, Producer: i, Now: p.tsc})
		if err != nil {
			t.Fatalf("%v", err)
		}
		p.rings = append(p.rings, e)
	}
}

// restart ends the data plane and starts the next one.
func (p *plane) restart(t tester, cold bool) {
	t.Helper()
	for _, r := range p.rings {
		r.Tick(p.tsc) // gaps that found room
	}
	if cold {
		// What found no room and could not be told either is gone with the segment.
		told := append([]uint64(nil), p.told...)
		for i := range told {
			info := &shm.Items[feed.Info](p.seg.State, shm.RegionRings)[p.index(i)]
			told[i] -= info.Lost - info.Told
		}
		l := life{p.seg.State.Header().Epoch, told, make([]uint64, len(told))}
		for _, r := range feed.Rings(p.seg.State, p.seg.Ctl) {
			if r.Consumer == feed.Event {
				l.released[r.Producer] = r.Released
			}
		}
		p.lives = append(p.lives, l)
	}
	if err := p.seg.Close(); err != nil {
		t.Fatalf("%v", err)
	}
	p.start(t, cold)
}

// index of a producer's ring of events in the directory: behind those for peers and store.
func (p *plane) index(producer int) int { return 2*p.spec.Producers + producer }

// put tells n events, of which each says the how many-th of its producer it is.
func (p *plane) put(producer, n int) {
	for range n {
		p.tsc += 1000
		p.told[producer]++
		if item := p.rings[producer].Put(p.tsc, feed.PortUp, feed.High); item != nil {
			name := item.Name()
			clear(name.Name[:])
			copy(name.Name[:], fmt.Sprint("port", producer))
			name.Index = int32(p.told[producer])
		}
	}
	p.rings[producer].Commit()
}

// world is a node with a data plane, a role event, a process that tells events, a disk and a database.
type world struct {
	plane *plane
	disk  *spooltest.Disk
	db    *gate
	bus   *wires
	o     Options

	role   *Role
	cancel context.CancelFunc
	ended  chan error
	client *event.Client
	sent   int
}

var (
	nodes   atomic.Uint32
	discard = slog.New(slog.DiscardHandler)
)

func newWorld(t tester, dsn, dir string) *world {
	t.Helper()
	db, err := postgres.Open(postgres.Config{DSN: dsn, Node: fmt.Sprint("node", nodes.Add(1)), App: "test"})
	if err != nil {
		t.Fatalf("%v", err)
	}
	w := &world{plane: newPlane(t, dir), disk: spooltest.NewDisk(), db: &gate{DB: db}, bus: &wires{}}
	w.o = Options{
		Place: attach.Place{Dir: dir}, DB: w.db, Bus: w.bus, Batch: 8, Spool: spool.Options{Files: w.disk, SegmentBytes: 16 << 10, GroupBytes: 32 << 10},
		tempo: tempo{meet: 50 * time.Millisecond, linger: time.Millisecond, away: 20 * time.Millisecond, retain: time.Hour},
	}
	w.client = event.NewClient(w.bus, discard)
	return w
}

// start runs a role on the spool that is there.
func (w *world) start(t tester) {
	t.Helper()
	role, err := New(w.o)
	if err != nil {
		t.Fatalf("%v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.role, w.cancel, w.ended = role, cancel, make(chan error, 1)
	ready := make(chan struct{})
	go func() { w.ended <- role.Run(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-w.ended:
		if w.ended <- err; !w.disk.Dead() {
			t.Fatalf("the role ended at once: %v", err)
		}
	}
}

// stop ends it in good order.
func (w *world) stop(t tester) {
	t.Helper()
	if w.role == nil {
		return
	}
	w.cancel()
	if err := <-w.ended; err != nil && !w.disk.Dead() {
		t.Fatalf("the role ended with %v", err)
	}
	w.role = nil
}

// kill ends the process at its next file operation, done or not. Nothing that it does after that reaches the disk.
func (w *world) kill(late bool) {
	fault := spooltest.Kill
	if late {
		fault = spooltest.KillLate
	}
	w.disk.Reset(func(spooltest.Op) spooltest.Fault { return fault })
	if w.role == nil {
		return
	}
	_ = w.client.Append(ended(), event.ProcessStarted, w.roles()) // something to write
	w.cancel()
	<-w.ended
	w.role = nil
}

// ended is a context that allows no waiting.
func ended() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

func (w *world) roles() event.Fields {
	w.sent++
	return event.Fields{"pid": w.sent}
}

func (w *world) close(t tester) {
	t.Helper()
	w.stop(t)
	_ = w.client.Close(ended())
	_ = w.plane.seg.Close()
	w.db.DB.Close()
	_ = os.RemoveAll(w.plane.dir)
}

// settle lets everything work until all events are in the database.
func (w *world) settle(t tester) {
	t.Helper()
	w.disk.Reset(nil)
	w.db.fail(0, pgtest.Before)
	w.db.shut.Store(false)
	if w.role == nil {
		w.start(t)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	eventually(t, "rings that are read", func() bool {
		for _, r := range w.plane.rings {
			w.plane.tsc += 1000
			r.Tick(w.plane.tsc)
		}
		for _, r := range feed.Rings(w.plane.seg.State, w.plane.seg.Ctl) {
			if r.Consumer == feed.Event && (r.Depth > 0 || r.Lost > 0 && !w.toldAll()) {
				return false
			}
		}
		return true
	})
	if err := w.client.Append(ctx, event.ProcessStarted, w.roles()); err != nil {
		t.Fatalf("%v", err)
	}
	if err := w.client.Flush(ctx); err != nil {
		t.Fatalf("%v; %v", err, w.role.Healthy())
	}
	eventually(t, "a log that is in the database", func() bool {
		return w.role.Stats().Waiting == 0 && w.role.Healthy() == nil
	})
}

func (w *world) toldAll() bool {
	for _, i := range shm.Items[feed.Info](w.plane.seg.State, shm.RegionRings) {
		if i.Lost != i.Told {
			return false
		}
	}
	return true
}

func eventually(t tester, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("there is not: %s", what)
		}
	}
}

// log is what is in the database, all of it.
func (w *world) log(t tester) (events []event.Event) {
	t.Helper()
	for a := archive.New(w.db); ; {
		after := uint64(0)
		if n := len(events); n > 0 {
			after = events[n-1].Number
		}
		part, err := a.List(context.Background(), archive.Filter{After: after}, 1000)
		if err != nil {
			t.Fatalf("%v", err)
		}
		if len(part) == 0 {
			return events
		}
		events = append(events, part...)
	}
}

func fields(e *event.Event) (f struct {
	Index, PID, Lost, First, Last, By, Offered int
	Name                                       string
}) {
	if err := json.Unmarshal(e.Fields, &f); err != nil {
		panic(err)
	}
	return f
}

// judge holds the database against what was told: each event once, in the order of its producer, numbers without gaps.
func (w *world) judge(t tester) {
	t.Helper()
	events := w.log(t)
	type stream struct{ seq, told, lost uint64 }
	rings := map[event.Origin]*stream{} // by epoch and producer
	processes := 0
	for i := range events {
		e := &events[i]
		if e.Number != uint64(i)+1 {
			t.Fatalf("event %d has the number %d", i+1, e.Number)
		}
		if e.Origin.Producer == event.FromProcess {
			if e.Type == event.ProcessStarted {
				if processes++; fields(e).PID != processes {
					t.Fatalf("event %d: the process's event %d where %d was due", e.Number, fields(e).PID, processes)
				}
			}
			continue
		}
		of := event.Origin{Epoch: e.Origin.Epoch, Producer: e.Origin.Producer}
		s := rings[of]
		if s == nil {
			s = &stream{}
			rings[of] = s
		}
		if s.seq++; e.Origin.Seq != s.seq {
			t.Fatalf("event %d: item %d of producer %d where %d was due", e.Number, e.Origin.Seq, of.Producer, s.seq)
		}
		switch e.Type {
		case event.PortUp:
			if s.told++; uint64(fields(e).Index) != s.told {
				t.Fatalf("event %d: producer %d tells the %d-th where the %d-th was due", e.Number, of.Producer, fields(e).Index, s.told)
			}
		case event.LogGap:
			s.told += uint64(fields(e).Lost)
		default:
			t.Fatalf("event %d is %v", e.Number, e.Type)
		}
	}
	if processes != w.sent {
		t.Fatalf("%d events of the process are in the log, it told %d", processes, w.sent)
	}
	for _, l := range append(w.plane.lives, life{w.plane.seg.State.Header().Epoch, w.plane.told, nil}) {
		for p, told := range l.told {
			s := rings[event.Origin{Epoch: l.epoch, Producer: uint32(p)}]
			if s == nil {
				s = &stream{}
			}
			if s.told > told || l.released == nil && s.told < told || l.released != nil && s.seq < l.released[p] {
				t.Fatalf("of producer %d, epoch %x, the log accounts for %d events, it told %d", p, l.epoch, s.told, told)
			}
		}
	}
	if c, err := archive.New(w.db).Check(context.Background()); err != nil || !c.Equal() {
		t.Fatalf("the views: %+v, %v", c, err)
	}
}
