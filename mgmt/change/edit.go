package change

import (
	"cmp"
	"context"
	"time"

	"fcredirect/dataplane/policy"
	"fcredirect/mgmt/change/draft"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/settings"
)

// Which names a configuration.
type Which string

// The configurations.
const (
	ActiveOne  Which = "active"  // what the data plane decides by
	PendingOne Which = "pending" // what was edited; the active one if nothing was
)

// Draft is a configuration as it is now.
func (s *Service) Draft(which Which) *draft.Draft {
	s.mu.Lock()
	defer s.mu.Unlock()
	if which != ActiveOne && s.pending != nil {
		return s.pending
	}
	return s.active
}

// Edit makes one edit of the pending configuration, which begins with the first one. check, if there is one, sees what
// the edit is made on, and its error ends it. With dry everything is checked and nothing is changed. The draft that comes
// back is what is pending then, or would be.
func (s *Service) Edit(ctx context.Context, who string, e draft.Edit, dry bool, check func(*draft.Draft) error) (*draft.Draft, error) {
	if err := s.take(ctx); err != nil {
		return nil, err
	}
	defer s.give()
	return s.edit(ctx, who, e, dry, check)
}

func (s *Service) edit(ctx context.Context, who string, e draft.Edit, dry bool, check func(*draft.Draft) error) (*draft.Draft, error) {
	s.mu.Lock()
	h, on, blind, lost := s.head, s.pending, s.blind && s.pending == nil, s.lost()
	if on == nil {
		on = s.active
	}
	s.mu.Unlock()
	if err := cmp.Or(mayEdit(&h, who), s.lockedElsewhere(&h, who)); err != nil {
		return nil, err
	}
	if lost != nil {
		return nil, lost
	}
	if check != nil {
		if err := check(on); err != nil {
			return nil, err
		}
	}
	if blind {
		return nil, problem.New(problem.Conflict, "The text of what the data plane decides by is not known: put a whole document, or restore a revision.")
	}
	next, err := on.Apply(&e)
	if err != nil || next == on || dry {
		return next, err
	}
	e.By, e.At = who, s.o.Now().UTC()
	var text []byte
	if h.Pending != nil && h.Edit-h.Pending.First+1 >= uint64(s.edits) {
		text = next.YAML()
	}
	err = s.commit(ctx, false, func(tx *settings.Tx, h *head) error {
		s.begin(h, who)
		h.Edit++
		h.Pending.Edits++
		h.Pending.Changed = e.At
		if text == nil {
			tx.Put(kindEdit, editName(h.Edit), e)
			return nil
		}
		return snapshot(tx, h, text)
	})
	if err != nil {
		return nil, err
	}
	s.edited(ctx, who, h.Lock, next)
	return next, nil
}

// lost says that something is pending and cannot be read. It is for who holds mu.
func (s *Service) lost() error {
	if s.head.Pending == nil || s.pending != nil {
		return nil
	}
	return problem.New(problem.Conflict, "What is pending cannot be read any more: discard it, or put a whole document in its place.")
}

// snapshot puts the text of the whole pending document in place of its edits.
func snapshot(tx *settings.Tx, h *head, text []byte) error {
	if len(text) > MaxDocument {
		return problem.New(problem.LimitReached, "The document would have %d bytes, the limit is %d.", len(text), MaxDocument)
	}
	h.Pending.Snapshot, h.Pending.First = hashOf(text), h.Edit+1
	tx.Put(kindDocument, h.Pending.Snapshot, string(text))
	for _, r := range tx.List(kindEdit) {
		tx.Delete(kindEdit, r.Name)
	}
	return nil
}

// begin gives who edits the lock, and the pending configuration its base.
func (s *Service) begin(h *head, who string) {
	now := s.o.Now().UTC()
	if h.Lock == nil {
		h.Lock = &Lock{Owner: who, Since: now}
	}
	if h.Pending == nil {
		h.Pending = &pending{Base: h.Running, First: h.Edit + 1, By: who, Since: now, Changed: now}
		return
	}
	p := *h.Pending // what memory has is not changed before the disk is
	h.Pending = &p
}

// edited takes up what is pending now.
func (s *Service) edited(ctx context.Context, who string, before *Lock, next *draft.Draft) {
	s.mu.Lock()
	s.pending = next
	s.publish()
	s.mu.Unlock()
	if before == nil {
		s.tell(ctx, event.ChangeLocked, event.Fields{"by": who})
	}
}

// mayEdit says why somebody may not edit now.
func mayEdit(h *head, who string) error {
	if h.Apply != nil {
		return problem.New(problem.ConfirmWindowOpen, "Revision %d is being applied or waits to be confirmed.", h.Apply.Revision)
	}
	return lockedTo(h, who)
}

// lockedElsewhere says that somebody else edits on another node. Who has the lock here keeps it.
func (s *Service) lockedElsewhere(h *head, who string) error {
	if h.Lock != nil || s.o.Elsewhere == nil {
		return nil
	}
	if owner, node, since := s.o.Elsewhere(); owner != "" && owner != who {
		return problem.New(problem.Locked, "%s edits on node %s since %s.", owner, node, since.UTC().Format(time.RFC3339))
	}
	return nil
}

func lockedTo(h *head, who string) error {
	if h.Lock != nil && h.Lock.Owner != who {
		return problem.New(problem.Locked, "%s edits since %s.", h.Lock.Owner, h.Lock.Since.Format(time.RFC3339))
	}
	return nil
}

// Put replaces the whole pending configuration by a document, which must be right as far as it can be told here.
func (s *Service) Put(ctx context.Context, who string, next *draft.Draft, dry bool, check func(*draft.Draft) error) (*draft.Draft, error) {
	c := s.compile(next)
	if c.err != nil {
		return nil, draft.Problem(c.doc, c.err, func(p policy.Part) string {
			if p.Section == "" {
				return "body"
			}
			return "body/" + p.Pointer()
		})
	}
	if err := s.take(ctx); err != nil {
		return nil, err
	}
	defer s.give()
	return s.put(ctx, who, next, c.text, dry, check)
}

func (s *Service) put(ctx context.Context, who string, next *draft.Draft, text []byte, dry bool, check func(*draft.Draft) error) (*draft.Draft, error) {
	s.mu.Lock()
	h, on, blind := s.head, s.pending, s.blind && s.pending == nil
	if on == nil {
		on = s.active
	}
	s.mu.Unlock()
	if err := cmp.Or(mayEdit(&h, who), s.lockedElsewhere(&h, who)); err != nil {
		return nil, err
	}
	if check != nil {
		if err := check(on); err != nil {
			return nil, err
		}
	}
	if !blind && hashOf(on.YAML()) == hashOf(text) {
		return on, nil
	}
	if dry {
		return next, nil
	}
	err := s.commit(ctx, false, func(tx *settings.Tx, h *head) error {
		s.begin(h, who)
		h.Edit++
		h.Pending.Edits++
		h.Pending.Changed = s.o.Now().UTC()
		return snapshot(tx, h, text)
	})
	if err != nil {
		return nil, err
	}
	s.edited(ctx, who, h.Lock, next)
	return next, nil
}

// Discard forgets what is pending, and gives the lock back.
func (s *Service) Discard(ctx context.Context, who string) error {
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.give()
	h := s.peek()
	if err := h.allows(StepDiscard, who, 0); err != nil {
		return err
	}
	if h.Pending == nil && h.Lock == nil {
		return nil
	}
	if err := s.commit(ctx, false, func(tx *settings.Tx, h *head) error { forget(tx, h); return nil }); err != nil {
		return err
	}
	s.mu.Lock()
	s.pending = nil
	s.publish()
	s.mu.Unlock()
	if h.Pending != nil {
		s.tell(ctx, event.ChangeDiscarded, event.Fields{"by": who, "edits": h.Pending.Edits})
	}
	return nil
}

// forget empties the pending configuration.
func forget(tx *settings.Tx, h *head) {
	h.Pending, h.Lock = nil, nil
	for _, r := range tx.List(kindEdit) {
		tx.Delete(kindEdit, r.Name)
	}
}

func (s *Service) peek() head {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.head
}

// Lock makes somebody the one who edits; with takeOver also if another one is, on this node.
func (s *Service) Lock(ctx context.Context, who string, takeOver bool) error {
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.give()
	h := s.peek()
	if h.Lock != nil && h.Lock.Owner == who {
		return nil
	}
	if err := h.allows(StepLock, who, 0); err != nil && !takeOver {
		return err
	}
	// A lock of another node is taken over there, where it is.
	if err := s.lockedElsewhere(&h, who); err != nil {
		return err
	}
	now := s.o.Now().UTC()
	next := &Lock{Owner: who, Since: now}
	if h.Lock != nil {
		next.From, next.TakenAt = h.Lock.Owner, now
	}
	if err := s.commit(ctx, false, func(_ *settings.Tx, h *head) error { h.Lock = next; return nil }); err != nil {
		return err
	}
	s.changed()
	if next.From != "" {
		s.tell(ctx, event.ChangeTakenOver, event.Fields{"by": who, "from": next.From})
	} else {
		s.tell(ctx, event.ChangeLocked, event.Fields{"by": who})
	}
	return nil
}

// Unlock gives the lock back. What is pending stays, for whoever edits next.
func (s *Service) Unlock(ctx context.Context, who string) error {
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.give()
	h := s.peek()
	if err := h.allows(StepUnlock, who, 0); err != nil {
		return err
	}
	if err := s.commit(ctx, false, func(_ *settings.Tx, h *head) error { h.Lock = nil; return nil }); err != nil {
		return err
	}
	s.changed()
	s.tell(ctx, event.ChangeUnlocked, event.Fields{"by": who})
	return nil
}

// Rebase makes the edits again on what decides now. An edit that cannot be made any more refuses it all.
func (s *Service) Rebase(ctx context.Context, who string) error {
	if err := s.take(ctx); err != nil {
		return err
	}
	defer s.give()
	h := s.peek()
	if err := cmp.Or(h.allows(StepRebase, who, 0), s.lockedElsewhere(&h, who)); err != nil {
		return err
	}
	if h.Pending.Snapshot != "" {
		// A whole document stays what it is: what it takes back of the active one shows in the difference.
		return s.rebased(ctx, who, nil)
	}
	s.mu.Lock()
	d := s.active
	s.mu.Unlock()
	for _, r := range s.o.Settings.List(kindEdit) {
		var e draft.Edit
		err := r.Decode(&e)
		if err == nil && r.Name >= editName(h.Pending.First) {
			d, err = d.Apply(&e)
		}
		if err != nil {
			return problem.Wrap(problem.Conflict, err, "An edit of %s %s by %s contradicts what decides now.", e.Kind, e.Name, e.By)
		}
	}
	return s.rebased(ctx, who, d)
}

func (s *Service) rebased(ctx context.Context, who string, next *draft.Draft) error {
	err := s.commit(ctx, false, func(_ *settings.Tx, h *head) error {
		s.begin(h, who)
		h.Pending.Base = h.Running
		return nil
	})
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if next != nil {
		s.pending = next
	}
	s.publish()
	return nil
}
