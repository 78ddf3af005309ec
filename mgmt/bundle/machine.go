package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// Machine is what the machine says of itself. Disks are the folders whose room is told, logs files whose end is taken.
func Machine(disks, logs []string) []Source {
	all := []Source{
		files("machine/kernel.txt", "/proc/version", "/proc/cmdline", "/proc/uptime", "/proc/loadavg", "/etc/os-release", "/proc/sys/kernel/osrelease"),
		files("machine/processors.txt", "/proc/cpuinfo", "/sys/devices/system/cpu/isolated", "/sys/devices/system/cpu/nohz_full", "/sys/devices/system/cpu/online",
			"/proc/interrupts", "/proc/softirqs"),
		files("machine/memory.txt", "/proc/meminfo", "/proc/pressure/*", "/sys/kernel/mm/hugepages/*/*", "/sys/devices/system/node/node*/hugepages/*/nr_hugepages",
			"/sys/devices/system/node/node*/hugepages/*/free_hugepages", "/sys/kernel/mm/transparent_hugepage/enabled"),
		files("machine/network.txt", "/proc/net/dev", "/sys/class/net/*/operstate", "/sys/class/net/*/speed", "/sys/class/net/*/mtu", "/sys/class/net/*/device/uevent",
			"/sys/bus/pci/drivers/vfio-pci/0000*/uevent"),
		files("machine/mounts.txt", "/proc/mounts"),
		files("machine/cgroup.txt", "/proc/self/cgroup", "/proc/self/limits", "/proc/self/status"),
		{"machine/disks.txt", func(_ context.Context, w io.Writer) error { return room(w, disks) }},
		{"logs/journal.txt", journal},
	}
	for _, path := range logs {
		all = append(all, Source{"logs/" + filepath.Base(path) + ".txt", func(_ context.Context, w io.Writer) error { return tail(w, path) }})
	}
	return all
}

// files copies files of the system that may hold no secret by their kind; what is not there is left out.
func files(name string, patterns ...string) Source {
	return Source{name, func(ctx context.Context, w io.Writer) error {
		for _, pattern := range patterns {
			paths, err := filepath.Glob(pattern)
			if err != nil {
				return err
			}
			for _, path := range paths {
				if err := ctx.Err(); err != nil {
					return err
				}
				f, err := os.Open(path)
				if err != nil {
					continue
				}
				b, err := io.ReadAll(io.LimitReader(f, fileMax))
				f.Close()
				if err != nil {
					continue // a card without a link has no speed, and says so with an error
				}
				if _, err := fmt.Fprintf(w, "== %s\n%s\n", path, strings.TrimRight(string(b), "\n")); err != nil {
					return err
				}
			}
		}
		return nil
	}}
}

// room tells how full the disks below folders are.
func room(w io.Writer, folders []string) error {
	for _, f := range folders {
		var st syscall.Statfs_t
		if err := syscall.Statfs(f, &st); err != nil {
			fmt.Fprintf(w, "%s: %v\n", f, err)
			continue
		}
		fmt.Fprintf(w, "%s: %d MiB of %d free, %d inodes of %d\n", f, st.Bavail*uint64(st.Bsize)>>20, st.Blocks*uint64(st.Bsize)>>20, st.Ffree, st.Files)
	}
	return nil
}

// tail copies the end of a log.
func tail(w io.Writer, path string) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	if st.Size() > tailMax {
		if _, err := f.Seek(-tailMax, io.SeekEnd); err != nil {
			return err
		}
	}
	_, err = io.Copy(w, io.LimitReader(f, tailMax))
	return err
}

// journal is the end of our units' log, where systemd keeps one.
func journal(ctx context.Context, w io.Writer) error {
	path, err := exec.LookPath("journalctl")
	if err != nil {
		_, err = io.WriteString(w, "there is no journal on this machine\n")
		return err
	}
	c := exec.CommandContext(ctx, path, "--no-pager", "--quiet", "--output=short-iso-precise", "--lines="+fmt.Sprint(journalLines),
		"--unit=fcr-dataplane.service", "--unit=fcr-mgmtd.service")
	c.Env = []string{"PATH=/usr/bin:/bin", "LC_ALL=C"}
	c.Stdout, c.Stderr = w, w
	return c.Run()
}
