package cluster

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"fcredirect/dataplane/command"
	"fcredirect/mgmt/problem"
)

// Plane is the node's own data plane, as change control sees it.
type Plane interface {
	Status() (command.Status, error)
	Install(context.Context, command.Install) (command.Status, error)
	Confirm(ctx context.Context, revision uint64) (command.Status, error)
	Revert(ctx context.Context, revision uint64) (command.Status, error)
	Text(document [32]byte) ([]byte, error)
}

// Peers carries a question to another node, whose Service answers it with Handle.
type Peers interface {
	Call(ctx context.Context, node string, request []byte) (reply []byte, err error)
}

// Keeper keeps what must outlive a process. Save returns when it is on disk.
type Keeper interface {
	Load() ([]byte, error) // nil: nothing was kept yet
	Save([]byte) error
}

// What happened, as Options.Told gets it.
const (
	Committed = "committed" // by a change that was asked for here
	Followed  = "followed"  // another node's document decides here now
	Branched  = "branched"  // and what had been given here while apart was put aside
	Overruled = "overruled" // a change went on without nodes that were named
)

// Options of a Service.
type Options struct {
	Nodes []string // all of them, sorted, this one too; fewer than two: there is no cluster
	Node  string
	Plane Plane
	Peers Peers
	Keep  Keeper
	Check func(document []byte) error                         // whether this node could decide by it
	Lock  func() (owner string, since time.Time)              // who edits here; empty: nobody
	Told  func(what string, v Version, fields map[string]any) // for the log of events
	Log   *slog.Logger
	Now   func() time.Time
}

// Service is one node's part.
type Service struct {
	o    Options
	slot int
	turn chan struct{} // whoever has taken what is in it may change something

	mu       sync.Mutex
	kept     kept
	said     map[string]heard // by node
	offered  *offered         // by the node that prepares something
	reserved string           // the change that this node keeps itself free for
	until    time.Time
	prepared string // the document that was checked for it
}

// heard is a node's last word.
type heard struct {
	Stand
	at  time.Time
	err error // it could not be asked since
}

// offered is a document that arrives in parts.
type offered struct {
	change string
	text   []byte
	filled int
}

// New reads what was kept.
func New(o Options) (*Service, error) {
	s := &Service{o: o, slot: slices.Index(o.Nodes, o.Node), turn: make(chan struct{}, 1), said: map[string]heard{}}
	if s.o.Log == nil {
		s.o.Log = slog.New(slog.DiscardHandler)
	}
	if s.o.Now == nil {
		s.o.Now = time.Now
	}
	if len(o.Nodes) > 1 && (s.slot < 0 || len(o.Nodes) > slots) {
		return nil, fmt.Errorf("cluster: node %s of %v: want it among 2 to %d", o.Node, o.Nodes, slots)
	}
	b, err := o.Keep.Load()
	if err != nil {
		return nil, fmt.Errorf("cluster: read what was kept: %w", err)
	}
	if b != nil {
		if s.kept, err = decode[kept](b); err != nil {
			return nil, err
		}
	}
	s.turn <- struct{}{}
	return s, nil
}

func (s *Service) alone() bool { return len(s.o.Nodes) < 2 }

func (s *Service) others() (names []string) {
	for _, n := range s.o.Nodes {
		if n != s.o.Node {
			names = append(names, n)
		}
	}
	return names
}

// take waits for its turn.
func (s *Service) take(ctx context.Context) error {
	select {
	case <-s.turn:
		return nil
	case <-ctx.Done():
		return problem.Wrap(problem.Busy, context.Cause(ctx), "Another change of the cluster's configuration is under way.")
	}
}

func (s *Service) give() { s.turn <- struct{}{} }

// peek is what is kept now. It must not be changed.
func (s *Service) peek() kept {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kept
}

// keep changes what is kept, on disk first. Whoever calls it has the turn, or changes nothing that a turn reads.
func (s *Service) keep(change func(*kept)) error {
	s.mu.Lock()
	next := s.kept
	s.mu.Unlock()
	next.Apart, next.Branches, next.Bases = slices.Clone(next.Apart), slices.Clone(next.Branches), slices.Clone(next.Bases)
	change(&next)
	if err := s.o.Keep.Save(encode(next)); err != nil {
		return fmt.Errorf("cluster: keep version %v: %w", next.Version, err)
	}
	s.mu.Lock()
	s.kept = next
	s.mu.Unlock()
	return nil
}

// stand is what this node says of itself.
func (s *Service) stand() Stand {
	k := s.peek()
	st := Stand{Node: s.o.Node, Version: k.Version, Document: k.Document, Waits: k.Open != nil && !k.Open.Dropped, Bases: k.Bases}
	if now, err := s.o.Plane.Status(); err == nil && now.ConfirmedDocument != [32]byte{} {
		st.Runs = hex.EncodeToString(now.ConfirmedDocument[:])
	}
	if s.o.Lock != nil {
		if owner, since := s.o.Lock(); owner != "" {
			st.Lock = &Editor{Owner: owner, Node: s.o.Node, Since: since}
		}
	}
	return st
}

// Elsewhere is who edits on another node; nil when nobody does that was heard of lately.
func (s *Service) Elsewhere() (lock *Editor) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.o.Now()
	for _, name := range slices.Sorted(maps.Keys(s.said)) {
		h := s.said[name]
		if h.Lock != nil && now.Sub(h.at) < saidFor && (lock == nil || h.Lock.Since.Before(lock.Since)) {
			lock = h.Lock
		}
	}
	return lock
}

// Member is a node as this one sees it.
type Member struct {
	Stand
	Self    bool      `json:"self"`
	Reached bool      `json:"reached" doc:"It answers."`
	Same    bool      `json:"same" doc:"It stands where this node does."`
	Seen    time.Time `json:"seen,omitzero"`
	Problem string    `json:"problem,omitempty"`
}

// Status is the cluster as this node sees it.
type Status struct {
	Node     string   `json:"node"`
	Version  Version  `json:"version"`
	Document string   `json:"document"`
	Apart    []string `json:"apart,omitempty" doc:"Nodes that a change left out, and that do not have it yet."`
	Waits    string   `json:"waits,omitempty" doc:"The node where the change that waits was asked for."`
	Members  []Member `json:"members"`
	Branches []Branch `json:"branches,omitempty"`
}

// Overview shows all nodes.
func (s *Service) Overview() Status {
	k, self := s.peek(), s.stand()
	st := Status{Node: s.o.Node, Version: k.Version, Document: k.Document, Apart: k.Apart, Branches: k.Branches}
	if k.Open != nil {
		st.Waits = k.Open.From
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range s.o.Nodes {
		if name == s.o.Node {
			st.Members = append(st.Members, Member{Stand: self, Self: true, Reached: true, Same: true, Seen: s.o.Now()})
			continue
		}
		h := s.said[name]
		m := Member{Stand: h.Stand, Reached: !h.at.IsZero() && h.err == nil, Seen: h.at}
		m.Node = name
		m.Same = m.Reached && h.Version == k.Version && h.Document == k.Document && h.Runs == self.Runs
		if h.err != nil {
			m.Problem = h.err.Error()
		}
		st.Members = append(st.Members, m)
	}
	return st
}

// ask asks one node, and remembers what it says of itself.
func (s *Service) ask(ctx context.Context, node string, limit time.Duration, r *request) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	b, err := s.o.Peers.Call(ctx, node, encode(r))
	var a reply
	if err == nil {
		a, err = decode[reply](b)
	}
	if err == nil && a.Stand.Node != node {
		err = fmt.Errorf("cluster: %s says that it is %q", node, a.Stand.Node)
	}
	s.mu.Lock()
	h := s.said[node]
	if h.err = err; err == nil {
		h = heard{Stand: a.Stand, at: s.o.Now()}
	}
	s.said[node] = h
	s.mu.Unlock()
	return a, err
}

// each asks many nodes at once; it gives the first refusal or failure of each.
func (s *Service) each(ctx context.Context, nodes []string, limit time.Duration, r *request) map[string]error {
	failed := map[string]error{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, n := range nodes {
		all.Go(func() {
			a, err := s.ask(ctx, n, limit, r)
			if err == nil && a.Refused != "" {
				err = errors.New(a.Refused)
			}
			if err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed[n] = err
			}
		})
	}
	all.Wait()
	return failed
}

func (s *Service) tell(what string, v Version, fields map[string]any) {
	if s.o.Told != nil {
		s.o.Told(what, v, fields)
	}
}
