package engine

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"fcredirect/dataplane/command"
	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/revision"
	"fcredirect/dataplane/shm"
)

// A pair with a service, on one core.
const changing = `
node: live
lcores: [0]
poll: adaptive
ports:
  - {name: edge0, device: "net_null0", role: edge, pair: fabric0}
  - {name: fabric0, device: "net_null1", role: fabric}
  - {name: svc0, device: "net_null2", role: service}
segment: {hugepages: off, flows: 1024, logins: 64}
rings: {state: 64, events: 256}
`

const (
	forwardAll = services + "policies:\n  - {name: all, match: {initiator: any, target: any, vsan: any}, action: forward}\n"
	steerAll   = services + "policies:\n  - {name: all, match: {initiator: any, target: any, vsan: any}, action: redirect, service: inspect}\n"
	dropAll    = services + "policies:\n  - {name: all, match: {initiator: any, target: any, vsan: any}, action: drop}\n"
)

// machine is a data plane with a state folder, that may end and start again, and a client of it.
type machine struct {
	*live
	t      *testing.T
	dir    string
	state  string
	client *command.Client
	file   *shm.File
}

func startMachine(t *testing.T, dir, state string) *machine {
	t.Helper()
	folder, err := revision.OpenFolder(state, "live")
	if err != nil {
		t.Fatal(err)
	}
	m := &machine{t: t, dir: dir, state: state}
	m.live = startLiveWith(t, Options{Boot: bootOf(t, changing), Dir: dir, Folder: folder, Compile: compileHere(folder)})
	m.file, err = shm.Open(filepath.Join(dir, "state"), false)
	ctl, err2 := shm.Open(filepath.Join(dir, "ctl"), true)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.file.Close(); ctl.Close() })
	m.client = command.New(m.file, ctl)
	return m
}

// compileHere compiles in this process, where the program is a test.
func compileHere(folder *revision.Folder) func(revision.Source, []byte) ([32]byte, *command.Error) {
	return func(from revision.Source, slot []byte) ([32]byte, *command.Error) {
		wrong := func(err error) ([32]byte, *command.Error) {
			return [32]byte{}, &command.Error{Code: command.Compile, Text: err.Error()}
		}
		text, err := command.Document(folder.Documents(), from.Document)
		if err != nil {
			return wrong(err)
		}
		doc, err := policy.Parse("policy", text)
		if err != nil {
			return wrong(err)
		}
		flat, _, err := policy.Compile(doc)
		if err != nil {
			return wrong(err)
		}
		shm.PutPolicy(slot, flat)
		return from.Document, nil
	}
}

func (m *machine) install(revision uint64, text string, window time.Duration) command.Status {
	m.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	s, err := m.client.Install(ctx, command.Install{Revision: revision, Document: []byte(text), Window: window})
	if err != nil {
		m.t.Fatal(err)
	}
	return s
}

// goes sends a frame and says on which port it leaves: "fabric", "service", or "" when it is dropped.
func (m *machine) goes() string {
	m.t.Helper()
	dropped := m.engine.seg.State
	before := dropsOf(dropped)
	f := fcp(1, 2, frame.RCtlSolicitedData, 8, 0, []byte{1, 2, 3, 4})
	if err := m.in[0].Enqueue(f); err != nil {
		m.t.Fatal(err)
	}
	var buf [dpdk.FrameMax]byte
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		if _, ok := m.out[1].Dequeue(buf[:]); ok {
			return "fabric"
		}
		if _, ok := m.out[2].Dequeue(buf[:]); ok {
			return "service"
		}
		if dropsOf(dropped) != before {
			return ""
		}
	}
	m.t.Fatal("the frame went nowhere")
	return ""
}

func dropsOf(f *shm.File) uint64 {
	n := uint64(0)
	counters := shm.Items[shm.Counters](f, shm.RegionCounters)
	for i := range counters {
		n += counters[i].Drops()
	}
	return n
}

// until sends frames until one goes where it should.
func (m *machine) until(where string) {
	m.t.Helper()
	for deadline := time.Now().Add(time.Minute); m.goes() != where; {
		if time.Now().After(deadline) {
			m.t.Fatalf("frames do not go to %q", where)
		}
	}
}

func (m *machine) status() command.Status {
	m.t.Helper()
	s, err := command.Read(m.file)
	if err != nil {
		m.t.Fatal(err)
	}
	return s
}

// inTime tries something with a window, and with a longer one when it came too late, as it may on a machine that is short of
// CPU: the window was over before the test had looked, or what follows it was.
func inTime(t *testing.T, window time.Duration, try func(window time.Duration) (late bool)) {
	t.Helper()
	for ; try(window); window *= 3 {
		if window > 10*time.Second {
			t.Fatalf("with a window of %v it does not come in time either", window)
		}
	}
}

// Nobody of the slow path is there: no process but the data plane lives.
func TestFramesGoTheOldWayAgainWhenNobodyConfirms(t *testing.T) {
	inTime(t, 2*time.Second, func(window time.Duration) (late bool) {
		dir := t.TempDir()
		m := startMachine(t, dir, t.TempDir())
		m.install(1, forwardAll, 0)
		if got := m.goes(); got != "fabric" {
			t.Fatalf("the frame went to %q", got)
		}
		began := time.Now()
		s := m.install(2, steerAll, window)
		if time.Since(began) > window/2 {
			return true
		}
		if !s.Pending() || s.Revision != 2 || s.Confirmed != 1 {
			t.Fatalf("%+v", s)
		}
		if got := m.goes(); got != "service" { // the installation was acknowledged: the very next frame obeys
			if time.Since(began) > window/2 {
				return true
			}
			t.Fatalf("the frame went to %q", got)
		}
		m.until("fabric")
		s = m.status()
		if s.Revision != 1 || s.Pending() || s.Last.What != "expired" || s.Last.Revision != 2 {
			t.Fatalf("%+v", s)
		}
		if text, err := command.Text(m.file, s.Document); err != nil || string(text) != forwardAll {
			t.Errorf("%q, %v", text, err)
		}
		var told []feed.Type
		events := listen(t, dir, feed.Event)
		events.until("the end of the window", func(item *feed.Item) bool {
			if h := item.Header(); h.Type >= feed.PolicyInstalled && h.Type <= feed.PolicyExpired {
				told = append(told, h.Type)
				return h.Type == feed.PolicyExpired && item.Change().Revision == 2
			}
			return false
		})
		if len(told) != 4 { // 1 installed and confirmed, 2 installed and expired
			t.Errorf("told %v", told)
		}
		return false
	})
}

func TestAWarmRestartInTheWindowKeepsItsDeadline(t *testing.T) {
	inTime(t, 4*time.Second, func(window time.Duration) (late bool) {
		dir, state := t.TempDir(), t.TempDir()
		m := startMachine(t, dir, state)
		m.install(1, forwardAll, 0)
		began := time.Now()
		m.install(2, steerAll, window)
		if time.Since(began) > window/2 {
			return true
		}
		deadline := m.deadline()
		if got := m.goes(); got != "service" {
			if time.Since(began) > window/2 {
				return true
			}
			t.Fatalf("the frame went to %q", got)
		}
		if err := errors.Join(m.stop(), m.engine.Close()); err != nil {
			t.Fatal(err)
		}

		m = startMachine(t, dir, state)
		s, again := m.status(), m.deadline()
		got := m.goes()
		if time.Until(deadline) < 100*time.Millisecond {
			return true
		}
		if s.Revision != 2 || s.Confirmed != 1 || again.Sub(deadline).Abs() > 100*time.Millisecond {
			t.Fatalf("%+v, the deadline was %v and is %v", s, deadline, again)
		}
		if got != "service" {
			t.Fatalf("the frame went to %q", got)
		}
		m.until("fabric")
		lateness := time.Since(deadline)
		if lateness < -100*time.Millisecond {
			t.Errorf("taken back %v before the deadline", -lateness)
		}
		return lateness > 2*time.Second
	})
}

// deadline is that of the window. It stands in the segment by another clock than ours: when we have no CPU between reading
// the one and the other it seems to be earlier.
func (m *machine) deadline() (latest time.Time) {
	m.t.Helper()
	for range 5 {
		if d := m.status().Deadline; d.After(latest) {
			latest = d
		}
	}
	return latest
}

func TestAColdStartBootsWhatWasConfirmedAndNothingElse(t *testing.T) {
	dir, state := t.TempDir(), t.TempDir()
	m := startMachine(t, dir, state)
	m.install(7, steerAll, 0)
	m.install(8, dropAll, time.Hour)
	if got := m.goes(); got != "" {
		t.Fatalf("the frame went to %q", got)
	}
	if err := errors.Join(m.stop(), m.engine.Close(), Forget(dir)); err != nil {
		t.Fatal(err)
	}
	m = startMachine(t, dir, state)
	if got := m.goes(); got != "service" {
		t.Fatalf("the frame went to %q", got)
	}
	if s := m.status(); s.Revision != 7 || s.Confirmed != 7 || s.Pending() {
		t.Fatalf("%+v", s)
	}
}

func TestConfirmAndRevertComeThroughTheSegment(t *testing.T) {
	m := startMachine(t, t.TempDir(), t.TempDir())
	ctx := t.Context()
	m.install(1, steerAll, time.Hour)
	if s, err := m.client.Revert(ctx, 1); err != nil || s.Revision != 0 || s.Last.What != "reverted" {
		t.Fatalf("%+v, %v", s, err)
	}
	if got := m.goes(); got != "fabric" {
		t.Fatalf("the frame went to %q", got)
	}
	m.install(1, steerAll, time.Hour)
	if s, err := m.client.Confirm(ctx, 1); err != nil || s.Confirmed != 1 || s.Pending() {
		t.Fatalf("%+v, %v", s, err)
	}
	if got := m.goes(); got != "service" {
		t.Fatalf("the frame went to %q", got)
	}
	wrong := (*command.Error)(nil)
	if _, err := m.client.Install(ctx, command.Install{Revision: 2, Document: []byte("policies: [{name: x, match: {}, action: rediret}]\n")}); !errors.As(err, &wrong) || wrong.Code != command.Compile {
		t.Errorf("%v", err)
	}
	if _, err := m.client.Confirm(ctx, 1); !errors.As(err, &wrong) || wrong.Code != command.NoWindow {
		t.Errorf("%v", err)
	}
	if _, err := m.client.Do(ctx, 31, nil); !errors.As(err, &wrong) || wrong.Code != command.Unknown {
		t.Errorf("%v", err)
	}
	if _, err := m.client.Do(ctx, command.OpInstall, []byte("short")); !errors.As(err, &wrong) || wrong.Code != command.Malformed {
		t.Errorf("%v", err)
	}
}
