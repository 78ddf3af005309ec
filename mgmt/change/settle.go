package change

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"fcredirect/dataplane/command"
	"fcredirect/mgmt/change/draft"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/settings"
)

// What is kept is brought after the data plane in three steps:
//
//  1. application  a revision on its way: does it wait, was it confirmed, taken back, or never taken?
//  2. window       a revision waits that nobody here knows of
//  3. running      something else decides than was known: a former revision, or a document never seen here
//
// Each is one write to the disk. A crash between two of them leaves the rest to the next call, here or after a restart.

// dataplane is who made a revision that was found at the data plane.
const dataplane = "the data plane"

// Settle looks at the data plane, and brings what is kept after it if there is a difference.
func (s *Service) Settle(ctx context.Context) error {
	st, err := s.look()
	if err != nil {
		return err
	}
	h := s.peek()
	if settled(&h, &st) && !s.stale() {
		return nil
	}
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.give()
	_, err = s.ready(ctx)
	return err
}

// settled says that there is nothing to do.
func settled(h *head, st *command.Status) bool {
	if a := h.Apply; a != nil {
		return a.Phase == Window && a.runsIn(st) && st.Pending()
	}
	return !st.Pending() && runs(st, h.Running.Document) && (h.Drift == nil) == (h.Running.Document == h.Confirmed.Document)
}

// look asks the data plane for its status and remembers it.
func (s *Service) look() (command.Status, error) {
	st, err := s.o.Plane.Status()
	s.mu.Lock()
	defer s.mu.Unlock()
	differs := (err == nil) != (s.statusErr == nil) || err == nil && st.Generation != s.status.Generation
	if s.statusErr = err; err == nil {
		s.status = st
	}
	if differs {
		s.publish()
	}
	return st, err
}

// touch notes since when an application is under way without a word of it.
func (s *Service) touch(applying bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !applying:
		s.applying = time.Time{}
	case s.applying.IsZero():
		s.applying = s.o.Now()
	}
}

// settle is for who has the turn. who asked for what may have happened, empty if nobody did.
func (s *Service) settle(ctx context.Context, st command.Status, who string) error {
	s.mu.Lock()
	s.status, s.statusErr = st, nil
	s.mu.Unlock()
	if err := s.settleApplication(ctx, &st, who); err != nil {
		return err
	}
	h := s.peek()
	if h.Apply != nil || settled(&h, &st) {
		return nil
	}
	if st.Pending() {
		return s.settleWindow(ctx, &h, &st)
	}
	return s.settleRunning(ctx, &h, &st)
}

func (s *Service) settleApplication(ctx context.Context, st *command.Status, who string) error {
	h := s.peek()
	a := h.Apply
	switch {
	case a == nil:
		return nil
	case a.runsIn(st) && st.Pending():
		if a.Phase == Window {
			return nil
		}
		return s.opened(ctx, a, st)
	case a.runsIn(st):
		if a.Window == 0 {
			who = a.By
		}
		return s.finish(ctx, a, "confirmed", who, "")
	case st.Last.Revision == a.Theirs && st.Last.What != "":
		if st.Last.What == "expired" {
			who = dataplane
		}
		return s.finish(ctx, a, st.Last.What, who, "")
	case a.Phase == Window:
		return s.finish(ctx, a, "reverted", dataplane, "the data plane restarted within the window, or was given another policy")
	}
	s.touch(true)
	s.mu.Lock()
	waited := s.o.Now().Sub(s.applying)
	s.mu.Unlock()
	if waited < installGrace {
		return nil
	}
	return s.finish(ctx, a, "failed", "", "the data plane did not take it")
}

// opened notes that a revision decides and waits.
func (s *Service) opened(ctx context.Context, a *application, st *command.Status) error {
	next := *a
	next.Phase = Window
	d, err := s.document(a.Document)
	if err != nil {
		return err
	}
	err = s.commit(ctx, true, func(tx *settings.Tx, h *head) error {
		h.Apply, h.Running = &next, a.Ref
		amend(tx, a.Revision, func(r *Revision) { r.Outcome = string(Window) })
		return nil
	})
	if err != nil {
		return err
	}
	s.decides(d, false)
	s.tell(ctx, event.ChangeApplied, event.Fields{
		"revision": a.Revision, "by": a.By, "document": a.Document, "policy": st.Hash, "window_s": int(a.Window.Seconds()),
	})
	return nil
}

// decides takes up the document that decides now.
func (s *Service) decides(d *draft.Draft, blind bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d != s.active && s.compiled.named(s.head.Running.Document) != d {
		s.foreign = foreign(d, s.head.Running.Document)
	} else if d != s.active {
		s.foreign = ""
	}
	s.active, s.blind, s.applying, s.dirty = d, blind, time.Time{}, true
	s.publish()
}

var outcomeEvents = map[string]event.Type{
	"confirmed": event.ChangeConfirmed, "reverted": event.ChangeReverted, "expired": event.ChangeExpired, "failed": event.ChangeFailed,
}

// finish writes down what came of an application. When it was confirmed, nothing is pending any more, and nobody edits;
// else what was pending is as before, and so is the lock.
func (s *Service) finish(ctx context.Context, a *application, what, who, why string) error {
	now := s.o.Now().UTC()
	var d *draft.Draft
	if what == "confirmed" {
		var err error
		if d, err = s.document(a.Document); err != nil {
			return err
		}
	}
	drifted := false
	err := s.commit(ctx, true, func(tx *settings.Tx, h *head) error {
		h.Apply = nil
		h.Last = &RevisionOutcome{Revision: a.Revision, What: what, By: who, At: now, Why: why}
		if what == "confirmed" {
			drifted = h.Drift != nil
			h.Running, h.Confirmed, h.Drift = a.Ref, a.Ref, nil
			if a.Pending {
				forget(tx, h)
			}
		}
		amend(tx, a.Revision, func(r *Revision) { r.Outcome, r.Settled, r.Settler, r.Why = what, now, who, why })
		return nil
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	if s.head.Pending == nil {
		s.pending = nil
	}
	if d == nil {
		d = s.active
	}
	blind := s.blind && what != "confirmed"
	s.mu.Unlock()
	s.decides(d, blind)
	s.tell(ctx, outcomeEvents[what], event.Fields{"revision": a.Revision, "by": who, "document": a.Document, "why": why})
	if drifted {
		h := s.peek()
		s.tellDriftOver(ctx, &h, who)
	}
	return nil
}

// settleWindow takes up a revision that somebody else installed and that waits.
func (s *Service) settleWindow(ctx context.Context, h *head, st *command.Status) error {
	f, err := s.find(h, st)
	if err != nil {
		return err
	}
	a := &application{Ref: f.Ref, Phase: Applying, By: f.By, Window: st.Window, At: s.o.Now().UTC(), Theirs: st.Revision}
	s.mu.Lock()
	a.Pending = s.pending != nil && hashOf(s.pending.YAML()) == f.Document
	s.mu.Unlock()
	err = s.commit(ctx, true, func(tx *settings.Tx, h *head) error {
		h.Next, h.Apply = max(h.Next, f.Revision+1), a
		f.put(tx, s.o.Now().UTC(), h.Running.Revision, string(Window))
		return nil
	})
	if err != nil {
		return err
	}
	return s.opened(ctx, a, st)
}

// settleRunning takes up what decides now.
func (s *Service) settleRunning(ctx context.Context, h *head, st *command.Status) error {
	f, err := s.find(h, st)
	if err != nil {
		return err
	}
	d, blind := &draft.Draft{}, f.Document == ""
	if !blind {
		if d, err = draft.Parse("revision", f.text); err != nil {
			return err
		}
	}
	// While nothing was ever confirmed here, there is nothing that should run instead.
	first := h.Confirmed == Ref{Document: emptyDocument}
	drifts := f.Document != h.Confirmed.Document && !first
	now := s.o.Now().UTC()
	err = s.commit(ctx, true, func(tx *settings.Tx, h *head) error {
		h.Running, h.Drift, h.Next = f.Ref, nil, max(h.Next, f.Revision+1)
		if first {
			h.Confirmed = f.Ref
		}
		if drifts {
			h.Drift = &Drift{Expected: h.Confirmed, Running: f.Ref, Since: now}
		}
		f.put(tx, now, h.Confirmed.Revision, "adopted")
		return nil
	})
	if err != nil {
		return err
	}
	s.decides(d, blind)
	if !f.known && f.Revision > 0 {
		s.tell(ctx, event.ChangeAdopted, event.Fields{"revision": f.Revision, "document": f.Document, "policy": st.Hash})
	}
	switch {
	case drifts:
		s.o.Log.Warn("change: the data plane decides by something else than what was confirmed", "running", f.Revision, "confirmed", h.Confirmed.Revision)
		s.tell(ctx, event.ChangeDrift, event.Fields{"revision": f.Revision, "expected": h.Confirmed.Revision, "document": f.Document})
	case h.Drift != nil:
		s.tellDriftOver(ctx, h, dataplane)
	}
	return nil
}

func (s *Service) tellDriftOver(ctx context.Context, h *head, who string) {
	s.tell(ctx, event.ChangeDriftOver, event.Fields{"revision": s.peek().Confirmed.Revision, "by": who})
}

// found is a document that the data plane runs.
type found struct {
	Ref
	By    string
	known bool // it has a revision here
	text  []byte
}

// find tells which revision the data plane runs: what should run, or the newest one with this document, or a new one.
func (s *Service) find(h *head, st *command.Status) (f found, err error) {
	document := documentOf(st)
	f = found{By: dataplane, Ref: Ref{Document: document}}
	if document == h.Confirmed.Document {
		f.Ref, f.known = h.Confirmed, true
	} else {
		for _, r := range slices.Backward(s.revisions()) {
			if document != "" && r.Document == document {
				f.Ref, f.By, f.known = r.Ref, r.By, true
				break
			}
		}
	}
	if !f.known && document != emptyDocument {
		f.Revision = max(h.Next, st.Revision)
	}
	if document == "" {
		return f, nil
	}
	if f.text, err = s.text(document); err == nil {
		return f, nil
	}
	if f.text, err = s.o.Plane.Text(st.Document); err != nil {
		return f, err
	}
	if hashOf(f.text) != document {
		return f, errors.New("change: the data plane's document is not the one that it names")
	}
	return f, nil
}

// put keeps a document that was found, and its revision if it is new.
func (f *found) put(tx *settings.Tx, now time.Time, base uint64, outcome string) {
	if f.Document != "" && f.Document != emptyDocument {
		if _, ok := tx.Get(kindDocument, f.Document); !ok {
			tx.Put(kindDocument, f.Document, string(f.text))
		}
	}
	if !f.known && f.Revision > 0 {
		putRevision(tx, &Revision{Ref: f.Ref, Base: base, By: dataplane, Applied: now, Outcome: outcome, Why: "it was found at the data plane"})
	}
}

func putRevision(tx *settings.Tx, r *Revision) { tx.Put(kindChange, revisionKey(r.Revision), r.kept()) }

// amend changes a revision's entry, which the database then has to get again.
func amend(tx *settings.Tx, revision uint64, change func(*Revision)) {
	rec, ok := tx.Get(kindChange, revisionKey(revision))
	if !ok {
		return
	}
	r, err := decodeRevision(rec.Body)
	if err != nil {
		return
	}
	change(&r)
	r.Archived = false
	putRevision(tx, &r)
}

// revisions are those that can be listed without a database, the oldest first.
func (s *Service) revisions() []Revision { return revisionsOf(s.o.Settings.List(kindChange)) }

func number(n uint64) string { return strconv.FormatUint(n, 10) }
