package lcore

import (
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"fcredirect/dataplane/dpdk"
)

// idle is what the worker remembers between passes.
type idle struct {
	passes uint64        // without a frame, in a row
	sleep  time.Duration // the next one
	last   uint64        // TSC at which the last pass ended
	loops  uint64
}

// Run polls until Shared.Stop, on a thread of its own that stays on the worker's CPU. The caller starts it as a
// goroutine; ready is called when the thread is set up or could not be.
func (w *Worker) Run(ready func(error)) {
	runtime.LockOSThread() // never unlocked: the thread dies with the goroutine, and its affinity with it
	if err := w.settle(); err != nil {
		ready(err)
		return
	}
	w.begin()
	w.running.Store(true)
	ready(nil)
	w.idle.last = dpdk.TSC()
	for !w.Shared.stop.Load() && (w.Limit == 0 || w.Page.Frames < w.Limit) {
		busy := w.Poll()
		w.account(busy)
		w.Rest()
		if busy {
			w.idle.passes, w.idle.sleep = 0, firstSleep
			continue
		}
		if w.idle.passes++; w.Adaptive && w.idle.passes > spinPasses && w.AtRest() {
			w.nap()
		}
	}
	w.running.Store(false)
	w.Drain(drainPasses)
	w.lastWords()
	dpdk.UnregisterThread()
}

// begin says that frames may come from here until Drain has carried the last.
func (w *Worker) begin() {
	w.giving = true
	w.Shared.giving.Add(1)
}

// settle pins the thread and registers it with DPDK, which gives it mempool caches of its own: without them each
// frame's buffer costs an atomic operation.
func (w *Worker) settle() error {
	if w.CPU >= 0 {
		var set unix.CPUSet
		set.Set(w.CPU)
		if err := unix.SchedSetaffinity(0, &set); err != nil {
			return fmt.Errorf("lcore %d: pin to CPU %d: %w: name CPUs that this process may use in lcores", w.Index, w.CPU, err)
		}
	}
	if err := dpdk.RegisterThread(); err != nil {
		return fmt.Errorf("lcore %d: %w", w.Index, err)
	}
	return nil
}

// Rest does the bounded work between bursts.
func (w *Worker) Rest() {
	if w.walking {
		w.walking = !w.Shard.Step(walkLinks)
	} else if slot := w.Commands.Next(); slot != nil {
		w.obey((*Command)(slot))
		w.Commands.Release()
	}
	if w.renewal.left > 0 {
		w.renew()
	}
	if w.Sends != nil {
		w.sendOwn()
	}
	if w.idle.loops++; w.idle.loops%sweepEvery == 0 && w.FlowIdle != 0 && w.now > w.FlowIdle && w.Shared.shut.Load() != shut {
		if ended := w.Shard.Sweep(sweepSlots, w.now-w.FlowIdle, w.ended); ended > 0 {
			w.Page.FlowsEnded += uint64(ended)
			w.Page.FlowsLive = uint64(w.Shard.Live())
		}
	}
	if w.outlets != nil {
		w.report()
	}
	if gen := w.snap.Generation; w.Page.Generation != gen {
		atomic.StoreUint32(&w.Page.Generation, gen) // the acknowledgement that the control goroutine waits for
	}
}

// account keeps the times of a pass. The clock is the crossing's own: no extra read.
func (w *Worker) account(busy bool) {
	page, now := w.Page, w.Cycle.TSCRx
	spent := now - w.idle.last
	if busy {
		page.BusyTSC += spent
	} else {
		page.IdleTSC += spent
	}
	if spent > w.StallLimit {
		page.Stalls++
		page.WorstStall = max(page.WorstStall, spent)
	}
	page.Loops++
	page.Heartbeat = now
	w.idle.last = now
}

// nap gives the CPU away for a little longer each time. A futex or a timer of the runtime would cost more to wake from
// than the nap itself.
func (w *Worker) nap() {
	w.idle.sleep = min(max(w.idle.sleep*2, firstSleep), lastSleep)
	ts := unix.NsecToTimespec(int64(w.idle.sleep))
	unix.Nanosleep(&ts, nil)
	now := dpdk.TSC()
	w.Page.IdleTSC += now - w.idle.last
	w.idle.last = now
}

// AtRest says whether nothing is left to do that was asked for: no invalidation half done or waiting, no renewal that could go on.
func (w *Worker) AtRest() bool {
	return !w.walking && (w.renewal.left == 0 || w.renewal.held) && w.Commands.Empty()
}
