package replication

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fcredirect/mgmt/peer/record"
	"fcredirect/mgmt/peer/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// All variants run for real; the figures of so short a run mean nothing, but the counts must be right, and the other node
// must show the same in the end.
func TestEachVariantTellsTheOtherNodeEverything(t *testing.T) {
	l, err := openLab(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.close(); err != nil {
			t.Error(err)
		}
	})
	for _, c := range []struct {
		variant, trace string
		rate           float64
	}{
		{synchronous, "steady", 0}, {pipelined, "bursty", 0}, {pipelined, "steady", 60e6}, {ours, "steady", 0}, {ours, "login storm", 0}, {ours, "idle", 60e6},
	} {
		t.Run(strings.Join([]string{c.variant, c.trace}, " "), func(t *testing.T) {
			tr, err := newTrace(c.trace, MinFlows, 4000, 0.25)
			if err != nil {
				t.Fatal(err)
			}
			m, err := l.measure(t.Context(), c.variant, tr, c.rate)
			if err != nil {
				t.Fatal(err)
			}
			if m.Missing != 0 || !m.Exact || m.Changes != len(tr.events) || m.CPU <= 0 {
				t.Errorf("%+v", m)
			}
			if all := m.Staleness["all"]; all.Changes == 0 || all.P50 <= 0 || all.P99 > all.Max || all.P50 > all.P99 {
				t.Errorf("staleness: %+v", all)
			}
			n := uint64(m.Changes)
			switch {
			case c.variant != ours && (m.Messages != n || m.Bytes != n*messageBytes):
				t.Errorf("a message for each change: %+v", m)
			case c.variant == synchronous && m.Answers+1 < n: // the last one may be under way
				t.Errorf("an answer for each message: %+v", m)
			case c.variant == ours && c.trace == "steady" && (m.Messages == 0 || m.Messages >= n/2 || m.Bytes >= n*messageBytes/2 || m.Stages.Updates != n):
				t.Errorf("ours sends batches: %+v", m)
			}
		})
	}
	t.Run("newcomer", func(t *testing.T) {
		a, err := l.arrive(t.Context(), 2000)
		if err != nil {
			t.Fatal(err)
		}
		if a.Records < 4000 || a.Bytes == 0 || a.Seconds <= 0 || a.Memory == 0 {
			t.Errorf("%+v", a)
		}
	})
}

func TestEqualTracesAreDrawnAlikeAndEachChangeFindsItsNext(t *testing.T) {
	for _, name := range traceNames {
		a, err := newTrace(name, MinFlows, 20_000, 1)
		if err != nil {
			t.Fatal(err)
		}
		b, err := newTrace(name, MinFlows, 20_000, 1)
		if err != nil {
			t.Fatal(err)
		}
		if len(a.events) == 0 || !slices.Equal(a.events, b.events) {
			t.Errorf("%s: %d and %d events", name, len(a.events), len(b.events))
		}
		seen := make([]bool, len(a.events))
		for key, at := range a.first {
			for before := int32(-1); at >= 0; before, at = at, a.next[at] {
				if at <= before || int(a.events[at].key) != key || seen[at] {
					t.Fatalf("%s: event %d after %d of key %d", name, at, before, key)
				}
				seen[at] = true
			}
		}
		if slices.Contains(seen, false) {
			t.Errorf("%s: an event of no key", name)
		}
		if !slices.IsSortedFunc(a.events, func(x, y event) int { return int(x.at - y.at) }) {
			t.Errorf("%s: out of order", name)
		}
	}
	if _, err := newTrace("quiet", MinFlows, 1, 1); err == nil {
		t.Error("a trace that there is not")
	}
}

func TestALaterChangeShowsTheEarlierOnesOfItsKeyAndNoOther(t *testing.T) {
	tr := &trace{events: []event{{at: 0, key: 0}, {at: 1e6, key: 1, lane: record.Normal}, {at: 2e6, key: 0}, {at: 3e6, key: 0}}}
	tr.link(2)
	m := newMeter(tr)
	m.start(time.Now().Add(-10 * time.Millisecond))
	m.shown(2)
	m.shown(0) // an old copy that came late
	m.shown(-1)
	if m.left != 2 || m.heads[0] != 3 || m.heads[1] != 1 {
		t.Fatalf("%d left, heads %v", m.left, m.heads)
	}
	if missing := m.close(); missing != 2 {
		t.Errorf("%d missing", missing)
	}
	lanes := m.lanes()
	if all := lanes["all"]; all.Changes != 4 || all.Max < 10 || all.P50 < 7 {
		t.Errorf("%+v", lanes)
	}
	if lanes["normal"].Changes != 1 || lanes["immediate"].Changes != 3 {
		t.Errorf("%+v", lanes)
	}
}

func TestWhatCameAndWentUnseenIsNotWaitedFor(t *testing.T) {
	tr := &trace{events: []event{{key: 0}, {key: 0, gone: true}, {key: 1}}}
	tr.link(2)
	m := newMeter(tr)
	m.start(time.Now())
	m.forget(func(int32) bool { return true })
	if m.left != 1 || m.unseen != 2 {
		t.Fatalf("%d left, %d unseen", m.left, m.unseen)
	}
	m.shown(2)
	<-m.done
}

func TestOptionsOutOfBoundsAreRefused(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"too few flows":       func(o *Options) { o.Flows = 1 },
		"too many flows":      func(o *Options) { o.Flows = MaxFlows + 1 },
		"negative rounds":     func(o *Options) { o.Rounds = -1 },
		"too short":           func(o *Options) { o.Seconds = 0.01 },
		"not a number":        func(o *Options) { o.Seconds = math.NaN() },
		"negative rate":       func(o *Options) { o.Rate = -5 },
		"a slow link":         func(o *Options) { o.Link = 1 },
		"too large a cluster": func(o *Options) { o.Newcomer = MaxNewcomer + 1 },
	} {
		o := Options{Log: io.Discard}
		change(&o)
		if _, err := Measure(context.Background(), o); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// fabricated is a result of which every goal is met.
func fabricated(t *testing.T, spoil func(c cell, m *measured)) *Result {
	t.Helper()
	o := Options{}
	if err := o.Complete(); err != nil {
		t.Fatal(err)
	}
	samples := map[cell][]measured{}
	for _, c := range o.cells() {
		m := measured{Seconds: 1, Changes: 50_000, CPU: 0.1, Exact: true, Staleness: map[string]Staleness{}}
		for lane := range record.NumLanes {
			m.Staleness[lane.String()] = Staleness{Changes: 100, P99: 4}
		}
		m.Staleness["all"] = Staleness{Changes: 50_000, P50: 10, P99: 20}
		switch c.variant {
		case ours:
			m.Messages, m.Bytes, m.CPU = 300, 400_000, 0.2
			m.Stages = wire.Stages{Updates: 50_000, Raw: 4_800_000, Latest: 4_500_000, Columns: 400_000, Zstd: 390_000}
		case synchronous, pipelined:
			m.Messages, m.Bytes, m.CPU = 50_000, 4_800_000, 0.6
			m.Staleness["all"] = Staleness{Changes: 50_000, P50: 30, P99: 60}
		}
		for range o.Rounds {
			each := m
			if spoil != nil {
				spoil(c, &each)
			}
			samples[c] = append(samples[c], each)
		}
	}
	return newResult(o, Machine{}, samples, []arrival{{Seconds: 1.5, Records: 2_000_000}})
}

func TestEachGoalCanBeMissed(t *testing.T) {
	if r := fabricated(t, nil); !r.GoalsMet {
		t.Fatalf("%+v", r.Goals)
	}
	for goal, spoil := range map[string]func(*measured){
		"messages":                func(m *measured) { m.Messages = 401 },
		"messages, change":        func(m *measured) { m.Messages = 501 },
		"bytes":                   func(m *measured) { m.Bytes = 490_000 },
		"compression before zstd": func(m *measured) { m.Stages.Columns = 1_300_000 },
		"CPU":                     func(m *measured) { m.CPU = 0.55 },
		"high lane P99":           func(m *measured) { m.Staleness = map[string]Staleness{"high": {P99: 11}} },
		"P99 at 60 Mbit/s, steady": func(m *measured) {
			m.Staleness = map[string]Staleness{"all": {P99: 50}}
		},
		"replica exact": func(m *measured) { m.Exact = false },
	} {
		r := fabricated(t, func(c cell, m *measured) {
			if c.variant == ours {
				spoil(m)
			}
		})
		i := slices.IndexFunc(r.Goals, func(g Goal) bool { return g.Name == goal })
		if i < 0 || r.Goals[i].Met || r.GoalsMet {
			t.Errorf("%s: %+v", goal, r.Goals)
		}
	}
}

func TestReportsSayWhatWasMeasured(t *testing.T) {
	r := fabricated(t, nil)
	var table, text bytes.Buffer
	if err := r.WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"steady, 60 Mbit/s", "login storm", "synchronous", "-84 %", "newcomer: 1000000 flows", "compression before zstd"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("no %q in\n%s", want, &table)
		}
	}
	if err := r.WriteJSON(&text); err != nil {
		t.Fatal(err)
	}
	var back struct {
		Variants []struct{ Name string }
		Goals    []struct {
			Name, Goal string
			Value      *float64
			Met        *bool
		}
		GoalsMet *bool `json:"goals_met"`
	}
	if err := json.Unmarshal(text.Bytes(), &back); err != nil || len(back.Variants) != 3 || back.GoalsMet == nil || len(back.Goals) != len(r.Goals) {
		t.Fatalf("%v: %+v", err, back)
	}
	for _, g := range back.Goals {
		if g.Name == "" || g.Goal == "" || g.Value == nil || g.Met == nil {
			t.Errorf("%+v", g)
		}
	}
}
