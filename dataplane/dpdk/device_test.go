package dpdk_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fcredirect/dataplane/dpdk"
)

// writeCapture writes a pcap file of the given frames, a microsecond apart.
func writeCapture(t testing.TB, frames [][]byte) string {
	t.Helper()
	le := binary.LittleEndian
	b := le.AppendUint32(nil, 0xa1b2c3d4)
	b = le.AppendUint16(b, 2)
	b = le.AppendUint16(b, 4)
	for _, v := range []uint32{0, 0, 65535, 1} { // zone, accuracy, snap length, Ethernet
		b = le.AppendUint32(b, v)
	}
	for i, f := range frames {
		for _, v := range []uint32{0, uint32(i), uint32(len(f)), uint32(len(f))} {
			b = le.AppendUint32(b, v)
		}
		b = append(b, f...)
	}
	path := filepath.Join(t.TempDir(), "in.pcap")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPcapPortReadsACapture(t *testing.T) {
	var frames [][]byte
	var all []int
	for i := range 100 {
		frames = append(frames, frame(i, 2172))
		all = append(all, i)
	}
	pool := newPool(t, 255)
	w := newWire(t, pool, 128)
	port, err := dpdk.Open(unique("net_pcap")+",rx_pcap="+writeCapture(t, frames), dpdk.PortConfig{Mempool: pool, MTU: 2500})
	port = started(t, port, err)
	c := newCycle(t, pool)
	c.NTx = 1
	c.Tx[0].Port, c.RxPort = w.port.ID(), port.ID()
	for {
		c.Run()
		if c.RxN == 0 {
			break
		}
		moveAll(c, 0)
	}
	wantFrames(t, w.sent(), 2172, all...)
	if stats, err := port.Stats(); err != nil || stats.RxFrames != 100 || stats.RxBytes != 217200 {
		t.Errorf("%+v, %v, want 100 frames of 2172", stats, err)
	}
}

// link is a veth pair in a network namespace of its own.
type link struct{ ours, peer *net.Interface }

// newLink makes the pair and moves this test's thread into its namespace, until the test ends.
func newLink(t *testing.T, mtu int) link {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can make a network namespace")
	}
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	home, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Should it fail, the thread must not go back to Go's pool: better no thread at all.
		if err := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); err != nil {
			t.Errorf("setns: %v", err)
			runtime.LockOSThread()
		}
		_ = home.Close()
	})
	// The namespace has no name: it lives as long as this thread is in it, so nothing is left behind.
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatalf("unshare: %v", err)
	}
	ip := func(args string) {
		t.Helper()
		if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", args, err, out)
		}
	}
	ip(fmt.Sprintf("link add e0 mtu %d type veth peer name e1 mtu %d", mtu, mtu))
	for _, name := range []string{"e0", "e1"} {
		if err := os.WriteFile("/proc/sys/net/ipv6/conf/"+name+"/disable_ipv6", []byte("1"), 0); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Logf("IPv6 stays on: %v", err)
		}
		ip("link set dev " + name + " up")
	}
	ours, err := net.InterfaceByName("e0")
	if err != nil {
		t.Fatal(err)
	}
	peer, err := net.InterfaceByName("e1")
	if err != nil {
		t.Fatal(err)
	}
	return link{ours, peer}
}

// rawSocket is the peer's end of a link, in the current namespace. A receive gives up after 5 s.
func rawSocket(t *testing.T, i *net.Interface) int {
	t.Helper()
	all := int(bits.ReverseBytes16(unix.ETH_P_ALL)) // network order; DPDK's machines here are little-endian
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, all)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: uint16(all), Ifindex: i.Index}); err != nil {
		t.Fatal(err)
	}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 5}); err != nil {
		t.Fatal(err)
	}
	return fd
}

// fcoe is a frame of n bytes with the EtherType of FCoE, so that tests know theirs among others.
func fcoe(tag, n int) []byte {
	f := frame(tag, n)
	copy(f, []byte{0x0e, 0xfd, 0, 0, 0, 1, 0x0e, 0xfd, 0, 0, 0, 2, 0x89, 0x06})
	return f
}

func isFCoE(f []byte) bool { return len(f) > 13 && f[12] == 0x89 && f[13] == 0x06 }

func TestAFPacketPortCarriesFullFCoEFramesBothWays(t *testing.T) {
	l := newLink(t, 2500)
	pool := newPool(t, 4095)
	port, err := dpdk.Open(unique("net_af_packet")+",iface=e0", dpdk.PortConfig{Mempool: pool, MTU: 2500, Promiscuous: true})
	port = started(t, port, err)
	if w := port.Warnings(); len(w) != 0 || port.MTU() != 2500 {
		t.Errorf("MTU %d, warnings %v", port.MTU(), w)
	}
	if mac, err := port.MAC(); err != nil || !bytes.Equal(mac, l.ours.HardwareAddr) {
		t.Errorf("address %v, %v, want %v", mac, err, l.ours.HardwareAddr)
	}
	fd := rawSocket(t, l.peer)
	c := newCycle(t, pool)
	c.NTx = 1
	c.Tx[0].Port, c.RxPort = port.ID(), port.ID()

	// In: what the peer sends is received bit for bit.
	sizes := []int{60, 64, 1514, 2172, 2180}
	for i, size := range sizes {
		if _, err := unix.Write(fd, fcoe(i, size)); err != nil {
			t.Fatal(err)
		}
	}
	deadline := time.Now().Add(5 * time.Second)
	for next := 0; next < len(sizes); {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d frames arrived in 5 s", next, len(sizes))
		}
		c.Run()
		for _, m := range c.Rx[:c.RxN] {
			if isFCoE(m.Bytes()) {
				if !bytes.Equal(m.Bytes(), fcoe(next, sizes[next])) {
					t.Errorf("frame %d arrived as %d bytes, sent as %d", next, m.Len(), sizes[next])
				}
				next++
			}
			c.Free[c.NFree] = m
			c.NFree++
		}
	}

	// Out: what we send arrives at the peer bit for bit.
	for i, size := range sizes {
		c.Tx[0].Mbuf[i] = pool.Mbuf(fcoe(100+i, size))
	}
	c.Tx[0].N, c.RxPort = uint16(len(sizes)), dpdk.NoPort
	c.Run()
	if c.Tx[0].N != 0 {
		t.Fatalf("%d frames were not taken", c.Tx[0].N)
	}
	buf := make([]byte, 4096)
	for next := 0; next < len(sizes); {
		n, err := unix.Read(fd, buf)
		if err != nil {
			t.Fatalf("%d of %d frames arrived: %v", next, len(sizes), err)
		}
		if !isFCoE(buf[:n]) {
			continue
		}
		if !bytes.Equal(buf[:n], fcoe(100+next, sizes[next])) {
			t.Fatalf("frame %d arrived as %d bytes, sent as %d", next, n, sizes[next])
		}
		next++
	}
}

func TestAnAFPacketPortHasNoLinkWhileItsInterfaceHasNone(t *testing.T) {
	newLink(t, 2500)
	port, err := dpdk.Open(unique("net_af_packet")+",iface=e0", dpdk.PortConfig{Mempool: newPool(t, 4095), MTU: 2500})
	port = started(t, port, err)
	want := func(up bool, why string) {
		t.Helper()
		link, err := port.Link()
		for end := time.Now().Add(5 * time.Second); err == nil && link.Up != up && time.Now().Before(end); link, err = port.Link() {
			time.Sleep(time.Millisecond) // the kernel tells it a little later
		}
		if err != nil || link.Up != up {
			t.Errorf("%s: link %+v, %v", why, link, err)
		}
	}
	ip := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %v: %v: %s", args, err, out)
		}
	}
	want(true, "both ends are up")
	ip("link", "set", "dev", "e1", "down")
	want(false, "the other end is down")
	ip("link", "set", "dev", "e1", "up")
	want(true, "the other end is back")
	ip("link", "del", "dev", "e0")
	want(false, "the interface is gone")
}

func TestAnMbufTooSmallForTheDriverIsAnError(t *testing.T) {
	newLink(t, 2500)
	pool, err := dpdk.NewMempool(unique("small"), 63, 0, 2048+dpdk.Headroom, dpdk.AnySocket)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	name := unique("net_af_packet")
	port, err := dpdk.Open(name+",iface=e0", dpdk.PortConfig{Mempool: pool})
	if err == nil {
		t.Fatal("opened", port.Close())
	}
	if !strings.HasPrefix(err.Error(), "rte_eth_rx_queue_setup "+name+": ") || !strings.Contains(err.Error(), "will not fit in mbuf (2048 bytes)") {
		t.Errorf("error %q", err)
	}
}

func TestWhatADeviceCannotDoIsAWarning(t *testing.T) {
	newLink(t, 1500)
	pool := newPool(t, 4095)
	name := unique("net_af_packet")
	port, err := dpdk.Open(name+",iface=e0", dpdk.PortConfig{Mempool: pool, MTU: 2500, Promiscuous: true, AllMulticast: true})
	port = started(t, port, err)
	want := []struct {
		errno      syscall.Errno
		text, hint string
	}{
		{syscall.EMSGSIZE, "rte_eth_dev_set_mtu " + name + ": message too long (interface e0 has MTU 1500)", "ip link set dev e0 mtu 2500"},
		{syscall.ENOTSUP, "rte_eth_allmulticast_enable " + name + ": operation not supported", ""},
	}
	warnings := port.Warnings()
	if len(warnings) != len(want) {
		t.Fatalf("warnings %v, want %d", warnings, len(want))
	}
	for i, w := range warnings {
		if !errors.Is(w, want[i].errno) || !strings.HasPrefix(w.Error(), want[i].text) || !strings.Contains(w.Error(), want[i].hint) {
			t.Errorf("warning %q, want %q with %q", w, want[i].text, want[i].hint)
		}
	}
	if port.MTU() != 1500 {
		t.Errorf("MTU %d, want that of the interface", port.MTU())
	}
}
