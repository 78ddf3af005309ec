package peer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fcredirect/dataplane/command"
	"fcredirect/mgmt/peer/engine"
	"fcredirect/mgmt/peer/record"
)

// world is an engine that knows what the test says, and a data plane that takes it.
type world struct {
	mu      sync.Mutex
	known   map[record.Key]record.Record // of the partner
	synced  bool
	told    []uint64 // of our own readiness
	err     error    // what the data plane says
	logins  map[uint64]command.Login
	flows   map[uint64]command.FlowHint
	ready   bool
	asked   int
	largest int
	inline  *PeerPair
}

func newWorld() *world {
	return &world{known: map[record.Key]record.Record{}, logins: map[uint64]command.Login{}, flows: map[uint64]command.FlowHint{}}
}

func (w *world) Get(origin uint8, key record.Key) (record.Record, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if key == (record.Key{Kind: record.Node, ID: FactPorts}) {
		r := record.Record{Key: key}
		r.Fields[record.NodeValue] = uint64(w.known[key].Fields[0])
		return r, true
	}
	r, ok := w.known[key]
	return r, ok && origin == 1
}

func (w *world) Each(_ uint8, kind record.Kind, f func(*record.Record) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for key, r := range w.known {
		if key.Kind == kind {
			f(&r)
		}
	}
}

func (w *world) Synced(string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.synced
}

func (w *world) Put(_ int64, _ record.Lane, key record.Key, fields []uint64, _ ...record.Ref) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if key == (record.Key{Kind: record.Node, ID: FactReady}) {
		w.told = append(w.told, fields[record.NodeValue])
	}
	return nil
}

func (w *world) take(n int, do func()) (command.Programmed, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	w.largest = max(w.largest, n)
	if w.err != nil {
		return command.Programmed{}, w.err
	}
	do()
	return command.Programmed{Done: uint32(n)}, nil
}

func (w *world) Program(_ context.Context, all []command.Login) (command.Programmed, error) {
	return w.take(len(all), func() {
		for _, l := range all {
			w.logins[l.Addr] = l
		}
	})
}

func (w *world) Forget(_ context.Context, all []uint64) (command.Programmed, error) {
	return w.take(len(all), func() {
		for _, a := range all {
			delete(w.logins, a)
		}
	})
}

func (w *world) ProgramFlows(_ context.Context, all []command.FlowHint) (command.Programmed, error) {
	return w.take(len(all), func() {
		for _, f := range all {
			w.flows[f.Key] = f
		}
	})
}

func (w *world) ForgetFlows(_ context.Context, all []uint64) (command.Programmed, error) {
	return w.take(len(all), func() {
		for _, k := range all {
			delete(w.flows, k)
		}
	})
}

func (w *world) Ready(_ context.Context, ready bool, _ uint64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ready = ready
	return nil
}

// left is what a programmer before this one has put there.
func (w *world) left() (logins, flows []uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Keys(w.logins)), slices.Collect(maps.Keys(w.flows))
}

func (w *world) HandOver(context.Context, bool) error { return nil }

// set makes the partner have these logins and flows, whole or by deletions alone, and says so.
func (w *world) set(p *programmer, reset bool, ids ...uint64) {
	w.mu.Lock()
	a := engine.Applied{Origin: 1, Stream: record.State, Reset: reset}
	for key, r := range w.known {
		if !slices.Contains(ids, key.ID) {
			if r.Gone = true; !reset {
				w.known[key] = r
				a.Records = append(a.Records, r)
			} else {
				delete(w.known, key)
			}
		}
	}
	for _, id := range ids {
		for _, kind := range []record.Kind{record.Login, record.Flow} {
			r := record.Record{Key: record.Key{Kind: kind, ID: id}}
			w.known[r.Key] = r
			a.Records = append(a.Records, r)
		}
	}
	w.mu.Unlock()
	p.applied(a)
}

func (w *world) do(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

// has is what is in the data plane, logins and flows.
func (w *world) has() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Sprint(len(w.logins), " ", len(w.flows))
}

func TestWhatThePartnerKnowsIsInTheDataPlane(t *testing.T) {
	refused := &command.Error{Code: command.Active}
	for _, tt := range []struct {
		name  string
		do    func(w *world, p *programmer)
		has   string
		ready bool
		why   string
	}{
		{"all of it", func(w *world, p *programmer) { w.set(p, true, 1, 2, 3) }, "3 3", true, ""},
		{"what is gone is not", func(w *world, p *programmer) {
			w.set(p, true, 1, 2, 3)
			time.Sleep(time.Second)
			w.set(p, false, 1)
		}, "1 1", true, ""},
		{"what is not there after a replacement is not", func(w *world, p *programmer) {
			w.set(p, true, 1, 2, 3)
			time.Sleep(time.Second)
			w.set(p, true, 4)
		}, "1 1", true, ""},
		{"what it has no record of stays where this node was active", func(w *world, p *programmer) {
			w.do(func() { w.inline = &PeerPair{State: "standby", Changes: 2} })
			w.set(p, true, 1, 2)
		}, "3 2", true, ""},
		{"one that never was in step is nobody's standby, and takes nothing out", func(w *world, p *programmer) { w.do(func() { w.synced = false }) }, "1 0", false, "nothing is known"},
		{"what is gone there while this node is active stays afterwards", func(w *world, p *programmer) {
			w.set(p, true, 1, 2, 3)
			time.Sleep(time.Second)
			w.do(func() { w.err, w.inline = refused, &PeerPair{State: "active", Changes: 1} })
			w.set(p, false, 1)
			time.Sleep(3 * time.Second)
			w.do(func() { w.err, w.inline = nil, &PeerPair{State: "standby", Changes: 2} })
		}, "3 1", true, ""},
		{"not while this node is the active one", func(w *world, p *programmer) {
			w.do(func() { w.err = refused })
			w.set(p, true, 1, 2, 3)
		}, "1 1", false, "this node is the active one"},
		{"but as soon as it is not", func(w *world, p *programmer) {
			w.do(func() { w.err = refused })
			w.set(p, true, 1, 2, 3)
			time.Sleep(5 * time.Second)
			w.do(func() { w.err = nil })
		}, "3 3", true, ""},
		{"nor is it ready when only its pages say that it is active", func(w *world, p *programmer) {
			w.do(func() { w.inline = &PeerPair{State: "active"} })
		}, "1 0", false, "this node is the active one"},
		{"a data plane that fails gets it when it does not", func(w *world, p *programmer) {
			w.do(func() { w.err = errors.New("busy") })
			w.set(p, true, 1, 2)
			time.Sleep(3 * time.Second)
			w.do(func() { w.err = nil })
		}, "2 2", true, ""},
		{"and is not ready before", func(w *world, p *programmer) {
			w.do(func() { w.err = errors.New("busy") })
			w.set(p, true, 1, 2)
		}, "1 1", false, "does not take"},
		{"a partner that died some seconds ago has nothing newer", func(w *world, p *programmer) {
			w.set(p, true, 1)
			time.Sleep(3 * time.Second)
			w.do(func() { w.synced = false })
			time.Sleep(readyAway / 2)
		}, "1 1", true, ""},
		{"one that is away for longer may have", func(w *world, p *programmer) {
			w.set(p, true, 1)
			time.Sleep(3 * time.Second)
			w.do(func() { w.synced = false })
			time.Sleep(2 * readyAway)
		}, "1 1", false, "not in step since"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld()
				w.synced = true
				w.logins[99], w.flows[99] = command.Login{}, command.FlowHint{} // of a programmer before, and gone since
				p := newProgrammer(w, func() int64 { return 0 }, 0, 1, "b", func() *PeerPair { w.mu.Lock(); defer w.mu.Unlock(); return w.inline })
				ctx, stop := context.WithCancel(t.Context())
				var running sync.WaitGroup
				running.Go(func() {
					time.Sleep(1) // what the test does first is so before the programmer looks
					p.run(ctx, w, func() bool { return true }, w.left, usual.ready)
				})
				tt.do(w, p)
				time.Sleep(3*time.Second + 1)
				synctest.Wait() // it looks again at this very moment
				is := p.readiness()
				if got := w.has(); got != tt.has || is.Ready != tt.ready || w.ready != tt.ready || !strings.Contains(is.Why, tt.why) {
					t.Errorf("the data plane has %s, ready %v (told %v): %q", got, is.Ready, w.ready, is.Why)
				}
				stop()
				running.Wait()
				if p.readiness().Ready {
					t.Error("it is ready though nothing is programmed any more")
				}
			})
		})
	}
}

func TestASlowDataPlaneCostsMemoryByTheNumberOfRecords(t *testing.T) {
	w := newWorld()
	p := newProgrammer(w, func() int64 { return 0 }, 0, 1, "b", func() *PeerPair { return nil })
	for range 50 {
		w.set(p, true, 1, 2, 3)
		w.set(p, false, 1, 2, 3)
		w.set(p, false)
	}
	if n, m := len(p.logins.queue)+len(p.flows.queue), len(p.logins.is)+len(p.flows.is); n != 6 || m != 6 {
		t.Errorf("%d keys wait, %d are remembered", n, m)
	}
	for more := true; more; {
		var err error
		if more, err = p.step(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(p.logins.is) + len(p.flows.is); n != 0 || w.has() != "0 0" {
		t.Errorf("%d keys are remembered of what is gone, the data plane has %s", n, w.has())
	}
}

func TestManyAreProgrammedSomeAtATime(t *testing.T) {
	w := newWorld()
	p := newProgrammer(w, func() int64 { return 0 }, 0, 1, "b", func() *PeerPair { return nil })
	all := make([]uint64, 3*programBatch)
	for i := range all {
		all[i] = uint64(i) + 1
	}
	w.set(p, true, all...)
	steps := 0
	for more := true; more; steps++ {
		var err error
		if more, err = p.step(t.Context(), w); err != nil {
			t.Fatal(err)
		}
		if len(w.flows) > 0 && len(w.logins) < len(all) {
			t.Fatal("flows were programmed before their logins")
		}
	}
	if w.largest > programBatch || steps < 6 || len(w.flows) != len(all) {
		t.Errorf("%d steps of up to %d, %s", steps, w.largest, w.has())
	}
}

func TestWhatIsDisregardedIsNotRemembered(t *testing.T) {
	w := newWorld()
	inline := &PeerPair{State: "active", Changes: 1}
	p := newProgrammer(w, func() int64 { return 0 }, 0, 1, "b", func() *PeerPair { return inline })
	w.set(p, true, 1, 2, 3)
	w.set(p, false)
	p.disregard(inline)
	for id := range uint64(3) {
		p.logins.add(id + 1)
	}
	for more := true; more; {
		var err error
		if more, err = p.step(t.Context(), w); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(p.logins.is); n != 0 {
		t.Errorf("%d keys are remembered", n)
	}
}
