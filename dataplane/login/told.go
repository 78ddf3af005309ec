package login

import "math"

// What other nodes know.
//
// A node whose ports are blocked sees no frame, so what it knows is what others tell it. Such a login is FromPeer. It is
// there to be found, with its name, its MAC and the port that it has at the other node; but it is the weakest evidence: a
// frame of the N_Port itself makes it an ordinary login, one that contradicts it takes its place, and no conflict is told.
// It does not end for silence while the learner is held; from then on its timers run anew.

// Answer is what Program and Forget did.
type Answer uint8

// The answers.
const (
	Done    Answer = iota // it is so now
	Better                // a frame showed a login here that speaks of the same address or name: that stays
	Refused               // no place, or nothing that a table could hold
)

// Program enters a login that another node knows. Times, state and incarnation are this node's own, so those of n do not
// count. The same again is no change.
func (l *Learner) Program(n Login, now int64) Answer {
	l.now = max(now, 0)
	n.State, n.Marked, n.Incarnation = Live, 0, 1
	n.FirstSeen, n.LastSeen, n.ENodeSeen = l.now, l.now, l.now
	n.Flags = n.Flags&^Contested | FromPeer
	if !n.possible() {
		return Refused
	}
	if i := l.t.find(n.Addr); i >= 0 {
		return l.programOver(i, &n)
	}
	o := offer{addr: n.Addr, eNode: n.ENode}
	if l.t.Full() || l.crowded(&o) {
		l.count(CountTableFull)
		return Refused
	}
	from := Login{}
	for j := range l.named(n.Addr.space(), n.WWPN) {
		old := l.t.read(j)
		if old.Flags&FromPeer == 0 {
			return Better
		}
		l.end(j, MovedAway)
		from = old
	}
	i := l.t.insert(&n)
	if i < 0 {
		l.count(CountTableFull)
		return Refused
	}
	l.enter(i, &n)
	l.count(CountStarted)
	kind := Started
	if from.WWPN != 0 {
		kind = Moved
	}
	l.tell(kind, Told, &from, &n)
	return Done
}

// programOver enters a login whose address slot i has.
func (l *Learner) programOver(i int, n *Login) Answer {
	old := l.t.read(i)
	if old.Flags&FromPeer == 0 {
		return Better
	}
	if old.WWPN != n.WWPN {
		for j := range l.named(n.Addr.space(), n.WWPN) {
			if l.t.read(j).Flags&FromPeer == 0 {
				return Better
			}
			l.end(j, MovedAway)
		}
		n.Incarnation = old.Incarnation + 1
		l.count(CountReplaced)
		l.write(i, Replaced, Told, &old, n)
		return Done
	}
	n.Incarnation, n.FirstSeen, n.LastSeen, n.ENodeSeen = old.Incarnation, old.FirstSeen, old.LastSeen, old.ENodeSeen
	n.State, n.Marked = old.State, old.Marked
	if *n != old {
		kind := Updated
		if n.Port != old.Port {
			kind = Moved
		}
		l.write(i, kind, Told, &old, n)
	}
	return Done
}

// Forget ends a login that is only known from another node.
func (l *Learner) Forget(a Addr, now int64) Answer {
	l.now = max(now, 0)
	i := l.t.find(a)
	if i < 0 {
		return Done
	}
	if l.t.read(i).Flags&FromPeer == 0 {
		return Better
	}
	l.end(i, Told)
	return Done
}

// Hold says that from now on this node sees no frames (true), or sees them again (false). While it is held nothing ends
// for silence, and every login counts as known from others. Then the timers begin anew.
func (l *Learner) Hold(held bool, now int64) {
	l.now = max(now, 0)
	if l.held = held; held {
		for i := range l.t.each() {
			if old := l.t.read(i); old.Flags&FromPeer == 0 {
				n := old
				n.Flags |= FromPeer
				l.write(i, Updated, Told, &old, &n)
			}
		}
		return
	}
	l.released, l.nextScan, l.nextFCF = l.now, l.now, math.MaxInt64
	for i := range l.fcfs {
		if f := &l.fcfs[i]; f.used {
			f.last = max(f.last, l.now)
			l.nextFCF = min(l.nextFCF, f.last+lost(f.fka))
		}
	}
}

// alive notes a frame of the N_Port in slot i itself, which is n.
func (l *Learner) alive(i int, n *Login) {
	if n.Flags&FromPeer == 0 {
		l.t.seen(i, l.now)
		return
	}
	shown := *n
	shown.Flags &^= FromPeer
	shown.LastSeen, shown.ENodeSeen = l.now, max(n.ENodeSeen, l.released)
	l.write(i, Updated, Seen, n, &shown)
}
