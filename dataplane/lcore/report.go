package lcore

import (
	"time"

	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
)

// What the lcore tells the slow path. A frame costs one comparison (burst); the first frame of a flow in a report period
// costs a mark; and between bursts the flows marked in the period before are offered, so many at a time.

// Feed gives the worker its rings to the slow path, before Run. The worker is the source of its outlets.
func (w *Worker) Feed(o *feed.Outlets, e *feed.Events) {
	w.outlets, w.events, w.fresh = o, e, o.Fresh()
}

// touch marks a flow that was not seen in this period yet.
//
//go:noinline
func (w *Worker) touch(e *flow.Entry) {
	if w.outlets != nil {
		w.outlets.Touch(w.Shard.Slot(e), uint64(e.Key), e.LastSeen)
	}
}

// report is the lcore's work for the slow path between bursts.
func (w *Worker) report() {
	if w.idle.loops%reportEvery != 0 && w.idle.passes == 0 {
		return
	}
	now := w.Cycle.TSCRx
	if w.Clock != nil {
		now = w.Clock()
	}
	w.outlets.Offer(now, reportItems)
	w.events.Tick(now)
	w.fresh = w.outlets.Fresh()
}

// lastWords tells what was not told yet at an orderly stop: if the next start is a cold one, nobody else will. It waits for
// room as long as some consumer makes it, longer if one has read lately: it may be in the middle of a transaction. After a
// time in which another program had our CPU it looks for room first.
func (w *Worker) lastWords() {
	if w.outlets == nil || w.Limit > 0 {
		return
	}
	begin := dpdk.TSC()
	for last, now := begin, begin; !w.outlets.Idle() && w.passed(begin, now) < wordsMost; now = dpdk.TSC() {
		if w.outlets.Flush(now, wordsItems) {
			last = now
		} else if w.passed(last, now) >= wordsWait && !w.outlets.Heard(now-w.ticks(wordsPatience)) {
			break
		} else {
			w.nap()
		}
	}
	w.events.Tick(dpdk.TSC())
}

// passed is the time between two TSCs that are not far apart.
func (w *Worker) passed(from, to uint64) time.Duration {
	return time.Duration((to - from) * 1000 / (w.TSCHz / 1_000_000))
}

func (w *Worker) ticks(d time.Duration) uint64 {
	return uint64(d.Microseconds()) * (w.TSCHz / 1_000_000)
}

// Slots and Fill make the worker the source of its outlets.
func (w *Worker) Slots() int { return w.Shard.Slots() }

// Fill writes a flow into an item. A direction on which no storage frame was seen is no flow yet.
func (w *Worker) Fill(slot uint32, item *feed.Item) bool {
	e := w.Shard.InSlot(slot)
	if e == nil {
		return false
	}
	info := w.Shard.Info(e)
	if info.Orient == flow.OrientUnknown || info.Hinted != 0 && e.Frames == 0 {
		return false
	}
	w.describe(item.Flow(), e, info)
	return true
}

func (w *Worker) describe(f *feed.FlowItem, e *flow.Entry, info *flow.Info) {
	header := f.Header
	*f = feed.FlowItem{
		Header: header, Serial: w.serial(info), Key: uint64(e.Key), Initiator: info.Initiator, Target: info.Target,
		Frames: e.Frames, Bytes: e.Bytes, LastSeen: e.LastSeen, Created: info.Created,
		Generation: e.Stamp >> 8, LoginGen: uint32(w.Logins.Generation()), Rule: info.Rule, Service: info.Service, Errors: e.Errors,
		Action: e.Verdict.Action(), State: stateOf(e.Verdict), Orient: uint8(info.Orient), InPort: info.InPort,
	}
}

// serial names a life in the whole segment: the lcore and its own number.
func (w *Worker) serial(info *flow.Info) uint64 { return uint64(w.Index)<<serialBits | info.Serial }

const serialBits = 56

func stateOf(v flow.Verdict) feed.State {
	switch {
	case v.Action() != flow.Redirect || !v.Is(flow.Special):
		return feed.Active
	case v.Is(flow.Block):
		return feed.Blocked
	}
	return feed.Bypassed
}

// told is what the slow path knows of a flow's verdict.
type told struct {
	orient            flow.Orient
	action            uint8
	state             feed.State
	service           int16
	rule              int32
	initiator, target uint64
}

func (w *Worker) told(e *flow.Entry, info *flow.Info) told {
	return told{info.Orient, e.Verdict.Action(), stateOf(e.Verdict), info.Service, info.Rule, info.Initiator, info.Target}
}

// tell makes a flow's beginning, or a change of its verdict, an event and an update that goes first. The direction from
// the initiator speaks for both.
func (w *Worker) tell(e *flow.Entry, info *flow.Info, before told) {
	if w.outlets == nil || before == w.told(e, info) {
		return
	}
	w.outlets.Urgent(w.Shard.Slot(e), uint64(e.Key))
	if info.Orient != flow.FromInitiator {
		return
	}
	t, lane := feed.FlowVerdict, feed.High
	if before.orient == flow.OrientUnknown {
		t = feed.FlowCreated
	}
	if stateOf(e.Verdict) != feed.Active {
		lane = feed.Immediate
	}
	w.event(t, lane, e, info, before)
}

func (w *Worker) event(t feed.Type, lane feed.Lane, e *flow.Entry, info *flow.Info, before told) {
	item := w.events.Put(w.now, t, lane)
	if item == nil {
		return
	}
	f := item.Flow()
	w.describe(f, e, info)
	f.OldAction, f.OldState, f.OldService, f.OldRule = before.action, before.state, before.service, before.rule
	if t == feed.FlowEnded {
		f.State = feed.Ended
	}
	w.events.Commit()
}

// ended tells of a flow that ends, with its final totals, and says whether it may. While a consumer has no room it may
// not, unless the table needs the slot; and one that somebody wants to stand may not.
func (w *Worker) ended(e *flow.Entry) bool {
	info, key := w.Shard.Info(e), uint64(e.Key)
	if info.Static != 0 {
		return false
	}
	if info.Hinted == flow.Hinted { // its time begins when the sweep first asks: after a takeover, not before
		info.Hinted, e.LastSeen = flow.HintedSilent, w.now
		return false
	}
	if info.Hinted != 0 && e.Frames == 0 {
		return true // nobody was told that it began
	}
	if w.outlets == nil {
		return true
	}
	if info.Orient == flow.OrientUnknown {
		return true
	}
	speaks := info.Orient == flow.FromInitiator
	if w.Shard.Room() > w.Shard.Live()/endReserve && (!w.outlets.Room(key) || speaks && !w.events.Room()) {
		return false
	}
	w.outlets.End(w.Shard.Slot(e), key, w.now)
	if speaks {
		w.event(feed.FlowEnded, feed.High, e, info, w.told(e, info))
	}
	return true
}
