package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
)

var update = flag.Bool("update", false, "write the golden files anew")

// moments are two looks, a second apart, at two pairs and a service; flows so many, at falling rates.
func moments(flows int) (before, now *moment) {
	make := func(second uint64) *moment {
		m := &moment{
			at: time.Unix(1_767_225_600+90+int64(second), 0).UTC(), rules: 3,
			segment: report.Segment{
				Node: "fcr-a", State: "running", Alive: true, Boot: "b1", Started: "2026-01-01T00:00:00Z", LastSign: "2026-01-01T00:01:31Z",
				Generation: 4, Policy: "0123456789abcdef", TSCHz: 1e9, HeapBytes: 9 << 20, Learner: report.Learner{Logins: 5},
			},
		}
		for i, name := range []string{"edge0", "fabric0", "svc0"} {
			n := uint64(i + 1)
			p := report.Port{Name: name, Role: shm.RoleName(uint8(i)), Up: i != 2, FramesIn: 50 + n*1234*second, BytesIn: n * 2_000_000 * second,
				FramesOut: n * 12_345_678 * second, BytesOut: n * 400_000_000 * second}
			if i == 0 {
				p.Counters.Fates[shm.FateSteered] = 400 * second
				p.Dropped, p.TxStalled = 10+7*second, 2
				p.Drops = map[string]uint64{"bad_sof": 10, "policy": 7}
			}
			m.ports = append(m.ports, p)
		}
		l := report.Lcore{Index: 0, CPU: 1, Frames: 23456 * second, Flows: uint64(2 * flows), Worst: 1234.5}
		l.Page.BusyTSC, l.Page.IdleTSC = 4e8*second, 6e8*second
		l.Page.Latency.Add(2000, 500) // long ago
		l.Page.Latency.Add(8000, 99*second)
		l.Page.Latency.Add(64000, second)
		m.lcores = append(m.lcores, l)
		return m
	}
	before, now = make(0), make(1)
	for i := range min(flows, report.MaxBusiest) {
		f := report.FlowRate{FramesOutRate: float64(200_000 - 700*i), FramesInRate: float64(100_000 - 300*i), BytesOutRate: 1e8 / float64(i+1)}
		f.InitiatorID, f.TargetID, f.VSAN, f.Verdict = fmt.Sprintf("0x%06x", i+1), "0x0a0000", 100, "forward"
		f.FramesOut = uint64(1_000_000 - i)
		switch i {
		case 0:
			f.Initiator, f.InitiatorAlias, f.Target, f.TargetAlias = "20:00:02:fc:01:00:00:01", "host-1", "20:00:02:fc:0a:00:00:0a", "array-a"
			f.Verdict, f.Rule = "redirect", "watch-host-1"
		case 1:
			f.Initiator, f.Target = "20:00:02:fc:01:00:00:02", "20:00:02:fc:0a:00:00:0a"
		}
		now.flows = append(now.flows, f)
	}
	if flows > 1000 {
		now.every = 8 * time.Second
	}
	return before, now
}

func TestPagesLookLikeThis(t *testing.T) {
	for _, tc := range []struct {
		name          string
		flows         int
		width, height int
		change        func(*moment)
	}{
		{"no-terminal", 30, 0, 0, nil},
		{"no-flows", 0, 80, 24, nil},
		{"80x24", 30, 80, 24, nil},
		{"100000-flows-120x30", 100_000, 120, 30, nil},
		{"narrow-40x20", 30, 40, 20, nil},
		{"tiny-20x5", 30, 20, 5, nil},
		{"no-policy", 1, 100, 24, func(m *moment) { m.segment.Policy, m.rules = "", 0 }},
		{"alarms", 1, 100, 24, func(m *moment) {
			m.segment.LastSign = "2026-01-01T00:01:20Z"
			m.segment.Learner.LoginsFull, m.segment.Learner.Conflicts = 12, 1
			m.lcores[0].FlowsFull, m.lcores[0].ControlLost = 99, 3
			m.services = []report.Service{{Name: "inspect", Port: "svc0"}, {Name: "tap", Port: "svc0", Up: true}}
		}},
		{"dead", 1, 100, 24, func(m *moment) { m.segment.Alive = false }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before, now := moments(tc.flows)
			if tc.change != nil {
				tc.change(now)
			}
			got := page(before, now, tc.width, tc.height)
			for i, line := range strings.Split(got, "\n") {
				if n := utf8.RuneCountInString(line); tc.width > 0 && n > tc.width {
					t.Errorf("line %d has %d characters", i+1, n)
				}
			}
			golden(t, filepath.Join("page", tc.name+".golden"), got)
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(got), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (go test -update writes it anew); now it would be\n%s", path, got)
	}
}

func TestATerminalThatIsHighEnoughShowsAPageWhole(t *testing.T) {
	for height := 14; height < 60; height++ {
		before, now := moments(100)
		if lines := strings.Count(page(before, now, 80, height), "\n"); lines != height {
			t.Errorf("%d lines on a terminal of %d", lines, height)
		}
	}
}

// After a warm start counters begin anew; a page made across it must not show rates of 2 to the power of 64.
func TestCountersThatWentBackGiveNoRates(t *testing.T) {
	before, now := moments(3)
	for i, line := range strings.Split(page(now, before, 200, 0), "\n") {
		for _, word := range strings.Fields(line) {
			if strings.HasSuffix(word, "M") && len(word) > 8 {
				t.Errorf("line %d: %s", i+1, line)
			}
		}
	}
}

func TestRatesHaveThreeDigitsOrSo(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.4: "0", 7: "7", 9999: "9999", 10_000: "10.0k", 999_949: "999.9k", 1e6: "1.00M", 23_456_789: "23.46M"} {
		if got := short(v); got != want {
			t.Errorf("%v is written %s, want %s", v, got, want)
		}
	}
}
