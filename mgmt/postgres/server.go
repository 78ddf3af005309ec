package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sys/unix"

	"fcredirect/mgmt/postgres/programs"
)

// server is a postmaster that we watch: our child, or one that we adopted.
type server struct {
	pid   int           // constant
	pidfd int           // constant: names this process for ever, whoever gets its number later
	done  chan struct{} // closed when it has ended
	err   error         // how; before done is closed its watcher's, then anybody's
}

// watchChild waits for our child.
func watchChild(cmd *exec.Cmd) (*server, error) {
	pidfd, err := unix.PidfdOpen(cmd.Process.Pid, 0)
	if err != nil {
		// A child that nobody has waited for is still there, so this is a lack of files.
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return nil, fmt.Errorf("watch the server: %w", err)
	}
	s := &server{pid: cmd.Process.Pid, pidfd: pidfd, done: make(chan struct{})}
	go func() {
		err := cmd.Wait()
		if err == nil {
			err = errors.New("it was shut down")
		}
		s.end(err)
	}()
	return s, nil
}

// watchOther waits for a postmaster that is not our child.
func watchOther(pid, pidfd int) *server {
	s := &server{pid: pid, pidfd: pidfd, done: make(chan struct{})}
	go func() {
		for !hasEnded(pidfd, time.Minute) {
		}
		s.end(errors.New("it ended"))
	}()
	return s
}

func (s *server) end(err error) {
	s.err = fmt.Errorf("the server (pid %d) is gone: %w", s.pid, err)
	close(s.done)
}

// hasEnded waits for the end of a process.
func hasEnded(pidfd int, wait time.Duration) bool {
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, int(wait.Milliseconds()))
	return err == nil && n == 1
}

func (s *server) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// stop ends it: in order, then at once, then by force.
func (s *server) stop() error {
	defer func() {
		if s.ended() {
			_ = unix.Close(s.pidfd)
		}
	}()
	var err error
	for _, step := range []struct {
		sig  syscall.Signal
		wait time.Duration
	}{{syscall.SIGINT, stopFast}, {syscall.SIGQUIT, stopQuick}, {syscall.SIGKILL, stopQuick}} {
		if s.ended() {
			return err
		}
		if e := unix.PidfdSendSignal(s.pidfd, step.sig, nil, 0); e != nil && !errors.Is(e, syscall.ESRCH) {
			return fmt.Errorf("stop the server (pid %d): %w", s.pid, e)
		}
		select {
		case <-s.done:
			return err
		case <-time.After(step.wait):
			err = fmt.Errorf("the server (pid %d) did not stop %v after %v", s.pid, step.wait, step.sig)
		}
	}
	return err
}

// spawn starts the postmaster and waits until it answers.
func (c *Cluster) spawn(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWait)
	defer cancel()
	for tries := 1; ; tries++ {
		said, err := c.spawnOnce(ctx)
		if err == nil {
			return nil
		}
		// The children of a postmaster that was killed notice it within a moment, and hold its memory until then.
		if ctx.Err() != nil || !strings.Contains(said, "pre-existing shared memory block") {
			return explain(fmt.Errorf("start the server: %w: %s", err, programs.Tail(said)), said)
		}
		if tries >= orphanTries {
			if err := c.endOrphans(); err != nil {
				return fmt.Errorf("start the server: %w", err)
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(10 * readyPoll):
		}
	}
}

// spawnOnce also gives what the server wrote to its log.
func (c *Cluster) spawnOnce(ctx context.Context) (said string, err error) {
	log, err := c.openLog()
	if err != nil {
		return "", err
	}
	defer log.Close()
	before, err := log.Seek(0, 2)
	if err != nil {
		return "", fmt.Errorf("log: %w", err)
	}
	// Not with ctx: the server outlives the start.
	cmd := c.set.Command(context.Background(), c.account, "postgres", "-D", c.c.DataDir)
	cmd.Stdout, cmd.Stderr = log, log
	if pid, there := c.pidFile(); there {
		// No postmaster of ours runs (adopt has looked), so this number is stale, but a process of the same user may have it
		// today, and the server would refuse to start. It takes the number of its grandparent for stale, and still looks whether
		// the shared memory named in the file is in use.
		cmd.Env = append(cmd.Env, "PG_GRANDPARENT_PID="+strconv.Itoa(pid.pid))
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	s, err := watchChild(cmd)
	if err != nil {
		return "", err
	}
	if err = c.ready(ctx, s); err == nil {
		c.server = s
		return "", nil
	}
	if e := s.stop(); e != nil {
		err = errors.Join(err, e)
	}
	return logSince(log, before), err
}

// ready waits until the server of our folder answers.
func (c *Cluster) ready(ctx context.Context, s *server) error {
	for {
		err := c.ask(ctx, s.pid)
		if err == nil {
			return nil
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

// ask connects and makes sure that the answer comes from this postmaster, and from our folder.
func (c *Cluster) ask(ctx context.Context, pid int) error {
	conn, err := c.connect(ctx, superuser)
	if err != nil {
		return err
	}
	// Its own context: an answer that has come is not spoilt by the end of the wait.
	defer conn.Close(context.WithoutCancel(ctx))
	var dir string
	var backend int
	if err := conn.QueryRow(ctx, "SELECT current_setting('data_directory'), pg_backend_pid()").Scan(&dir, &backend); err != nil {
		return err
	}
	a, err := os.Stat(dir)
	if err != nil {
		return err
	}
	b, err := os.Stat(c.c.DataDir)
	if err != nil {
		return err
	}
	if !os.SameFile(a, b) {
		return fmt.Errorf("the server at %s is another one: its data folder is %s", c.c.SocketDir, dir)
	}
	if p := parent(backend); p != pid {
		return fmt.Errorf("the server at %s is another one: pid %d, not %d", c.c.SocketDir, p, pid)
	}
	return nil
}

// connect gives a connection of the superuser.
func (c *Cluster) connect(ctx context.Context, database string) (*pgx.Conn, error) {
	cc, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%s user=%s dbname=%s sslmode=disable application_name=fcr-cluster",
		quote(c.c.SocketDir), port, superuser, database))
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	cc.ConnectTimeout = connectTimeout
	return pgx.ConnectConfig(ctx, cc)
}

// parent is the parent of a process, 0 if there is none.
func parent(pid int) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// pid (name) state ppid: the name may hold anything.
	_, rest, _ := strings.Cut(string(b[strings.LastIndexByte(string(b), ')')+1:]), " ")
	fields := strings.Fields(rest)
	if len(fields) < 2 {
		return 0
	}
	ppid, err := strconv.Atoi(fields[1])
	if err != nil {
		return 0
	}
	return ppid
}

// explain makes a full disk recognisable, whatever program said it.
func explain(err error, said string) error {
	if strings.Contains(said, "No space left on device") || strings.Contains(said, "Check free disk space") {
		return fmt.Errorf("%w: %w", syscall.ENOSPC, err)
	}
	return err
}

// refused says that a server is there and does not take connections now: it starts, or it stops.
func refused(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "57P03"
}

// The log is a file that the server writes by itself, so that it goes on when we are dead.

func (c *Cluster) logFile() string { return c.c.DataDir + ".log" }

func (c *Cluster) openLog() (*os.File, error) {
	log, err := os.OpenFile(c.logFile(), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o640)
	if err != nil {
		return nil, fmt.Errorf("log: %w", err)
	}
	return log, nil
}

// logSince is what was written after an offset, its end if it is much.
func logSince(log *os.File, from int64) string {
	const most = 16 << 10
	size, err := log.Seek(0, 2)
	if err != nil {
		return ""
	}
	b := make([]byte, most)
	n, _ := log.ReadAt(b, max(from, size-most))
	return string(b[:n])
}

// keepLog bounds the log until the server has ended. The server holds the file open for appending, so it is copied and
// emptied, not renamed; lines written in between are lost.
func (c *Cluster) keepLog(done <-chan struct{}) {
	tick := time.NewTicker(logPoll)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-tick.C:
			if err := boundLog(c.logFile(), logMax); err != nil {
				c.c.Log.Warn("the database's log cannot be bounded", "err", err)
			}
		}
	}
}

func boundLog(path string, most int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil || st.Size() <= most {
		return err
	}
	// Only its end, if nobody has bounded it for long.
	text := make([]byte, most)
	n, err := f.ReadAt(text, st.Size()-most)
	if err == nil {
		err = os.WriteFile(path+".1", text[:n], 0o640)
	}
	// On a full disk the old lines are given up, not the bound.
	return errors.Join(err, f.Truncate(0))
}

func (c *Cluster) socketPath() string { return filepath.Join(c.c.SocketDir, socket) }
