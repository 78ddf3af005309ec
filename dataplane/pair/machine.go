package pair

import (
	"errors"
	"fmt"
	"time"
)

// The machine is told what happens (Hear, Say, HandOver), asked once a millisecond what is to be done (Tick), and for the
// beat to be sent (Beat). All times are ns of one clock that does not go back.

// Config is what a node is in its pair.
type Config struct {
	Node, Partner string
	Boot          [16]byte // of this start
	Epoch         uint64   // that the start before had, 0 for none
	Priority      uint8    // the higher goes first; then the name that comes first
	Start         Start
	Takeover      Takeover
	Beat          time.Duration
	Misses        int
	Layout        uint64
	ABI           uint32
}

// Facts are what the machine must know of its own node. They may change at any time.
type Facts struct {
	Ready      bool   // what was said last: the tables have all that the partner knows
	ReadyFresh bool   // and that was just now
	WindowOpen bool   // a change of the policy waits for its confirmation
	Policy     uint64 // hash of the active policy
	Linked     bool   // at least one port has its link
}

// Partner is what is known of the other node.
type Partner struct {
	Heard  int64 // ns; 0 never
	Alive  bool
	Proven bool // its beats answer ours
	Beat        // the newest
}

// Counters only go up.
type Counters struct {
	Heard     uint64 // beats believed
	Forged    uint64 // not of our form, or signed with another key
	Replayed  uint64 // heard before, or of a start of the partner that is over
	Foreign   uint64 // of a node that is not the partner
	Looped    uint64 // our own: two of our ports see each other
	Unproven  uint64 // of a start of the partner that had not answered us yet
	Takeovers uint64 // of a dead or stopped partner's work
	HandOvers uint64 // planned ones, given and taken
	Fences    uint64 // stopped forwarding because the partner is active, or may be
}

// Gate is what the lcores are to do.
type Gate uint8

// The gates.
const (
	Shut  Gate = iota
	Open       // until Step.Until, for ever when that is 0
	Drain      // until Step.Until
)

// Step is what is to be done now.
type Step struct {
	Gate     Gate
	Until    int64
	Send     bool // a beat, on all ports
	Announce bool // tell the switches where MACs are
	Changed  bool // the state is another one than at the Tick before
}

// Machine is one node's side of the pair.
type Machine struct {
	// constant
	c    Config
	dead int64 // ns

	state     State
	why       Why
	since     int64
	epoch     uint64 // in which this node is active; standing by, the newest that it heard of
	highest   uint64 // of all epochs heard of
	started   int64
	ticked    int64
	told      State // at the last Tick
	facts     Facts
	partner   Partner
	paths     [MaxPaths]uint64 // number of the last beat, of the partner's start
	heardOn   [MaxPaths]int64  // by our port
	boots     [bootsKept][16]byte
	bootsN    int
	claim     claim
	number    uint64
	sent      int64
	answer    bool // something is to be said sooner
	announced int
	again     bool // the partner has forwarded its last frame: announce once more
	give      give
	counters  Counters
}

// claim is a start of the partner that has not answered us yet.
type claim struct {
	boot        [16]byte
	first, last int64
	number      uint64
}

// give is a planned hand-over.
type give struct {
	epoch    uint64
	until    int64 // taken back then
	taken    int64 // by the partner, 0 not yet
	outcome  error
	finished bool
}

// New makes a machine that stands by.
func New(c Config, now int64) *Machine {
	m := &Machine{c: c, dead: int64(c.Beat) * int64(c.Misses), state: Standby, told: Standby, since: now, started: now, epoch: c.Epoch, highest: c.Epoch}
	m.answer = true
	return m
}

// Say tells the machine of its own node.
func (m *Machine) Say(f Facts) { m.facts = f }

// State, Epoch and the like say how it stands.
func (m *Machine) State() State       { return m.state }
func (m *Machine) Why() Why           { return m.why }
func (m *Machine) Since() int64       { return m.since }
func (m *Machine) Epoch() uint64      { return m.epoch }
func (m *Machine) Partner() *Partner  { return &m.partner }
func (m *Machine) Counters() Counters { return m.counters }

// HeardOn is when a beat came in by a port, 0 never.
func (m *Machine) HeardOn(port int) int64 { return m.heardOn[port%MaxPaths] }

// Forged counts what was no beat.
func (m *Machine) Forged() { m.counters.Forged++ }

func (m *Machine) become(s State, why Why, now int64) {
	m.state, m.why, m.since, m.answer, m.announced = s, why, now, true, 0
}

// begin makes the node active in a new epoch.
func (m *Machine) begin(why Why, epoch uint64, now int64) {
	m.epoch = epoch
	m.highest = max(m.highest, epoch)
	m.become(Active, why, now)
}

// Hear takes a signed beat that came in by one of our ports.
func (m *Machine) Hear(now int64, port int, b *Beat) {
	m.lookBack(now)
	switch {
	case b.Node == m.c.Node:
		m.counters.Looped++
		return
	case b.Node != m.c.Partner:
		m.counters.Foreign++
		return
	}
	known, news := m.believe(now, b)
	if known {
		m.counters.Heard++
		m.heardOn[port%MaxPaths] = now
		m.partner.Heard = now
	}
	if !news {
		return
	}
	p := &m.partner
	m.again = m.again || p.State == Draining && b.State == Standby
	p.Heard, p.Alive, p.Proven, p.Beat = now, true, true, *b
	m.highest = max(m.highest, b.Epoch)
	if m.state == Standby {
		m.epoch = m.highest
	}
	switch {
	case b.State == Stopped:
		p.Alive = false
	case m.state == Active && b.State == Active && (b.Epoch > m.epoch || b.Epoch == m.epoch && m.partnerFirst()):
		m.counters.Fences++
		m.epoch = m.highest
		m.become(Standby, WhyFenced, now)
	case m.state == Active && b.State == Active && b.Epoch == m.epoch: // both had begun alone: from now on one of us has it
		m.begin(WhyPreferred, m.highest+1, now)
	case m.state == Active && b.State == Active:
		m.answer = true // it does not know yet
	case m.state == Draining && b.State == Active && b.Epoch >= m.give.epoch && m.give.taken == 0:
		m.give.taken, m.give.finished, m.give.outcome = now, true, nil
		m.counters.HandOvers++
		m.answer = true
	case m.state == Standby && b.State == Draining && b.Give > m.epoch && b.GiveBoot == m.c.Boot && m.answers(b):
		m.counters.HandOvers++
		m.begin(WhyHandedOver, b.Give, now)
	}
}

// believe says whether a beat is one of the partner's present start that was not heard on its path yet, and whether what
// it says is new.
func (m *Machine) believe(now int64, b *Beat) (known, news bool) {
	p := &m.partner
	if p.Proven && b.Boot == p.Boot {
		if b.Number <= m.paths[b.Port] || b.Number+window < p.Number {
			m.counters.Replayed++
			return false, false
		}
		m.paths[b.Port] = b.Number
		return true, b.Number > p.Number // or the same by another path
	}
	for i := range min(m.bootsN, bootsKept) {
		if m.boots[i] == b.Boot {
			m.counters.Replayed++
			return false, false
		}
	}
	if !m.answers(b) {
		m.unproven(now, b)
		return false, false
	}
	if p.Proven {
		m.boots[m.bootsN%bootsKept] = p.Boot
		m.bootsN++
	}
	m.paths, p.Number = [MaxPaths]uint64{}, 0
	m.paths[b.Port] = b.Number
	m.claim = claim{}
	return true, true
}

// answers says whether a beat answers one of ours of just now.
func (m *Machine) answers(b *Beat) bool {
	return b.EchoBoot == m.c.Boot && b.Echo <= m.number && b.Echo+window >= m.number
}

// unproven notes a start of the partner that has not answered us. It is asked to, by a beat with its number.
func (m *Machine) unproven(now int64, b *Beat) {
	m.counters.Unproven++
	c := &m.claim
	if c.boot != b.Boot {
		if c.first != 0 && now-c.first < int64(proofFor) && now-c.last < m.dead { // one claim at a time
			return
		}
		*c = claim{boot: b.Boot, first: now}
	}
	if b.Number > c.number {
		c.last, c.number, m.answer = now, b.Number, true
	}
}

// claimed says whether somebody who may be the partner was heard and had no time yet to prove it.
func (m *Machine) claimed(now int64) bool {
	return m.claim.first != 0 && now-m.claim.first < int64(proofFor) && now-m.claim.last < m.dead
}

// partnerFirst says whether the partner goes before us where both could.
func (m *Machine) partnerFirst() bool {
	b := &m.partner.Beat
	switch {
	case b.Start != m.c.Start:
		return b.Start > m.c.Start
	case b.Priority != m.c.Priority:
		return b.Priority > m.c.Priority
	}
	return m.c.Partner < m.c.Node
}

// lease is how long after a beat of ours we may forward while the partner lives: it counts from when it heard the beat, so
// it takes over later.
func (m *Machine) lease() int64 { return m.dead - int64(m.c.Beat)/2 }

// Tick moves the machine, and says what is to be done.
func (m *Machine) Tick(now int64) Step {
	m.lookBack(now)
	p := &m.partner
	p.Alive = p.Heard != 0 && p.State != Stopped && now-p.Heard < m.dead
	switch m.state {
	case Standby:
		m.standby(now)
	case Active:
		if !m.facts.Linked && p.Alive { // it hears nothing of us: it will take over
			m.counters.Fences++
			m.become(Standby, WhyBlind, now)
		}
	case Draining:
		m.draining(now)
	}
	s := Step{Changed: m.state != m.told}
	m.told = m.state
	s.Send = now-m.sent >= int64(m.c.Beat) || m.answer && now-m.sent >= int64(soonest) || s.Changed
	if s.Send {
		m.sent, m.answer = now, m.state == Draining && m.give.taken == 0
	}
	m.gate(&s, now)
	if m.state == Active && m.announced < len(announceAfter) && now-m.since >= int64(announceAfter[m.announced]) {
		m.announced++
		s.Announce = true
	}
	s.Announce = s.Announce || m.again && m.state == Active
	m.again = false
	return s
}

// lookBack notices that this node was stopped for a while. It does not know then what the partner did meanwhile, so the
// partner gets another chance to be heard, and one who forwarded forwards no more.
func (m *Machine) lookBack(now int64) {
	gap := now - m.ticked
	was := m.ticked
	m.ticked = now
	if was == 0 || gap < m.lease()-int64(m.c.Beat) || m.partner.Heard == 0 {
		return
	}
	if was-m.partner.Heard < m.dead {
		m.partner.Heard = max(m.partner.Heard, now-int64(m.c.Beat))
	}
	if m.state == Active && now-m.sent >= m.lease() && m.partner.Alive {
		m.counters.Fences++
		m.become(Standby, WhyStalled, now)
	}
	if g := &m.give; m.state == Draining && g.taken == 0 { // the partner may have taken the work, and more since
		m.counters.Fences++
		g.finished, g.outcome = true, fmt.Errorf("pair: this node was stopped while it offered its work: it is not known whether %s has it", m.c.Partner)
		m.become(Standby, WhyStalled, now)
	}
}

// gate says what the lcores are to do in this state.
func (m *Machine) gate(s *Step, now int64) {
	switch m.state {
	case Active:
		if s.Gate = Open; m.partner.Alive || m.claimed(now) {
			s.Until = m.sent + m.lease()
		}
	case Draining:
		s.Gate = Drain
		if s.Until = m.give.until; m.give.taken != 0 {
			s.Until = m.give.taken + int64(drainFor)
		}
	}
}

// standby looks whether the work is to be taken.
func (m *Machine) standby(now int64) {
	p := &m.partner
	if !m.facts.Linked { // who hears nothing cannot tell who is dead
		if p.Heard != 0 && p.State != Stopped {
			p.Heard = max(p.Heard, now-int64(m.c.Beat))
		}
		m.started = max(m.started, now-int64(m.c.Beat))
		return
	}
	switch {
	case p.Alive && p.State == Standby:
		if now-m.since >= m.dead && now-m.started >= m.dead && !m.partnerFirst() {
			m.begin(WhyPreferred, m.highest+1, now)
		}
	case p.Alive, m.claimed(now):
	case p.Heard != 0:
		if m.c.Takeover == Ready && !m.facts.Ready {
			return
		}
		why := WhyDead
		if p.State == Stopped {
			why = WhyStopped
		}
		m.counters.Takeovers++
		m.begin(why, m.highest+1, now)
	case m.c.Start == StartActive && now-m.started >= m.dead, m.c.Start == StartAuto && now-m.started >= loneHolds*m.dead:
		m.begin(WhyAlone, m.highest+1, now)
	}
}

// draining ends a hand-over: taken back when the partner does not take it, over when what was on its way has come.
func (m *Machine) draining(now int64) {
	switch g := &m.give; {
	case g.taken != 0 && !m.partner.Alive && m.facts.Linked: // it died with the work
		m.counters.Takeovers++
		m.begin(WhyDead, m.highest+1, now)
	case g.taken != 0 && now-g.taken >= int64(drainFor):
		m.become(Standby, WhyHandedOver, now)
	case g.taken == 0 && now >= g.until:
		g.finished, g.outcome = true, fmt.Errorf("pair: %s did not take the work within %v: this node keeps it", m.c.Partner, giveFor)
		m.become(Active, WhyKept, now)
		m.announced = len(announceAfter)
	}
}

// HandOver begins to give the work to the partner. An error says why it cannot be, and nothing has changed. What came of
// it HandedOver says.
func (m *Machine) HandOver(now int64, force bool) error {
	p := &m.partner
	switch {
	case m.state != Active:
		return fmt.Errorf("pair: this node is %v, not active: it has nothing to hand over", m.state)
	case !p.Alive:
		return fmt.Errorf("pair: %s is not heard: nobody is there to hand over to", m.c.Partner)
	case p.State != Standby:
		return fmt.Errorf("pair: %s is %v, not standby", m.c.Partner, p.State)
	case force:
	case p.Flags&IsReady == 0:
		return fmt.Errorf("pair: %s is not ready: its tables do not have yet all that this node knows", m.c.Partner)
	case p.Layout != m.c.Layout:
		return fmt.Errorf("pair: the ports of %s are not those of this node: compare ports in the boot files", m.c.Partner)
	case p.ABI != m.c.ABI:
		return fmt.Errorf("pair: %s runs another version: ABI %d, here %d", m.c.Partner, p.ABI, m.c.ABI)
	case p.Policy != m.facts.Policy:
		return fmt.Errorf("pair: %s has another policy active", m.c.Partner)
	case p.Flags&WindowOpen != 0 || m.facts.WindowOpen:
		return errors.New("pair: a change of the policy waits for its confirmation: confirm it or take it back first")
	}
	m.give = give{epoch: m.highest + 1, until: now + int64(giveFor)}
	m.become(Draining, WhyHandedOver, now)
	return nil
}

// HandedOver says, once, that a hand-over has come to its end, and the error if the partner did not take the work.
func (m *Machine) HandedOver() (done bool, err error) {
	if done = m.give.finished; done {
		m.give.finished, err = false, m.give.outcome
	}
	return done, err
}

// Stop says goodbye: the next beat tells the partner that it need not wait.
func (m *Machine) Stop(now int64) { m.become(Stopped, m.why, now) }

// Beat is what the node says of itself now, but for the port. Each call is another beat.
func (m *Machine) Beat(b *Beat) {
	m.number++
	*b = Beat{
		Node: m.c.Node, Boot: m.c.Boot, Epoch: m.epoch, Number: m.number, State: m.state, Priority: m.c.Priority, Start: m.c.Start,
		Layout: m.c.Layout, Policy: m.facts.Policy, ABI: m.c.ABI, EchoBoot: m.partner.Boot, Echo: m.partner.Number,
	}
	if c := &m.claim; c.first != 0 && c.last > m.partner.Heard {
		b.EchoBoot, b.Echo = c.boot, c.number
	}
	if m.facts.Ready && m.facts.ReadyFresh {
		b.Flags |= IsReady
	}
	if m.facts.WindowOpen {
		b.Flags |= WindowOpen
	}
	if m.state == Draining && m.give.taken == 0 {
		b.Give, b.GiveBoot = m.give.epoch, m.partner.Boot
	}
}
