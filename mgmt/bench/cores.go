package bench

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cores says where what runs, as on an appliance: the fast path has a core of its own and goes before others, and
// everything else of ours keeps off it. On a machine with one core they share it.
type cores struct {
	lcore int // -1: no core of its own
	rest  unix.CPUSet
}

// divide keeps this process off the last of its CPUs, and with it all that it starts.
func divide() (c cores, err error) {
	c.lcore = -1
	if err := unix.SchedGetaffinity(0, &c.rest); err != nil {
		return c, fmt.Errorf("bench: cpu affinity: %w", err)
	}
	if c.rest.Count() < 2 {
		return c, nil
	}
	for cpu := range len(c.rest) * 64 {
		if c.rest.IsSet(cpu) {
			c.lcore = cpu
		}
	}
	c.rest.Clear(c.lcore)
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return c, fmt.Errorf("bench: threads: %w", err)
	}
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			continue
		}
		if err := unix.SchedSetaffinity(id, &c.rest); err != nil && !errors.Is(err, unix.ESRCH) {
			return c, fmt.Errorf("bench: cpu affinity: %w", err)
		}
	}
	return c, nil
}

// fast puts the calling thread on the fast path's core.
func (c *cores) fast() error {
	if c.lcore < 0 {
		return nil
	}
	var set unix.CPUSet
	set.Set(c.lcore)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("bench: cpu affinity of the fast path: %w", err)
	}
	_ = unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), niceness) // it may not be allowed to: mayPrefer says so
	return nil
}

// mayPrefer says whether the fast path goes before other programs.
func mayPrefer() bool {
	raised := make(chan bool, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine, and its priority with it
		raised <- unix.Setpriority(unix.PRIO_PROCESS, unix.Gettid(), niceness) == nil
	}()
	return <-raised
}

// queued is how long the calling thread has waited for a CPU that others had.
func queued() time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/schedstat", unix.Gettid()))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	ns, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(ns)
}
