package lcore

import (
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
)

// renewal is the walk over the table after a change of the configuration. A frame asks the policy anew by itself; a direction
// that is silent is asked for here, so that it is shown, and told of, with the verdict that its next frame meets.
type renewal struct {
	left int  // slots to look at still
	held bool // until there is room for what is to be told
}

// renew looks at the next few slots, and asks the policy for one direction at most.
func (w *Worker) renew() {
	// What frames have to tell goes first: it does not wait for room.
	if w.renewal.held = w.outlets != nil && !w.events.HalfFree(); w.renewal.held {
		return
	}
	for i := 0; i < renewSlots && w.renewal.left > 0; i++ {
		w.renewal.left--
		e := w.Shard.InSlot(uint32(w.renewal.left))
		if e != nil && (e.Stamp^w.snap.Generation<<8)>>8 != 0 && w.again(e) {
			return
		}
	}
}

// again asks the policy for a direction that was asked for under another configuration, by the names that it had then: one whose
// logins have changed meanwhile has a stamp of 0, and keeps it, for its next frame has them resolved.
func (w *Worker) again(e *flow.Entry) bool {
	info := w.Shard.Info(e)
	in := w.rxOf(int(info.InPort))
	if info.Orient == flow.OrientUnknown || in == nil || in.pairTx < 0 {
		return false
	}
	was := w.in
	w.in = in
	before := w.told(e, info)
	verdict := w.decide(e.Key, info, frame.WWN(info.Initiator), frame.WWN(info.Target))
	e.Verdict = verdict | e.Verdict&flow.Steered | flow.Untold | flow.SpecialCommand
	if e.Stamp != 0 {
		e.Stamp = w.stamp()
	}
	w.Page.Evaluations++
	if info.Hinted == 0 || e.Frames > 0 { // of the others nobody was told that they began
		w.tell(e, info, before)
	}
	w.in = was
	return true
}
