package login

import (
	"time"

	"fcredirect/dataplane/frame"
)

// What is believed.
//
// A frame offers "the N_Port at this address has this WWPN, and is here". When no login speaks against it, it is taken.
// When it contradicts one, either the login gives way, or it stands and the offer is a Conflict. A login gives way when
//
//   - no frame has shown it here: another node told of it (FromPeer); or
//   - the fabric itself accepted the offer (FLOGI or FDISC; in strict mode seen on a fabric port); or
//   - it is overdue: a beacon or keep-alive has failed to come for 1.5 periods; or
//   - it has no timer, is weak, and the offer comes from the name server, from a port of role fabric, or from the
//     login's own port and MAC. Weak is what is known from sessions or the name server alone; what the fabric said has
//     changed (Suspect, Removed); and in strict mode an accept that came from elsewhere than a fabric port.
//
// Where the name server's word is all there is, nobody knows yet where the N_Port is, so a station on an edge port that
// uses its name and address is shown as its place, and no more: it cannot put the login on a timer and then fall silent,
// log it out, or rename it.
//
// So a station that shows that it is alive cannot be replaced by frames of another, whatever they say, and one behind
// the fabric cannot be replaced from an edge port. A station that moved is silent at its old place; it is believed at
// the new one after 12 s (VN2VN), after 1.5 × FKA_ADV_PERIOD (FIP), or at once when the fabric accepts it there.
//
// The same WWPN at another address of the same (fabric, virtual fabric): when the login there is the same station (port
// and ENode MAC) or gives way, it ends and the new one is told as Moved. Else, when the fabric accepted the new one,
// both stand and both are told as Conflict; the old one becomes Suspect. Else the old one alone stands. One WWPN in two
// virtual fabrics is no conflict: with VFT one N_Port logs in to each.

// offer is what a frame says of one N_Port.
type offer struct {
	addr       Addr
	wwpn, wwnn frame.WWN
	mac        frame.MAC
	eNode, fcf frame.MAC
	port       Port // where the frame came in; of the N_Port itself only if placed
	placed     bool
	how        How
	flags      Flags
	keepAlive  time.Duration
}

// accepted says that the fabric itself took the login.
func (o *offer) accepted() bool { return o.how >= ByLogin }

// sameStation says whether the offer comes from the ENode that a login lives on.
func (o *offer) sameStation(old *Login) bool {
	return o.placed && old.Port == o.port.Index && !o.eNode.IsZero() && old.ENode == o.eNode
}

// login is what an offer makes when nothing is there.
func (o *offer) login(now int64) Login {
	n := Login{
		Addr: o.addr, WWPN: o.wwpn, WWNN: o.wwnn, MAC: o.mac, ENode: o.eNode, FCF: o.fcf, Port: NoPort, State: Live,
		How: o.how, Flags: o.flags, KeepAlive: o.keepAlive, FirstSeen: now, LastSeen: now, ENodeSeen: now,
	}
	if o.placed {
		n.Port = o.port.Index
	}
	return n
}

// timed says whether the login has to show by itself that it lives.
func (n *Login) timed() bool { return n.Flags&(Beacons|KeepsAlive) != 0 }

// samePlace says whether a frame from this port and MAC can be the login's own. On a fabric port the MAC is the FCF's,
// and FCFs change.
func (n *Login) samePlace(p Port, src frame.MAC) bool {
	if n.Port != NoPort && n.Port != p.Index {
		return false
	}
	return p.Role == Fabric || n.MAC.IsZero() || src.IsZero() || n.MAC == src || n.ENode == src
}

// givesWay says whether a login yields to an offer that contradicts it.
func (l *Learner) givesWay(old *Login, o *offer) bool {
	if o.accepted() || old.overdue(l.now) || old.Flags&FromPeer != 0 {
		return true
	}
	weak := old.How <= ByNameServer || old.State != Live || (l.strict && old.How >= ByLogin && old.Flags&Vouched == 0)
	if old.timed() || !weak {
		return false
	}
	return o.how == ByNameServer || o.port.Role == Fabric || (old.Port == o.port.Index && old.MAC == o.mac && !old.hearsay())
}

// hearsay says that the login is known from the fabric's name server, and from nothing better.
func (n *Login) hearsay() bool { return n.How == ByNameServer && n.Flags&Vouched != 0 }

// learn takes or refuses an offer.
func (l *Learner) learn(o *offer) {
	if o.wwpn == 0 || !o.addr.learnable() || o.mac.IsGroup() || o.eNode.IsGroup() || o.fcf.IsGroup() {
		l.count(CountNoName)
		return
	}
	if o.mac.FCMap() == frame.VN2VNFCMap {
		o.flags |= Beacons // whatever frame showed it: a VN2VN node beacons, or is gone
	}
	i := l.t.find(o.addr)
	if i < 0 {
		l.take(-1, nil, o)
		return
	}
	old := l.t.read(i)
	switch {
	case old.WWPN == o.wwpn && (!o.placed || old.samePlace(o.port, o.mac)):
		l.refresh(i, Updated, Seen, &old, o)
	case l.echo(&old, o):
		l.count(CountEcho)
	case l.echoed(&old, o):
		l.count(CountMoved)
		l.refresh(i, Moved, Seen, &old, o)
	case !l.givesWay(&old, o):
		cause, counter := DuplicateName, CountDuplicateWWPN
		if old.WWPN != o.wwpn {
			cause, counter = AddressTaken, CountAddressConflict
		}
		l.count(counter)
		l.conflict(i, cause, o)
	case old.WWPN != o.wwpn:
		l.take(i, &old, o)
	case old.Port == o.port.Index: // the fabric gave it another MAC
		l.refresh(i, Updated, Seen, &old, o)
	case old.overdue(l.now) || old.Flags&FromPeer != 0:
		l.count(CountMoved)
		l.refresh(i, Moved, Seen, &old, o)
	default:
		l.count(CountMoved)
		l.count(CountDuplicateWWPN)
		l.lastConflict[i] = l.now
		o.flags |= Contested
		l.refresh(i, Moved, DuplicateName, &old, o)
	}
}

// echo says whether an offer is the login's own frame, flooded through the network behind the fabric ports and back in
// by another one, as the multicasts of VN2VN are where two port pairs lead into one network. It is no sign of life: when
// the station really is there now, the login becomes overdue and follows.
func (l *Learner) echo(old *Login, o *offer) bool {
	return o.port.Role == Fabric && l.is(old.Port, Edge) && o.same(old) && !old.overdue(l.now)
}

// echoed says whether the login was learnt from such a frame, a moment before the original came out of another lcore's
// ring. Later than that it may be an attacker who copies all of a station behind the fabric, so it is a conflict.
func (l *Learner) echoed(old *Login, o *offer) bool {
	return o.port.Role == Edge && l.is(old.Port, Fabric) && o.same(old) && l.now-old.FirstSeen < int64(echoTime)
}

func (l *Learner) is(port uint8, role Role) bool { return l.known[port] && l.roles[port] == role }

// same says whether the offer is a VN2VN frame that shows the login's own names and MACs.
func (o *offer) same(old *Login) bool {
	return (o.how == ByBeacon || o.how == ByClaim) && (old.How == ByBeacon || old.How == ByClaim) &&
		o.wwpn == old.WWPN && o.mac == old.MAC && o.eNode == old.ENode
}

// refresh adds what an offer says to the login of that name in slot i.
func (l *Learner) refresh(i int, kind Kind, cause Cause, old *Login, o *offer) {
	n := *old
	if o.wwnn != 0 {
		n.WWNN = o.wwnn
	}
	if o.placed {
		n.Port = o.port.Index
		if o.how > BySession || o.mac != n.ENode { // FIP and pre-FIP frames come from the ENode MAC
			n.MAC = or(o.mac, n.MAC)
		}
	}
	if !old.hearsay() || o.accepted() || o.port.Role == Fabric {
		if o.eNode != n.ENode && !l.crowded(o) {
			n.ENode = or(o.eNode, n.ENode)
		}
		n.FCF = or(o.fcf, n.FCF)
		n.How = max(n.How, o.how)
		n.Flags |= o.flags
		if o.keepAlive != 0 {
			n.KeepAlive = o.keepAlive
		}
	}
	if n.Flags&FromPeer != 0 && o.placed {
		n.Flags &^= FromPeer
		n.LastSeen, n.ENodeSeen = max(n.LastSeen, l.released), max(n.ENodeSeen, l.released)
	}
	if last := l.lastConflict[i]; l.now-last > int64(contestedFor) {
		n.Flags &^= Contested
	}
	n.State, n.Marked = Live, 0
	if o.accepted() {
		l.count(CountRelogin)
		n.Claimed = 0 // its sessions ended with the login before: PRLI comes again
	}
	changed := n != *old
	if o.accepted() {
		n.ENodeSeen = max(n.ENodeSeen, l.now)
	}
	if o.placed || !n.timed() { // the name server's word is no sign of life where there are better ones
		n.LastSeen = max(n.LastSeen, l.now)
	}
	if changed {
		l.write(i, kind, cause, old, &n)
		return
	}
	l.t.seen(i, n.LastSeen)
	l.t.eNodeSeen(i, n.ENodeSeen)
}

// take puts an offer's login into the table: over the one in slot i, which ends, or into a slot of its own if i is -1.
func (l *Learner) take(i int, old *Login, o *offer) {
	if l.crowded(o) {
		return
	}
	from, holders, ok := l.others(o)
	if !ok {
		return
	}
	n := o.login(l.now)
	if holders > 0 {
		n.Flags |= Contested
	}
	if e := l.earlyOf(o.addr); e.addr == o.addr {
		n.Claimed, n.Observed = e.claimed, e.observed
		*e = early{}
	}
	switch {
	case i >= 0:
		n.Incarnation = old.Incarnation + 1
		l.count(CountReplaced)
		l.write(i, Replaced, Seen, old, &n)
	default:
		if i = l.t.insert(&n); i < 0 {
			l.count(CountTableFull)
			return
		}
		l.enter(i, &n)
		l.count(CountStarted)
		if from.WWPN != 0 {
			l.count(CountMoved)
			l.tell(Moved, Seen, &from, &n)
		} else {
			l.tell(Started, Seen, &from, &n)
		}
	}
	if holders > 0 {
		l.count(CountDuplicateWWPN)
		l.shared(i)
	}
}

// crowded says whether the offer's ENode has as many logins as one may, and counts it.
func (l *Learner) crowded(o *offer) bool {
	if o.eNode.IsZero() {
		return false
	}
	n := 0
	for range l.behind(o.addr.space(), o.eNode) {
		if n++; n >= maxPerENode {
			l.count(CountENodeFull)
			return true
		}
	}
	return false
}

// others looks at the logins that hold the offer's WWPN at other addresses. ok is false when one of them stands against
// the offer. Else those that make room have ended (from is one of them, or zero), and holders still stand.
func (l *Learner) others(o *offer) (from Login, holders int, ok bool) {
	space := o.addr.space()
	ended := 0
	for j := range l.named(space, o.wwpn) {
		old := l.t.read(j)
		switch {
		case l.makesRoom(&old, o):
			ended++
		case !o.accepted():
			l.count(CountDuplicateWWPN)
			l.conflict(j, DuplicateName, o)
			return from, 0, false
		default:
			holders++
		}
	}
	if holders >= maxSameName {
		l.count(CountNameFull)
		return from, 0, false
	}
	if ended == 0 {
		return from, holders, true
	}
	for j := range l.named(space, o.wwpn) {
		if old := l.t.read(j); l.makesRoom(&old, o) {
			from = old
			l.end(j, MovedAway)
		}
	}
	return from, holders, true
}

// makesRoom says whether a login ends because its WWPN is offered at another address. That the fabric accepted the
// other is not enough: it may have been deceived, and the login may be alive.
func (l *Learner) makesRoom(old *Login, o *offer) bool {
	if o.sameStation(old) || old.overdue(l.now) || old.Flags&FromPeer != 0 {
		return true
	}
	return !o.accepted() && l.givesWay(old, o)
}

// shared tells that the name of the login in slot i, which the fabric accepted, is that of other logins too.
func (l *Learner) shared(i int) {
	n := l.t.read(i)
	l.lastConflict[i] = l.now
	for j := range l.named(n.Addr.space(), n.WWPN) {
		if j == i {
			continue
		}
		other := l.t.read(j)
		other.State, other.Marked = max(other.State, Suspect), l.now
		other.Flags |= Contested
		l.lastConflict[j] = l.now
		l.t.write(j, &other)
		l.tell(Conflict, DuplicateName, &other, &n)
		l.tell(Conflict, DuplicateName, &n, &other)
	}
}

// conflict marks the login in slot i as contested by an offer that is not taken.
func (l *Learner) conflict(i int, cause Cause, o *offer) {
	last := l.lastConflict[i]
	old := l.t.read(i)
	if old.Flags&Contested != 0 && l.now-last < int64(conflictPause) {
		return
	}
	l.lastConflict[i] = l.now
	old.Flags |= Contested
	l.t.write(i, &old)
	offered := o.login(l.now)
	offered.State = None
	l.tell(Conflict, cause, &old, &offered)
}

func or(a, b frame.MAC) frame.MAC {
	if a.IsZero() {
		return b
	}
	return a
}
