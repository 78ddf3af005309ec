package api

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// cheap is a cost of hashing for tests.
var cheap = auth.Cost{Memory: 64, Time: 1}

// node is a role that serves.
type node struct {
	*Role
	config *config.Config
	roots  *x509.CertPool
	stop   func() error // once
}

// options are those of a node that has nothing beside: no data plane, no database, no log of events.
func options(t testing.TB) Options {
	t.Helper()
	c, _, err := config.Parse("default", config.DefaultText)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "fcr") // short: it becomes the path of a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := c.Complete(config.Overrides{Node: "fcr-t", StateDir: dir + "/state", RunDir: dir + "/run"}); err != nil {
		t.Fatal(err)
	}
	c.API.Listen = []string{"127.0.0.1:0"}
	// A data plane that runs on this machine is none of its own.
	return Options{Config: c, Version: "test", Place: attach.Place{Dir: filepath.Join(dir, "segment")}, Cost: cheap}
}

func serving(t testing.TB, o Options) *node {
	t.Helper()
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- r.Run(ctx, func() { close(ready) }) }()
	n := &node{Role: r, config: o.Config, roots: x509.NewCertPool()}
	n.stop = func() error { cancel(); return <-done }
	select {
	case <-ready:
	case err := <-done:
		cancel()
		t.Fatal(err)
	}
	var stopped atomic.Bool
	stop := n.stop
	n.stop = func() error {
		if stopped.Swap(true) {
			return nil
		}
		return stop()
	}
	t.Cleanup(func() {
		if err := n.stop(); err != nil {
			t.Error(err)
		}
	})
	for deadline := time.Now().Add(30 * time.Second); len(r.Addresses()) < len(o.Config.API.Listen); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not listen")
		}
	}
	if pem, err := os.ReadFile(filepath.Join(r.dir(), "certificate.pem")); err == nil {
		n.roots.AppendCertsFromPEM(pem)
	}
	return n
}

// client of the HTTPS listener.
func (n *node) client(t testing.TB, h2 bool) *http.Client {
	tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: n.roots}, ForceAttemptHTTP2: h2, MaxIdleConnsPerHost: 1}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}
}

// local is a client of the socket.
func (n *node) local(t testing.TB) *http.Client {
	tr := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(n.config.RunDir, SocketName))
	}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 20 * time.Second}
}

func (n *node) url(path string) string { return "https://" + n.Addresses()[0] + path }

// get asks and gives status and body.
func get(t *testing.T, c *http.Client, url string) (*http.Response, string) {
	t.Helper()
	r, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r, string(b)
}

func TestItServesHTTPSWithACertificateOfItsOwnAndTheSocketToRoot(t *testing.T) {
	n := serving(t, options(t))
	for _, h2 := range []bool{false, true} {
		r, body := get(t, n.client(t, h2), n.url("/healthz"))
		if r.StatusCode != 200 || body != "{\"status\":\"ok\"}\n" || (r.ProtoMajor == 2) != h2 || r.TLS.Version < tls.VersionTLS12 {
			t.Errorf("%s %s %s", r.Proto, r.Status, body)
		}
	}
	var index Index
	if _, body := get(t, n.client(t, false), n.url("/api/v1")); json.Unmarshal([]byte(body), &index) != nil || index.Node != "" || index.Version != "" || len(index.Links) == 0 {
		t.Errorf("a stranger is told %s", body)
	}
	if _, body := get(t, n.local(t), "http://local/api/v1"); json.Unmarshal([]byte(body), &index) != nil || index.Node != "fcr-t" {
		t.Errorf("root is told %s", body)
	}
	for file, mode := range map[string]os.FileMode{
		filepath.Join(n.config.RunDir, SocketName): 0o660, filepath.Join(n.dir(), "key.pem"): 0o600, n.dir(): 0o700,
	} {
		if st, err := os.Stat(file); err != nil || st.Mode().Perm() != mode {
			t.Errorf("%s: %v %v, want %o", file, st.Mode().Perm(), err, mode)
		}
	}
	if r, _ := get(t, n.client(t, false), n.url("/readyz")); r.StatusCode != 503 {
		t.Errorf("ready without a data plane: %s", r.Status)
	}
}

func TestWhatIsNotTLSOrTooOldIsNotServed(t *testing.T) {
	n := serving(t, options(t))
	if r, body := get(t, &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, "http://"+n.Addresses()[0]+"/healthz"); r.StatusCode != 400 {
		t.Errorf("plain HTTP: %s %s", r.Status, body)
	}
	c, err := tls.Dial("tcp", n.Addresses()[0], &tls.Config{RootCAs: n.roots, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})
	if err == nil {
		c.Close()
		t.Error("TLS 1.1 is served")
	}
}

func TestAForeignHostIsRefused(t *testing.T) {
	o := options(t)
	o.Config.API.Hosts = []string{"fcr.example"}
	n := serving(t, o)
	for host, want := range map[string]int{"evil.example": 403, "fcr.example": 200, "FCR.example:9": 200, "192.0.2.7:8443": 200, "[2001:db8::1]:8443": 200, "localhost": 200, "fcr-t": 200} {
		r, err := http.NewRequest("GET", n.url("/healthz"), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		got, err := n.client(t, false).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got.Body.Close()
		if got.StatusCode != want {
			t.Errorf("%s: %s", host, got.Status)
		}
	}
}

func TestAnAddressThatIsTakenIsTriedAgainAndTheSocketServesMeanwhile(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	o := options(t)
	o.Config.API.Listen = nil
	var log bytes.Buffer
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	n := serving(t, o)
	if r, _ := get(t, n.local(t), "http://local/healthz"); r.StatusCode != 200 {
		t.Error(r.Status)
	}
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	o.Config.API.Listen = []string{taken.Addr().String()}
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- r.Run(ctx, func() { close(ready) }) }()
	<-ready
	if err := r.Healthy(); err != nil {
		t.Error(err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// zeros is a body without an end, which counts what is taken of it.
type zeros struct{ taken atomic.Int64 }

func (z *zeros) Read(b []byte) (int, error) {
	clear(b)
	z.taken.Add(int64(len(b)))
	return len(b), nil
}

func TestABodyOfAGigabyteIsRefusedUnread(t *testing.T) {
	n := serving(t, options(t))
	for name, length := range map[string]int64{"announced": 1 << 30, "in chunks": -1} {
		t.Run(name, func(t *testing.T) {
			body := &zeros{}
			r, err := http.NewRequest("GET", n.url("/healthz"), io.LimitReader(body, 1<<30))
			if err != nil {
				t.Fatal(err)
			}
			r.ContentLength = length
			got, err := n.client(t, false).Do(r)
			if err == nil {
				got.Body.Close()
			}
			if err == nil && got.StatusCode != 400 && got.StatusCode != 413 {
				t.Errorf("%s", got.Status)
			}
			if err != nil && !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) && !strings.Contains(err.Error(), "closed") {
				t.Errorf("%v", err)
			}
			if taken := body.taken.Load(); taken > 32<<20 { // what lies in the sockets' buffers
				t.Errorf("%d bytes were taken", taken)
			}
		})
	}
}

func TestTenThousandSlowConnectionsKeepNobodyOut(t *testing.T) {
	n := serving(t, options(t))
	slow := 10_000
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	slow = min(slow, int(limit.Cur)/2-512) // each is open at one end, until it is put out, and at the other
	conns := make([]net.Conn, 0, slow)
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	c := n.client(t, false)
	begun := time.Now()
	for i := range slow {
		conn, err := net.Dial("tcp", n.Addresses()[0])
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		conns = append(conns, conn)
		if i%2 == 0 {
			_, _ = conn.Write([]byte{0x16, 3}) // a handshake that goes no further; it may be out already
		}
		if i%1000 == 999 {
			took := time.Hour
			for try := 0; try < 5 && took > 2*time.Second; try++ { // we may have no CPU just then
				asked := time.Now()
				if r, _ := get(t, n.client(t, false), n.url("/healthz")); r.StatusCode != 200 {
					t.Errorf("behind %d slow ones: %s", i+1, r.Status)
				}
				took = time.Since(asked)
			}
			if took > 2*time.Second {
				t.Errorf("behind %d slow ones: %v", i+1, took)
			}
		}
	}
	if r, _ := get(t, c, n.url("/healthz")); r.StatusCode != 200 {
		t.Error(r.Status)
	}
	t.Logf("%d slow connections, %v", slow, time.Since(begun))
}

func TestTheRoleEndsWithAConnectionThatSaysNothing(t *testing.T) {
	n := serving(t, options(t))
	c, err := net.Dial("tcp", n.Addresses()[0])
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	begun := time.Now()
	if err := n.stop(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); took > drain/2 {
		t.Errorf("it took %v", took)
	}
}
