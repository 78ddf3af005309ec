package eventlog

import (
	"context"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fcredirect/mgmt/event"
	"fcredirect/mgmt/event/spool"
	"fcredirect/mgmt/event/spool/spooltest"
	"fcredirect/mgmt/postgres/pgtest"
)

// watcher is a subscriber that holds what it is told against the disk: what a loss of power would leave now has it.
type watcher struct {
	w     *world
	sub   *Subscription
	last  uint64
	seed  uint64
	count int
}

func (w *world) watch(t tester, seed uint64) *watcher {
	t.Helper()
	sub, err := w.role.Subscribe(0)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return &watcher{w: w, sub: sub, seed: seed}
}

// look takes what there is. Numbers follow one another; what was told is durable.
func (s *watcher) look(t tester) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	events, err := s.sub.Next(ctx, 100)
	if err != nil || len(events) == 0 {
		return
	}
	for _, e := range events {
		if e.Number != s.last+1 {
			t.Fatalf("a subscriber got event %d after %d", e.Number, s.last)
		}
		s.last = e.Number
		s.count++
	}
	if s.w.disk.Dead() {
		return
	}
	disk := s.w.disk.Clone()
	disk.PowerCut(rand.New(rand.NewPCG(s.seed, s.last)).IntN)
	o := s.w.o.Spool
	o.Files = disk
	left, err := spool.Open(o)
	if err != nil {
		t.Fatalf("the spool after a loss of power: %v", err)
	}
	defer left.Close()
	if _, last := left.Range(); left.Number(last) < s.last {
		t.Fatalf("a subscriber was told of event %d, and a loss of power leaves %d", s.last, left.Number(last))
	}
}

// Everything at random: producers, a process, crashes at any file operation, disks and databases that fail, cold starts of
// the data plane. In the end each event is there once, in order, without a gap in the numbers.
func TestEachEventIsInTheLogOnceWhateverHappens(t *testing.T) {
	dsn := pgtest.DB(t)
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("/dev/shm", "fcr-event-test")
		if err != nil {
			t.Fatal(err)
		}
		w := newWorld(t, dsn, dir)
		defer w.close(t)
		w.start(t)
		watch := w.watch(t, 1)
		t.Repeat(map[string]func(*rapid.T){
			"data plane": func(t *rapid.T) {
				w.plane.put(rapid.IntRange(0, 2).Draw(t, "producer"), rapid.IntRange(1, 90).Draw(t, "events"))
			},
			"process": func(t *rapid.T) {
				for range rapid.IntRange(1, 20).Draw(t, "events") {
					if err := w.client.Append(context.Background(), event.ProcessStarted, w.roles()); err != nil {
						t.Fatal(err)
					}
				}
			},
			"disk": func(t *rapid.T) {
				kinds := rapid.SliceOfN(rapid.SampledFrom([]spooltest.Fault{0, 0, 0, 0, spooltest.Error, spooltest.NoRoom, spooltest.Late}), 1, 20).Draw(t, "faults")
				w.disk.Reset(func(o spooltest.Op) spooltest.Fault {
					if o.Kind == "read" || o.Kind == "open" || o.Kind == "size" { // a disk that cannot be read needs somebody
						return spooltest.None
					}
					return kinds[o.Nth%len(kinds)]
				})
			},
			"database": func(t *rapid.T) {
				w.db.shut.Store(rapid.Bool().Draw(t, "shut"))
				w.db.fail(rapid.IntRange(0, 12).Draw(t, "operation"), rapid.SampledFrom([]pgtest.When{pgtest.Before, pgtest.After}).Draw(t, "when"))
			},
			"crash": func(t *rapid.T) {
				w.kill(rapid.Bool().Draw(t, "late"))
				w.disk.Reset(nil)
				if rapid.Bool().Draw(t, "power") {
					w.disk.PowerCut(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "blocks"), 0)).IntN)
				} else {
					w.disk.Restart()
				}
				w.start(t)
				watch = w.watch(t, rapid.Uint64().Draw(t, "blocks of the watcher"))
			},
			"restart": func(t *rapid.T) {
				w.disk.Reset(nil)
				w.stop(t)
				w.start(t)
				watch = w.watch(t, 2)
			},
			"data plane restarts": func(t *rapid.T) { w.plane.restart(t, rapid.Bool().Draw(t, "cold")) },
			"subscriber":          func(t *rapid.T) { watch.look(t) },
		})
		w.settle(t)
		w.judge(t)
	})
}
