package peers

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// The files of a node. Its lcore shares a CPU with the others', so it sleeps when nothing comes.
const bootFile = `node: %s
lcores: [1]
poll: adaptive
ports:
  - {name: edge0, device: "net_af_packet0,iface=e0", role: edge, pair: fabric0}
  - {name: fabric0, device: "net_af_packet1,iface=f0", role: fabric}
`

const policyFile = `policies:
  - name: watch
    match: {initiator: any, target: any, vsan: any}
    action: forward
`

const fabricFile = `seed: %d
nodes:
  - {name: host-1, kind: initiator, iface: h0, wwpn: "20:00:02:fc:01:00:00:%02x", targets: &arrays ["20:00:02:fc:0a:00:00:%02x", "20:00:02:fc:0b:00:00:%02x"], io: &work {depth: 2, max-bytes: 4096, rate: 50}}
  - {name: host-2, kind: initiator, iface: h0, wwpn: "20:00:02:fc:02:00:00:%02x", targets: *arrays, io: *work}
  - {name: array-a, kind: target, iface: t0, wwpn: "20:00:02:fc:0a:00:00:%02x"}
  - {name: array-b, kind: target, iface: t0, wwpn: "20:00:02:fc:0b:00:00:%02x"}
`

func (n *node) write(name, text string) {
	n.p.t.Helper()
	must(n.p.t, os.WriteFile(n.path(name), []byte(text), 0o600))
}

func (n *node) index() int {
	for i, name := range names {
		if name == n.name {
			return i
		}
	}
	return -1
}

// configuration is the daemon's. Other nodes are reached where the hub stands in for them; the node itself where it listens.
func (n *node) configuration() string {
	var b strings.Builder
	fmt.Fprintf(&b, "node: %s\nsegment: %s\nstate-dir: %s\nrun-dir: %s\napi: {listen: []}\npeer:\n  listen: %q\n  nodes:\n", n.name, n.segment(), n.path("state"),
		n.path("run"), nodeIP(n.index())+":"+peerPort)
	for k, name := range names {
		address := hubIP(n.index()) + ":" + relayPort(k)
		if name == n.name {
			address = nodeIP(k) + ":" + peerPort
		}
		fmt.Fprintf(&b, "    - {name: %s, address: %q}\n", name, address)
	}
	b.WriteString("roles: [{name: event}, {name: peer}, {name: api}]\n")
	return b.String()
}

// prepare writes the files of a node, and starts its data plane.
func (n *node) prepare() {
	must(n.p.t, os.MkdirAll(n.path("state"), 0o755))
	must(n.p.t, os.MkdirAll(n.path("run"), 0o755))
	n.write("boot.yaml", fmt.Sprintf(bootFile, n.name))
	n.write("policy.yaml", policyFile)
	i := n.index() + 1
	n.write("fabric.yaml", fmt.Sprintf(fabricFile, i, i, i, i, i, i, i))
	n.write("mgmtd.yaml", n.configuration())
	d := n.start("dataplane", binary("fcr-dataplane"), "run", "--boot", n.path("boot.yaml"), "--policy", n.path("policy.yaml"), "--segment", n.segment(),
		"--state-dir", n.path("plane"))
	d.said(n.p.t, "msg=polling")
}

// startDaemon starts the management daemon, and returns when its roles run.
func (n *node) startDaemon() {
	n.daemon = n.start("mgmtd", binary("fcr-mgmtd"), "run", "--config", n.path("mgmtd.yaml"))
	must(n.p.t, waitFor(startLimit, func() error { return n.get("peers", &struct{}{}) }))
}

// startFabric lets hosts log in and work, and many flows pass.
func (n *node) startFabric() {
	n.fabric = append(n.fabric,
		n.start("sim", binary("fcr-sim"), "run", "--config", n.path("fabric.yaml"), "--json", n.path("sim.json")),
		n.start("load", binary("fcr-sim"), "load", "--iface", "h0", "--flows", "500", "--rate", "3000", "--duration", "0s"))
}

// stopFabric ends that. Whatever peers did, the hosts must not have noticed.
func (n *node) stopFabric() {
	for _, f := range n.fabric {
		if err := f.stop(); err != nil {
			n.p.t.Error(err)
		}
	}
	n.fabric = nil
	b, err := os.ReadFile(n.path("sim.json"))
	must(n.p.t, err)
	var report any
	must(n.p.t, json.Unmarshal(b, &report))
	commands, bad := total(report, "commands"), total(report, "errors")+total(report, "verify_errors")
	if commands == 0 || bad > 0 {
		n.p.t.Errorf("%s: %v commands ended well, %v badly", n.name, commands, bad)
	}
}

// total is the sum of a number over all places in a JSON document where the key stands.
func total(document any, key string) (sum float64) {
	switch d := document.(type) {
	case map[string]any:
		for k, v := range d {
			if n, ok := v.(float64); ok && k == key {
				sum += n
			}
			sum += total(v, key)
		}
	case []any:
		for _, v := range d {
			sum += total(v, key)
		}
	}
	return sum
}

// found makes the cluster, as an admin would: one node has the authority, the others join by codes. The files of all nodes
// are on one machine here, so fcrctl runs where it reaches the first one.
func (p *place) found() {
	first := p.nodes[0]
	first.ctl("peer", "init", "--cluster", "three", "--node", first.name, "--state-dir", first.path("state"))
	first.startDaemon()
	for _, n := range p.nodes[1:] {
		var invited struct {
			Code string `json:"code"`
		}
		out := first.ctl("--output", "json", "--node", first.name, "peer", "invite", n.name, "--address", nodeIP(0)+":"+peerPort, "--state-dir", first.path("state"))
		must(p.t, json.Unmarshal([]byte(out), &invited))
		must(p.t, waitFor(startLimit, func() error { // the daemon may have just begun to listen
			_, err := first.try("--node", n.name, "peer", "join", invited.Code, "--state-dir", n.path("state"))
			return err
		}))
		n.startDaemon()
	}
}

// inStep waits until everybody has what all had made when it was called, and says how long that took.
func (p *place) inStep(t *testing.T, limit time.Duration) time.Duration {
	t.Helper()
	begun := time.Now()
	v, err := p.view()
	must(t, err)
	h := v.heads()
	must(t, waitFor(limit, func() error {
		v, err := p.view()
		if err != nil {
			return err
		}
		if lacks := v.behind(h); len(lacks) > 0 {
			return fmt.Errorf("after %v: %s", time.Since(begun).Round(time.Millisecond), strings.Join(lacks, "; "))
		}
		return nil
	}))
	return time.Since(begun)
}

// equal waits until all give the same digests, with the fabrics at rest.
func (p *place) equal(t *testing.T, limit time.Duration) time.Duration {
	t.Helper()
	begun := time.Now()
	must(t, waitFor(limit, func() error {
		v, err := p.view()
		if err != nil {
			return err
		}
		if wrong := v.differ(); len(wrong) > 0 {
			return fmt.Errorf("after %v: %s", time.Since(begun).Round(time.Millisecond), strings.Join(wrong, "; "))
		}
		return nil
	}))
	return time.Since(begun)
}

// each does something with all nodes.
func (p *place) each(do func(*node)) {
	for _, n := range p.nodes {
		do(n)
	}
}
