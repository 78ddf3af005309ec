package lcore

import (
	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/shm"
)

// ordinary selects, of a Class, what must be zero for a frame that has a flow: the reason and the no-flow flag.
const ordinary = 0xff | frame.ClassNoFlow

// lookAhead is how many frames are read before their slots are sought, and lag how many frames later the slots are
// looked at: the entries of some frames are on their way while the headers of the next are read.
const (
	lookAhead = 8
	lag       = 2 * lookAhead
)

// read classifies n frames and brings their entries into the cache: the misses of a burst overlap. A lag behind the
// first prefetch the slots are probed: where another key stands the one behind is fetched too.
func (w *Worker) read(n int) {
	c, shard := w.Cycle, w.Shard
	for first := 0; first < n+lag; first += lookAhead {
		if end := min(first+lookAhead, n); first < end {
			frame.Classify(&c.Data, &c.Len, first, end, w.in.fabric, &w.parsed)
			shard.Seek(&w.parsed.Keys, &w.places, first, end)
		}
		if before := first - lag; before >= 0 {
			shard.Probe(&w.parsed.Keys, &w.places, before, min(before+lookAhead, n))
		}
	}
}

// burst reads and handles n frames from an edge or fabric port.
func (w *Worker) burst(n int) {
	if w.in.pairTx < 0 {
		w.noPath(n)
		return
	}
	w.read(n)
	w.handle(n)
}

// handle does what is to be done with the n frames that were read.
//
// What a storage frame of a flow needs is done without asking for the action: the verdict names the queue and the MAC.
// With flows forwarded and steered at random, a branch would be guessed wrong for every other frame.
func (w *Worker) handle(n int) {
	c, stamp, now, fresh := w.Cycle, w.stamp(), w.now, w.fresh
	var sent, steered uint64
	for i := range min(n, 64) {
		class, data := w.parsed.Classes[i], c.Data[i]
		if class&ordinary != 0 {
			w.aside(i, class)
			continue
		}
		e := w.Shard.At(w.places[i])
		if e.Key != flow.Key(w.parsed.Keys[i]) {
			if e = w.miss(i); e == nil {
				continue
			}
		}
		e.Frames++
		e.Bytes += uint64(c.Len[i])
		if int64(e.LastSeen-fresh) <= 0 {
			w.touch(e)
		}
		e.LastSeen = now
		if class&(frame.ClassStorage|frame.ClassControl|frame.ClassError) != frame.ClassStorage {
			w.remark(i, e)
			continue
		}
		if e.Stamp != stamp {
			w.evaluate(i, e)
		}
		// The true MACs are kept for the way back from a service, since in fabric mode they cannot be derived from the
		// FC_IDs. They hardly ever change.
		if macs := (*[12]byte)(data); *macs != e.MAC {
			e.MAC = *macs
		}
		v := e.Verdict
		q := &c.Tx[v.Queue()%dpdk.TxMax]
		if v&(flow.Special|flow.Verdict(class&frame.ClassUnsolCmd)<<commandShift) != 0 || q.N >= queueHeldMax {
			w.special(i, e)
			continue
		}
		mark := &w.marks[v.Mark()]
		*(*uint64)(data) = *(*uint64)(data)&mark.keep | mark.mac // the FC CRC covers none of it
		q.Mbuf[q.N%dpdk.TxFramesMax] = c.Rx[i]
		q.N++
		sent++
		steered += mark.steers
	}
	w.row.Fates[shm.FateForwarded] += sent - steered
	w.row.Fates[shm.FateSteered] += steered
}

// commandShift brings ClassUnsolCmd to where SpecialCommand is.
const commandShift = 42

var _ = [1]struct{}{}[flow.Verdict(frame.ClassUnsolCmd)<<commandShift-flow.SpecialCommand]

// mark is what becomes of the first 8 bytes of a frame: the destination MAC and two bytes of the source.
type mark struct {
	keep, mac uint64
	steers    uint64 // 1 for a service, 0 for the mark that changes nothing
}

// stamp is what a verdict must have been made from to hold for the burst.
func (w *Worker) stamp() uint32 { return w.snap.Generation<<8 | uint32(w.in.port) }

// special handles a storage frame that is mirrored or dropped, whose service cannot take it, or that the learner is
// still to see.
func (w *Worker) special(i int, e *flow.Entry) {
	m := w.Cycle.Rx[i]
	if e.Verdict.Is(flow.Untold) && w.show(i) {
		e.Verdict = e.Verdict.Told()
	}
	v := e.Verdict
	fate := shm.FateForwarded
	switch v.Action() {
	case flow.Drop:
		w.drop(m, shm.FateDropPolicy)
		return
	case flow.Mirror:
		if !v.Is(flow.CommandsOnly) || w.parsed.Classes[i].Is(frame.ClassCommand) {
			w.mirror(m, int(v.Service()))
		}
	case flow.Redirect:
		if q := &w.Cycle.Tx[v.Queue()%dpdk.TxMax]; !v.Is(flow.Special) && q.N < queueHeldMax {
			w.steer(i, v)
			return
		}
		if v.Is(flow.Block) {
			w.drop(m, shm.FateDropBlocked)
			return
		}
		fate = shm.FateBypassed
	}
	w.put(w.in.pairTx, m)
	w.row.Fates[fate]++
}

// steer does for one frame what burst does without a branch.
func (w *Worker) steer(i int, v flow.Verdict) {
	mark, head := &w.marks[v.Mark()], (*uint64)(w.Cycle.Data[i])
	*head = *head&mark.keep | mark.mac
	w.put(int(v.Queue()), w.Cycle.Rx[i])
	w.row.Fates[shm.FateSteered]++
}

// mirror asks for a copy of the frame, unchanged, out of the service's port. A copy that cannot be made is counted; the
// original never waits for it.
func (w *Worker) mirror(m *dpdk.Mbuf, index int) {
	service := &w.snap.Services[index]
	if service.Port < 0 {
		return
	}
	q := w.txOf[service.Port]
	count := &w.Counters[service.Port]
	if !service.Up || w.Cycle.Tx[q].N >= queueHeldMax || w.Cycle.NClone == dpdk.CloneMax {
		count.MirrorRefused++
		return
	}
	clone := &w.Cycle.Clone[w.Cycle.NClone%dpdk.CloneMax]
	clone.Mbuf, clone.Tx = m, uint16(q)
	w.Cycle.NClone++
	count.Mirrored++
}

// remark forwards the ELS, CT and other frames of a flow that the policy is not about.
func (w *Worker) remark(i int, e *flow.Entry) {
	class := w.parsed.Classes[i]
	if class.Is(frame.ClassControl) {
		w.copyToControl(w.in.port, w.Cycle.Data[i], w.Cycle.Len[i])
	}
	if class.Is(frame.ClassError) && e.Errors != ^uint16(0) {
		e.Errors++
	}
	w.put(w.in.pairTx, w.Cycle.Rx[i])
	w.row.Fates[shm.FateForwarded]++
}

// fateOf a frame that is not ordinary, by its reason.
var fateOf = [256]shm.Fate{
	frame.Runt: shm.FateRunt, frame.NotFCoE: shm.FateNotFCoE, frame.NestedTag: shm.FateNestedTag, frame.FIP: shm.FateFIP,
	frame.OldFormat: shm.FateDropOldFormat, frame.BadVersion: shm.FateDropVersion, frame.BadSOF: shm.FateDropSOF,
	frame.BadEOF: shm.FateDropEOF, frame.InvalidEOF: shm.FateDropEOFInvalid, frame.BadLength: shm.FateDropLength,
	frame.Oversize: shm.FateDropOversize, frame.BadExtHeader: shm.FateDropExtHeader, frame.Loop: shm.FateDropLoop,
}

// aside handles a frame without a flow: it is crossed or dropped, and the learner sees what it may learn from.
func (w *Worker) aside(i int, class frame.Class) {
	m := w.Cycle.Rx[i]
	if w.Sends != nil && class.Reason() == frame.NotFCoE && w.ofPair(i) {
		return
	}
	if class.Is(frame.ClassControl) {
		w.copyToControl(w.in.port, w.Cycle.Data[i], w.Cycle.Len[i])
	}
	fate := fateOf[class.Reason()]
	if class.Reason() == frame.OK {
		fate = shm.FateWellKnown
	}
	if fate.Dropped() {
		w.drop(m, fate)
		return
	}
	w.put(w.in.pairTx, m)
	w.row.Fates[fate]++
}

// noPath drops a burst from a port without a pair.
func (w *Worker) noPath(n int) {
	for _, m := range w.Cycle.Rx[:n] {
		w.drop(m, shm.FateDropNoPath)
	}
}
