package change

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fcredirect/dataplane/command"
	"fcredirect/mgmt/change/changetest"
	"fcredirect/mgmt/change/draft"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/settings"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is change control with its disk, a data plane, and faults. It may end and be started again.
type world struct {
	t      testing.TB
	clock  func() time.Time // nil: the machine's
	dir    string
	plane  *changetest.Plane
	events *events
	store  *settings.Store
	faults *faults
	*Service
}

// events remembers what was told.
type events struct {
	mu    sync.Mutex
	types []event.Type
}

func (e *events) Append(_ context.Context, t event.Type, f event.Fields) error {
	if _, err := event.Encode(t, f); err != nil {
		panic(err) // fields that are not in the catalogue
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.types = append(e.types, t)
	return nil
}

func (e *events) has(t event.Type) (n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, have := range e.types {
		if have == t {
			n++
		}
	}
	return n
}

// faults stand between change control and what it writes to. The n-th operation crashes the process: it is done or not,
// and nothing that comes after it is.
type faults struct {
	mu       sync.Mutex
	database bool // away
	in       int  // so many operations are still done; below 0: all
	after    bool // the one that crashes is done
	dead     bool
}

var errCrash = errors.New("the process has crashed")

// pass says whether an operation is done, and whether its caller lives to see it.
func (f *faults) pass() (done bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.dead:
		return false, errCrash
	case f.in == 0:
		f.dead = true
		return f.after, errCrash
	case f.in > 0:
		f.in--
	}
	return true, nil
}

// disk is settings with faults.
type disk struct {
	*settings.Store
	f *faults
}

func (d disk) Update(ctx context.Context, change func(*settings.Tx) error) error {
	d.f.mu.Lock()
	away := d.f.database
	d.f.mu.Unlock()
	if away {
		return errors.Join(settings.ErrNoDatabase, errors.New("connection refused"))
	}
	return d.UpdateLocal(ctx, change)
}

func (d disk) UpdateLocal(ctx context.Context, change func(*settings.Tx) error) error {
	done, crash := d.f.pass()
	if done {
		if err := d.Store.UpdateLocal(ctx, change); err != nil {
			return err
		}
	}
	return crash
}

// wire is a data plane with faults.
type wire struct {
	*changetest.Plane
	f *faults
}

func (w wire) Install(ctx context.Context, i command.Install) (command.Status, error) {
	return w.ask(func() (command.Status, error) { return w.Plane.Install(ctx, i) })
}

func (w wire) Confirm(ctx context.Context, revision uint64) (command.Status, error) {
	return w.ask(func() (command.Status, error) { return w.Plane.Confirm(ctx, revision) })
}

func (w wire) Revert(ctx context.Context, revision uint64) (command.Status, error) {
	return w.ask(func() (command.Status, error) { return w.Plane.Revert(ctx, revision) })
}

func (w wire) ask(do func() (command.Status, error)) (st command.Status, err error) {
	done, crash := w.f.pass()
	if done {
		if st, err = do(); err != nil {
			return st, err
		}
	}
	return st, crash
}

func newWorld(t testing.TB, dir string) *world { return newWorldBy(t, dir, nil) }

func newWorldBy(t testing.TB, dir string, clock func() time.Time) *world {
	w := &world{t: t, clock: clock, dir: dir, plane: changetest.New(clock), events: &events{}}
	w.start()
	t.Cleanup(func() { w.store.Close() })
	return w
}

// memory is a folder of a file system in memory, where there is one: these tests write thousands of times, and none of
// them pulls the plug.
func memory(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "fcr-change")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// start starts change control, after it ended.
func (w *world) start() {
	w.t.Helper()
	if w.store != nil {
		w.store.Close()
	}
	var err error
	if w.store, err = settings.Open(settings.Options{Dir: w.dir}); err != nil {
		w.t.Fatal(err)
	}
	w.faults = &faults{in: -1}
	w.Service, err = New(Options{Settings: disk{w.store, w.faults}, Plane: wire{w.plane, w.faults}, Events: w.events, Now: w.clock})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) settle() {
	w.t.Helper()
	if err := w.Settle(context.Background()); err != nil {
		w.t.Fatalf("settle: %v", err)
	}
}

// alias is an edit that makes an alias.
func alias(name string, n int) draft.Edit {
	return draft.Edit{Op: draft.Put, Kind: draft.KindAlias, Name: name, Alias: &draft.Alias{WWPN: fmt.Sprintf("20:00:02:fc:01:00:%02x:%02x", n>>8, n&255)}}
}

func (w *world) edit(who string, e draft.Edit) error {
	_, err := w.Edit(context.Background(), who, e, false, nil)
	return err
}

func (w *world) mustEdit(who string, e draft.Edit) {
	w.t.Helper()
	if err := w.edit(who, e); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) apply(who string, window time.Duration) (Applied, error) {
	return w.Apply(context.Background(), Order{By: who, Window: window, Note: "a test"})
}

func (w *world) mustApply(who string, window time.Duration) Applied {
	w.t.Helper()
	a, err := w.apply(who, window)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *world) pendingText() string { return string(w.Draft(PendingOne).YAML()) }

func want(t testing.TB, err error, code problem.Code, parts ...string) {
	t.Helper()
	if code == "" {
		if err != nil {
			t.Errorf("got %v, want no error", err)
		}
		return
	}
	if !problem.Is(err, code) {
		t.Errorf("got %v, want %s", err, code)
		return
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("%q is not in %v", p, err)
		}
	}
}
