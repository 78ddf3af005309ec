package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a program that we started. Whoever starts it calls stop, always.
type process struct {
	name   string
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout output
	stderr output
	ended  chan struct{} // closed when the process is gone; then err is set
	err    error
}

// start starts argv in the environment env (nil: ours) and in the given new namespaces. Should we be killed, the kernel
// kills it too.
func start(argv, env []string, namespaces uintptr) (*process, error) {
	p := &process{name: filepath.Base(argv[0]), cmd: exec.Command(argv[0], argv[1:]...), ended: make(chan struct{})}
	p.cmd.Env = env
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{
		Pdeathsig:  syscall.SIGKILL,
		Setpgid:    true, // Ctrl-C is for us; we stop the children in order
		Cloneflags: namespaces,
	}
	var err error
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	started := make(chan error)
	go func() {
		// The death signal comes when the thread that started the process ends, not when the program does. So this
		// goroutine keeps its thread until the process is gone.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
			close(p.ended)
		}
	}()
	if err := <-started; err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return nil, fmt.Errorf("%w: %s is not installed", ErrUnavailable, p.name)
		}
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	return p, nil
}

// say writes a line to the program.
func (p *process) say(line string) error {
	if _, err := io.WriteString(p.stdin, line+"\n"); err != nil {
		return p.failed(fmt.Errorf("say %q: %w", line, err))
	}
	return nil
}

// expect waits until the program has written text to its standard output as many times.
func (p *process) expect(ctx context.Context, text string, times int) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		seen, more := p.stdout.count(text)
		if seen >= times {
			return nil
		}
		select {
		case <-more:
		case <-p.ended:
			if seen, _ := p.stdout.count(text); seen >= times {
				return nil
			}
			return p.failed(fmt.Errorf("ended before it said %q", text))
		case <-ctx.Done():
			return p.failed(fmt.Errorf("wait for %q: %w", text, ctx.Err()))
		}
	}
}

// schedule of the program's threads.
func (p *process) schedule() (Schedule, error) { return ReadSchedule(strconv.Itoa(p.cmd.Process.Pid)) }

// wait waits for the program to end by itself.
func (p *process) wait(ctx context.Context) error {
	select {
	case <-p.ended:
		if p.err != nil {
			return p.failed(p.err)
		}
		return nil
	case <-ctx.Done():
		return p.failed(ctx.Err())
	}
}

// stop ends the program if it has not ended: politely, and after a while by force. It returns when the process is gone.
func (p *process) stop() {
	p.stdin.Close()
	select {
	case <-p.ended:
		return
	default:
	}
	// os.Process knows whether the process has been waited for, so this cannot hit another one with its pid.
	p.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.NewTimer(stopTimeout)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
		p.cmd.Process.Kill()
		<-p.ended
	}
}

// failed adds to an error what the program said last.
func (p *process) failed(err error) error {
	said := p.stderr.last(5)
	if said == "" {
		said = p.stdout.last(5)
	}
	return fmt.Errorf("%s: %w; it said last: %s", p.name, err, said)
}

// run starts a program that ends by itself, and returns what it wrote to its standard output.
func run(ctx context.Context, argv, env []string) (stdout string, err error) {
	p, err := start(argv, env, 0)
	if err != nil {
		return "", err
	}
	defer p.stop()
	if err := p.wait(ctx); err != nil {
		return "", err
	}
	return p.stdout.String(), nil
}

// output collects what a program writes, the last maxOutput bytes of it.
type output struct {
	mu   sync.Mutex
	buf  []byte
	more chan struct{} // closed by the next Write; nil when nobody waits
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf = append(o.buf, b...)
	if excess := len(o.buf) - maxOutput; excess > 0 {
		o.buf = append(o.buf[:0], o.buf[excess:]...)
	}
	if o.more != nil {
		close(o.more)
		o.more = nil
	}
	return len(b), nil
}

// count says how often text has been written, and gives a channel that is closed with the next Write.
func (o *output) count(text string) (seen int, more <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.more == nil {
		o.more = make(chan struct{})
	}
	return bytes.Count(o.buf, []byte(text)), o.more
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return string(o.buf)
}

// last gives the last lines, joined, without empty ones.
func (o *output) last(n int) string {
	var lines []string
	for line := range strings.Lines(o.String()) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return ""
	}
	return strings.Join(lines[max(0, len(lines)-n):], " / ")
}

// pause waits, or returns early with the context's error.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
