package system

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"fcredirect/mgmt/config"
	"fcredirect/mgmt/registry"
)

// ErrStuck says that a role did not stop in time: its process must end, since a second one must not run beside it.
var ErrStuck = errors.New("did not stop in time")

var errEnded = errors.New("it ended without being told to")

// life is one run of a role.
type life struct {
	i     *instance
	role  Role
	begun time.Time
	stop  context.CancelFunc
	ready chan struct{}
	done  chan struct{}
	err   error // of Run, once done is closed

	wanted registry.Wanted
	probe  probe
}

// end is why a life is over before the role ended by itself.
type end int

const (
	endProcess end = iota // ctx ended
	endLost               // another instance acts
	endStop               // an admin wants it
	endRestart
	endIll // the probe's action
)

// serve makes and runs the role once.
func (i *instance) serve(ctx context.Context) {
	i.say(registry.Starting, "")
	wanted := registry.Wanted{}
	if i.seat != nil {
		wanted = i.wish()
		i.seat.Done(wanted) // a fresh start fulfils every wish for one
	}
	begun := time.Now()
	role, err := i.build()
	if err != nil {
		i.rest(ctx, err, 0)
		return
	}
	inner, stop := context.WithCancel(context.WithoutCancel(ctx)) // it is stopped by us, in good order
	l := &life{i: i, role: role, begun: begun, stop: stop, ready: make(chan struct{}), done: make(chan struct{}), wanted: wanted}
	l.probe = probe{role: role, health: i.plan.Role.Health, strict: i.kind.Watcher}
	go l.run(inner)
	why, err := l.watch(ctx)
	stop()
	select {
	case <-l.done:
	default:
		if !l.join() {
			if why != endProcess {
				i.fatal(fmt.Errorf("role %s: %w (%v)", i.name, ErrStuck, i.kind.Stop))
				<-ctx.Done()
			}
			return
		}
	}
	i.settle(ctx, why, err, l)
}

// settle does what the end of a life asks for.
func (i *instance) settle(ctx context.Context, why end, err error, l *life) {
	if err == nil && l.err != nil {
		i.log.Warn("role ended with an error when it was told to stop", "role", i.name, "error", l.err)
	}
	switch {
	case err != nil:
		i.rest(ctx, err, time.Since(l.begun))
	case why == endRestart:
		i.back = backoff{}
		i.seat.Restarted(nil)
		if i.plan.Role.Standbys() { // one of them goes on while we come back
			i.say(registry.Stopped, "hands over to a standby")
			i.unseat()
			i.tick(ctx, yield)
		}
	case why == endLost:
		i.log.Warn("another instance acts in this one's place", "role", i.name)
		i.unseat()
	case why == endStop:
		i.say(registry.Stopped, "an admin stopped it")
	}
}

// build makes the role; a panic is an error.
func (i *instance) build() (role Role, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return i.make(i.place())
}

// run runs the role. A panic of its own goroutine is an error; one in a goroutine that it made kills the process, which
// is why roles can have processes of their own.
func (l *life) run(ctx context.Context) {
	defer close(l.done)
	defer func() {
		if p := recover(); p != nil {
			l.err = fmt.Errorf("panic: %v", p)
			l.i.log.Error("role panicked", "role", l.i.name, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	once := false
	err := l.role.Run(ctx, func() {
		if !once {
			once = true
			close(l.ready)
		}
	})
	if err == nil && ctx.Err() == nil {
		err = errEnded
	}
	l.err = err
}

// watch beats and looks until the life is over. An error is a failure; without one the reason is in end.
func (l *life) watch(ctx context.Context) (end, error) {
	i, state := l.i, registry.Starting
	ready := l.ready
	beats, probes := time.NewTicker(beat), time.NewTicker(l.probe.health.Interval)
	defer beats.Stop()
	defer probes.Stop()
	defer func() { i.silent = false }()
	for {
		var lost <-chan struct{}
		if i.seat != nil {
			lost = i.seat.Lost()
		}
		select {
		case <-l.done:
			return 0, l.err
		case <-ctx.Done():
			return endProcess, nil
		case <-lost:
			return endLost, nil
		case <-ready:
			ready, state = nil, registry.Running
			l.probe.renew()
		case <-probes.C:
			l.probe.ask()
		case err := <-l.probe.answer:
			l.probe.heard(err)
		case <-beats.C:
		}
		i.silent = l.probe.silent()
		i.say(state, l.probe.text())
		if over, why, err := l.judge(state); over {
			return why, err
		}
	}
}

// judge looks whether the life shall end.
func (l *life) judge(state registry.State) (over bool, why end, err error) {
	i := l.i
	if err := l.probe.verdict(); err != nil && state == registry.Running {
		if action := i.plan.Role.Health.Action; action != config.Alarm {
			return true, endIll, fmt.Errorf("%s, because it is ill: %w", action, err)
		}
	}
	if i.seat == nil { // early
		switch err := i.claim(); {
		case err == nil:
			l.wanted = i.wish()
		case !errors.Is(err, registry.ErrNoSegment):
			return true, endLost, err
		}
		return false, 0, nil
	}
	switch w := i.wish(); {
	case w.Stop:
		return true, endStop, nil
	case w.Restart != l.wanted.Restart:
		return true, endRestart, nil
	}
	return false, 0, nil
}

// join waits for Run to return after its context has ended.
func (l *life) join() bool {
	limit := time.NewTimer(l.i.kind.Stop)
	defer limit.Stop()
	beats := time.NewTicker(beat)
	defer beats.Stop()
	for {
		l.i.say(registry.Stopping, "")
		select {
		case <-l.done:
			return true
		case <-limit.C:
			l.i.hung = true
			l.i.say(registry.Stopping, ErrStuck.Error())
			l.i.log.Error("role does not stop", "role", l.i.name, "waited", l.i.kind.Stop.String())
			return false
		case <-beats.C:
		}
	}
}
