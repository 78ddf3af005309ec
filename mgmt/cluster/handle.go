package cluster

import (
	"context"
	"fmt"
	"slices"
	"time"

	"fcredirect/dataplane/command"
)

// Handle answers another node. From is who it is, as its certificate says.
func (s *Service) Handle(ctx context.Context, from string, message []byte) ([]byte, error) {
	if from == s.o.Node || !slices.Contains(s.o.Nodes, from) {
		return nil, fmt.Errorf("cluster: %q is no other node of this cluster", from)
	}
	r, err := decode[request](message)
	if err != nil {
		return nil, err
	}
	var a reply
	if err := s.answer(ctx, from, &r, &a); err != nil {
		a.Refused = err.Error()
	}
	a.Stand = s.stand()
	return encode(a), nil
}

func (s *Service) answer(ctx context.Context, from string, r *request, a *reply) error {
	switch {
	case r.Stand != nil:
		return nil
	case r.Offer != nil:
		return s.takeOffer(from, r.Offer)
	case r.Prepare != nil:
		return s.promise(from, r.Prepare)
	case r.Install != nil:
		return s.inTurn(ctx, func() error { return s.installFor(ctx, from, r.Install) })
	case r.Confirm != nil:
		return s.inTurn(ctx, func() error { return s.confirmFor(ctx, from, r.Confirm) })
	case r.Revert != nil:
		return s.inTurn(ctx, func() error { return s.revertFor(ctx, from, r.Revert) })
	case r.Release != nil:
		s.release(from, r.Release.Change)
		return nil
	case r.Fetch != nil:
		return s.part(r.Fetch, a)
	}
	return fmt.Errorf("nothing was asked that this version knows")
}

// inTurn does what needs the turn. Another node's request does not wait for it longer than the other node does.
func (s *Service) inTurn(ctx context.Context, do func() error) error {
	waiting, cancel := context.WithTimeout(ctx, turnTimeout)
	defer cancel()
	if err := s.take(waiting); err != nil {
		return err
	}
	defer s.give()
	return do()
}

// takeOffer takes a part of a document. There is room for one document: that of a change that is not reserved for yet gives
// way to a newer one.
func (s *Service) takeOffer(from string, o *offer) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	change := from + "/" + o.Change
	if s.reserved != "" && s.o.Now().Before(s.until) {
		return fmt.Errorf("it keeps itself free for a change already")
	}
	if o.At == 0 {
		if o.Size < 0 || o.Size > MaxDocument {
			return fmt.Errorf("a document of %d bytes, the limit is %d", o.Size, MaxDocument)
		}
		s.offered = &offered{change: change, text: make([]byte, o.Size)}
	}
	d := s.offered
	if d == nil || d.change != change || o.Size != len(d.text) || o.At != d.filled || len(o.Part) > PartBytes || len(o.Part) > len(d.text)-d.filled {
		return fmt.Errorf("a part of the document is missing, or another one came in between: try again")
	}
	d.filled += copy(d.text[d.filled:], o.Part)
	return nil
}

// reserve keeps this node free for a change and its document. False: it does so for another one.
func (s *Service) reserve(change, document string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.o.Now()
	if s.reserved != "" && s.reserved != change && now.Before(s.until) {
		return false
	}
	s.reserved, s.prepared, s.until = change, document, now.Add(reserved)
	return true
}

// whole is the document that arrived for a change; nil when it did not arrive whole.
func (s *Service) whole(change, document string) []byte {
	s.mu.Lock()
	d := s.offered
	if d == nil || d.change != change || d.filled != len(d.text) {
		s.mu.Unlock()
		return nil
	}
	text := d.text // complete: nobody writes it any more
	s.mu.Unlock()
	if hashOf(text) != document {
		return nil
	}
	return text
}

// promise checks a document, and keeps this node free for its change.
func (s *Service) promise(from string, p *prepare) error {
	change := from + "/" + p.Change
	text, k := s.whole(change, p.Document), s.peek()
	switch {
	case k.Open != nil:
		return fmt.Errorf("a change of node %s waits there to be confirmed", k.Open.From)
	case k.Version != p.Base:
		return fmt.Errorf("it stands at version %v, not %v: what it has comes first", k.Version, p.Base)
	case text == nil:
		return fmt.Errorf("the document did not arrive whole")
	}
	if st, err := s.o.Plane.Status(); err != nil {
		return fmt.Errorf("its data plane does not answer: %v", err)
	} else if !st.Deadline.IsZero() {
		return fmt.Errorf("a change waits there to be confirmed")
	}
	if s.o.Lock != nil {
		if owner, _ := s.o.Lock(); owner != "" && owner != p.By {
			return fmt.Errorf("%s edits there", owner)
		}
	}
	if err := s.o.Check(text); err != nil {
		return fmt.Errorf("it cannot decide by the document: %v", err)
	}
	if !s.reserve(change, p.Document) {
		return fmt.Errorf("it keeps itself free for another change")
	}
	return nil
}

func (s *Service) release(from, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if change := from + "/" + id; s.reserved == change {
		s.reserved, s.prepared, s.offered = "", "", nil
	}
}

// installFor makes a prepared document decide for a while.
func (s *Service) installFor(ctx context.Context, from string, r *installRequest) error {
	if err := s.settle(ctx); err != nil {
		return err
	}
	change := from + "/" + r.Change
	s.mu.Lock()
	k, document := s.kept, s.prepared
	ours := s.reserved == change && s.o.Now().Before(s.until)
	s.mu.Unlock()
	if k.Open != nil && k.Open.ID == r.Change && k.Open.From == from {
		return nil // it was asked for twice
	}
	text := s.whole(change, document)
	switch {
	case !ours || text == nil:
		return fmt.Errorf("it was not prepared for this change, or too long ago")
	case k.Open != nil:
		return fmt.Errorf("a change of node %s waits there to be confirmed", k.Open.From)
	case r.Next.Compare(k.Version) <= 0:
		return fmt.Errorf("it stands at version %v already", k.Version)
	case r.Window <= 0 || r.Window > 2*time.Hour || len(r.Bases) > MaxBases || len(r.Apart) > slots:
		return fmt.Errorf("a window of %v, %d bases, %d nodes apart", r.Window, len(r.Bases), len(r.Apart))
	}
	st, err := s.o.Plane.Status()
	if err != nil {
		return err
	}
	o := &open{ID: r.Change, From: from, Next: r.Next, Document: document, Revision: above(&st), Apart: r.Apart, Bases: r.Bases, At: s.o.Now()}
	if err := s.keep(func(k *kept) { k.Open = o }); err != nil {
		return err
	}
	if _, err := s.o.Plane.Install(ctx, command.Install{Revision: o.Revision, Document: text, Window: r.Window}); err != nil {
		late := *o
		late.Dropped = true
		if kept := s.keep(func(k *kept) {
			if k.Open = nil; unsure(err) {
				k.Open = &late
			}
		}); kept != nil {
			s.o.Log.Error("cluster: a change that was not installed is still noted", "error", kept)
		}
		return err
	}
	s.release(from, r.Change)
	return nil
}

// above is a revision that this node's data plane has never had.
func above(st *command.Status) uint64 { return max(st.Revision, st.Confirmed, st.Last.Revision) + 1 }

func (s *Service) confirmFor(ctx context.Context, from string, n *named) error {
	o := s.peek().Open
	if o == nil || o.ID != n.Change || o.From != from || o.Dropped {
		return fmt.Errorf("no such change waits there")
	}
	if _, err := s.confirmOwn(ctx, o); err != nil {
		return err
	}
	return s.committed(o)
}

func (s *Service) revertFor(ctx context.Context, from string, n *named) error {
	s.release(from, n.Change)
	o := s.peek().Open
	if o == nil || o.ID != n.Change || o.From != from {
		return nil // it never came here, or is gone already
	}
	return s.revertOwn(ctx, o)
}

// revertOwn has this node's data plane go back, if it runs the change, and forgets it.
func (s *Service) revertOwn(ctx context.Context, o *open) error {
	st, err := s.o.Plane.Status()
	if err != nil {
		return err
	}
	if st.Revision == o.Revision && !st.Deadline.IsZero() {
		if _, err := s.o.Plane.Revert(ctx, o.Revision); err != nil {
			return err
		}
	}
	return s.keep(func(k *kept) { k.Open = nil })
}

// part reads from the document that was confirmed here.
func (s *Service) part(f *fetch, a *reply) error {
	sum, ok := sumOf(f.Document)
	if !ok || f.Document != s.peek().Document {
		return fmt.Errorf("it does not stand by that document")
	}
	text, err := s.o.Plane.Text(sum)
	if err != nil {
		return err
	}
	if f.At < 0 || f.At > len(text) {
		return fmt.Errorf("the document has %d bytes", len(text))
	}
	a.Size, a.Part = len(text), text[f.At:min(f.At+PartBytes, len(text))]
	return nil
}
