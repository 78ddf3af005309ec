package shm

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// setClock says which wall time, in ns since 1970, a TSC is. Readers of a segment that is adopted go on meanwhile: the two
// must not be of different starts.
func (h *Header) setClock(hz, tsc uint64, ns int64) {
	busy := atomic.LoadUint64(&h.Clock) | 1 // odd already when a dead writer left it so
	atomic.StoreUint64(&h.Clock, busy)
	atomic.StoreUint64(&h.TSCHz, hz)
	atomic.StoreUint64(&h.TSCStart, tsc)
	atomic.StoreInt64(&h.StartNS, ns)
	atomic.StoreUint64(&h.Clock, busy+1)
}

// clock is what setClock said last. It does not wait for a writer that died in between.
func (h *Header) clock() (hz, tsc uint64, ns int64) {
	for range clockTries {
		before := atomic.LoadUint64(&h.Clock)
		hz, tsc, ns = atomic.LoadUint64(&h.TSCHz), atomic.LoadUint64(&h.TSCStart), atomic.LoadInt64(&h.StartNS)
		if before&1 == 0 && atomic.LoadUint64(&h.Clock) == before {
			break
		}
	}
	return hz, tsc, ns
}

// Wall turns a TSC of the data plane into ns since 1970, exactly.
func (h *Header) Wall(tsc uint64) int64 {
	hz, start, startNS := h.clock()
	if hz == 0 || tsc == 0 {
		return 0
	}
	ahead := tsc - start
	before := int64(ahead) < 0 // a warm start: seen by the data plane before
	if before {
		ahead = -ahead
	}
	hi, lo := bits.Mul64(ahead, uint64(time.Second))
	if hi >= hz {
		return 0
	}
	ns, _ := bits.Div64(hi, lo, hz)
	if before {
		return startNS - int64(ns)
	}
	return startNS + int64(ns)
}
