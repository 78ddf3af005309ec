package peers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// names of the nodes, in their order: the lower one dials. They are of this run alone, because DPDK's files in /var/run are
// named for the node.
var names = func() (names []string) {
	for _, letter := range "abc" {
		names = append(names, fmt.Sprintf("p%d-%c", os.Getpid(), letter))
	}
	return names
}()

const (
	startLimit = 60 * time.Second
	stopLimit  = 20 * time.Second
	askLimit   = 5 * time.Second
	askEvery   = 25 * time.Millisecond
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// waitFor asks again and again until there is no error, and gives the last one when the limit has passed.
func waitFor(limit time.Duration, ask func() error) error {
	end := time.Now().Add(limit)
	for {
		err := ask()
		if err == nil || time.Now().After(end) {
			return err
		}
		time.Sleep(askEvery)
	}
}

// place is where it happens.
type place struct {
	t     *testing.T
	dir   string
	hub   namespace
	nodes []*node
	links []*link
}

// newPlace makes it, and takes it down at the end. What the programs said is kept in build/peers after a failure.
func newPlace(t *testing.T) *place {
	t.Helper()
	if os.Getenv("FCR_PEERS") == "" {
		t.Skip("takes minutes: make peers, or FCR_PEERS=1 go test -v ./ci/peers")
	}
	if os.Getuid() != 0 {
		t.Fatal("needs root, for network namespaces")
	}
	dir, err := os.MkdirTemp("/tmp", "fcr-peers-") // short, for sockets
	must(t, err)
	p := &place{t: t, dir: dir}
	t.Cleanup(func() {
		if t.Failed() {
			p.keep()
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	p.wire()
	t.Cleanup(func() {
		for _, n := range p.nodes {
			n.stop()
		}
		for _, l := range p.links {
			if err := l.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return p
}

func (p *place) keep() {
	kept := "../../build/peers"
	if err := errors.Join(os.RemoveAll(kept), os.MkdirAll(kept, 0o755)); err != nil {
		p.t.Log(err)
		return
	}
	logs, _ := filepath.Glob(filepath.Join(p.dir, "*", "*.log"))
	for _, from := range logs {
		b, err := os.ReadFile(from)
		if err == nil {
			err = os.WriteFile(filepath.Join(kept, filepath.Base(filepath.Dir(from))+"-"+filepath.Base(from)), b, 0o644)
		}
		if err != nil {
			p.t.Log(err)
		}
	}
	p.t.Log("what the programs said is in build/peers")
}

// node is one whole node.
type node struct {
	p       *place
	name    string
	ns      namespace
	running []*program // in the order in which they started
	daemon  *program
	fabric  []*program
	http    *http.Client
}

func (n *node) path(name string) string { return filepath.Join(n.p.dir, n.name, name) }
func (n *node) segment() string {
	return filepath.Join("/dev/shm", filepath.Base(n.p.dir)+"-"+n.name)
}

// program is one that we started.
type program struct {
	cmd   *exec.Cmd
	log   string
	ended chan struct{}
	err   error // valid when ended is closed
}

func binary(name string) string {
	path, err := filepath.Abs(filepath.Join("../../bin", name))
	if err != nil {
		return name
	}
	return path
}

// start runs a program in the node's namespace. What it says goes to a log.
func (n *node) start(name string, argv ...string) *program {
	n.p.t.Helper()
	path := n.path(name + ".log")
	log, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	must(n.p.t, err)
	defer log.Close()
	cmd := exec.Command("ip", append([]string{"netns", "exec", string(n.ns)}, argv...)...)
	cmd.Stdout, cmd.Stderr = log, log
	// Should this test die, nothing of it lives on; and a Ctrl-C at the terminal is for the test.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	must(n.p.t, cmd.Start())
	p := &program{cmd: cmd, log: path, ended: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	n.running = append(n.running, p)
	return p
}

func (p *program) signal(s syscall.Signal) error {
	select {
	case <-p.ended:
		return p.err
	default:
		return p.cmd.Process.Signal(s)
	}
}

// stop asks it to end, and says whether it did.
func (p *program) stop() error {
	_ = p.signal(syscall.SIGTERM) // it may have ended
	select {
	case <-p.ended:
		return nil
	case <-time.After(stopLimit):
		_ = p.signal(syscall.SIGKILL)
		<-p.ended
		return fmt.Errorf("%v did not end within %v of SIGTERM", p.cmd.Args, stopLimit)
	}
}

// said waits until its log has a text.
func (p *program) said(t *testing.T, text string) {
	t.Helper()
	must(t, waitFor(startLimit, func() error {
		b, err := os.ReadFile(p.log)
		if err != nil || bytes.Contains(b, []byte(text)) {
			return err
		}
		select {
		case <-p.ended:
			t.Fatalf("%v ended: %v: %s", p.cmd.Args, p.err, tail(b))
		default:
		}
		return fmt.Errorf("%v has not said %q: %s", p.cmd.Args, text, tail(b))
	}))
}

func tail(b []byte) string {
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-8):], "\n\t")
}

// stop ends everything of the node, the fabric first.
func (n *node) stop() {
	for i := len(n.running) - 1; i >= 0; i-- {
		if err := n.running[i].stop(); err != nil {
			n.p.t.Error(err)
		}
	}
	n.running = nil
	if err := errors.Join(os.RemoveAll(n.segment()), os.RemoveAll(filepath.Join("/var/run/dpdk", "fcr-"+n.name))); err != nil {
		n.p.t.Error(err)
	}
}

// ctl runs fcrctl in the node's namespace.
func (n *node) ctl(args ...string) string {
	n.p.t.Helper()
	out, err := n.try(args...)
	must(n.p.t, err)
	return out
}

// try is ctl where it may fail.
func (n *node) try(args ...string) (string, error) {
	argv := append([]string{"netns", "exec", string(n.ns), binary("fcrctl")}, args...)
	var complaints bytes.Buffer
	cmd := exec.Command("ip", argv...)
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("fcrctl %v: %w: %s", args, err, &complaints)
	}
	return string(out), nil
}

// get asks the node's REST interface.
func (n *node) get(path string, into any) error {
	if n.http == nil {
		n.http = &http.Client{Timeout: askLimit, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", n.path("run/api.sock"))
		}}}
	}
	answer, err := n.http.Get("http://node/api/v1/" + path)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s: %s", n.name, path, answer.Status, b)
	}
	return json.Unmarshal(b, into)
}

// view is what each node says of all.
func (p *place) view() (views, error) {
	v := views{}
	for _, n := range p.nodes {
		var list struct {
			Items []peer `json:"items"`
			Peers []peer `json:"peers"`
		}
		if err := n.get("peers", &list); err != nil {
			return nil, err
		}
		v[n.name] = map[string]peer{}
		for _, one := range append(list.Items, list.Peers...) {
			v[n.name][one.Name] = one
		}
	}
	return v, nil
}
