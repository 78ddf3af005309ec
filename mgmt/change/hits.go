package change

import (
	"context"
	"sync"
	"time"

	"fcredirect/dataplane/policy"
	"fcredirect/mgmt/change/draft"
	"fcredirect/mgmt/problem"
)

// Hit is what a policy decides now.
type Hit struct {
	Flows   uint64    `json:"flows" doc:"Flows that it decides now."`
	Frames  uint64    `json:"frames" doc:"Of these flows since they began, both ways."`
	Bytes   uint64    `json:"bytes"`
	LastHit time.Time `json:"last_hit,omitzero" doc:"When it was last seen to decide a flow; absent: not since hits are watched."`
}

// Hits is what all policies of the active configuration decide now.
type Hits struct {
	ByPolicy    map[string]Hit
	ByService   map[string]Hit
	Default     Hit // what no policy decides
	Evaluations uint64
	Since       time.Time // hits are watched since then
	At          time.Time
}

// hits remembers the last look, and when each policy was hit.
type hits struct {
	mu    sync.Mutex
	now   *Hits
	of    *draft.Draft
	until time.Time
	since time.Time
	last  map[string]time.Time
}

// Hits asks the active policy about every flow in the tables. Looks within a second, or within ten times what one takes,
// give the same answer.
func (s *Service) Hits(context.Context) (*Hits, error) {
	if s.o.Traffic == nil {
		return nil, problem.New(problem.DataplaneUnavailable, "")
	}
	active := s.Draft(ActiveOne)
	s.hits.mu.Lock()
	defer s.hits.mu.Unlock()
	begin := s.o.Now()
	if s.hits.now != nil && s.hits.of == active && begin.Before(s.hits.until) {
		return s.hits.now, nil
	}
	c := s.compile(active)
	if c.snapshot == nil {
		return nil, problem.Wrap(problem.Conflict, c.err, "The active configuration cannot be compiled here.")
	}
	h, err := s.countHits(c.snapshot)
	if err != nil {
		return nil, err
	}
	h.At = s.o.Now().UTC()
	s.hits.remember(h)
	s.hits.now, s.hits.of, s.hits.until = h, active, begin.Add(max(hitsPeriod, 10*s.o.Now().Sub(begin)))
	return h, nil
}

func (s *Service) countHits(p *policy.Snapshot) (*Hits, error) {
	rules, services := make([]Hit, p.Rules()+1), make([]Hit, p.Services()+1)
	err := s.o.Traffic.Directions(time.Time{}, func(d Direction) {
		v := p.Evaluate(d.Initiator, d.Target, d.Key.VF())
		flows := uint64(0) // a flow is counted where it begins; one whose host was not heard yet is about to be
		if d.FromInitiator {
			flows = 1
		}
		// One behind: -1 is the default, and no service.
		for _, h := range []*Hit{&rules[v.Rule+1], &services[v.Service+1]} {
			h.Flows, h.Frames, h.Bytes = h.Flows+flows, h.Frames+d.Frames, h.Bytes+d.Bytes
		}
	})
	if err != nil {
		return nil, err
	}
	h := &Hits{ByPolicy: map[string]Hit{}, ByService: map[string]Hit{}, Default: rules[0]}
	for i := range p.Rules() {
		h.ByPolicy[p.Rule(i).Name] = rules[i+1]
	}
	for i := range p.Services() {
		h.ByService[p.Service(i).Name] = services[i+1]
	}
	h.Evaluations, err = s.o.Traffic.Evaluations()
	return h, err
}

// remember notes who was hit.
func (k *hits) remember(h *Hits) {
	if k.last == nil {
		k.last, k.since = map[string]time.Time{}, h.At
	}
	h.Since = k.since
	for name := range k.last {
		if _, ok := h.ByPolicy[name]; !ok {
			delete(k.last, name)
		}
	}
	for name, hit := range h.ByPolicy {
		if hit.Flows > 0 {
			k.last[name] = h.At
		}
		hit.LastHit = k.last[name]
		h.ByPolicy[name] = hit
	}
}

// Shadowed are the policies of a draft that never decide because earlier ones do, with the compiler's sentence. Unless
// it is sure, only what was compiled already tells: a tool that puts ten thousand policies one by one must not have each
// state compiled.
func (s *Service) Shadowed(d *draft.Draft, sure bool) map[string]string {
	if !sure && !s.compiled.has(d) {
		return nil
	}
	c := s.compile(d)
	shadowed := map[string]string{}
	for _, w := range c.warnings {
		if w.Code == policy.RuleShadowed {
			if part, ok := c.lines().Part(w.Line); ok {
				shadowed[part.Name] = w.Message
			}
		}
	}
	return shadowed
}
