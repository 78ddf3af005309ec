package change

import (
	"context"
	"time"

	"fcredirect/dataplane/command"
	"fcredirect/mgmt/change/draft"
	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/settings"
)

// Order is what somebody asks for with an application.
type Order struct {
	By           string
	Window       time.Duration // 0: it is confirmed at once
	Note, Ticket string
	Dry          bool // check everything, and change nothing
}

// Applied is what came of it.
type Applied struct {
	Revision    uint64    `json:"revision"`
	Document    string    `json:"document" doc:"SHA-256 of its text."`
	Policy      string    `json:"policy" doc:"The id of the compiled policy."`
	Generation  uint32    `json:"generation"`
	Deadline    time.Time `json:"deadline,omitzero" doc:"Until then it must be confirmed. Absent: it is."`
	SecondsLeft float64   `json:"seconds_left,omitempty"`
	Warnings    int       `json:"warnings"`
}

// Apply makes the pending configuration decide. When it returns, every lcore uses it; unless it is confirmed within the
// window the data plane takes it back by itself.
func (s *Service) Apply(ctx context.Context, o Order) (Applied, error) {
	if err := checkWindow(o.Window); err != nil {
		return Applied{}, err
	}
	if err := s.take(ctx); err != nil {
		return Applied{}, err
	}
	defer s.give()
	st, err := s.ready(ctx)
	if err != nil {
		return Applied{}, err
	}
	h := s.peek()
	switch err := mayEdit(&h, o.By); {
	case err != nil:
		return Applied{}, err
	case h.Pending == nil:
		return Applied{}, problem.New(problem.NothingPending, "")
	case h.Pending.Base.Document != h.Running.Document:
		return Applied{}, problem.New(problem.Conflict, "Something else decides than when the edits were begun: rebase, and look at the difference again.")
	}
	s.mu.Lock()
	next, active, blind, lost := s.pending, s.active, s.blind, s.lost()
	s.mu.Unlock()
	if lost != nil {
		return Applied{}, lost
	}
	if c := s.compile(next); !blind && (c.hash == h.Running.Document || s.same(active, &h, c)) {
		return Applied{}, problem.New(problem.NothingPending, "The pending configuration is the same as the active one.")
	}
	return s.install(ctx, &h, st, o, next, true)
}

// Reapply makes what was confirmed decide again where the data plane came back with something else.
func (s *Service) Reapply(ctx context.Context, o Order) (Applied, error) {
	if err := checkWindow(o.Window); err != nil {
		return Applied{}, err
	}
	if err := s.take(ctx); err != nil {
		return Applied{}, err
	}
	defer s.give()
	st, err := s.ready(ctx)
	if err != nil {
		return Applied{}, err
	}
	h := s.peek()
	switch {
	case h.Apply != nil:
		return Applied{}, mayEdit(&h, o.By)
	case h.Drift == nil:
		return Applied{}, problem.New(problem.Conflict, "The data plane decides by what was confirmed.")
	}
	d, err := s.document(h.Confirmed.Document)
	if err != nil {
		return Applied{}, err
	}
	return s.install(ctx, &h, st, o, d, false)
}

// same says whether the active configuration is what was compiled. What was found at the data plane has its own text.
func (s *Service) same(active *draft.Draft, h *head, c *compiled) bool {
	s.mu.Lock()
	known := s.foreign == h.Running.Document
	s.mu.Unlock()
	return known && hashOf(active.YAML()) == c.hash
}

func checkWindow(w time.Duration) error {
	if w != 0 && (w < MinWindow || w > MaxWindow) {
		return problem.New(problem.Invalid, "").At("body/window_s", "must be %g to %g seconds", MinWindow.Seconds(), MaxWindow.Seconds())
	}
	return nil
}

// ready asks the data plane where it stands, and brings what is kept after it.
func (s *Service) ready(ctx context.Context) (command.Status, error) {
	st, err := s.look()
	if err != nil {
		return st, unavailable(err)
	}
	return st, s.settle(ctx, st, "")
}

func unavailable(err error) error {
	if problem.Is(err, problem.DataplaneUnavailable) {
		return err
	}
	return problem.Wrap(problem.DataplaneUnavailable, err, "")
}

// install writes down what is going to be done, has it done, and writes down what came of it.
func (s *Service) install(ctx context.Context, h *head, st command.Status, o Order, d *draft.Draft, fromPending bool) (Applied, error) {
	c := s.compile(d)
	if err := c.problem(); err != nil {
		return Applied{}, err
	}
	a := &application{
		// Not the number of the last one that the data plane took back either: what came of that would be taken for this one's.
		Ref:   Ref{Revision: max(h.Next, st.Revision+1, st.Confirmed+1, st.Last.Revision+1), Document: c.hash},
		Phase: Applying, By: o.By, Window: o.Window, At: s.o.Now().UTC(), Pending: fromPending,
	}
	a.Theirs = a.Revision
	if o.Dry {
		return Applied{Revision: a.Revision, Document: c.hash, Policy: c.snapshot.ID(), Generation: st.Generation, Warnings: len(c.warnings)}, nil
	}
	err := s.commit(ctx, false, func(tx *settings.Tx, h *head) error {
		h.Next, h.Apply = a.Revision+1, a
		tx.Put(kindDocument, c.hash, string(c.text))
		putRevision(tx, &Revision{
			Ref: a.Ref, Base: h.Running.Revision, By: o.By, Note: o.Note, Ticket: o.Ticket, Applied: a.At, WindowS: o.Window.Seconds(), Outcome: string(Applying),
		})
		return nil
	})
	if err != nil {
		return Applied{}, err
	}
	s.touch(true)
	s.changed()
	// Whoever asked may go away; what was begun is done to its end.
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), installTimeout)
	defer cancel()
	st, err = s.o.Plane.Install(bounded, command.Install{Revision: a.Revision, Document: c.text, Window: o.Window})
	if err != nil {
		if p := refusal(err); p != nil {
			s.finish(bounded, a, "failed", "", p.Detail)
			return Applied{}, p
		}
		if st, err = s.look(); err != nil || !a.runsIn(&st) {
			return Applied{}, problem.Wrap(problem.Timeout, err, "The data plane has not said whether it took revision %d: look at the state.", a.Revision)
		}
	}
	if err := s.settle(bounded, st, o.By); err != nil {
		s.o.Log.Warn("change: applied, and not written down yet", "revision", a.Revision, "error", err)
	}
	out := Applied{Revision: a.Revision, Document: c.hash, Policy: st.Hash, Generation: st.Generation, Warnings: len(c.warnings)}
	if st.Pending() {
		out.Deadline, out.SecondsLeft = st.Deadline.UTC(), s.o.until(st.Deadline).Seconds()
	}
	return out, nil
}

// runsIn says whether a data plane decides by this application.
func (a *application) runsIn(st *command.Status) bool {
	return st.Revision == a.Theirs && runs(st, a.Document)
}

// Confirm keeps the revision that waits; 0 is whichever does. It needs no database.
func (s *Service) Confirm(ctx context.Context, who string, revision uint64) error {
	return s.decide(ctx, who, revision, "confirmed", s.o.Plane.Confirm)
}

// Revert takes the revision that waits back; 0 is whichever does. What was pending is still there. It needs no database.
func (s *Service) Revert(ctx context.Context, who string, revision uint64) error {
	return s.decide(ctx, who, revision, "reverted", s.o.Plane.Revert)
}

func (s *Service) decide(ctx context.Context, who string, revision uint64, want string, ask func(context.Context, uint64) (command.Status, error)) error {
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.give()
	if _, err := s.ready(ctx); err != nil {
		return err
	}
	h := s.peek()
	a := h.Apply
	if err := h.allows(StepConfirm, who, revision); err != nil {
		if last := h.Last; last != nil && last.Revision == revision && last.What == want {
			return nil // once more is the same as once
		}
		return err
	}
	st, err := ask(ctx, a.Theirs)
	if err != nil {
		asked := err
		if st, err = s.look(); err != nil {
			return unavailable(err)
		}
		if a.runsIn(&st) && st.Pending() { // nothing came of it
			if p := refusal(asked); p != nil {
				return p
			}
			return problem.Wrap(problem.Timeout, asked, "The data plane has not answered: look at the state.")
		}
	}
	if err := s.settle(context.WithoutCancel(ctx), st, who); err != nil {
		// It is done. Run writes it down when the disk lets it.
		s.o.Log.Warn("change: "+want+", and not written down yet", "revision", a.Revision, "error", err)
		return nil
	}
	if h := s.peek(); h.Last == nil || h.Last.Revision != a.Revision || h.Last.What != want {
		return problem.New(problem.NothingToConfirm, "%s", lastSentence(&h))
	}
	return nil
}

func lastSentence(h *head) string {
	if h.Last == nil {
		return ""
	}
	return "Revision " + number(h.Last.Revision) + " is " + h.Last.What + " since " + h.Last.At.Format(time.RFC3339) + "."
}

// Accept makes what the data plane decides by, and what nobody confirmed here, the confirmed configuration.
func (s *Service) Accept(ctx context.Context, who string) error {
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.give()
	if _, err := s.ready(ctx); err != nil {
		return err
	}
	h := s.peek()
	if err := h.allows(StepAccept, who, 0); err != nil {
		return err
	}
	err := s.commit(ctx, true, func(_ *settings.Tx, h *head) error {
		h.Confirmed, h.Drift = h.Running, nil
		return nil
	})
	if err != nil {
		return err
	}
	s.changed()
	s.tellDriftOver(ctx, &h, who)
	return nil
}
