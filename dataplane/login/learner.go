package login

import (
	"sync/atomic"

	"fcredirect/dataplane/frame"
)

// A frame goes this way:
//
//	Frame    decodes it, and leaves out what cannot be trusted: a bad FC CRC, a service port
//	  fip    FIP: claims, beacons, FLOGI and FDISC with their answers, keep-alives, Clear Virtual Link   (fip.go)
//	  els    PLOGI, ADISC, PRLI, LOGO, RSCN and the answers to them; FLOGI without FIP                   (els.go)
//	  ct     the name server's answers                                                                   (ct.go)
//	  command  an FCP_CMND, which shows who is initiator and who target
//	learn    one offer, "this N_Port has this name": believed or not                                     (claim.go)
//	write    the table, the indexes, and a Change for the owner
//
// Tick ends what has gone silent (expire.go).

// Role of a port.
type Role uint8

// The roles.
const (
	Edge Role = iota
	Fabric
	Service
)

// Port is where a frame came in. Index is below NoPort.
type Port struct {
	Index  uint8
	Role   Role
	Fabric uint8
}

// Options of a Learner.
type Options struct {
	// Strict: the word of a fabric (accepts of FLOGI and FDISC, advertisements, Clear Virtual Link, RSCN, LOGO, name
	// server answers) is taken from ports of role Fabric alone. See SetStrict.
	Strict bool
	// OnChange is called for each change, after the table has it, by the goroutine that called the learner. It must not
	// call the learner back. Nil is allowed.
	OnChange func(Change)
}

// Find gives the login of a WWPN in one virtual fabric. Where several claim it, the one seen last.
func (l *Learner) Find(fabric uint8, vf uint16, w frame.WWN) (found Login, ok bool) {
	for i := range l.named(At(fabric, vf, 0).space(), w) {
		if n := l.t.read(i); !ok || n.LastSeen > found.LastSeen {
			found, ok = n, true
		}
	}
	return found, ok
}

// Learner fills a Table. All methods but Count and Counters belong to one goroutine, and from NewLearner on the table
// is changed by the learner alone.
type Learner struct {
	// constant
	t        *Table
	onChange func(Change)

	// one goroutine
	strict       bool
	byName       index
	byENode      index
	pending      pending
	fcfs         [maxFCFs]fcf
	early        []early
	lastConflict []int64 // by slot: when its last Conflict was told
	nextScan     int64   // no login expires before
	nextFCF      int64   // no FCF expires before
	held         bool    // Hold
	released     int64   // when it was no longer
	h            frame.Header
	f            frame.FIPFrame
	now          int64
	port         Port
	roles        [1 + NoPort]Role // by port index, once a frame came in
	known        [1 + NoPort]bool

	// atomic
	counters [NumCounters]atomic.Uint64
}

// NewLearner makes a learner for a table, empty or adopted. It takes all the memory it will ever need: 40 bytes a
// slot and 1 MB besides.
func NewLearner(t *Table, o Options) *Learner {
	n := len(t.slots)
	l := &Learner{
		t: t, onChange: o.OnChange, strict: o.Strict,
		byName: newIndex(n), byENode: newIndex(n), pending: newPending(t.seed),
		early: make([]early, earlySlots), lastConflict: make([]int64, n),
	}
	for i := range t.each() {
		n := t.read(i)
		l.enter(i, &n)
	}
	return l
}

// Count is the value of one counter. Any goroutine may ask.
func (l *Learner) Count(c Counter) uint64 { return l.counters[c].Load() }

// Counters gives all of them. Any goroutine may ask.
func (l *Learner) Counters() (all [NumCounters]uint64) {
	for i := range all {
		all[i] = l.counters[i].Load()
	}
	return all
}

func (l *Learner) count(c Counter) { l.counters[c].Add(1) }

// Frame learns from one Ethernet frame without FCS that came in on a port at the given time (ns since 1970). The
// learner keeps nothing of b.
func (l *Learner) Frame(port Port, now int64, b []byte) {
	l.port, l.now = port, max(now, 0)
	l.roles[port.Index], l.known[port.Index] = port.Role, true
	l.count(CountFrames)
	switch reason := frame.Decode(b, &l.h); reason {
	case frame.OK:
		l.fcoe(b)
	case frame.FIP, frame.Runt: // virtual ports deliver FIP frames without Ethernet's padding
		switch err := frame.ParseFIP(b, &l.f); {
		case err == nil:
			l.fip()
		case reason == frame.FIP:
			l.count(CountBadFIP)
		default:
			l.count(CountIgnored)
		}
	default:
		l.count(CountIgnored)
	}
}

// fcoe sorts a good FCoE frame. Frames with an optional header in front of the payload are left out: no ELS or CT of
// an N_Port has one.
func (l *Learner) fcoe(b []byte) {
	h := &l.h
	switch {
	case l.port.Role == Service:
		l.count(CountFromService) // a hand-back carries the addresses of others
		return
	case h.DFCtl != 0:
		l.count(CountIgnored)
		return
	case !h.CRCGood(b):
		l.count(CountBadCRC)
		return
	}
	p := h.Payload(b)
	first := frame.SOFInitiates(h.SOF)
	switch {
	case h.Type == frame.TypeELS && h.RCtl == frame.RCtlELSRequest && first:
		l.elsRequest(p)
	case h.Type == frame.TypeELS && h.RCtl == frame.RCtlELSReply && first:
		l.elsReply(p)
	case h.Type == frame.TypeCT && h.RCtl == frame.RCtlUnsolicitedCtl && first:
		l.ctRequest(p)
	case h.Type == frame.TypeCT && h.RCtl == frame.RCtlSolicitedCtl:
		l.ctAnswer(p)
	case (h.Type == frame.TypeFCP || h.Type == frame.TypeNVMe) && h.RCtl == frame.RCtlUnsolicitedCmd && !h.FromResponder():
		l.command()
	default:
		l.count(CountIgnored)
	}
}

// command learns functions from an FCP_CMND or NVMe command: its sender is an initiator, its receiver a target.
func (l *Learner) command() {
	from := l.at(l.h.SID)
	if i := l.t.find(from); i >= 0 && !l.own(i) {
		return
	}
	l.functions(from, 0, Initiator)
	l.functions(l.at(l.h.DID), 0, Target)
}

// vf is the virtual fabric of the decoded FCoE frame.
func (l *Learner) vf() uint16 {
	if l.h.VFT {
		return l.h.VFID
	}
	return l.h.VLAN
}

// at places an FC_ID into the fabric and virtual fabric of the decoded FCoE frame.
func (l *Learner) at(id frame.FCID) Addr { return At(l.port.Fabric, l.vf(), id) }

// trusted says whether the fabric's word is taken from the current port, and counts it when not.
func (l *Learner) trusted() bool {
	if l.strict && l.port.Role != Fabric {
		l.count(CountUntrusted)
		return false
	}
	return true
}

// own says whether the decoded FCoE frame came from where the login in slot i lives, which makes it a sign of life.
// Others are counted: they may be spoofed.
func (l *Learner) own(i int) bool {
	n := l.t.read(i)
	if !n.samePlace(l.port, l.h.Src) {
		l.count(CountForeignSource)
		return false
	}
	l.alive(i, &n)
	return true
}

// early holds what was seen of an address before its name was known: an lcore sends only the first command of a
// direction, so it must not be forgotten.
type early struct {
	addr              Addr
	claimed, observed Functions
}

func (l *Learner) earlyOf(a Addr) *early { return &l.early[mix(uint64(a)^l.t.seed)%earlySlots] }

// functions adds to what an address is known to do.
func (l *Learner) functions(a Addr, claimed, observed Functions) {
	if !a.learnable() {
		return
	}
	i := l.t.find(a)
	if i < 0 {
		e := l.earlyOf(a)
		if e.addr != a {
			*e = early{addr: a}
		}
		e.claimed |= claimed
		e.observed |= observed
		return
	}
	old := l.t.read(i)
	n := old
	n.Claimed |= claimed
	n.Observed |= observed
	if n != old {
		l.write(i, Updated, Seen, &old, &n)
	}
}

// Seen is a sign of life that the learner cannot see itself, such as traffic of a flow. It does not make a Suspect
// login trusted again, but delays its end.
func (l *Learner) Seen(a Addr, now int64) {
	if i := l.t.find(a); i >= 0 {
		l.t.seen(i, now)
	}
}

// SetStrict switches strict mode, which is on for as long as a policy is loaded. What was learnt from the fabric's word
// on ports of another role before still counts, but gives way as if it were known from sessions alone.
func (l *Learner) SetStrict(strict bool) { l.strict = strict }

// write changes the login in slot i and tells the owner.
func (l *Learner) write(i int, kind Kind, cause Cause, old, n *Login) {
	if old.WWPN != n.WWPN || old.ENode != n.ENode {
		l.leave(i)
		l.enter(i, n)
	}
	l.t.write(i, n)
	l.tell(kind, cause, old, n)
}

// tell calls the owner, and makes sure that the next walk of the table comes in time for what was written.
func (l *Learner) tell(kind Kind, cause Cause, old, n *Login) {
	c := Change{Addr: old.Addr, Kind: kind, Cause: cause, Old: *old}
	if n != nil {
		c.New = *n
		if kind != Conflict {
			c.Addr = n.Addr
			l.nextScan = min(l.nextScan, l.deadline(n))
		}
	}
	if kind == Conflict {
		l.count(CountConflict)
	}
	if l.onChange != nil {
		l.onChange(c)
	}
}

// end takes the login in slot i out of the table.
func (l *Learner) end(i int, cause Cause) {
	old := l.t.read(i)
	l.leave(i)
	l.t.remove(i)
	l.count(CountEnded)
	switch cause {
	case Silent, FCFLost, NotifiedGone:
		l.count(CountExpired)
	}
	l.tell(Ended, cause, &old, nil)
}

// suspect marks the login in slot i, unless it is marked as much already.
func (l *Learner) suspect(i int, state State, cause Cause) {
	old := l.t.read(i)
	if old.State >= state {
		return
	}
	n := old
	n.State, n.Marked = state, l.now
	l.count(CountSuspected)
	l.write(i, Suspected, cause, &old, &n)
}
