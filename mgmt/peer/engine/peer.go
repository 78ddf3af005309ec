package engine

import (
	"slices"

	"fcredirect/mgmt/peer/record"
	"fcredirect/mgmt/peer/replica"
	"fcredirect/mgmt/peer/wire"
)

// peer is another node: what it has, as far as it has said, and what is on its way to it.
type peer struct {
	name string
	slot uint8

	conns [NumGroups]*Conn // those over which both have said hello
	since int64            // when conns[Urgent] began

	instance [16]byte
	replaced [][16]byte // instances that were there before

	positions [maxNodes]wire.Position // what it has of each origin; of itself, what there is
	target    mark                    // what it had of State of its own when it connected
	counts    uint64                  // the same of Counts
	synced    bool
	asked     [maxNodes]int64 // when it was last asked for an origin; 0: never

	flows [maxNodes][record.NumStreams]flow

	express  []record.Key // immediate changes that are to go ahead of the stream
	messages [][]byte     // opaque ones that wait
	rtt      int64
	skew     int64

	sent, received Traffic
	savings        wire.Stages // of connections that ended, and what was merged before encoding
	waits          [record.NumLanes]Histogram
}

// flow is a stream of an origin on its way to a peer.
//
// What the peer lacks is what the table has after sent; nothing is queued. When due comes a unit begins: a cut of that, as
// it is then. It becomes sent when its last frame has gone out, and acked when the peer has applied it. A connection that
// ends takes the flow back to what was acknowledged.
type flow struct {
	origin *origin
	stream record.Stream

	incarnation uint64 // of sent and acked
	sent, acked uint64
	due         int64 // when the next unit must leave; never: nothing to send
	until       int64 // relayed until then; never for our own records

	// The unit that is being sent.
	cut    *replica.Cut
	conn   *Conn // that it goes over
	reset  bool
	first  bool // its first frame is still to come
	deps   []wire.At
	sum    *wire.Digest // of the table as it was cut, if it is to be told
	gotten uint64       // changes that it stands for

	// Of changes that no unit has yet.
	changes uint64
	since   [record.NumLanes]int64 // when the first was made; 0: none

	last    *Conn                        // that the last unit went over
	flight  []flight                     // ages of units that are not acknowledged, the oldest first
	digest  int64                        // when a digest may be told again
	repairs [wire.NumBuckets / 64]uint64 // buckets that the peer must get
	unsaid  bool                         // what we have of the origin cannot be said: it is left alone until the flow goes back
}

type flight struct {
	to, since uint64
}

func newPeer(name string, slot uint8) *peer { return &peer{name: name, slot: slot} }

// bind makes the flows, when all origins are there.
func (p *peer) bind(origins []*origin, self uint8) {
	for slot, o := range origins {
		for s := range record.NumStreams {
			f := &p.flows[slot][s]
			f.origin, f.stream, f.due = o, s, never
			if uint8(slot) == self {
				f.until = never
			}
		}
		p.positions[slot].Slot = uint8(slot)
	}
}

func (p *peer) connected() bool { return p.conns[Urgent] != nil }

// carrier is the connection that the next unit of a flow takes; nil: it cannot go now.
func (p *peer) carrier(f *flow) *Conn {
	switch {
	case f.conn != nil:
		return f.conn
	case f.stream != record.State:
		return p.conns[Bulk]
	}
	c := p.conns[Urgent]
	if bulk := p.conns[Bulk]; bulk != nil && (c == nil || f.large(c.e)) {
		c = bulk
	}
	if c == nil || f.last == nil || f.last == c || f.sent <= f.acked {
		return c
	}
	if c.group == Bulk { // what went before goes over the other connection, and must not be overtaken: large waits, small follows
		return nil
	}
	return f.last
}

// large says whether the unit would hold up others for long.
func (f *flow) large(e *Engine) bool {
	after := f.sent
	if f.incarnation != f.origin.incarnation {
		after = 0
	}
	return f.origin.table.Pending(f.stream, after) > e.cfg.Settings.BulkRecords
}

// behind says whether there is anything that the peer was not sent.
func (f *flow) behind() bool {
	return f.origin.incarnation != 0 && (f.incarnation != f.origin.incarnation || f.sent < f.origin.table.Head(f.stream))
}

// rewind goes back to what the peer has, as far as it has said.
func (p *peer) rewind(f *flow, now int64) {
	if f.cut != nil {
		f.cut.Close()
		f.changes += f.gotten
	}
	has := &p.positions[f.origin.slot]
	f.cut, f.conn, f.last, f.sum, f.unsaid = nil, nil, nil, nil, false
	f.incarnation, f.sent, f.acked = has.Incarnation, has.Applied[f.stream], has.Applied[f.stream]
	f.due = never
	if f.behind() {
		f.due = now
	}
}

// heard takes in what the peer says it has of an origin.
func (e *Engine) heard(p *peer, has wire.Position) {
	if int(has.Slot) >= len(e.origins) {
		return
	}
	if own := e.own(); has.Slot == e.self && has.Incarnation == own.incarnation {
		for s := range has.Applied { // nobody has more of us than there is
			has.Applied[s] = min(has.Applied[s], own.table.Head(record.Stream(s)))
		}
	}
	p.positions[has.Slot] = has
	for s := range record.NumStreams {
		f := &p.flows[has.Slot][s]
		if f.incarnation != has.Incarnation || has.Applied[s] <= f.acked {
			continue
		}
		f.acked = has.Applied[s]
		f.sent = max(f.sent, f.acked) // others tell it too
		f.flight = slices.DeleteFunc(f.flight, func(u flight) bool { return u.to <= f.acked })
	}
	if has.Slot == p.slot && has.Incarnation != p.target.incarnation {
		p.target, p.counts, p.synced = mark{has.Incarnation, has.Applied[record.State]}, has.Applied[record.Counts], false
	}
	e.checkSynced(p)
}

// checkSynced notices that everything is here that the peer had when it connected.
func (e *Engine) checkSynced(p *peer) {
	o := e.origins[p.slot]
	if p.synced || !p.connected() || p.target.incarnation == 0 || o.at(record.State).before(p.target) ||
		o.incarnation == p.target.incarnation && o.table.Head(record.Counts) < p.counts {
		return
	}
	p.synced = true
	e.tell(Notice{Kind: Synced, Peer: p.name, Number: o.incarnation})
}
