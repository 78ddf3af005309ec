package bench

import (
	"fmt"
	"math/bits"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// mbufBytes is the data room that the frames need, in whole cache lines, as testpmd likes it best: with DPDK's usual
// 2,176 bytes it loses 8 % at small frames, for the mbufs in turn no longer fit the first-level cache.
func mbufBytes(t *Traffic) int {
	longest := max(t.FrameBytes, commandFrame)
	if t.VLAN != 0 {
		longest += 4
	}
	return (headroom + longest + 63) &^ 63
}

// Memory is how many bytes of hugepages a contender with the yardstick's tables needs. The captures occupy an mbuf for
// each frame.
func (s *Scenario) Memory() int {
	slots := 1 << bits.Len(uint(2*s.Traffic.Directions/len(s.Pairs)-1))
	return s.Mbufs*(mbufOverhead+s.MbufBytes)*9/8 + len(s.Pairs)*slots*slotBytes + fixedHuge
}

const hugeCount = "/sys/kernel/mm/hugepages/hugepages-2048kB/"

// EnsureHugepages sees to it that as many bytes of 2 MiB hugepages are free, and raises their number if it may. It never
// lowers it: others may have counted on them in the meantime.
func EnsureHugepages(bytes int) error {
	want := (bytes + hugepage - 1) / hugepage
	free, err := readCount(hugeCount + "free_hugepages")
	if err != nil {
		return fmt.Errorf("hugepages: %w", err)
	}
	if free >= want {
		return nil
	}
	total, err := readCount(hugeCount + "nr_hugepages")
	if err != nil {
		return fmt.Errorf("hugepages: %w", err)
	}
	total += want - free
	if err := os.WriteFile(hugeCount+"nr_hugepages", []byte(strconv.Itoa(total)), 0); err != nil {
		return fmt.Errorf("hugepages: %d of 2 MiB are free, %d wanted: as root, sysctl vm.nr_hugepages=%d", free, want, total)
	}
	if free, err = readCount(hugeCount + "free_hugepages"); err != nil {
		return fmt.Errorf("hugepages: %w", err)
	}
	if free < want {
		return fmt.Errorf("hugepages: the kernel found %d free ones of 2 MiB, %d wanted: free memory, or measure fewer directions or shorter frames", free, want)
	}
	return nil
}

func readCount(path string) (int, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return n, nil
}

// chooseCores takes the first core that we may run on for everything that does not poll, and the next ones for polling.
// When they do not suffice, the last lcore shares the main core: at two pairs on two cores the main thread only sleeps.
func chooseCores(lcores int) (main int, poll []int, err error) {
	var allowed unix.CPUSet
	if err := unix.SchedGetaffinity(0, &allowed); err != nil {
		return 0, nil, fmt.Errorf("bench cores: %w", err)
	}
	var cores []int
	for i := 0; len(cores) < allowed.Count(); i++ {
		if allowed.IsSet(i) {
			cores = append(cores, i)
		}
	}
	if len(cores) < 2 || lcores > len(cores) {
		return 0, nil, fmt.Errorf("bench cores: %d lcores on %d cores: want 2 cores, and one for each lcore", lcores, len(cores))
	}
	for i := range lcores {
		poll = append(poll, cores[(i+1)%len(cores)])
	}
	return cores[0], poll, nil
}

// ealLcores is EAL's --lcores: lcore 0 is the main one, lcore i+1 polls pair i. Numbers and cores are kept apart, for
// two lcores may share a core.
func (s *Scenario) ealLcores() string {
	parts := []string{fmt.Sprintf("0@%d", s.MainCore)}
	for i, core := range s.PollCores {
		parts = append(parts, fmt.Sprintf("%d@%d", i+1, core))
	}
	return strings.Join(parts, ",")
}
