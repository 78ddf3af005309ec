package simulation

import (
	"cmp"
	"encoding/binary"
	"slices"

	"fcredirect/mgmt/peer/engine"
	"fcredirect/mgmt/peer/record"
	"fcredirect/mgmt/peer/simulation/checker"
)

func sortSteps(steps []Step) {
	slices.SortStableFunc(steps, func(a, b Step) int { return cmp.Compare(a.At, b.At) })
}

// do carries out a step. What makes no sense now (the node is down) does nothing.
func (r *run) do(s *Step) {
	n := r.nodes[s.Node]
	there, back := r.paths[s.Node][s.Peer], r.paths[s.Peer][s.Node]
	if r.told != nil && s.Do != Change {
		r.tell("%v", *s)
	}
	switch s.Do {
	case Change:
		n.change(s)
	case Partition:
		r.partition(there, s.For)
		if s.Both {
			r.partition(back, s.For)
		}
	case Break:
		r.breaks(s)
	case Disturb:
		r.begin()
		there.noise = s.Noise
		r.after(s.For, func() {
			there.noise = Noise{}
			r.cease()
		})
	case Stall:
		r.stall(n, s.For)
	case Narrow:
		r.begin()
		before := there.nsPerByte
		there.nsPerByte = 133 + float64(s.At%2000) // 60 Mbit/s and less
		r.after(s.For, func() {
			there.nsPerByte = before
			r.cease()
		})
	case Crash, Lose:
		r.crash(n, s)
	case Say:
		n.say(r.nodes[s.Peer])
	case Resync:
		r.trouble()
		if n.engine != nil {
			_ = n.engine.Resync(n.clock(), r.names[s.Peer]) // there may be no connection
		}
	}
}

func (r *run) partition(p *path, ns int64) {
	if p.cut && ns > 0 {
		return
	}
	r.begin()
	p.cut = true
	if ns == 0 {
		p.severed = true
		return
	}
	r.after(ns, func() {
		if p.severed {
			return
		}
		p.cut = false
		p.resume()
		r.cease()
	})
}

// breaks ends the connections between two nodes: for both, or for one long before the other hears of it.
func (r *run) breaks(s *Step) {
	r.trouble()
	for g := range engine.NumGroups {
		n := r.nodes[s.Node]
		if n.engine == nil || n.ends[s.Peer][g] == nil {
			continue
		}
		e := n.ends[s.Peer][g]
		e.flight = nil
		e.bytes = 0
		if s.Both {
			e.peer.flight, e.peer.bytes = nil, 0
		}
		e.close(nil)
		if !s.Both {
			e.flight = nil // the end itself is lost as well
		}
	}
}

func (r *run) stall(n *node, ns int64) {
	if !n.reads() {
		return
	}
	r.begin()
	n.stalled = r.now + ns
	r.after(ns, func() {
		for _, other := range r.nodes {
			r.paths[other.slot][n.slot].resume()
		}
		r.cease()
	})
}

func (r *run) crash(n *node, s *Step) {
	if n.engine == nil {
		return
	}
	r.begin()
	n.crash(s.Both)
	if s.Do == Lose {
		n.incarnation = 0
		r.lost = true
	}
	if s.For == 0 { // for ever; what it leaves is settled when nobody waits for it any more
		r.after(int64(r.settings.SilentAfter), r.cease)
		return
	}
	r.after(s.For, func() {
		n.start()
		r.cease()
	})
}

// say sends a message that says how many there were before.
func (n *node) say(peer *node) {
	if n.engine == nil {
		return
	}
	number := n.said[peer.slot] + 1
	if err := n.engine.Send(peer.name, binary.LittleEndian.AppendUint64(nil, number)); err == nil {
		n.said[peer.slot] = number
	}
}

// hear judges a message: of one life of its sender each comes once at most, and in order; it gets lost with a connection
// only.
func (n *node) hear(from string, payload []byte) {
	sender := n.run.nodes[slices.Index(n.run.names, from)]
	number := binary.LittleEndian.Uint64(payload)
	before := &n.heard[sender.slot]
	if before.life != sender.life {
		*before = heard{life: sender.life}
	}
	if number <= before.number || number > before.number+1 && n.run.last < 100*ms && n.run.wrong == 0 {
		n.run.judge.Object("messages", "node %d hears message %d of node %d after %d", n.slot, number, sender.slot, before.number)
	}
	before.number = number
	n.run.result.Messages++
}

// made is what a step makes of the records of a node, before the engine has done so.
type made struct {
	changes []checker.Change
	forget  []bool // of each change: its references are given without versions
	now     map[record.Key]record.Record
	head    uint64
}

// change makes the changes of a step, and tells the judge what was made.
func (n *node) change(s *Step) {
	if n.engine == nil {
		return
	}
	m := &made{now: make(map[record.Key]record.Record), head: n.head()}
	for i := range s.Edits {
		n.edit(m, s.Lane, &s.Edits[i])
	}
	var err error
	if len(m.changes) == 1 {
		err = m.put(0, func(c *checker.Change, fields []uint64, refs []record.Ref) error {
			if c.Gone {
				return n.engine.Delete(n.clock(), c.Lane, c.Key, refs...)
			}
			return n.engine.Put(n.clock(), c.Lane, c.Key, fields, refs...)
		})
	} else if len(m.changes) > 1 {
		n.engine.Batch(n.clock(), func(b *engine.Batch) {
			for i := 0; i < len(m.changes) && err == nil; i++ {
				err = m.put(i, func(c *checker.Change, fields []uint64, refs []record.Ref) error {
					if c.Gone {
						return b.Delete(c.Lane, c.Key, refs...)
					}
					return b.Put(c.Lane, c.Key, fields, refs...)
				})
			}
		})
	}
	if head := n.head(); err != nil || head != m.head {
		n.run.judge.Object("genuine", "node %d, after %v: version %d instead of %d, error %v", n.slot, *s, head, m.head, err)
	}
	if len(m.changes) > 0 && n.run.told != nil {
		n.run.tell("%v: versions to %d", *s, m.head)
	}
	for _, c := range m.changes {
		n.run.judge.Change(n.slot, c)
	}
	n.run.result.Changes += len(m.changes)
}

// head is the last version that the node gave.
func (n *node) head() uint64 { return slices.Max(n.engine.Vector()[n.slot].Versions[:]) }

// edit adds the change that comes of an edit. To delete what is not there is none.
func (n *node) edit(m *made, lane record.Lane, e *Edit) {
	if _, is := n.get(m, n.slot, e.Key); e.Gone && !is {
		return
	}
	c := checker.Change{Lane: lane}
	for _, t := range e.Refs {
		if r, is := n.get(m, t.Origin, t.Key); is && (t.Origin != n.slot || t.Key != e.Key) {
			c.Refs = append(c.Refs, record.Ref{Origin: t.Origin, Key: t.Key, Version: r.Version})
		}
	}
	m.head++
	c.Key, c.Gone, c.Version = e.Key, e.Gone, m.head
	if !e.Gone {
		for i := range e.Key.Kind.Fields() { // few values in most fields, as it is in life
			c.Fields[i] = e.Words >> (8 * (i & 7)) & 0xf
		}
		c.Fields[0] = e.Words
	}
	m.now[c.Key] = c.Record
	m.changes = append(m.changes, c)
	m.forget = append(m.forget, e.Forget)
}

// get is a record as it will stand after what was made so far.
func (n *node) get(m *made, origin uint8, key record.Key) (record.Record, bool) {
	if r, is := m.now[key]; is && origin == n.slot {
		return r, !r.Gone
	}
	return n.engine.Get(origin, key)
}

// put gives one change to the engine.
func (m *made) put(i int, do func(c *checker.Change, fields []uint64, refs []record.Ref) error) error {
	c := &m.changes[i]
	refs := slices.Clone(c.Refs)
	for j := range refs {
		if m.forget[i] {
			refs[j].Version = 0
		}
	}
	return do(c, c.Fields[:c.Key.Kind.Fields()], refs)
}
