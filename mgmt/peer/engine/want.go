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
			known, who := e.known(now, o, s)
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
			who.asked[o.slot] = max(now, 1)
			c := who.conns[Urgent]
			at := o.at(s)
			c.wants = append(slices.DeleteFunc(c.wants, func(a wire.At) bool { return a.Slot == o.slot && a.Stream == s }),
				wire.At{Slot: o.slot, Stream: s, Incarnation: at.incarnation, Version: at.version})
			e.wake(c, now)
		}
	}
}

// known is the most that we have heard of a stream, and a connected peer that has the most of it.
func (e *Engine) known(now int64, o *origin, s record.Stream) (most mark, who *peer) {
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
				if u.by != nil && (u.by.err == nil || u.by.peer.connected()) {
					who = u.by.peer // it has seen what it depends on, be it ahead of the stream
				}
			}
		}
	}
	if direct := e.peers[o.slot]; direct.lively(now) { // it knows best what there is
		said := direct.positions[o.slot]
		if m := (mark{said.Incarnation, said.Applied[s]}); m.before(most) {
			most = m
		}
	}
	return most, who
}

// lively says whether the peer was heard of just now, so that nobody else need speak for it.
func (p *peer) lively(now int64) bool {
	for _, c := range p.conns {
		if c != nil && now-c.heard < 2*int64(c.e.cfg.Settings.HeartbeatEvery) {
			return true
		}
	}
	return false
}

// wanted says whether records of an origin are taken that this peer sends: its own, what we have asked it for, and what comes
// along while the origin does not speak for itself. It cannot hurry the origin's incarnation.
func (e *Engine) wanted(now int64, p *peer, o *origin, incarnation uint64) bool {
	if p.slot == o.slot {
		return true
	}
	said := e.peers[o.slot].positions[o.slot].Incarnation
	if e.peers[o.slot].lively(now) {
		return incarnation == said && e.relays(now, p, o)
	}
	return incarnation <= max(o.incarnation, said)+maxStep
}

// relays says whether the peer was asked for an origin lately.
func (e *Engine) relays(now int64, p *peer, o *origin) bool {
	at := p.asked[o.slot]
	return at != 0 && now-at < 2*int64(e.cfg.Settings.WantFor)
}
