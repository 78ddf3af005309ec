package monitor

import (
	"cmp"
	"fmt"
	"time"

	"fcredirect/mgmt/alarm"
	"fcredirect/mgmt/registry"
)

// doctorsCodes are what a look at the roles says all about.
var doctorsCodes = []alarm.Code{
	alarm.DatabaseServer, alarm.RoleAbsent, alarm.RoleFailed, alarm.RoleUnhealthy, alarm.RoleSilent, alarm.RoleLooping, alarm.NoStandby,
	alarm.SpoolFull,
}

// Roles that are not like others: the absence of one is the database's, and the other is this one, which others judge.
const (
	databaseRole = "database"
	monitorRole  = "monitor"
)

// doctor judges the instances of roles. It belongs to the keeper.
type doctor struct {
	watches  []Watch
	private  bool // the database is a cluster of ours
	patients map[instance]*patient
	pauses   map[group]*pause
}

type group struct {
	role  string
	shard int
}

type instance struct {
	group
	number int
}

// patient is what is known of an instance.
type patient struct {
	looked   time.Time
	ill      int       // looks in a row
	due      int       // of these, since the last action or excuse
	since    time.Time // the first of them
	why      string
	silent   bool
	restarts int // as last seen
	times    []time.Time
}

// pause is what keeps actions on a role apart.
type pause struct {
	until time.Time
	next  time.Duration
}

// wish is an action that the doctor would take.
type wish struct {
	instance
	code     alarm.Code
	subject  string
	action   Action
	why      string
	since    time.Time // ill
	silent   bool
	standby  bool // there is one
	database bool
	limit    time.Duration // of a heartbeat's age
}

func (i instance) subject() string { return fmt.Sprintf("%s/%d", i.group.subject(), i.number) }
func (g group) subject() string    { return fmt.Sprintf("%s/%d", g.role, g.shard) }

func newDoctor(watches []Watch, private bool) doctor {
	return doctor{watches: watches, private: private, patients: map[instance]*patient{}, pauses: map[group]*pause{}}
}

func (d *doctor) watch(role string) *Watch {
	for i := range d.watches {
		if d.watches[i].Role == role {
			return &d.watches[i]
		}
	}
	return &Watch{Role: role, Interval: defaultInterval, Timeout: defaultTimeout, Threshold: defaultThreshold, Action: Tell}
}

// look judges all instances: first each for itself, then whether the work of each role is done.
func (d *doctor) look(now time.Time, list []registry.Instance) (found []finding, wishes []wish) {
	known := d.patients
	d.patients = make(map[instance]*patient, len(list)) // who is gone is forgotten
	for i := range list {
		id := instance{group{list[i].Role, list[i].Shard}, list[i].Number}
		if d.patients[id] = known[id]; known[id] == nil {
			d.patients[id] = &patient{restarts: list[i].Restarts}
		}
		f, w := d.examine(now, &list[i], list)
		found, wishes = append(found, f...), append(wishes, w...)
	}
	for i := range d.watches {
		found = append(found, d.attend(&d.watches[i], list)...)
	}
	return found, wishes
}

// examine judges one instance.
func (d *doctor) examine(now time.Time, in *registry.Instance, list []registry.Instance) (found []finding, wishes []wish) {
	id := instance{group{in.Role, in.Shard}, in.Number}
	w, p := d.watch(in.Role), d.patients[id]
	if p.loops(now, in.Restarts) {
		found = append(found, finding{code: alarm.RoleLooping, subject: id.group.subject(),
			detail: fmt.Sprintf("%d starts within %v; the last error: %s", len(p.times), loopWindow, cmp.Or(in.Error, "none"))})
	}
	if !in.Alive || in.Stop || in.State == registry.Stopped || in.State == registry.Failed {
		*p = patient{restarts: in.Restarts, times: p.times}
		if in.State == registry.Failed && in.Alive || !in.Alive && in.PID != 0 {
			found = append(found, finding{code: alarm.RoleFailed, subject: id.subject(), detail: reason(in)})
		}
		return found, nil
	}
	// A little early is in time: looks are not exactly an interval apart.
	if now.Sub(p.looked) >= w.Interval-w.Interval/8 {
		d.feel(now, w, p, in)
	}
	if p.ill < w.Threshold {
		return found, nil
	}
	code, subject := alarm.RoleUnhealthy, id.subject()
	switch {
	case p.silent:
		code = alarm.RoleSilent
	case in.Role == databaseRole && d.private:
		// It is ill because its server is: nothing else explains that.
		code, subject = alarm.DatabaseServer, ""
		if now.Sub(p.since) < databasePatience {
			return append(found, finding{code: code, detail: p.why}), nil
		}
	}
	found = append(found, finding{code: code, subject: subject, detail: p.why})
	if p.due >= w.Threshold && w.Action != Tell && in.Role != monitorRole {
		wishes = append(wishes, wish{
			instance: id, code: code, subject: subject, action: w.Action, why: p.why, since: p.since, silent: p.silent, standby: hasStandby(list, in),
			database: w.Database && !p.silent, limit: w.Interval + w.Timeout,
		})
	}
	return found, wishes
}

// feel is one look at an instance that should be well.
func (d *doctor) feel(now time.Time, w *Watch, p *patient, in *registry.Instance) {
	p.looked = now
	p.silent = in.Heartbeat > w.Interval+w.Timeout
	switch {
	case p.silent:
		p.why = fmt.Sprintf("process %d: no heartbeat for %v", in.PID, in.Heartbeat.Round(100*time.Millisecond))
	case in.Health != "" && in.State == registry.Running: // in other states it is what the role waits for
		p.why = in.Health
	default:
		p.ill, p.due, p.why = 0, 0, ""
		return
	}
	p.due++
	if p.ill++; p.ill == 1 {
		p.since = now
	}
}

// loops counts starts.
func (p *patient) loops(now time.Time, restarts int) bool {
	for ; p.restarts < restarts; p.restarts++ {
		if len(p.times) == loopRestarts {
			p.times = p.times[1:]
		}
		p.times = append(p.times, now)
	}
	p.restarts = restarts
	return len(p.times) == loopRestarts && now.Sub(p.times[0]) < loopWindow
}

// attend judges whether the work of a role is done, and whether somebody stands by.
func (d *doctor) attend(w *Watch, list []registry.Instance) (found []finding) {
	living := 0
	for shard := range w.Shards {
		g := group{w.Role, shard}
		why := "it was never started"
		for i := range list {
			in := &list[i]
			if in.Role != w.Role || in.Shard != shard {
				continue
			}
			if works := in.Alive && in.State != registry.Failed && in.State != registry.Stopped; works {
				living++
				if in.Active {
					why = ""
					continue
				}
			}
			if why != "" && (in.Active || why == "it was never started") {
				why = reason(in)
			}
		}
		if why == "" {
			continue
		}
		code, subject := alarm.RoleAbsent, g.subject()
		if w.Role == databaseRole {
			code, subject = alarm.DatabaseServer, ""
		}
		found = append(found, finding{code: code, subject: subject, detail: why})
	}
	if w.Replicas > w.Shards && living <= w.Shards {
		found = append(found, finding{code: alarm.NoStandby, subject: w.Role,
			detail: fmt.Sprintf("%d of %d instances live, %d are needed", living, w.Replicas, w.Shards)})
	}
	return found
}

// reason says why an instance does not work.
func reason(in *registry.Instance) string {
	switch {
	case in.Stop:
		return "it was stopped by hand"
	case in.PID != 0 && !in.Alive:
		return fmt.Sprintf("its process %d is dead", in.PID)
	case in.Error != "":
		return in.Error
	case in.State == registry.Standby:
		return "its standby has not taken over yet"
	}
	return "it is " + in.State.String()
}

func hasStandby(list []registry.Instance, of *registry.Instance) bool {
	for i := range list {
		if in := &list[i]; in.Role == of.Role && in.Alive && !in.Active && in.State == registry.Standby && (in.Shard == of.Shard) {
			return true
		}
	}
	return false
}

// excuse gives an instance whose illness something else explains its whole time again, when that is over.
func (d *doctor) excuse(w wish) {
	if p := d.patients[w.instance]; p != nil {
		p.due = 0
	}
}

func (d *doctor) pauseOf(g group) *pause {
	if d.pauses[g] == nil {
		d.pauses[g] = &pause{next: firstPause}
	}
	return d.pauses[g]
}

// may says whether it is time for an action, and takes that for done.
func (d *doctor) may(now time.Time, w wish) bool {
	p := d.pauseOf(w.group)
	if now.Before(p.until) {
		return false
	}
	if !p.until.IsZero() && w.since.Sub(p.until) > wellAfter {
		p.next = firstPause
	}
	p.until = now.Add(p.next)
	p.next = min(2*p.next, lastPause)
	if at := d.patients[w.instance]; at != nil {
		at.due = 0 // it is given its whole time again
	}
	return true
}
