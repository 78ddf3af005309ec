package engine

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"fcredirect/dataplane/boot"
	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/shm"
)

// Place is where memory comes from: hugepages, or ordinary pages for who has none.
type Place struct {
	Huge bool
	Dir  string // of the segment
}

// Choose decides between hugepages and ordinary pages as the boot file asks.
func Choose(c *boot.Config, log *slog.Logger) (Place, error) {
	place := Place{Huge: true, Dir: c.Segment.Dir}
	if place.Dir == "" {
		place.Dir = shm.HugeDir(c.Node)
	}
	why := ""
	switch {
	case c.Segment.HugePages == boot.HugePagesOff:
		why = "off"
	case place.Dir == "":
		why = "hugetlbfs is not mounted"
	default:
		why = lackOfPages(c)
	}
	if why == "" {
		return place, nil
	}
	if c.Segment.HugePages == boot.HugePagesRequire {
		return Place{}, fmt.Errorf("hugepages are required, but %s: reserve them with sysctl vm.nr_hugepages=N and mount hugetlbfs at /dev/hugepages (ci/hugepages does both)", why)
	}
	if why != "off" {
		log.Warn("running on ordinary pages: slower, and only with virtual ports", "why", why)
	}
	if place.Huge = false; c.Segment.Dir == "" {
		place.Dir = shm.PlainDir(c.Node)
	}
	return place, nil
}

// lackOfPages says why hugepages cannot be used, or nothing.
func lackOfPages(c *boot.Config) string {
	mount := shm.HugeMount()
	if unix.Access(mount, unix.W_OK) != nil {
		return "you may not write to " + mount
	}
	b, err := os.ReadFile("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages")
	if err != nil {
		return "this kernel has no 2 MiB pages"
	}
	free, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	size := poolBytes(c)
	for _, r := range append(regions(c), ctlRegions(c)...) {
		size += r.Stride * r.Count
	}
	if want := size>>21 + 16; free < want { // and some for DPDK itself
		return fmt.Sprintf("%d free hugepages of 2 MiB, about %d wanted", free, want)
	}
	return ""
}

// poolBytes is the memory of both mempools: mbuf, its header, and the pool's own.
func poolBytes(c *boot.Config) int { return 2 * c.Mempool.Mbufs * (c.Mempool.Size + 256) }

// StartEAL starts DPDK for a boot file.
func StartEAL(c *boot.Config, p Place) error {
	args := []string{"--file-prefix=fcr-" + c.Node, "--no-telemetry"}
	if main := otherCPU(c.Lcores); main >= 0 {
		args = append(args, "-l", strconv.Itoa(main))
	}
	if !slices.ContainsFunc(c.Ports, func(p boot.Port) bool { return isPCI(p.Device) }) {
		args = append(args, "--no-pci")
	}
	if p.Huge {
		args = append(args, "--huge-unlink")
	} else {
		args = append(args, "--no-huge", "--no-shconf", "-m", strconv.Itoa(poolBytes(c)>>20+64))
	}
	return dpdk.Init(append(args, c.EAL...))
}

// otherCPU is a CPU that this process may use and that is no lcore, for EAL's main thread; -1 when there is none.
func otherCPU(lcores []int) int {
	var set unix.CPUSet
	if unix.SchedGetaffinity(0, &set) != nil {
		return -1
	}
	for cpu := range 1024 {
		if set.IsSet(cpu) && !slices.Contains(lcores, cpu) {
			return cpu
		}
	}
	return -1
}

func isPCI(device string) bool {
	return strings.Count(device, ":") > 0 && !strings.Contains(device, "=")
}

// Pools makes the mempool of received frames and that of mirror copies.
func Pools(c *boot.Config) (frames, clones *dpdk.Mempool, err error) {
	if frames, err = dpdk.NewMempool("frames", c.Mempool.Mbufs-1, mempoolCache(c.Mempool.Mbufs), c.Mempool.Size, dpdk.AnySocket); err != nil {
		return nil, nil, fmt.Errorf("mempool of %d mbufs: %w", c.Mempool.Mbufs, err)
	}
	if clones, err = dpdk.NewMempool("clones", c.Mempool.Mbufs-1, mempoolCache(c.Mempool.Mbufs), c.Mempool.Size, dpdk.AnySocket); err != nil {
		return nil, nil, fmt.Errorf("mempool of %d mbufs: %w", c.Mempool.Mbufs, err)
	}
	return frames, clones, nil
}

// mempoolCache is DPDK's largest per-lcore cache that the pool allows.
func mempoolCache(mbufs int) int { return min(512, mbufs/4) }

// Opener opens the ports of the boot file.
func Opener(c *boot.Config, frames *dpdk.Mempool) func(int) (*dpdk.Port, error) {
	return func(i int) (*dpdk.Port, error) {
		p := c.Ports[i]
		return dpdk.Open(p.Device, dpdk.PortConfig{
			RxQueues: 1, TxQueues: 1, Mempool: frames, MTU: uint16(p.MTU), Promiscuous: true, AllMulticast: true, PFC: p.PFC,
		})
	}
}

// Forget removes the folder of a segment after an end that no start shall adopt from.
func Forget(dir string) error {
	for _, name := range []string{"state", "ctl"} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return os.Remove(dir)
}
