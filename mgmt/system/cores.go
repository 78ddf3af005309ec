package system

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"

	"golang.org/x/sys/unix"
)

func cpuSet(cores []int) (set unix.CPUSet) {
	for _, core := range cores {
		set.Set(core)
	}
	return set
}

// bind keeps this process on the cores. Threads that come later inherit from those that are there.
func bind(cores []int) error {
	if len(cores) == 0 {
		return nil
	}
	set := cpuSet(cores)
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return fmt.Errorf("bind to the cores %v: %w", cores, err)
	}
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			continue
		}
		if err := unix.SchedSetaffinity(id, &set); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("bind to the cores %v: %w", cores, err)
		}
	}
	return nil
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
