package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// packetPair opens the two ends of a veth pair in two new network namespaces.
func packetPair(t testing.TB) (a, b *Packet) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to make network namespaces")
	}
	ns := [2]string{fmt.Sprintf("fcrwire-a-%d", os.Getpid()), fmt.Sprintf("fcrwire-b-%d", os.Getpid())}
	ip := func(args string) {
		t.Helper()
		if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", args, err, out)
		}
	}
	for _, n := range ns {
		ip("netns add " + n)
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", n).Run() })
		ip("netns exec " + n + " sysctl -qw net.ipv6.conf.default.disable_ipv6=1")
	}
	ip("-n " + ns[0] + " link add wirea type veth peer name wireb netns " + ns[1])
	ip(fmt.Sprintf("-n %s link set wirea mtu %d up", ns[0], MinMTU))
	ip(fmt.Sprintf("-n %s link set wireb mtu %d up", ns[1], MinMTU))
	var err error
	if a, err = Open("wirea", ns[0]); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	if b, err = Open("wireb", ns[1]); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return a, b
}

// ethernet is a frame with a number in it.
func ethernet(size int, number uint32, tag ...byte) []byte {
	b := make([]byte, size)
	copy(b, []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2})
	copy(b[12:], append(tag, 0x89, 0x06))
	binary.BigEndian.PutUint32(b[size-4:], number)
	return b
}

// collect receives until n FCoE frames have come, or nothing for as long as it is told. The kernel
// sends some frames of its own when a link comes up.
func collect(t *testing.T, p *Packet, n int, wait time.Duration) [][]byte {
	t.Helper()
	var got [][]byte
	for len(got) < n {
		before := p.n.Received
		if err := p.Receive(wait, func(b []byte) {
			if bytes.Contains(b[12:18], []byte{0x89, 0x06}) {
				got = append(got, append([]byte(nil), b...))
			}
		}); err != nil {
			t.Fatal(err)
		}
		if p.n.Received == before {
			break
		}
	}
	return got
}

func TestFramesCrossUnchangedWithTheirTags(t *testing.T) {
	a, b := packetPair(t)
	frames := [][]byte{
		ethernet(60, 1),
		ethernet(2176, 2),
		ethernet(64, 3, 0x81, 0x00, 0x60, 0x64),              // priority 3, VLAN 100
		ethernet(2180, 4, 0x81, 0x00, 0x0f, 0xfe),            // VLAN 4094
		ethernet(64, 5, 0x81, 0x00, 0x60, 0x00),              // priority alone
		ethernet(68, 6, 0x88, 0xa8, 0, 10, 0x81, 0x00, 0, 9), // a tag inside a tag
	}
	for _, f := range frames {
		a.Send(f)
	}
	if err := a.Flush(); err != nil {
		t.Fatal(err)
	}
	got := collect(t, b, len(frames)-1, 20*time.Second) // the last has its EtherType elsewhere
	for i, f := range frames[:len(frames)-1] {
		if i >= len(got) || !bytes.Equal(got[i], f) {
			t.Errorf("frame %d did not come as it was sent", i+1)
		}
	}
	if n := a.Counters(); n.Sent != uint64(len(frames)) || n.SendDropped != 0 {
		t.Errorf("counters %+v", n)
	}
}

func TestOwnFramesDoNotComeBack(t *testing.T) {
	a, _ := packetPair(t)
	for i := range uint32(10) {
		a.Send(ethernet(64, i))
	}
	if err := a.Flush(); err != nil {
		t.Fatal(err)
	}
	if got := collect(t, a, 1, time.Second); len(got) != 0 {
		t.Errorf("%d of our own frames came back", len(got))
	}
}

func TestABurstLongerThanAnyQueueArrivesInOrder(t *testing.T) {
	a, b := packetPair(t)
	const total = 3 * queueFrames
	next := uint32(0)
	take := func(f []byte) {
		if !bytes.Equal(f[12:14], []byte{0x89, 0x06}) {
			return
		}
		if n := binary.BigEndian.Uint32(f[len(f)-4:]); n != next {
			t.Fatalf("frame %d after %d", n, next)
		}
		next++
	}
	for i := range uint32(total) {
		a.Send(ethernet(512, i))
		if a.Room() == 0 {
			if err := a.Flush(); err != nil {
				t.Fatal(err)
			}
			for before := next + 1; before != next; { // keep the receiver's ring from filling
				before = next
				if err := b.Receive(0, take); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if err := a.Flush(); err != nil {
		t.Fatal(err)
	}
	for next < total {
		before := next
		if err := b.Receive(time.Second, take); err != nil {
			t.Fatal(err)
		}
		if next == before {
			break
		}
	}
	if n := a.Counters(); uint64(next)+b.Counters().ReceiveDropped != n.Sent || n.SendDropped != 0 {
		t.Errorf("%d arrived, sent %+v, received %+v", next, n, b.Counters())
	}
}

func TestWhatIsTooLongIsCountedNotSent(t *testing.T) {
	a, _ := packetPair(t)
	a.Send(make([]byte, MaxFrame+1)) // longer than a slot
	a.Send(ethernet(MinMTU+50, 1))   // longer than the interface takes
	a.Send(ethernet(64, 2))
	if err := a.Flush(); err != nil {
		t.Fatal(err)
	}
	if n := a.Counters(); n.Sent != 1 || n.SendDropped != 2 || a.Queued() != 0 {
		t.Errorf("counters %+v, %d queued", n, a.Queued())
	}
}

func TestWakeEndsAPacketReceive(t *testing.T) {
	a, _ := packetPair(t)
	for receiveQuietly(t, a) { // what the kernel sends when the link comes up
	}
	woke := make(chan error, 1)
	go func() { woke <- a.Receive(-1, func([]byte) {}) }()
	a.Wake()
	select {
	case err := <-woke:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Receive goes on")
	}
}

func receiveQuietly(t *testing.T, p *Packet) (some bool) {
	t.Helper()
	if err := p.Receive(50*time.Millisecond, func([]byte) { some = true }); err != nil {
		t.Fatal(err)
	}
	return some
}
