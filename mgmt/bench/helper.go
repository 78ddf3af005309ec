package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// A helper is a process that we start: it reads its task, a line of JSON, says ready, a line of JSON, works until its
// standard input ends, and says what it did.

// task is what a helper is to do.
type task struct {
	Kind    string    // peer, monitoring or slow
	Network string    // of what it listens on
	Address string    // empty: any
	Slow    *slowTask `json:",omitempty"`
}

// ready is a helper's first line.
type ready struct {
	Address string
	Error   string
}

// did is a helper's last line.
type did struct {
	Updates uint64
	Flows   int
	Frames  uint64   // of all flows that it knows, added up
	Slow    *slowDid `json:",omitempty"`
	Error   string
}

// Helper is main of a helper process.
func Helper(in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	line, err := lines.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("bench helper: it has no task: %w", err)
	}
	var t task
	if err := json.Unmarshal(line, &t); err != nil {
		return fmt.Errorf("bench helper: task: %w", err)
	}
	say := &speaker{out: json.NewEncoder(out)}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	go func() {
		// The end of the input is the order to stop, also when whoever gave the task was killed.
		defer stop()
		for _, err := lines.ReadBytes('\n'); err == nil; _, err = lines.ReadBytes('\n') {
			say.answer()
		}
	}()
	var result did
	switch t.Kind {
	case "peer", "monitoring":
		result, err = serveBook(ctx, &t, say)
	case "slow":
		result, err = serveSlow(ctx, t.Slow, say)
	default:
		err = fmt.Errorf("bench helper: there is no kind %q", t.Kind)
	}
	if err != nil {
		result.Error = err.Error()
	}
	return errors.Join(err, say.end(result))
}

// speaker writes a helper's lines.
type speaker struct {
	mu  sync.Mutex
	out *json.Encoder
	now func() did // what it did so far; nil before it serves, and after the end
}

// begun says that the helper serves.
func (s *speaker) begun(address string, now func() did) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = now
	return s.out.Encode(ready{Address: address})
}

func (s *speaker) answer() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now != nil {
		_ = s.out.Encode(s.now()) // if nobody hears it, the input ends too
	}
}

func (s *speaker) end(d did) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = nil
	return s.out.Encode(d)
}

// serveBook keeps what clients send and answers.
func serveBook(ctx context.Context, t *task, say *speaker) (did, error) {
	l, err := net.Listen(t.Network, t.Address)
	if err != nil {
		return did{}, fmt.Errorf("bench helper: %w", err)
	}
	defer context.AfterFunc(ctx, func() { l.Close() })()
	var mu sync.Mutex
	var open []net.Conn
	var failed error
	var d did
	flows := book{}
	if err := say.begun(l.Addr().String(), nil); err != nil {
		return d, err
	}
	var serving sync.WaitGroup
	for {
		conn, err := l.Accept()
		if err != nil {
			break // the listener is closed
		}
		mu.Lock()
		open = append(open, conn)
		mu.Unlock()
		// A connection's clients know what was sent on it, nothing else.
		known := book{}
		serving.Go(func() {
			err := receive(conn, func(b []byte) error {
				n, err := known.decode(b)
				mu.Lock()
				defer mu.Unlock()
				d.Updates += uint64(n)
				return err
			})
			mu.Lock()
			defer mu.Unlock()
			for serial, u := range known {
				flows[serial] = u
			}
			if err != nil && ctx.Err() == nil {
				failed = errors.Join(failed, err)
			}
		})
	}
	mu.Lock()
	for _, c := range open {
		c.Close()
	}
	mu.Unlock()
	serving.Wait()
	d.Flows, d.Frames = len(flows), flows.total()
	return d, failed
}

// helper is a running one.
type helper struct {
	cmd     *exec.Cmd
	in      io.WriteCloser
	lines   *json.Decoder
	address string
}

// startHelper runs command with a task and waits until it serves.
func startHelper(command []string, t task, log io.Writer) (*helper, error) {
	h := &helper{cmd: exec.Command(command[0], command[1:]...)}
	h.cmd.Stderr = log
	h.cmd.Env = append(os.Environ(), helperEnv+"=1")
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt is ours: we end them in order
	out, err := h.cmd.StdoutPipe()
	if err == nil {
		h.in, err = h.cmd.StdinPipe()
	}
	if err == nil {
		err = h.cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("bench: start helper %s: %w", t.Kind, err)
	}
	h.lines = json.NewDecoder(out)
	late := time.AfterFunc(startTimeout, func() { _ = h.cmd.Process.Kill() })
	defer late.Stop()
	var r ready
	b, err := json.Marshal(t)
	if err == nil {
		_, err = h.in.Write(append(b, '\n'))
	}
	if err == nil {
		err = h.lines.Decode(&r)
	}
	if err == nil && r.Error != "" {
		err = errors.New(r.Error)
	}
	if err != nil {
		_, stopped := h.stop()
		return nil, fmt.Errorf("bench: start helper %s: %w", t.Kind, errors.Join(err, stopped))
	}
	h.address = r.Address
	return h, nil
}

// helperEnv tells a test binary that it is to be a helper.
const helperEnv = "FCR_BENCH_HELPER"

// ask asks what it did so far.
func (h *helper) ask() (did, error) {
	var d did
	_, err := h.in.Write([]byte{'\n'})
	if err == nil {
		err = h.lines.Decode(&d)
	}
	if err != nil {
		return d, fmt.Errorf("bench: ask helper: %w", err)
	}
	return d, nil
}

// stop ends it and gives what it did.
func (h *helper) stop() (did, error) {
	late := time.AfterFunc(stopTimeout, func() { _ = h.cmd.Process.Kill() })
	defer late.Stop()
	var d did
	err := h.in.Close()
	if e := h.lines.Decode(&d); e != nil && err == nil {
		err = fmt.Errorf("it said nothing in the end: %w", e)
	}
	if d.Error != "" {
		err = errors.New(d.Error)
	}
	if e := h.cmd.Wait(); err == nil {
		err = e
	}
	if err != nil {
		err = fmt.Errorf("bench: helper: %w", err)
	}
	return d, err
}

func (h *helper) pid() int { return h.cmd.Process.Pid }
