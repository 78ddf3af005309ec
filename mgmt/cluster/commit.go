package cluster

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"fcredirect/dataplane/command"
	"fcredirect/mgmt/problem"
)

type overrideKey struct{}

// Override leaves nodes out of the change that is made with the context: because somebody named them.
func Override(ctx context.Context, nodes []string) context.Context {
	return context.WithValue(ctx, overrideKey{}, nodes)
}

type authorKey struct{}

// By says who asks for the change that is made with the context.
func By(ctx context.Context, who string) context.Context {
	return context.WithValue(ctx, authorKey{}, who)
}

// Status is what this node's data plane does now.
func (s *Service) Status() (command.Status, error) { return s.o.Plane.Status() }

// Text is the text of what it runs.
func (s *Service) Text(document [32]byte) ([]byte, error) { return s.o.Plane.Text(document) }

// Install makes a document decide on all nodes, or on none.
func (s *Service) Install(ctx context.Context, i command.Install) (command.Status, error) {
	if s.alone() {
		return s.o.Plane.Install(ctx, i)
	}
	if err := s.take(ctx); err != nil {
		return command.Status{}, err
	}
	defer s.give()
	if err := s.settle(ctx); err != nil {
		return command.Status{}, err
	}
	c, err := s.begin(ctx, i)
	if err != nil {
		return command.Status{}, err
	}
	defer s.release(s.o.Node, c.id)
	if err := s.prepareAll(ctx, c); err != nil {
		return command.Status{}, err
	}
	st, err := s.installAll(ctx, c)
	if err != nil || i.Window != 0 {
		return st, err
	}
	return s.commit(ctx, c.next.Revision)
}

// proposal is a change on its way.
type proposal struct {
	id     string
	text   []byte
	window time.Duration
	nodes  []string // others that take part
	base   Version
	next   open
	by     string
}

// begin decides who takes part, and which version it will be.
func (s *Service) begin(ctx context.Context, i command.Install) (*proposal, error) {
	k := s.peek()
	if k.Open != nil {
		return nil, problem.New(problem.ConfirmWindowOpen, "A change of node %s waits to be confirmed.", k.Open.From)
	}
	left, _ := ctx.Value(overrideKey{}).([]string)
	c := &proposal{id: rand.Text(), text: i.Document, window: i.Window, base: k.Version}
	c.by, _ = ctx.Value(authorKey{}).(string)
	for _, n := range left {
		if n == s.o.Node || !slices.Contains(s.o.Nodes, n) {
			return nil, problem.New(problem.Invalid, "").At("body/override", "%s is no other node of this cluster", n)
		}
	}
	for _, n := range s.others() {
		if !slices.Contains(left, n) {
			c.nodes = append(c.nodes, n)
		}
	}
	c.next = open{ID: c.id, From: s.o.Node, Document: hashOf(i.Document), Revision: i.Revision, Apart: left, Bases: k.Bases, At: s.o.Now(),
		Next: Version{k.Version.Term, k.Version.Revision + 1}}
	if len(left) > 0 {
		c.next.Next.Term = newTerm(k.Version.Term, s.slot)
		c.next.Bases = append(slices.Clone(k.Bases), k.Version)
		c.next.Bases = c.next.Bases[max(0, len(c.next.Bases)-MaxBases):]
	}
	if c.window == 0 {
		c.window = provisional
	}
	// Two nodes that promised each other and then wait for each other would both wait in vain.
	if !s.reserve(s.o.Node+"/"+c.id, c.next.Document) {
		return nil, problem.New(problem.Busy, "Another node is making a change of the configuration.")
	}
	return c, nil
}

// prepareAll has every node check the document and keep itself free. One that does not stops it all.
func (s *Service) prepareAll(ctx context.Context, c *proposal) error {
	for at := 0; at == 0 || at < len(c.text); at += PartBytes {
		part := c.text[at:min(at+PartBytes, len(c.text))]
		if failed := s.each(ctx, c.nodes, askTimeout, &request{Offer: &offer{c.id, len(c.text), at, part}}); len(failed) > 0 {
			return refusedBy(failed)
		}
	}
	failed := s.each(ctx, c.nodes, askTimeout, &request{Prepare: &prepare{c.id, c.base, c.next.Document, c.by}})
	if len(failed) > 0 {
		s.each(context.WithoutCancel(ctx), c.nodes, askTimeout, &request{Release: &named{c.id}})
		return refusedBy(failed)
	}
	return nil
}

// refusedBy says which nodes stop a change, and why.
func refusedBy(failed map[string]error) error {
	var all []string
	for _, n := range slices.Sorted(maps.Keys(failed)) {
		all = append(all, fmt.Sprintf("%s: %v", n, failed[n]))
	}
	return problem.New(problem.Conflict, "Nothing was changed, because not every node takes part. %s", strings.Join(all, "; "))
}

// installAll makes it decide everywhere for a while; if it does not on one node, it is taken back on all.
func (s *Service) installAll(ctx context.Context, c *proposal) (command.Status, error) {
	if err := s.keep(func(k *kept) { k.Open = &c.next }); err != nil {
		return command.Status{}, err
	}
	failed := s.each(ctx, c.nodes, installTimeout, &request{Install: &installRequest{c.id, c.next.Next, c.window, c.next.Apart, c.next.Bases}})
	if len(failed) > 0 {
		return command.Status{}, errors.Join(refusedBy(failed), s.takeBack(ctx, &c.next, c.nodes, false))
	}
	st, err := s.o.Plane.Install(ctx, command.Install{Revision: c.next.Revision, Document: c.text, Window: c.window})
	if err != nil {
		return st, errors.Join(err, s.takeBack(ctx, &c.next, c.nodes, unsure(err)))
	}
	return st, nil
}

// unsure says that nobody knows whether the data plane did what it was asked for.
func unsure(err error) bool {
	var c *command.Error
	return !errors.As(err, &c) || c.Code == command.Gone
}

// takeBack forgets a change, here and on the others. If this node's data plane may still come to run it that is noted, and
// settle takes it back.
func (s *Service) takeBack(ctx context.Context, o *open, nodes []string, late bool) error {
	dropped := *o
	dropped.Dropped = true
	err := s.keep(func(k *kept) {
		if k.Open = nil; late {
			k.Open = &dropped
		}
	})
	s.each(context.WithoutCancel(ctx), nodes, askTimeout, &request{Revert: &named{o.ID}})
	return err
}

// Confirm keeps the change that waits, on all nodes.
func (s *Service) Confirm(ctx context.Context, revision uint64) (command.Status, error) {
	if s.alone() {
		return s.o.Plane.Confirm(ctx, revision)
	}
	if err := s.take(ctx); err != nil {
		return command.Status{}, err
	}
	defer s.give()
	return s.commit(ctx, revision)
}

func (s *Service) commit(ctx context.Context, revision uint64) (command.Status, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), installTimeout)
	defer cancel()
	if err := s.settle(ctx); err != nil {
		return command.Status{}, err
	}
	k := s.peek()
	o := k.Open
	switch {
	case o == nil && k.Version == Version{}:
		return s.o.Plane.Confirm(ctx, revision) // what was installed before there was a cluster
	case o == nil || o.Dropped || o.Revision != revision:
		return command.Status{}, problem.New(problem.Conflict, "What waits is no change of the cluster: only its nodes together keep one. Revert it, or let its window pass.")
	case o.From != s.o.Node:
		return command.Status{}, problem.New(problem.Conflict, "The change was applied on node %s: confirm it there.", o.From)
	}
	st, err := s.confirmOwn(ctx, o)
	if err != nil {
		return st, err
	}
	if err := s.committed(o); err != nil {
		return st, err
	}
	// Who misses it asks, and finds out: see follow.go.
	for n, err := range s.each(ctx, s.without(o.Apart), askTimeout, &request{Confirm: &named{o.ID}}) {
		s.o.Log.Warn("cluster: a node does not know yet that the change is kept", "node", n, "version", o.Next.String(), "error", err)
	}
	return st, nil
}

// confirmOwn has this node's data plane keep a change. An answer that got lost is looked up.
func (s *Service) confirmOwn(ctx context.Context, o *open) (command.Status, error) {
	st, err := s.o.Plane.Confirm(ctx, o.Revision)
	if err != nil {
		if now, look := s.o.Plane.Status(); look == nil && now.Confirmed == o.Revision {
			return now, nil
		}
	}
	return st, err
}

// committed makes an open change the version, and tells of it.
func (s *Service) committed(o *open) error {
	err := s.keep(func(k *kept) {
		k.Version, k.Document, k.Bases, k.Open = o.Next, o.Document, o.Bases, nil
		for _, n := range o.Apart {
			if n != s.o.Node && !slices.Contains(k.Apart, n) {
				k.Apart = append(k.Apart, n)
			}
		}
	})
	switch {
	case err != nil:
		return err
	case o.From != s.o.Node:
		s.tell(Followed, o.Next, map[string]any{"document": o.Document, "from": o.From})
		return nil
	}
	s.tell(Committed, o.Next, map[string]any{"document": o.Document})
	if len(o.Apart) > 0 {
		s.tell(Overruled, o.Next, map[string]any{"without": o.Apart})
	}
	return nil
}

func (s *Service) without(left []string) (nodes []string) {
	for _, n := range s.others() {
		if !slices.Contains(left, n) {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// Revert takes the change that waits back, on all nodes.
func (s *Service) Revert(ctx context.Context, revision uint64) (command.Status, error) {
	if s.alone() {
		return s.o.Plane.Revert(ctx, revision)
	}
	if err := s.take(ctx); err != nil {
		return command.Status{}, err
	}
	defer s.give()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), installTimeout)
	defer cancel()
	if err := s.settle(ctx); err != nil {
		return command.Status{}, err
	}
	o := s.peek().Open
	if o != nil && o.From != s.o.Node {
		return command.Status{}, problem.New(problem.Conflict, "The change was applied on node %s: revert it there, or wait for its deadline.", o.From)
	}
	st, err := s.o.Plane.Revert(ctx, revision)
	if err != nil {
		if now, look := s.o.Plane.Status(); look != nil || !now.Deadline.IsZero() {
			return st, err
		}
	}
	if o != nil {
		return st, errors.Join(err, s.takeBack(ctx, o, s.without(o.Apart), false))
	}
	return st, err
}
