package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/registry"
)

var update = flag.Bool("update", false, "write what scripts compare with anew")

// TestMain makes the test binary fcr-mgmtd when a script runs it as such.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"fcr-mgmtd": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", UpdateScripts: *update, RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("GORACE", "atexit_sleep_ms=0") // it sleeps a second at each exit
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fails": fails, "await": await, "segment": segment, "role": role, "term": send(syscall.SIGTERM), "hup": send(syscall.SIGHUP), "slay": send(syscall.SIGKILL), "hidden": hidden,
		},
	})
}

// fails CODE PROGRAM ARG…: the program ends with this exit code.
func fails(ts *testscript.TestScript, neg bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || strconv.Itoa(exit.ExitCode()) != args[0] {
		ts.Fatalf("want exit code %s, got %v", args[0], err)
	}
}

// await FILE TEXT: the file comes to hold the text.
func await(ts *testscript.TestScript, neg bool, args []string) {
	var b []byte
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if b, _ = os.ReadFile(ts.MkAbs(args[0])); bytes.Contains(b, []byte(args[1])) {
			return
		}
	}
	ts.Fatalf("%q was not in %s within 30 s:\n%s", args[1], args[0], b)
}

// segment FOLDER [cold|abi|torn]: a segment as a data plane with one lcore makes it, before any frame; cold in place of
// the one that is there, abi of another version, torn with files that are too short.
func segment(ts *testscript.TestScript, neg bool, args []string) {
	spec := feed.Spec{Producers: 2, State: 64, Events: 64, Shards: 1}
	how := strings.Join(args[1:], " ")
	dir := ts.MkAbs(args[0])
	s, err := shm.Create(shm.Config{
		Dir: dir, Node: "fcr-t", TSCHz: 1e9, Fresh: how == "cold", State: spec.StateRegions(),
		Ctl: append(spec.CtlRegions(),
			shm.RegionSpec{Name: shm.RegionRoles, Stride: shm.RoleBytes, Count: shm.MaxRoles, Keep: true},
			shm.RegionSpec{Name: shm.RegionMembers, Stride: shm.MemberBytes, Count: shm.MaxMembers, Keep: true},
			shm.RegionSpec{Name: shm.RegionBus, Stride: shm.ChannelBytes, Count: shm.MaxMembers * shm.MaxMembers, Keep: true}),
	})
	ts.Check(err)
	for producer := range spec.Producers {
		c := feed.Config{Spec: spec, Producer: producer, Report: 1, Source: nobody{}}
		_, err1 := feed.NewOutlets(s.State, s.Ctl, c)
		_, err2 := feed.NewEvents(s.State, s.Ctl, c)
		ts.Check(errors.Join(err1, err2))
	}
	ts.Check(s.Close())
	for _, name := range []string{"state", "ctl"} {
		switch path := filepath.Join(dir, name); how {
		case "abi":
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			ts.Check(err)
			_, err = f.WriteAt(binary.LittleEndian.AppendUint32(nil, shm.ABI+1), 8)
			ts.Check(errors.Join(err, f.Close()))
		case "torn":
			ts.Check(os.Truncate(path, 4096))
		}
	}
}

// nobody is a table without flows.
type nobody struct{}

func (nobody) Fill(uint32, *feed.Item) bool { return false }
func (nobody) Slots() int                   { return 0 }

// role FOLDER NAME STATE: the acting instance of the role comes into that state; with stop, start or restart in its
// place, and what this brings about, it is told so first.
func role(ts *testscript.TestScript, neg bool, args []string) {
	reg, err := registry.Open(registry.Options{Place: attach.Place{Dir: ts.MkAbs(args[0])}, Name: "script"})
	ts.Check(err)
	defer reg.Close()
	fulfilled := func() bool {
		in, _ := reg.Find(args[1], 0)
		return in.State.String() == args[2] && in.Alive
	}
	for _, c := range []registry.Command{registry.Start, registry.Stop, registry.Restart} {
		if args[2] == c.String() {
			orders, err := reg.Command(args[1], registry.AllShards, c)
			ts.Check(err)
			fulfilled = func() bool { done, _ := reg.Fulfilled(orders[0]); return done }
		}
	}
	for deadline := time.Now().Add(30 * time.Second); !fulfilled(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			ts.Fatalf("role %s: %s: not within 30 s: %+v", args[1], args[2], reg.List())
		}
	}
}

// send makes the command that sends a signal to all that runs in the background; with a role's name after the folder of
// a segment to its process instead.
func send(signal syscall.Signal) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		if len(args) == 0 {
			for _, c := range ts.BackgroundCmds() {
				if err := c.Process.Signal(signal); !errors.Is(err, os.ErrProcessDone) {
					ts.Check(err)
				}
			}
			return
		}
		reg, err := registry.Open(registry.Options{Place: attach.Place{Dir: ts.MkAbs(args[0])}, Name: "script"})
		ts.Check(err)
		defer reg.Close()
		in, ok := reg.Find(args[1], 0)
		if !ok {
			ts.Fatalf("role %s does not run", args[1])
		}
		ts.Check(syscall.Kill(in.PID, signal))
	}
}

// hidden TEXT: no process that runs in the background, and none of its children, shows the text among its arguments.
func hidden(ts *testscript.TestScript, neg bool, args []string) {
	seen := 0
	for _, c := range ts.BackgroundCmds() {
		children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", c.Process.Pid))
		ts.Check(err)
		for _, pid := range append(strings.Fields(string(children)), strconv.Itoa(c.Process.Pid)) {
			line, err := os.ReadFile("/proc/" + pid + "/cmdline")
			ts.Check(err)
			if bytes.Contains(line, []byte(args[0])) {
				ts.Fatalf("process %s shows %q: %q", pid, args[0], line)
			}
			seen++
		}
	}
	if seen == 0 {
		ts.Fatalf("nothing runs in the background")
	}
}
