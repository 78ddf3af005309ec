package login

import (
	"math"
	"time"
)

// Tick ends the logins whose time is over, and forgets the FCFs that fell silent, with their logins. The owner calls it
// often (every 100 ms or so); it walks the table only when something can have expired, at most once in 100 ms. now is
// the wall clock, and a step forward of it ends logins: give it the wall clock of the start plus monotonic time.
func (l *Learner) Tick(now int64) {
	if l.now = max(now, 0); l.held {
		return // nothing of all that is seen here
	}
	if l.now >= l.nextFCF {
		l.expireFCFs()
	}
	if l.now >= l.nextScan {
		l.expireLogins()
	}
}

func (l *Learner) expireLogins() {
	next := int64(math.MaxInt64)
	for i := range l.t.each() {
		n := l.t.read(i)
		switch d := l.deadline(&n); {
		case d > l.now:
			next = min(next, d)
		case n.State == Removed && d == max(n.LastSeen, n.Marked)+int64(removedGrace):
			l.end(i, NotifiedGone)
		default:
			l.end(i, Silent)
		}
	}
	l.nextScan = max(next, l.now+int64(scanPause))
}

// expireFCFs forgets FCFs that have not advertised for 2.5 × FKA_ADV_PERIOD. By FC-BB an ENode then considers its
// virtual links to them as down, so their logins end.
func (l *Learner) expireFCFs() {
	next, lapsed := int64(math.MaxInt64), false
	for i := range l.fcfs {
		f := &l.fcfs[i]
		if !f.used {
			continue
		}
		if d := f.last + lost(f.fka); d > l.now {
			next = min(next, d)
		} else {
			lapsed, f.dead = true, true
		}
	}
	l.nextFCF = next
	if !lapsed {
		return
	}
	for i := range l.t.each() {
		n := l.t.read(i)
		if n.FCF.IsZero() {
			continue
		}
		if f := l.findFCF(n.Addr.space(), n.FCF); f != nil && f.dead {
			l.end(i, FCFLost)
		}
	}
	for i := range l.fcfs {
		if l.fcfs[i].dead {
			l.fcfs[i] = fcf{}
		}
	}
}

// deadline is that of the login, which began anew when the learner was released if no frame has shown the login since.
func (l *Learner) deadline(n *Login) int64 {
	if n.Flags&FromPeer == 0 {
		return n.deadline()
	}
	fresh := *n
	fresh.LastSeen, fresh.ENodeSeen = max(n.LastSeen, l.released), max(n.ENodeSeen, l.released)
	return fresh.deadline()
}

// deadline is when a login ends if nothing more is seen of it. The README has the timers as a table.
func (l *Login) deadline() int64 {
	end := l.LastSeen + int64(idleLimit)
	if l.Flags&Beacons != 0 {
		end = l.LastSeen + lost(beaconPeriod)
	}
	if l.Flags&KeepsAlive != 0 {
		end = l.LastSeen + lost(vnKAPeriod)
		if !l.ENode.IsZero() {
			end = min(end, l.ENodeSeen+lost(l.keepAlive()))
		}
	}
	if l.State == Removed {
		end = min(end, max(l.LastSeen, l.Marked)+int64(removedGrace))
	}
	return end
}

// overdue is when a sign of life has certainly failed to come: from then on, somebody else who claims the name or the
// address is believed. A login without timers is never overdue.
func (l *Login) overdue(now int64) bool {
	switch {
	case l.Flags&Beacons != 0:
		return now > l.LastSeen+missed(beaconPeriod)
	case l.Flags&KeepsAlive != 0 && !l.ENode.IsZero():
		return now > l.ENodeSeen+missed(l.keepAlive())
	case l.Flags&KeepsAlive != 0:
		return now > l.LastSeen+missed(vnKAPeriod)
	}
	return false
}

// keepAlive is the period of the ENode's keep-alives. While no advertisement told it, it may be as long as any.
func (l *Login) keepAlive() time.Duration {
	if l.KeepAlive == 0 {
		return fkaMax
	}
	return l.KeepAlive
}
