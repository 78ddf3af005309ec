package configuration

import (
	"context"
	"net/http"

	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/cluster"
	"fcredirect/mgmt/problem"
)

// Cluster is all nodes whose configuration is the same, as this one sees them.
type Cluster struct{ cluster.Status }

// registerCluster adds how far the nodes are.
func registerCluster(a *rest.API, d Deps) {
	rest.Register(a, rest.Operation{
		ID: "get-cluster", Method: http.MethodGet, Path: "/api/v1/cluster", Tag: "cluster", Summary: "The configuration of all nodes", Permission: auth.ChangeRead,
		Description: "A change is made on all nodes or on none. Here is where each stands, who edits there, which nodes a change left out, and what was put aside " +
			"when nodes met again. A node that stands alone is the only one.",
	}, func(context.Context, *struct{}) (*rest.Item[Cluster], error) {
		if d.Cluster == nil {
			return rest.One(Cluster{cluster.Status{Node: d.Node, Members: []cluster.Member{{Stand: cluster.Stand{Node: d.Node}, Self: true, Reached: true, Same: true}}}}, 0), nil
		}
		return rest.One(Cluster{d.Cluster.Overview()}, 0), nil
	})
}

// among tells the cluster who asks, and which nodes a change leaves out. Leaving one out is for admins, and is kept.
func among(ctx context.Context, c *cluster.Service, by string, without []string) (context.Context, error) {
	ctx = cluster.By(ctx, by)
	switch {
	case len(without) == 0:
		return ctx, nil
	case c == nil:
		return ctx, problem.New(problem.Invalid, "").At("body/without", "this node stands alone: there is none to leave out")
	}
	if actor := auth.From(ctx); actor == nil || actor.Role != auth.Admin {
		return ctx, problem.New(problem.Forbidden, "Only an admin leaves nodes out of a change.")
	}
	audit.Before(ctx, map[string][]string{"without": without})
	return cluster.Override(ctx, without), nil
}
