package operation

import (
	"context"
	"errors"
	"net/http"

	"fcredirect/mgmt/api/rest"
	"fcredirect/mgmt/audit"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/peer"
	"fcredirect/mgmt/problem"
)

type onePeer struct {
	Name string `path:"name" maxLength:"63" pattern:"^[A-Za-z0-9_][A-Za-z0-9._-]*$" doc:"The name of a node."`
}

type listPeers struct {
	rest.Page
	State string `query:"state" enum:"alone,self,no_certificate,away,connected,synced" doc:"Only nodes in this state."`
}

type writePeer struct {
	rest.DryRun
	Name string `path:"name" maxLength:"63" pattern:"^[A-Za-z0-9_][A-Za-z0-9._-]*$" doc:"The name of a node."`
}

type handOverPeer struct {
	rest.DryRun
	Name  string `path:"name" maxLength:"63" pattern:"^[A-Za-z0-9_][A-Za-z0-9._-]*$" doc:"The name of the partner."`
	Force bool   `query:"force" doc:"Though the partner is not ready, or has another policy. It must be alive all the same."`
}

// HandOver is what came of a planned hand-over.
type HandOver struct {
	Done      bool     `json:"done"`
	Obstacles []string `json:"obstacles" doc:"What stands in the way; with force: stood."`
	TookMS    float64  `json:"took_ms" doc:"until the partner had the work"`
}

func (n *noun) peers(a *rest.API) {
	rest.Register(a, rest.Operation{
		ID: "list-peers", Method: http.MethodGet, Path: root + "peers", Tag: "peer", Permission: auth.PeerRead, Summary: "The nodes that keep each other in step",
		Errors:      []problem.Code{problem.BadCursor, problem.RoleUnavailable},
		Description: "This node is among them. A node that the configuration gives no peers is listed alone.",
	}, n.listPeers)
	rest.Register(a, rest.Operation{
		ID: "get-peer", Method: http.MethodGet, Path: root + "peers/{name}", Tag: "peer", Permission: auth.PeerRead, Summary: "A node, and how far it is",
		Errors: []problem.Code{problem.NotFound, problem.RoleUnavailable},
	}, n.getPeer)
	rest.Register(a, rest.Operation{
		ID: "sync-peer", Method: http.MethodPost, Path: root + "peers/{name}/sync", Tag: "peer", Permission: auth.PeerWrite, Audit: "peer.sync",
		Status: http.StatusOK, Summary: "Have everything go to a node, and come from it, once more",
		Errors:      []problem.Code{problem.NotFound, problem.Conflict, problem.RoleUnavailable},
		Description: "What the other has is replaced as a whole when all of it is there; nothing is missing meanwhile. It is never needed: digests find and repair what differs.",
	}, n.syncPeer)
	rest.Register(a, rest.Operation{
		ID: "handover-peer", Method: http.MethodPost, Path: root + "peers/{name}/handover", Tag: "peer", Permission: auth.PeerWrite, Audit: "peer.handover",
		Status: http.StatusOK, Summary: "Have the partner of an inline pair take over from this node",
		Errors:      []problem.Code{problem.NotFound, problem.Conflict, problem.DataplaneRefused, problem.DataplaneUnavailable, problem.RoleUnavailable},
		Description: "Answers when the partner forwards frames. A dry run says what stands in the way.",
	}, n.handOverPeer)
}

// allPeers asks the role. A list of nobody is one that cannot be.
func (n *noun) allPeers(ctx context.Context) ([]peer.Peer, error) {
	a, err := ask[peer.ListAnswer](ctx, n.Bus, peer.RoleName, peer.MethodList, struct{}{})
	return a.Peers, err
}

func (n *noun) listPeers(ctx context.Context, in *listPeers) (*rest.List[peer.Peer], error) {
	all, err := n.allPeers(ctx)
	if err != nil {
		return nil, err
	}
	var chosen []peer.Peer
	for _, p := range all {
		if in.State == "" || p.State == in.State {
			chosen = append(chosen, p)
		}
	}
	return page(n.api, in.Page, in.State, chosen, "name", map[string]func(*peer.Peer) string{
		"name":        func(p *peer.Peer) string { return p.Name },
		"state":       func(p *peer.Peer) string { return p.State },
		"lag_updates": func(p *peer.Peer) string { return number(int64(p.Lag)) },
	}, func(p *peer.Peer) string { return p.Name })
}

func (n *noun) findPeer(ctx context.Context, name string) (*peer.Peer, error) {
	all, err := n.allPeers(ctx)
	if err != nil {
		return nil, err
	}
	for i := range all {
		if all[i].Name == name {
			return &all[i], nil
		}
	}
	return nil, problem.New(problem.NotFound, "No node is called so.")
}

func (n *noun) getPeer(ctx context.Context, in *onePeer) (*rest.Item[peer.Peer], error) {
	p, err := n.findPeer(ctx, in.Name)
	if err != nil {
		return nil, err
	}
	return rest.One(*p, 0), nil
}

func (n *noun) syncPeer(ctx context.Context, in *writePeer) (*rest.Item[peer.Peer], error) {
	audit.Object(ctx, "peer/"+in.Name)
	if in.DryRun.DryRun {
		p, err := n.findPeer(ctx, in.Name)
		switch {
		case err != nil:
			return nil, err
		case p.State != "connected" && p.State != "synced":
			return nil, problem.New(problem.Conflict, "It is not connected, or is this node itself.")
		}
		return rest.One(*p, 0), nil
	}
	p, err := ask[peer.Peer](ctx, n.Bus, peer.RoleName, peer.MethodSync, peer.NameRequest{Name: in.Name, By: who(ctx)})
	if err != nil {
		return nil, refusedByPeer(err)
	}
	return rest.One(p, 0), nil
}

func (n *noun) handOverPeer(ctx context.Context, in *handOverPeer) (*rest.Item[HandOver], error) {
	audit.Object(ctx, "peer/"+in.Name)
	q := peer.HandOverRequest{NameRequest: peer.NameRequest{Name: in.Name, By: who(ctx)}, Force: in.Force, Check: in.DryRun.DryRun}
	a, err := ask[peer.HandOverAnswer](ctx, n.Bus, peer.RoleName, peer.MethodHandOver, q)
	if err != nil {
		return nil, refusedByPeer(err)
	}
	return rest.One(HandOver(a), 0), nil
}

// refusedByPeer makes a problem of what role peer says.
func refusedByPeer(err error) error {
	var said *bus.Error
	if !errors.As(err, &said) {
		return err
	}
	code := problem.Conflict
	switch said.Code {
	case peer.CodeUnknown:
		code = problem.NotFound
	case peer.CodeNoPlane:
		code = problem.DataplaneUnavailable
	case peer.CodeRefused:
		code = problem.DataplaneRefused
	}
	return problem.Wrap(code, err, "%s", said.Text)
}
