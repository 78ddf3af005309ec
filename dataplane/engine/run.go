package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/shm"
)

// Run polls until the context ends, then drains. reload, when it delivers, calls for a new policy: its answer says
// what came of it. Run is the control goroutine.
func (e *Engine) Run(ctx context.Context, reload <-chan func() error) error {
	for i, p := range e.ports {
		if err := p.Start(); err != nil {
			return fmt.Errorf("port %s: %w", e.boot.Ports[i].Name, err)
		}
	}
	e.look()
	done := make(chan int, len(e.workers))
	if err := e.startLcores(done); err != nil {
		return errors.Join(err, e.stopLcores(done))
	}
	if e.keeper != nil {
		go e.keeper.Work()
	}
	atomic.StoreUint32(&e.seg.State.Header().State, shm.Running)
	e.teller.named(feed.DataplaneStarted, -1, e.boot.Node, e.tsc())
	e.log.Info("polling", "lcores", e.boot.Lcores)
	e.controlLoop(ctx, reload)
	e.stopPair()
	err := e.stopLcores(done)
	if e.keeper != nil {
		err = errors.Join(err, e.keeper.Stop(compileTimeout))
	}
	return err
}

func (e *Engine) startLcores(done chan<- int) error {
	for i, w := range e.workers {
		if w == nil {
			continue
		}
		ready := make(chan error, 1)
		e.polling++
		go func() {
			w.Run(func(err error) { ready <- err })
			done <- i
		}()
		if err := <-ready; err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) controlLoop(ctx context.Context, reload <-chan func() error) {
	tick := time.NewTicker(controlPeriod)
	defer tick.Stop()
	next := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case apply := <-reload:
			if err := apply(); err != nil {
				e.log.Error("policy not changed", "why", err)
			}
		case now := <-tick.C:
			e.learn()
			e.stepPair()
			e.teller.offer(e.tsc())
			e.obey()
			e.lookAhead()
			e.doProgram()
			if now.Before(next) || e.counting {
				continue
			}
			next = now.Add(linkPeriod)
			e.look()
			e.lookAtHeap()
		}
	}
}

// lookAtHeap keeps the figures of the Go heap. runtime.ReadMemStats would stop the lcores for it; this does not.
func (e *Engine) lookAtHeap() {
	metrics.Read(e.heap[:])
	e.page.HeapBytes, e.page.GCCycles = e.heap[0].Value.Uint64(), e.heap[1].Value.Uint64()
}

// stopLcores drains: the lcores that were started send what they hold, control learns what was still on its way, and the
// segment says that its counters are final.
func (e *Engine) stopLcores(done <-chan int) error {
	e.shared.Stop()
	for deadline := time.After(e.boot.DropTimeout + stopTimeout); e.polling > 0; e.polling-- {
		select {
		case <-done:
		case <-deadline:
			return fmt.Errorf("%d lcores did not stop within %v", e.polling, e.boot.DropTimeout+stopTimeout)
		}
	}
	for e.learn() > 0 {
	}
	e.look()
	e.teller.named(feed.DataplaneStopped, -1, e.boot.Node, e.tsc())
	e.teller.offer(e.tsc())
	atomic.StoreUint32(&e.seg.State.Header().State, shm.Drained)
	return nil
}

// Settle prepares the process for lcores: no garbage collection that would stop them (with a memory limit as a fuse),
// enough Ps for the lcores, control and the runtime, and every thread that is not an lcore off the lcores' CPUs.
func Settle(cpus []int) error {
	debug.SetGCPercent(-1)
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(fuseBytes)
	}
	if want := len(cpus) + 3; runtime.GOMAXPROCS(0) < want {
		runtime.GOMAXPROCS(want)
	}
	var others unix.CPUSet
	if err := unix.SchedGetaffinity(0, &others); err != nil {
		return fmt.Errorf("cpu affinity: %w", err)
	}
	for _, cpu := range cpus {
		others.Clear(cpu)
	}
	if others.Count() == 0 {
		return nil // a machine with no other core: they share it
	}
	return eachThread(func(id int) error {
		if err := unix.SchedSetaffinity(id, &others); err != nil {
			return fmt.Errorf("cpu affinity of thread %d: %w", id, err)
		}
		return nil
	})
}

// niceness of the data plane's threads: before whatever else runs on the machine, but no real-time class, in which a
// poll loop could take a CPU for good.
const niceness = -10

// Prefer puts the process before others, as far as it may. Go preempts the poll loop every 10 ms, and its locked thread
// goes on when another thread of ours has handed it a P: a machine that is short of CPU must not make that wait. Beside
// ten busy loops on two cores this made 12.1 Mpps of 2.3 and 28 stalls of 470, the worst 30 ms instead of 66.
//
// Where the kernel groups threads by session, niceness counts inside a group only: a data plane that leads its session, as
// a service does, has the group go before others too.
func Prefer() error {
	if sid, err := unix.Getsid(0); err == nil && sid == os.Getpid() {
		// A kernel without such groups has no such file, and needs none.
		_ = os.WriteFile("/proc/self/autogroup", strconv.AppendInt(nil, niceness, 10), 0)
	}
	return eachThread(func(id int) error {
		if err := unix.Setpriority(unix.PRIO_PROCESS, id, niceness); err != nil {
			return fmt.Errorf("priority of thread %d: %w", id, err)
		}
		return nil
	})
}

// eachThread visits the threads of this process; those that come later inherit from them. One that has just ended is
// passed over.
func eachThread(do func(id int) error) error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("threads: %w", err)
	}
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			continue
		}
		if err := do(id); err != nil && !errors.Is(err, unix.ESRCH) {
			return err
		}
	}
	return nil
}
