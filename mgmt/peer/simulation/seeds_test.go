package simulation

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fcredirect/mgmt/peer/engine"
	"fcredirect/mgmt/peer/record"
)

var (
	oneSeed = flag.Int64("seed", -1, "the only seed to run, told in full")
	shrink  = flag.Int("shrink", 300, "runs that may be spent on making a failing plan smaller")
)

// seeds is how many are run: FCR_PEER_SEEDS, or what every change must pass.
func seeds(t *testing.T) uint64 {
	if n, err := strconv.ParseUint(os.Getenv("FCR_PEER_SEEDS"), 10, 32); err == nil {
		return n
	}
	switch {
	case raced: // ten times as slow, and all of a run is one goroutine
		return 54
	case testing.Short():
		return 200
	}
	return 2000
}

// TestAllNodesConverge is the simulation.
func TestAllNodesConverge(t *testing.T) {
	if *oneSeed >= 0 {
		tell(t, New(uint64(*oneSeed)), engine.NoDefect)
		return
	}
	n := seeds(t)
	total, failed := each(n, engine.NoDefect, 3)
	for _, f := range failed {
		report(t, f, engine.NoDefect)
	}
	t.Logf("%d seeds: %d events, %d changes, %d records became visible, %d messages; timely %v, the latest %v",
		n, total.Events, total.Changes, total.Applied, total.Messages, total.Timely, total.Latest)
	if len(failed) > 0 {
		return
	}
	for lane, looked := range total.Timely {
		if uint64(looked) < n {
			t.Errorf("lane %v was looked at %d times only", record.Lane(lane), looked)
		}
	}
	if uint64(total.Applied) < 20*n {
		t.Errorf("%d records became visible in %d runs", total.Applied, n)
	}
}

// each runs seeds on all cores, until so many have failed. What failed is in order.
func each(n uint64, d engine.Defect, most int) (total Result, failed []*Plan) {
	var mu sync.Mutex
	var next atomic.Uint64
	var wait sync.WaitGroup
	bad := make(map[uint64]*Plan)
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for seed := next.Add(1) - 1; seed < n; seed = next.Add(1) - 1 {
				p := New(seed)
				r := Run(p, Options{Defect: d})
				mu.Lock()
				total.add(r)
				if r.Err != nil {
					bad[seed] = p
				}
				enough := len(bad) >= most
				mu.Unlock()
				if enough {
					return
				}
			}
		})
	}
	wait.Wait()
	for seed := range n {
		if p := bad[seed]; p != nil {
			failed = append(failed, p)
		}
	}
	return total, failed
}

func (r *Result) add(o Result) {
	r.Events += o.Events
	r.Changes += o.Changes
	r.Applied += o.Applied
	r.Messages += o.Messages
	for i := range r.Timely {
		r.Timely[i] += o.Timely[i]
		r.Latest[i] = max(r.Latest[i], o.Latest[i])
	}
}

// report says what failed, and how little of the plan is needed for that.
func report(t *testing.T, p *Plan, d engine.Defect) {
	t.Helper()
	first := Run(p, Options{Defect: d}).Err
	if first == nil {
		t.Errorf("seed %d failed, and does not fail again", p.Seed)
		return
	}
	small := Shrink(p, *shrink, sameRule(first, d))
	t.Errorf("seed %d: %v\n(-seed %d tells all of it) of %d steps these are enough for %v:\n%v",
		p.Seed, first, p.Seed, len(p.Steps), Run(small, Options{Defect: d}).Err, small)
}

// sameRule says of a plan whether it breaks the rule that the first objection was about.
func sameRule(first error, d engine.Defect) func(*Plan) bool {
	rule, _, _ := strings.Cut(first.Error(), " at ")
	return func(p *Plan) bool {
		err := Run(p, Options{Defect: d}).Err
		return err != nil && strings.HasPrefix(err.Error(), rule+" at ")
	}
}

// tell runs one plan, as small as it can be made if it fails, and says all that happens.
func tell(t *testing.T, p *Plan, d engine.Defect) {
	if first := Run(p, Options{Defect: d}).Err; first != nil {
		t.Logf("whole: %v", first)
		p = Shrink(p, *shrink, sameRule(first, d))
	}
	t.Logf("%v", p)
	r := Run(p, Options{Defect: d, Tell: func(at int64, what string) { fmt.Printf("%12v %s\n", time.Duration(at), what) }})
	if r.Err != nil {
		t.Error(r.Err)
	}
}

// TestDigestsFindAndRepairWhatADefectBroke has nodes lose half of what they are told, and judges the end only. Only its
// origin can say what is right, so no node is away from another for ever.
func TestDigestsFindAndRepairWhatADefectBroke(t *testing.T) {
	for seed := range min(seeds(t)/5, 45) {
		p := New(seed)
		p.Steps = slices.DeleteFunc(p.Steps, func(s Step) bool { return s.Do != Change && s.For == 0 })
		p.End += Heals
		if r := Run(p, Options{Defect: engine.HalfBatch, Lenient: true}); r.Err != nil {
			t.Errorf("seed %d: %v", seed, r.Err)
		}
	}
}

// traces sums up one run of each shape.
func traces() (sum uint64) {
	for seed := range uint64(len(shapes)) {
		sum = sum*31 + Run(New(seed), Options{}).Trace
	}
	return sum
}

// TestTheSamePlanDoesTheSame holds two runs against each other, and both against another process: its maps and hashes are
// in another order.
func TestTheSamePlanDoesTheSame(t *testing.T) {
	const ask = "FCR_PEER_TRACES"
	if os.Getenv(ask) != "" {
		fmt.Printf("traces %x\n", traces())
		return
	}
	sum := traces()
	if again := traces(); again != sum {
		t.Errorf("two runs of the same plans: %x and %x", sum, again)
	}
	other := exec.Command(os.Args[0], "-test.run=^TestTheSamePlanDoesTheSame$")
	other.Env = append(os.Environ(), ask+"=1")
	out, err := other.CombinedOutput()
	if want := fmt.Sprintf("traces %x\n", sum); err != nil || !strings.Contains(string(out), want) {
		t.Errorf("another process: %v, %s, want %s", err, out, want)
	}
}

func TestPlantedDefectsAreFound(t *testing.T) {
	defects := map[string]engine.Defect{
		"a dependency is dropped":  engine.DropDependency,
		"half a batch is applied":  engine.HalfBatch,
		"a tombstone is forgotten": engine.ForgetTombstone,
	}
	for name, d := range defects {
		t.Run(name, func(t *testing.T) {
			_, failed := each(200, d, 1)
			if len(failed) == 0 {
				t.Fatal("nobody objects")
			}
			first := Run(failed[0], Options{Defect: d}).Err
			if first == nil {
				t.Fatalf("seed %d does not fail again", failed[0].Seed)
			}
			small := Shrink(failed[0], int(min(seeds(t), 100)), sameRule(first, d))
			t.Logf("found by seed %d: %v\n%v", failed[0].Seed, first, small)
			if err := Run(small, Options{}).Err; err != nil {
				t.Errorf("without the defect it fails as well: %v", err)
			}
		})
	}
}
