package peers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"fcredirect/mgmt/bench/relay"
)

// The hub's and the node's end of link n have these addresses; a node is reached at peerPort.
const peerPort = "8444"

func hubIP(n int) string  { return fmt.Sprintf("10.77.%d.1", n+1) }
func nodeIP(n int) string { return fmt.Sprintf("10.77.%d.2", n+1) }

// namespace is a private network namespace.
type namespace string

// in runs f on a thread in the namespace; sockets that it opens belong there. The thread comes back afterwards: were it to
// end, the kernel would end the programs that it once started (Pdeathsig is about threads).
func (ns namespace) in(f func() error) error {
	runtime.LockOSThread()
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return err
	}
	defer home.Close()
	there, err := os.Open("/run/netns/" + string(ns))
	if err == nil {
		defer there.Close()
		err = unix.Setns(int(there.Fd()), unix.CLONE_NEWNET)
	}
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter namespace %s: %w", ns, err)
	}
	err = f()
	if e := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); e != nil { // nothing else may run on this thread
		return errors.Join(err, e)
	}
	runtime.UnlockOSThread()
	return err
}

// run runs a command in it.
func (ns namespace) run(t *testing.T, script string) string {
	t.Helper()
	out, err := exec.Command("ip", "netns", "exec", string(ns), "sh", "-ec", script).CombinedOutput()
	if err != nil {
		t.Fatalf("in %s: %s: %v: %s", ns, script, err, out)
	}
	return string(out)
}

// listen opens the socket of a relay in it.
func (ns namespace) listen(address string) (l net.Listener, err error) {
	err = ns.in(func() (err error) {
		l, err = relay.Listen(address)
		return err
	})
	return l, err
}

// dial connects from it.
func (ns namespace) dial(address string) func(context.Context) (net.Conn, error) {
	return func(ctx context.Context) (c net.Conn, err error) {
		err = errors.Join(ns.in(func() (err error) {
			c, err = relay.To(address)(ctx)
			return err
		}))
		return c, err
	}
}

// link is the relay from a node that dials to another.
type link struct {
	from, to string
	*relay.Relay
}

// wire makes the hub and the namespaces of all nodes, with veths for fabrics and to the hub.
func (p *place) wire() {
	t := p.t
	t.Helper()
	p.hub = p.namespace("hub")
	for i, name := range names {
		ns := p.namespace(name)
		script := `
			for pair in e0:h0 f0:t0; do
				ip link add "${pair%:*}" mtu 4000 type veth peer name "${pair#*:}" mtu 4000
			done
			for i in e0 h0 f0 t0; do
				ethtool -K $i tx off rx off gso off gro off tso off >/dev/null 2>&1 || true
				ip link set $i up promisc on
			done`
		ns.run(t, script)
		if out, err := exec.Command("ip", "-n", string(p.hub), "link", "add", name, "type", "veth", "peer", "name", "peers", "netns", string(ns)).CombinedOutput(); err != nil {
			t.Fatalf("veth of %s: %v: %s", name, err, out)
		}
		ns.run(t, fmt.Sprintf("ip addr add %s/24 dev peers; ip link set peers up", nodeIP(i)))
		p.hub.run(t, fmt.Sprintf("ip addr add %s/24 dev %s; ip link set %s up", hubIP(i), name, name))
		p.nodes = append(p.nodes, &node{p: p, name: name, ns: ns})
	}
	for i, from := range names {
		for k := i + 1; k < len(names); k++ { // the lower name dials
			l, err := p.hub.listen(net.JoinHostPort(hubIP(i), relayPort(k)))
			must(t, err)
			p.links = append(p.links, &link{from, names[k], relay.New(l, p.hub.dial(net.JoinHostPort(nodeIP(k), peerPort)), uint64(10*i+k))})
		}
	}
}

// relayPort is where the hub answers for node n.
func relayPort(n int) string { return fmt.Sprint(9000 + n) }

// namespace makes one, without IPv6 so that the kernel says nothing by itself.
func (p *place) namespace(name string) namespace {
	p.t.Helper()
	ns := namespace(fmt.Sprintf("fcrpeers%d-%s", os.Getpid(), name))
	if out, err := exec.Command("ip", "netns", "add", string(ns)).CombinedOutput(); err != nil {
		p.t.Fatalf("namespace %s: %v: %s", ns, err, out)
	}
	p.t.Cleanup(func() {
		if out, err := exec.Command("ip", "netns", "del", string(ns)).CombinedOutput(); err != nil {
			p.t.Errorf("remove namespace %s: %v: %s", ns, err, out)
		}
	})
	quiet := `for f in /proc/sys/net/ipv6/conf/*/disable_ipv6; do [ ! -w "$f" ] || echo 1 >"$f"; done; ip link set lo up`
	ns.run(p.t, quiet)
	return ns
}

// shape changes the links that touch a node, in both directions; all of them when the name is empty.
func (p *place) shape(name string, towards, back relay.Shape) {
	for _, l := range p.links {
		switch name {
		case l.to, "":
			l.Shape(towards, back)
		case l.from:
			l.Shape(back, towards)
		}
	}
}

// cut resets all connections of a node.
func (p *place) cut(name string) (n int) {
	for _, l := range p.links {
		if name == "" || strings.Contains(l.from+" "+l.to, name) {
			n += l.Cut()
		}
	}
	return n
}
