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
	if err := s.inTurn(ctx, s.settle); err != nil && ctx.Err() == nil {
		s.o.Log.Warn("cluster: what the data plane did is not noted yet", "error", err)
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
		if err := s.inTurn(ctx, func() error { return s.adopt(ctx, &best) }); err != nil && ctx.Err() == nil {
			s.o.Log.Warn("cluster: the configuration of another node could not be taken over", "node", best.Node, "version", best.Version.String(), "error", err)
		}
	}
	if err := s.inTurn(ctx, s.reunite); err != nil && ctx.Err() == nil {
		s.o.Log.Warn("cluster: who has caught up is not noted yet", "error", err)
	}
}

// settle brings what is kept after what the data plane did by itself, or while this process was away: an open change was
// confirmed, or was taken back.
func (s *Service) settle() error {
	o := s.peek().Open
	if o == nil {
		return nil
	}
	st, err := s.o.Plane.Status()
	switch {
	case err != nil:
		return nil // it says so elsewhere
	case st.Confirmed == o.Revision:
		return s.committed(o)
	case st.Revision == o.Revision && hex.EncodeToString(st.Document[:]) == o.Document:
		return nil // it still waits
	}
	return s.keep(func(k *kept) { k.Open = nil })
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

// adopt takes the document of a node that is ahead. What was given here while the two were apart becomes a branch.
func (s *Service) adopt(ctx context.Context, from *Stand) error {
	k := s.peek()
	if k.Open != nil || from.Version.Compare(k.Version) <= 0 {
		return nil // a change waits here, or something came in between
	}
	st, err := s.o.Plane.Status()
	if err != nil {
		return err
	}
	if !st.Deadline.IsZero() {
		return nil // the next time
	}
	if hex.EncodeToString(st.Document[:]) != from.Document || st.Confirmed != st.Revision {
		text, err := s.fetchAll(ctx, from)
		if err != nil {
			return err
		}
		if err := s.o.Check(text); err != nil {
			return fmt.Errorf("this node cannot decide by it: %w", err)
		}
		if _, err := s.o.Plane.Install(ctx, command.Install{Revision: above(&st), Document: text}); err != nil {
			return err
		}
	}
	var branch *Branch
	if slices.Contains(k.Apart, from.Node) && k.Document != from.Document {
		branch = &Branch{Version: k.Version, Document: k.Document, Saved: s.o.Now().UTC(), For: from.Version, From: from.Node}
	}
	if err := s.keep(func(k *kept) {
		k.Version, k.Document, k.Apart = from.Version, from.Document, nil
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
		case len(text) > MaxDocument || a.Size > MaxDocument || len(text) > a.Size || len(a.Part) == 0 && len(text) < a.Size:
			return nil, fmt.Errorf("%s: %d bytes of a document of %d", from.Node, len(text), a.Size)
		case len(text) == a.Size:
			if hashOf(text) != from.Document {
				return nil, fmt.Errorf("%s: the document is not the one that it names", from.Node)
			}
			return text, nil
		}
	}
}
