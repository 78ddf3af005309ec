package faults

import (
	"strings"
	"testing"
	"time"
)

// said fails unless the complaints are one that has the text, or none when the text is empty.
func said(t *testing.T, got []string, want string) {
	t.Helper()
	switch {
	case want == "" && len(got) > 0:
		t.Errorf("complaints about what is right: %q", got)
	case want != "" && (len(got) != 1 || !strings.Contains(got[0], want)):
		t.Errorf("the complaints are %q, want one with %q", got, want)
	}
}

func TestTheJudgeOfFlowsSeesEveryDifference(t *testing.T) {
	const epoch = 7
	one, old := lifeID{epoch, 1}, lifeID{epoch - 1, 1}
	whole := life{key: 5, frames: 10, bytes: 600, initiator: 1, target: 2}
	stored := whole
	stored.sampled, stored.samples = total{10, 600}, total{10, 600}
	for _, c := range []struct {
		name  string
		spoil func(want, got map[lifeID]life)
		says  string
	}{
		{"equal tables are equal", func(_, _ map[lifeID]life) {}, ""},
		{"a direction is missing", func(_, got map[lifeID]life) { delete(got, one) }, "is not in the database"},
		{"a frame is missing", func(want, _ map[lifeID]life) { w := want[one]; w.frames++; want[one] = w }, "has 10 frames"},
		{"a byte is missing", func(want, _ map[lifeID]life) { w := want[one]; w.bytes++; want[one] = w }, "601"},
		{"an error is missing", func(want, _ map[lifeID]life) { w := want[one]; w.errors++; want[one] = w }, "0 errors in the database"},
		{"a life has another's key", func(want, _ map[lifeID]life) { w := want[one]; w.key++; want[one] = w }, "key"},
		{"a name is missing", func(want, _ map[lifeID]life) { w := want[one]; w.target = 9; want[one] = w }, "WWPNs"},
		{"one lives on that is gone", func(want, _ map[lifeID]life) { delete(want, one) }, "is not in the segment"},
		{"one that lives is ended", func(_, got map[lifeID]life) { g := got[one]; g.ended = true; got[one] = g }, "is ended in the database"},
		{"one that ended may be gone", func(want, got map[lifeID]life) { g := got[one]; g.ended = true; got[one] = g; delete(want, one) }, ""},
		{"one of an earlier segment may be ended", func(want, got map[lifeID]life) { g := got[one]; g.ended = true; got[old], want[old] = g, want[one] }, ""},
		{"one of an earlier segment has its totals", func(want, got map[lifeID]life) { g, w := got[one], want[one]; w.frames++; got[old], want[old] = g, w }, "epoch 6"},
		{"a sample is missing", func(_, got map[lifeID]life) { g := got[one]; g.samples.frames--; got[one] = g }, "its samples sum up to 9"},
		{"not all is sampled", func(_, got map[lifeID]life) {
			g := got[one]
			g.samples.bytes, g.sampled.bytes = 540, 540
			got[one] = g
		}, "540 bytes of 10, 600"},
	} {
		t.Run(c.name, func(t *testing.T) {
			want, got := map[lifeID]life{one: whole}, map[lifeID]life{one: stored}
			c.spoil(want, got)
			said(t, append(compareFlows(want, got, epoch), compareSamples(got)...), c.says)
		})
	}
}

func TestTheJudgeOfEventsSeesEveryDifference(t *testing.T) {
	lcore, process := origin{7, 0}, origin{99, ownProducer}
	good := func() []event {
		return []event{
			{number: 1, origin: lcore, seq: 1}, {number: 2, origin: process, seq: 5}, {number: 3, origin: lcore, seq: 2, name: gapName, lost: 4},
			{number: 4, origin: process, seq: 9}, {number: 5, origin: lcore, seq: 3},
		}
	}
	for _, c := range []struct {
		name  string
		spoil func(log []event) []event
		says  string
	}{
		{"a whole log is whole, in whatever order it was read", func(log []event) []event { log[0], log[4] = log[4], log[0]; return log }, ""},
		{"a number is missing", func(log []event) []event { log[4].number = 6; return log }, "event 6 stands where number 5 is due"},
		{"a number is there twice", func(log []event) []event { log[3].number = 5; return log }, "stands where number 4 is due"},
		{"an event is there twice", func(log []event) []event { log[3].origin, log[3].seq = lcore, 2; return log }, "came twice"},
		{"an event is missing", func(log []event) []event { log[2].origin, log[2].seq, log[2].name = process, 7, ""; return log[:5] }, ""},
		{"the last event is missing", func(log []event) []event { return log[:4] }, "offered 3 events, the log has 2"},
		{"two are out of order", func(log []event) []event { log[1].origin, log[1].seq = process, 10; return log }, "came after"},
		{"a gap is not told", func(log []event) []event { log[2].lost = 3; return log }, "gap records tell of 3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := compareEvents(c.spoil(good()), map[origin]offered{lcore: {3, 4}})
			if c.name == "an event is missing" { // and so is what it told
				if len(got) != 2 || !strings.Contains(got[0], "1 are missing") {
					t.Errorf("the complaints are %q", got)
				}
				return
			}
			said(t, got, c.says)
		})
	}
	if got := compareEvents(nil, map[origin]offered{lcore: {3, 0}}); len(got) != 1 {
		t.Errorf("about an empty log: %q", got)
	}
}

func TestComplaintsAreBounded(t *testing.T) {
	var log []event
	for i := range uint64(2 * problemsShown) {
		log = append(log, event{number: i + 1, seq: 1, origin: origin{1, ownProducer}})
	}
	if got := compareEvents(log, nil); len(got) != problemsShown+1 || !strings.Contains(got[problemsShown], "more") {
		t.Errorf("%d complaints: %q", len(got), got)
	}
}

func TestTimeThatAnotherMachineTookIsNoWait(t *testing.T) {
	stat := "cpu  1 2 3 4 5 6 7 8 9 0\ncpu1 10 0 20 30 0 0 5 250 0 0\ncpu10 0 0 0 0 0 0 0 7 0 0\nintr 5\n"
	for cpu, want := range map[string]time.Duration{"1": 2500 * time.Millisecond, "10": 70 * time.Millisecond} {
		if got, err := stolenFrom(stat, cpu); err != nil || got != want {
			t.Errorf("CPU %s: %v, %v", cpu, got, err)
		}
	}
	if _, err := stolenFrom(stat, "2"); err == nil {
		t.Error("a CPU that is not there")
	}
	if got := mostWithin([]time.Duration{1, 1, 5, 9, 9, 10, 12}, 2); got != 8 {
		t.Errorf("%v were taken at a time", got)
	}
	long := phase{seconds: 60, onCPU: 60, frames: 60, worst: 100 * time.Millisecond, robbed: 70 * time.Millisecond}
	said(t, differences(phase{seconds: 8, onCPU: 8, frames: 8}, long), "")
	long.robbed = 10 * time.Millisecond
	said(t, differences(phase{seconds: 8, onCPU: 8, frames: 8}, long), "worst burst")
	if b := (phase{seconds: 10, onCPU: 7, waited: 1, stolen: 1.5}).blocked(); b < 0.0499 || b > 0.0501 {
		t.Errorf("%v of the time is left", b)
	}
}
