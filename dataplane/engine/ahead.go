package engine

import (
	"unsafe"

	"fcredirect/dataplane/command"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/lcore"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/ring"
	"fcredirect/dataplane/shm"
)

// Flows ahead of their first frame, and flows that somebody ends. Both go to the lcores that own the directions.
//
//	create   a wish is noted; when both ends are logged in, each direction is pinned by the lcore that polls its port
//	login    that comes, goes or moves has all wishes looked at again, some at a time
//	delete   the wish goes, then the flow tables are walked, a part at a time, for the directions between the two names:
//	         whatever FC_IDs they had, and whether somebody had created them ahead or not

// ahead is the control goroutine's side of it.
type ahead struct {
	wishes []flow.Wish // in the segment
	top    int         // behind the last that is used
	at     int         // the next to look at, going round
	left   int         // how many are to be looked at
	logins uint64      // generation of the login table when that was said

	asked, ending deaths // waiting for the next walk, and of this one
	walk          struct{ lcore, slot int }
}

// deaths are flows that are to end, with who waits for it.
type deaths struct {
	n       int
	flows   [deathsMost]command.FlowRequest
	tickets [deathsMost]command.Ticket
}

func (e *Engine) makeAhead() {
	if e.clock != nil {
		return
	}
	a := &e.ahead
	a.wishes = shm.Items[flow.Wish](e.seg.State, flow.RegionWishes)
	for i := range a.wishes {
		if a.wishes[i].Used() { // after a warm start: every direction is pinned anew
			a.wishes[i].Key, a.top = 0, i+1
		}
	}
	a.left = a.top
	e.handleFlow(command.OpCreateFlow, e.createFlow)
	e.handleFlow(command.OpDeleteFlow, e.deleteFlow)
}

func (e *Engine) handleFlow(op command.Op, do func(command.Ticket, *command.FlowRequest)) {
	e.commands.Handle(op, func(t command.Ticket, request []byte) {
		r, ok := command.Decode[command.FlowRequest](request)
		switch {
		case !ok:
			e.malformed(t)
		case r.Initiator == 0 || r.Target == 0 || r.Initiator == r.Target || r.Fabric > 15 || r.VSAN > 4094:
			e.commands.Refuse(t, command.Malformed, "a flow has two different WWPNs, a VSAN of 0 to 4094 and a fabric of 0 to 15")
		default:
			do(t, &r)
		}
	})
}

// createFlow notes a wish. The answer is that it is noted: a login that is missing may come in a year.
func (e *Engine) createFlow(t command.Ticket, r *command.FlowRequest) {
	a := &e.ahead
	place := -1
	for i := range a.wishes {
		if a.wishes[i].Is(r.Fabric, r.VSAN, r.Initiator, r.Target) {
			e.commands.Answer(t, nil)
			return
		}
		if place < 0 && !a.wishes[i].Used() {
			place = i
		}
		if i >= a.top && place >= 0 {
			break
		}
	}
	if place < 0 {
		e.commands.Refuse(t, command.Full, "as many flows as can be created ahead are")
		return
	}
	a.wishes[place].Put(r.Fabric, r.VSAN, r.Initiator, r.Target)
	a.top = max(a.top, place+1)
	a.at, a.left = place, a.top // the new one first
	e.commands.Answer(t, nil)
}

// deleteFlow queues a flow for the next walk.
func (e *Engine) deleteFlow(t command.Ticket, r *command.FlowRequest) {
	d := &e.ahead.asked
	if d.n == deathsMost {
		e.commands.Refuse(t, command.Busy, "many flows are being deleted: try again")
		return
	}
	d.flows[d.n], d.tickets[d.n] = *r, t
	d.n++
}

// lookAhead does some of what is to be done.
func (e *Engine) lookAhead() {
	if e.ahead.wishes == nil {
		return
	}
	e.lookAtWishes()
	e.lookAtDeaths()
}

// lookAtWishes pins what can be pinned, and unpins what is not so any more. Between changes of logins it does nothing.
func (e *Engine) lookAtWishes() {
	a := &e.ahead
	if now := e.control.view.Generation(); now != a.logins {
		a.logins, a.left = now, a.top // from where we are: logins that come and go all the time starve no wish
	}
	for range min(wishBatch, a.left) {
		if a.at >= a.top {
			a.at = 0
		}
		if w := &a.wishes[a.at]; w.Used() && !e.fulfil(w) {
			return // a ring is full: again the next time
		}
		a.at++
		a.left--
	}
}

// fulfil brings the directions of a wish to where they should be. False when there is no room to say so now.
func (e *Engine) fulfil(w *flow.Wish) bool {
	key, from, to := e.placeOf(w)
	if key == w.Key && (key == 0 || from == w.InitiatorPort && to == w.TargetPort) {
		return true
	}
	for _, r := range e.control.commands {
		if r != nil && r.Free(4) < 4 {
			return false
		}
	}
	if w.Key != 0 {
		e.tellAll(lcore.Unpin, w.Key)
		e.tellAll(lcore.Unpin, w.Key.Reverse())
	}
	if key != 0 {
		tellLcore(e.ownerOf(from), lcore.Command{What: lcore.Pin, Arg: uint64(key), Port: from, From: flow.FromInitiator})
		tellLcore(e.ownerOf(to), lcore.Command{What: lcore.Pin, Arg: uint64(key.Reverse()), Port: to, From: flow.FromTarget})
	}
	w.Key, w.InitiatorPort, w.TargetPort = key, from, to
	return true
}

// placeOf is where a wished flow would be: the key of its direction from the initiator, and the ports on which the two
// directions enter; 0 while an end is not logged in at a port of ours.
func (e *Engine) placeOf(w *flow.Wish) (key flow.Key, from, to uint8) {
	a, ok1 := e.control.learner.Find(w.Fabric, w.VSAN, frame.WWN(w.Initiator))
	b, ok2 := e.control.learner.Find(w.Fabric, w.VSAN, frame.WWN(w.Target))
	if !ok1 || !ok2 || e.ownerOf(a.Port) == nil || e.ownerOf(b.Port) == nil {
		return 0, 0, 0
	}
	return flow.MakeKey(w.Fabric, w.VSAN, uint32(a.Addr.ID()), uint32(b.Addr.ID())), a.Port, b.Port
}

// ownerOf is the ring to the lcore that polls a port, nil when there is none.
func (e *Engine) ownerOf(port uint8) *ring.Producer {
	if port == login.NoPort || int(port) >= len(e.infos) {
		return nil
	}
	return e.control.commands[e.infos[port].Lcore]
}

// tellLcore puts a command into an lcore's ring, if there is room.
func tellLcore(r *ring.Producer, c lcore.Command) bool {
	slot := r.Reserve()
	if slot == nil {
		return false
	}
	*(*lcore.Command)(slot) = c
	r.Commit()
	return true
}

func (e *Engine) tellAll(what lcore.What, key flow.Key) {
	for _, r := range e.control.commands {
		if r != nil {
			tellLcore(r, lcore.Command{What: what, Arg: uint64(key)})
		}
	}
}

// lookAtDeaths walks on through the flow tables for the flows that are to end. One walk serves all that were asked for
// when it began.
func (e *Engine) lookAtDeaths() {
	a := &e.ahead
	if a.ending.n == 0 {
		if a.asked.n == 0 || !e.forget(&a.asked) {
			return
		}
		a.ending, a.asked.n = a.asked, 0
		a.walk.lcore, a.walk.slot = 0, 0
	}
	v := e.control.views[a.walk.lcore]
	if r := e.control.commands[a.walk.lcore]; r != nil {
		if r.Free(deathRoom) < deathRoom {
			return
		}
		end := a.walk.slot + deathSlots
		room := deathRoom
		for ; a.walk.slot < min(end, v.Slots()) && room > 0; a.walk.slot++ {
			for d := range v.Part(a.walk.slot, 1) {
				if a.ending.names(&d) {
					tellLcore(r, lcore.Command{What: lcore.End, Arg: uint64(d.Key)})
					room--
				}
			}
		}
		if a.walk.slot < v.Slots() {
			return
		}
	}
	if a.walk.slot, a.walk.lcore = 0, a.walk.lcore+1; a.walk.lcore < len(e.control.views) {
		return
	}
	for i := range a.ending.n {
		e.commands.Answer(a.ending.tickets[i], nil)
	}
	a.ending.n = 0
}

// names says whether a direction belongs to one of the flows.
func (d *deaths) names(of *flow.Direction) bool {
	for i := range d.n {
		f := &d.flows[i]
		if of.Info.Initiator == f.Initiator && of.Info.Target == f.Target && of.Key.VF() == f.VSAN && of.Key.Fabric() == f.Fabric {
			return true
		}
	}
	return false
}

// forget takes the wishes for flows away, and ends what was made of them: a direction that an lcore is just about to make
// would not be found by the walk. False when there is no room to say so now.
func (e *Engine) forget(d *deaths) bool {
	for _, r := range e.control.commands {
		if r != nil && r.Free(2*deathsMost) < 2*deathsMost {
			return false
		}
	}
	for i := range d.n {
		f := &d.flows[i]
		for n := range e.ahead.top {
			w := &e.ahead.wishes[n]
			if !w.Is(f.Fabric, f.VSAN, f.Initiator, f.Target) {
				continue
			}
			if w.Key != 0 {
				e.tellAll(lcore.End, w.Key)
				e.tellAll(lcore.End, w.Key.Reverse())
			}
			w.Clear()
		}
	}
	return true
}

var _ = [1]struct{}{}[unsafe.Sizeof(flow.Wish{})-64]
