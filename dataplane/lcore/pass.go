package lcore

import (
	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/shm"
)

// Poll makes one pass and says whether anything was received or is still to be sent: it sends what the pass before
// prepared, receives one burst from the first port that has one, and handles it. The next pass begins with the port
// after, so that each gets its turn.
func (w *Worker) Poll() (busy bool) {
	c := w.Cycle
	if len(w.Ports) != len(w.own) {
		w.holdServices()
	}
	w.Config.Run(c)
	w.sent()
	if s := w.Shared.Snapshot(); s != w.snap {
		w.takeUp(s)
		w.renewal = renewal{left: w.Shard.Slots()}
	}
	if w.now = c.TSCRx; w.Clock != nil {
		w.now = w.Clock()
	}
	w.receiveCarried()
	n := int(c.RxN)
	if n == 0 && c.RxMultiSeg == 0 {
		return w.unsent()
	}
	w.in = &w.own[c.RxAt]
	if c.RxFirst = c.RxAt + 1; c.RxFirst == c.NRx {
		c.RxFirst = 0
	}
	w.row = &w.Counters[w.in.port]
	w.row.RxFrames += uint64(n) + uint64(c.RxMultiSeg)
	w.row.Fates[shm.FateDropSegments] += uint64(c.RxMultiSeg)
	w.row.RxBytes += uint64(c.RxBytes)
	switch set := w.Shared.captures.Load(); {
	case w.now > w.Shared.shut.Load()-1:
		w.shut(n)
	case set != nil:
		w.watched(set, n)
	case w.in.role == shm.RoleService:
		w.handBack(n)
	default:
		w.burst(n)
	}
	w.Page.Frames += uint64(n)
	w.Page.Bursts++
	w.received, w.pending = c.TSCRx, w.pending+uint64(n)
	return true
}

// sent does the accounts of what the crossing transmitted, and gives up on a queue that has not moved for the drop timeout.
func (w *Worker) sent() {
	c := w.Cycle
	if w.pending > 0 {
		w.Page.Latency.Add(c.TSCTx-w.received, w.pending)
		w.pending = 0
	}
	if len(w.portOf) > w.mine {
		w.carry()
	}
	for q, port := range w.portOf {
		t, count := &c.Tx[q], &w.Counters[port]
		moved := t.Sent != count.TxFrames
		count.MirrorLost = t.CloneFailed
		if q < w.mine {
			count.TxFrames, count.TxBytes = t.Sent, t.SentBytes
		}
		switch {
		case t.N == 0:
			w.heldSince[q] = 0
		case w.heldSince[q] == 0 || moved:
			if w.heldSince[q] == 0 {
				count.TxHeld++
			}
			w.heldSince[q] = c.TSCTx
		case c.TSCTx-w.heldSince[q] > w.DropTimeout:
			w.giveUp(q, count)
		}
	}
}

// giveUp drops what a queue has held for the drop timeout, as a switch does, so that one dead port does not stop the
// frames behind it for ever.
// What there is no room for in the list of frames to free, without which a burst may find none, waits for the next time.
func (w *Worker) giveUp(q int, count *shm.Counters) (dropped int) {
	c := w.Cycle
	t := &c.Tx[q]
	n := min(t.N, freeHeldMax-min(c.NFree, freeHeldMax))
	copy(c.Free[c.NFree:], t.Mbuf[:n])
	copy(t.Mbuf[:], t.Mbuf[n:t.N])
	c.NFree += n
	t.N -= n
	count.TxDropped += uint64(n)
	w.heldSince[q] = 0
	return int(n)
}

// unsent says whether a queue has a remainder: reason enough not to sleep long.
func (w *Worker) unsent() bool {
	for q := range w.portOf {
		if w.Cycle.Tx[q].N > 0 {
			return true
		}
	}
	return false
}

// Drain sends what is prepared, for at most the given number of passes, and says how many frames were left and dropped.
// A port that takes nothing is given up after the drop timeout. For an orderly stop: lcores that drain at the same time
// wait for each other's frames.
func (w *Worker) Drain(passes int) (left int) {
	c := w.Cycle
	c.NRx, c.RxPort = 0, dpdk.NoPort
	w.sendOwn()
	defer func() { c.NRx = uint16(len(w.own)) }()
	for range passes {
		w.Config.Run(c)
		w.sent()
		w.receiveCarried()
		w.sendLate()
		w.gave()
		// In this order: who is no longer giving has put its last frame into a ring.
		if w.Shared.giving.Load() == 0 && !w.betweenUs() && !w.unsent() {
			break
		}
	}
	for w.unsent() || w.betweenUs() {
		for q, port := range w.portOf {
			left += w.giveUp(q, &w.Counters[port])
		}
		w.gave()
		w.Config.Run(c)
		w.sent()
		w.receiveCarried()
	}
	w.forgetLate()
	w.Config.Run(c) // what receiveCarried dropped, and this
	w.sent()
	return left
}

// gave says, once, that nothing more will be carried from here to other lcores.
func (w *Worker) gave() {
	for q := w.mine; q < len(w.portOf); q++ {
		if w.Cycle.Tx[q].N > 0 {
			return
		}
	}
	if w.giving {
		w.giving = false
		w.Shared.giving.Add(-1)
	}
}
