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
// everything else of ours keeps off it. On a machine with fewer than coresToDivide nothing is bound: two processes of ours
// that answer each other on the only core left were seen to keep the database off it for seconds.
type cores struct {
	lcore int // -1: no core of its own
	all   unix.CPUSet
	procs int // GOMAXPROCS before
}

// divide keeps this process, and with it all that it starts, off the last of its CPUs.
func divide() (*cores, error) {
	c := &cores{lcore: -1}
	if err := unix.SchedGetaffinity(0, &c.all); err != nil {
		return nil, fmt.Errorf("bench: cpu affinity: %w", err)
	}
	// Said, so that the runtime does not follow the affinity: a fast path that spins must not have the only P.
	c.procs = runtime.GOMAXPROCS(runtime.NumCPU() + sparePs)
	if c.all.Count() < coresToDivide {
		return c, nil
	}
	for cpu := range len(c.all) * 64 {
		if c.all.IsSet(cpu) {
			c.lcore = cpu
		}
	}
	rest := c.all
	rest.Clear(c.lcore)
	return c, bind(&rest)
}

// unite ends it.
func (c *cores) unite() error {
	runtime.GOMAXPROCS(c.procs)
	return bind(&c.all)
}

// bind puts all threads on these CPUs; those that come later inherit from them.
func bind(set *unix.CPUSet) error {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("bench: threads: %w", err)
	}
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			continue
		}
		if err := unix.SchedSetaffinity(id, set); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("bench: cpu affinity: %w", err)
		}
	}
	return nil
}

// fast puts the calling thread on the fast path's core, and before others.
func (c *cores) fast() error {
	if c.lcore >= 0 {
		var set unix.CPUSet
		set.Set(c.lcore)
		if err := unix.SchedSetaffinity(0, &set); err != nil {
			return fmt.Errorf("bench: cpu affinity of the fast path: %w", err)
		}
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
