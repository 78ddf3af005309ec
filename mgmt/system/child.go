package system

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Spawn says how a child process is started: our own program, with arguments that make it run one process of the same
// configuration. Input is what it reads on its standard input.
type Spawn struct {
	Path  string
	Args  func(process string) []string // without the program's name
	Env   []string
	Input []byte
}

// child looks after one child process.
type child struct {
	// Constant.
	name    string
	spawn   Spawn
	cores   []int
	memory  int64
	bound   time.Duration // for its orderly end
	silence time.Duration // that is taken for death
	log     *slog.Logger

	line line

	mu  sync.Mutex
	pid int    // guarded by mu; 0: it does not run
	why string // guarded by mu: it does not run
}

// Process is what a child process says of itself, and what we know of it.
type Process struct {
	Name   string
	PID    int // 0: it does not run
	Ready  bool
	Status string
}

// see gives the view. Any goroutine.
func (c *child) see() Process {
	c.mu.Lock()
	p := Process{Name: c.name, PID: c.pid, Status: c.why}
	c.mu.Unlock()
	c.line.Lock()
	defer c.line.Unlock()
	if p.PID != 0 {
		p.Ready, p.Status = c.line.ready, c.line.status
	}
	return p
}

// run keeps the process alive until ctx ends; then it ends it.
func (c *child) run(ctx context.Context) {
	var back backoff
	for ctx.Err() == nil {
		begun := time.Now()
		err := c.live(ctx)
		if ctx.Err() != nil {
			if err != nil {
				c.log.Warn("child process ended badly", "process", c.name, "error", err)
			}
			return
		}
		wait := back.next(time.Since(begun))
		c.log.Error("child process died", "process", c.name, "error", err, "again in", wait.Round(time.Millisecond).String())
		c.mu.Lock()
		c.why = fmt.Sprintf("%v; again in %v", err, wait.Round(time.Millisecond))
		c.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// live is one life of the process, from its start to its death.
//
// Pdeathsig is sent when the thread that forked dies, not the process: so this goroutine keeps its thread until the child
// is dead. The thread has the child's affinity, which it inherits, and is thrown away in the end: a goroutine that ends
// locked takes its thread along.
func (c *child) live(ctx context.Context) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		result <- c.lockedLive(ctx)
	}()
	return <-result
}

func (c *child) lockedLive(ctx context.Context) error {
	if len(c.cores) > 0 {
		set := cpuSet(c.cores)
		if err := unix.SchedSetaffinity(0, &set); err != nil {
			return fmt.Errorf("bind to the cores %v: %w", c.cores, err)
		}
	}
	ours, theirs, err := pair()
	if err != nil {
		return err
	}
	defer ours.Close()
	cmd := exec.Command(c.spawn.Path, c.spawn.Args(c.name)...)
	cmd.Args[0] = os.Args[0] // so that ps shows the program's name
	cmd.Env = append(os.Environ(), c.spawn.Env...)
	if c.memory > 0 {
		cmd.Env = append(cmd.Env, "GOMEMLIMIT="+strconv.FormatInt(c.memory, 10))
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(c.spawn.Input), os.Stderr, os.Stderr
	cmd.ExtraFiles = []*os.File{theirs}
	// A process group of its own: an interrupt from the terminal is for us, and we end it in order.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	c.line.hear("")
	c.line.Lock()
	c.line.ready, c.line.status = false, "starting"
	c.line.Unlock()
	err = cmd.Start()
	if err = errors.Join(err, theirs.Close()); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	c.log.Info("child process started", "process", c.name, "pid", cmd.Process.Pid)
	c.mu.Lock()
	c.pid, c.why = cmd.Process.Pid, ""
	c.mu.Unlock()
	dead := make(chan struct{})
	var helpers sync.WaitGroup
	helpers.Go(func() { c.listen(ours) })
	helpers.Go(func() { c.guard(ctx, cmd.Process, dead) })
	err = cmd.Wait()
	close(dead)
	c.mu.Lock()
	c.pid = 0
	c.mu.Unlock()
	err = errors.Join(err, ours.Close())
	helpers.Wait()
	if err == nil && ctx.Err() == nil {
		return errEnded
	}
	return err
}

// listen hears what the child says until the line is closed.
func (c *child) listen(conn *net.UnixConn) {
	buf := make([]byte, 4*textMax)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return
		}
		c.line.hear(string(buf[:n]))
	}
}

// guard ends the process: in order when ctx ends, and at once when it has been silent for too long.
func (c *child) guard(ctx context.Context, p *os.Process, dead <-chan struct{}) {
	tick := time.NewTicker(c.silence / 10)
	defer tick.Stop()
	for {
		select {
		case <-dead:
			return
		case <-ctx.Done():
			c.end(p, dead)
			return
		case <-tick.C:
		}
		c.line.Lock()
		silent := time.Since(c.line.heard)
		c.line.Unlock()
		if silent >= c.silence {
			c.log.Error("child process is silent, killing it", "process", c.name, "pid", p.Pid, "for", silent.Round(time.Millisecond).String())
			c.signal(p, syscall.SIGKILL)
		}
	}
}

func (c *child) end(p *os.Process, dead <-chan struct{}) {
	c.signal(p, syscall.SIGTERM)
	select {
	case <-dead:
		return
	case <-time.After(c.bound):
	}
	c.log.Error("child process does not end, killing it", "process", c.name, "pid", p.Pid, "waited", c.bound.String())
	c.signal(p, syscall.SIGKILL)
}

func (c *child) signal(p *os.Process, s os.Signal) {
	if err := p.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		c.log.Error("child process cannot be signalled", "process", c.name, "pid", p.Pid, "error", err)
	}
}
