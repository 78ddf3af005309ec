package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// command runs a short command to its end and returns what it printed; its error carries what it complained of.
func command(ctx context.Context, dir, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("%s %v: %w: %s", name, args, err, bytes.TrimSpace(complaint.Bytes()))
	}
	return out, nil
}

// process is one long-running program of a scenario: a guest's QEMU, the dataplane, a service, a capture.
type process struct {
	name  string
	cmd   *exec.Cmd
	stdin io.WriteCloser // only if asked for
	log   *os.File
	ended chan struct{} // closed when the program has ended; err is valid then
	err   error
}

// spawnOptions says where a program's streams go.
type spawnOptions struct {
	log    string    // file for stderr, and for stdout if nothing reads that
	stdout io.Writer // reads stdout, if not nil
	stdin  bool      // keeps a pipe to stdin open
}

// spawn starts a program in the namespace.
func (ns *namespace) spawn(o spawnOptions, name string, args ...string) (*process, error) {
	log, err := os.Create(o.log)
	if err != nil {
		return nil, err
	}
	// "ip netns exec" becomes the program (it does not fork), so the pid is the program's own.
	cmd := exec.Command("ip", append([]string{"netns", "exec", ns.name, name}, args...)...)
	cmd.Stderr, cmd.Stdout = log, log
	if o.stdout != nil {
		cmd.Stdout = o.stdout
	}
	p := &process{name: filepath.Base(name), cmd: cmd, log: log, ended: make(chan struct{})}
	if o.stdin {
		if p.stdin, err = cmd.StdinPipe(); err != nil {
			log.Close()
			return nil, err
		}
	}
	// Should this test die (its own time limit, a signal), nothing of it may live on. A group of their own keeps a Ctrl-C
	// at the terminal from reaching the guests before us.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := cmd.Start(); err != nil {
		log.Close()
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	go func() {
		p.err = cmd.Wait()
		log.Close()
		close(p.ended)
	}()
	return p, nil
}

// wait waits for the program to end by itself.
func (p *process) wait(limit time.Duration) error {
	select {
	case <-p.ended:
		return p.err
	case <-time.After(limit):
		return fmt.Errorf("%s still runs after %v", p.name, limit)
	}
}

// stop asks the program to end, and makes it end when it does not listen. It returns an error if the program ended badly
// or had ended before; calling it again is harmless and returns the same.
func (p *process) stop() error {
	select {
	case <-p.ended:
		if p.err == nil {
			return nil
		}
		return fmt.Errorf("%s: %w", p.name, p.err)
	default:
	}
	// The pid cannot have been taken by another program: Wait has not returned.
	p.cmd.Process.Signal(syscall.SIGTERM)
	if err := p.wait(stopLimit); err == nil {
		return nil
	}
	select {
	case <-p.ended:
		return fmt.Errorf("%s: %w", p.name, p.err)
	default:
		p.kill()
		p.err = errors.Join(p.err, fmt.Errorf("did not end within %v of SIGTERM", stopLimit))
		return fmt.Errorf("%s: %w", p.name, p.err)
	}
}

// kill ends the program at once and waits until it is gone.
func (p *process) kill() {
	select {
	case <-p.ended:
	default:
		p.cmd.Process.Kill()
		<-p.ended
	}
}

// lastLines is the end of a log, for an error: usually the reason is there.
func lastLines(path string, n int) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], " | ")
}
