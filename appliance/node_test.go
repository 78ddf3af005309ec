package appliance

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	startLimit = 60 * time.Second // a private PostgreSQL is made at the first start
	stopLimit  = 20 * time.Second
)

const bootFile = `node: %s
lcores: [%s]
poll: adaptive
state-dir: %s/dataplane
segment: {dir: %s, hugepages: off, flows: 4096, logins: 64}
mempool: {mbufs: 2048}
rings: {state: 1024, events: 1024}
ports: # devices that receive nothing
  - {name: edge0, device: "net_null0,no-rx=1", role: edge, pair: fabric0}
  - {name: fabric0, device: "net_null1,no-rx=1", role: fabric}
  - {name: svc0, device: "net_null2,no-rx=1", role: service}
`

// node is a data plane and a management daemon with a database of its own.
type node struct {
	t           *testing.T
	dir         string
	segment     string
	programs    []*exec.Cmd
	http        *http.Client // over the unix socket: root is admin
	address     string       // of HTTPS
	fingerprint string
}

// newNode starts one and takes it down at the end.
func newNode(t *testing.T) *node {
	t.Helper()
	if os.Getenv("FCR_APPLIANCE") == "" {
		t.Skip("takes a minute, root and the programs: make appliance, or FCR_APPLIANCE=1 go test -v ./appliance -run " + t.Name())
	}
	dir, err := os.MkdirTemp("/tmp", "fcr-appliance-") // short, for sockets
	must(t, err)
	must(t, os.Chmod(dir, 0o755)) // the database server is another account
	n := &node{t: t, dir: dir, segment: filepath.Join("/dev/shm", filepath.Base(dir))}
	t.Cleanup(n.takeDown)
	name := filepath.Base(dir)
	boot := filepath.Join(dir, "boot.yaml")
	must(t, os.WriteFile(boot, fmt.Appendf(nil, bootFile, name, lastCPU(t), dir, n.segment), 0o600))
	roles, err := os.ReadFile("../mgmt/config/default.yaml")
	must(t, err)
	conf := filepath.Join(dir, "mgmtd.yaml")
	must(t, os.WriteFile(conf, append(roles, "api: {listen: [\"127.0.0.1:0\"]}\n"...), 0o600))
	n.start("dataplane", "msg=polling", "fcr-dataplane", "run", "--boot", boot)
	n.start("mgmtd", "msg=ready", "fcr-mgmtd", "run", "--config", conf, "--node", name, "--segment", n.segment,
		"--state-dir", filepath.Join(dir, "state"), "--run-dir", filepath.Join(dir, "run"))
	socket := filepath.Join(dir, "run", "api.sock")
	n.http = &http.Client{Timeout: startLimit, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	serves := n.wait("mgmtd", `msg="serves HTTPS" address=(\S+) fingerprint=(\S+)`)
	n.address, n.fingerprint = serves[1], serves[2]
	return n
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// lastCPU is one that this process may use, and that others on a small machine use the least.
func lastCPU(t *testing.T) string {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	must(t, err)
	m := regexp.MustCompile(`Cpus_allowed_list:\t(?:.*[-,])?(\d+)\n`).FindSubmatch(status)
	if m == nil {
		t.Fatal("no CPU is allowed")
	}
	return string(m[1])
}

// start runs a program until it says that it is ready.
func (n *node) start(name, ready string, argv ...string) {
	n.t.Helper()
	log, err := os.Create(n.log(name))
	must(n.t, err)
	defer log.Close()
	cmd := exec.Command(filepath.Join(cmp.Or(os.Getenv("FCR_BIN"), "../bin"), argv[0]), argv[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	must(n.t, cmd.Start())
	n.programs = append(n.programs, cmd)
	n.wait(name, ready)
}

func (n *node) log(name string) string { return filepath.Join(n.dir, name+".log") }

// wait waits until the log of a program has something, and gives it.
func (n *node) wait(name, pattern string) []string {
	n.t.Helper()
	re := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(startLimit); ; time.Sleep(50 * time.Millisecond) {
		b, err := os.ReadFile(n.log(name))
		must(n.t, err)
		if m := re.FindStringSubmatch(string(b)); m != nil {
			return m
		}
		if time.Now().After(deadline) {
			n.t.Fatalf("%s does not say %q within %v:\n%s", name, pattern, startLimit, b[max(0, len(b)-4000):])
		}
	}
}

func (n *node) takeDown() {
	for i := len(n.programs) - 1; i >= 0; i-- {
		cmd := n.programs[i]
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended by itself
		kill := time.AfterFunc(stopLimit, func() { _ = cmd.Process.Kill() })
		if err := cmd.Wait(); err != nil {
			n.t.Errorf("%s: %v", filepath.Base(cmd.Path), err)
		}
		kill.Stop()
	}
	if n.t.Failed() {
		for _, name := range []string{"dataplane", "mgmtd"} {
			if b, err := os.ReadFile(n.log(name)); err == nil {
				n.t.Logf("%s:\n%s", name, b[max(0, len(b)-6000):])
			}
		}
	}
	for _, dir := range []string{n.segment, n.dir, filepath.Join("/var/run/dpdk", "fcr-"+filepath.Base(n.dir))} {
		if err := os.RemoveAll(dir); err != nil {
			n.t.Error(err)
		}
	}
}

// ask sends a request over the socket, as root, and reads the answer into what it is given.
func (n *node) ask(method, path string, body, into any) int {
	n.t.Helper()
	var b []byte
	if body != nil {
		var err error
		b, err = json.Marshal(body)
		must(n.t, err)
	}
	r, err := http.NewRequest(method, "http://localhost"+path, bytes.NewReader(b))
	must(n.t, err)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := n.http.Do(r)
	must(n.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(n.t, err)
	if s, ok := into.(*string); ok {
		*s = string(text)
	} else if into != nil && answer.StatusCode < 300 {
		must(n.t, json.Unmarshal(text, into))
	}
	if answer.StatusCode >= 300 {
		n.t.Logf("%s %s: %d %s", method, path, answer.StatusCode, text)
	}
	return answer.StatusCode
}

// ofOthers says that a metric is about other nodes, which this one does not have.
func ofOthers(name string) bool {
	return strings.HasPrefix(name, "fcr_peer_") || strings.HasPrefix(name, "fcr_pair_")
}

// A scrape of a node that runs has every metric, in the words of the roles themselves, and promtool has nothing to say.
func TestARealNodeTellsEveryMetric(t *testing.T) {
	n := newNode(t)
	var text string
	names := known(t)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(200 * time.Millisecond) { // until all roles have said something
		if status := n.ask("GET", "/metrics", nil, &text); status != http.StatusOK {
			t.Fatalf("%d", status)
		}
		missing := ""
		for name := range names {
			if strings.HasPrefix(name, "fcr_") && !strings.Contains(text, "\n"+name) && !unlikely[name] && !ofOthers(name) {
				missing += " " + name
			}
		}
		if missing == "" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("never told:%s", missing)
		}
	}
	cmd := exec.Command("promtool", "check", "metrics")
	var ours bytes.Buffer
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(strings.TrimPrefix(strings.TrimPrefix(line, "# HELP "), "# TYPE "), "fcr_") {
			ours.WriteString(line + "\n")
		}
	}
	cmd.Stdin = &ours
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// unlikely are those that a node without traffic and policy does not have.
var unlikely = map[string]bool{
	"fcr_policy_since_timestamp_seconds": true, "fcr_service_up": true, "fcr_service_used": true, "fcr_service_info": true, "fcr_service_flips_total": true,
}
