package change

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"time"

	"fcredirect/dataplane/command"
)

// State is where the change of configuration stands, for pages and streams.
type State struct {
	Phase     Phase            `json:"phase" enum:"idle,applying,window"`
	Active    ActiveRevision   `json:"active" doc:"What the data plane decides by."`
	Confirmed Ref              `json:"confirmed" doc:"What it comes back to."`
	Window    *WindowState     `json:"window,omitempty" doc:"The revision that waits to be confirmed."`
	Pending   *PendingState    `json:"pending,omitempty" doc:"What was edited and not applied. Absent: nothing."`
	Lock      *Lock            `json:"lock,omitempty" doc:"Who edits. Absent: nobody."`
	Last      *RevisionOutcome `json:"last,omitempty" doc:"What came of the last revision."`
	Drift     *Drift           `json:"drift,omitempty" doc:"The data plane decides by something else than what was confirmed."`
	Dataplane bool             `json:"dataplane" doc:"The data plane answers; else active is what was known last."`
}

// ActiveRevision is what decides.
type ActiveRevision struct {
	Ref
	Generation uint32    `json:"generation"`
	Policy     string    `json:"policy,omitempty" doc:"The id of the compiled policy."`
	Since      time.Time `json:"since,omitzero"`
}

// WindowState is the countdown.
type WindowState struct {
	Revision    uint64    `json:"revision"`
	By          string    `json:"by"`
	Deadline    time.Time `json:"deadline" doc:"By this machine's clock. Whoever counts down uses seconds_left."`
	SecondsLeft float64   `json:"seconds_left" doc:"By the data plane's clock, which nobody sets."`
	WindowS     float64   `json:"window_s"`
}

// PendingState is what was edited.
type PendingState struct {
	Base     Ref       `json:"base" doc:"The revision that the edits began with."`
	Outdated bool      `json:"outdated" doc:"Something else decides by now: rebase before you apply."`
	Edits    int       `json:"edits"`
	By       string    `json:"by" doc:"Who began."`
	Since    time.Time `json:"since"`
	Changed  time.Time `json:"changed"`
}

// countSlack is by how much a countdown may be off before that is news: the deadline is read off two clocks, and the one on
// the wall may be set.
const countSlack = 500 * time.Millisecond

// Unmoved says whether now is the state before after a time in which nothing happened but that a window has less of it left.
func Unmoved(before, now *State, passed time.Duration) bool {
	a, b := *before, *now
	if a.Window != nil && b.Window != nil {
		due := max(0, a.Window.SecondsLeft-passed.Seconds())
		if math.Abs(due-b.Window.SecondsLeft) > countSlack.Seconds() || a.Window.Deadline.Sub(b.Window.Deadline).Abs() > countSlack {
			return false
		}
		w := *b.Window
		w.SecondsLeft, w.Deadline = a.Window.SecondsLeft, a.Window.Deadline
		b.Window = &w
	}
	one, err := json.Marshal(a)
	two, err2 := json.Marshal(b)
	return err == nil && err2 == nil && bytes.Equal(one, two)
}

// State is the state of now.
func (s *Service) State() State {
	st, err := s.o.Plane.Status()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		st = s.status
	}
	return s.state(&st, err == nil)
}

// state is for who holds mu.
func (s *Service) state(st *command.Status, answers bool) State {
	h := &s.head
	out := State{
		Phase: Idle, Active: ActiveRevision{Ref: h.Running, Generation: st.Generation, Policy: st.Hash, Since: st.Since}, Confirmed: h.Confirmed,
		Lock: h.Lock, Last: h.Last, Drift: h.Drift, Dataplane: answers,
	}
	if a := h.Apply; a != nil {
		out.Phase = a.Phase
		if a.Phase == Window && st.Revision == a.Revision && st.Pending() {
			out.Window = &WindowState{
				Revision: a.Revision, By: a.By, Deadline: st.Deadline.UTC(), SecondsLeft: max(0, s.o.until(st.Deadline).Seconds()), WindowS: a.Window.Seconds(),
			}
		}
	}
	if p := h.Pending; p != nil {
		out.Pending = &PendingState{
			Base: p.Base, Outdated: h.Apply == nil && p.Base.Document != h.Running.Document, Edits: p.Edits, By: p.By, Since: p.Since, Changed: p.Changed,
		}
	}
	return out
}

// Watch tells of each change of the state until ctx ends, beginning with the one of now. Who is slow misses states in
// between, never the last one.
func (s *Service) Watch(ctx context.Context) <-chan State {
	c := make(chan State, 1)
	st, err := s.o.Plane.Status()
	s.mu.Lock()
	if err != nil {
		st = s.status
	}
	c <- s.state(&st, err == nil)
	s.watchers[c] = true
	s.mu.Unlock()
	context.AfterFunc(ctx, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.watchers, c)
		close(c)
	})
	return c
}

// publish tells those who watch. It is for who holds mu.
func (s *Service) publish() {
	if len(s.watchers) == 0 {
		return
	}
	now := s.state(&s.status, s.statusErr == nil)
	for c := range s.watchers {
		select {
		case <-c: // it was not taken yet, and is old now
		default:
		}
		c <- now
	}
}
