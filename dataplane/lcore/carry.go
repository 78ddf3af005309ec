package lcore

import (
	"unsafe"

	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/shm"
)

// A port has one owner, which alone receives and transmits there. Where two lcores share a service port, frames are
// carried between them over one ring per pair of lcores: to the owner of the port to be sent, and back from it to the
// owner of the flow.

// carried is a frame on its way to another lcore: to be sent out of a port of its, or (handBack) to be handled as what
// a service returned on that port.
type carried struct {
	mbuf     *dpdk.Mbuf
	port     int32
	handBack bool
}

// carry moves what stands in the queues for other lcores' ports into their rings, as far as there is room. The rest
// waits, like any remainder.
func (w *Worker) carry() {
	for q := w.mine; q < len(w.portOf); q++ {
		t, port := &w.Cycle.Tx[q], w.portOf[q]
		owner := w.Ports[port].Owner
		n := min(int(t.N), w.Carry[owner].Free(int(t.N)))
		if n == 0 {
			continue
		}
		for _, m := range t.Mbuf[:n] {
			w.carryTo(owner, carried{mbuf: m, port: int32(port)})
		}
		w.Carry[owner].Commit()
		copy(t.Mbuf[:t.N], t.Mbuf[n:t.N])
		t.N -= uint16(n)
		w.heldSince[q] = 0
	}
}

func (w *Worker) carryTo(owner int, item carried) {
	*(*carried)(w.Carry[owner].Reserve()) = item
	w.Page.Carried++
}

// holdServices leaves service ports unpolled while a burst might not fit in the rings to the lcores that own its flows.
func (w *Worker) holdServices() {
	room := true
	for _, p := range w.Carry {
		room = room && (p == nil || p.Free(BurstFrames) >= BurstFrames)
	}
	for i := range w.own {
		if r := &w.own[i]; r.role == shm.RoleService {
			w.Cycle.RxList[i].Port = r.id
			if !room {
				w.Cycle.RxList[i].Port = dpdk.NoPort
			}
		}
	}
}

// receiveCarried takes frames from other lcores, at most a burst from each, and only while there is room to send them.
func (w *Worker) receiveCarried() {
	for _, in := range w.Carried {
		if in == nil || in.Empty() {
			continue
		}
		for range BurstFrames {
			if !w.roomForAny() {
				break
			}
			slot := in.Next()
			if slot == nil {
				break
			}
			w.takeCarried(*(*carried)(slot))
		}
		in.Release()
	}
}

func (w *Worker) roomForAny() bool {
	for q := range w.portOf {
		if w.Cycle.Tx[q].N >= queueHeldMax {
			return false
		}
	}
	return true
}

func (w *Worker) takeCarried(item carried) {
	if !item.handBack {
		w.put(w.txOf[item.port], item.mbuf)
		return
	}
	w.row = &w.Counters[item.port]
	var keys [64]uint64
	var classes [64]frame.Class
	p, n := [64]unsafe.Pointer{item.mbuf.Data()}, [64]uint32{uint32(item.mbuf.Len())}
	frame.Classify(&p, &n, 0, 1, uint64(w.Ports[item.port].Fabric)<<60, &keys, &classes)
	if e := w.find(flow.Key(keys[0])); e != nil {
		w.restore(e, item.mbuf, p[0])
		return
	}
	w.drop(item.mbuf, shm.FateDropUnmatched) // ended in between
}
