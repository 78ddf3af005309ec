package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// pidFile is what postmaster.pid says: src/include/utils/pidfile.h.
type pidFile struct {
	pid       int
	socketDir string
}

// pidFile reads it. One that is torn, or of a postmaster that has only begun, gives what is there.
func (c *Cluster) pidFile() (f pidFile, there bool) {
	b, err := os.ReadFile(filepath.Join(c.c.DataDir, "postmaster.pid"))
	if err != nil {
		return f, false
	}
	lines := strings.Split(string(b), "\n")
	if f.pid, err = strconv.Atoi(strings.TrimSpace(lines[0])); err != nil || f.pid <= 1 {
		return f, false
	}
	if len(lines) > 4 {
		f.socketDir = lines[4]
	}
	return f, true
}

// adopt looks for a postmaster of our folder that runs already, because its owner was killed. One that answers becomes
// ours. One that stops is waited for. One that cannot be reached where we are to serve is stopped: the socket folder was
// changed or removed. One that hangs is left alone, with an error: to kill it is for a human to decide.
func (c *Cluster) adopt(ctx context.Context) (bool, error) {
	file, there := c.pidFile()
	if !there {
		return false, nil
	}
	pidfd, err := unix.PidfdOpen(file.pid, 0)
	if errors.Is(err, unix.ESRCH) {
		c.c.Log.Info("the private database was not shut down: it will recover", "pid", file.pid)
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at pid %d of postmaster.pid: %w", file.pid, err)
	}
	// From here on the number means this process.
	if !c.isPostmaster(file.pid) {
		_ = unix.Close(pidfd)
		c.c.Log.Info("the private database was not shut down, and its pid is another program's today", "pid", file.pid)
		return false, nil
	}
	s := watchOther(file.pid, pidfd)
	if _, err := os.Stat(c.socketPath()); (err != nil || file.socketDir != c.c.SocketDir) && file.socketDir != "" {
		c.c.Log.Warn("a postmaster of ours runs with another socket folder, or the socket is gone: it is started anew", "pid", file.pid,
			"socket", file.socketDir)
		return false, s.stop()
	}
	err = c.adoptReady(ctx, s)
	if err == nil {
		if err = c.configureAdopted(s); err == nil {
			c.server = s
			return true, nil
		}
	}
	if s.ended() {
		return false, s.stop()
	}
	return false, fmt.Errorf("a postmaster (pid %d) runs in %s and is not usable: %w; look at %s, and end it with kill -QUIT %d if it hangs",
		file.pid, c.c.DataDir, err, c.logFile(), file.pid)
}

// adoptReady waits for an answer, long while it starts or stops, short otherwise.
func (c *Cluster) adoptReady(ctx context.Context, s *server) error {
	ctx, cancel := context.WithTimeout(ctx, readyWait)
	defer cancel()
	short := time.Now().Add(adoptWait)
	for {
		attempt, stop := context.WithDeadline(ctx, short)
		err := c.ask(attempt, s.pid)
		stop()
		if err == nil {
			return nil
		}
		if refused(err) {
			short = time.Now().Add(adoptWait)
		}
		if time.Now().After(short) {
			return fmt.Errorf("it does not answer within %v: %w", adoptWait, err)
		}
		select {
		case <-s.done:
			return s.err
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w (%w)", err, ctx.Err())
		case <-time.After(readyPoll):
		}
	}
}

// isPostmaster says whether a process is a postmaster of our data folder: by its working folder where we may see it, else by
// its command line.
func (c *Cluster) isPostmaster(pid int) bool {
	if cwd, err := os.Stat(fmt.Sprintf("/proc/%d/cwd", pid)); err == nil {
		data, err := os.Stat(c.c.DataDir)
		name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		return err == nil && os.SameFile(cwd, data) && strings.TrimSpace(string(name)) == "postgres"
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return false
	}
	args := bytes.Split(bytes.TrimRight(b, "\x00"), []byte{0})
	name := filepath.Base(string(args[0]))
	return (name == "postgres" || name == "postmaster") && bytes.Contains(b, []byte("\x00-D\x00"+c.c.DataDir+"\x00"))
}

// configureAdopted writes our settings and lets the server read them: those that need a restart wait for the next.
func (c *Cluster) configureAdopted(s *server) error {
	if err := c.configure(c.c.DataDir); err != nil {
		return err
	}
	if err := unix.PidfdSendSignal(s.pidfd, unix.SIGHUP, nil, 0); err != nil {
		return fmt.Errorf("reload the settings: %w", err)
	}
	c.c.Log.Info("adopted the private database that was running", "pid", s.pid, "data", c.c.DataDir)
	return nil
}
