package apifuzz

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fcredirect/mgmt/api"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/config"
	"fcredirect/mgmt/postgres/pgtest"
	"fcredirect/mgmt/system"
)

// bootFile is a data plane that needs no hardware and no privilege.
const bootFile = `node: fcr-t
lcores: [0]
ports:
  - {name: edge0, device: "net_null0,no-rx=1", role: edge, pair: fabric0}
  - {name: fabric0, device: "net_null1,no-rx=1", role: fabric}
  - {name: svc0, device: "net_null2,no-rx=1", role: service}
segment: {hugepages: off, flows: 1024, logins: 64}
mempool: {mbufs: 1024}
`

const policyFile = `services: [{name: inspect, mode: steer, port: svc0, mac: "02:fc:5e:00:00:01"}]
policies: [{name: all, match: {}, action: redirect, service: inspect}]
`

// patience is how long programs may take to start and to end.
const patience = 60 * time.Second

// node is an appliance: a data plane and a management daemon.
type node struct {
	config *config.Config
	log    *tail
	local  *http.Client // of the unix socket: root@local
	remote *http.Client
	base   string // of HTTPS

	mu     sync.Mutex
	tokens map[who]string
}

// who is one of the accounts of a role: each that asks has its own, so that they are not counted together.
type who struct {
	role auth.Role
	n    int
}

// tail keeps the end of what is logged.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (l *tail) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.buf = append(l.buf, b...); len(l.buf) > 1<<20 {
		l.buf = append(l.buf[:0], l.buf[len(l.buf)-1<<19:]...)
	}
	return len(b), nil
}

// about gives the lines that name it.
func (l *tail) about(what string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []string
	for line := range strings.Lines(string(l.buf)) {
		if strings.Contains(line, what) {
			found = append(found, line)
		}
	}
	found = found[max(0, len(found)-3):]
	for i, line := range found {
		found[i] = line[:min(len(line), 1500)]
	}
	return strings.Join(found, "")
}

// start makes a node of its own.
func start(t *testing.T) *node {
	t.Helper()
	dir, err := os.MkdirTemp("", "fcr") // short: it becomes the path of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	dataplane(t, dir)

	c, _, err := config.Parse("default", config.DefaultText)
	if err != nil {
		t.Fatal(err)
	}
	over := config.Overrides{
		Node: "fcr-t", Segment: filepath.Join(dir, "segment"), StateDir: filepath.Join(dir, "state"), RunDir: filepath.Join(dir, "run"),
		DSN: pgtest.DB(t), Listen: freeAddress(t),
	}
	if err := c.Complete(over); err != nil {
		t.Fatal(err)
	}
	n := &node{config: c, log: &tail{}, base: "https://" + over.Listen, tokens: map[who]string{}}
	s, err := system.New(system.Options{Config: c, Process: config.Main, Version: "test", Log: slog.New(slog.NewTextHandler(n.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the daemon ended with %v", err)
		}
	})
	n.connect(t)
	begun := time.Now()
	n.await(t)
	t.Logf("the node was ready after %v", time.Since(begun).Round(time.Millisecond))
	for _, role := range []auth.Role{auth.Admin, auth.PolicyAdmin, auth.Operator, auth.Viewer} { // the first account is an administrator
		for w := range workers {
			n.enrol(t, who{role, w})
		}
	}
	return n
}

// dataplane runs one until the test ends.
func dataplane(t *testing.T, dir string) {
	t.Helper()
	program := os.Getenv("FCR_DATAPLANE") // one that was built before
	if program == "" {
		program = filepath.Join(dir, "fcr-dataplane")
		if out, err := exec.Command("go", "build", "-o", program, "fcredirect/cmd/fcr-dataplane").CombinedOutput(); err != nil {
			t.Fatalf("build the data plane: %v\n%s", err, out)
		}
	}
	for name, text := range map[string]string{"boot.yaml": bootFile, "policy.yaml": policyFile} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var log bytes.Buffer
	p := exec.Command(program, "run", "--boot", "boot.yaml", "--policy", "policy.yaml", "--segment", filepath.Join(dir, "segment"), "--state-dir", filepath.Join(dir, "boot-state"))
	p.Dir, p.Stdout, p.Stderr = dir, &log, &log
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.Wait() }()
	t.Cleanup(func() {
		_ = p.Process.Signal(syscall.SIGTERM) // it may have ended: that is said below
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the data plane ended with %v\n%s", err, &log)
			}
		case <-time.After(patience):
			_ = p.Process.Kill()
			<-ended
			t.Errorf("the data plane does not end")
		}
	})
}

// freeAddress is one that nobody listens on now.
func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// connect makes the clients.
func (n *node) connect(t *testing.T) {
	socket := filepath.Join(n.config.RunDir, api.SocketName)
	local := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}
	remote := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, MaxIdleConnsPerHost: 8} // mgmt/api tests the certificate
	n.local = &http.Client{Transport: local, Timeout: patience}
	n.remote = &http.Client{Transport: remote, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(local.CloseIdleConnections)
	t.Cleanup(remote.CloseIdleConnections)
}

// await waits until everything answers.
func (n *node) await(t *testing.T) {
	t.Helper()
	last := ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		r, err := n.local.Get("http://fcr/readyz")
		if err != nil {
			last = err.Error()
			continue
		}
		b, _ := io.ReadAll(r.Body)
		r.Body.Close()
		if last = string(b); r.StatusCode != http.StatusOK {
			continue
		}
		// Writes need the event role too.
		if status, body := n.asRoot(t, "PUT", "/api/v1/users/fuzz-admin-0", `{"role":"admin","password":"correct horse battery"}`, "If-None-Match: *"); status < 300 || status == http.StatusPreconditionFailed {
			return
		} else {
			last = body
		}
	}
	t.Fatalf("the node does not get ready: %s\n%s", last, n.log.about("level=ERROR"))
}

// asRoot asks over the socket.
func (n *node) asRoot(t *testing.T, method, path, body string, headers ...string) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequest(method, "http://fcr"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	got, err := n.local.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	b, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	return got.StatusCode, string(b)
}

// enrol makes an account of a role, or makes it whole again, and a token for it.
func (n *node) enrol(t *testing.T, w who) {
	t.Helper()
	name := fmt.Sprintf("fuzz-%s-%d", w.role, w.n)
	user := fmt.Sprintf(`{"role":%q,"password":"correct horse %s","description":"of the fuzzer"}`, w.role, rand.Text())
	status, body := n.asRoot(t, "PUT", "/api/v1/users/"+name, user, "If-None-Match: *")
	if status == http.StatusPreconditionFailed {
		status, body = n.asRoot(t, "PUT", "/api/v1/users/"+name, user, "If-Match: *")
	}
	if status >= 300 {
		t.Fatalf("account of role %s: %d %s", w.role, status, body)
	}
	status, body = n.asRoot(t, "POST", "/api/v1/tokens", fmt.Sprintf(`{"name":%q,"owner":%q,"role":%q}`, "t"+rand.Text(), name, w.role))
	var token struct{ Token string }
	if err := json.Unmarshal([]byte(body), &token); status != http.StatusCreated || err != nil || token.Token == "" {
		t.Fatalf("token of role %s: %d %s", w.role, status, body)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.tokens[w] = token.Token
}

// token is what who has a role sends.
func (n *node) token(w who) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.tokens[w]
}
