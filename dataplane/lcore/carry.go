package lcore

import (
	"unsafe"

	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/ring"
	"fcredirect/dataplane/shm"
)

// A port has one owner, which alone receives and transmits there. Where two lcores share a service port, frames are
// carried between them: to the owner of the port to be sent, and back from it to the owner of the flow.
//
// Each service port has a ring from each lcore that does not own it, and each ordered pair of lcores has one for the
// way back. One ring per pair for everything came first: a service that stood still then filled the ring and held up
// the others, and what a service returned found no room that had been there when it was received.

// Crossings are the ends, of the rings between lcores, that one lcore holds.
type Crossings struct {
	carry   []*ring.Producer // by port: to the owner of that service port; nil for all others
	carried []inlet          // from the others, for our service ports
	back    []*ring.Producer // by lcore: what our service ports returned of its flows
	backs   []*ring.Consumer // by lcore: what its service ports returned of ours
}

// inlet is where frames for one of our service ports come from.
type inlet struct {
	port int
	from *ring.Consumer
}

// returned is a frame that a service returned on a port of another lcore.
type returned struct {
	mbuf *dpdk.Mbuf
	port int
}

// NewCrossings makes the rings between that many lcores and gives each its ends.
func NewCrossings(ports []Port, lcores int) ([]Crossings, error) {
	all := make([]Crossings, lcores)
	for i := range all {
		all[i] = Crossings{
			carry: make([]*ring.Producer, len(ports)), back: make([]*ring.Producer, lcores), backs: make([]*ring.Consumer, lcores),
		}
	}
	for a := range all {
		for b := range all {
			if a == b {
				continue
			}
			var err error
			if all[a].back[b], all[b].backs[a], err = ring.New(backSpec); err != nil {
				return nil, err
			}
			for port, p := range ports {
				if p.Role != shm.RoleService || p.Owner != b {
					continue
				}
				to, from, err := ring.New(carrySpec)
				if err != nil {
					return nil, err
				}
				all[a].carry[port] = to
				all[b].carried = append(all[b].carried, inlet{port: port, from: from})
			}
		}
	}
	return all, nil
}

// carry moves what stands in the queues for other lcores' ports into their rings, as far as there is room. The rest
// waits, like any remainder.
func (w *Worker) carry() {
	for q := w.mine; q < len(w.portOf); q++ {
		t, to := &w.Cycle.Tx[q], w.Crossings.carry[w.portOf[q]]
		n := min(int(t.N), to.Free(int(t.N)))
		if n == 0 {
			continue
		}
		for _, m := range t.Mbuf[:n] {
			*(**dpdk.Mbuf)(to.Reserve()) = m
		}
		to.Commit()
		copy(t.Mbuf[:t.N], t.Mbuf[n:t.N])
		t.N -= uint16(n)
		w.Page.Carried += uint64(n)
		w.heldSince[q] = 0
	}
}

// carryBack gives a frame to the lcore that owns its flow. holdServices has seen to the room.
func (w *Worker) carryBack(owner int, m *dpdk.Mbuf) {
	back := w.Crossings.back[owner]
	*(*returned)(back.Reserve()) = returned{mbuf: m, port: w.in.port}
	back.Commit()
	w.Page.Carried++
}

// holdServices leaves service ports unpolled while a burst might not fit in the rings to the lcores that own its flows.
func (w *Worker) holdServices() {
	room := true
	for _, p := range w.Crossings.back {
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

// receiveCarried takes frames from other lcores, at most a burst from each ring, and only while there is room to send
// them.
func (w *Worker) receiveCarried() {
	for i := range w.Crossings.carried {
		in := &w.Crossings.carried[i]
		if in.from.Empty() {
			continue
		}
		q := w.txOf[in.port]
		for n := 0; n < BurstFrames && w.Cycle.Tx[q].N < queueHeldMax; n++ {
			slot := in.from.Next()
			if slot == nil {
				break
			}
			w.put(q, *(**dpdk.Mbuf)(slot))
		}
		in.from.Release()
	}
	for _, in := range w.Crossings.backs {
		if in == nil || in.Empty() {
			continue
		}
		for n := 0; n < BurstFrames && w.roomForBack(); n++ {
			slot := in.Next()
			if slot == nil {
				break
			}
			w.takeBack(*(*returned)(slot))
		}
		in.Release()
	}
}

// roomForBack says whether a frame for any of our pairs can be sent, or dropped.
func (w *Worker) roomForBack() bool {
	for q, port := range w.portOf[:w.mine] {
		if w.Ports[port].Role != shm.RoleService && w.Cycle.Tx[q].N >= queueHeldMax {
			return false
		}
	}
	return w.Cycle.NFree < freeHeldMax
}

func (w *Worker) takeBack(item returned) {
	w.row = &w.Counters[item.port]
	var parsed frame.Parsed
	p, n := [64]unsafe.Pointer{item.mbuf.Data()}, [64]uint32{uint32(item.mbuf.Len())}
	frame.Classify(&p, &n, 0, 1, uint64(w.Ports[item.port].Fabric)<<60, &parsed)
	if e := w.find(flow.Key(parsed.Keys[0])); e != nil {
		w.restore(e, item.mbuf, p[0])
		return
	}
	w.drop(item.mbuf, shm.FateDropUnmatched) // ended in between
}

// betweenUs says whether frames from other lcores wait for us.
func (w *Worker) betweenUs() bool {
	for i := range w.Crossings.carried {
		if !w.Crossings.carried[i].from.Empty() {
			return true
		}
	}
	for _, in := range w.Crossings.backs {
		if in != nil && !in.Empty() {
			return true
		}
	}
	return false
}
