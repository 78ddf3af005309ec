package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Lab is what all scenarios share.
type Lab struct {
	Image *Image
	Bin   string // folder of fcr-dataplane, fcr-sim and fcrctl
	Build string // build/lab: runs/ while they run, failures/ afterwards
	Keep  bool   // keep the folder of a scenario that passed, too
	Log   func(format string, args ...any)
}

// Lock waits until no other lab uses the folder, and keeps it until the process ends or unlock is called: two labs at once
// would share file names, and two cores.
func Lock(build string) (unlock func() error, err error) {
	if err := os.MkdirAll(build, 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(build, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return f.Close, nil
}

// run is one scenario under way.
type run struct {
	*Lab
	sc         *Scenario
	dir        string // everything this run writes
	ns         *namespace
	middle     *middle
	appliances []*appliance // of a pair
	guests     []*guest     // in the order of sc.Hosts
	said       *account     // of a dataplane
	calm       answer       // of the last pulse
	began      time.Time
}

// Run runs a scenario and returns why it failed. What it wrote is then in build/lab/failures/NAME, and the error says so.
//
// Stages: folder and namespace → links → guests begin to boot → middle → join → steps → counters → switch off → account → judge.
// Whatever happens, nothing of it is left running.
func (lab *Lab) Run(ctx context.Context, sc *Scenario) error {
	ctx, cancel := context.WithTimeoutCause(ctx, sc.Limit, fmt.Errorf("the scenario's limit of %v is over", sc.Limit))
	defer cancel()
	ctx, surprise := context.WithCancelCause(ctx)
	defer surprise(nil)
	r := &run{Lab: lab, sc: sc, dir: filepath.Join(lab.Build, "runs", sc.Name), began: time.Now()}
	// What an earlier run of this scenario has left would be taken for this one's.
	if err := errors.Join(os.RemoveAll(r.dir), os.RemoveAll(r.keptDir()), os.MkdirAll(r.dir, 0o755)); err != nil {
		return err
	}
	err := r.live(ctx, surprise)
	if err == nil {
		err = r.judge(ctx)
	}
	return r.finish(err)
}

// live is the scenario up to the last step; it leaves nothing running. surprise ends ctx, and with it every wait, when a
// program of the middle dies: the guests would only report that nobody answers them.
func (r *run) live(ctx context.Context, surprise func(error)) (err error) {
	if r.ns, err = newNamespace(ctx, r.sc.Name); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.tearDown()) }()
	start := r.startPair
	if r.sc.Middle == MiddlePair {
		err = r.planPair(ctx)
	} else {
		links, ports := planLinks(r.sc)
		err = r.ns.apply(ctx, links)
		start = func(ctx context.Context, surprise func(error)) (*middle, error) {
			return r.startMiddle(ctx, ports, surprise)
		}
	}
	if err != nil {
		return err
	}
	if err := r.boot(); err != nil {
		return err
	}
	if r.middle, err = start(ctx, surprise); err != nil {
		return err
	}
	r.say("middle ready")
	if err := r.everyGuest(func(g *guest) error { return g.up(ctx) }); err != nil {
		return err
	}
	r.say("hosts up")
	if err := r.join(ctx); err != nil {
		return err
	}
	for i := range r.sc.Steps {
		if err := r.step(ctx, &r.sc.Steps[i]); err != nil {
			return fmt.Errorf("step %d: %w", i+1, err)
		}
	}
	if err := r.counters(ctx); err != nil {
		return err
	}
	if err := r.everyGuest(func(g *guest) error { return g.quit(ctx) }); err != nil {
		return err
	}
	r.say("hosts off")
	if err := r.account(ctx); err != nil {
		return err
	}
	if err := r.middle.stop(); err != nil {
		return err
	}
	r.say("middle stopped")
	return nil
}

// account asks the appliance for its account; of a pair, the one that forwards.
func (r *run) account(ctx context.Context) (err error) {
	segment := segmentDir(r.dir)
	switch r.sc.Middle {
	case MiddleWire:
		return nil
	case MiddlePair:
		last, err := r.survivor(ctx)
		if err != nil {
			return err
		}
		segment, r.middle.services = last.segment(), last.services
	}
	r.said, err = ask(ctx, r.Bin, segment)
	return err
}

// say logs with the time since the scenario began.
func (r *run) say(format string, args ...any) {
	r.Log("%6.2f s  %s", time.Since(r.began).Seconds(), fmt.Sprintf(format, args...))
}

// boot starts all guests side by side and does not wait for them: their boot is the longest part of a scenario.
func (r *run) boot() error {
	for i := range r.sc.Hosts {
		g, err := startGuest(r.ns, r.Image, r.sc, &r.sc.Hosts[i], r.dir)
		if err != nil {
			return err
		}
		r.guests = append(r.guests, g)
	}
	return nil
}

// join lets every host log in, and checks that it has the name which the scenario expects.
func (r *run) join(ctx context.Context) error {
	return r.everyGuest(func(g *guest) error {
		a, err := g.request(ctx, joinLimit, "join")
		if err != nil {
			return err
		}
		if wwpn, err := strconv.ParseUint(strings.TrimPrefix(a["wwpn"], "0x"), 16, 64); err != nil || formatWWN(wwpn) != g.host.WWPN() {
			return fmt.Errorf("guest %s: its WWPN is %s, not %s", g.host.Name, a["wwpn"], g.host.WWPN())
		}
		return nil
	})
}

// formatWWN writes a name the way configfs and the scenarios do.
func formatWWN(n uint64) string {
	var b strings.Builder
	for shift := 56; shift >= 0; shift -= 8 {
		fmt.Fprintf(&b, "%02x", n>>shift&0xff)
		if shift > 0 {
			b.WriteByte(':')
		}
	}
	return b.String()
}

// everyGuest calls f for all guests at once and collects what went wrong.
func (r *run) everyGuest(f func(g *guest) error) error {
	errs := make([]error, len(r.guests))
	var wg sync.WaitGroup
	for i, g := range r.guests {
		wg.Go(func() { errs[i] = f(g) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// step does one step.
func (r *run) step(ctx context.Context, st *Step) error {
	for _, a := range r.appliances {
		if a.name == st.On {
			return r.onAppliance(ctx, a, st)
		}
	}
	var g *guest
	for _, candidate := range r.guests {
		if candidate.host.Name == st.On {
			g = candidate
		}
	}
	seconds := max(1, int(st.Within.Seconds()))
	var args []any
	switch st.Do {
	case "find":
		args = []any{seconds, r.sc.Host(st.Target).kernelWWPN(), st.LUN}
	case "write", "verify":
		args = []any{seconds, r.sc.Host(st.Target).kernelWWPN(), st.LUN, int64(st.Size), st.Seed}
	case "pulse":
		args = []any{r.sc.Host(st.Target).kernelWWPN(), st.LUN, int64(st.Size), st.Seed}
	case "stored":
		args = []any{seconds, st.LUN, int64(st.Size), st.Seed}
	}
	a, err := g.request(ctx, st.Within+answerSlack, st.Do, args...)
	if err != nil {
		return fmt.Errorf("%s: %w", st.On, err)
	}
	r.say("%s: %s %s", st.On, st.Do, a)
	if st.Do == "calm" {
		return r.judgePulse(st, a)
	}
	return nil
}

// kernelWWPN is the name as sysfs prints it.
func (h *Host) kernelWWPN() string { return "0x" + strings.ReplaceAll(h.WWPN(), ":", "") }

// mustBeZero are counters of a guest that a good path leaves alone.
var mustBeZero = []string{"invalid_crc_count", "error_frames", "fcp_packet_aborts", "io_errors"}

// mayBe is the one of them that a takeover may raise: a command whose frame was lost is aborted and done again.
const mayBe = "fcp_packet_aborts"

// counters asks each host what its Fibre Channel layer has to complain about.
func (r *run) counters(ctx context.Context) error {
	return r.everyGuest(func(g *guest) error {
		a, err := g.request(ctx, answerSlack, "counters")
		if err != nil {
			return err
		}
		for _, name := range mustBeZero {
			if a[name] != "0" && (r.sc.Middle != MiddlePair || name != mayBe) {
				return fmt.Errorf("guest %s: %s is %q, want 0 (all: %s)", g.host.Name, name, a[name], a)
			}
		}
		return nil
	})
}

// judge looks at what was captured.
func (r *run) judge(ctx context.Context) error {
	tr, err := readTraffic(r.sc, r.dir)
	if err != nil {
		return err
	}
	var errs []error
	if r.sc.Expect.Crossing == CrossingUnchanged {
		errs = append(errs, tr.unchanged())
	}
	if r.sc.Expect.Service != "" {
		errs = append(errs, tr.services(r.sc.Expect.Service, r.middle.services))
	}
	switch {
	case r.sc.Middle == MiddlePair:
		errs = append(errs, r.said.judgeLogins(r.sc), r.said.judgeFlows(r.sc), tr.loggedInOnce())
	case r.said != nil:
		errs = append(errs, r.said.judge(r.sc, tr))
	}
	forms := make([]error, len(r.sc.Hosts))
	var wg sync.WaitGroup
	for i := range r.sc.Hosts {
		h := &r.sc.Hosts[i]
		wg.Go(func() { forms[i] = judgeForm(ctx, receivedCapture(r.dir, h), sentCapture(r.dir, h)) })
	}
	wg.Wait()
	r.say("judged: %d FCP frames sent, %d received", tr.sent, tr.received)
	return errors.Join(append(errs, forms...)...)
}

// tearDown ends what still runs and removes the namespace. After a good run only the namespace is left to remove.
func (r *run) tearDown() error {
	for _, g := range r.guests {
		g.proc.kill()
		for range g.lines { // until its reader has ended
		}
	}
	if r.middle != nil {
		r.middle.kill()
	}
	err := r.ns.remove()
	for _, a := range r.appliances {
		err = errors.Join(err, a.ns.remove())
	}
	return err
}

func (r *run) keptDir() string { return filepath.Join(r.Build, "failures", r.sc.Name) }

// finish removes what the run wrote, or moves it to failures/ and says so in the error.
func (r *run) finish(failure error) error {
	if failure == nil {
		if r.Keep {
			r.say("kept in %s", r.dir)
			return nil
		}
		return os.RemoveAll(r.dir)
	}
	kept := r.keptDir()
	err := errors.Join(os.RemoveAll(kept), os.MkdirAll(filepath.Dir(kept), 0o755), os.Rename(r.dir, kept))
	if err != nil {
		kept = r.dir
	}
	return errors.Join(failure, err, fmt.Errorf("consoles, logs and captures are in %s", kept))
}
