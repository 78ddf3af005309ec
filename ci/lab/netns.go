package lab

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

// namespacePrefix begins the name of every namespace of ours; the pid of the run follows, so that what a killed run has
// left behind can be told from what a running one still needs.
const namespacePrefix = "fcrlab-"

// namespace is one private network namespace. Removing it removes every tap, veth and bridge in it.
type namespace struct{ name string }

// newNamespace makes an empty namespace for the named scenario and removes those of dead runs.
func newNamespace(ctx context.Context, scenario string) (*namespace, error) {
	if err := removeStale(ctx); err != nil {
		return nil, err
	}
	ns := &namespace{name: fmt.Sprintf("%s%d-%s", namespacePrefix, os.Getpid(), scenario)}
	if _, err := command(ctx, "", "ip", "netns", "add", ns.name); err != nil {
		return nil, fmt.Errorf("%w (the lab needs root)", err)
	}
	// The kernel would greet the guests on every link with router solicitations. A kernel without IPv6 has no such files.
	quiet := `for f in /proc/sys/net/ipv6/conf/*/disable_ipv6; do [ ! -w "$f" ] || echo 1 >"$f"; done`
	if _, err := command(ctx, "", "ip", "netns", "exec", ns.name, "sh", "-c", quiet); err != nil {
		ns.remove()
		return nil, err
	}
	return ns, nil
}

// remove takes no context: it must also work when the scenario's time is up.
func (ns *namespace) remove() error {
	_, err := command(context.Background(), "", "ip", "netns", "del", ns.name)
	return err
}

// removeStale removes the namespaces of runs whose process is gone.
func removeStale(ctx context.Context) error {
	out, err := command(ctx, "", "ip", "netns", "list")
	if err != nil {
		return err
	}
	for _, name := range staleNamespaces(string(out), func(pid int) bool { return syscall.Kill(pid, 0) != syscall.ESRCH }) {
		if _, err := command(ctx, "", "ip", "netns", "del", name); err != nil {
			return err
		}
	}
	return nil
}

// staleNamespaces picks from the output of "ip netns list" the namespaces of ours whose run is no longer alive.
func staleNamespaces(list string, alive func(pid int) bool) []string {
	var stale []string
	for line := range strings.Lines(list) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest, ours := strings.CutPrefix(name, namespacePrefix)
		number, _, _ := strings.Cut(rest, "-")
		if pid, err := strconv.Atoi(number); ours && err == nil && !alive(pid) {
			stale = append(stale, name)
		}
	}
	return stale
}

// links collects "ip" commands, so that a whole topology costs one call, and the interfaces they make.
type links struct {
	script strings.Builder
	names  []string
}

func (l *links) do(format string, args ...any) { fmt.Fprintf(&l.script, format+"\n", args...) }

// tap adds a tap for a guest.
func (l *links) tap(name string) {
	l.do("tuntap add dev %s mode tap", name)
	l.up(name)
}

// veth adds a pair of virtual Ethernet ends.
func (l *links) veth(a, b string) {
	l.do("link add %s type veth peer name %s", a, b)
	l.up(a)
	l.up(b)
}

// bridge adds a switch with the given members. It floods what it has not learnt and does not snoop on multicasts: FIP's
// group addresses must reach everybody.
func (l *links) bridge(name string, members ...string) {
	l.do("link add %s type bridge forward_delay 0 stp_state 0 mcast_snooping 0", name)
	for _, m := range members {
		l.do("link set %s master %s", m, name)
	}
	l.up(name)
}

func (l *links) up(name string) {
	l.do("link set %s mtu %d txqueuelen %d up", name, linkMTU, linkQueueFrames)
	l.names = append(l.names, name)
}

// apply makes the links and switches off every offload that would let frames cross without their final form.
func (ns *namespace) apply(ctx context.Context, l *links) error {
	cmd := exec.CommandContext(ctx, "ip", "-n", ns.name, "-batch", "-")
	cmd.Stdin = strings.NewReader(l.script.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make links: %w: %s\n%s", err, bytes.TrimSpace(out), l.script.String())
	}
	for _, name := range l.names {
		_, err := command(ctx, "", "ip", "netns", "exec", ns.name, "ethtool", "-K", name,
			"tx", "off", "rx", "off", "sg", "off", "tso", "off", "gso", "off", "gro", "off", "txvlan", "off", "rxvlan", "off")
		if err != nil {
			return err
		}
	}
	return nil
}

// packetSockets counts, per interface index, the packet sockets bound in the namespace that process pid lives in.
func packetSockets(pid int) (map[int]int, error) {
	out, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/packet", pid))
	if err != nil {
		return nil, err
	}
	return parsePacketSockets(string(out)), nil
}

// parsePacketSockets reads /proc/net/packet: a heading, then one socket a line with the interface's index in column 5.
func parsePacketSockets(table string) map[int]int {
	bound := map[int]int{}
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		if index, err := strconv.Atoi(fields[4]); err == nil {
			bound[index]++
		}
	}
	return bound
}

// indexes looks up the numbers of all interfaces.
func (ns *namespace) indexes(ctx context.Context) (map[string]int, error) {
	out, err := command(ctx, "", "ip", "-n", ns.name, "-o", "link")
	if err != nil {
		return nil, err
	}
	return parseIndexes(string(out)), nil
}

// parseIndexes reads "7: veth0@veth1: <...": the part behind @ is the other end.
func parseIndexes(list string) map[string]int {
	found := map[string]int{}
	for line := range strings.Lines(list) {
		number, rest, _ := strings.Cut(line, ": ")
		name, _, _ := strings.Cut(rest, ":")
		name, _, _ = strings.Cut(name, "@")
		if index, err := strconv.Atoi(number); err == nil {
			found[name] = index
		}
	}
	return found
}
