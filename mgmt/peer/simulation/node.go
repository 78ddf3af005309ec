package simulation

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"

	"fcredirect/mgmt/peer/engine"
	"fcredirect/mgmt/peer/record"
	"fcredirect/mgmt/peer/simulation/checker"
)

// node is one appliance: its clock, what it has on disk, and while it is up its engine and its connections.
type node struct {
	run    *run
	slot   uint8
	name   string
	random *rand.Rand
	offset int64 // of its clock, which nobody else's has anything to do with

	engine      *engine.Engine // nil: it is down
	life        int
	incarnation uint64 // on disk
	stalled     int64  // it reads nothing until then
	ticks       int64
	ends        [][engine.NumGroups]*end // by peer: the latest
	byConn      map[*engine.Conn]*end
	said        []uint64 // messages to each peer in this life
	heard       []heard
	dials       [][engine.NumGroups]int // numbers the attempts, so that an old one knows that it is old
}

// heard is the last message of a peer.
type heard struct {
	life   int
	number uint64
}

// String is for traces.
func (n *node) String() string { return n.name }

// clock is what somebody read a moment ago: who reads the clock and then waits for a lock comes with a time that is past.
func (n *node) clock() int64           { return n.run.now + n.offset - n.random.Int64N(hesitates) }
func (n *node) time(clock int64) int64 { return clock - n.offset }
func (n *node) alive() bool            { return n.engine != nil }
func (n *node) reads() bool            { return n.run.now >= n.stalled }

// start makes a new engine, which knows nothing but its number.
func (n *node) start() {
	if n.engine != nil {
		return
	}
	n.life++
	n.incarnation++
	n.offset += n.random.Int64N(int64(3600) * 1e9) // the clock begins anew
	c := engine.Config{
		Cluster: "simulated", Self: n.name, Nodes: n.run.names, Incarnation: n.incarnation, Settings: n.run.settings, Defect: n.run.options.Defect,
		Applied: n.applied,
		Notice:  n.notice,
		Message: n.hear,
		Wake:    n.wake,
	}
	binary.LittleEndian.PutUint64(c.Instance[:], n.random.Uint64())
	e, err := engine.New(c)
	if err != nil {
		n.run.judge.Object("peace", "node %d does not start: %v", n.slot, err)
		return
	}
	n.run.tell("node %d starts, incarnation %d", n.slot, n.incarnation)
	n.engine, n.stalled = e, 0
	n.byConn = make(map[*engine.Conn]*end)
	n.said, n.heard = make([]uint64, len(n.run.nodes)), make([]heard, len(n.run.nodes))
	n.ends = make([][engine.NumGroups]*end, len(n.run.nodes))
	n.run.judge.Start(n.slot)
	n.run.judge.Incarnation(n.slot, n.incarnation)
	n.tick()
	for peer := range n.run.nodes {
		for g := range engine.NumGroups {
			n.dial(uint8(peer), g, n.random.Int64N(10*ms))
		}
	}
}

// crash ends it. What it had sent still arrives; when the power was lost, nobody is told.
func (n *node) crash(power bool) {
	if n.engine == nil {
		return
	}
	n.run.tell("node %d dies, power %v", n.slot, power)
	n.engine = nil
	n.run.judge.Stop(n.slot)
	for _, other := range n.run.nodes {
		for _, e := range append([]*end(nil), n.run.paths[n.slot][other.slot].ends...) {
			if !e.open {
				continue
			}
			e.open = false
			if !power {
				e.put(flying{last: true})
			}
		}
	}
}

// tick gives the engine the time, and does so again when it wants that.
func (n *node) tick() {
	if n.engine == nil {
		return
	}
	next := max(n.time(n.engine.Tick(n.clock())), n.run.now+1000)
	n.ticks++
	mine, life := n.ticks, n.life
	n.run.at(next, func() {
		if n.ticks == mine && n.life == life {
			n.tick()
		}
	})
}

// wake is called by the engine in the midst of anything, so the connection is asked a moment later.
func (n *node) wake(c *engine.Conn) {
	if e := n.byConn[c]; e != nil {
		e.wake(n.run.now)
	}
}

// dial makes a connection to a peer of a higher number after so many ns, unless there is one then.
func (n *node) dial(peer uint8, g engine.Group, after int64) {
	if peer <= n.slot {
		return
	}
	n.dials[peer][g]++
	mine, life := n.dials[peer][g], n.life
	n.run.after(after, func() {
		if n.engine == nil || n.life != life || n.dials[peer][g] != mine {
			return
		}
		there, back := n.run.paths[n.slot][peer], n.run.paths[peer][n.slot]
		other := n.run.nodes[peer]
		if there.cut || back.cut || !other.alive() {
			n.dial(peer, g, 50*ms+n.random.Int64N(150*ms))
			return
		}
		mineEnd, theirs := connect(&n.run.scheduler, n, other, there, back)
		theirLife := other.life
		n.run.after(there.delay, func() {
			if other.life == theirLife {
				other.accept(n, g, theirs)
			}
		})
		n.run.after(there.delay+back.delay, func() {
			switch {
			case n.life != life || n.engine == nil:
			case theirs.open:
				n.accept(other, g, mineEnd)
			default:
				n.dial(peer, g, 50*ms+n.random.Int64N(150*ms))
			}
		})
	})
}

// accept gives a new connection to the engine, which drops the one that it had when the peer has said hello over this one.
func (n *node) accept(peer *node, g engine.Group, e *end) {
	if n.engine == nil {
		return
	}
	n.ends[peer.slot][g] = e
	c, err := n.engine.Connect(n.clock(), peer.name, g)
	if err != nil {
		n.run.judge.Object("peace", "node %d does not take a connection of node %d: %v", n.slot, peer.slot, err)
		return
	}
	n.run.tell("node %d has a %s connection with node %d", n.slot, g, peer.slot)
	n.run.trouble()
	n.byConn[c] = e
	e.start(c)
}

// closed hears of the end of a connection.
func (n *node) closed(e *end, why error) {
	if n.engine == nil {
		return
	}
	if c, is := e.session.(*engine.Conn); is {
		delete(n.byConn, c)
	}
	peer := e.peer.owner.(*node)
	n.run.tell("node %d: connection with node %d ends: %v", n.slot, peer.slot, why)
	clean := !e.hurt && !e.peer.hurt
	if why != nil && clean && n.run.strict() && (n.run.calm() || e.refused && !strings.Contains(why.Error(), "the peer ends")) {
		n.run.judge.Object("peace", "node %d ends a connection with node %d that nothing was wrong with: %v", n.slot, peer.slot, why)
	}
	n.run.trouble()
	for g := range engine.NumGroups {
		if n.ends[peer.slot][g] == e {
			n.ends[peer.slot][g] = nil
			n.dial(peer.slot, g, 20*ms+n.random.Int64N(80*ms))
		}
	}
}

// applied passes on what has become visible.
func (n *node) applied(a engine.Applied) {
	r := n.run
	r.note(uint64(n.slot), uint64(a.Origin), a.Incarnation, uint64(len(a.Records)))
	r.applied += len(a.Records)
	if r.told != nil {
		r.tell("node %d of node %d, incarnation %d, %s, reset %v, repair %v, more %v:%s", n.slot, a.Origin, a.Incarnation, a.Stream, a.Reset, a.Repair, a.More, list(a.Records))
	}
	if a.Repair && r.strict() {
		r.judge.Object("peace", "node %d repairs %d records of node %d: %s had diverged", n.slot, len(a.Records), a.Origin, a.Stream)
	}
	r.judge.Applied(checker.Applied{
		Observer: n.slot, Origin: a.Origin, Incarnation: a.Incarnation, Stream: a.Stream, Reset: a.Reset, More: a.More, Records: a.Records,
	})
}

func list(records []record.Record) (s string) {
	for i, r := range records {
		if i == 12 {
			return s + " …"
		}
		word := "="
		if r.Gone {
			word = "-"
		}
		s += fmt.Sprintf(" %v-%d%s%d", r.Kind, r.ID&0xffff, word, r.Version)
	}
	return s
}

// notice hears what the engine would have people know.
func (n *node) notice(m engine.Notice) {
	n.run.tell("node %d notices %+v", n.slot, m)
	switch m.Kind {
	case engine.NewIncarnation:
		n.incarnation = m.Number
		n.run.judge.Incarnation(n.slot, m.Number)
	case engine.Diverged, engine.DuplicateNode, engine.Refused:
		if n.run.strict() {
			n.run.judge.Object("peace", "node %d notices %+v", n.slot, m)
		}
	}
}
