package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

// CallgrindPerFrame counts the instructions that a program executes per frame, all of its threads and libraries
// included, by running it twice under valgrind's callgrind with different numbers of frames and dividing the difference.
// What start and end cost is in both and goes away. Unlike a time it is the same on a busy machine, to about one
// instruction in two hundred for a Go program and exactly for a C one.
//
// command gives the command line that forwards a number of frames and ends. It must do without hugepages (EAL's
// --no-huge) and without AVX-512, which valgrind does not know: DPDK, libc and Go choose by CPUID and then see none;
// only what was compiled with -march=native has to be compiled again. A Go program runs with asynchronous preemption
// off, for its signals make callgrind fail an assertion of its own.
func CallgrindPerFrame(ctx context.Context, command func(frames uint64) []string, few, many uint64) (float64, error) {
	if many <= few {
		return 0, fmt.Errorf("callgrind: %d and then %d frames: want more the second time", few, many)
	}
	if _, err := exec.LookPath("valgrind"); err != nil {
		return 0, fmt.Errorf("%w: callgrind: valgrind is missing: apt-get install valgrind", ErrUnavailable)
	}
	dir, err := os.MkdirTemp("", "fcr-callgrind-")
	if err != nil {
		return 0, fmt.Errorf("callgrind: %w", err)
	}
	defer os.RemoveAll(dir)
	less, err := callgrind(ctx, command(few), dir)
	if err != nil {
		return 0, err
	}
	more, err := callgrind(ctx, command(many), dir)
	if err != nil {
		return 0, err
	}
	if more <= less {
		return 0, fmt.Errorf("callgrind: %d instructions for %d frames and %d for %d: the number of frames had no effect", less, few, more, many)
	}
	return float64(more-less) / float64(many-few), nil
}

// CountedFrames gives two numbers of frames for CallgrindPerFrame: the first lets every direction be created, the second
// is enough that a burst more or less does not show. Both are whole turns of all ports.
func CountedFrames(s *Scenario) (few, many uint64) {
	turn := uint64(2 * Burst * len(s.Pairs))
	few = (uint64(s.Traffic.Directions)/turn + 2) * turn
	return few, few + 10_000*turn
}

func callgrind(ctx context.Context, argv []string, dir string) (uint64, error) {
	p, err := start(append([]string{
		"valgrind", "--tool=callgrind", "--callgrind-out-file=" + filepath.Join(dir, "out"), "--fair-sched=try",
	}, argv...), append(os.Environ(), "GODEBUG=asyncpreemptoff=1", "GOGC=off"), 0)
	if err != nil {
		return 0, err
	}
	defer p.stop()
	if err := p.wait(ctx); err != nil {
		return 0, err
	}
	return parseCallgrind(p.stderr.String())
}

var callgrindTotal = regexp.MustCompile(`(?m)^==\d+== Collected : (\d{1,19})\s*$`)

func parseCallgrind(text string) (uint64, error) {
	found := callgrindTotal.FindStringSubmatch(text)
	if found == nil {
		return 0, fmt.Errorf("callgrind: no number of collected events in: %.300s", text)
	}
	return number(found[1]), nil
}
