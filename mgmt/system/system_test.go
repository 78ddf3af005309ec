package system

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/config"
	"fcredirect/mgmt/registry"
)

// makeSegment makes a segment as a data plane does, as far as processes need it that claim roles.
func makeSegment(t *testing.T, dir string, fresh bool) *shm.Segment {
	t.Helper()
	s, err := shm.Create(shm.Config{
		Dir: dir, Node: "n", TSCHz: 1e9, Fresh: fresh,
		State: []shm.RegionSpec{{Name: shm.RegionControl, Stride: shm.ControlBytes, Count: 1}},
		Ctl: []shm.RegionSpec{
			{Name: shm.RegionRoles, Stride: shm.RoleBytes, Count: shm.MaxRoles, Keep: true},
			{Name: shm.RegionMembers, Stride: shm.MemberBytes, Count: shm.MaxMembers, Keep: true},
			{Name: shm.RegionBus, Stride: shm.ChannelBytes, Count: shm.MaxMembers * shm.MaxMembers, Keep: true},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func placeOf(dir string) attach.Place { return attach.Place{Dir: filepath.Join(dir, "segment")} }

// ear is a notifier that remembers.
type ear struct {
	sync.Mutex
	heard []string
	every time.Duration
}

func (e *ear) tell(state string) error {
	e.Lock()
	defer e.Unlock()
	e.heard = append(e.heard, state)
	return nil
}

func (e *ear) watchdog() time.Duration { return e.every }

func (e *ear) count(state string) (n int) {
	e.Lock()
	defer e.Unlock()
	for _, h := range e.heard {
		if h == state {
			n++
		}
	}
	return n
}

func (e *ear) status() string {
	e.Lock()
	defer e.Unlock()
	for _, h := range slices.Backward(e.heard) {
		if text, ok := strings.CutPrefix(h, "STATUS="); ok {
			return text
		}
	}
	return ""
}

// node is a System on a bench.
type node struct {
	*System
	t    *testing.T
	ear  *ear
	dir  string
	stop context.CancelFunc
	err  chan error
	mu   sync.Mutex
	log  []string
}

func (n *node) note(what string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.log = append(n.log, what)
}

func (n *node) happened() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.log)
}

func options(t *testing.T, text, dir string) Options {
	t.Helper()
	c, _, err := config.Parse("f", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	// A run folder of its own: t.TempDir may be too long for sockets.
	over := config.Overrides{Node: "n", Segment: filepath.Join(dir, "segment"), StateDir: filepath.Join(dir, "state"), RunDir: filepath.Join(dir, "run")}
	if err := c.Complete(over); err != nil {
		t.Fatal(err)
	}
	return Options{Config: c, Process: config.Main, Version: "test", Log: discard()}
}

// boot makes and runs a System whose roles are made by roles, or simply serve.
func boot(t *testing.T, text, dir string, roles map[string]fakeRole) *node {
	t.Helper()
	n := &node{t: t, ear: &ear{every: 3 * time.Second}, dir: dir, err: make(chan error, 1)}
	o := options(t, text, dir)
	o.notify = n.ear
	o.Build = func(*Parts) (Makers, error) {
		m := Makers{}
		for _, k := range config.Kinds {
			m[k.Name] = func(config.Instance) (Role, error) {
				f, own := roles[k.Name]
				if !own {
					f.run = serves
				}
				return fakeRole{healthy: f.healthy, run: func(ctx context.Context, ready func()) error {
					n.note("+" + k.Name)
					defer n.note("-" + k.Name)
					return f.run(ctx, ready)
				}}, nil
			}
		}
		return m, nil
	}
	var err error
	if n.System, err = New(o); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	n.stop = stop
	go func() { n.err <- n.Run(ctx) }()
	return n
}

func (n *node) end() error {
	n.stop()
	return <-n.err
}

func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

const allRoles = "roles: [{name: peer, depends-on: [event]}, {name: monitor}, {name: event}, {name: store, depends-on: [database, monitor]}, {name: database}]"

func TestRolesStartAfterWhatTheyDependOnAndStopBefore(t *testing.T) {
	dir := t.TempDir()
	defer makeSegment(t, filepath.Join(dir, "segment"), false).Close()
	synctest.Test(t, func(t *testing.T) {
		slow := func(ctx context.Context, ready func()) error {
			time.Sleep(3 * time.Second)
			ready()
			<-ctx.Done()
			time.Sleep(time.Second)
			return nil
		}
		n := boot(t, allRoles, dir, map[string]fakeRole{"database": {run: slow}, "event": {run: slow}, "store": {run: slow}, "peer": {run: slow}, "monitor": {run: slow}})
		after(15 * time.Second)
		if n.ear.count(daemon.SdNotifyReady) != 1 {
			t.Fatalf("not ready: %s", n.ear.status())
		}
		if err := n.end(); err != nil {
			t.Fatal(err)
		}
		log := n.happened()
		at := func(what string) int { return slices.Index(log, what) }
		for _, pair := range [][2]string{{"database", "event"}, {"database", "store"}, {"monitor", "store"}, {"event", "peer"}} {
			if at("+"+pair[0]) > at("+"+pair[1]) || at("-"+pair[0]) < at("-"+pair[1]) {
				t.Errorf("%s and %s: %v", pair[0], pair[1], log)
			}
		}
		if len(log) != 10 {
			t.Errorf("%v", log)
		}
	})
}

func TestReadyIsSaidOnceAndTheWatchdogWhileAllIsWell(t *testing.T) {
	dir := t.TempDir()
	defer makeSegment(t, filepath.Join(dir, "segment"), false).Close()
	synctest.Test(t, func(t *testing.T) {
		begin, hang := make(chan struct{}), make(chan struct{})
		var hangs sync.Mutex
		hung := false
		roles := map[string]fakeRole{"event": {
			run: func(ctx context.Context, ready func()) error {
				<-begin
				ready()
				<-ctx.Done()
				return nil
			},
			healthy: func() error {
				hangs.Lock()
				h := hung
				hangs.Unlock()
				if h {
					<-hang
				}
				return nil
			},
		}}
		n := boot(t, "roles: [{name: monitor}, {name: event, health: {action: alarm}}]", dir, roles)
		after(10 * time.Second)
		if n.ear.count(daemon.SdNotifyReady) > 0 || !strings.Contains(n.ear.status(), "1 of 2 roles run; event is starting") {
			t.Fatalf("%v", n.ear.heard)
		}
		close(begin)
		after(2 * time.Second)
		before := n.ear.count(daemon.SdNotifyWatchdog)
		after(time.Minute)
		if n.ear.count(daemon.SdNotifyReady) != 1 || n.ear.status() != "2 of 2 roles run" {
			t.Errorf("%v", n.ear.heard)
		}
		if pings := n.ear.count(daemon.SdNotifyWatchdog) - before; pings < 40 {
			t.Errorf("%d signs of life in a minute, of which systemd wants one each 3 s", pings)
		}
		hangs.Lock()
		hung = true
		hangs.Unlock()
		after(10 * time.Second)
		before = n.ear.count(daemon.SdNotifyWatchdog)
		if after(time.Minute); n.ear.count(daemon.SdNotifyWatchdog) != before || !strings.Contains(n.ear.status(), "event: it does not answer") {
			t.Errorf("signs of life from a process with a role that hangs: %s", n.ear.status())
		}
		close(hang)
		hangs.Lock()
		hung = false
		hangs.Unlock()
		if after(10 * time.Second); n.ear.count(daemon.SdNotifyWatchdog) == before {
			t.Error("no signs of life when it answers again")
		}
		if err := n.end(); err != nil || n.ear.count(daemon.SdNotifyStopping) != 1 {
			t.Errorf("%v, %v", err, n.ear.heard)
		}
	})
}

func TestAProcessThatOnlyWaitsCallsItselfReadyInTheEnd(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		n := boot(t, "roles: [{name: database}, {name: store}]", dir, nil)
		after(readyBound - time.Second)
		if n.ear.count(daemon.SdNotifyReady) > 0 {
			t.Fatal("ready too early")
		}
		after(2 * time.Second)
		if n.ear.count(daemon.SdNotifyReady) != 1 || n.ear.status() != "1 of 2 roles run; store is new: waits for the data plane" {
			t.Errorf("%v", n.ear.heard)
		}
		seg := makeSegment(t, filepath.Join(dir, "segment"), false)
		defer seg.Close()
		after(2 * time.Second)
		if log := n.happened(); !slices.Equal(log, []string{"+database", "+store"}) || n.ear.status() != "2 of 2 roles run" {
			t.Errorf("%v, %s", log, n.ear.status())
		}
		if err := n.end(); err != nil {
			t.Error(err)
		}
	})
}

// setABI changes what both files of a segment say of their version.
func setABI(t *testing.T, dir string, abi uint32) {
	t.Helper()
	for _, name := range []string{"state", "ctl"} {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteAt(binary.LittleEndian.AppendUint32(nil, abi), 8); err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
}

func TestASegmentOfAnotherVersionEndsTheProcess(t *testing.T) {
	for _, tt := range []struct {
		name  string
		first bool
	}{{"there at the start", true}, {"coming later", false}} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			place := filepath.Join(dir, "segment")
			if tt.first {
				makeSegment(t, place, false).Close()
				setABI(t, place, shm.ABI+1)
				if _, err := New(options(t, allRoles, dir)); !errors.Is(err, shm.ErrABI) {
					t.Errorf("got %v", err)
				}
				return
			}
			synctest.Test(t, func(t *testing.T) {
				n := boot(t, allRoles, dir, nil)
				after(time.Second)
				other := t.TempDir()
				makeSegment(t, filepath.Join(other, "segment"), false).Close()
				setABI(t, filepath.Join(other, "segment"), shm.ABI+1)
				if err := os.Rename(filepath.Join(other, "segment"), place); err != nil {
					t.Fatal(err)
				}
				if err := <-n.err; !errors.Is(err, shm.ErrABI) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

func TestATruncatedSegmentIsWaitedForLikeAnAbsentOne(t *testing.T) {
	dir := t.TempDir()
	place := filepath.Join(dir, "segment")
	makeSegment(t, place, false).Close()
	if err := os.Truncate(filepath.Join(place, "ctl"), 4096); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		n := boot(t, "roles: [{name: store}]", dir, nil)
		after(time.Second)
		if v := n.instances[0].see(); v.State != registry.New {
			t.Errorf("the role is %v", v.State)
		}
		seg := makeSegment(t, place, true)
		defer seg.Close()
		after(time.Second)
		if v := n.instances[0].see(); v.State != registry.Running {
			t.Errorf("the role is %v: %s", v.State, v.Why)
		}
		if err := n.end(); err != nil {
			t.Error(err)
		}
	})
}

func TestAColdStartOfTheDataPlaneStopsNobody(t *testing.T) {
	dir := t.TempDir()
	place := filepath.Join(dir, "segment")
	makeSegment(t, place, false).Close()
	synctest.Test(t, func(t *testing.T) {
		n := boot(t, "roles: [{name: monitor}, {name: event}]", dir, nil)
		after(time.Second)
		if _, err := n.registry.Command("event", 0, registry.Stop); err != nil {
			t.Fatal(err)
		}
		after(time.Second)
		seg := makeSegment(t, place, true)
		defer seg.Close()
		after(2 * time.Second)
		states := map[string]registry.State{}
		for _, in := range n.registry.List() {
			states[in.Role] = in.State
		}
		if len(states) != 2 || states["monitor"] != registry.Running || states["event"] != registry.Stopped {
			t.Errorf("in the new segment: %v", states)
		}
		if log := n.happened(); !slices.Equal(log, []string{"+monitor", "+event", "-event"}) && !slices.Equal(log, []string{"+event", "+monitor", "-event"}) {
			t.Errorf("%v", log)
		}
		if err := n.end(); err != nil {
			t.Error(err)
		}
	})
}

func TestTwoProcessesDoNotShareAnInstance(t *testing.T) {
	dir := t.TempDir()
	defer makeSegment(t, filepath.Join(dir, "segment"), false).Close()
	synctest.Test(t, func(t *testing.T) {
		n := boot(t, "roles: [{name: event}]", dir, nil)
		after(time.Second)
		second := boot(t, "roles: [{name: event}]", dir, nil)
		if err := <-second.err; !errors.Is(err, registry.ErrTaken) || !strings.Contains(err.Error(), "role event cannot run here") {
			t.Errorf("got %v", err)
		}
		if len(second.happened()) > 0 {
			t.Error("it ran all the same")
		}
		if err := n.end(); err != nil {
			t.Error(err)
		}
	})
}

func TestARoleThatHangsAtTheEndIsReported(t *testing.T) {
	dir := t.TempDir()
	defer makeSegment(t, filepath.Join(dir, "segment"), false).Close()
	synctest.Test(t, func(t *testing.T) {
		hold := make(chan struct{})
		roles := map[string]fakeRole{"event": {run: func(_ context.Context, ready func()) error { ready(); <-hold; return nil }}}
		n := boot(t, "roles: [{name: monitor}, {name: event}]", dir, roles)
		after(time.Second)
		begun := time.Now()
		if err := n.end(); !errors.Is(err, ErrStuck) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(begun); took > 15*time.Second {
			t.Errorf("the end took %v", took)
		}
		if log := n.happened(); !slices.Contains(log, "-monitor") {
			t.Errorf("one that hangs kept another from its orderly end: %v", log)
		}
		close(hold)
		after(time.Second)
		if err := n.close(); err != nil {
			t.Error(err)
		}
	})
}

func TestSystemdHearsOfEverything(t *testing.T) {
	dir := t.TempDir()
	defer makeSegment(t, filepath.Join(dir, "segment"), false).Close()
	socket := filepath.Join(dir, "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	t.Setenv("NOTIFY_SOCKET", socket)
	t.Setenv("WATCHDOG_USEC", "3000000")
	t.Setenv("WATCHDOG_PID", "")
	o := options(t, "roles: [{name: event}]", dir)
	o.Build = func(*Parts) (Makers, error) {
		return Makers{"event": func(config.Instance) (Role, error) { return fakeRole{run: serves}, nil }}, nil
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("WATCHDOG_USEC") != "" {
		t.Error("child processes would be told to serve systemd's watchdog")
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	heard := map[string]bool{}
	buf := make([]byte, 4096)
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	for !heard["STOPPING=1"] {
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatalf("%v; heard %v", err, heard)
		}
		heard[string(buf[:n])] = true
		if heard["READY=1"] && heard["WATCHDOG=1"] && heard["STATUS=1 of 1 roles run"] {
			stop()
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
