package bench

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func yes() *bool { b := true; return &b }

func figures(name string, frames uint64, p50 float64, change func(*sample)) (string, []sample) {
	s := sample{
		Frames: frames, Seconds: 1, P50: p50, P99: 2 * p50, CPUSeconds: 1, Updates: frames, Operations: frames, PeerUpdates: frames, PeerMessages: frames,
		PeerBytes: 101 * frames, Commits: float64(frames), Fsyncs: float64(2 * frames), OfferedFrames: 50_000, LostFrames: 40_000,
	}
	if change != nil {
		change(&s)
	}
	return name, []sample{s, s, s}
}

// measured is a result in which all goals are met, before break changes it.
func measured(spoil func(ours *sample)) *Result {
	samples := map[string][]sample{}
	put := func(name string, list []sample) { samples[name] = list }
	put(figures("synchronous", 1000, 1e6, nil))
	put(figures("asynchronous", 20_000, 1e5, func(s *sample) { s.Dropped = 5000 }))
	put(figures("ours", 5_000_000, 800, func(s *sample) {
		s.Updates, s.Operations, s.OwnCommits, s.PeerUpdates, s.PeerMessages, s.PeerBytes = 200_000, 20, 20, 100_000, 30, 1_100_000
		s.LostFrames, s.Exact = 0, yes()
		if spoil != nil {
			spoil(s)
		}
	}))
	return newResult(Options{Flows: 12_000, Rounds: 3, Seconds: 1, Offered: 50_000, Ring: 16384}, Machine{CPU: "a CPU"}, samples)
}

func TestAllGoalsAreMetWhenTheyAre(t *testing.T) {
	r := measured(nil)
	for _, g := range r.Goals {
		if !g.Met {
			t.Errorf("%s: %v %s, goal %s", g.Name, g.Value, g.Unit, g.Goal)
		}
	}
	if !r.GoalsMet || len(r.Goals) != 9 {
		t.Errorf("%v of %d goals", r.GoalsMet, len(r.Goals))
	}
}

func TestAGoalThatIsMissedIsSaid(t *testing.T) {
	no := false
	for name, spoil := range map[string]func(*sample){
		"throughput":         func(s *sample) { s.Frames = 1300 },
		"fast-path latency":  func(s *sample) { s.P50 = 0.8e6 },
		"CPU per frame":      func(s *sample) { s.CPUSeconds = 4900 },
		"storage operations": func(s *sample) { s.Operations = 30_000 },
		"peer bandwidth":     func(s *sample) { s.PeerBytes = 3_000_000 },
		"loss":               func(s *sample) { s.LostFrames = 1 },
		"store updates":      func(s *sample) { s.Updates = 99_000 },
		"store commits":      func(s *sample) { s.OwnCommits = 26 },
		"totals exact":       func(s *sample) { s.Exact = &no },
	} {
		r := measured(spoil)
		for _, g := range r.Goals {
			if g.Met == (g.Name == name) {
				t.Errorf("%s is spoilt: %s is met: %v (%v)", name, g.Name, g.Met, g.Value)
			}
		}
		if r.GoalsMet {
			t.Errorf("%s is spoilt, and all goals are met", name)
		}
	}
}

func TestWhatWasNotMeasuredMeetsNoGoal(t *testing.T) {
	r := newResult(Options{}, Machine{}, map[string][]sample{})
	for _, g := range r.Goals {
		if g.Met && g.Name != "loss" {
			t.Errorf("%s is met by nothing", g.Name)
		}
	}
	if r.GoalsMet {
		t.Error("nothing meets all goals")
	}
}

func TestTheResultIsPrinted(t *testing.T) {
	r := measured(nil)
	var table, asJSON bytes.Buffer
	if err := r.WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"synchronous  asynchronous    ours", "5 M", "-30 % (2.8 to 2.0 µs)", "80 %", "800ns", "goals" /* not there */} {
		if has := strings.Contains(table.String(), want); has == (want == "goals") {
			t.Errorf("%q in the table: %v\n%s", want, has, &table)
		}
	}
	if err := r.WriteJSON(&asJSON); err != nil {
		t.Fatal(err)
	}
	var back struct {
		Variants []struct {
			Name string  `json:"name"`
			FPS  float64 `json:"frames_per_second"`
			Loss float64 `json:"loss_percent"`
		} `json:"variants"`
		Goals []struct {
			Name, Goal string
			Value      *float64
			Met        *bool
		} `json:"goals"`
		GoalsMet *bool `json:"goals_met"`
	}
	if err := json.Unmarshal(asJSON.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if len(back.Variants) != 3 || back.Variants[0].Name != "synchronous" || back.Variants[0].Loss != 80 || back.Variants[2].FPS != 5e6 || back.GoalsMet == nil {
		t.Errorf("%+v", back)
	}
	for _, g := range back.Goals {
		if g.Name == "" || g.Goal == "" || g.Value == nil || g.Met == nil {
			t.Errorf("%+v", g)
		}
	}
}

func TestTimesAreShort(t *testing.T) {
	for v, want := range map[float64]string{450: "450ns", 2500: "2.5µs", 2_500_000: "2.5ms", 1.5e9: "1.5s"} {
		if got := nanos(v); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
}
