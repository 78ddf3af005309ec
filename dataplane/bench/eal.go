package bench

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

// eal gives the EAL arguments of a rival: the scenario's cores, some of its vdevs, nothing else of this machine, and no
// file left behind. --in-memory takes hugepages without a mount, so that no other DPDK process is in the way.
func (s *Scenario) eal(name string, devices []string) []string {
	return append([]string{"--in-memory"}, s.ealCommon(name, devices)...)
}

// ealWithoutHugepages is for running under valgrind, which cannot map them. 22.11 refuses --in-memory then.
func (s *Scenario) ealWithoutHugepages(name string, devices []string) []string {
	megabytes := s.Memory()>>20 + 1
	return append([]string{"--no-huge", "-m", strconv.Itoa(megabytes), "--no-shconf"}, s.ealCommon(name, devices)...)
}

func (s *Scenario) ealCommon(name string, devices []string) []string {
	argv := []string{
		"--lcores", s.ealLcores(), "--main-lcore", "0",
		"--file-prefix", filePrefix(name), "--no-pci", "--no-telemetry",
	}
	for _, device := range devices {
		argv = append(argv, "--vdev", device)
	}
	return argv
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', -1, 64) }

// filePrefix keeps DPDK processes of this and other benches apart.
func filePrefix(name string) string { return fmt.Sprintf("fcr-bench-%s-%d", name, os.Getpid()) }
