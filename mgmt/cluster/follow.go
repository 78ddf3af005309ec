package cluster

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"fcredirect/dataplane/command"
)

// Run asks the others where they stand, and brings this node after whoever is ahead, until the context ends.
func (s *Service) Run(ctx context.Context) {
	if s.alone() {
		return
	}
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		s.Follow(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Follow does one round of it.
func (s *Service) Follow(ctx context.Context) {
	if err := s.inTurn(ctx, func() error { return s.settle(ctx) }); err != nil && ctx.Err() == nil {
		s.o.Log.Warn("cluster: what the data plane did is not noted yet", "error", err)
	}
	if err := s.inTurn(ctx, func() error { return s.inquire(ctx) }); err != nil && ctx.Err() == nil {
		s.o.Log.Warn("cluster: what became of a change of another node is not known yet", "error", err)
	}
	s.each(ctx, s.others(), askTimeout, &request{Stand: &struct{}{}})
	best := s.stand()
	s.mu.Lock()
	for _, h := range s.said {
		if h.err == nil && !h.Waits && h.Version.Compare(best.Version) > 0 {
			best = h.Stand
		}
	}
	s.mu.Unlock()
	if best.Node != s.o.Node {
		if err := s.goAfter(ctx, &best); err != nil && ctx.Err() == nil {
			s.o.Log.Warn("cluster: the configuration of another node could not be taken over", "node", best.Node, "version", best.Version.String(), "error", err)
		}
	}
	if err := s.inTurn(ctx, s.reunite); err != nil && ctx.Err() == nil {
		s.o.Log.Warn("cluster: who has caught up is not noted yet", "error", err)
	}
}

// settle brings what is kept after what the data plane did by itself, or while this process was away: an open change was
// confirmed, or was taken back.
func (s *Service) settle(ctx context.Context) error {
	o := s.peek().Open
	if o == nil {
		return nil
	}
	st, err := s.o.Plane.Status()
	waits := err == nil && st.Revision == o.Revision && !st.Deadline.IsZero()
	switch {
	case err != nil:
		return nil // it says so elsewhere
	case o.Dropped && waits:
		return s.revertOwn(ctx, o)
	case o.Dropped && s.o.Now().Sub(o.At) < lateInstall:
		return nil // it may still come to run it
	case st.Confirmed == o.Revision && !o.Dropped:
		return s.committed(o)
	case waits && hex.EncodeToString(st.Document[:]) == o.Document:
		return nil
	}
	return s.keep(func(k *kept) { k.Open = nil })
}

// inquire asks the node of an open change what became of it: its word may have been lost. That node has noted the change
// before it told anybody, so what it says now was not said too early.
func (s *Service) inquire(ctx context.Context) error {
	o := s.peek().Open
	if o == nil || o.From == s.o.Node || o.Dropped {
		return nil
	}
	a, err := s.ask(ctx, o.From, askTimeout, &request{Stand: &struct{}{}})
	switch from := a.Stand; {
	case err != nil:
		return nil // it is away: the deadline decides
	case from.Version == o.Next && from.Document == o.Document:
		if _, err := s.confirmOwn(ctx, o); err != nil {
			return err
		}
		return s.committed(o)
	case !from.Waits && from.Version.Compare(o.Next) < 0:
		return s.revertOwn(ctx, o)
	}
	return nil
}

// reunite forgets that nodes were left out when they have what was decided without them.
func (s *Service) reunite() error {
	k := s.peek()
	s.mu.Lock()
	left := slices.DeleteFunc(slices.Clone(k.Apart), func(n string) bool {
		h := s.said[n]
		return h.err == nil && h.Version == k.Version
	})
	s.mu.Unlock()
	if len(left) == len(k.Apart) {
		return nil
	}
	return s.keep(func(k *kept) { k.Apart = left })
}

// goAfter takes the document of a node that is ahead. It is fetched first, which may take long, and then decided about.
func (s *Service) goAfter(ctx context.Context, from *Stand) error {
	var text []byte
	if st, err := s.o.Plane.Status(); err != nil {
		return err
	} else if !runs(&st, from.Document) {
		if text, err = s.fetchAll(ctx, from); err != nil {
			return err
		}
		if err := s.o.Check(text); err != nil {
			return fmt.Errorf("this node cannot decide by it: %w", err)
		}
	}
	return s.inTurn(ctx, func() error { return s.adopt(ctx, from, text) })
}

// runs says whether a data plane keeps a document.
func runs(st *command.Status, document string) bool {
	return hex.EncodeToString(st.Document[:]) == document && st.Confirmed == st.Revision && st.Deadline.IsZero()
}

// adopt makes a document decide that another node stands by. What was applied here, and is not in its history, becomes a
// branch.
func (s *Service) adopt(ctx context.Context, from *Stand, text []byte) error {
	k := s.peek()
	if k.Open != nil || from.Version.Compare(k.Version) <= 0 {
		return nil // a change waits here, or something came in between
	}
	st, err := s.o.Plane.Status()
	if err != nil {
		return err
	}
	if !runs(&st, from.Document) {
		if !st.Deadline.IsZero() || text == nil {
			return nil // the next time
		}
		if _, err := s.o.Plane.Install(ctx, command.Install{Revision: above(&st), Document: text}); err != nil {
			return err
		}
	}
	var branch *Branch
	if !from.Version.follows(from.Bases, k.Version) && k.Document != from.Document {
		branch = &Branch{Version: k.Version, Document: k.Document, Saved: s.o.Now().UTC(), For: from.Version, From: from.Node}
	}
	if err := s.keep(func(k *kept) {
		k.Version, k.Document, k.Bases, k.Apart = from.Version, from.Document, from.Bases, nil
		if branch != nil {
			k.Branches = append(k.Branches, *branch)
			k.Branches = k.Branches[max(0, len(k.Branches)-MaxBranches):]
		}
	}); err != nil {
		return err
	}
	s.tell(Followed, from.Version, map[string]any{"document": from.Document, "from": from.Node})
	if branch != nil {
		s.o.Log.Warn("cluster: what was applied here while the nodes were apart is a branch now", "version", branch.Version.String(), "document", branch.Document)
		s.tell(Branched, branch.Version, map[string]any{"document": branch.Document, "for": from.Version.String(), "from": from.Node})
	}
	return nil
}

// fetchAll reads a document of another node.
func (s *Service) fetchAll(ctx context.Context, from *Stand) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	var text []byte
	for {
		a, err := s.ask(ctx, from.Node, askTimeout, &request{Fetch: &fetch{from.Document, len(text)}})
		if err != nil {
			return nil, err
		}
		text = append(text, a.Part...)
		switch {
		case a.Refused != "":
			return nil, fmt.Errorf("%s: %s", from.Node, a.Refused)
		case len(text) > MaxDocument || a.Size > MaxDocument || len(text) > a.Size || len(a.Part) < PartBytes && len(text) < a.Size:
			return nil, fmt.Errorf("%s: %d bytes of a document of %d", from.Node, len(text), a.Size)
		case len(text) == a.Size:
			if hashOf(text) != from.Document {
				return nil, fmt.Errorf("%s: the document is not the one that it names", from.Node)
			}
			return text, nil
		}
	}
}
