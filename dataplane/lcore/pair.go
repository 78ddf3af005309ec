package lcore

import (
	"encoding/binary"
	"unsafe"

	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/shm"
)

// An inline pair: two nodes side by side between the same switches. Only one of them may forward, else frames go round.
// The control goroutine says which, here:
//
//	open    frames are forwarded, for ever, or until a time that control moves on as long as it lives
//	shut    they are dropped, but for those of the pair itself, which go to control
//	drain   the other node forwards already; what still comes here by a path that a switch has not changed yet is
//	        forwarded too, and nothing else: no multicast, no frame that comes by the wrong side
//
// The time is what fences a node from itself: a process that was stopped for a while and goes on finds its time over
// before it handles a burst, and forwards nothing until control has heard what happened meanwhile.

// shut as the time means: not at all.
const shut = 1

// Open lets frames through for ever.
func (s *Shared) Open() { s.shut.Store(0) }

// OpenUntil lets them through while the TSC is at most this.
func (s *Shared) OpenUntil(tsc uint64) { s.shut.Store(tsc + 1) }

// Shut lets none through.
func (s *Shared) Shut() {
	s.drain.Store(0)
	s.shut.Store(shut)
}

// Drain lets those through that are on their way, while the TSC is at most this.
func (s *Shared) Drain(tsc uint64) {
	s.drain.Store(tsc)
	s.shut.Store(shut)
}

// Send is a frame of our own, to be put out by the lcore that owns the port.
type Send struct {
	Mbuf *dpdk.Mbuf
	Port uint32 // index
	Kind uint32 // PairBeat or PairAnnounce
}

// The frames of a pair begin, behind the Ethernet header, with this word and what they are.
const (
	PairEtherType = 0x88b5 // of IEEE 802 for local experiments
	PairMagic     = 0x46435270
	PairBeat      = 1 // for control
	PairAnnounce  = 2 // for the switches on the way
	PairHeader    = 14 + 5
)

// shut handles n frames when they must not be forwarded.
//
//go:noinline
func (w *Worker) shut(n int) {
	if w.now <= w.Shared.drain.Load() {
		w.drain(n)
		return
	}
	for i := range min(n, 64) {
		if w.Sends == nil || !w.ofPair(i) {
			w.drop(w.Cycle.Rx[i], shm.FateDropStandby)
		}
	}
}

// ofPair takes a frame of the pair itself out of the burst. Announcements have the VLAN tag of their N_Port, beats none. A
// flood of what looks like beats must not take control's time, so only some in each millisecond go there.
func (w *Worker) ofPair(i int) bool {
	size := w.Cycle.Len[i]
	if size < PairHeader {
		return false
	}
	data := unsafe.Slice((*byte)(w.Cycle.Data[i]), PairHeader)
	tagged := binary.BigEndian.Uint16(data[12:]) == 0x8100
	if tagged {
		if size < PairHeader+4 {
			return false
		}
		data = unsafe.Slice((*byte)(unsafe.Add(w.Cycle.Data[i], 4)), PairHeader)
	}
	if binary.BigEndian.Uint16(data[12:]) != PairEtherType || binary.BigEndian.Uint32(data[14:]) != PairMagic {
		return false
	}
	if in := w.in; data[18] == PairBeat && !tagged {
		if w.now-in.beatsSince >= w.TSCHz/1000 {
			in.beatsSince, in.beats = w.now, 0
		}
		if in.beats++; in.beats <= beatsHeard {
			w.copied(w.in.port, w.Cycle.Data[i], size)
		}
	}
	w.drop(w.Cycle.Rx[i], shm.FateDropPair)
	return true
}

// drain forwards what is on its way. A multicast reaches the other node too, and what comes by the wrong side has been
// forwarded by it: those are dropped, or frames would go round.
func (w *Worker) drain(n int) {
	n = w.keep(n, func(i int) bool { return *(*byte)(w.Cycle.Data[i])&1 == 0 })
	switch {
	case w.in.role == shm.RoleService:
		w.handBack(n)
		return
	case w.in.pairTx < 0:
		w.noPath(n)
		return
	}
	w.read(n)
	if left := w.keep(n, w.rightSide); left != n {
		n = left
		w.read(n)
	}
	w.handle(n)
}

// rightSide says whether a frame comes in by the port by which its direction does.
func (w *Worker) rightSide(i int) bool {
	if w.parsed.Classes[i]&ordinary != 0 {
		return true
	}
	e := w.Shard.Find(flow.Key(w.parsed.Keys[i]))
	return e == nil || e.Frames == 0 || int(w.Shard.Info(e).InPort) == w.in.port
}

// keep drops the frames of a burst that are not wanted and moves the others together.
func (w *Worker) keep(n int, wanted func(int) bool) (left int) {
	c := w.Cycle
	for i := range min(n, 64) {
		if !wanted(i) {
			if w.Sends == nil || !w.ofPair(i) {
				w.drop(c.Rx[i], shm.FateDropStandby)
			}
			continue
		}
		c.Rx[left], c.Data[left], c.Len[left] = c.Rx[i], c.Data[i], c.Len[i]
		left++
	}
	return left
}

// sendOwn puts out frames of our own, some at a time. A beat waits for a place where the port is held up, the newest one of
// each port: a congested node must not be taken for dead. An announcement does not wait, and none goes out while shut.
func (w *Worker) sendOwn() {
	if w.Sends == nil {
		return
	}
	for range sendBatch {
		slot := w.Sends.Next()
		if slot == nil {
			break
		}
		s := *(*Send)(slot)
		switch q := w.txOf[s.Port]; {
		case q >= 0 && s.Kind == PairBeat:
			if w.late[q] != nil {
				w.release(w.late[q])
				w.lateN--
			}
			w.late[q] = s.Mbuf
			w.lateN++
		case q >= 0 && w.heldSince[q] == 0 && w.Cycle.Tx[q].N < queueHeldMax && w.now <= w.Shared.shut.Load()-1:
			w.put(q, s.Mbuf)
			w.Counters[s.Port].Injected++
		default:
			w.release(s.Mbuf)
		}
	}
	w.Sends.Release()
	w.sendLate()
}

// sendLate puts out the beats that wait and have a place now.
func (w *Worker) sendLate() {
	if w.lateN == 0 {
		return
	}
	for q, m := range w.late {
		if m != nil && w.Cycle.Tx[q].N < queueHeldMax {
			w.put(q, m)
			w.Counters[w.portOf[q]].Injected++
			w.late[q] = nil
			w.lateN--
		}
	}
}

// forgetLate gives back the beats that found no place until the end.
func (w *Worker) forgetLate() {
	for q, m := range w.late {
		if m != nil {
			w.release(m)
			w.late[q] = nil
		}
	}
	w.lateN = 0
}

// release gives back a frame of our own.
func (w *Worker) release(m *dpdk.Mbuf) {
	if c := w.Cycle; c.NFree < freeHeldMax {
		c.Free[c.NFree] = m
		c.NFree++
		return
	}
	m.Release()
}
