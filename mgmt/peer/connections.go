package peer

import (
	"context"
	"fmt"

	"fcredirect/mgmt/alarm"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/peer/engine"
	"fcredirect/mgmt/peer/link"
	"fcredirect/mgmt/peer/pki"
)

// serveLink keeps connections with all peers until ctx ends.
func (c *cluster) serveLink(ctx context.Context, store *pki.Store) error {
	o := link.Options{Store: store, Listen: c.role.o.Peers.Listen, Now: c.now, Connect: c.session, Notify: c.heard, Log: c.role.o.Log}
	o.Settings = link.Defaults()
	o.Settings.Silence = max(o.Settings.Silence, 2*c.silentAfter) // the engine gives up first, and says why
	for _, name := range c.names {
		if name != c.role.o.Node {
			o.Peers = append(o.Peers, link.Peer{Name: name, Address: c.addresses[name]})
		}
	}
	l, err := link.New(o)
	if err != nil {
		return fmt.Errorf("peer: %w", err)
	}
	c.link.Store(l)
	return l.Run(ctx, nil)
}

// session makes the engine take over a connection that stands.
func (c *cluster) session(now int64, peer string, g link.Group) (link.Session, error) {
	conn, err := c.engine.Connect(now, peer, engine.Group(g))
	if err != nil {
		return nil, err
	}
	return conn, nil
}

// wake has a connection ask the engine for frames.
func (c *cluster) wake(conn *engine.Conn) {
	if l := c.link.Load(); l != nil {
		l.Wake(conn)
	}
}

// failure is why there is no connection with a node.
func (c *cluster) failure(name string) string {
	if fault := c.fault.Load(); fault != nil {
		return *fault
	}
	l := c.link.Load()
	if l == nil {
		return ""
	}
	for _, s := range l.Status() {
		if s.Peer == name && s.Group == link.Urgent && !s.Connected {
			return s.Error
		}
	}
	return ""
}

// heard takes what the connections have to say. It must not wait.
func (c *cluster) heard(n link.Notice) {
	c.later(func(ctx context.Context) { c.tellLink(ctx, n) })
}

func (c *cluster) tellLink(ctx context.Context, n link.Notice) {
	fields := event.Fields{"peer": n.Peer, "address": n.Address, "why": n.Text}
	switch n.Kind {
	case link.Refused:
		if fields["why"] = fmt.Sprintf("%s (%s)", n.Reason, n.Text); n.Count > 1 {
			fields["why"] = fmt.Sprintf("%s (%s), %d times", n.Reason, n.Text, n.Count)
		}
		c.tell(ctx, event.PeerRefused, fields)
		if n.Reason == pki.OwnName {
			c.role.o.Alarms.Happened(alarm.PeerDuplicate, subject(n.Peer), "a machine at "+n.Address+" has this node's name")
			c.tell(ctx, event.PeerDuplicate, fields)
		}
	case link.Joined:
		c.tell(ctx, event.PeerJoined, fields)
	case link.Renewed, link.Revocations:
		fields["why"] = map[link.NoticeKind]string{link.Renewed: "another certificate is in use", link.Revocations: "a newer list of revocations is in force"}[n.Kind]
		c.tell(ctx, event.PeerCertificates, fields)
	case link.Trouble:
		c.role.o.Log.Warn("peer: certificates", "error", n.Text)
	case link.Ended:
		if n.Group == link.Urgent && c.connected[n.Peer] && !c.isConnected(n.Peer) { // another one may have taken its place
			delete(c.connected, n.Peer)
			c.tell(ctx, event.PeerDisconnected, fields)
		}
	case link.Connected: // the engine tells when both have said who they are
	}
}
