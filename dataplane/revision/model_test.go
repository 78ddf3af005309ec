package revision

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fcredirect/dataplane/command"
)

// model is what must be true, whatever dies.
type model struct {
	revision, confirmed uint64
	names               map[uint64]string
	deadline            int64 // 0: no window
}

// TestWhateverHappensTheConfirmedRevisionComesBack does random installations, confirmations, reverts, waits, deaths at
// any step, warm and cold starts and failures of the disk, beside a model of a few lines.
func TestWhateverHappensTheConfirmedRevisionComesBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		m := &model{names: map[uint64]string{0: ""}}
		next := uint64(0)
		for n := range rapid.IntRange(1, 25).Draw(rt, "steps") {
			w.now += int64(refill)
			switch what := rapid.SampledFrom([]string{"install", "install", "confirm", "revert", "wait", "kill", "reboot", "disk"}).Draw(rt, "what"); what {
			case "install":
				next++
				length := rapid.SampledFrom([]time.Duration{0, time.Second, time.Minute}).Draw(rt, "window")
				name := fmt.Sprintf("p%d", n)
				i := w.install(next, name, length)
				w.settle()
				m.install(w, i, next, name, length)
			case "confirm":
				m.expire(w)
				c := w.confirm(next)
				w.settle()
				if m.deadline != 0 && m.revision == next {
					w.want(c, command.OK)
					m.confirmed, m.deadline = next, 0
				} else if w.answers[c] == nil {
					rt.Fatal("confirmed what does not wait")
				}
			case "revert":
				m.expire(w)
				r := w.revert(next)
				w.settle()
				if m.deadline != 0 && m.revision == next {
					w.want(r, command.OK)
					m.revision, m.deadline = m.confirmed, 0
				} else if w.answers[r] == nil {
					rt.Fatal("reverted what does not wait")
				}
			case "wait":
				w.now += rapid.Int64Range(0, int64(2*time.Minute)).Draw(rt, "ns")
				w.keeper.Tick()
			case "kill":
				w.now += rapid.Int64Range(0, int64(time.Minute)).Draw(rt, "away")
				w.start(true, nil)
			case "reboot":
				w.boot++
				w.now = rapid.Int64Range(1, int64(time.Hour)).Draw(rt, "since boot")
				w.coldStart(nil)
				m.revision, m.deadline = m.confirmed, 0
			case "disk":
				m.confirmOnBadDisk(rt, w, next)
			}
			m.expire(w)
			w.keeper.Tick()
			w.is(m.revision, m.confirmed, m.names[m.revision])
		}
	})
}

func (m *model) expire(w *world) {
	if m.deadline != 0 && w.now >= m.deadline {
		m.revision, m.deadline = m.confirmed, 0
	}
}

func (m *model) install(w *world, i command.Ticket, revision uint64, name string, length time.Duration) {
	if m.expire(w); m.deadline != 0 {
		w.want(i, command.WindowOpen)
		return
	}
	w.want(i, command.OK)
	m.names[revision], m.revision = name, revision
	if length == 0 {
		m.confirmed = revision
		return
	}
	m.deadline = w.now + int64(length)
}

// confirmOnBadDisk confirms while the disk fails at some step, or the machine's power goes there.
func (m *model) confirmOnBadDisk(rt *rapid.T, w *world, revision uint64) {
	m.expire(w)
	w.keeper.Tick()
	steps := []string{"flat", "sync", "rename"}
	if m.confirmed > 0 {
		steps = append(steps, "before")
	}
	w.failing = rapid.SampledFrom(steps).Draw(rt, "step")
	c := w.confirm(revision)
	w.settle()
	if w.failing = ""; w.answers[c] == nil {
		rt.Fatal("confirmed on a disk that fails")
	}
}

// A data plane that is killed between any two of its steps comes back with one revision or the other, never with half of
// one, and what a reboot finds is whole.
func TestADeathBetweenAnyTwoStepsLeavesAWholeRevision(t *testing.T) {
	for _, length := range []time.Duration{0, window} {
		for step := range 12 {
			w := newWorld(t)
			w.install(1, "one", 0)
			w.settle()
			w.install(2, "two", length)
			asked := length == 0
			for range step {
				if !w.work() {
					w.keeper.Tick()
				}
				if !asked && w.keeper.Pending() && w.keeper.doing == nothing {
					asked = true
					w.confirm(2)
				}
			}
			w.start(true, nil)
			r := w.keeper.Record()
			if w.live != map[uint64]string{1: "one", 2: "two"}[r.Revision] {
				t.Fatalf("step %d: revision %d, lcores do %q", step, r.Revision, w.live)
			}
			w.now += int64(time.Hour)
			w.keeper.Tick()
			want := w.keeper.Record().Confirmed
			w.coldStart(nil)
			if got := w.keeper.Record(); got.Revision != want || want == 0 {
				t.Fatalf("step %d: revision %d after a reboot, %d before", step, got.Revision, want)
			}
		}
	}
}

// Killed after the page says so and before the lcores know: the page has the word.
func TestADeathBetweenThePageAndTheLcoresGoesOnByThePage(t *testing.T) {
	w := newWorld(t)
	w.install(1, "one", 0)
	w.settle()
	w.install(2, "two", window)
	w.work()
	w.dying = true
	func() {
		defer func() {
			if recover() != errDied {
				t.Fatal("it did not die there")
			}
		}()
		w.keeper.Tick()
	}()
	w.dying = false
	w.start(true, nil)
	w.is(2, 1, "two")
	w.now += int64(window)
	w.keeper.Tick()
	w.is(1, 1, "one")
}
