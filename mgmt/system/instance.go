package system

// The life of an instance is a circle, and each of these steps may send it back to the first:
//
//	sit     have a claim; without a segment wait for one
//	turn    be the one that acts for its shard, and be wanted
//	needs   wait for what it depends on, for a bounded time
//	serve   run the role until it ends, fails, is ill, or is to stop (serve.go)
//	rest    after a failure: the back-off

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/config"
	"fcredirect/mgmt/registry"
)

// instance looks after one instance of a role.
type instance struct {
	// Constant.
	plan    config.Instance
	kind    *config.Kind
	name    string
	make    Maker
	roster  roster
	ready   func(role string) bool // whether a role that this one depends on runs
	fatal   func(error)            // ends the process
	observe func(Change)           // is told what happens
	log     *slog.Logger

	// Of the goroutine of run.
	seat      seat
	claimed   bool            // there was a claim: who has it now has taken it over in our life
	refused   time.Time       // since when the first claim is refused
	silent    bool            // the role does not answer, and nothing is done about it
	hung      bool            // a role of ours did not stop: the seat stays ours until the process is dead
	stoppedIn <-chan struct{} // the segment in which the wish to stop was seen
	back      backoff
	restarts  int

	view struct {
		sync.Mutex
		View
	}
}

// View is what an instance says of itself.
type View struct {
	Name   string
	State  registry.State
	Why    string    // it is not well, or does not run
	Stuck  bool      // its role does not answer, or does not stop
	Ticked time.Time // when its goroutine last came round
}

// Settled says that nothing is to be waited for: it serves, stands by, or was told to stop.
func (v *View) Settled() bool {
	return v.State == registry.Running || v.State == registry.Standby || v.State == registry.Stopped
}

// see gives the view. Any goroutine.
func (i *instance) see() View {
	i.view.Lock()
	defer i.view.Unlock()
	return i.view.View
}

// say publishes state and reason, and beats.
func (i *instance) say(state registry.State, why string) {
	i.view.Lock()
	was := i.view.View
	i.view.View = View{Name: i.name, State: state, Why: why, Stuck: i.hung || i.silent, Ticked: time.Now()}
	i.view.Unlock()
	waits := (state == registry.New || state == registry.Starting) && was.Why != why && why != ""
	if (was.State != state || waits) && state != registry.Failed { // failures are logged with more
		i.log.Info("role is "+state.String(), attrs("role", i.name, "why", why)...)
	}
	if was.State != state {
		i.observe(Change{Plan: i.place(), Was: was.State, Is: state, Why: why, Restarts: i.restarts})
	}
	if i.seat != nil {
		i.seat.Beat(state, why)
	}
}

// place is the plan, with the number that the seat has.
func (i *instance) place() config.Instance {
	plan := i.plan
	if i.seat != nil {
		plan.Number = i.seat.Number()
	}
	return plan
}

// attrs leaves out what is empty.
func attrs(pairs ...string) []any {
	var all []any
	for n := 0; n < len(pairs); n += 2 {
		if pairs[n+1] != "" {
			all = append(all, pairs[n], pairs[n+1])
		}
	}
	return all
}

// run lives until ctx ends.
func (i *instance) run(ctx context.Context) {
	i.view.Lock()
	i.view.View = View{Name: i.name, State: registry.New, Ticked: time.Now()}
	i.view.Unlock()
	for ctx.Err() == nil {
		if i.sit(ctx) && i.turn(ctx) && i.needs(ctx) {
			i.serve(ctx)
		}
	}
	if i.hung {
		return
	}
	i.say(registry.Stopped, "the process ends")
	i.unseat()
}

// tick waits a beat. It says false when ctx ends or the claim is lost.
func (i *instance) tick(ctx context.Context, d time.Duration) bool {
	var lost <-chan struct{}
	if i.seat != nil {
		lost = i.seat.Lost()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-lost:
		i.unseat()
		return false
	case <-t.C:
		return true
	}
}

func (i *instance) unseat() {
	if i.seat != nil {
		i.seat.Release()
		i.seat = nil
	}
}

// sit gets the instance a claim. One that runs early goes on without while there is no segment.
func (i *instance) sit(ctx context.Context) bool {
	if i.seat != nil {
		return true
	}
	err := i.claim()
	switch {
	case err == nil:
		return true
	case errors.Is(err, registry.ErrNoSegment) && i.kind.Early:
		return true
	case errors.Is(err, registry.ErrNoSegment):
		i.say(registry.New, "waits for the data plane")
		i.wait(ctx)
		return false
	case i.refused.IsZero():
		i.refused = time.Now()
	case !i.claimed && time.Since(i.refused) >= claimGrace:
		i.fatal(fmt.Errorf("role %s cannot run here: %w%s", i.name, err, i.advice(err)))
		<-ctx.Done()
		return false
	}
	if i.see().State != registry.Failed {
		i.log.Warn("role cannot run here", "role", i.name, "error", err)
	}
	i.say(registry.Failed, err.Error())
	i.tick(ctx, beat)
	return false
}

// wait waits for a segment, and says meanwhile that it does.
func (i *instance) wait(ctx context.Context) {
	short, cancel := context.WithTimeout(ctx, beat)
	defer cancel()
	_ = i.roster.wait(short)
}

func (i *instance) advice(err error) string {
	if !errors.Is(err, registry.ErrTaken) || i.kind.Alone {
		return ""
	}
	return "; stop that one, leave this role out with --roles, or give it more replicas"
}

// claim takes a seat; nil when there is one already.
func (i *instance) claim() error {
	role := i.plan.Role
	in := registry.Instance{Role: role.Name, Shard: i.plan.Shard, Number: i.plan.Number}
	s, err := i.roster.claim(in, role.Standbys())
	if err != nil {
		return err
	}
	if most := role.Numbers(i.plan.Shard); s.Number() >= most {
		s.Release()
		return fmt.Errorf("%w: shard %d has its %d replicas already", registry.ErrTaken, i.plan.Shard, most)
	}
	i.seat, i.claimed = s, true
	return nil
}

// wish is what an admin wants. A wish to stop is taken along into a new segment: a cold start of the data plane is no
// reason to run again.
func (i *instance) wish() registry.Wanted {
	segment := i.roster.changed() // before Wanted: else a segment that comes in between would look like an order to start
	w := i.seat.Wanted()
	switch {
	case w.Stop:
		i.stoppedIn = segment
	case i.stoppedIn != nil && closed(i.stoppedIn):
		if err := i.roster.stop(i.plan.Role.Name, i.plan.Shard); err != nil {
			i.log.Warn("role stays stopped, but the new segment does not say so", "role", i.name, "error", err)
		}
		i.stoppedIn, w.Stop = segment, true
	default:
		i.stoppedIn = nil
	}
	return w
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// turn waits until the instance acts for its shard and is wanted.
func (i *instance) turn(ctx context.Context) bool {
	for i.seat != nil {
		wish := i.wish()
		promoted := closed(i.seat.Promoted())
		switch {
		case promoted && !wish.Stop:
			return true
		case promoted:
			i.say(registry.Stopped, "an admin stopped it")
		default:
			i.say(registry.Standby, "")
		}
		if !promoted {
			select {
			case <-i.seat.Promoted():
				continue
			case <-i.seat.Lost():
			case <-ctx.Done():
			case <-time.After(beat):
				continue
			}
		}
		if !i.tick(ctx, beat) {
			return false
		}
	}
	return true // early: there is no segment yet
}

// needs waits for the roles that this one depends on. A dependency that does not come is no reason not to start.
func (i *instance) needs(ctx context.Context) bool {
	for begun := time.Now(); time.Since(begun) < needBound; {
		missing := i.missing()
		if missing == "" {
			return true
		}
		i.say(registry.Starting, "waits for "+missing)
		if !i.tick(ctx, beat) {
			return false
		}
		if i.seat != nil && i.wish().Stop {
			return false
		}
	}
	i.log.Warn("role starts without what it depends on", "role", i.name, "missing", i.missing())
	return true
}

func (i *instance) missing() string {
	for _, need := range i.plan.Role.DependsOn {
		if !i.ready(need) {
			return need
		}
	}
	return ""
}

// rest is the back-off. With standbys the seat is given up, so that one of them takes over.
func (i *instance) rest(ctx context.Context, err error, ran time.Duration) {
	if errors.Is(err, shm.ErrABI) {
		i.say(registry.Failed, err.Error())
		i.fatal(fmt.Errorf("role %s: %w", i.name, err))
		<-ctx.Done()
		return
	}
	wait := i.back.next(ran)
	i.restarts++
	i.log.Error("role failed", "role", i.name, "error", err, "again in", wait.Round(time.Millisecond).String())
	if i.seat != nil {
		i.seat.Restarted(err)
	}
	i.say(registry.Failed, err.Error())
	if i.plan.Role.Standbys() {
		i.unseat()
		wait = max(wait, yield)
	}
	restart := registry.Wanted{}
	if i.seat != nil {
		restart = i.wish()
	}
	for end := time.Now().Add(wait); time.Now().Before(end); {
		if !i.tick(ctx, min(beat, time.Until(end))) {
			return
		}
		i.say(registry.Failed, err.Error())
		if i.seat != nil {
			if w := i.wish(); w.Stop || w.Restart != restart.Restart {
				return // an admin does not wait for the back-off
			}
		}
	}
}
