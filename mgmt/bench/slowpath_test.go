package bench

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fcredirect/mgmt/postgres"
)

// smallest is the shortest measurement there is.
func smallest(t *testing.T, log io.Writer) Options {
	t.Helper()
	return Options{Flows: 64, Rounds: 1, Seconds: MinSeconds, Offered: 5000, Command: command(t), Log: log, Dir: t.TempDir()}
}

// withoutServer skips where PostgreSQL is not installed.
func withoutServer(t *testing.T) {
	t.Helper()
	if _, err := postgres.NewCluster(postgres.ClusterConfig{DataDir: "/nowhere", SocketDir: "/nowhere"}); err != nil {
		t.Skip(err)
	}
}

// All three variants run for real; the figures of so short a run mean nothing, but the counts must be right.
func TestAMeasurementFromBeginningToEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a database and a dozen processes")
	}
	withoutServer(t)
	var log bytes.Buffer
	o := smallest(t, &log)
	// PostgreSQL does not run as root, and must get through to its data.
	for dir := o.Dir; strings.HasPrefix(dir, os.TempDir()) && dir != os.TempDir(); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Slowpath(context.Background(), o)
	if err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	for _, v := range r.Variants {
		s := &v.Samples[0]
		if s.Frames == 0 || s.PeerUpdates == 0 || s.PeerBytes == 0 || s.P50 == 0 || s.OfferedFrames < 500 || s.OfferedFrames > 1500 {
			t.Errorf("%s: %+v", v.Name, *s)
		}
		switch v.Name {
		case "synchronous":
			if s.Updates != s.Frames || s.Operations != s.Frames || s.PeerMessages != s.Frames || s.PeerBytes != s.Frames*oneMessageBytes || s.Fsyncs < 1 {
				t.Errorf("synchronous does everything once for each frame: %+v", *s)
			}
		case "ours":
			if v.Exact == nil || !*v.Exact {
				t.Errorf("peer, database and table differ at rest:\n%s", &log)
			}
			if s.PeerMessages >= s.PeerUpdates {
				t.Errorf("ours sends batches: %+v", *s)
			}
		}
	}
	left, err := os.ReadDir(o.Dir)
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestOptionsOutOfBoundsAreRefused(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"too few flows":              func(o *Options) { o.Flows = 1 },
		"too many flows":             func(o *Options) { o.Flows = MaxFlows + 1 },
		"negative rounds":            func(o *Options) { o.Rounds = -1 },
		"too short":                  func(o *Options) { o.Seconds = 0.01 },
		"not a number":               func(o *Options) { o.Seconds = nan() },
		"negative load":              func(o *Options) { o.Offered = -5 },
		"an odd ring":                func(o *Options) { o.Ring = 1000 },
		"nobody to do it":            func(o *Options) { o.Command = nil },
		"a folder that is not there": func(o *Options) { o.Dir = "/no/such/folder" },
	} {
		o := smallest(t, io.Discard)
		change(&o)
		if _, err := Slowpath(context.Background(), o); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func nan() float64 { var zero float64; return zero / zero }

func TestAHelperThatCannotStartIsSaid(t *testing.T) {
	for name, command := range map[string][]string{"no program": {"/no/such/program"}, "one that ends at once": {"/bin/true"}} {
		if _, err := startHelper(command, task{Kind: "peer", Network: "tcp", Address: "127.0.0.1:0"}, io.Discard); err == nil {
			t.Errorf("%s: started", name)
		}
	}
	for name, c := range map[string]struct {
		task task
		want string
	}{
		"no such kind":    {task{Kind: "cook"}, "there is no kind"},
		"no such address": {task{Kind: "peer", Network: "tcp", Address: "256.0.0.1:1"}, "256.0.0.1"},
		"no segment":      {task{Kind: "slow", Slow: &slowTask{Segment: "/no/such/folder", DSN: "host=/nowhere", State: t.TempDir()}}, "/no/such/folder"},
		"no task":         {task{Kind: "slow"}, "no task"},
	} {
		_, err := startHelper(command(t), c.task, io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestAHelperKeepsWhatItIsSentAndEndsWithItsInput(t *testing.T) {
	h, err := startHelper(command(t), task{Kind: "peer", Network: "tcp", Address: "127.0.0.1:0"}, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	c, err := dial("tcp", h.address, false)
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(c.send([]update{{Serial: 1, Frames: 5}}), c.send([]update{{Serial: 2, Frames: 7}, {Serial: 1, Frames: 6}}), c.close())
	if err != nil {
		t.Fatal(err)
	}
	d, err := h.stop()
	if err != nil || d.Updates != 3 || d.Flows != 2 || d.Frames != 13 {
		t.Errorf("%+v, %v", d, err)
	}
}
