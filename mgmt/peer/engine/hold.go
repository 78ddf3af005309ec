package engine

import (
	"math"
	"slices"

	"fcredirect/mgmt/peer/record"
	"fcredirect/mgmt/peer/replica"
	"fcredirect/mgmt/peer/wire"
)

// A unit that has come whole is applied when the stream stands where it begins, and everything is here that it depends
// on. Until then it is held, at most one of each stream: one that follows is merged into it, so that what is held is
// bounded by the number of records.

// unit is what moves a stream of another node, staged.
type unit struct {
	origin      *origin
	by          *Conn // that it came over; nil when it is merged of what came over several
	own         bool  // all of it came from the origin itself
	stream      record.Stream
	incarnation uint64
	from, to    uint64
	reset       bool
	table       *replica.Table
	staging     *replica.Staging // nil: we know more already
	needs       vector
	since       int64 // when it was whole
	rows, most  int   // records that are staged, while frames come, and how many there may be
}

func (u *unit) drop() {
	if u.staging != nil {
		u.staging.Discard()
		u.staging = nil
	}
}

// open begins a unit. One of a past incarnation, or of versions that are all here, comes to nothing.
func (e *Engine) open(now int64, by *Conn, w *wire.Unit) *unit {
	o := e.origins[w.Origin]
	u := &unit{origin: o, by: by, own: by.peer.slot == o.slot, most: math.MaxInt, stream: w.Stream, incarnation: w.Incarnation, from: w.From, to: w.To, reset: w.Reset}
	for _, d := range w.Deps {
		u.needs.raise(d.Slot, d.Stream, mark{d.Incarnation, d.Version})
	}
	if !u.own && !e.relays(now, by.peer, o) {
		u.most = alongMax
	}
	if u.own && o.next != nil && o.nextBy != by.peer && o.nextIncarnation != w.Incarnation {
		e.dropNext(o)
	}
	switch {
	case !e.wanted(now, by.peer, o, w.Incarnation):
		return u
	case w.Incarnation < max(o.incarnation, o.nextIncarnation) && w.Incarnation != o.incarnation:
		return u
	case w.Incarnation == o.incarnation:
		if w.To <= o.table.Head(w.Stream) {
			return u
		}
		u.table = o.table
	case !w.Reset && o.nextIncarnation != w.Incarnation:
		return u // the beginning of this incarnation was lost: it is asked for
	default:
		if o.nextIncarnation != w.Incarnation {
			o.next, o.nextIncarnation = e.newTable(o.slot, w.Incarnation), w.Incarnation
			o.nextBy = by.peer
			e.dropHeld(o)
		}
		if u.own {
			o.nextBy = by.peer
		}
		u.table = o.next
	}
	u.staging = u.table.Stage(w.Stream, w.From, w.To, w.Reset)
	return u
}

// dropNext forgets an incarnation that has begun to come.
func (e *Engine) dropNext(o *origin) {
	o.next, o.nextIncarnation, o.nextBy = nil, 0, nil
	e.dropHeld(o)
}

// forsake forgets what waits of other origins and came over a connection that has ended: its end cannot be asked for it any more,
// and it must not stand in the way of what others bring.
func (e *Engine) forsake(c *Conn) {
	for _, o := range e.origins {
		for s, u := range o.held {
			if u != nil && !u.own && u.by == c {
				u.drop()
				o.held[s] = nil
			}
		}
		if p := c.peer; o.next != nil && o.nextBy == p && p.slot != o.slot && p.conns == [NumGroups]*Conn{} {
			e.dropNext(o)
		}
	}
}

// dropHeld forgets what is held for a table that nobody will have.
func (e *Engine) dropHeld(o *origin) {
	for s, u := range o.held {
		if u != nil && u.table != o.table && u.table != o.next {
			u.drop()
			o.held[s] = nil
		}
	}
}

// hold takes a whole unit, and applies what can be applied now.
func (e *Engine) hold(now int64, u *unit) {
	o := u.origin
	if u.staging == nil || u.table != o.table && u.table != o.next {
		u.drop()
		return
	}
	u.since = now
	if h := o.held[u.stream]; h != nil && u.own && !h.own {
		h.drop()
	} else if h != nil {
		u = merged(h, u)
	}
	o.held[u.stream] = u
	e.release(now)
	if o.held[u.stream] == u && u.since == now {
		e.stats.Held++
	}
}

// merged makes one unit of two of a stream, or keeps the one that can be applied first: the other is then asked for again.
func merged(a, b *unit) *unit {
	if a.table != b.table {
		if a.incarnation > b.incarnation {
			a, b = b, a
		}
		a.drop()
		return b
	}
	by := successor(a.by, b.by)
	if b.from < a.from || b.from == a.from && (b.reset && !a.reset || b.reset == a.reset && b.to >= a.to) {
		a, b = b, a
	}
	if b.to <= a.to || b.from > a.to || a.staging.Extend(b.staging) != nil {
		if b.drop(); by != nil {
			a.by = by
		}
		return a
	}
	a.to = b.to
	a.needs.merge(&b.needs)
	a.by, a.own = by, a.own && b.own
	return a
}

// successor is the connection whose word holds for what came over both: a later one to the same start of a peer, because what is
// said over it the peer says when it has said all that came over the one that ended.
func successor(old, new *Conn) *Conn {
	switch {
	case old == new:
		return old
	case old != nil && new != nil && old.err != nil && old.sameNode(new):
		return new
	}
	return nil
}

// release applies what may be applied, until nothing more may.
func (e *Engine) release(now int64) {
	for again := true; again; {
		again = false
		for _, o := range e.origins {
			for s, u := range o.held {
				if u != nil && e.ready(u, nil) {
					o.held[s] = nil
					e.apply(now, u, false)
					again = true
				}
			}
		}
		if !again {
			again = e.releaseTogether(now)
		}
	}
}

// releaseTogether applies units that wait for each other. A unit stands for many changes, so two of them may each have
// something that depends on a part of the other, above all for a newcomer; neither may ever be seen without the other.
// What is applied is the largest set of held units that needs nothing beyond itself and what is here.
func (e *Engine) releaseTogether(now int64) bool {
	var together []*unit
	for _, o := range e.origins {
		for _, u := range o.held {
			if u != nil {
				together = append(together, u)
			}
		}
	}
	for all := false; !all; {
		with := new(vector)
		for _, u := range together {
			with.raise(u.origin.slot, u.stream, mark{u.incarnation, u.to})
		}
		before := len(together)
		together = slices.DeleteFunc(together, func(u *unit) bool { return !e.ready(u, with) || outlived(u, together) })
		all = len(together) == before
	}
	for _, u := range together { // one that cannot be applied takes none of the others with it
		if err := u.staging.Check(); err != nil {
			u.origin.held[u.stream] = nil
			e.refuse(now, u, err)
			return true
		}
	}
	for _, u := range together {
		u.origin.held[u.stream] = nil
	}
	for i, u := range together {
		e.apply(now, u, i < len(together)-1)
	}
	return len(together) > 0
}

// outlived says whether one of the units replaces the incarnation that u is of.
func outlived(u *unit, units []*unit) bool {
	return slices.ContainsFunc(units, func(o *unit) bool { return o.origin == u.origin && o.incarnation > u.incarnation })
}

// ready says whether a unit may be applied, together with others that reach as far as with says.
func (e *Engine) ready(u *unit, with *vector) bool {
	o := u.origin
	if u.table != o.table && u.stream != record.State { // counts of an incarnation come after its state
		return false
	}
	if u.from > u.table.Head(u.stream) {
		return false
	}
	return e.cfg.Defect == DropDependency || e.satisfied(u.by, &u.needs, with)
}

// satisfied says whether everything is here that a vector names. What a node had in an incarnation that is over is not
// waited for: nobody has it any more.
func (e *Engine) satisfied(by *Conn, needs, with *vector) bool {
	for slot, o := range e.origins {
		for s, m := range needs[slot] {
			if m.incarnation == 0 || slot == int(e.self) {
				continue
			}
			if with != nil && !with[slot][s].before(m) {
				continue
			}
			if o.at(record.Stream(s)).before(m) && (s != int(record.State) || by == nil || by.seen(slot).before(m)) {
				return false
			}
		}
	}
	return true
}

// apply makes a unit visible, at once with the next one when more is set.
func (e *Engine) apply(now int64, u *unit, more bool) {
	o := u.origin
	fresh := u.table == o.next && o.next != nil
	err := u.staging.Check()
	if err == nil && fresh {
		e.replace(now, o)
	}
	told := Applied{Origin: o.slot, Incarnation: o.incarnation, Stream: u.stream, Reset: fresh && err == nil, More: true}
	e.changes = e.changes[:0]
	if err == nil {
		err = u.staging.Commit(func(r *record.Record) {
			if e.changes = append(e.changes, *r); len(e.changes) == shownAtOnce {
				told.Records = e.changes
				e.show(told)
				told.Reset, e.changes = false, e.changes[:0]
			}
		})
	}
	if err != nil {
		e.refuse(now, u, err)
	} else {
		o.needs[u.stream].merge(&u.needs)
		if !u.own {
			o.lend(now, u.stream, u.to)
		}
	}
	told.Records, told.More = e.changes, more
	e.show(told)
	e.moved(now, o)
}

// refuse drops a unit that we have no room for. Its origin is asked again, but not soon.
func (e *Engine) refuse(now int64, u *unit, why error) {
	u.drop()
	for s := range u.origin.wanted {
		u.origin.wanted[s] = now + refusedFor
	}
	e.tell(Notice{Kind: Refused, Peer: e.names[u.origin.slot], Stream: u.stream, Text: why.Error()})
}

// replace lets the incarnation that has come take the place of the one before.
func (e *Engine) replace(now int64, o *origin) {
	if o.incarnation != 0 {
		e.tell(Notice{Kind: PeerRestarted, Peer: e.names[o.slot], Number: o.nextIncarnation})
	}
	o.table, o.incarnation = o.next, o.nextIncarnation
	o.next, o.nextIncarnation, o.nextBy = nil, 0, nil
	o.lent = [record.NumStreams]uint64{}
	o.needs, o.early = [record.NumStreams]vector{}, nil
	o.earlyCount++
	e.dropHeld(o)
	for _, p := range e.peers {
		if p == nil {
			continue
		}
		for s := range record.NumStreams {
			p.rewind(&p.flows[o.slot][s], now)
		}
	}
	e.show(Applied{Origin: o.slot, Incarnation: o.incarnation, Stream: record.Counts, Reset: true, More: true})
}

func (e *Engine) show(a Applied) {
	if e.cfg.Applied != nil {
		e.cfg.Applied(a)
	}
}

// moved tells those whom it concerns that we have more of an origin.
func (e *Engine) moved(now int64, o *origin) {
	o.prune()
	e.confirm(o)
	if p := e.peers[o.slot]; p != nil {
		e.checkSynced(p)
		if u, b := p.conns[Urgent], p.conns[Bulk]; u != nil && (b == nil || b.ackAt == never) {
			u.owe(now, 0)
		}
	}
	for _, p := range e.peers {
		if p == nil {
			continue
		}
		for s := range record.NumStreams {
			if f := &p.flows[o.slot][s]; now < f.until && f.behind() {
				f.due = min(f.due, now)
				e.wake(p.carrier(f), now)
			}
		}
	}
}

// seen is how far we have seen of an origin what the peer had seen when it sent what came over the connection. When it has ended,
// a later one to the same start of the peer says so: of one that began before, we do not know what was said first.
func (c *Conn) seen(slot int) (most mark) {
	if c.err == nil {
		return c.view[slot]
	}
	for _, now := range c.peer.conns {
		if now != nil && c.sameNode(now) && (now.group == c.group || now.started >= c.ended) && most.before(now.view[slot]) {
			most = now.view[slot]
		}
	}
	return most
}

// sameNode says whether the other end of two connections is one start of one node.
func (c *Conn) sameNode(o *Conn) bool {
	return c.peer == o.peer && c.theirs != nil && o.theirs != nil && c.theirs.Instance == o.theirs.Instance
}
