package system

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"
)

// What is told to whoever started us is systemd's protocol (sd_notify(3)), to systemd as well as from a child process to
// its parent. One rule for both:
//
//	READY=1     all instances serve, stand by or were told to stop, and all child processes are ready; at the latest after
//	            readyBound, when what can serve does. STATUS says what is missing. Waiting longer would let systemd
//	            restart a daemon that only waits for the data plane, for ever.
//	WATCHDOG=1  as long as every instance's goroutine comes round, every role answers or is being dealt with, and no role
//	            refuses to stop. A child process is watched by us, not by systemd.
//	STOPPING=1  at the beginning of the end

// notifier tells whoever started this process.
type notifier interface {
	tell(state string) error
	watchdog() time.Duration // how often WATCHDOG=1 is expected; 0: not at all
}

// systemd is a notifier for a service manager; without one it tells nobody.
type systemd struct{ every time.Duration }

func newSystemd() (systemd, error) {
	every, err := daemon.SdWatchdogEnabled(true) // not for our children: they have a parent of their own
	if err != nil {
		return systemd{}, fmt.Errorf("watchdog of systemd: %w", err)
	}
	return systemd{every}, nil
}

func (s systemd) tell(state string) error {
	if _, err := daemon.SdNotify(false, state); err != nil {
		return fmt.Errorf("tell systemd: %w", err)
	}
	return nil
}

func (s systemd) watchdog() time.Duration { return s.every }

// parentFD is the descriptor on which a child process tells its parent.
const parentFD = 3

// parent is a notifier for the process that started this one.
type parent struct{ conn net.Conn }

func newParent() (parent, error) {
	unix.CloseOnExec(parentFD)
	f := os.NewFile(parentFD, "parent")
	conn, err := net.FileConn(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return parent{}, fmt.Errorf("tell the parent: this process was not started by fcr-mgmtd: %w", err)
	}
	return parent{conn}, nil
}

func (p parent) tell(state string) error {
	if _, err := p.conn.Write([]byte(state)); err != nil {
		return fmt.Errorf("tell the parent: %w", err)
	}
	return nil
}

func (p parent) watchdog() time.Duration { return childSilence / 2 }

// pair makes the two ends of a line between a child and its parent.
func pair() (ours *net.UnixConn, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("line to a child process: %w", err)
	}
	f := os.NewFile(uintptr(fds[0]), "child")
	conn, err := net.FileConn(f)
	theirs = os.NewFile(uintptr(fds[1]), "parent")
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("line to a child process: %w", err), theirs.Close())
	}
	return conn.(*net.UnixConn), theirs, nil
}

// line is what a parent hears from a child.
type line struct {
	sync.Mutex
	ready  bool
	status string
	heard  time.Time // of the last sign of life
}

// hear takes one datagram.
func (l *line) hear(text string) {
	l.Lock()
	defer l.Unlock()
	l.heard = time.Now()
	for _, part := range strings.Split(text, "\n") {
		if status, ok := strings.CutPrefix(part, "STATUS="); ok {
			l.status = status
		}
		if part == daemon.SdNotifyReady {
			l.ready = true
		}
	}
}
