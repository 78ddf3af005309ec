package system

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"fcredirect/mgmt/config"
	"fcredirect/mgmt/registry"
)

// The test binary is also fcr-mgmtd, as far as this package goes: with the variable set it runs a process of the
// configuration on its standard input, with roles that write down what happens to them.
const asProcess = "FCR_TEST_PROCESS"

func TestMain(m *testing.M) {
	if dir := os.Getenv(asProcess); dir != "" {
		if err := process(dir, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// process is run [PROCESS [ROLE,…]].
func process(dir string, args []string) error {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	c, _, err := config.Parse("f", text)
	if err != nil {
		return err
	}
	if err := c.Complete(config.Overrides{Node: "n", Segment: filepath.Join(dir, "segment"), StateDir: filepath.Join(dir, "state"), RunDir: filepath.Join(dir, "run")}); err != nil {
		return err
	}
	o := Options{Config: c, Process: args[0], Version: "test", Log: slog.New(slog.NewTextHandler(os.Stderr, nil)), Spawn: spawnTest(dir, text)}
	if len(args) > 1 {
		o.Roles = config.SplitRoles(args[1])
	}
	o.Build = func(*Parts) (Makers, error) {
		m := Makers{}
		for _, k := range config.Kinds {
			m[k.Name] = func(i config.Instance) (Role, error) { return fakeRole{run: scribe(dir, i.Name())}, nil }
		}
		return m, nil
	}
	s, err := New(o)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return s.Run(ctx)
}

func spawnTest(dir string, text []byte) Spawn {
	return Spawn{Path: "/proc/self/exe", Args: func(p string) []string { return []string{p} }, Env: []string{asProcess + "=" + dir}, Input: text}
}

// scribe is the Run of a role that writes down its beginning and its end, with the pid, and panics in a goroutine of its
// own when there is a file that says so.
func scribe(dir, name string) func(context.Context, func()) error {
	write := func(what string) {
		f, err := os.OpenFile(filepath.Join(dir, "log"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err == nil {
			fmt.Fprintf(f, "%s %s %d\n", what, name, os.Getpid())
			f.Close()
		}
	}
	return func(ctx context.Context, ready func()) error {
		write("begin")
		ready()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				write("end")
				return nil
			case <-tick.C:
			}
			if err := os.Remove(filepath.Join(dir, "panic "+name)); err == nil {
				go panic("as it was told")
				select {}
			}
		}
	}
}

// lab runs processes over one folder.
type lab struct {
	t    *testing.T
	dir  string
	text string
}

func newLab(t *testing.T, text string) *lab {
	dir := t.TempDir()
	seg := makeSegment(t, filepath.Join(dir, "segment"), false)
	t.Cleanup(func() { seg.Close() })
	return &lab{t, dir, text}
}

// start runs a process as its own parent would; it is ended with the test.
func (l *lab) start(args ...string) (*exec.Cmd, *strings.Builder) {
	l.t.Helper()
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), asProcess+"="+l.dir)
	cmd.Stdin = strings.NewReader(l.text)
	stderr := &strings.Builder{}
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
		if l.t.Failed() {
			l.t.Logf("%v:\n%s", args, stderr)
		}
	})
	return cmd, stderr
}

func (l *lab) log() []string {
	b, err := os.ReadFile(filepath.Join(l.dir, "log"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		l.t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

// pids are the processes in which a role has begun, in order.
func (l *lab) pids(name string) (all []int) {
	for _, line := range l.log() {
		var what, role string
		var pid int
		if n, _ := fmt.Sscanf(line, "%s %s %d", &what, &role, &pid); n == 3 && what == "begin" && role == name {
			all = append(all, pid)
		}
	}
	return all
}

// begun waits until a role has begun n times and gives the process of the last.
func (l *lab) begun(name string, n int) int {
	l.t.Helper()
	l.until(fmt.Sprintf("role %s has begun %d times", name, n), func() bool { return len(l.pids(name)) >= n })
	return l.pids(name)[n-1]
}

// untilBound is for a machine on which much else runs.
const untilBound = 2 * time.Minute

// until waits for what happens in other processes, of which nothing tells us.
func (l *lab) until(what string, is func() bool) {
	l.t.Helper()
	for deadline := time.Now().Add(untilBound); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			l.t.Fatalf("not within %v: %s; the log: %v", untilBound, what, l.log())
		}
	}
}

func (l *lab) kill(pid int, s syscall.Signal) {
	l.t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		l.t.Fatalf("signal %v to %d: %v", s, pid, err)
	}
}

// gone says whether a process that is not our child is dead.
func gone(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(b), ") Z ")
}

const threeProcesses = "roles: [{name: monitor}, {name: store, process: s}, {name: event, process: e}]"

func TestAChildProcessThatIsKilledComesBackAlone(t *testing.T) {
	l := newLab(t, threeProcesses)
	main, _ := l.start(config.Main)
	store, event := l.begun("store", 1), l.begun("event", 1)
	if l.begun("monitor", 1) != main.Process.Pid || store == event || store == main.Process.Pid {
		t.Fatalf("%v", l.log())
	}
	for n := range 2 {
		l.kill(l.begun("store", n+1), syscall.SIGKILL)
		l.begun("store", n+2)
	}
	if err := os.WriteFile(filepath.Join(l.dir, "panic store"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	last := l.begun("store", 4)
	if len(l.pids("event")) != 1 || len(l.pids("monitor")) != 1 {
		t.Errorf("others were restarted too: %v", l.log())
	}
	l.kill(main.Process.Pid, syscall.SIGTERM)
	if err := main.Wait(); err != nil {
		t.Error(err)
	}
	for _, line := range []string{fmt.Sprintf("end store %d", last), fmt.Sprintf("end event %d", event), fmt.Sprintf("end monitor %d", main.Process.Pid)} {
		if !slices.Contains(l.log(), line) {
			t.Errorf("no orderly end %q: %v", line, l.log())
		}
	}
	if !gone(last) || !gone(event) {
		t.Error("a child process is left")
	}
}

func TestNoChildProcessOutlivesItsParent(t *testing.T) {
	l := newLab(t, threeProcesses)
	main, _ := l.start(config.Main)
	store, event := l.begun("store", 1), l.begun("event", 1)
	l.kill(main.Process.Pid, syscall.SIGKILL)
	_ = main.Wait()
	l.until("the child processes are dead", func() bool { return gone(store) && gone(event) })
	again, _ := l.start(config.Main) // and nothing of theirs is in the way
	l.begun("store", 2)
	l.begun("event", 2)
	l.begun("monitor", 2)
	l.kill(again.Process.Pid, syscall.SIGTERM)
	if err := again.Wait(); err != nil {
		t.Error(err)
	}
}

func TestAStandbyTakesOverWhenTheOwnerDies(t *testing.T) {
	l := newLab(t, "roles: [{name: store, replicas: 2}]")
	first, _ := l.start(config.Main, "store")
	l.begun("store", 1)
	second, _ := l.start(config.Main, "store")
	reg, err := registry.Open(registry.Options{Place: placeOf(l.dir), Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Close()
	standby := func() (found bool) {
		for _, in := range reg.List() {
			found = found || in.State == registry.Standby && in.PID == second.Process.Pid
		}
		return found
	}
	l.until("the second process stands by", standby)
	killed := time.Now()
	l.kill(first.Process.Pid, syscall.SIGKILL)
	_ = first.Wait()
	l.until("the standby runs", func() bool { return slices.Contains(l.log(), fmt.Sprintf("begin store#1 %d", second.Process.Pid)) })
	t.Logf("it took over after %v", time.Since(killed).Round(time.Millisecond))
	third, stderr := l.start(config.Main, "store") // takes the place of the dead one
	l.until("a new process stands by", func() bool {
		return slices.ContainsFunc(reg.List(), func(in registry.Instance) bool { return in.State == registry.Standby && in.PID == third.Process.Pid })
	})
	fourth, stderr4 := l.start(config.Main, "store")
	if err := fourth.Wait(); err == nil || !strings.Contains(stderr4.String(), "2 replicas already") {
		t.Errorf("%v: %s", err, stderr4)
	}
	for _, p := range []*exec.Cmd{third, second} {
		l.kill(p.Process.Pid, syscall.SIGTERM)
		if err := p.Wait(); err != nil {
			t.Errorf("%v: %s", err, stderr)
		}
	}
}

func TestASecondProcessForTheSameRoleIsRefused(t *testing.T) {
	l := newLab(t, "roles: [{name: store}, {name: event}]")
	first, _ := l.start(config.Main)
	l.begun("store", 1)
	second, stderr := l.start(config.Main, "store")
	if err := second.Wait(); err == nil || !strings.Contains(stderr.String(), fmt.Sprintf("runs in process %d", first.Process.Pid)) {
		t.Errorf("%v: %s", err, stderr)
	}
	if len(l.pids("store")) != 1 {
		t.Errorf("%v", l.log())
	}
}

func TestAnAdminCommandsRolesOfOtherProcesses(t *testing.T) {
	l := newLab(t, threeProcesses)
	l.start(config.Main)
	l.begun("monitor", 1)
	pid := l.begun("store", 1)
	reg, err := registry.Open(registry.Options{Place: placeOf(l.dir), Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Close()
	obeyed := func(c registry.Command) {
		t.Helper()
		orders, err := reg.Command("store", registry.AllShards, c)
		if err != nil {
			t.Fatal(err)
		}
		l.until("the command is obeyed: "+c.String(), func() bool { done, _ := reg.Fulfilled(orders[0]); return done })
	}
	l.until("the store says that it runs", func() bool { _, ok := reg.Find("store", 0); return ok })
	obeyed(registry.Restart)
	if again := l.begun("store", 2); again != pid {
		t.Errorf("a restart of the role made a new process")
	}
	obeyed(registry.Stop)
	l.kill(pid, syscall.SIGKILL)
	l.until("the new process has the role, and it stays stopped", func() bool {
		return slices.ContainsFunc(reg.List(), func(in registry.Instance) bool {
			return in.Role == "store" && in.PID != pid && in.Alive && in.State == registry.Stopped
		})
	})
	if n := len(l.pids("store")); n != 2 {
		t.Errorf("a stopped role ran %d times", n)
	}
	obeyed(registry.Start)
	l.begun("store", 3)
	if len(l.pids("event")) != 1 {
		t.Error("another role was restarted")
	}
}

func TestAChildProcessIsBoundToItsCoresAndItsMemory(t *testing.T) {
	var mine unix.CPUSet
	if err := unix.SchedGetaffinity(0, &mine); err != nil {
		t.Fatal(err)
	}
	core := 0
	for !mine.IsSet(core) {
		core++
	}
	l := newLab(t, fmt.Sprintf("roles: [{name: monitor}, {name: store, process: s, cores: [%d], memory: 64MiB}]", core))
	main, _ := l.start(config.Main)
	pid := l.begun("store", 1)
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(pid, &set); err != nil {
		t.Fatal(err)
	}
	if set.Count() != 1 || !set.IsSet(core) {
		t.Errorf("the child process may run on %d cores", set.Count())
	}
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil || !strings.Contains(string(env), "GOMEMLIMIT=67108864\x00") {
		t.Errorf("%v: no GOMEMLIMIT", err)
	}
	if err := unix.SchedGetaffinity(main.Process.Pid, &set); err != nil || set != mine {
		t.Errorf("%v: the parent's cores changed", err)
	}
}

func TestAChildProcessThatFallsSilentIsKilled(t *testing.T) {
	dir := t.TempDir()
	// The program of this child says once that it lives, and then sleeps.
	spawn := Spawn{Path: "/bin/sh", Args: func(string) []string {
		return []string{"-c", fmt.Sprintf("echo $$ >> %s/pids; printf READY=1 >&3; exec sleep 1000", dir)}
	}}
	c := &child{name: "s", spawn: spawn, bound: time.Second, silence: 300 * time.Millisecond, log: discard()}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); c.run(ctx) }()
	l := &lab{t: t, dir: dir}
	pids := func() []string {
		b, _ := os.ReadFile(filepath.Join(dir, "pids"))
		return strings.Fields(string(b))
	}
	ready := false // on a machine that is short of CPU some lives are over before they say so
	l.until("it is heard to be ready, killed and started anew, twice", func() bool { ready = ready || c.see().Ready; return ready && len(pids()) >= 3 })
	stop()
	<-done
	for _, p := range pids() {
		if pid, err := strconv.Atoi(p); err != nil || !gone(pid) {
			t.Errorf("process %s is left", p)
		}
	}
}

func TestAChildProcessThatDoesNotEndIsKilled(t *testing.T) {
	dir := t.TempDir()
	spawn := Spawn{Path: "/bin/sh", Args: func(string) []string {
		return []string{"-c", "trap '' TERM; printf READY=1 >&3; while true; do sleep 0.05; done"}
	}}
	c := &child{name: "s", spawn: spawn, bound: 200 * time.Millisecond, silence: time.Minute, log: discard()}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); c.run(ctx) }()
	l := &lab{t: t, dir: dir}
	l.until("it is ready", func() bool { return c.see().Ready })
	pid := c.see().PID
	stop()
	<-done
	if !gone(pid) {
		t.Error("it is left")
	}
}

func TestAChildProcessThatCannotBeStartedIsSaidAndTriedAgain(t *testing.T) {
	c := &child{name: "s", spawn: Spawn{Path: "/nowhere/fcr-mgmtd", Args: func(string) []string { return nil }}, silence: time.Minute, log: discard()}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); c.run(ctx) }()
	l := &lab{t: t}
	l.until("it says why", func() bool { return strings.Contains(c.see().Status, "no such file") })
	stop()
	<-done
}
