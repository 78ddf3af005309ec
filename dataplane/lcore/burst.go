package lcore

import (
	"unsafe"

	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/shm"
)

// ordinary selects, of a Class, what must be zero for a frame that has a flow: the reason and the no-flow flag.
const ordinary = 0xff | frame.ClassNoFlow

// burst handles n frames from an edge or fabric port, already classified.
func (w *Worker) burst(n int) {
	if w.in.pairTx < 0 {
		w.noPath(n)
		return
	}
	// Home slots first and all at once: the misses of a burst overlap.
	for i := range n & 63 {
		w.homes[i] = w.Shard.Home(flow.Key(w.keys[i]))
	}
	prefetch(&w.homes, n)

	c, gen, now := w.Cycle, w.snap.Generation, w.now
	direct := &c.Tx[w.in.pairTx]
	var forwarded uint64
	for i := range n & 63 {
		class, m, length := w.classes[i], c.Rx[i], c.Len[i]
		if class&ordinary != 0 {
			w.aside(i, class)
			continue
		}
		e := w.homes[i]
		if e.Key != flow.Key(w.keys[i]) {
			if e = w.miss(i, e); e == nil {
				continue
			}
		}
		e.Frames++
		e.Bytes += uint64(length)
		e.LastSeen = now
		if class&(frame.ClassStorage|frame.ClassControl|frame.ClassError) == frame.ClassStorage {
			if e.Gen != gen {
				w.evaluate(i, e)
			}
			if e.Verdict.Action() != flow.Forward {
				w.act(i, e)
				continue
			}
		} else {
			w.remark(i, e)
		}
		direct.Mbuf[direct.N%dpdk.TxFramesMax] = m
		direct.N++
		forwarded++
	}
	w.row.Fates[shm.FateForwarded] += forwarded
}

// act applies a verdict other than forward to a storage frame.
func (w *Worker) act(i int, e *flow.Entry) {
	m, v := w.Cycle.Rx[i], e.Verdict
	switch v.Action() {
	case flow.Redirect:
		w.steer(i, e)
	case flow.Mirror:
		if !v.Is(flow.CommandsOnly) || w.classes[i].Is(frame.ClassCommand) {
			w.mirror(m, int(v.Service()))
		}
		w.put(w.in.pairTx, m)
		w.row.Fates[shm.FateForwarded]++
	case flow.Drop:
		w.drop(m, shm.FateDropPolicy)
	}
}

// steer sends a frame to its service: the destination MAC becomes the service's, and the entry keeps both true MACs for
// the way back, since in fabric mode they cannot be derived from the FC_IDs. No byte that the FC CRC covers changes.
func (w *Worker) steer(i int, e *flow.Entry) {
	m, data, v := w.Cycle.Rx[i], w.Cycle.Data[i], e.Verdict
	service := &w.snap.Services[v.Service()]
	if !w.serviceUp(int(v.Service()), service) {
		if v.Is(flow.Block) {
			w.drop(m, shm.FateDropBlocked)
			return
		}
		w.put(w.in.pairTx, m)
		w.row.Fates[shm.FateBypassed]++
		return
	}
	macs := (*[12]byte)(data)
	if *macs != e.MAC {
		e.MAC = *macs
	}
	if int(v.Direct()) != w.in.pair { // the direction moved to another port pair of ours
		e.Verdict = v.WithDirect(uint8(w.in.pair))
	}
	*(*[6]byte)(data) = service.MAC
	w.put(w.txOf[service.Port], m)
	w.row.Fates[shm.FateSteered]++
}

// mirror asks for a copy of the frame, unchanged, out of the service's port. A copy that cannot be made is counted; the
// original never waits for it.
func (w *Worker) mirror(m *dpdk.Mbuf, index int) {
	service := &w.snap.Services[index]
	if service.Port < 0 {
		return
	}
	count := &w.Counters[service.Port]
	if !w.serviceUp(index, service) || int(w.Cycle.NClone) == dpdk.CloneMax {
		count.MirrorRefused++
		return
	}
	clone := &w.Cycle.Clone[w.Cycle.NClone%dpdk.CloneMax]
	clone.Mbuf, clone.Tx = m, uint16(w.txOf[service.Port])
	w.Cycle.NClone++
	count.Mirrored++
}

// remark does what ELS, CT and error frames of a flow need besides being forwarded.
func (w *Worker) remark(i int, e *flow.Entry) {
	class := w.classes[i]
	if class.Is(frame.ClassControl) {
		w.copyToControl(w.in.port, w.Cycle.Data[i], w.Cycle.Len[i])
	}
	if class.Is(frame.ClassError) && e.Errors != ^uint16(0) {
		e.Errors++
	}
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

// bytes is frame i of the burst, in place.
func (w *Worker) bytes(i int) []byte {
	return unsafe.Slice((*byte)(w.Cycle.Data[i]), w.Cycle.Len[i])
}
