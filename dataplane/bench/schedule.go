package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Schedule is how long each thread of a process has run, and how long it has waited for a core, in nanoseconds since it
// was born. A polling thread wants its core all the time: what it waited, others took. That is the difference between a
// slow contender and a busy machine.
type Schedule map[int]struct{ Ran, Waited uint64 }

// ReadSchedule asks the kernel about a process; its own is "self".
func ReadSchedule(pid string) (Schedule, error) {
	files, err := filepath.Glob("/proc/" + pid + "/task/*/schedstat")
	if err != nil {
		return nil, fmt.Errorf("schedule of process %s: %w", pid, err)
	}
	s := Schedule{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the thread is gone
		}
		tid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			return nil, fmt.Errorf("schedule of process %s: %w", pid, err)
		}
		t := s[tid]
		if _, err := fmt.Sscan(string(text), &t.Ran, &t.Waited); err != nil {
			return nil, fmt.Errorf("schedule of process %s: %q: %w", pid, strings.TrimSpace(string(text)), err)
		}
		s[tid] = t
	}
	if len(s) == 0 {
		return nil, fmt.Errorf("schedule of process %s: no thread to be seen", pid)
	}
	return s, nil
}

// Waited is the share of the time that the pollers busiest threads since an earlier moment waited for their cores: 0 on
// a machine of one's own.
func (s Schedule) Waited(since Schedule, pollers int) float64 {
	type span struct{ ran, waited uint64 }
	var spans []span
	for tid, t := range s {
		if before, there := since[tid]; there {
			spans = append(spans, span{t.Ran - before.Ran, t.Waited - before.Waited})
		}
	}
	slices.SortFunc(spans, func(a, b span) int {
		return int(int64(b.ran+b.waited) - int64(a.ran+a.waited))
	})
	var ran, waited uint64
	for _, t := range spans[:min(pollers, len(spans))] {
		ran, waited = ran+t.ran, waited+t.waited
	}
	if ran+waited == 0 {
		return 0
	}
	return float64(waited) / float64(ran+waited)
}
