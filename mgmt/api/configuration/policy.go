package configuration

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/change"
	"fcredirect/mgmt/change/draft"
	"fcredirect/mgmt/problem"
)

// PolicyItem is a policy as it is answered and taken.
type PolicyItem struct {
	draft.Policy
	Place    *draft.Place `json:"place,omitempty" writeOnly:"true" doc:"Where to put it; a new one goes to the end, and one that is there stays, unless it is said."`
	Position int          `json:"position,omitempty" readOnly:"true" doc:"Its place, from 1."`
	Hits     *change.Hit  `json:"hits,omitempty" readOnly:"true" doc:"What the policy of this name decides now, in the active configuration. Absent: it is not there, or the data plane does not run."`
	NeverHit bool         `json:"never_hit,omitempty" readOnly:"true" doc:"It is active and enabled, and was not seen to decide a flow since hits are watched."`
	Shadowed string       `json:"shadowed,omitempty" readOnly:"true" doc:"Why it can never decide: earlier policies do. The list, and validate, always find it out; one policy has it where that was done."`
	Version  uint64       `json:"version,omitempty" readOnly:"true" doc:"The number in its ETag. Its place is not part of it."`
}

type policiesInput struct {
	rest.Page
	On
	Filter
}

func registerPolicies(a *rest.API, c *change.Service) {
	n := &noun[draft.Policy, PolicyItem]{
		kind: draft.KindPolicy, plural: "policies", read: auth.PolicyRead, write: auth.PolicyWrite,
		list: func(d *draft.Draft) []*draft.Policy { return d.Policies },
		get:  func(d *draft.Draft, name string) *draft.Policy { p, _ := d.Policy(name); return p },
		name: func(v *PolicyItem) *string { return &v.Name }, show: showPolicies, take: func(v *PolicyItem) draft.Policy { return v.Policy },
		into: func(e *draft.Edit, body *PolicyItem, o *draft.Policy) { e.Policy, e.Place = o, body.Place },
	}
	op := n.operation("list", http.MethodGet, "", "All policies, in their order")
	op.Errors = []problem.Code{problem.BadCursor}
	rest.Register(a, op, func(ctx context.Context, in *policiesInput) (*rest.List[PolicyItem], error) {
		return n.page(ctx, a, c, in)
	})
	n.register(a, c)
	n.actions(a, c)
	registerEvaluate(a, c)
}

// page lists policies by their place or by name. A cursor holds the place, so a move in between is no harm.
func (n *noun[T, V]) page(ctx context.Context, a *rest.API, c *change.Service, in *policiesInput) (*rest.List[V], error) {
	field, down, err := in.By("position", "name")
	if err != nil {
		return nil, err
	}
	v := look(c, in.On.On)
	v.whole = true
	type placed struct {
		at string
		o  *T
	}
	var found []placed
	for i, o := range n.list(v.draft) {
		if p, ok := any(o).(*draft.Policy); ok && in.keeps(p) {
			at := p.Name
			if field == "position" {
				at = fmt.Sprintf("%06d", i)
			}
			found = append(found, placed{at, o})
		}
	}
	if field == "name" {
		sortBy(found, func(p placed) string { return p.at })
	}
	if down {
		reverse(found)
	}
	filter := strings.Join([]string{n.plural, in.On.On, in.Sort, in.Search, in.Action, in.Service, in.Disabled}, "\x00")
	page, err := rest.Cut(a.Cursor, in.Page, filter, found, down, func(p *placed) string { return p.at })
	if err != nil {
		return nil, err
	}
	objects := make([]*T, len(page.Body.Items))
	for i, p := range page.Body.Items {
		objects[i] = p.o
	}
	out := rest.Some(n.show(ctx, v, objects), page.Body.NextCursor)
	out.Body.Total = page.Body.Total
	return out, nil
}

func (f *Filter) keeps(p *draft.Policy) bool {
	return strings.Contains(strings.ToLower(p.Name), strings.ToLower(f.Search)) && (f.Action == "" || f.Action == p.Action) &&
		(f.Service == "" || f.Service == p.Service) && (f.Disabled == "" || (f.Disabled == "true") == p.Disabled)
}

func showPolicies(ctx context.Context, v *view, list []*draft.Policy) []PolicyItem {
	at := map[string]int{}
	if len(list) == 1 {
		_, i := v.draft.Policy(list[0].Name)
		at[list[0].Name] = i + 1
	} else {
		for i, p := range v.draft.Policies {
			at[p.Name] = i + 1
		}
	}
	shadowed := v.change.Shadowed(v.draft, v.whole)
	hits, err := v.change.Hits(ctx)
	out := make([]PolicyItem, len(list))
	for i, o := range list {
		p := PolicyItem{Policy: *o, Position: at[o.Name], Shadowed: shadowed[o.Name], Version: draft.Version(o)}
		if err == nil {
			if h, ok := hits.ByPolicy[o.Name]; ok {
				p.Hits, p.NeverHit = &h, h.LastHit.IsZero() && !o.Disabled
			}
		}
		out[i] = p
	}
	return out
}

type moveInput struct {
	ActInput
	Body draft.Place
}

type cloneInput struct {
	ActInput
	Body struct {
		To    string       `json:"to" maxLength:"256" doc:"The name of the copy."`
		Place *draft.Place `json:"place,omitempty" doc:"Where it goes; behind the original unless said."`
	}
}

// actions adds what is done with policies that are there.
func (n *noun[T, V]) actions(a *rest.API, c *change.Service) {
	act := func(verb, summary string) rest.Operation {
		op := n.operation(verb, http.MethodPost, "/{name}/"+verb, summary)
		op.Errors = append(op.Errors[:len(op.Errors):len(op.Errors)], problem.NotFound)
		return op
	}
	rest.Register(a, act("move", "Give a policy another place"), func(ctx context.Context, in *moveInput) (*rest.Item[V], error) {
		e := draft.Edit{Op: draft.Move, Kind: draft.KindPolicy, Name: in.Name, Place: &in.Body}
		return n.act(ctx, c, e, in.Name, in.Precondition, in.DryRun.DryRun)
	})
	for _, verb := range []string{"enable", "disable"} {
		rest.Register(a, act(verb, strings.ToUpper(verb[:1])+verb[1:]+" a policy"), func(ctx context.Context, in *ActInput) (*rest.Item[V], error) {
			old, _ := c.Draft(change.PendingOne).Policy(in.Name)
			if old == nil {
				return nil, problem.New(problem.NotFound, "There is no policy of this name.")
			}
			next := *old
			next.Disabled = verb == "disable"
			return n.copy(ctx, c, in, old, &next, nil)
		})
	}
	clone := act("clone", "Copy a policy")
	clone.Status = http.StatusCreated
	rest.Register(a, clone, func(ctx context.Context, in *cloneInput) (*rest.Item[V], error) {
		now := c.Draft(change.PendingOne)
		old, _ := now.Policy(in.Name)
		if old == nil {
			return nil, problem.New(problem.NotFound, "There is no policy of this name.")
		}
		if taken, _ := now.Policy(in.Body.To); taken != nil {
			return nil, problem.New(problem.AlreadyExists, "").At("body/to", "is the name of another policy")
		}
		next := *old
		next.Name = in.Body.To
		place := in.Body.Place
		if place == nil {
			place = &draft.Place{After: in.Name}
		}
		item, err := n.copy(ctx, c, &in.ActInput, old, &next, place)
		if err != nil {
			return nil, err
		}
		return item.Created(n.at(in.Body.To)), nil
	})
}

// copy puts a policy that was made of another one, if that one is still as it was.
func (n *noun[T, V]) copy(ctx context.Context, c *change.Service, in *ActInput, old, next *draft.Policy, place *draft.Place) (*rest.Item[V], error) {
	audit.Object(ctx, "policy/"+next.Name)
	audit.Before(ctx, old)
	e := draft.Edit{Op: draft.Put, Kind: draft.KindPolicy, Name: next.Name, Policy: next, Place: place}
	then, err := c.Edit(ctx, who(ctx), e, in.DryRun.DryRun, func(d *draft.Draft) error {
		now, _ := d.Policy(old.Name)
		if now == nil || draft.Version(now) != draft.Version(old) {
			return problem.New(problem.Conflict, "The policy was edited meanwhile.")
		}
		if taken, _ := d.Policy(next.Name); taken != nil && next.Name != old.Name {
			return problem.New(problem.AlreadyExists, "").At("body/to", "is the name of another policy")
		}
		return given(in.Precondition, draft.Version(now))
	})
	if err != nil {
		return nil, err
	}
	audit.After(ctx, next)
	return n.item(ctx, &view{change: c, on: change.PendingOne, draft: then}, next.Name)
}

// Question asks for the verdict on a flow.
type Question struct {
	Initiator string `json:"initiator,omitempty" maxLength:"256" doc:"An alias or a WWPN; absent: not known, which matches any alone."`
	Target    string `json:"target,omitempty" maxLength:"256"`
	VSAN      uint16 `json:"vsan,omitempty" maximum:"4095" doc:"0: without a tag."`
	On        string `json:"on,omitempty" enum:"active,pending" default:"active" doc:"Which configuration is asked."`
	All       bool   `json:"all,omitempty" doc:"List also the policies that have nothing to do with it."`
	Limit     int    `json:"limit,omitempty" minimum:"1" maximum:"1000" default:"100" doc:"How many policies are listed at most."`
}

func registerEvaluate(a *rest.API, c *change.Service) {
	rest.Register(a, rest.Operation{
		ID: "evaluate-policy", Method: http.MethodPost, Path: "/api/v1/policies/evaluate", Tag: "policy", Permission: auth.PolicyRead, Audit: "policy.evaluate",
		Summary: "What would be decided about a flow, and why", Description: "It asks the evaluator that the data plane uses, and changes nothing.",
	}, func(_ context.Context, in *struct{ Body Question }) (*rest.Item[change.Explanation], error) {
		d := c.Draft(change.Which(in.Body.On))
		x, err := c.Evaluate(d, change.Question{Initiator: in.Body.Initiator, Target: in.Body.Target, VSAN: in.Body.VSAN, All: in.Body.All, Limit: in.Body.Limit})
		if err != nil {
			return nil, err
		}
		return rest.One(*x, 0), nil
	})
}
