package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
)

// Testpmd runs dpdk-testpmd in macswap mode: DPDK's own forwarder, which swaps two addresses and looks at nothing else.
// It is the speed of the ports themselves; nothing that decides per frame can be faster.
type Testpmd struct {
	Program string // "" means dpdk-testpmd
}

// Name is "testpmd".
func (*Testpmd) Name() string { return "testpmd" }

const testpmdPrompt = "testpmd>"

// Run measures it once: started, warmed up, its counters read twice while it forwards.
func (c *Testpmd) Run(ctx context.Context, s *Scenario) (Result, error) {
	program := cmp.Or(c.Program, "dpdk-testpmd")
	if _, err := exec.LookPath(program); err != nil {
		return Result{}, fmt.Errorf("%w: testpmd: %s is missing: apt-get install dpdk-dev", ErrUnavailable, program)
	}
	if err := EnsureHugepages(s.Memory()); err != nil {
		return Result{}, err
	}
	p, err := start(testpmdCommand(program, s), nil, 0)
	if err != nil {
		return Result{}, err
	}
	defer p.stop()
	if err := p.expect(ctx, testpmdPrompt, 1); err != nil {
		return Result{}, err
	}
	waited, err := c.script(ctx, p, s)
	if err != nil {
		return Result{}, err
	}
	if err := p.wait(ctx); err != nil {
		return Result{}, err
	}
	r, err := parseTestpmd(p.stdout.String(), 2*len(s.Pairs))
	r.Waited = waited
	return r, err
}

// script is what a person would type; the numbers are read from the output afterwards.
func (c *Testpmd) script(ctx context.Context, p *process, s *Scenario) (waited float64, err error) {
	var at [2]Schedule
	show := func(n int) error {
		if err := p.say("show port stats all"); err != nil {
			return err
		}
		if err := p.expect(ctx, "Tx-pps:", (n+1)*2*len(s.Pairs)); err != nil {
			return err
		}
		at[n], err = p.schedule()
		return err
	}
	steps := []func() error{
		func() error { return p.say("start") },
		func() error { return pause(ctx, s.Warmup) },
		func() error { return show(0) },
		func() error { return pause(ctx, s.Measure) },
		func() error { return show(1) },
		func() error { return p.say("stop") },
		func() error { return p.say("quit") },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return 0, err
		}
	}
	return at[1].Waited(at[0], len(s.Pairs)), nil
}

// testpmdCommand starts it with the settings that are best for it here; README.md of ci/bench has the comparison. The service
// ports are not its business: macswap sends everything to the other port of the pair.
func testpmdCommand(program string, s *Scenario) []string {
	// Line by line: what it prints with printf is buffered in a pipe, its prompt is not, and would come in between.
	argv := []string{"stdbuf", "-oL", program}
	argv = append(argv, s.eal("testpmd", s.PairDevices())...)
	return append(argv, "--", "-i",
		"--forward-mode=macswap", "--port-topology=paired", "--nb-cores="+strconv.Itoa(len(s.Pairs)),
		"--burst="+strconv.Itoa(s.Burst), "--mbcache="+strconv.Itoa(s.MbufCache),
		"--mbuf-size="+strconv.Itoa(s.MbufBytes), "--total-num-mbufs="+strconv.Itoa(s.Mbufs),
		"--rxq=1", "--txq=1", "--no-lsc-interrupt", "--no-rmv-interrupt",
	)
}

// One port in what testpmd prints for "show port stats all". Rates are since the last time it was asked.
var testpmdStats = regexp.MustCompile(`NIC statistics for port (\d{1,19})[^\n]*\n` +
	`\s*RX-packets:\s*(\d{1,19})\s+RX-missed:\s*(\d{1,19})[^\n]*\n` +
	`\s*RX-errors:\s*(\d{1,19})\s*\n` +
	`\s*RX-nombuf:\s*(\d{1,19})\s*\n` +
	`\s*TX-packets:\s*(\d{1,19})\s+TX-errors:\s*(\d{1,19})[^\n]*\n` +
	`[^#]*?Rx-pps:\s*(\d{1,19})[^\n]*\n` +
	`\s*Tx-pps:\s*(\d{1,19})`)

// parseTestpmd reads the two statistics of each port. The frames are the difference of the counters; the time is what
// testpmd itself took for the rate, port by port, so that no delay of ours is in it.
func parseTestpmd(text string, ports int) (Result, error) {
	found := testpmdStats.FindAllStringSubmatch(text, -1)
	if len(found) != 2*ports {
		return Result{}, fmt.Errorf("testpmd: statistics of %d ports, want %d ports twice; it said: %.300s", len(found), ports, text)
	}
	var r Result
	var pps uint64
	for i, before := range found[:ports] {
		after := found[ports+i]
		if before[1] != after[1] {
			return Result{}, fmt.Errorf("testpmd: statistics of ports %s and %s where one port was expected twice", before[1], after[1])
		}
		for field, what := range map[int]string{3: "RX-missed", 4: "RX-errors", 5: "RX-nombuf", 7: "TX-errors"} {
			if after[field] != "0" {
				return Result{}, fmt.Errorf("testpmd: port %s: %s %s: lossy runs do not count", after[1], what, after[field])
			}
		}
		r.Frames += number(after[2]) - number(before[2])
		sent := number(after[6]) - number(before[6])
		if i%2 == 0 {
			r.Sent.Edge += sent
		} else {
			r.Sent.Fabric += sent
		}
		pps += number(after[8])
	}
	if pps == 0 {
		return Result{}, errors.New("testpmd: its rate is 0")
	}
	r.Mpps, r.Seconds = float64(pps)/1e6, float64(r.Frames)/float64(pps)
	if err := r.Check(nil); err != nil {
		return Result{}, fmt.Errorf("testpmd: %w", err)
	}
	return r, checkTestpmdTotals(text)
}

// What testpmd counted from start to stop, which is exact.
var testpmdTotals = regexp.MustCompile(`Accumulated forward statistics for all ports[^\n]*\n` +
	`\s*RX-packets:\s*(\d{1,19})\s+RX-dropped:\s*(\d{1,19})[^\n]*\n` +
	`\s*TX-packets:\s*(\d{1,19})\s+TX-dropped:\s*(\d{1,19})`)

func checkTestpmdTotals(text string) error {
	all := testpmdTotals.FindStringSubmatch(text)
	if all == nil {
		return fmt.Errorf("testpmd: no accumulated statistics after its stop; it said: %.300s", text)
	}
	if all[1] != all[3] || all[2] != "0" || all[4] != "0" {
		return fmt.Errorf("testpmd: %s frames received and %s dropped, %s sent and %s dropped: lossy runs do not count", all[1], all[2], all[3], all[4])
	}
	return nil
}

// number reads digits that a pattern has found: at most 19, so they fit.
func number(digits string) uint64 {
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		panic("bench: a pattern let through " + strconv.Quote(digits))
	}
	return n
}
