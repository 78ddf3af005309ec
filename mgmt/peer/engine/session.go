package engine

import (
	"errors"
	"fmt"
	"slices"

	"fcredirect/mgmt/peer/record"
	"fcredirect/mgmt/peer/wire"
)

// A session with a peer in the order in which it runs: Connect, hello both ways (greet checks the peer's), then
// frames, then fail or Close. A connection counts for its group only after the peer's hello was found right, so that a
// stranger who is refused disturbs nobody.

// Connect takes over a connection that stands, to a peer who has proved its name.
func (e *Engine) Connect(now int64, peerName string, g Group) (*Conn, error) {
	slot, ok := e.Slot(peerName)
	if !ok || slot == e.self || g >= NumGroups {
		return nil, fmt.Errorf("connect %q: %w", peerName, ErrUnknownPeer)
	}
	e.mu.Lock()
	defer e.unlock()
	c := &Conn{e: e, peer: e.peers[slot], group: g, started: now, heard: now, wakeAt: never, ackAt: never}
	c.beatAt = now + int64(e.cfg.Settings.HeartbeatEvery)
	return c, nil
}

// hello is ours.
func (e *Engine) hello(g Group) *wire.Hello {
	h := &wire.Hello{
		Version: wire.Version, MinVersion: wire.MinVersion, Capabilities: wire.CanZstd, Group: uint8(g),
		Dictionary: wire.DefaultDictionary, Shapes: wire.Shapes(), Cluster: e.cfg.Cluster, Node: e.cfg.Self,
		Instance: e.cfg.Instance, Incarnation: e.own().incarnation, Nodes: e.names, Wall: e.wall(),
	}
	for slot, o := range e.origins {
		k := wire.Known{Position: o.position()}
		if p := e.peers[slot]; p != nil {
			k.Instance = p.instance
		} else {
			k.Instance = e.cfg.Instance
		}
		h.Known = append(h.Known, k)
	}
	return h
}

func (e *Engine) wall() int64 {
	if e.cfg.Wall == nil {
		return 0
	}
	return e.cfg.Wall()
}

// greet takes the peer's hello, and lets the connection take its place.
func (c *Conn) greet(now int64, payload []byte) error {
	e, p := c.e, c.peer
	if c.theirs != nil {
		return errors.New("a second hello")
	}
	h := new(wire.Hello)
	if err := h.Parse(payload); err != nil {
		return err
	}
	if reason, err := c.judge(h); err != nil {
		e.tell(Notice{Kind: Refused, Peer: p.name, Group: c.group, Text: err.Error()})
		return &ending{reason, err}
	}
	agreed, err := wire.Agree(e.hello(c.group), h)
	if err != nil {
		e.tell(Notice{Kind: Refused, Peer: p.name, Group: c.group, Text: err.Error()})
		return &ending{wire.Unacceptable, err}
	}
	if err := e.identify(now, c, h); err != nil {
		return err
	}
	c.theirs = h
	c.enc, c.dec = wire.NewEncoder(agreed.Options()), wire.NewDecoder(agreed.Options())
	if old := p.conns[c.group]; old != nil {
		old.end(now, wire.Replaced, errors.New("a newer connection replaces it"))
	}
	p.conns[c.group] = c
	if c.group == Urgent {
		p.since, p.synced, p.target = now, false, mark{}
	}
	for i := range h.Known {
		e.heard(p, h.Known[i].Position)
	}
	for s := range record.NumStreams {
		e.origins[p.slot].progress[s] = now
	}
	e.reborn(now, p, h)
	for slot := range e.origins {
		for s := range record.NumStreams {
			if f := &p.flows[slot][s]; f.cut == nil && f.last == nil {
				p.rewind(f, now)
			}
		}
	}
	for _, each := range p.conns { // with this one there, the other may have to do too
		e.wake(each, now)
	}
	e.tell(Notice{Kind: Connected, Peer: p.name, Group: c.group, Number: h.Incarnation})
	e.checkSynced(p)
	return nil
}

// judge says why a hello cannot be of this peer over this connection.
func (c *Conn) judge(h *wire.Hello) (wire.Reason, error) {
	e := c.e
	switch {
	case h.Cluster != e.cfg.Cluster:
		return wire.Unacceptable, fmt.Errorf("hello of cluster %q, ours is %q", h.Cluster, e.cfg.Cluster)
	case h.Node != c.peer.name:
		return wire.Unacceptable, fmt.Errorf("hello of node %q over a connection to %q", h.Node, c.peer.name)
	case Group(h.Group) != c.group:
		return wire.Unacceptable, fmt.Errorf("hello for group %d over a connection of group %v", h.Group, c.group)
	case !slices.Equal(h.Nodes, e.names):
		return wire.Unacceptable, fmt.Errorf("the peer has nodes %q, we have %q", h.Nodes, e.names)
	case h.Incarnation == 0 || h.Incarnation > MaxIncarnation:
		return wire.Unacceptable, fmt.Errorf("hello of incarnation %d", h.Incarnation)
	}
	for _, k := range h.Known {
		if k.Incarnation > MaxIncarnation || k.Slot == e.self && k.Incarnation > min(e.own().incarnation+maxStep, MaxIncarnation-1) {
			return wire.Unacceptable, fmt.Errorf("hello that knows of incarnation %d of %s", k.Incarnation, e.names[min(int(k.Slot), len(e.names)-1)])
		}
	}
	return 0, nil
}

// identify finds out whether it is the node that we know. Another instance of it is a new start; but one that was replaced
// before, while its successor is connected, is a second node by that name.
func (e *Engine) identify(now int64, c *Conn, h *wire.Hello) error {
	p := c.peer
	if h.Instance == p.instance {
		return nil
	}
	live := p.conns[Urgent] != nil || p.conns[Bulk] != nil
	if live && slices.Contains(p.replaced, h.Instance) {
		e.tell(Notice{Kind: DuplicateNode, Peer: p.name, Text: "an instance that was replaced speaks again while its successor is connected"})
		return &ending{wire.DuplicateNode, errors.New("another instance of this node is connected")}
	}
	for _, old := range p.conns {
		if old != nil {
			old.end(now, wire.Replaced, errors.New("the peer has started anew"))
		}
	}
	if p.instance != ([16]byte{}) {
		p.replaced = append(p.replaced, p.instance)
		p.replaced = p.replaced[max(0, len(p.replaced)-maxReplaced):]
	}
	p.replaced = slices.DeleteFunc(p.replaced, func(i [16]byte) bool { return i == h.Instance })
	p.instance = h.Instance
	return nil
}

// reborn makes us begin a higher incarnation when the peer has known a higher one of our name, or this one of another
// instance: our own memory of it was lost. Versions go on; everybody gets everything anew.
func (e *Engine) reborn(now int64, p *peer, h *wire.Hello) {
	own := e.own()
	for _, k := range h.Known {
		if k.Slot != e.self || k.Incarnation < own.incarnation || k.Incarnation == own.incarnation &&
			(k.Instance == e.cfg.Instance || k.Instance == [16]byte{}) && k.Applied[record.State] <= own.table.Head(record.State) &&
			k.Applied[record.Counts] <= own.table.Head(record.Counts) {
			continue
		}
		own.incarnation = k.Incarnation + 1
		for s := range record.NumStreams {
			for other := range record.NumStreams {
				if m := &own.needs[s][e.self][other]; m.incarnation != 0 {
					m.incarnation = own.incarnation
				}
			}
		}
		e.tell(Notice{Kind: NewIncarnation, Peer: p.name, Number: own.incarnation})
		for _, q := range e.peers {
			if q == nil {
				continue
			}
			for s := range record.NumStreams {
				q.rewind(&q.flows[e.self][s], now)
				e.wake(q.carrier(&q.flows[e.self][s]), now)
			}
		}
	}
}

// ending is an error that tells the peer why.
type ending struct {
	reason wire.Reason
	error
}

// end gives the connection up: it counts no more, and a last Next tells the peer why.
func (c *Conn) end(now int64, reason wire.Reason, why error) {
	if c.err != nil {
		return
	}
	e, p := c.e, c.peer
	c.ended, c.err, c.bye = now, why, &wire.Bye{Reason: reason, Text: why.Error()}
	c.out -= uint64(len(c.queue)) // their numbers were never seen
	c.queue = nil
	for slot := range c.staging {
		for s := range c.staging[slot] {
			if u := c.staging[slot][s]; u != nil {
				u.drop()
			}
			c.staging[slot][s] = nil
		}
	}
	if c.enc != nil {
		p.savings.Add(c.enc.Stages())
	}
	c.staged, c.repair, c.told = 0, nil, [maxNodes]*told{}
	if p.conns[c.group] == c {
		p.conns[c.group] = nil
		e.forsake(c)
		for slot := range p.flows {
			for s := range p.flows[slot] {
				if f := &p.flows[slot][s]; f.origin != nil && (f.conn == c || f.last == c) {
					p.rewind(f, now)
					e.wake(p.carrier(f), f.due)
				}
			}
		}
		if c.group == Urgent {
			p.synced = false
			p.messages, p.express = nil, nil
		}
		e.tell(Notice{Kind: Disconnected, Peer: p.name, Group: c.group, Text: why.Error()})
	}
	e.wake(c, now)
}

// Close ends the connection: nothing comes and goes over it any more. Calling it again is harmless.
func (c *Conn) Close(now int64) {
	c.e.mu.Lock()
	defer c.e.unlock()
	c.end(now, wire.Leaving, ErrClosed)
	c.bye, c.wakeAt = nil, never
}
