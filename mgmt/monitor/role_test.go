package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"fcredirect/mgmt/alarm"
	"fcredirect/mgmt/event/eventlog"
	"fcredirect/mgmt/event/spool"
	"fcredirect/mgmt/postgres"
)

const nobody = 1 << 30 // a process id that the kernel does not give

// Each scenario breaks something at second 10, mends it at second 30 (or does not), and looks at what was told and done by
// second 60.
func TestScenarios(t *testing.T) {
	for _, c := range slices.Concat([]scenario{{name: "nothing is wrong"}}, dataplaneScenarios, databaseScenarios, roleScenarios, ringScenarios) {
		t.Run(c.name, func(t *testing.T) {
			play(t, func(r *rig) {
				r.after(10*time.Second, func() {
					if c.broken != nil {
						c.broken(r)
					}
				})
				d := 20 * time.Second
				if c.name == "the data plane starts anew within a second" {
					d = 900 * time.Millisecond
				}
				r.after(d, func() {
					if c.mended != nil {
						c.mended(r)
					}
				})
				r.after(60*time.Second-time.Since(r.began), func() {})
				r.expect(c.told, c.commands)
				if err := r.role.Healthy(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// waiting is an answer of role event.
func waiting(events uint64) func(context.Context) ([]byte, error) {
	return func(context.Context) ([]byte, error) { return json.Marshal(eventlog.Stats{Waiting: events}) }
}

func TestWhatIsReadInTextsIsWhatIsWrittenThere(t *testing.T) {
	for words, written := range map[string]string{
		spoolFullWords: spool.ErrFull.Error(), diskWords: syscall.ENOSPC.Error(), newerWords: postgres.ErrNewerSchema.Error(),
	} {
		if !strings.Contains(written, words) {
			t.Errorf("%q is not in %q", words, written)
		}
	}
}

// slowly keeps the store's ring three quarters full while items move.
func (r *rig) slowly(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		r.set(func() {
			r.infos()[storeRing].Offered += 4
			r.cursors()[storeRing].Tail = max(r.infos()[storeRing].Offered, items*3/4) - items*3/4
		})
	}
}

func TestTheRoleOfAPrivateDatabaseIsRestartedWhenItsServerHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.opts.DataDir = t.TempDir()
		r.begin()
		r.after(10*time.Second, func() {
			r.database = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
			r.instance("database", 0).Health, r.instance("store", 0).Health = "no answer", "no answer"
		})
		r.after(40*time.Second, func() {})
		r.expect("13:+database.unavailable", "41:restart database/0")
	})
}

func TestAPrivateDatabaseMayTakeItsTimeToBeMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.opts.DataDir, r.database = t.TempDir(), away
		r.begin()
		r.after(20*time.Second, func() { r.database = func(context.Context) error { return nil } })
		r.after(5*time.Second, func() { r.database = away }) // it was there once
		r.after(5*time.Second, func() {})
		r.expect("27:+database.unavailable", "")
	})
}

func TestAPrivateDatabaseThatIsNotMadeInTimeIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.opts.DataDir, r.database = t.TempDir(), away
		r.begin()
		r.after(40*time.Second, func() {})
		r.expect("32:+database.unavailable", "")
	})
}

func TestANodeWithoutASegmentSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.opts.Place.Dir = t.TempDir()
		r.begin()
		r.after(5*time.Second, func() {})
		r.expect("1:+dataplane.gone", "")
	})
}

func TestACheckThatHangsDelaysOnlyItself(t *testing.T) {
	play(t, func(r *rig) {
		release := make(chan struct{})
		r.after(10*time.Second, func() { r.database = func(context.Context) error { <-release; return nil } })
		r.after(10*time.Second, func() { r.lcores = false })
		r.after(5*time.Second, func() {})
		r.expect("14:+database.unavailable 22:+lcore.stalled/lcore/0", "")
		if err := r.role.Healthy(); err == nil || !strings.Contains(err.Error(), "database") {
			r.t.Errorf("the monitor says %v of itself", err)
		}
		r.set(func() { r.database = func(context.Context) error { return nil } })
		close(release)
		r.after(5*time.Second, func() {})
		r.expect("14:+database.unavailable 22:+lcore.stalled/lcore/0 28:-database.unavailable", "")
		if err := r.role.Healthy(); err != nil {
			r.t.Error(err)
		}
	})
}

func TestARestartOfTheRoleForgetsNothingAndTellsNothingTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		ctx, end := context.WithCancel(context.Background())
		defer end()
		go r.dataplane(ctx)
		stop := r.run()
		r.after(5*time.Second, func() { r.database = away; r.page().Conflicts = 1 })
		r.after(5*time.Second, func() {})
		stop()
		r.after(time.Second, func() { r.page().Conflicts = 3; r.infos()[eventRing].Lost = 4 }) // while nobody watches
		stop = r.run()
		defer func() { stop() }()
		r.after(5*time.Second, func() {})
		r.expect("5:+login.conflict 7:+database.unavailable 11:+event.gap", "")
		for _, a := range r.role.Alarms() {
			if a.Code == alarm.LoginConflict && a.Count != 3 {
				t.Errorf("%d conflicts counted, want 3", a.Count)
			}
		}
		r.set(func() { r.database = func(context.Context) error { return nil } })
		r.after(5*time.Second, func() {})
		r.expect("5:+login.conflict 7:+database.unavailable 11:+event.gap 19:-database.unavailable", "")
	})
}

func TestADamagedMemoryIsNoReasonNotToWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		if err := os.WriteFile(filepath.Join(r.opts.Dir, fileName), []byte("{torn"), 0o644); err != nil {
			t.Fatal(err)
		}
		r.begin()
		r.after(2*time.Second, func() { r.database = away })
		r.after(5*time.Second, func() {})
		r.expect("4:+database.unavailable", "")
		if m, err := load(r.opts.Dir); err != nil || len(m.Alarms) != 1 {
			t.Errorf("it was not written anew: %v, %v", m, err)
		}
	})
}

func TestAFolderThatCannotBeWrittenIsNoReasonNotToWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		file := filepath.Join(r.opts.Dir, "file")
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		r.opts.Dir = filepath.Join(file, "below")
		r.begin()
		r.after(2*time.Second, func() { r.database = away })
		r.after(5*time.Second, func() {})
		r.expect("4:+database.unavailable", "")
		if err := r.role.scribe.err(); err == nil || !strings.Contains(err.Error(), "save alarms") {
			t.Errorf("it says %v", err)
		}
		if err := r.role.Healthy(); err != nil { // a restart would forget the alarms
			t.Error(err)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		r.after(10*time.Second, func() {})
		if m, err := load(r.opts.Dir); err != nil || len(m.Alarms) != 1 || r.role.scribe.err() != nil {
			t.Errorf("it was not saved later: %+v, %v, %v", m, err, r.role.scribe.err())
		}
	})
}

func TestAnEventLogThatHangsHoldsNothingUp(t *testing.T) {
	play(t, func(r *rig) {
		block := make(chan struct{})
		r.after(time.Second, func() { r.block = block; r.database = away })
		r.after(6*time.Second, func() { r.lcores = false })
		r.after(2500*time.Millisecond, func() {})
		if a := r.role.Alarms(); len(a) != 2 || a[0].Code != alarm.LcoreStalled {
			r.t.Errorf("%+v", a)
		}
		r.set(func() { r.block = nil })
		close(block)
		r.after(2*time.Second, func() {})
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.told) == 0 || !strings.Contains(r.told[len(r.told)-1], "lcore.stalled") {
			r.t.Errorf("told: %q", r.told)
		}
	})
}

func TestAlarmsAreListedOverTheBusWhileTheRoleRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		stop := r.run()
		r.after(3*time.Second, func() { r.database = away })
		r.after(5*time.Second, func() {})
		b, err := r.handlers["alarm.list"](t.Context(), nil)
		var answer Answer
		if err := errors.Join(err, json.Unmarshal(b, &answer)); err != nil {
			t.Fatal(err)
		}
		got := map[alarm.Code]bool{}
		for _, a := range answer.Alarms {
			got[a.Code] = a.Active
		}
		if !got[alarm.DatabaseDown] || !got[alarm.ControlStalled] { // there is no data plane in this test that moves its heartbeat
			t.Errorf("%s", b)
		}
		stop()
		if len(r.handlers) != 0 {
			t.Error("a role that has ended still answers")
		}
		if r.role.Healthy() != nil {
			t.Log("a role that has ended is asked by nobody")
		}
	})
}

func TestOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	r := &rig{}
	ok := Watch{Role: "store", Shards: 1, Replicas: 1, Interval: 1, Timeout: 1, Threshold: 1}
	for name, change := range map[string]func(*Options){
		"no registry":           func(o *Options) { o.Registry = nil },
		"no name":               func(o *Options) { o.Roles[0].Role = "" },
		"no shards":             func(o *Options) { o.Roles[0].Shards = 0 },
		"fewer than its shards": func(o *Options) { o.Roles[0].Replicas = 0 },
		"no interval":           func(o *Options) { o.Roles[0].Interval = 0 },
		"no timeout":            func(o *Options) { o.Roles[0].Timeout = 0 },
		"no threshold":          func(o *Options) { o.Roles[0].Threshold = 0 },
	} {
		o := Options{Registry: r, Roles: []Watch{ok}}
		if change(&o); func() bool { _, err := New(o); return err == nil }() {
			t.Errorf("%s: taken", name)
		}
	}
	role, err := New(Options{Registry: r, Roles: []Watch{ok}})
	if err != nil {
		t.Fatal(err)
	}
	if role.Healthy() == nil {
		t.Error("a role that does not run is healthy")
	}
}
