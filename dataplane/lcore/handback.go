package lcore

import (
	"unsafe"

	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/shm"
)

// handBack handles n frames that a service returned. Each goes on to where the frame was bound before it was steered;
// the policy is not asked again, or the frame would go round for ever. What no flow of ours accounts for is dropped: a
// service port is no way into the fabric.
func (w *Worker) handBack(n int) {
	w.read(n)
	for i := range min(n, 64) {
		key, class := flow.Key(w.parsed.Keys[i]), w.parsed.Classes[i]
		m := w.Cycle.Rx[i]
		if class.Reason() == frame.FIP {
			w.copyToControl(w.in.port, w.Cycle.Data[i], w.Cycle.Len[i])
		}
		if class&ordinary != 0 || !class.Is(frame.ClassStorage) {
			w.drop(m, shm.FateDropUnmatched)
			continue
		}
		if e := w.find(key); e != nil {
			w.restore(e, m, w.Cycle.Data[i])
		} else if owner := w.ownerOf(key); owner >= 0 {
			w.carryBack(owner, m)
		} else {
			w.drop(m, shm.FateDropUnmatched)
		}
	}
}

func (w *Worker) find(key flow.Key) *flow.Entry {
	return w.Shard.Find(key)
}

// restore puts the true MACs back and sends the frame on.
func (w *Worker) restore(e *flow.Entry, m *dpdk.Mbuf, data unsafe.Pointer) {
	if !e.Verdict.Is(flow.Steered) {
		w.drop(m, shm.FateDropUnmatched)
		return
	}
	*(*[12]byte)(data) = e.MAC
	w.put(w.txOf[e.Verdict.Direct()], m)
	w.row.Fates[shm.FateHandedBack]++
}

// ownerOf looks for the lcore that steered a frame of this key here, -1 for none.
func (w *Worker) ownerOf(key flow.Key) int {
	for i, s := range w.Shards {
		if i != w.Index && s != nil && s.Has(key) {
			return i
		}
	}
	return -1
}
