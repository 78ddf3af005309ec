package monitor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fcredirect/mgmt/alarm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/registry"
)

// Bus is what the role asks of the bus.
type Bus interface {
	Handle(method string, h bus.Handler) (remove func())
	Call(ctx context.Context, role, method string, request []byte) ([]byte, error)
}

// Registry is what it asks of the registry.
type Registry interface {
	List() []registry.Instance
	Members() []registry.Process
	Depose(role string, shard int, limit time.Duration) error
	Command(role string, shard int, c registry.Command) ([]registry.Order, error)
}

// Database is what it asks of the database: a *postgres.DB.
type Database interface {
	Identity(ctx context.Context) (postgres.Identity, error)
}

// Action is what is done about an instance that is ill.
type Action uint8

// The actions.
const (
	Restart  Action = iota // have it started anew; a standby takes over from one that gives no sign of life
	FailOver               // have a standby take over, and it started anew
	Tell                   // raise the alarm, nothing else
)

// String is the action as logs spell it.
func (a Action) String() string { return [...]string{"restart", "fail over", "tell"}[min(a, Tell)] }

// Watch says how a role is looked after.
type Watch struct {
	Role      string
	Shards    int
	Replicas  int // beyond the shards are standbys
	Interval  time.Duration
	Timeout   time.Duration // a heartbeat older than Interval and Timeout counts as ill
	Threshold int           // looks in a row
	Action    Action
	Database  bool // it writes to the database
}

// Options are what an instance is made of. Everything but Registry may be absent: then it is not looked at.
type Options struct {
	Place    attach.Place
	DB       Database
	DataDir  string // of the private cluster: the room on its disk is watched
	Registry Registry
	Bus      Bus
	Events   event.Appender
	Log      *slog.Logger
	Dir      string  // what must outlive a restart; empty: nothing does
	Roles    []Watch // that this node should have
	Memory   int64   // bytes that one management process may take; 0: a default

	Clock func() string // why the clock is not synchronised; nil: the kernel is asked
}

// Role is one instance.
type Role struct {
	o      Options
	checks []*check
	doctor doctor
	scribe *scribe

	// the keeper's
	book     *alarm.Book
	baseline baseline
	database struct {
		watched bool
		well    time.Time // when the last look began that found it well
		hints   []finding // what roles say of it
	}
	reported map[reportKey]time.Time // when what other roles report lapses

	orders chan order // of admins and other roles

	view  atomic.Pointer[Answer]
	alive atomic.Int64 // ns since start: the keeper came round
	start time.Time
}

// New checks the options.
func New(o Options) (*Role, error) {
	if o.Registry == nil {
		return nil, errors.New("monitor: no registry")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Events == nil {
		o.Events = event.Nowhere{}
	}
	if o.Memory == 0 {
		o.Memory = memoryDefault
	}
	if o.Clock == nil {
		o.Clock = unsynchronised
	}
	for i, w := range o.Roles {
		if w.Role == "" || w.Shards < 1 || w.Replicas < w.Shards || w.Interval <= 0 || w.Timeout <= 0 || w.Threshold < 1 {
			return nil, fmt.Errorf("monitor: watch %d of role %q makes no sense: %+v", i, w.Role, w)
		}
	}
	return &Role{o: o}, nil
}

// Run watches until ctx ends.
func (r *Role) Run(ctx context.Context, ready func()) error {
	if err := r.begin(); err != nil {
		return err
	}
	checking, stop := context.WithCancel(ctx)
	reports := make(chan report, reportQueue)
	var running sync.WaitGroup
	for _, c := range r.checks {
		running.Go(func() {
			if ended := c.run(checking, reports); ended && c.end != nil {
				c.end()
			}
		})
	}
	var writing sync.WaitGroup
	writing.Go(r.scribe.run)
	if r.o.Bus != nil {
		defer r.handle()()
	}
	ready()
	r.keep(ctx, reports)
	stop()
	running.Wait()
	r.scribe.end()
	writing.Wait()
	return nil
}

// begin makes everything anew, with the alarms of before.
func (r *Role) begin() (err error) {
	now := time.Now()
	if r.book, err = alarm.NewBook(alarm.Catalogue); err != nil {
		return err
	}
	saved, err := load(r.o.Dir)
	if err != nil {
		r.o.Log.Warn("monitor: what was known of alarms is lost", "error", err)
	}
	r.book.Restore(now, saved.Alarms, saved.Mutes)
	r.reported = leasesOf(saved.Alarms, now)
	r.orders = make(chan order, orderQueue)
	r.baseline = saved.Baseline
	r.scribe = newScribe(r.o)
	r.doctor = newDoctor(r.o.Roles, r.o.DataDir != "")
	r.database.watched, r.database.well = r.o.DB != nil, time.Time{}
	r.start = now
	r.alive.Store(0)
	r.publish()
	r.checks = r.allChecks()
	return nil
}

// keep is the keeper.
func (r *Role) keep(ctx context.Context, reports <-chan report) {
	tick := time.NewTicker(tickPeriod)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case rep := <-reports:
			r.take(time.Now(), rep)
		case o := <-r.orders:
			r.obey(time.Now(), o)
		case <-tick.C:
			r.decide(time.Now())
		}
		r.alive.Store(int64(time.Since(r.start)))
	}
}

// take enters a report into the Book and acts on what it says of roles.
func (r *Role) take(now time.Time, rep report) {
	if rep.baseline != nil && *rep.baseline != r.baseline {
		r.baseline = *rep.baseline
		r.save()
	}
	var wishes []wish
	if rep.instances != nil {
		var found []finding
		found, wishes = r.doctor.look(now, rep.instances)
		var spool []finding
		r.database.hints, spool = hints(rep.instances)
		rep.about, rep.found = doctorsCodes, append(found, spool...)
	}
	well := rep.database && len(rep.found) == 0
	if rep.database {
		if r.o.DataDir != "" && r.database.well.IsZero() && now.Sub(r.start) < makeGrace {
			rep.found = without(rep.found, alarm.DatabaseDown)
		}
		rep.found = append(rep.found, r.database.hints...)
	}
	subjects := map[alarm.Code][]string{}
	for _, f := range rep.found {
		if f.times > 0 {
			r.book.Happened(now, f.code, f.subject, f.detail, f.times)
			continue
		}
		if !f.unknown {
			r.book.Set(now, f.code, f.subject, f.detail)
		}
		subjects[f.code] = append(subjects[f.code], f.subject)
	}
	for _, code := range rep.about {
		r.book.Only(now, code, subjects[code])
	}
	if well {
		r.database.well = rep.began
	}
	for _, w := range wishes {
		r.act(now, w)
	}
}

func without(list []finding, code alarm.Code) []finding {
	return slices.DeleteFunc(list, func(f finding) bool { return f.code == code })
}

// act does something about an instance that is ill, unless something else explains it.
func (r *Role) act(now time.Time, w wish) {
	// The role that keeps the database is not excused by the database's being away: that is its work.
	if cause, is := r.book.Suppressed(w.code, w.subject); is && (w.code != alarm.DatabaseServer || cause != alarm.DatabaseDown) {
		r.doctor.excuse(w)
		r.o.Log.Debug("monitor: a role is ill for another reason", "role", w.role, "shard", w.shard, "why", w.why, "cause", cause)
		return
	}
	if w.database && r.database.watched && r.database.well.Before(w.since) {
		return // the next look at the database tells whether it is the cause; the wish comes again
	}
	if !r.doctor.may(now, w) {
		return
	}
	r.o.Log.Warn("monitor: a role is ill: acting", "role", w.role, "shard", w.shard, "instance", w.number, "action", w.action.String(), "why", w.why)
	if w.silent && w.standby || w.action == FailOver {
		if err := r.o.Registry.Depose(w.role, w.shard, w.limit); err != nil && !errors.Is(err, registry.ErrTaken) {
			r.o.Log.Warn("monitor: fail over", "role", w.role, "shard", w.shard, "error", err)
		}
	}
	if _, err := r.o.Registry.Command(w.role, w.shard, registry.Restart); err != nil {
		r.o.Log.Warn("monitor: restart", "role", w.role, "shard", w.shard, "error", err)
	}
}

// decide raises and clears.
func (r *Role) decide(now time.Time) {
	r.lapse(now)
	changes, over := r.book.Tick(now)
	for _, c := range changes {
		level, word := slog.LevelInfo, "alarm cleared"
		if c.Heard {
			level, word = slog.LevelWarn, "alarm is muted no more"
		} else if c.Raised {
			level, word = slog.LevelWarn, "alarm raised"
		}
		r.o.Log.Log(context.Background(), level, word, "code", c.Alarm.Code, "subject", c.Alarm.Subject, "title", c.Alarm.Title, "detail", c.Alarm.Detail)
	}
	for _, c := range changes {
		r.scribe.tell(noteOf(c))
	}
	for _, m := range over {
		r.scribe.tell(noteOfMute(event.AlarmUnmuted, m, m.By))
	}
	if len(changes)+len(over) > 0 {
		r.save()
	}
	r.publish()
}

func (r *Role) save() {
	r.scribe.save(memory{Alarms: r.book.Save(), Mutes: r.book.Mutes(), Baseline: r.baseline})
}

func (r *Role) publish() {
	r.view.Store(&Answer{Alarms: r.book.List(), Mutes: r.book.Mutes()})
}

// Alarms is the list as it was at the last decision, a fifth of a second ago at most.
func (r *Role) Alarms() []alarm.Alarm {
	if v := r.view.Load(); v != nil {
		return v.Alarms
	}
	return nil
}

// Healthy says what keeps the role from watching. That alarms cannot be saved does not: a restart would forget them.
func (r *Role) Healthy() error {
	if r.view.Load() == nil {
		return errors.New("monitor: it does not run")
	}
	now := time.Since(r.start)
	if late := now - time.Duration(r.alive.Load()); late > keeperSilent {
		return fmt.Errorf("monitor: it has decided nothing for %v", late.Round(time.Second))
	}
	for _, c := range r.checks {
		if late := c.late(); late > hungAfter {
			return fmt.Errorf("monitor: the look at the %s has taken %v", c.name, late.Round(time.Second))
		}
	}
	return nil
}
