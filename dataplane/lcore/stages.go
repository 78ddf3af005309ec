package lcore

import (
	"time"
	"unsafe"

	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
)

// StageTimes is what a frame costs in each stage of a pass, in ns.
type StageTimes struct{ Parse, Lookup, Account, Decide float64 }

// stageFrames is how many frames one variant handles before the clock is read again.
const stageFrames = 1 << 16

// MeasureStages runs the stages of a pass over frames in memory, each variant one stage longer than the one before, in
// turn, and takes the differences of their best times: what is left when the machine was not disturbed. The worker must
// have stopped, and port i must have a pair. Frames are copied to the same few places first, as a driver would have
// just put them; that copy is the first variant and is taken off the others.
func (w *Worker) MeasureStages(port int, frames [][]byte, rounds int) StageTimes {
	for i := range w.own {
		if w.own[i].port == port {
			w.in = &w.own[i]
		}
	}
	w.row = &w.Counters[port]
	s := stage{w: w, frames: frames}
	for i := range s.hot {
		w.Cycle.Rx[i], w.Cycle.Data[i] = new(stageMbuf).mbuf(), unsafe.Pointer(&s.hot[i])
	}
	best := [5]time.Duration{}
	variants := [5]func(int){func(int) {}, s.parse, s.lookup, s.account, s.all}
	for range rounds {
		for v, run := range variants {
			if took := s.time(run); best[v] == 0 || took < best[v] {
				best[v] = took
			}
		}
	}
	per := func(v int) float64 { return max(0, float64(best[v]-best[v-1])/stageFrames) }
	return StageTimes{Parse: per(1), Lookup: per(2), Account: per(3), Decide: per(4)}
}

type stage struct {
	w      *Worker
	frames [][]byte
	next   int
	hot    [BurstFrames][256]byte
	sum    uint64
}

// stageMbuf stands for an mbuf that is moved from queue to queue and never looked into.
type stageMbuf [64]byte

func (m *stageMbuf) mbuf() *dpdk.Mbuf { return (*dpdk.Mbuf)(unsafe.Pointer(m)) }

func (s *stage) time(run func(n int)) time.Duration {
	start := time.Now()
	for range stageFrames / BurstFrames {
		for i := range s.hot {
			f := s.frames[s.next]
			if s.next++; s.next == len(s.frames) {
				s.next = 0
			}
			s.w.Cycle.Len[i] = uint32(copy(s.hot[i][:], f))
		}
		run(BurstFrames)
	}
	return time.Since(start)
}

func (s *stage) parse(n int) {
	c := s.w.Cycle
	frame.Classify(&c.Data, &c.Len, 0, n, s.w.in.fabric, &s.w.parsed)
}

func (s *stage) find(i int) *flow.Entry {
	e := s.w.Shard.At(s.w.places[i])
	if key := flow.Key(s.w.parsed.Keys[i]); e.Key != key {
		e = s.w.Shard.Find(key)
	}
	return e
}

func (s *stage) lookup(n int) {
	s.w.read(n)
	for i := range min(n, 64) {
		if e := s.find(i); e != nil {
			s.sum += uint64(e.Stamp)
		}
	}
}

func (s *stage) account(n int) {
	s.w.read(n)
	for i := range min(n, 64) {
		if e := s.find(i); e != nil {
			e.Frames++
			e.Bytes += uint64(s.w.Cycle.Len[i])
			e.LastSeen = s.w.now
		}
	}
}

func (s *stage) all(n int) {
	w := s.w
	w.burst(n)
	for q := range w.portOf {
		w.Cycle.Tx[q].N = 0
	}
	w.Cycle.NClone, w.Cycle.NFree = 0, 0
}
