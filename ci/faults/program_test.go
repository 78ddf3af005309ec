package faults

import (
	"bytes"
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

	"golang.org/x/sys/unix"
)

// cpus says which CPUs there are for the data plane (all) and for everything else (all but the lcore's).
var cpus struct{ all, others, lcore string }

// keepOffLcores takes this process, and with it what it starts, off the CPU on which the load's lcore polls: the second
// one, as dataplane/bench chooses.
func keepOffLcores() error {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return fmt.Errorf("cpu affinity: %w", err)
	}
	var all, others []string
	seen := 0
	for cpu := range 1024 {
		if !set.IsSet(cpu) {
			continue
		}
		all = append(all, strconv.Itoa(cpu))
		if seen++; seen <= 2 {
			cpus.lcore = strconv.Itoa(cpu)
		}
		if seen == 2 {
			set.Clear(cpu)
			continue
		}
		others = append(others, strconv.Itoa(cpu))
	}
	cpus.all, cpus.others = strings.Join(all, ","), strings.Join(others, ",")
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return err
	}
	for _, t := range threads {
		id, err := strconv.Atoi(t.Name())
		if err != nil {
			continue
		}
		if err := unix.SchedSetaffinity(id, &set); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("cpu affinity of thread %d: %w", id, err)
		}
	}
	return nil
}

// program is one long-running program that we started.
type program struct {
	name  string
	cmd   *exec.Cmd
	log   string
	ended chan struct{} // closed when it has ended; err is valid then
	err   error
}

// start runs a program. Its standard error goes to the log, its standard output to the file out, or the log too.
func start(log, out string, env []string, argv ...string) (*program, error) {
	complaints, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	defer complaints.Close()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.Env = complaints, complaints, append(os.Environ(), env...)
	if out != "" {
		f, err := os.Create(out)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		cmd.Stdout = f
	}
	// Should this test die, nothing of it lives on; and a Ctrl-C at the terminal is for the test. Each has a session of its
	// own, as a service has.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", argv[0], err)
	}
	p := &program{name: filepath.Base(argv[0]), cmd: cmd, log: log, ended: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// pid of the program. It cannot be another's before Wait has returned.
func (p *program) pid() int { return p.cmd.Process.Pid }

// runs says whether it has not ended.
func (p *program) runs() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// kill ends it at once.
func (p *program) kill() {
	if p.runs() {
		_ = p.cmd.Process.Kill() // it may end by itself in this moment
		<-p.ended
	}
}

// stop asks it to end, and says how it did.
func (p *program) stop() error {
	if p.runs() {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
	}
	select {
	case <-p.ended:
		return p.err
	case <-time.After(stopLimit):
		p.kill()
		return fmt.Errorf("%s did not end within %v of SIGTERM", p.name, stopLimit)
	}
}

// command runs a short program to its end and gives what it printed; its error carries the complaints.
func command(limit time.Duration, argv ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, bytes.TrimSpace(complaints.Bytes()))
	}
	return out, nil
}

// waitFor asks again and again until done gives nil; its last error is the reason when the time is over.
func waitFor(limit time.Duration, done func() error) error {
	for deadline := time.Now().Add(limit); ; time.Sleep(100 * time.Millisecond) {
		err := done()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("after %v: %w", limit, err)
		}
	}
}

// contains says with nil that a file has a text.
func contains(path, text string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.Contains(b, []byte(text)) {
		return fmt.Errorf("%s does not say %q", filepath.Base(path), text)
	}
	return nil
}

// children of a process, by pid.
func children(pid int) (list []int) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // the pattern is good
	for _, t := range tasks {
		b, err := os.ReadFile(t)
		if err != nil {
			continue // the thread has ended
		}
		for _, word := range strings.Fields(string(b)) {
			if child, err := strconv.Atoi(word); err == nil {
				list = append(list, child)
			}
		}
	}
	return list
}

// commandLine of a process, its words apart; nil when there is none.
func commandLine(pid int) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil || len(b) == 0 {
		return nil
	}
	return strings.Split(strings.TrimRight(string(b), "\x00"), "\x00")
}
