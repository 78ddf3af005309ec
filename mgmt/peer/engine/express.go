package engine

import (
	"fmt"
	"slices"

	"fcredirect/mgmt/peer/record"
	"fcredirect/mgmt/peer/replica"
	"fcredirect/mgmt/peer/wire"
)

// An immediate change leaves with the unit that begins at once, and that is all when the unit is small. When it is not,
// the change goes ahead: alone with what it depends on, as a unit that does not move the stream. The stream brings it once
// more, so one that cannot be applied when it comes is dropped.
//
// What came ahead can be seen, so others' changes may depend on it before the stream that it belongs to has it. Whoever
// sends such changes on (we, or who relays us) tells first what he has of that origin beyond its stream: sendEarly.
// The receiver notes in Conn.view that he has seen all that the sender had seen of it.

const (
	expressPending = 1024 // changes that a unit may have without delaying an immediate one by much
	expressRecords = 64   // records that may go ahead together
	alongRecords   = 256  // records of another origin that are taken along with what depends on them
	alongMax       = 4096 // the same, as a receiver takes them from others
)

// ahead notes that an immediate change is to go ahead, if the way by the stream is long.
func (e *Engine) ahead(p *peer, f *flow, key record.Key) {
	c := p.conns[Urgent]
	if c == nil || f.stream != record.State || f.incarnation != f.origin.incarnation ||
		p.carrier(f) == c && f.cut == nil && f.origin.table.Pending(f.stream, f.sent) <= expressPending || len(p.express) >= expressRecords {
		e.stats.Barriers++
		return
	}
	p.express = append(p.express, key)
	e.wake(c, 0)
}

// sendExpress makes a frame of the changes that go ahead, and of what they depend on that the peer has not said to have.
func (c *Conn) sendExpress(buf []byte) ([]byte, error) {
	e, p, o := c.e, c.peer, c.e.own()
	f := &p.flows[e.self][record.State]
	keys := p.express
	p.express = nil
	if f.incarnation != o.incarnation {
		return nil, nil
	}
	var needs vector
	needs.raise(e.self, record.State, mark{o.incarnation, f.acked})
	records, seen := e.records[:0], make(map[record.Key]bool, len(keys))
	var to uint64
	for _, key := range keys {
		closure, ok := o.table.Closure(key, f.acked, expressRecords)
		if !ok || len(records)+len(closure) > expressRecords {
			e.stats.Barriers++
			return nil, nil
		}
		for _, r := range closure {
			refs, ok := o.table.Refs(r.Key)
			if !ok {
				e.stats.Barriers++
				return nil, nil
			}
			for _, ref := range refs {
				if from := e.origins[ref.Origin]; ref.Origin != e.self {
					if ref.Version > from.table.Head(record.State) { // it came ahead itself: the stream tells how
						e.stats.Barriers++
						return nil, nil
					}
					needs.raise(ref.Origin, record.State, mark{from.incarnation, ref.Version})
				}
			}
			if !seen[r.Key] {
				seen[r.Key] = true
				records = append(records, r)
				to = max(to, r.Version)
			}
		}
	}
	if len(records) == 0 || to <= f.acked {
		return nil, nil
	}
	e.stats.Expresses += uint64(len(keys))
	p.sent.Express++
	e.given = wire.Unit{Origin: e.self, Stream: record.State, Incarnation: o.incarnation, From: f.acked, To: to,
		First: true, Last: true, Express: true, Deps: needs.deps(nil), Records: records}
	return c.encode(buf)
}

// lacking finds the flow of an origin that the unit of a flow depends on further than the peer is known to have it. A
// little of that is taken along: it would come over another way, but the lane of the unit is not to wait for the lanes of others.
// Only our own units take others' along, so that it ends.
func (c *Conn) lacking(f *flow) *flow {
	if f.origin.slot != c.e.self {
		return nil
	}
	for slot := range c.e.origins {
		if c.lacks(slot, f.origin.needs[f.stream][slot][record.State]) {
			return &c.peer.flows[slot][record.State]
		}
	}
	return nil
}

func (c *Conn) lacks(slot int, m mark) bool {
	g := &c.peer.flows[slot][record.State]
	return m.incarnation != 0 && !g.unsaid && slot != int(c.e.self) && slot != int(c.peer.slot) && g.cut == nil && g.behind() &&
		m.incarnation == g.origin.incarnation && (mark{g.incarnation, g.sent}).before(m) && c.peer.carrier(g) == c &&
		g.origin.table.Pending(record.State, g.sent) <= alongRecords
}

// untold finds an origin of which the unit of a flow supposes more than its stream brings, or the peer supposes something that
// holds no more.
func (c *Conn) untold(f *flow) *origin {
	for slot, o := range c.e.origins {
		m := f.origin.needs[f.stream][slot][record.State]
		if m.incarnation == 0 || slot == int(c.e.self) || slot == int(c.peer.slot) || c.early[slot] == o.earlyCount {
			continue
		}
		if c.early[slot] != 0 || m.incarnation == o.incarnation && m.version > o.table.Head(record.State) {
			return o
		}
	}
	return nil
}

// relayedEarly finds an origin that the peer has asked for, of which all is sent but what we have seen ahead of its stream.
func (c *Conn) relayedEarly(now int64) *origin {
	for slot, o := range c.e.origins {
		f := &c.peer.flows[slot][record.State]
		if len(o.early) > 0 && slot != int(c.e.self) && now < f.until && c.early[slot] != o.earlyCount &&
			c.group == Urgent && f.cut == nil && !f.behind() && !c.full() {
			return o
		}
	}
	return nil
}

// sendEarly tells all that we have seen of an origin ahead of its stream.
func (c *Conn) sendEarly(o *origin, buf []byte) ([]byte, error) {
	e := c.e
	c.early[o.slot] = o.earlyCount
	head := o.table.Head(record.State)
	var needs vector
	needs.raise(o.slot, record.State, mark{o.incarnation, head})
	needs.merge(&o.needs[record.State])
	needs.merge(&o.earlyNeeds)
	records, to := slices.Clone(o.early), head
	for i := range records {
		to = max(to, records[i].Version)
	}
	c.peer.sent.Express++
	e.given = wire.Unit{Origin: o.slot, Stream: record.State, Incarnation: o.incarnation, From: head, To: to,
		First: true, Last: true, Express: true, Deps: needs.deps(nil), Records: records}
	if buf, err := c.encode(buf); err == nil {
		return buf, nil
	}
	return nil, nil // what its origin says cannot be said: the connection is none the worse
}

// takeExpress applies records that go ahead, if what they depend on is here.
func (c *Conn) takeExpress(now int64, u *wire.Unit) error {
	e, o := c.e, c.e.origins[u.Origin]
	if u.Stream != record.State || !u.First || !u.Last || u.Reset {
		return fmt.Errorf("records of %v go ahead", u.Stream)
	}
	var needs vector
	for _, d := range u.Deps {
		needs.raise(d.Slot, d.Stream, mark{d.Incarnation, d.Version})
	}
	c.view[u.Origin], c.told[u.Origin] = mark{}, nil
	if !e.wanted(now, c.peer, o, u.Incarnation) {
		if len(u.Records) <= replica.EarlyMax {
			c.told[u.Origin] = &told{mark{u.Incarnation, u.To}, slices.Clone(u.Records), needs}
		}
		if e.confirm(o) {
			e.release(now)
		}
		return nil
	}
	if u.Incarnation != o.incarnation || e.cfg.Defect != DropDependency && !e.satisfied(c, &needs, nil) {
		return nil
	}
	e.changes = e.changes[:0]
	if err := o.table.Express(u.Records, func(r *record.Record) { e.changes = append(e.changes, *r) }); err != nil {
		return nil // the table is full of such: the stream brings it
	}
	if u.Origin != c.peer.slot {
		c.view[u.Origin] = mark{u.Incarnation, u.To}
		for i := range u.Records {
			o.lend(now, record.State, u.Records[i].Version)
		}
	}
	o.remember(u.Records, &needs)
	e.confirm(o)
	if len(e.changes) == 0 {
		return nil
	}
	for _, p := range e.peers {
		if p != nil && now < p.flows[o.slot][record.State].until {
			e.wake(p.conns[Urgent], now)
		}
	}
	e.show(Applied{Origin: o.slot, Incarnation: o.incarnation, Stream: record.State, Records: e.changes})
	e.release(now)
	return nil
}

// told is what a peer says to have seen of an origin ahead of its stream, while the origin speaks for itself: it is not taken from
// the peer, but when all of it is here the peer's word counts as if it had been.
type told struct {
	to      mark
	records []record.Record
	needs   vector
}

// confirm looks whether all is here that peers have told of an origin.
func (e *Engine) confirm(o *origin) (any bool) {
	for _, p := range e.peers {
		if p == nil {
			continue
		}
		for _, c := range p.conns {
			if c == nil || c.told[o.slot] == nil {
				continue
			}
			t := c.told[o.slot]
			lacks := func(r record.Record) bool { return o.table.Version(r.Key) < r.Version }
			if t.to.incarnation == o.incarnation && !slices.ContainsFunc(t.records, lacks) && e.satisfied(c, &t.needs, nil) {
				c.view[o.slot], c.told[o.slot], any = t.to, nil, true
			}
		}
	}
	return any
}

// remember notes what has come ahead, deletions of what was never here too, for those who may depend on it.
func (o *origin) remember(records []record.Record, needs *vector) {
	for _, r := range records {
		if r.Version <= o.table.Head(record.State) {
			continue
		}
		i := slices.IndexFunc(o.early, func(e record.Record) bool { return e.Key == r.Key })
		switch {
		case i < 0:
			o.early = append(o.early, r)
		case o.early[i].Version < r.Version:
			o.early[i] = r
		default:
			continue
		}
		o.earlyCount++
	}
	o.earlyNeeds.merge(needs)
}

// prune forgets early records that the stream has brought.
func (o *origin) prune() {
	if len(o.early) == 0 {
		return
	}
	o.earlyCount++
	head := o.table.Head(record.State)
	kept := o.early[:0]
	for _, r := range o.early {
		if r.Version > head {
			kept = append(kept, r)
		}
	}
	if o.early = kept; len(kept) == 0 {
		o.early, o.earlyNeeds = nil, vector{}
	}
}
