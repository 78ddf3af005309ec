package webhook

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"fcredirect/mgmt/alarm"
	"fcredirect/mgmt/event"
)

// HookState is how a hook fares.
type HookState struct {
	State     string       `json:"state" enum:"disabled,idle,ok,failing,no_secret" doc:"idle: nothing was sent yet. failing: the last attempt was not taken. no_secret: it came from a backup and wants a new one."`
	Waiting   int          `json:"waiting" doc:"events that wait to be sent"`
	Delivered uint64       `json:"delivered" doc:"events that were taken"`
	GivenUp   uint64       `json:"given_up" doc:"events that were not sent: too old, or too many waited"`
	Failures  int          `json:"failures" doc:"attempts in a row that failed"`
	Last      *HookAttempt `json:"last_attempt,omitempty"`
	Taken     string       `json:"last_taken,omitempty" doc:"when one was taken last"`
	Next      string       `json:"next_attempt,omitempty"`
}

// waiting is an event that a hook is to get.
type waiting struct {
	event event.Event
	since time.Time
}

// receiver is a hook with its queue. Its worker is one goroutine.
type receiver struct {
	name string
	s    *Service
	wake chan struct{} // there is something, or the hook was changed

	mu      sync.Mutex
	hook    Hook
	secret  string
	version uint64
	client  *http.Client
	queue   []waiting
	taken   uint64 // number of the last event that was offered to it
	kept    kept
	failed  int // attempts in a row
	last    *HookAttempt
	next    time.Time
	gaveUp  time.Time          // when that was told last
	stop    context.CancelFunc // of the worker; nil: none runs
}

// kept is what outlives a restart.
type kept struct {
	Done      uint64    `json:"done"` // events up to this one are settled
	Delivered uint64    `json:"delivered"`
	GivenUp   uint64    `json:"given_up"`
	Missed    uint64    `json:"missed"` // given up since the last one that was taken
	Taken     time.Time `json:"taken,omitzero"`
}

// offer takes an event in the order of the log. It never waits: without room the oldest is given up.
func (r *receiver) offer(e *event.Event, f *facts) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Number <= r.taken {
		return
	}
	r.taken = e.Number
	if !r.hook.Enabled || !r.hook.Filter.wants(f) {
		return
	}
	if len(r.queue) >= MaxQueued {
		r.giveUp(1) // the first is perhaps being sent; pop notices
	}
	r.queue = append(r.queue, waiting{*e, time.Now()})
	r.poke()
}

func (r *receiver) poke() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// giveUp drops the first n. mu is held.
func (r *receiver) giveUp(n int) {
	first := r.queue[0].event.Number
	r.queue = append([]waiting(nil), r.queue[n:]...)
	r.kept.GivenUp += uint64(n)
	r.kept.Missed += uint64(n)
	if now := time.Now(); now.Sub(r.gaveUp) >= tellEvery {
		r.gaveUp = now
		r.s.tell(event.WebhookGaveUp, event.Fields{"webhook": r.name, "event": first, "waiting": len(r.queue)})
	}
}

// done is the number up to which all is settled. mu is held.
func (r *receiver) done() uint64 {
	if len(r.queue) > 0 {
		return r.queue[0].event.Number - 1
	}
	return r.taken
}

// work sends what waits until ctx ends.
func (r *receiver) work(ctx context.Context) {
	defer r.s.workers.Done()
	for {
		pause := r.once(ctx)
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		case <-r.wake: // an event that comes while another one waits to be tried again does not hasten it: see due
		}
		timer.Stop()
	}
}

// once makes the attempt that is due, and says how long there is nothing to do.
func (r *receiver) once(ctx context.Context) time.Duration {
	r.mu.Lock()
	now, old := time.Now(), 0
	for old < len(r.queue) && now.Sub(r.queue[old].since) >= r.s.o.GiveUp {
		old++
	}
	if old > 0 {
		r.giveUp(old)
	}
	if len(r.queue) == 0 {
		r.mu.Unlock()
		return time.Hour
	}
	if wait := min(r.next.Sub(now), r.queue[0].since.Add(r.s.o.GiveUp).Sub(now)); wait > 0 {
		r.mu.Unlock()
		return wait
	}
	e := r.queue[0].event
	m := r.s.message(&e)
	m.Missed = r.kept.Missed
	client, url, secret := r.client, r.hook.URL, r.secret
	r.mu.Unlock()
	a := post(ctx, client, url, secret, r.s.agent, m)
	if ctx.Err() != nil {
		return 0 // broken off: nobody knows
	}
	r.note(&a, e.Number, m.Missed)
	return 0
}

// note enters what came of an attempt to send an event.
func (r *receiver) note(a *HookAttempt, number, missed uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = a
	if !a.Taken() {
		r.failed++
		r.next = time.Now().Add(max(r.s.pause(r.failed), a.later))
		if r.failed == failing {
			r.s.tell(event.WebhookFailing, event.Fields{"webhook": r.name, "error": a.Error, "status": a.Status, "waiting": len(r.queue)})
		}
		if r.failed >= failing {
			r.s.o.Alarms.Set(alarm.WebhookFailing, r.subject(), fmt.Sprintf("%s; %d events wait", a.Error, len(r.queue)))
		}
		return
	}
	if r.failed >= failing {
		r.s.tell(event.WebhookRecovered, event.Fields{"webhook": r.name, "waiting": len(r.queue)})
	}
	r.s.o.Alarms.Unset(alarm.WebhookFailing, r.subject())
	r.failed, r.next = 0, time.Time{}
	r.kept.Delivered++
	r.kept.Missed -= missed
	r.kept.Taken = a.At
	if len(r.queue) > 0 && r.queue[0].event.Number == number { // else it was given up meanwhile, for want of room
		r.queue = r.queue[1:]
	}
}

func (r *receiver) subject() string { return "webhook/" + r.name }

// pause is how long to wait after so many failures in a row.
func (s *Service) pause(failures int) time.Duration {
	d := s.o.LastPause
	if failures < 30 {
		d = min(s.o.FirstPause<<(failures-1), d)
	}
	return time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
}

// state is how it fares.
func (r *receiver) state() HookState {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := HookState{State: "idle", Waiting: len(r.queue), Delivered: r.kept.Delivered, GivenUp: r.kept.GivenUp, Failures: r.failed, Last: r.last, Taken: stamp(r.kept.Taken)}
	switch {
	case !r.hook.Enabled:
		s.State = "disabled"
	case r.secret == "":
		s.State = "no_secret"
	case r.failed > 0:
		s.State, s.Next = "failing", stamp(r.next)
	case !r.kept.Taken.IsZero():
		s.State = "ok"
	}
	return s
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
