package system

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"fcredirect/mgmt/config"
	"fcredirect/mgmt/registry"
)

// fakeSeat is a claim whose owner is the test.
type fakeSeat struct {
	mu             sync.Mutex
	promoted, lost chan struct{}
	wanted         registry.Wanted
	number         int
	said           said
}

// said is what the instance told its seat.
type said struct {
	done     registry.Wanted
	state    registry.State
	health   string
	restarts int
	failure  error
	released bool
}

func (s *fakeSeat) heard() said {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said
}

func newSeat(active bool) *fakeSeat {
	s := &fakeSeat{promoted: make(chan struct{}), lost: make(chan struct{})}
	if active {
		close(s.promoted)
	}
	return s
}

func (s *fakeSeat) Promoted() <-chan struct{} { return s.promoted }
func (s *fakeSeat) Lost() <-chan struct{}     { return s.lost }
func (s *fakeSeat) Number() int               { return s.number }

func (s *fakeSeat) with(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
}

func (s *fakeSeat) Beat(state registry.State, health string) {
	s.with(func() { s.said.state, s.said.health = state, health })
}

func (s *fakeSeat) Restarted(err error) {
	s.with(func() { s.said.restarts, s.said.failure = s.said.restarts+1, err })
}

func (s *fakeSeat) Wanted() (w registry.Wanted) {
	s.with(func() { w = s.wanted })
	return w
}
func (s *fakeSeat) want(w registry.Wanted) { s.with(func() { s.wanted = w }) }
func (s *fakeSeat) Done(w registry.Wanted) { s.with(func() { s.said.done = w }) }
func (s *fakeSeat) Release()               { s.with(func() { s.said.released = true }) }

// fakeRoster gives out seats.
type fakeRoster struct {
	sync.Mutex
	seats   []*fakeSeat // given out, the newest last
	err     error       // of the next claim
	active  bool        // the next seat acts at once
	number  int
	segment chan struct{} // closed when the segment is replaced
	stopped []string
	runs    map[string]bool
	standby bool // what was asked for last
}

func newRoster() *fakeRoster {
	return &fakeRoster{active: true, segment: make(chan struct{}), runs: map[string]bool{}}
}

func (r *fakeRoster) set(do func()) {
	r.Lock()
	defer r.Unlock()
	do()
}

func (r *fakeRoster) claim(in registry.Instance, standby bool) (seat, error) {
	r.Lock()
	defer r.Unlock()
	if r.err != nil {
		return nil, r.err
	}
	s := newSeat(r.active)
	s.number = r.number
	r.seats, r.standby = append(r.seats, s), standby
	return s, nil
}

func (r *fakeRoster) seat() *fakeSeat {
	r.Lock()
	defer r.Unlock()
	if len(r.seats) == 0 {
		return nil
	}
	return r.seats[len(r.seats)-1]
}

func (r *fakeRoster) claims() int {
	r.Lock()
	defer r.Unlock()
	return len(r.seats)
}

func (r *fakeRoster) wait(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func (r *fakeRoster) changed() <-chan struct{} {
	r.Lock()
	defer r.Unlock()
	return r.segment
}

func (r *fakeRoster) stop(role string, _ int) error {
	r.set(func() { r.stopped = append(r.stopped, role) })
	return nil
}

func (r *fakeRoster) running(role string, _ int) bool {
	r.Lock()
	defer r.Unlock()
	return r.runs[role]
}

// fakeRole does what the test says.
type fakeRole struct {
	run     func(ctx context.Context, ready func()) error
	healthy func() error
}

func (f fakeRole) Run(ctx context.Context, ready func()) error { return f.run(ctx, ready) }

func (f fakeRole) Healthy() error {
	if f.healthy == nil {
		return nil
	}
	return f.healthy()
}

// serves is the Run of a role to which nothing happens.
func serves(ctx context.Context, ready func()) error {
	ready()
	<-ctx.Done()
	return nil
}

var errBroken = errors.New("broken")

// bench is an instance on a test bench, inside a synctest bubble.
type bench struct {
	*instance
	t      *testing.T
	roster *fakeRoster
	stop   context.CancelFunc
	done   chan struct{}
	mu     sync.Mutex
	past   past
}

// past is what has happened.
type past struct {
	fatals       []error
	starts, ends []time.Time // of runs
}

func (b *bench) note(do func(*past)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	do(&b.past)
}

func (b *bench) saw() past {
	b.mu.Lock()
	defer b.mu.Unlock()
	return past{slices.Clone(b.past.fatals), slices.Clone(b.past.starts), slices.Clone(b.past.ends)}
}

func discard() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// onBench makes an instance of a role of the configuration, with roles made of f.
func onBench(t *testing.T, text, role string, f fakeRole) *bench {
	c, _, err := config.Parse("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, roster: newRoster(), done: make(chan struct{})}
	b.instance = &instance{
		plan: config.Instance{Role: c.Role(role)}, kind: config.KindOf(role), name: role, roster: b.roster, log: discard(),
		ready:   func(name string) bool { return b.roster.running(name, 0) },
		observe: func(Change) {},
		fatal:   func(err error) { b.note(func(p *past) { p.fatals = append(p.fatals, err) }) },
		make: func(config.Instance) (Role, error) {
			return fakeRole{healthy: f.healthy, run: func(ctx context.Context, ready func()) error {
				b.note(func(p *past) { p.starts = append(p.starts, time.Now()) })
				defer b.note(func(p *past) { p.ends = append(p.ends, time.Now()) })
				return f.run(ctx, ready)
			}}, nil
		},
	}
	return b
}

func (b *bench) start() {
	ctx, stop := context.WithCancel(context.Background())
	b.stop = stop
	go func() {
		defer close(b.done)
		b.run(ctx)
	}()
	synctest.Wait()
}

// end stops the instance and waits for it.
func (b *bench) end() {
	b.stop()
	<-b.done
}

// after lets time pass.
func (b *bench) after(d time.Duration) *bench {
	time.Sleep(d)
	synctest.Wait()
	return b
}

func (b *bench) is(state registry.State) {
	b.t.Helper()
	if v := b.see(); v.State != state {
		b.t.Fatalf("the role is %v (%s), want %v", v.State, v.Why, state)
	}
}

const monitorOnly = "roles: [{name: monitor}]"
