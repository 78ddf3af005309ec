package configuration

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/change"
	"fcredirect/mgmt/change/draft"
	"fcredirect/mgmt/cluster"
	"fcredirect/mgmt/problem"
)

// Deps is what the operations are made of.
type Deps struct {
	Change  *change.Service
	Cluster *cluster.Service // nil: this node stands alone
	Node    string
}

// Register adds all operations.
func Register(a *rest.API, d Deps) {
	registerAliases(a, d.Change)
	registerSets(a, d.Change)
	registerServices(a, d.Change)
	registerPolicies(a, d.Change)
	registerChange(a, d.Change)
	registerWay(a, d.Change, d.Cluster)
	registerHistory(a, d.Change)
	registerDocument(a, d.Change)
	registerCluster(a, d)
}

// noun is what the kinds of objects have in common: lists, reads, writes and renames. T is the object, V what is answered
// and taken: the object with what is known of it.
type noun[T, V any] struct {
	kind        draft.Kind
	plural      string
	read, write auth.Permission
	maxBody     int64

	list func(*draft.Draft) []*T
	get  func(d *draft.Draft, name string) *T
	name func(*V) *string
	// show makes answers of objects. It is asked for a page at a time.
	show func(ctx context.Context, v *view, objects []*T) []V
	take func(*V) T                         // the object in a body
	into func(e *draft.Edit, body *V, o *T) // puts it into an edit
}

// view is the configuration that is shown.
type view struct {
	change *change.Service
	on     change.Which
	draft  *draft.Draft
	whole  bool // a list is asked for: what costs a compilation is worth it
}

func look(c *change.Service, on string) *view {
	v := &view{change: c, on: change.PendingOne}
	if on == string(change.ActiveOne) {
		v.on = change.ActiveOne
	}
	v.draft = c.Draft(v.on)
	return v
}

// On says which configuration is read.
type On struct {
	On string `query:"on" enum:"pending,active" default:"pending" doc:"The configuration: what is being edited, or what decides."`
}

// Filter selects objects.
type Filter struct {
	Search   string `query:"search" maxLength:"64" doc:"A part of the name."`
	Action   string `query:"action" enum:"forward,redirect,mirror,drop" doc:"Policies with this action."`
	Service  string `query:"service" maxLength:"256" doc:"Policies with this service."`
	Disabled string `query:"disabled" enum:"true,false" doc:"Policies that are, or are not, disabled."`
}

// Named selects objects without fields of their own.
type Named struct {
	Search string `query:"search" maxLength:"64" doc:"A part of the name."`
}

type listInput struct {
	rest.Page
	On
	Named
}

type getInput struct {
	Name string `path:"name" maxLength:"256" doc:"The name."`
	On
}

type putInput[V any] struct {
	Name string `path:"name" maxLength:"256" doc:"The name."`
	rest.Precondition
	rest.DryRun
	Body V
}

type deleteInput struct {
	Name string `path:"name" maxLength:"256" doc:"The name."`
	rest.Precondition
	rest.DryRun
}

type renameInput struct {
	Name string `path:"name" maxLength:"256" doc:"The name."`
	rest.Precondition
	rest.DryRun
	Body struct {
		To string `json:"to" maxLength:"256" doc:"The new name."`
	}
}

// edits are the problems that every edit may end in.
var edits = []problem.Code{
	problem.Locked, problem.ConfirmWindowOpen, problem.PreconditionRequired, problem.PreconditionFailed, problem.AlreadyExists, problem.LimitReached,
}

func (n *noun[T, V]) path() string { return "/api/v1/" + n.plural }

func (n *noun[T, V]) at(name string) string { return n.path() + "/" + url.PathEscape(name) }

// operation is the declaration of what is done with the noun.
func (n *noun[T, V]) operation(verb, method, path, summary string) rest.Operation {
	id := verb + "-" + string(n.kind)
	if strings.HasPrefix(verb, "list") {
		id = "list-" + n.plural
	}
	op := rest.Operation{ID: id, Method: method, Path: n.path() + path, Summary: summary, Tag: string(n.kind), Permission: n.read, MaxBody: n.maxBody}
	if method != http.MethodGet {
		op.Permission, op.Audit, op.Errors = n.write, string(n.kind)+"."+verb, edits
	}
	return op
}

// register adds what all nouns have, but for the list.
func (n *noun[T, V]) register(a *rest.API, c *change.Service) {
	get := n.operation("get", http.MethodGet, "/{name}", "One "+string(n.kind))
	get.Errors = []problem.Code{problem.NotFound}
	rest.Register(a, get, func(ctx context.Context, in *getInput) (*rest.Item[V], error) {
		v := look(c, in.On.On)
		return n.item(ctx, v, in.Name)
	})
	put := n.operation("put", http.MethodPut, "/{name}", "Create or replace a "+string(n.kind))
	put.Description = "It is edited in the pending configuration, whose lock you get if nobody has it. What it names must be there."
	rest.Register(a, put, func(ctx context.Context, in *putInput[V]) (*rest.Item[V], error) { return n.put(ctx, c, in) })
	del := n.operation("delete", http.MethodDelete, "/{name}", "Delete a "+string(n.kind))
	del.Errors = append(del.Errors[:len(del.Errors):len(del.Errors)], problem.InUse)
	rest.Register(a, del, func(ctx context.Context, in *deleteInput) (*rest.Nothing, error) { return n.delete(ctx, c, in) })
	rename := n.operation("rename", http.MethodPost, "/{name}/rename", "Rename a "+string(n.kind))
	rename.Description = "It gets the new name wherever it is used."
	rename.Errors = append(rename.Errors[:len(rename.Errors):len(rename.Errors)], problem.NotFound)
	rest.Register(a, rename, func(ctx context.Context, in *renameInput) (*rest.Item[V], error) {
		e := draft.Edit{Op: draft.Rename, Kind: n.kind, Name: in.Name, To: in.Body.To}
		return n.act(ctx, c, e, in.Body.To, in.Precondition, in.DryRun.DryRun)
	})
}

// lists adds the list of a noun without fields to filter by.
func (n *noun[T, V]) lists(a *rest.API, c *change.Service) {
	op := n.operation("list", http.MethodGet, "", "All "+n.plural)
	op.Errors = []problem.Code{problem.BadCursor}
	rest.Register(a, op, func(ctx context.Context, in *listInput) (*rest.List[V], error) {
		_, down, err := in.By("name")
		if err != nil {
			return nil, err
		}
		v := look(c, in.On.On)
		var found []*T
		for _, o := range n.list(v.draft) {
			if strings.Contains(strings.ToLower(n.named(o)), strings.ToLower(in.Search)) {
				found = append(found, o)
			}
		}
		if down {
			reverse(found)
		}
		filter := strings.Join([]string{n.plural, in.On.On, in.Sort, in.Search}, "\x00")
		page, err := rest.Cut(a.Cursor, in.Page, filter, found, down, func(o **T) string { return n.named(*o) })
		if err != nil {
			return nil, err
		}
		return shown(ctx, n, v, page), nil
	})
}

func reverse[T any](list []T) {
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
}

// shown makes a page of answers of a page of objects.
func shown[T, V any](ctx context.Context, n *noun[T, V], v *view, page *rest.List[*T]) *rest.List[V] {
	out := rest.Some(n.show(ctx, v, page.Body.Items), page.Body.NextCursor)
	out.Body.Total = page.Body.Total
	return out
}

// named is the name of an object.
func (n *noun[T, V]) named(o *T) string {
	switch o := any(o).(type) {
	case *draft.Alias:
		return o.Name
	case *draft.Set:
		return o.Name
	case *draft.Service:
		return o.Name
	case *draft.Policy:
		return o.Name
	}
	return ""
}

// version is the entity tag of an object; 0 where there is none.
func (n *noun[T, V]) version(d *draft.Draft, name string) uint64 {
	o := n.get(d, name)
	if o == nil {
		return 0
	}
	return draft.Version(o)
}

func (n *noun[T, V]) item(ctx context.Context, v *view, name string) (*rest.Item[V], error) {
	o := n.get(v.draft, name)
	if o == nil {
		return nil, problem.New(problem.NotFound, "There is no %s of this name.", n.kind)
	}
	return rest.One(n.show(ctx, v, []*T{o})[0], draft.Version(o)), nil
}

func (n *noun[T, V]) put(ctx context.Context, c *change.Service, in *putInput[V]) (*rest.Item[V], error) {
	audit.Object(ctx, string(n.kind)+"/"+in.Name)
	if name := *n.name(&in.Body); name != "" && name != in.Name {
		return nil, problem.New(problem.Invalid, "").At("body/name", "must be the name in the path, or be left out")
	}
	object := n.take(&in.Body)
	e := draft.Edit{Op: draft.Put, Kind: n.kind, Name: in.Name}
	n.into(&e, &in.Body, &object)
	var before uint64
	next, err := c.Edit(ctx, who(ctx), e, in.DryRun.DryRun, func(d *draft.Draft) error {
		if o := n.get(d, in.Name); o != nil {
			audit.Before(ctx, o)
		}
		before = n.version(d, in.Name)
		return in.Check(before)
	})
	if err != nil {
		return nil, err
	}
	item, err := n.item(ctx, &view{change: c, on: change.PendingOne, draft: next}, in.Name)
	if err != nil {
		return nil, err
	}
	audit.After(ctx, n.get(next, in.Name))
	if before == 0 {
		item.Created(n.at(in.Name))
	}
	return item, nil
}

func (n *noun[T, V]) delete(ctx context.Context, c *change.Service, in *deleteInput) (*rest.Nothing, error) {
	audit.Object(ctx, string(n.kind)+"/"+in.Name)
	e := draft.Edit{Op: draft.Delete, Kind: n.kind, Name: in.Name}
	_, err := c.Edit(ctx, who(ctx), e, in.DryRun.DryRun, func(d *draft.Draft) error {
		o := n.get(d, in.Name)
		if o == nil {
			return nil // what is not there is deleted
		}
		audit.Before(ctx, o)
		return in.Check(draft.Version(o))
	})
	return &rest.Nothing{}, err
}

// act makes an edit of an object that is there, and answers with the one of the name that it has then.
func (n *noun[T, V]) act(ctx context.Context, c *change.Service, e draft.Edit, then string, p rest.Precondition, dry bool) (*rest.Item[V], error) {
	audit.Object(ctx, string(n.kind)+"/"+e.Name)
	next, err := c.Edit(ctx, who(ctx), e, dry, func(d *draft.Draft) error {
		o := n.get(d, e.Name)
		if o == nil {
			return problem.New(problem.NotFound, "There is no %s of this name.", n.kind)
		}
		audit.Before(ctx, o)
		return given(p, draft.Version(o))
	})
	if err != nil {
		return nil, err
	}
	if o := n.get(next, then); o != nil {
		audit.After(ctx, o)
	}
	return n.item(ctx, &view{change: c, on: change.PendingOne, draft: next}, then)
}

// given checks a precondition of an action, which need not have one: the action says itself what it means.
func given(p rest.Precondition, version uint64) error {
	if p.IfMatch == "" && p.IfNoneMatch == "" {
		return nil
	}
	return p.Check(version)
}

// who is the name that edits.
func who(ctx context.Context) string {
	if a := auth.From(ctx); a != nil {
		return a.Name
	}
	return ""
}
