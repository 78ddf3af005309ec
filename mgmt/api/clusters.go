package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fcredirect/dataplane/policy"
	"fcredirect/mgmt/change"
	"fcredirect/mgmt/cluster"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/peer"
	"fcredirect/mgmt/settings"
)

// What the cluster's configuration is kept as.
const (
	kindCluster = "local.cluster"
	nameCluster = "state"
)

// clustered puts the other nodes, if there are any, between change control and the data plane.
func (a *assembly) clustered() (change.Plane, error) {
	own := change.Dataplane{Live: a.live}
	if a.Config.Peer.Alone() || a.Bus == nil {
		return own, nil
	}
	var names []string
	for _, n := range a.Config.Peer.Nodes {
		names = append(names, n.Name)
	}
	slices.Sort(names)
	var err error
	a.cluster, err = cluster.New(cluster.Options{
		Nodes: names, Node: a.Config.Node, Plane: own, Peers: overBus{a}, Keep: inSettings{a.settings}, Check: a.compiles, Lock: a.editor,
		Told: a.tellCluster, Log: a.Log,
	})
	if err != nil {
		return nil, err
	}
	return a.cluster, nil
}

// joinCluster answers other nodes, and brings this one after them. Change control is there by now.
func (a *assembly) joinCluster() {
	if a.cluster == nil {
		return
	}
	remove := a.Bus.Handle(peer.MethodAsked, func(ctx context.Context, request []byte) ([]byte, error) {
		var q peer.Question
		if err := json.Unmarshal(request, &q); err != nil {
			return nil, fmt.Errorf("cluster: %w", err)
		}
		return a.cluster.Handle(ctx, q.Node, q.Body)
	})
	a.onClose(func() error { remove(); return nil })
	a.start(a.cluster.Run)
}

// overBus asks other nodes by way of role peer, which has the connections.
type overBus struct{ a *assembly }

// Call puts a question to a node.
func (o overBus) Call(ctx context.Context, node string, request []byte) ([]byte, error) {
	q, err := json.Marshal(peer.Question{Node: node, Body: request})
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	return o.a.Bus.Call(ctx, peer.RoleName, peer.MethodAsk, q)
}

// inSettings keeps the cluster's state among the settings of this machine.
type inSettings struct{ *settings.Store }

// Load reads it.
func (s inSettings) Load() ([]byte, error) {
	r, ok := s.Get(kindCluster, nameCluster)
	if !ok {
		return nil, nil
	}
	return r.Body, nil
}

// Save returns when it is on disk.
func (s inSettings) Save(b []byte) error {
	return s.UpdateLocal(context.Background(), func(tx *settings.Tx) error {
		tx.Put(kindCluster, nameCluster, json.RawMessage(b))
		return nil
	})
}

// compiles says whether a document of another node could decide here: with the ports of this one.
func (a *assembly) compiles(document []byte) error {
	d, err := policy.Parse("document", document)
	if err == nil {
		_, _, err = policy.Compile(d)
	}
	if err != nil {
		return err
	}
	roles, err := change.Segment{Live: a.live}.Ports()
	if err != nil {
		return err
	}
	return d.CheckPorts(func(port string) (string, bool) { role, ok := roles[port]; return role, ok })
}

// editor is who edits here.
func (a *assembly) editor() (owner string, since time.Time) {
	if l := a.change.State().Lock; l != nil {
		return l.Owner, l.Since
	}
	return "", time.Time{}
}

// editorElsewhere is who edits on another node.
func (a *assembly) editorElsewhere() (owner, node string, since time.Time) {
	if a.cluster == nil {
		return "", "", time.Time{}
	}
	if l := a.cluster.Elsewhere(); l != nil {
		return l.Owner, l.Node, l.Since
	}
	return "", "", time.Time{}
}

var clusterEvents = map[string]event.Type{
	cluster.Committed: event.ClusterCommitted, cluster.Followed: event.ClusterFollowed, cluster.Branched: event.ClusterBranched, cluster.Overruled: event.ClusterOverruled,
}

func (a *assembly) tellCluster(what string, v cluster.Version, told map[string]any) {
	if a.Events == nil {
		return
	}
	f := event.Fields{"version": v.String()}
	for from, to := range map[string]string{"document": "document", "from": "peer", "for": "for", "without": "without"} {
		switch value := told[from].(type) {
		case string:
			f[to] = value
		case []string:
			f[to] = strings.Join(value, ", ")
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := a.Events.Append(ctx, clusterEvents[what], f); err != nil && !errors.Is(err, context.Canceled) {
		a.Log.Warn("cluster: an event is not in the log", "event", what, "error", err)
	}
}
