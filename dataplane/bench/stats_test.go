package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite golden files")

func TestMedianAndBest(t *testing.T) {
	for _, c := range []struct {
		name         string
		values       []float64
		median, best float64
		there        bool
	}{
		{"none", nil, 0, 0, false},
		{"one", []float64{3}, 3, 3, true},
		{"an odd number, unsorted", []float64{9, 1, 5}, 5, 9, true},
		{"an even number", []float64{4, 1, 3, 2}, 2.5, 4, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			kept := slices.Clone(c.values)
			if m, ok := median(c.values); m != c.median || ok != c.there {
				t.Errorf("median %v %v, want %v %v", m, ok, c.median, c.there)
			}
			if b, ok := best(c.values); b != c.best || ok != c.there {
				t.Errorf("best %v %v, want %v %v", b, ok, c.best, c.there)
			}
			if !slices.Equal(kept, c.values) {
				t.Error("the values were reordered")
			}
		})
	}
}

func rated(mpps ...float64) []*Result {
	var out []*Result
	for _, m := range mpps {
		if m == 0 {
			out = append(out, nil)
			continue
		}
		out = append(out, &Result{Mpps: m, Frames: 1, Seconds: 1})
	}
	return out
}

func TestRatiosPairTheRoundsThatBothFinished(t *testing.T) {
	ours := &Series{Results: rated(10, 20, 0, 12)}
	rival := &Series{Results: rated(20, 0, 30, 8)}
	if got := ratios(ours, rival, mpps); !slices.Equal(got, []float64{0.5, 1.5}) {
		t.Errorf("%v", got)
	}
	if got := ratios(ours, &Series{Unavailable: "not installed"}, mpps); got != nil {
		t.Errorf("%v for a rival that never ran", got)
	}
}

func TestWaitedIsThatOfThePollingThreads(t *testing.T) {
	type times = struct{ Ran, Waited uint64 }
	before := Schedule{1: times{100, 100}, 2: times{1000, 0}, 3: times{1000, 50}}
	after := Schedule{1: times{110, 9100 - 8900}, 2: times{4000, 1000}, 3: times{3000, 50}, 4: times{90000, 90000}}
	if got := after.Waited(before, 1); got != 0.25 { // thread 2; thread 4 was born in between
		t.Errorf("one poller: %v", got)
	}
	if got := after.Waited(before, 2); !near(got, 1000./6000) { // threads 2 and 3
		t.Errorf("two pollers: %v", got)
	}
	if got := after.Waited(after, 1); got != 0 {
		t.Errorf("nothing happened: %v", got)
	}
}

func TestScheduleOfThisProcess(t *testing.T) {
	s, err := ReadSchedule("self")
	if err != nil {
		t.Fatal(err)
	}
	var ran uint64
	for _, thread := range s {
		ran += thread.Ran
	}
	if ran == 0 {
		t.Errorf("none of our threads has ever run: %v", s)
	}
	if _, err := ReadSchedule("0"); err == nil {
		t.Error("process 0 has a schedule")
	}
}

// fake is a contender that answers from a list.
type fake struct {
	name    string
	answers []any // *Result or error
	calls   *[]string
	runs    int
}

func (f *fake) Name() string { return f.name }

func (f *fake) Run(context.Context, *Scenario) (Result, error) {
	*f.calls = append(*f.calls, f.name)
	answer := f.answers[f.runs%len(f.answers)]
	f.runs++
	if err, bad := answer.(error); bad {
		return Result{}, err
	}
	return *answer.(*Result), nil
}

func TestRoundsAlternate(t *testing.T) {
	var calls []string
	a := &fake{name: "ours", answers: []any{&Result{Mpps: 1}}, calls: &calls}
	b := &fake{name: "ref", answers: []any{&Result{Mpps: 2}}, calls: &calls}
	c := &fake{name: "ovs", answers: []any{fmt.Errorf("%w: not installed", ErrUnavailable)}, calls: &calls}
	var told int
	series, err := Rounds(t.Context(), nil, []Contender{a, b, c}, 3, func(int, string, *Result, error) { told++ })
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(calls, " "); got != "ours ref ovs ref ours ours ref" {
		t.Errorf("order: %s", got)
	}
	if told != len(calls) {
		t.Errorf("told of %d results, there were %d", told, len(calls))
	}
	if !strings.Contains(series[2].Unavailable, "not installed") || series[2].Results != nil {
		t.Errorf("%+v", series[2])
	}
}

func TestARivalThatFailsLosesTheRound(t *testing.T) {
	var calls []string
	a := &fake{name: "ours", answers: []any{&Result{Mpps: 1}}, calls: &calls}
	b := &fake{name: "ref", answers: []any{&Result{Mpps: 2}, errors.New("lossy"), &Result{Mpps: 4}}, calls: &calls}
	series, err := Rounds(t.Context(), nil, []Contender{a, b}, 3, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := series[1].mpps(); !slices.Equal(got, []float64{2, 4}) {
		t.Errorf("%v", got)
	}
	if len(series[1].Failures) != 1 || !strings.Contains(series[1].Failures[0], "round 2: lossy") {
		t.Errorf("%v", series[1].Failures)
	}
	if got := ratios(&series[0], &series[1], mpps); !slices.Equal(got, []float64{0.5, 0.25}) {
		t.Errorf("%v", got)
	}
}

func TestRoundsEndWhen(t *testing.T) {
	var calls []string
	broken := &fake{name: Ours, answers: []any{errors.New("no such port")}, calls: &calls}
	if _, err := Rounds(t.Context(), nil, []Contender{broken}, 1, nil); err == nil || !strings.Contains(err.Error(), "round 1: no such port") {
		t.Errorf("ours fails: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	stopped := &fake{name: "ref", answers: []any{ctx.Err()}, calls: &calls}
	if _, err := Rounds(ctx, nil, []Contender{stopped}, 1, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if _, err := Rounds(t.Context(), nil, nil, 0, nil); err == nil {
		t.Error("no rounds: no error")
	}
}

// reportForTest has every kind of figure.
func reportForTest(t *testing.T) *Report {
	s := scenarioForTest(t, Config{Directions: 24000, Seed: 1})
	ours := Series{Name: Ours, Results: []*Result{
		{Mpps: 20, Waited: 0.01, Burst: &BurstLatency{800, 900, 1000, 2000, 3000, 9000}, Stages: &Stages{9, 4, 2, 8, 17}, Directions: 24000, TableBytes: 5 << 20},
		{Mpps: 22, Burst: &BurstLatency{700, 800, 900, 1500, 2500, 8000}, Stages: &Stages{7, 6, 3, 9, 15}, Directions: 24000, TableBytes: 5 << 20},
		{Mpps: 21, Burst: &BurstLatency{750, 850, 950, 1600, 2600, 99000}, Stages: &Stages{8, 5, 1, 7, 16}, Directions: 24000, TableBytes: 5 << 20},
	}}
	r := NewReport(s, []Series{
		ours,
		{Name: "testpmd", Results: rated(40, 50, 30)},
		{Name: "ref", Results: []*Result{{Mpps: 25, Waited: 0.5}, nil, {Mpps: 28, Waited: 0.4, Burst: &BurstLatency{600, 700, 800, 900, 1000, 1100}}},
			Failures: []string{"round 2: ref: 5 frames dropped"}},
		{Name: "ovs", Unavailable: "not available: ovs: it is missing"},
	})
	r.SetInstructions(Ours, 412.5)
	r.SetInstructions("ref", 361)
	return r
}

func TestReportAsTable(t *testing.T) {
	var b bytes.Buffer
	if err := reportForTest(t).WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/report.txt", b.Bytes())
}

func TestReportAsJSON(t *testing.T) {
	var b bytes.Buffer
	if err := reportForTest(t).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/report.json", b.Bytes())
	var keys map[string]any
	if err := json.Unmarshal(b.Bytes(), &keys); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"ours_mpps", "testpmd_mpps", "ratio_testpmd", "ref_mpps", "ratio_ref", "ovs_mpps", "ratio_ovs",
		"instructions_per_frame", "stages_ns", "runs"} {
		if _, there := keys[key]; !there {
			t.Errorf("no key %q", key)
		}
	}
	for key, want := range map[string]any{"ours_mpps": 21., "ratio_testpmd": 0.5, "ratio_ref": 0.775, "ovs_mpps": nil, "ratio_ovs": nil} {
		if keys[key] != want {
			t.Errorf("%s is %v, want %v", key, keys[key], want)
		}
	}
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test -update rewrites it); got:\n%s", path, got)
	}
}
