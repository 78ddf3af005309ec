package lcore

import (
	"math/bits"
	"unsafe"

	"fcredirect/dataplane/capture"
	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/shm"
)

// Captures. Without one a burst costs a load of Shared, whose line it has anyway, and a comparison (Poll). With one, the
// keys of its frames are compared once they are known: a burst with no frame that is wanted is then handled as any
// other. Else the frames are copied after it was handled, when their fates are known and all of them are still where
// they were: what the burst changes of a frame, 8 bytes, was kept. Frames that a service returned are copied before they
// are handed back, because they may belong to another lcore afterwards; their fate can be told by then.

// Capture makes a set of captures the active one, nil for none. It must not change while an lcore may hold it.
func (s *Shared) Capture(set *capture.Set) { s.captures.Store(set) }

// watch is what captures need of a burst.
type watch struct {
	out    *capture.Writer // nil without a segment
	set    *capture.Set
	looks  uint32                              // captures of the set that look at this burst, a bit each
	fated  uint32                              // of these, those that ask what became of the frame
	counts [capture.MaxCaptures]*capture.Count // by their place in the set
	hits   [capture.MaxCaptures]uint64         // frames that each wants, a bit each
	kept   [64]uint64                          // the first 8 bytes of each frame that is wanted, as received
	queued [dpdk.TxMax]uint16                  // where the burst began in each queue, and goes on being looked for
	fates  [shm.NumFates]uint64                // before the burst
	copied int                                 // records made for this burst
}

// Watch gives the worker its ring for captures, before Run.
func (w *Worker) Watch(out *capture.Writer) { w.watch.out = out }

// watched handles a burst as Poll would, and copies what captures want of it.
//
//go:noinline
func (w *Worker) watched(set *capture.Set, n int) {
	service, looks := w.in.role == shm.RoleService, w.beginWatch(set)
	if looks && (service || w.in.pairTx < 0) {
		w.read(n)
		w.copyMatching(n)
	}
	switch {
	case service:
		w.handBack(n)
	case !looks || w.in.pairTx < 0:
		w.burst(n)
	default:
		w.watchedBurst(min(n, 64))
	}
}

// watchedBurst handles a burst as burst does, and copies what is wanted of it then.
func (w *Worker) watchedBurst(n int) {
	x := &w.watch
	w.read(n)
	wanted := w.match(n)
	if wanted == 0 {
		w.handle(n)
		return
	}
	for left := wanted; left != 0; left &= left - 1 {
		i := bits.TrailingZeros64(left)
		x.kept[i] = *(*uint64)(w.Cycle.Data[i])
	}
	for q := range w.portOf {
		x.queued[q] = w.Cycle.Tx[q].N
	}
	if x.fated != 0 {
		x.fates = w.row.Fates
	}
	w.handle(n)
	if x.fated != 0 {
		w.happened()
	}
	if x.looks != 0 {
		w.copyWanted()
	}
}

// beginWatch says whether any capture looks at frames of the port that the burst came from.
func (w *Worker) beginWatch(set *capture.Set) bool {
	x := &w.watch
	if x.looks, x.fated, x.copied = 0, 0, 0; x.out == nil {
		return false
	}
	x.set = set
	for k := range set.N {
		a := &set.Armed[k]
		if a.Ports>>w.in.port&1 == 0 || a.Until != 0 && int64(w.now-a.Until) >= 0 {
			continue
		}
		x.counts[k] = x.out.Count(a)
		if a.Frames != 0 && x.counts[k].Copied >= a.Frames {
			continue
		}
		if x.looks |= 1 << k; a.Fates != 0 {
			x.fated |= 1 << k
		}
	}
	if x.looks != 0 {
		x.out.Refill(w.now, w.TSCHz, set.Rate)
	}
	return x.looks != 0
}

// happened leaves out the captures of fates that no frame of the burst had: a capture of drops costs a comparison or
// two per burst while nothing is dropped.
func (w *Worker) happened() {
	x := &w.watch
	had := uint32(0)
	for f := range x.fates {
		if w.row.Fates[f] != x.fates[f] {
			had |= 1 << f
		}
	}
	for k := range x.set.N {
		if x.fated>>k&1 != 0 && x.set.Armed[k].Fates&had == 0 {
			x.looks &^= 1 << k
			x.fated &^= 1 << k
		}
	}
}

// match finds the frames of the burst that captures want, and says which any of them does.
func (w *Worker) match(n int) (all uint64) {
	x := &w.watch
	n = min(n, 64)
	for k := range x.set.N {
		if x.hits[k] = 0; x.looks>>k&1 != 0 {
			x.hits[k] = x.set.Armed[k].Match(&w.parsed.Keys, n)
			all |= x.hits[k]
		}
	}
	if all == 0 {
		return 0
	}
	fc := uint64(0)
	for left := all; left != 0; left &= left - 1 {
		if i := bits.TrailingZeros64(left); w.parsed.Classes[i].Reason() == frame.OK {
			fc |= 1 << i
		}
	}
	all = 0
	for k := range x.set.N {
		if x.hits[k] != 0 {
			x.hits[k] = x.set.Armed[k].Confirm(x.hits[k], fc, &w.Cycle.Data)
			all |= x.hits[k]
		}
	}
	return all
}

// copyMatching copies what is wanted of a burst that was read and is not handled yet.
func (w *Worker) copyMatching(n int) {
	if w.match(n) != 0 {
		w.copyWanted()
	}
}

// copyWanted copies the frames that match found until the budget is used up, and counts those beyond it: they cost what
// the question costs whether they are wanted, and no more.
func (w *Worker) copyWanted() {
	x := &w.watch
	all := uint64(0)
	for k := range x.set.N {
		if x.looks>>k&1 == 0 {
			x.hits[k] = 0
		}
		all |= x.hits[k]
	}
	for ; all != 0 && w.affordable(); all &= all - 1 {
		w.copyFrame(bits.TrailingZeros64(all))
	}
	if all != 0 {
		w.countMissed(all)
	}
	if x.copied > 0 {
		x.out.Commit()
	}
}

// affordable says whether the budget has anything left.
func (w *Worker) affordable() bool {
	return w.watch.copied < w.watch.set.Frames && w.watch.out.Affords(capture.MinSnap)
}

// countMissed counts the frames of a burst that are wanted and beyond the budget.
func (w *Worker) countMissed(frames uint64) {
	x := &w.watch
	for k := range x.set.N {
		missed := x.hits[k] & frames
		if x.fated>>k&1 != 0 {
			missed = w.ofFate(missed, x.set.Armed[k].Fates)
		}
		if n := uint64(bits.OnesCount64(missed)); n > 0 {
			x.counts[k].Matched += n
			x.counts[k].Budget += n
		}
	}
}

// ofFate leaves, of the frames of a burst, those of some fates.
func (w *Worker) ofFate(frames uint64, fates uint32) uint64 {
	for left := frames; left != 0; left &= left - 1 {
		i := bits.TrailingZeros64(left)
		if fates>>w.outcomeOf(i).fate&1 == 0 {
			frames &^= 1 << i
		}
	}
	return frames
}

// outcome is what became of a frame.
type outcome struct {
	fate  shm.Fate
	flags uint8
	sent  int // port, -1 for none
	entry *flow.Entry
	early bool // not handled yet: the frame is as it was received
}

func (w *Worker) copyFrame(i int) {
	x := &w.watch
	o := w.outcomeOf(i)
	wanted, asSent, snap, asSentSnap := uint32(0), uint32(0), uint32(0), uint32(0)
	for k := range x.set.N {
		a := &x.set.Armed[k]
		if x.hits[k]>>i&1 == 0 || a.Fates != 0 && a.Fates>>o.fate&1 == 0 || a.Frames != 0 && x.counts[k].Copied >= a.Frames {
			continue
		}
		x.counts[k].Matched++
		wanted, snap = wanted|1<<k, max(snap, a.Snap)
		if a.Sent && o.sent >= 0 {
			asSent, asSentSnap = asSent|1<<k, max(asSentSnap, a.Snap)
		}
	}
	if wanted == 0 {
		return
	}
	rec := capture.Record{
		TSC: w.now, Len: w.Cycle.Len[i], Port: uint8(w.in.port), Fate: uint8(o.fate), Flags: o.flags, Revision: x.set.Revision, Rule: -1, Service: -1,
	}
	if e := o.entry; e != nil {
		info := w.Shard.Info(e)
		rec.Action, rec.Generation, rec.Rule, rec.Service = e.Verdict.Action(), e.Stamp>>8, info.Rule, info.Service
	}
	rec.Kept = uint16(min(rec.Len, snap))
	if at := w.record(&rec, wanted, w.Cycle.Data[i]); at != nil && !o.early {
		copy(unsafe.Slice((*byte)(at), rec.Kept), unsafe.Slice((*byte)(unsafe.Pointer(&x.kept[i])), 8))
	}
	if asSent == 0 {
		return
	}
	rec.Kept, rec.Port, rec.Flags = uint16(min(rec.Len, asSentSnap)), uint8(o.sent), rec.Flags|capture.FlagSent
	if at := w.record(&rec, asSent, w.Cycle.Data[i]); at != nil && o.early {
		copy(unsafe.Slice((*byte)(at), rec.Kept), o.entry.MAC[:])
	}
}

// record makes one record for those that want it, or counts for each why it was not made.
func (w *Worker) record(rec *capture.Record, wanted uint32, data unsafe.Pointer) (at unsafe.Pointer) {
	x := &w.watch
	afford := x.copied < x.set.Frames && x.out.Afford(int(rec.Kept))
	rec.Slots = 0
	for k := range x.set.N {
		if wanted>>k&1 != 0 {
			rec.Slots |= 1 << x.set.Armed[k].Slot
		}
	}
	if afford {
		at = x.out.Put(rec, data)
	}
	for k := range x.set.N {
		switch count := x.counts[k]; {
		case wanted>>k&1 == 0:
		case !afford:
			count.Budget++
		case at == nil:
			count.Full++
		default:
			count.Copied++
			count.Bytes += uint64(min(uint32(rec.Kept), x.set.Armed[k].Snap))
		}
	}
	if at != nil {
		x.copied++
	}
	return at
}

// outcomeOf tells what became of frame i, or, of one that has not been handled yet, what will.
func (w *Worker) outcomeOf(i int) outcome {
	key, class := flow.Key(w.parsed.Keys[i]), w.parsed.Classes[i]
	if w.in.role == shm.RoleService {
		return w.outcomeOfReturned(key, class)
	}
	if w.in.pairTx < 0 {
		return outcome{fate: shm.FateDropNoPath, sent: -1, early: true}
	}
	o := outcome{sent: w.in.pair}
	if class&ordinary != 0 {
		if o.fate = fateOf[class.Reason()]; class.Reason() == frame.OK {
			o.fate = shm.FateWellKnown
		}
		if o.fate.Dropped() {
			o.sent = -1
		}
		return o
	}
	e := w.Shard.At(w.places[i])
	if e.Key != key {
		if e = w.find(key); e == nil {
			o.fate = shm.FateUnflowed
			return o
		}
	}
	if class&(frame.ClassStorage|frame.ClassControl|frame.ClassError) == frame.ClassStorage {
		o.entry = e
		w.outcomeOfVerdict(i, &o)
	}
	return o
}

// outcomeOfVerdict tells what a verdict did with a storage frame. Whether its service could take it is told by where the
// frame is.
func (w *Worker) outcomeOfVerdict(i int, o *outcome) {
	v := o.entry.Verdict
	switch v.Action() {
	case flow.Drop:
		o.fate, o.sent = shm.FateDropPolicy, -1
	case flow.Redirect:
		q := int(v.Queue() % dpdk.TxMax)
		switch {
		case q != w.in.pairTx && w.queuedIn(q, w.Cycle.Rx[i]):
			o.fate, o.sent = shm.FateSteered, w.portOf[q]
		case v.Is(flow.Block):
			o.fate, o.sent = shm.FateDropBlocked, -1
		default:
			o.fate = shm.FateBypassed
		}
	}
}

// queuedIn says whether the burst put a frame into a queue. Frames are asked for in the order in which they were put, so
// that all questions together look at each once; one that is not there makes those that follow look again.
func (w *Worker) queuedIn(q int, m *dpdk.Mbuf) bool {
	t := &w.Cycle.Tx[q]
	for at := w.watch.queued[q]; at < t.N; at++ {
		if t.Mbuf[at%dpdk.TxFramesMax] == m {
			w.watch.queued[q] = at + 1
			return true
		}
	}
	return false
}

// outcomeOfReturned tells what will become of a frame that a service returned.
func (w *Worker) outcomeOfReturned(key flow.Key, class frame.Class) outcome {
	o := outcome{fate: shm.FateDropUnmatched, sent: -1, early: true}
	if class&ordinary != 0 || !class.Is(frame.ClassStorage) {
		return o
	}
	if e := w.find(key); e != nil {
		if e.Verdict.Is(flow.Steered) {
			o.fate, o.sent, o.entry = shm.FateHandedBack, int(e.Verdict.Direct()), e
		}
	} else if w.ownerOf(key) >= 0 {
		o.fate, o.flags = shm.FateHandedBack, capture.FlagCarried
	}
	return o
}
