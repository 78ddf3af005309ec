package main

import (
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestPulsesReportTheTimeInWhichCommandsWereSlow(t *testing.T) {
	ms := time.Millisecond
	for _, c := range []struct {
		name string
		all  []pulse
		want string
	}{
		{"a good path", []pulse{{0, ms, true}, {10 * ms, 3 * ms, false}, {20 * ms, ms, true}}, "ios=3 median_ms=1 p99_ms=3 worst_ms=3 slow=0 dark_ms=0"},
		{"dark from the first slow one to the last", []pulse{{300 * ms, 1100 * ms, true}, {0, ms, true}, {100 * ms, 3000 * ms, true}, {310 * ms, 2 * ms, true}, {3100 * ms, 1200 * ms, false}},
			"ios=5 median_ms=1100 p99_ms=3000 worst_ms=3000 slow=3 dark_ms=200"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := report(c.all); err != nil || got != c.want {
				t.Errorf("%q (%v), want %q", got, err, c.want)
			}
		})
	}
	if _, err := report(nil); err == nil {
		t.Error("nothing is no report")
	}
}

func TestPulsesWriteReadAndCompare(t *testing.T) {
	path := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(path, make([]byte, 8*pulseBytes), 0o600); err != nil {
		t.Fatal(err)
	}
	said, failed := make(chan string, 1), make(chan error, 1)
	go func() {
		line, err := pulses(path, 8*pulseBytes, 7)
		said <- line
		failed <- err
	}()
	signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM) // one that comes too early ends nothing
	var line string
	var err error
	for again := time.NewTicker(10 * pulseEvery); line == "" && err == nil; {
		select {
		case line = <-said:
			err = <-failed
		case <-again.C:
			if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err != nil && strings.Contains(err.Error(), "invalid argument") {
		t.Skip("this file system has no direct I/O")
	}
	if err != nil || !strings.HasPrefix(line, "ios=") {
		t.Fatalf("%q, %v", line, err)
	}
	b, err := os.ReadFile(path)
	want := make([]byte, pulseBytes)
	fill(want, 7, 0)
	if err != nil || string(b[:pulseBytes]) != string(want) {
		t.Errorf("the first block is not what was written (%v)", err)
	}
}
