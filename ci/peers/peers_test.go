package peers

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"fcredirect/mgmt/bench/relay"
	"fcredirect/mgmt/peer/pki"
)

const (
	// convergeLimit is how soon after healing all nodes are in step.
	convergeLimit = 2 * time.Second
	// faultLasts is how long each fault does.
	faultLasts = 3 * time.Second
	// longFault is long enough for attempts to connect to fail, too.
	longFault = 9 * time.Second
	// recordsLeast is what the fabric makes of flows and logins on each node.
	recordsLeast = 500
)

func TestThreeNodesStayInStepWhateverTheLinksDo(t *testing.T) {
	p := newPlace(t)
	p.each((*node).prepare)
	p.found()
	p.each((*node).startFabric)
	must(t, waitFor(startLimit, p.busy))
	t.Logf("in step %v after all were busy", p.inStep(t, startLimit))

	t.Run("strangers are refused and recorded", func(t *testing.T) { strangers(t, p) })
	w := p.watch()
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			heal := f.begin(t, p)
			time.Sleep(f.lasts)
			if f.parts {
				p.apart(t)
			}
			begun := time.Now()
			heal()
			took := p.inStep(t, convergeLimit)
			t.Logf("in step %v after healing, which took %v", took, time.Since(begun)-took)
		})
	}
	w.onlyTLS13(t)

	t.Run("at rest all have the same", func(t *testing.T) {
		heal := partition(names[1], true, true)(t, p)
		p.each((*node).stopFabric)
		time.Sleep(time.Second) // what the fabric said last is on its way into the tables
		heal()
		t.Logf("equal %v after healing", p.equal(t, convergeLimit))
	})
}

// apart makes sure that the fault is one.
func (p *place) apart(t *testing.T) {
	t.Helper()
	v, err := p.view()
	must(t, err)
	if len(v.behind(v.heads())) == 0 {
		t.Error("all are in step in spite of the fault")
	}
}

// busy says whether each node has flows to tell of.
func (p *place) busy() error {
	v, err := p.view()
	if err != nil {
		return err
	}
	for _, n := range p.nodes {
		self := v[n.name][n.name]
		if s := self.stream("state"); s.Records < recordsLeast {
			return fmt.Errorf("%s has %d records of state", n.name, s.Records)
		}
	}
	return nil
}

// fault begins something, and gives what ends it.
type fault struct {
	name  string
	lasts time.Duration
	parts bool // some do not hear of what others do while it lasts
	begin func(*testing.T, *place) (heal func())
}

var faults = []fault{
	{"loss, delay and reordering", faultLasts, false, func(_ *testing.T, p *place) func() {
		bad := relay.Shape{Rate: 60e6, Delay: 5 * time.Millisecond, Jitter: 20 * time.Millisecond, Loss: 0.02, Resend: 200 * time.Millisecond}
		p.shape("", bad, bad)
		return p.whole
	}},
	{"a corrupted byte now and then", faultLasts, false, func(_ *testing.T, p *place) func() {
		bad := relay.Shape{Corrupt: 0.002}
		p.shape("", bad, bad)
		return p.whole
	}},
	{"connections that are cut again and again", faultLasts, false, func(_ *testing.T, p *place) func() {
		end := time.After(faultLasts)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			for every := time.NewTicker(300 * time.Millisecond); ; {
				select {
				case <-every.C:
					p.cut("")
				case <-end:
					every.Stop()
					return
				}
			}
		}()
		return func() { <-ended }
	}},
	{"a node apart", faultLasts, true, partition(names[2], true, true)},
	{"a node that is not heard", faultLasts, true, partition(names[0], false, true)},
	{"a node that does not hear", faultLasts, true, partition(names[1], true, false)},
	{"two nodes that do not reach each other", faultLasts, true, func(_ *testing.T, p *place) func() {
		p.links[0].Shape(relay.Shape{Stop: true}, relay.Shape{Stop: true})
		p.links[0].Refuse(true)
		p.links[0].Cut()
		return func() {
			p.links[0].Refuse(false)
			p.whole()
		}
	}},
	{"packets that nftables drops for long", longFault, true, func(t *testing.T, p *place) func() {
		n := p.nodes[1]
		n.ns.run(t, "nft add table inet fault; nft 'add chain inet fault in { type filter hook input priority 0; }'; nft add rule inet fault in iifname peers drop")
		return func() { n.ns.run(t, "nft delete table inet fault") }
	}},
	{"packets in a token bucket of 2 Mbit/s", faultLasts, false, func(t *testing.T, p *place) func() {
		every := "for i in " + strings.Join(names, " ") + "; do tc qdisc "
		p.hub.run(t, every+"add dev $i root tbf rate 2mbit burst 16kb latency 50ms; done")
		return func() { p.hub.run(t, every+"del dev $i root; done") }
	}},
	{"a daemon that is killed", faultLasts, false, func(t *testing.T, p *place) func() {
		n := p.nodes[2]
		must(t, n.daemon.signal(syscall.SIGKILL))
		<-n.daemon.ended
		return n.startDaemon
	}},
}

// whole ends all that relays do.
func (p *place) whole() { p.shape("", relay.Shape{}, relay.Shape{}) }

// partition keeps a node apart: it hears nothing, nothing is heard of it, or both. Connections stand, as they do when a
// cable is pulled somewhere on the way.
func partition(name string, deaf, mute bool) func(*testing.T, *place) func() {
	return func(_ *testing.T, p *place) func() {
		p.shape(name, relay.Shape{Stop: deaf}, relay.Shape{Stop: mute})
		return p.whole
	}
}

// strangers are connections without TLS, and with the certificate of another cluster.
func strangers(t *testing.T, p *place) {
	target := p.nodes[1]
	address := nodeIP(1) + ":" + peerPort
	ctx, cancel := context.WithTimeout(t.Context(), askLimit)
	defer cancel()
	foreign, err := pki.Init(filepath.Join(p.dir, "foreign"), "three", names[0], time.Now)
	must(t, err)
	for name, come := range map[string]func(net.Conn) error{
		"plain": func(c net.Conn) error {
			if _, err := c.Write([]byte("GET / HTTP/1.1\r\nHost: peer\r\n\r\n")); err != nil {
				return err
			}
			_, err := c.Read(make([]byte, 1))
			return err
		},
		"foreign": func(c net.Conn) error {
			o := foreign.Client(target.name, pki.PeerProtocol)
			o.InsecureSkipVerify, o.VerifyConnection, o.VerifyPeerCertificate = true, nil, nil // it does not care whom it talks to
			tc := tls.Client(c, o)
			if err := tc.HandshakeContext(ctx); err != nil {
				return err
			}
			_, err := tc.Read(make([]byte, 1))
			return err
		},
	} {
		before := target.refused(t)
		c, err := p.hub.dial(address)(ctx)
		must(t, err)
		must(t, c.SetDeadline(time.Now().Add(askLimit)))
		var late net.Error
		if err := come(c); err == nil || errors.As(err, &late) && late.Timeout() {
			t.Errorf("%s: not refused: %v", name, err)
		}
		c.Close()
		must(t, waitFor(askLimit, func() error {
			if n := target.refused(t); n <= before {
				return fmt.Errorf("%s: the refusal is not recorded", name)
			}
			return nil
		}))
	}
}

// refused are the refusals that are in the node's log of events.
func (n *node) refused(t *testing.T) int {
	t.Helper()
	var list struct {
		Items []struct {
			Text string `json:"text"`
		} `json:"items"`
	}
	must(t, n.get("events?type=peer.refused", &list))
	return len(list.Items)
}

// capture is what went over the wire to one node.
type capture struct {
	p    *place
	cmd  *exec.Cmd
	file string
}

// watch writes down all packets on the link of a node, and cuts its connections so that handshakes are among them.
func (p *place) watch() *capture {
	p.t.Helper()
	w := &capture{p: p, file: filepath.Join(p.dir, "link.pcap")}
	w.cmd = exec.Command("ip", "netns", "exec", string(p.hub), "tcpdump", "-i", names[1], "-w", w.file, "-U", "--immediate-mode", "tcp")
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	must(p.t, w.cmd.Start())
	must(p.t, waitFor(startLimit, func() error {
		s, err := os.Stat(w.file)
		if err == nil && s.Size() < 24 {
			err = errors.New("tcpdump has not begun")
		}
		return err
	}))
	p.cut("")
	return w
}

// onlyTLS13 ends it and looks at what there is: each connection begins with a handshake of TLS 1.3 and has nothing else
// after it but its records, and no name of a port is readable anywhere.
func (w *capture) onlyTLS13(t *testing.T) {
	t.Helper()
	must(t, w.cmd.Process.Signal(syscall.SIGTERM))
	_ = w.cmd.Wait() // it says how many packets there were
	shark := func(filter string, fields ...string) []string {
		argv := []string{"-r", w.file, "-o", "tls.desegment_ssl_records:TRUE", "-d", "tcp.port==" + peerPort + ",tls"}
		for k := range names {
			argv = append(argv, "-d", "tcp.port=="+relayPort(k)+",tls")
		}
		argv = append(argv, "-Y", filter, "-T", "fields")
		for _, f := range fields {
			argv = append(argv, "-e", f)
		}
		out, err := exec.Command("tshark", argv...).Output()
		must(t, err)
		return strings.Fields(string(out))
	}
	hellos := shark("tls.handshake.type == 2", "tls.handshake.extensions.supported_version")
	if len(hellos) == 0 {
		t.Error("no handshake was seen")
	}
	for _, version := range hellos {
		if version != "0x0304" {
			t.Errorf("a handshake of version %s", version)
		}
	}
	if other := shark("tls.record.version && !(tls.record.version == 0x0303 || tls.record.version == 0x0301)", "frame.number"); len(other) > 0 {
		t.Errorf("records of other versions in packets %v", other)
	}
	// Of a connection whose beginning was seen, tshark knows every byte that is not a record.
	if other := shark("tcp.len > 0 && data", "frame.number"); len(other) > 0 {
		t.Errorf("something else than TLS in packets %v", other)
	}
	b, err := os.ReadFile(w.file)
	must(t, err)
	for _, secret := range []string{"\x20\x00\x02\xfc\x01\x00\x00\x01", "\x01\x00\x00\x01\xfc\x02\x00\x20"} {
		if strings.Contains(string(b), secret) {
			t.Errorf("%q is readable on the wire", secret)
		}
	}
	t.Logf("%d handshakes, %d bytes of packets, all TLS 1.3", len(hellos), len(b))
}
