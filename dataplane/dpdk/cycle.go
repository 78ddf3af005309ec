package dpdk

/*
#include <stdlib.h>
#include <string.h>
#include "cycle.h"

static uintptr_t fcr_cycle_alloc(void)
{
	void *c = aligned_alloc(FCR_CACHE_LINE, sizeof(struct fcr_cycle));

	if (c != NULL)
		memset(c, 0, sizeof(struct fcr_cycle));
	return (uintptr_t)c;
}

static void fcr_cycle_dealloc(uintptr_t c) { free((void *)c); }
*/
import "C"

import (
	"fmt"
	"runtime/cgo"
	"unsafe"
)

// NoPort as RxPort makes a Run that only transmits and gives back. As the Port of a Tx it makes a
// queue that Run does not transmit: mirror copies are still appended, and the lcore takes the frames
// elsewhere.
const NoPort = 0xffff

// CloneCopyMax is the longest frame, in bytes, that a mirror copies; a longer one is shared by
// reference. The README has the measurement behind it.
const CloneCopyMax = 256

// Cycle is one iteration of an lcore: everything that it asks of DPDK between two bursts, done in
// one crossing into C. Its memory is C's, 64-byte aligned; the lcore fills in the request, calls
// Run, and reads the answer. One goroutine owns a Cycle. In the order it runs:
//
//  1. Each entry of Clone is copied and appended to its transmit queue.
//  2. Each queue Tx[:NTx] with N > 0 gets one rte_eth_tx_burst. What the driver did not take moves
//     to the front, in order, and N says how much: the remainder.
//  3. Free[:NFree] goes back to its mempools. TSCTx is read.
//  4. One burst of at most RxBurst frames is received from (RxPort, RxQueue) — unless RxGate names
//     a transmit queue that still has a remainder (then RxGated is 1 and RxN 0), or RxPort is NoPort.
//     With NRx > 0 the entries of RxList are tried instead, from RxFirst on and round once, until one
//     gives frames: RxAt says which. Each entry has a gate of its own; RxGated then means that at
//     least one entry was passed over.
//  5. Data and Len are filled in and the first line of each frame is prefetched. TSCRx is read.
//
// After Run, NClone and NFree are 0. Every *Mbuf in Rx[:RxN] belongs to the lcore, which must put
// it into exactly one of Tx or Free. The source of a clone must be in Tx or Free of the same Run,
// and must not be rewritten after it was asked for: a long frame is shared with its copy until both
// have been sent.
//
// A frame that arrives in several segments (the port was set up for that by nobody) is dropped and
// counted in RxMultiSeg.
type Cycle struct {
	_ cgo.Incomplete // C memory: never on the Go heap, no write barriers

	// The request.
	RxPort, RxQueue, RxBurst uint16
	NTx                      uint16
	RxGate                   uint32 // bit i: Tx[i] must be empty before anything is received
	NClone, NFree            uint16
	CloneCopyMax             uint32 // frames up to this many bytes are copied, longer ones shared
	NRx, RxFirst             uint16 // of RxList; with NRx 0 RxPort is polled
	clonePool                unsafe.Pointer

	// The answer, of this Run alone.
	RxN        uint16
	RxGated    uint16 // 1: not polled, a gated queue has a remainder
	RxMultiSeg uint16 // frames dropped because they came in segments
	RxAt       uint16 // where in RxList the burst came from
	RxBytes    uint32 // sum of Len[:RxN]
	_          uint32
	TSCTx      uint64
	TSCRx      uint64

	Rx    [BurstMax]*Mbuf
	Data  [BurstMax]unsafe.Pointer // Rx[i].Data()
	Len   [BurstMax]uint32         // Rx[i].Len()
	Tx    [TxMax]Tx
	Clone [CloneMax]Clone
	Free  [FreeMax]*Mbuf

	RxList [RxMax]RxFrom
}

// RxFrom is a queue to poll: see RxPort, RxQueue and RxGate.
type RxFrom struct {
	_           cgo.Incomplete
	Port, Queue uint16
	Gate        uint32
}

// Tx is one transmit queue of a Cycle with the frames that wait for it. The counters only grow.
type Tx struct {
	_           cgo.Incomplete
	Port, Queue uint16
	N           uint16
	_           uint16
	Sent        uint64 // frames that the driver took
	SentBytes   uint64
	CloneFailed uint64 // copies not made: no mbuf, or no room in this queue
	_           [4]uint64
	Mbuf        [TxFramesMax]*Mbuf
}

// Clone asks for a copy of Mbuf to be appended to Tx[Tx].
type Clone struct {
	_    cgo.Incomplete
	Mbuf *Mbuf
	Tx   uint16
	_    [3]uint16
}

// NewCycle makes a Cycle whose mirror copies come from pool. With a nil pool, which needs no EAL,
// copies fail and are counted. RxPort starts as NoPort, RxBurst as 32.
func NewCycle(pool *Mempool) (*Cycle, error) {
	c := (*Cycle)(unsafe.Add(unsafe.Pointer(nil), uintptr(C.fcr_cycle_alloc())))
	if c == nil {
		return nil, fmt.Errorf("cycle: cannot allocate %d bytes", unsafe.Sizeof(Cycle{}))
	}
	c.RxPort = NoPort
	c.RxBurst = 32
	c.CloneCopyMax = CloneCopyMax
	if pool != nil {
		c.clonePool = unsafe.Pointer(pool.p)
	}
	return c, nil
}

// Run does one iteration. A request beyond the limits is a fault of the caller and panics before
// anything was done.
func (c *Cycle) Run() {
	if C.fcr_cycle_run(C.uintptr_t(uintptr(unsafe.Pointer(c)))) != 0 {
		panic(c.Check())
	}
}

// Check says what is wrong with the request, if anything. Run makes the same checks in C.
func (c *Cycle) Check() error {
	if c.NTx > TxMax {
		return fmt.Errorf("cycle: %d transmit queues, limit %d", c.NTx, TxMax)
	}
	if c.NClone > CloneMax {
		return fmt.Errorf("cycle: %d clones, limit %d", c.NClone, CloneMax)
	}
	if c.NFree > FreeMax {
		return fmt.Errorf("cycle: %d frames to free, limit %d", c.NFree, FreeMax)
	}
	if c.RxPort != NoPort && (c.RxBurst == 0 || c.RxBurst > BurstMax) {
		return fmt.Errorf("cycle: receive burst of %d, limit 1 to %d", c.RxBurst, BurstMax)
	}
	if c.NRx > RxMax || c.NRx > 0 && (c.RxFirst >= c.NRx || c.RxBurst == 0 || c.RxBurst > BurstMax) {
		return fmt.Errorf("cycle: queue %d first of %d to poll, limit %d, burst of %d", c.RxFirst, c.NRx, RxMax, c.RxBurst)
	}
	for i := range c.NTx {
		if n := c.Tx[i].N; n > TxFramesMax {
			return fmt.Errorf("cycle: %d frames in transmit queue %d, limit %d", n, i, TxFramesMax)
		}
	}
	for i := range c.NClone {
		if tx := c.Clone[i].Tx; tx >= c.NTx {
			return fmt.Errorf("cycle: clone %d is for transmit queue %d of %d", i, tx, c.NTx)
		}
	}
	return nil
}

// Close gives back the frames that still wait in Tx and Free, and the memory of the Cycle. It
// returns how many frames were still waiting to be sent. The caller has seen to Rx.
func (c *Cycle) Close() int {
	unsent := 0
	for i := range c.Tx[:c.NTx] {
		t := &c.Tx[i]
		unsent += int(t.N)
		for _, m := range t.Mbuf[:t.N] {
			m.Release()
		}
		t.N = 0
	}
	for _, m := range c.Free[:c.NFree] {
		m.Release()
	}
	C.fcr_cycle_dealloc(C.uintptr_t(uintptr(unsafe.Pointer(c))))
	return unsent
}
