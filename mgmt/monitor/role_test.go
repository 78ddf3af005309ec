package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/alarm"
	"fcredirect/mgmt/event/eventlog"
	"fcredirect/mgmt/event/spool"
	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/registry"
)

const nobody = 1 << 30 // a process id that the kernel does not give

// Each scenario breaks something at second 10, most mend it at second 30, and looks at what was told and done by second 60.
func TestScenarios(t *testing.T) {
	for _, c := range []struct {
		name           string
		broken, mended func(r *rig)
		told, commands string
	}{
		{name: "nothing is wrong"},
		{
			name:   "the data plane dies and comes back",
			broken: func(r *rig) { r.seg.State.Header().PID = nobody; r.control, r.lcores, r.readers = false, false, false },
			mended: func(r *rig) {
				r.seg.State.Header().PID = uint32(os.Getpid())
				r.control, r.lcores, r.readers = true, true, true
			},
			told: "11:+dataplane.gone 32:-dataplane.gone",
		},
		{
			name:   "the data plane ends in good order",
			broken: func(r *rig) { r.seg.State.Header().State = shm.Drained },
			mended: func(r *rig) { r.seg.State.Header().State = shm.Running },
			told:   "11:+dataplane.gone 32:-dataplane.gone",
		},
		{
			name:   "the data plane starts anew within a second",
			broken: func(r *rig) { r.seg.State.Header().State = shm.Starting; r.control, r.lcores = false, false },
			mended: func(r *rig) { r.seg.State.Header().State = shm.Running; r.control, r.lcores = true, true },
		},
		{
			name:   "control does not come round",
			broken: func(r *rig) { r.control = false },
			mended: func(r *rig) { r.control = true },
			told:   "14:+dataplane.control-stalled 32:-dataplane.control-stalled",
		},
		{
			name:   "an lcore does not poll",
			broken: func(r *rig) { r.lcores = false },
			mended: func(r *rig) { r.lcores = true },
			told:   "12:+lcore.stalled/lcore/0 32:-lcore.stalled/lcore/0",
		},
		{
			name:   "the flow table is nearly full",
			broken: func(r *rig) { r.lcore().FlowsLive = 901 },
			mended: func(r *rig) { r.lcore().FlowsLive = 10 },
			told:   "15:+flow.table-nearly-full/lcore/0",
		},
		{
			name:   "a WWPN is claimed twice",
			broken: func(r *rig) { r.page().Conflicts = 2 },
			told:   "10:+login.conflict",
		},
		{
			name:   "the data plane collects garbage",
			broken: func(r *rig) { r.page().GCCycles = 5 },
			told:   "10:+dataplane.heap-fuse",
		},
		{
			name:   "events are lost",
			broken: func(r *rig) { r.infos()[eventRing].Lost = 7 },
			told:   "10:+event.gap",
		},
		{
			name: "the database is away: roles that suffer from it are left alone",
			broken: func(r *rig) {
				r.database = away
				r.instance("store", 0).Health, r.instance("event", 0).Health = "refused", "refused"
			},
			mended: func(r *rig) {
				r.database = func(context.Context) error { return nil }
				r.instance("store", 0).Health, r.instance("event", 0).Health = "", ""
			},
			told: "12:+database.unavailable 33:-database.unavailable",
		},
		{
			name:   "roles that take a little longer than the database to recover are left alone too",
			broken: func(r *rig) { r.database = away; r.instance("store", 0).Health = "refused" },
			mended: func(r *rig) {
				r.database = func(context.Context) error { return nil }
				time.AfterFunc(2500*time.Millisecond, func() { r.set(func() { r.instance("store", 0).Health = "" }) })
			},
			told: "12:+database.unavailable 33:-database.unavailable",
		},
		{
			name:   "a database that does not answer at all is away",
			broken: func(r *rig) { r.database = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() } },
			mended: func(r *rig) { r.database = func(context.Context) error { return nil } },
			told:   "13:+database.unavailable 33:-database.unavailable",
		},
		{
			name:   "the disk of the database is full, and a role that writes says so",
			broken: func(r *rig) { r.instance("store", 0).Health = "ERROR: could not extend file (SQLSTATE 53100)" },
			mended: func(r *rig) { r.instance("store", 0).Health = "" },
			told:   "11:+database.disk-full 36:-database.disk-full",
		},
		{
			name: "a newer program has migrated the database",
			broken: func(r *rig) {
				in := r.instance("database", 0)
				in.State, in.Error = registry.Failed, postgres.ErrNewerSchema.Error()
			},
			mended: func(r *rig) { r.instance("database", 0).State = registry.Running },
			told:   "11:+database.newer-schema 36:-database.newer-schema",
		},
		{
			name:   "the spool of events is full: the role that keeps it is not restarted",
			broken: func(r *rig) { r.instance("event", 0).Health = "event: the spool is full: 1073741824 bytes" },
			mended: func(r *rig) { r.instance("event", 0).Health = "" },
			told:   "11:+event.spool-full 36:-event.spool-full",
		},
		{
			name:   "events come faster than the database takes them",
			broken: func(r *rig) { r.spool = waiting(spoolGrows) },
			mended: func(r *rig) { r.spool = waiting(spoolGrows - 1) },
			told:   "21:+event.spool-growing 36:-event.spool-growing",
		},
		{
			name:     "a role is ill for its own reason: it is restarted, again with growing pauses",
			broken:   func(r *rig) { r.instance("event", 0).Health = "the spool cannot be written" },
			told:     "13:+role.unhealthy/event/0/0",
			commands: "13:restart event/0 28:restart event/0 58:restart event/0",
		},
		{
			name: "an illness that passes by itself is none",
			broken: func(r *rig) {
				r.instance("event", 0).Health = "busy"
				time.AfterFunc(1500*time.Millisecond, func() { r.set(func() { r.instance("event", 0).Health = "" }) })
			},
			commands: "",
		},
		{
			name:     "a silent role with a standby is deposed",
			broken:   func(r *rig) { r.instance("store", 0).Heartbeat = time.Minute },
			mended:   func(r *rig) { r.instance("store", 0).Heartbeat = 0 },
			told:     "13:+role.silent/store/0/0 34:-role.silent/store/0/0",
			commands: "13:depose store/0 13:restart store/0 28:depose store/0 28:restart store/0",
		},
		{
			name:   "the process of a role is dead",
			broken: func(r *rig) { r.instance("event", 0).Alive = false },
			mended: func(r *rig) { r.instance("event", 0).Alive = true },
			told:   "14:+role.absent/event/0 33:-role.absent/event/0",
		},
		{
			name:   "the standby is dead",
			broken: func(r *rig) { r.instance("store", 1).Alive = false },
			mended: func(r *rig) { r.instance("store", 1).Alive = true },
			told:   "14:+role.failed/store/0/1 21:+role.no-standby/store 36:-role.no-standby/store 36:-role.failed/store/0/1",
		},
		{
			name: "a role fails again and again",
			broken: func(r *rig) {
				for i := range 6 {
					time.AfterFunc(time.Duration(i)*2*time.Second, func() {
						r.set(func() { in := r.instance("event", 0); in.Restarts++; in.Error = "boom" })
					})
				}
			},
			told: "17:+role.crash-looping/event/0",
		},
		{
			name: "an admin has stopped a role",
			broken: func(r *rig) {
				in := r.instance("event", 0)
				in.Stop, in.State, in.Health = true, registry.Stopped, "an admin stopped it"
			},
			mended: func(r *rig) { in := r.instance("event", 0); in.Stop, in.State, in.Health = false, registry.Running, "" },
			told:   "14:+role.absent/event/0 33:-role.absent/event/0",
		},
		{
			name:   "a ring is not read",
			broken: func(r *rig) { r.readers = false; r.infos()[eventRing].Offered = 5 },
			mended: func(r *rig) { r.readers = true },
			told:   "17:+ring.blocked/event/0/lcore0 32:-ring.blocked/event/0/lcore0",
		},
		{
			name: "a ring is not read because its role is dead: one alarm",
			broken: func(r *rig) {
				r.readers = false
				r.infos()[eventRing].Offered = 5
				r.instance("event", 0).Alive = false
			},
			mended: func(r *rig) { r.readers = true; r.instance("event", 0).Alive = true },
			told:   "14:+role.absent/event/0 33:-role.absent/event/0",
		},
		{
			name:   "the store falls behind: half of its ring waits, and it moves",
			broken: func(r *rig) { r.readers = false; go r.slowly(20 * time.Second) },
			mended: func(r *rig) { r.readers = true },
			told:   "21:+store.lag/store/0/lcore0 40:-store.lag/store/0/lcore0",
		},
		{
			name:   "a ring's cursor makes no sense",
			broken: func(r *rig) { r.readers = false; r.cursors()[storeRing].Tail = 1 << 40 },
			mended: func(r *rig) { r.readers = true },
			told:   "10:+ring.broken/store/0/lcore0 35:-ring.broken/store/0/lcore0",
		},
		{
			name: "updates are merged all the time",
			broken: func(r *rig) {
				for i := range 60 {
					time.AfterFunc(time.Duration(i)*250*time.Millisecond, func() { r.set(func() { r.infos()[storeRing].Conflated += 10 }) })
				}
			},
			told: "15:+ring.conflated/store/0/lcore0 37:-ring.conflated/store/0/lcore0",
		},
	} {
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

func TestAFolderThatCannotBeWrittenMakesTheRoleIll(t *testing.T) {
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
		if err := r.role.Healthy(); err == nil || !strings.Contains(err.Error(), "save alarms") {
			t.Errorf("it says %v", err)
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
