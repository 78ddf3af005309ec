package faults

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	dataplane "fcredirect/dataplane/command"
	"fcredirect/dataplane/shm"
)

// steered is how many frames went to services since the data plane started.
func (p *place) steered() (n uint64) {
	counters := shm.Items[shm.Counters](p.seg.state, shm.RegionCounters)
	for i := range counters {
		n += counters[i].Fates[shm.FateSteered]
	}
	return n
}

// steers says by frames at full load whether the policy redirects: some go to services meanwhile, or none does.
func (p *place) steers() bool {
	before, frames := p.steered(), p.look().frames
	for p.look().frames < frames+10_000 {
		time.Sleep(time.Millisecond)
	}
	return p.steered() != before
}

// install has the data plane's own policy installed again, without its rules.
func (p *place) install(revision uint64, window time.Duration) dataplane.Status {
	p.t.Helper()
	s, err := dataplane.Read(p.seg.state)
	must(p.t, err)
	text, err := dataplane.Text(p.seg.state, s.Document)
	must(p.t, err)
	services, _, found := bytes.Cut(text, []byte("policies:"))
	if !found {
		p.t.Fatalf("the policy has no rules: %s", text)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	s, err = dataplane.New(p.seg.state, p.seg.ctl).Install(ctx, dataplane.Install{
		Revision: revision, Document: append(services, "policies: []\n"...), Window: window,
	})
	must(p.t, err)
	return s
}

// A change that nobody confirms is taken back at its deadline by frames at full load, with every process of the slow path
// killed, its database too, and the data plane killed and started again in the window. The log has it afterwards.
func TestAChangeThatNobodyConfirmsIsTakenBackWhateverIsDead(t *testing.T) {
	const window = 12 * time.Second
	p := newPlace(t)
	p.startLoad(shape{directions: few, fresh: true, change: true})
	d := p.startDaemon("mgmtd", "")
	p.serving()
	p.complete()
	last, err := p.number("SELECT coalesce(max(number), 0) FROM event")
	must(t, err)
	if !p.steers() {
		t.Fatal("the policy that the load begins with redirects nothing")
	}
	deadline := p.install(2, window).Deadline
	if p.steers() {
		t.Fatal("every lcore has acknowledged, and frames still go to services")
	}

	pg := p.postmaster()
	d.kill()
	p.daemons = nil
	if pg > 0 {
		must(t, kill(pg))
	}
	p.load.kill()
	p.startLoad(shape{directions: few, change: true})
	if time.Until(deadline) < time.Second {
		t.Fatal("this machine took the whole window to start a data plane: nothing was shown")
	}
	if p.steers() {
		t.Fatal("the restart took the change back before its deadline")
	}
	s, err := dataplane.Read(p.seg.state)
	must(t, err)
	if off := s.Deadline.Sub(deadline).Abs(); s.Revision != 2 || off > 200*time.Millisecond {
		t.Fatalf("revision %d, the deadline moved by %v", s.Revision, off)
	}

	must(t, waitFor(2*window, func() error {
		if !p.steers() {
			return fmt.Errorf("frames do not go to services again")
		}
		return nil
	}))
	if late := time.Since(deadline); late < -200*time.Millisecond || late > 5*time.Second {
		t.Errorf("it was taken back %v after its deadline", late)
	}

	p.startDaemon("again", "")
	p.serving()
	for _, name := range []string{"policy.installed", "policy.expired"} {
		must(t, waitFor(alarmLimit, func() error {
			return p.holds("event "+name, "SELECT count(*) FROM event WHERE name = $1 AND fields ->> 'revision' = '2' AND number > $2", name, last)
		}))
	}
	p.rest()
	p.settle()
	p.endLoad()
}
