package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"fcredirect/dataplane/shm"
)

// TestMain makes the test binary fcrctl, or the maker of segments (segment_test.go), when a script runs it as such.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"fcrctl": main, "mksegment": makeSegmentMain, "playrole": playRoleMain, "mkrings": makeRingsMain, "playmonitor": playMonitorMain, "playstore": playStoreMain, "playevent": playEventMain, "playtelemetry": playTelemetryMain})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", UpdateScripts: *update, RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("NODE", fmt.Sprintf("fcrctl-test-%d-%d", os.Getpid(), nodes.Add(1))) // a name that no other segment here has
			e.Setenv("GORACE", "atexit_sleep_ms=0")                                       // it sleeps a second at each exit
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"fails": fails, "await": await, "poke": poke, "cut": cutFile, "term": signalTerm, "plain": plain,
		},
	})
}

var nodes atomic.Uint32

// fails STATUS PROGRAM ARGS…: the program ends with just this status.
func fails(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if neg || err != nil {
		ts.Fatalf("usage: fails STATUS PROGRAM ARGS")
	}
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != want {
		ts.Fatalf("%v: %v, want exit status %d", args[1:], err, want)
	}
}

// await FOLDER running|drained|ready: a data plane has brought its segment so far; ready is mksegment's word.
func await(ts *testscript.TestScript, neg bool, args []string) {
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(ts.MkAbs(args[0]), args[1])); err == nil {
			return
		}
		f, err := shm.Open(filepath.Join(ts.MkAbs(args[0]), "state"), false)
		if err != nil {
			continue
		}
		state := atomic.LoadUint32(&f.Header().State)
		f.Close()
		if args[1] == "running" && state == shm.Running || args[1] == "drained" && state == shm.Drained {
			return
		}
	}
	ts.Fatalf("%s was not %s within 30 s", args[0], args[1])
}

// poke FILE OFFSET HEX writes bytes into a file.
func poke(ts *testscript.TestScript, neg bool, args []string) {
	at, err1 := strconv.ParseInt(args[1], 0, 64)
	b, err2 := hex.DecodeString(args[2])
	f, err3 := os.OpenFile(ts.MkAbs(args[0]), os.O_RDWR, 0)
	ts.Check(errors.Join(err1, err2, err3))
	defer f.Close()
	_, err := f.WriteAt(b, at)
	ts.Check(err)
}

// cut FILE BYTES makes a file that short.
func cutFile(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.ParseInt(args[1], 0, 64)
	ts.Check(errors.Join(err, os.Truncate(ts.MkAbs(args[0]), n)))
}

// signalTerm sends SIGTERM to what runs in the background.
func signalTerm(ts *testscript.TestScript, neg bool, args []string) {
	for _, c := range ts.BackgroundCmds() {
		ts.Check(c.Process.Signal(syscall.SIGTERM))
	}
}

// plain NODE sets PLAIN to the folder where fcrctl looks for the node's segment when nobody says where, and removes it
// at the end.
func plain(ts *testscript.TestScript, neg bool, args []string) {
	dir := shm.PlainDir(args[0])
	ts.Setenv("PLAIN", dir)
	ts.Defer(func() {
		_ = os.RemoveAll(dir)
		_ = os.Remove(filepath.Dir(dir)) // stays while others have segments there
	})
}
