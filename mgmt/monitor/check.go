package monitor

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"fcredirect/mgmt/alarm"
	"fcredirect/mgmt/registry"
)

// finding is a problem: its condition holds, or, with times, it happened so often. Of one that is unknown nobody can tell at
// this moment whether it holds: it stays as it is.
type finding struct {
	code    alarm.Code
	subject string
	detail  string
	times   uint64
	unknown bool
}

// report is all there is to say about some codes at one moment.
type report struct {
	about     []alarm.Code
	found     []finding
	began     time.Time           // of the look
	database  bool                // it is the look at the database
	instances []registry.Instance // it is the look at the roles: the keeper's doctor judges
	baseline  *baseline           // what the look at the segment counts from
}

func (rep *report) say(code alarm.Code, subject, format string, args ...any) {
	rep.found = append(rep.found, finding{code: code, subject: subject, detail: fmt.Sprintf(format, args...)})
}

func (rep *report) unknown(code alarm.Code, subject string) {
	rep.found = append(rep.found, finding{code: code, subject: subject, unknown: true})
}

// check looks at one thing, again and again.
type check struct {
	name              string
	interval, timeout time.Duration
	look              func(context.Context) report
	hung              func() report // what to say when a look has not ended in time; nil: nothing
	end               func()        // after the last look, unless that still runs; nil: nothing

	since atomic.Int64 // when the look that is under way began, ns since 1970 by the wall; 0 when none is
}

// run looks until ctx ends. A look that does not come back is not joined by a second one. It says whether the last look
// has ended.
func (c *check) run(ctx context.Context, out chan<- report) (ended bool) {
	tick := time.NewTicker(c.interval)
	defer tick.Stop()
	for ctx.Err() == nil {
		if !c.once(ctx, out) {
			return false
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	return true
}

// once has one look, and says whether it has ended.
func (c *check) once(ctx context.Context, out chan<- report) bool {
	bounded, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	done := make(chan report, 1)
	c.since.Store(time.Now().UnixNano())
	go func() { done <- c.look(bounded) }()
	defer c.since.Store(0)
	// Half of the timeout more, for a look that notices its end and says what it found.
	late := time.NewTimer(c.timeout + c.timeout/2)
	defer late.Stop()
	for {
		select {
		case rep := <-done:
			send(ctx, out, rep)
			return true
		case <-late.C:
			if c.hung != nil {
				send(ctx, out, c.hung())
			}
		case <-ctx.Done():
			select {
			case <-done:
				return true
			case <-time.After(endTimeout):
				return false
			}
		}
	}
}

func send(ctx context.Context, out chan<- report, rep report) {
	select {
	case out <- rep:
	case <-ctx.Done():
	}
}

// late is how long the look that is under way has taken.
func (c *check) late() time.Duration {
	if since := c.since.Load(); since != 0 {
		return time.Since(time.Unix(0, since))
	}
	return 0
}

// pulse is a counter that somebody who lives moves.
type pulse struct {
	value uint64
	moved time.Time // by our clock
}

// still is how long it has stood at this value.
func (p *pulse) still(value uint64, now time.Time) time.Duration {
	if value != p.value || p.moved.IsZero() {
		p.value, p.moved = value, now
	}
	return now.Sub(p.moved)
}
