package engine

import (
	"slices"

	"fcredirect/mgmt/peer/record"
	"fcredirect/mgmt/peer/wire"
)

// Whoever lacks something that he knows to exist, and gets nothing of it for a while, asks for it: the origin itself, or any
// peer that has more of it. The origin goes back to where the asker stands; another one relays for WantFor.

// takeWant answers a peer who asks.
func (c *Conn) takeWant(now int64, payload []byte) error {
	var w wire.Want
	if err := w.Parse(payload); err != nil {
		return err
	}
	e, p := c.e, c.peer
	e.stats.Wants++
	for _, at := range w.Streams {
		if int(at.Slot) >= len(e.origins) || at.Slot == p.slot || at.Stream >= record.NumStreams {
			continue
		}
		f := &p.flows[at.Slot][at.Stream]
		has := p.positions[at.Slot]
		if has.Incarnation != at.Incarnation {
			has.Applied = [record.NumStreams]uint64{}
		}
		has.Incarnation, has.Applied[at.Stream] = at.Incarnation, at.Version
		e.heard(p, has)
		if at.Slot != e.self {
			f.until = now + int64(e.cfg.Settings.WantFor)
		}
		for _, each := range p.conns {
			if each != nil {
				each.early[at.Slot] = 0
			}
		}
		if f.cut == nil {
			p.rewind(f, now)
			e.wake(p.carrier(f), now)
		}
	}
	return nil
}

// miss asks for what is known to exist and does not come.
func (e *Engine) miss(now int64) {
	for _, o := range e.origins {
		if o.slot == e.self {
			continue
		}
		for s := range record.NumStreams {
			known, who := e.known(o, s)
			if !o.at(s).before(known) {
				o.progress[s] = now
				continue
			}
			patience := int64(e.cfg.Settings.WantAfter)
			if direct := e.peers[o.slot]; direct.connected() {
				if patience = 4 * patience; who == nil || who == direct {
					patience = max(patience, int64(e.cfg.Settings.SilentAfter)/2)
				}
			}
			if now-o.progress[s] < patience || now-o.wanted[s] < max(patience, int64(e.cfg.Settings.WantFor)/2) && o.wanted[s] != 0 {
				continue
			}
			o.wanted[s] = now
			if who == nil || !who.connected() {
				continue
			}
			c := who.conns[Urgent]
			at := o.at(s)
			c.wants = append(slices.DeleteFunc(c.wants, func(a wire.At) bool { return a.Slot == o.slot && a.Stream == s }),
				wire.At{Slot: o.slot, Stream: s, Incarnation: at.incarnation, Version: at.version})
			e.wake(c, now)
		}
	}
}

// known is the most that we have heard of a stream, and a connected peer that has the most of it.
func (e *Engine) known(o *origin, s record.Stream) (most mark, who *peer) {
	var best mark
	for _, p := range e.peers {
		if p == nil {
			continue
		}
		has := mark{p.positions[o.slot].Incarnation, p.positions[o.slot].Applied[s]}
		if p.connected() && best.before(has) {
			best, who = has, p
		}
		if p.connected() && most.before(has) {
			most = has
		}
	}
	for _, other := range e.origins {
		for _, u := range other.held {
			if u != nil && most.before(u.needs[o.slot][s]) {
				most = u.needs[o.slot][s]
				if u.by != nil && u.by.err == nil {
					who = u.by.peer // it has seen what it depends on, be it ahead of the stream
				}
			}
		}
	}
	return most, who
}
