package dpdk

// #include "shim.h"
import "C"

import (
	"sync"
	"syscall"
	"time"
)

// RegisterThread makes the calling thread an lcore of DPDK, which gives it a cache in every mempool:
// see README.md for what that is worth. The caller has called runtime.LockOSThread and stays on this
// thread until UnregisterThread. DPDK has room for 128 lcores.
func RegisterThread() error {
	control.Lock()
	defer control.Unlock()
	const op = "rte_thread_register"
	if err := needEAL(op, ""); err != nil {
		return err
	}
	clearLog()
	if rc := C.fcr_thread_register(); rc != 0 {
		e := failed(op, "", rc)
		if e.Errno == syscall.ENOMEM {
			e.Hint = "DPDK has room for 128 lcores"
		}
		return e
	}
	return nil
}

// UnregisterThread undoes RegisterThread. What the thread's mempool caches hold stays there for the
// next thread that gets the same lcore id, and counts as available.
func UnregisterThread() {
	control.Lock()
	defer control.Unlock()
	C.fcr_thread_unregister()
}

// LcoreID is DPDK's number of the calling thread, or -1 when it is not registered.
func LcoreID() int { return int(C.fcr_thread_lcore()) }

// TSC reads the time stamp counter: a crossing into C, for the slow path. The hot path has
// Cycle.TSCTx and TSCRx.
func TSC() uint64 { return uint64(C.fcr_tsc()) }

// TSCHz is the rate of TSC, measured once, which takes calibration, to a few millionths. EAL's own figure is rounded to
// 10 MHz: with 2.600 GHz said and 2.596 true, times would fall behind by two minutes a day.
func TSCHz() uint64 { return tscHz() }

var tscHz = sync.OnceValue(func() uint64 {
	rounded := uint64(C.fcr_tsc_hz())
	began, tsc := clockPair()
	time.Sleep(calibration)
	ended, later := clockPair()
	hz := uint64(float64(later-tsc) / ended.Sub(began).Seconds())
	if off := max(hz, rounded) - min(hz, rounded); off > rounded/50 {
		return rounded // the machine slept in between
	}
	return hz
})

// calibration is how long TSCHz measures.
const calibration = 50 * time.Millisecond

// clockPair reads both clocks at one moment: the best of several tries, for the thread may lose its CPU in between.
func clockPair() (at time.Time, tsc uint64) {
	gap := ^uint64(0)
	for range 16 {
		before := TSC()
		now := time.Now()
		if after := TSC(); after-before < gap {
			gap, at, tsc = after-before, now, before+(after-before)/2
		}
	}
	return at, tsc
}
