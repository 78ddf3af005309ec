package postgres

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// endOrphans kills the children of a postmaster that was killed. One that waits notices it at once and ends; one that
// computes does not look before its statement is over, and until then holds the shared memory, without which no other
// postmaster starts. What it does nobody will hear of, and the next server recovers as after any crash.
//
// We have the lock, and no postmaster of this folder runs: whoever works in it is such a child.
func (c *Cluster) endOrphans() error {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return err
	}
	var errs []error
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil || !c.isBackend(pid) {
			continue
		}
		pidfd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			continue // it has ended
		}
		// From here on the number means this process.
		if c.isBackend(pid) {
			c.c.Log.Warn("a process of the private database outlived its server: it is ended", "pid", pid)
			if err := unix.PidfdSendSignal(pidfd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
				errs = append(errs, fmt.Errorf("end pid %d, which outlived its server: %w", pid, err))
			}
		}
		errs = append(errs, unix.Close(pidfd))
	}
	return errors.Join(errs...)
}

// isBackend says whether a process is a child of a postmaster of our data folder: such a one has its work as its title.
func (c *Cluster) isBackend(pid int) bool {
	title, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && strings.HasPrefix(string(title), "postgres: ") && c.isPostmaster(pid)
}
