package system

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"

	"golang.org/x/sys/unix"

	"fcredirect/dataplane/shm"
)

// A process whose roles name cores is bound to these. One without keeps off the cores that poll, as soon as a segment says
// which they are and as long as others are left: what is slow must not take time from what is fast. Threads that a role has
// pinned for itself stay where they are.

func cpuSet(cores []int) (set unix.CPUSet) {
	for _, core := range cores {
		set.Set(core)
	}
	return set
}

// eachThread visits the threads of this process. Those that come later inherit from those that are there. One that has
// just ended is passed over.
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
			return fmt.Errorf("cores of thread %d: %w", id, err)
		}
	}
	return nil
}

// bind keeps this process on the cores.
func bind(cores []int) error {
	set := cpuSet(cores)
	return eachThread(func(id int) error { return unix.SchedSetaffinity(id, &set) })
}

// aside keeps this process off the cores of the lcores of a segment. was is where its threads were before; it gives where
// they are now.
func aside(state *shm.File, allowed, was unix.CPUSet) (unix.CPUSet, error) {
	now := allowed
	for _, lcore := range shm.Items[shm.Lcore](state, shm.RegionLcores) {
		now.Clear(int(lcore.CPU))
	}
	if now.Count() == 0 {
		now = allowed
	}
	if now == was {
		return was, nil
	}
	return now, eachThread(func(id int) error {
		var mine unix.CPUSet
		if err := unix.SchedGetaffinity(id, &mine); err != nil || mine != was {
			return err
		}
		return unix.SchedSetaffinity(id, &now)
	})
}

// coresOf lists a set.
func coresOf(set unix.CPUSet) (cores []int) {
	for core := range len(set) * 64 {
		if set.IsSet(core) {
			cores = append(cores, core)
		}
	}
	return cores
}

// limitMemory sets the soft limit of the heap, unless whoever started us did.
func limitMemory(bytes int64) {
	if bytes > 0 && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(bytes)
	}
}

// MissingCores gives those of the cores on which this process may not run.
func MissingCores(cores []int) ([]int, error) {
	var mine unix.CPUSet
	if err := unix.SchedGetaffinity(0, &mine); err != nil {
		return nil, fmt.Errorf("cpu affinity: %w", err)
	}
	var missing []int
	for _, core := range cores {
		if !mine.IsSet(core) {
			missing = append(missing, core)
		}
	}
	return missing, nil
}
