package configuration

import (
	"context"
	"net/http"

	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/change"
	"fcredirect/mgmt/change/draft"
	"fcredirect/mgmt/problem"
)

// AliasItem is an alias as it is answered. What is read-only may stand in what is sent, and is not heeded.
type AliasItem struct {
	draft.Alias
	Version uint64 `json:"version,omitempty" readOnly:"true" doc:"The number in its ETag."`
}

// SetItem is a set as it is answered.
type SetItem struct {
	draft.Set
	Version uint64 `json:"version,omitempty" readOnly:"true" doc:"The number in its ETag."`
}

func registerAliases(a *rest.API, c *change.Service) {
	n := &noun[draft.Alias, AliasItem]{
		kind: draft.KindAlias, plural: "aliases", read: auth.AliasRead, write: auth.AliasWrite,
		list: func(d *draft.Draft) []*draft.Alias { return d.Aliases }, get: (*draft.Draft).Alias, name: func(v *AliasItem) *string { return &v.Name },
		show: func(_ context.Context, _ *view, list []*draft.Alias) []AliasItem {
			out := make([]AliasItem, len(list))
			for i, o := range list {
				out[i] = AliasItem{*o, draft.Version(o)}
			}
			return out
		},
		take: func(v *AliasItem) draft.Alias { return v.Alias }, into: func(e *draft.Edit, _ *AliasItem, o *draft.Alias) { e.Alias = o },
	}
	n.lists(a, c)
	n.register(a, c)
}

func registerSets(a *rest.API, c *change.Service) {
	n := &noun[draft.Set, SetItem]{
		kind: draft.KindSet, plural: "sets", read: auth.SetRead, write: auth.SetWrite, maxBody: rest.MaxBody,
		list: func(d *draft.Draft) []*draft.Set { return d.Sets }, get: (*draft.Draft).Set, name: func(v *SetItem) *string { return &v.Name },
		show: func(_ context.Context, _ *view, list []*draft.Set) []SetItem {
			out := make([]SetItem, len(list))
			for i, o := range list {
				out[i] = SetItem{*o, draft.Version(o)}
			}
			return out
		},
		take: func(v *SetItem) draft.Set { return v.Set }, into: func(e *draft.Edit, _ *SetItem, o *draft.Set) { e.Set = o },
	}
	n.lists(a, c)
	n.register(a, c)
}

// ServiceItem is a service as it is answered.
type ServiceItem struct {
	draft.Service
	State   string      `json:"state,omitempty" enum:"up,down,unknown" readOnly:"true" doc:"unknown: the active configuration does not have it, or the data plane does not run."`
	Flips   uint32      `json:"flips,omitempty" readOnly:"true" doc:"How often it came or went."`
	Active  *change.Hit `json:"active,omitempty" readOnly:"true" doc:"The flows that the active configuration sends through it now."`
	Drained bool        `json:"drained,omitempty" readOnly:"true" doc:"Policies use it, and all of them are disabled."`
	UsedBy  []string    `json:"used_by,omitempty" readOnly:"true" doc:"The policies that name it."`
	Version uint64      `json:"version,omitempty" readOnly:"true" doc:"The number in its ETag."`
}

func registerServices(a *rest.API, c *change.Service) {
	n := &noun[draft.Service, ServiceItem]{
		kind: draft.KindService, plural: "services", read: auth.ServiceRead, write: auth.ServiceWrite,
		list: func(d *draft.Draft) []*draft.Service { return d.Services }, get: (*draft.Draft).Service, name: func(v *ServiceItem) *string { return &v.Name },
		show: showServices, take: func(v *ServiceItem) draft.Service { return v.Service },
		into: func(e *draft.Edit, _ *ServiceItem, o *draft.Service) { e.Service = o },
	}
	n.lists(a, c)
	n.register(a, c)
	drain := n.operation("drain", http.MethodPost, "/{name}/drain", "Disable all policies that use a service")
	drain.Description = "Its flows go their direct way once this is applied, and the service gets no new ones: then it can be taken down. " +
		"It is an edit like any other: look at the difference, apply, and confirm. Enabling the policies again undoes it."
	drain.Errors = append(drain.Errors[:len(drain.Errors):len(drain.Errors)], problem.NotFound)
	rest.Register(a, drain, func(ctx context.Context, in *ActInput) (*rest.Item[ServiceItem], error) {
		e := draft.Edit{Op: draft.Drain, Kind: draft.KindService, Name: in.Name}
		return n.act(ctx, c, e, in.Name, in.Precondition, in.DryRun.DryRun)
	})
}

// ActInput names what something is done with. It is exported because huma does not see into embedded structs that are not.
type ActInput struct {
	Name string `path:"name" maxLength:"256" doc:"The name."`
	rest.Precondition
	rest.DryRun
}

func showServices(ctx context.Context, v *view, list []*draft.Service) []ServiceItem {
	users := map[string][]string{}
	enabled := map[string]bool{}
	for _, p := range v.draft.Policies {
		if p.Service != "" {
			users[p.Service] = append(users[p.Service], p.Name)
			enabled[p.Service] = enabled[p.Service] || !p.Disabled
		}
	}
	states := v.change.ServiceStates()
	hits, err := v.change.Hits(ctx)
	out := make([]ServiceItem, len(list))
	for i, o := range list {
		s := ServiceItem{Service: *o, Version: draft.Version(o), UsedBy: users[o.Name], State: "unknown"}
		s.Drained = len(s.UsedBy) > 0 && !enabled[o.Name]
		if st, ok := states[o.Name]; ok {
			if s.State = "down"; st.Up {
				s.State = "up"
			}
			s.Flips = st.Flips
		}
		if err == nil {
			if h, ok := hits.ByService[o.Name]; ok {
				s.Active = &h
			}
		}
		out[i] = s
	}
	return out
}
