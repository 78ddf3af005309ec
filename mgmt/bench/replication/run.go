package replication

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"fcredirect/mgmt/peer/wire"
)

// variant is one way to carry changes to another node.
type variant interface {
	// send takes the events from and before to, which are due. The player calls it; it must not wait for the other node.
	send(from, to int32) error
	// look says what it has cost so far.
	look() tally
	// close ends it.
	close() error
	// exact says what the other node shows otherwise than the world, after close.
	exact() error
}

// run is one measurement of one variant.
type run struct {
	ctx   context.Context
	lab   *lab
	trace *trace
	world *world
	meter *meter
	line  *line
}

// The names of the variants, in the order of reports.
const (
	nothing     = "" // the trace alone
	synchronous = "synchronous"
	pipelined   = "pipelined"
	ours        = "ours"
)

var variantNames = []string{synchronous, pipelined, ours}

func (r *run) open(name string) (variant, error) {
	switch name {
	case synchronous:
		return openEach(r, true)
	case pipelined:
		return openEach(r, false)
	case ours:
		return openOurs(r)
	}
	return &nobody{r}, nil
}

// nobody sends nothing: what the trace itself costs.
type nobody struct{ r *run }

func (n *nobody) send(from, to int32) error {
	for i := from; i < to; i++ {
		e := &n.r.trace.events[i]
		n.r.world.change(int(e.key), e.at, e.gone)
	}
	n.r.meter.shownAll(int(to-from), func(k int) int32 { return from + int32(k) })
	return nil
}

func (n *nobody) look() tally  { return tally{} }
func (n *nobody) close() error { return nil }
func (n *nobody) exact() error { return nil }

// connect makes a connection over the line, and gives both ends.
func (r *run) connect() (near *counted, far net.Conn, err error) {
	if near, err = r.line.dial(r.ctx); err != nil {
		return nil, nil, err
	}
	if far, err = r.line.listener.Accept(); err != nil {
		near.Close()
		return nil, nil, fmt.Errorf("bench: %w", err)
	}
	return near, far, nil
}

// measured is one measurement.
type measured struct {
	Seconds   float64              `json:"seconds"` // until everything had come, or it was given up
	Changes   int                  `json:"changes"`
	Missing   int                  `json:"missing"` // that had not come then
	CPU       float64              `json:"cpu_seconds"`
	Messages  uint64               `json:"messages"`
	Answers   uint64               `json:"answers"`
	Bytes     uint64               `json:"bytes"`
	BackBytes uint64               `json:"answer_bytes"`
	Packets   uint64               `json:"packets"` // both ways
	Staleness map[string]Staleness `json:"staleness"`
	Stages    wire.Stages          `json:"stages"`
	Exact     bool                 `json:"exact"`
	Late      float64              `json:"player_late_p99_ms"` // how late changes were made: the machine's, not the variant's
}

// measure runs a trace through a variant.
func (l *lab) measure(ctx context.Context, name string, t *trace, rate float64) (m measured, err error) {
	r := &run{ctx: ctx, lab: l, trace: t, world: newWorld(t.flows), meter: newMeter(t)}
	if t.filled {
		for key := range r.world.keys {
			r.world.change(key, 0, false)
		}
	}
	if r.line, err = openLine(rate); err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, r.line.close()) }()
	v, err := r.open(name)
	if err != nil {
		return m, err
	}
	runtime.GC()
	time.Sleep(settle)
	before := v.look()
	begun, cpu := time.Now(), cpuTime()
	r.meter.start(begun)
	late, failed := r.play(v, begun)
	r.drain(v, begun)
	m.Seconds, m.CPU = time.Since(begun).Seconds(), (cpuTime() - cpu).Seconds()
	cost := v.look().minus(before)
	m.Missing, m.Changes, m.Late = r.meter.close(), len(t.events), late
	if err := errors.Join(failed, v.close()); err != nil {
		return m, err
	}
	m.Staleness = r.meter.lanes()
	m.Messages, m.Answers, m.Bytes, m.BackBytes = cost.messages, cost.answers, cost.bytes, cost.backBytes
	m.Packets, m.Stages = cost.packets+cost.backPacket, cost.stages
	if m.Missing == 0 {
		if err := v.exact(); err != nil {
			return m, fmt.Errorf("bench: %s: the other node shows something else: %w", name, err)
		}
		m.Exact = true
	}
	return m, ctx.Err()
}

// play hands out events when they are due, from a thread of its own, and says how late they were, in ms at P99.
func (r *run) play(v variant, begun time.Time) (late float64, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()                                           // never unlocked: the thread ends with the goroutine, and its priority with it
		_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), niceness) // it may not be allowed to
		events, ages := r.trace.events, make([]int64, 0, len(r.trace.events))
		for from := 0; from < len(events) && err == nil && r.ctx.Err() == nil; {
			now := int64(time.Since(begun))
			to := from
			for ; to < len(events) && events[to].at <= now; to++ {
				ages = append(ages, now-events[to].at)
			}
			if to > from {
				err = v.send(int32(from), int32(to))
				from = to
			}
			if from < len(events) {
				sleep(max(playPause, time.Duration(events[from].at)-time.Since(begun)))
			}
		}
		late = staleness(ages).P99
	}()
	<-done
	return late, err
}

// sleep is finer than the runtime's timers.
func sleep(d time.Duration) {
	t := unix.NsecToTimespec(int64(d))
	for unix.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, &t, &t) == unix.EINTR {
	}
}

// drain waits for what has not come, for a while.
func (r *run) drain(v variant, begun time.Time) {
	length := time.Duration(r.trace.seconds * float64(time.Second))
	limit := length + max(drainLeast, time.Duration(drainShare*float64(length))) - time.Since(begun)
	timer, look := time.NewTimer(limit), time.NewTicker(drainLook)
	defer timer.Stop()
	defer look.Stop()
	for {
		select {
		case <-r.meter.done:
			return
		case <-look.C:
			if v, ok := v.(interface{ absent(key int32) bool }); ok {
				r.meter.forget(v.absent)
			}
		case <-timer.C:
			return
		case <-r.ctx.Done():
			return
		}
	}
}

// cpuTime is what this process has taken.
func cpuTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
