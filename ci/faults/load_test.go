package faults

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// load is a data plane whose ports always have a frame: fcr-dataplane bench load.
type load struct {
	*program
	out   string
	lcore string // /proc folder of its thread
}

// shape of a load.
type shape struct {
	directions    int
	state, events int           // items in a ring; 0: the defaults
	shards        int           // of the store's rings; 0: 1
	turn          time.Duration // the policy comes and goes so often, which makes events of two thirds of the flows; 0: never
	fresh         bool          // a cold start
	change        bool          // others may change its configuration
}

func binary(name string) string {
	path, err := filepath.Abs(filepath.Join("../../bin", name))
	if err != nil {
		return name
	}
	return path
}

// startLoad starts a data plane on the segment of the place, and returns when it polls.
func (p *place) startLoad(s shape) {
	p.t.Helper()
	argv := []string{"taskset", "-c", cpus.all, binary("fcr-dataplane"), "bench", "load", "--node", p.node, "--segment", p.segment,
		"--flows", strconv.Itoa(s.directions), "--rings-state", strconv.Itoa(s.state), "--rings-events", strconv.Itoa(s.events),
		"--rings-shards", strconv.Itoa(s.shards), "--turn", s.turn.String(), "--fresh=" + strconv.FormatBool(s.fresh)}
	if s.change {
		argv = append(argv, "--state-dir", filepath.Join(p.state, "dataplane"))
	}
	log, out := filepath.Join(p.dir, "dataplane.log"), filepath.Join(p.dir, "books.json")
	must(p.t, os.RemoveAll(log))
	data, err := start(log, out, nil, argv...)
	must(p.t, err)
	p.load = &load{program: data, out: out}
	must(p.t, waitFor(startLimit, func() error {
		if !data.runs() {
			return nil
		}
		return contains(log, "msg=polling")
	}))
	if !data.runs() {
		p.t.Fatalf("the data plane did not start: %v: %s", data.err, tail(log))
	}
	p.load.lcore, err = lcoreThread(data.pid(), cpus.lcore)
	must(p.t, err)
	p.reopen()
}

// rest ends the load and returns when the data plane has nothing in its hands.
func (p *place) rest() {
	p.t.Helper()
	must(p.t, p.load.cmd.Process.Signal(syscall.SIGUSR1))
	last := uint64(0)
	must(p.t, waitFor(startLimit, func() error {
		now := p.look().frames
		before := last
		if last = now; now != before {
			return fmt.Errorf("frames still move")
		}
		return nil
	}))
}

// endLoad ends the data plane and asks it for its books: every frame has one fate, and none was dropped.
func (p *place) endLoad() {
	p.t.Helper()
	if err := p.load.stop(); err != nil {
		p.t.Errorf("the data plane did not end well: %v: %s", err, tail(p.load.log))
	}
	b, err := os.ReadFile(p.load.out)
	must(p.t, err)
	var books struct {
		FramesIn  uint64   `json:"frames_in"`
		Copies    uint64   `json:"copies"`
		FramesOut uint64   `json:"frames_out"`
		Dropped   uint64   `json:"dropped"`
		Balanced  bool     `json:"balanced"`
		Problems  []string `json:"problems"`
	}
	must(p.t, json.Unmarshal(b, &books))
	if !books.Balanced || books.Dropped != 0 || books.FramesIn == 0 || books.FramesIn+books.Copies != books.FramesOut {
		p.t.Errorf("frames were lost: %+v", books)
	}
	p.t.Logf("%d frames in, %d copies, %d out, %d dropped", books.FramesIn, books.Copies, books.FramesOut, books.Dropped)
}
