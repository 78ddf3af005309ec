package dpdktest_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/dpdk/dpdktest"
)

// That a Run does what DPDK does is tested in package dpdk, side by side with DPDK. Here is what only
// the fake does.

func newNICs(t *testing.T) *dpdktest.NICs {
	t.Helper()
	nics, err := dpdktest.New(8)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := nics.Close(); err != nil {
			t.Error(err)
		}
	})
	c := nics.Cycle()
	c.NTx = 2
	c.Tx[1].Port = 1
	return nics
}

func put(t *dpdk.Tx, m *dpdk.Mbuf) {
	t.Mbuf[t.N] = m
	t.N++
}

func free(c *dpdk.Cycle, m *dpdk.Mbuf) {
	c.Free[c.NFree] = m
	c.NFree++
}

func TestMisusedMbufsPanic(t *testing.T) {
	other := func() *dpdk.Mbuf {
		nics, err := dpdktest.New(1)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = nics.Close() })
		return nics.Mbuf([]byte("foreign"))
	}()
	tests := []struct {
		name   string
		misuse func(n *dpdktest.NICs, c *dpdk.Cycle, m *dpdk.Mbuf)
		want   string
	}{
		{"freed twice", func(_ *dpdktest.NICs, c *dpdk.Cycle, m *dpdk.Mbuf) { free(c, m); free(c, m) }, "free list: mbuf 0 belongs to nobody"},
		{"sent twice", func(_ *dpdktest.NICs, c *dpdk.Cycle, m *dpdk.Mbuf) { put(&c.Tx[0], m); put(&c.Tx[1], m) }, "transmit queue 0 of port 1: mbuf 0 belongs to nobody"},
		{"sent and freed", func(_ *dpdktest.NICs, c *dpdk.Cycle, m *dpdk.Mbuf) { put(&c.Tx[0], m); free(c, m) }, "free list: mbuf 0 belongs to nobody"},
		{"mirrored after it was freed", func(n *dpdktest.NICs, c *dpdk.Cycle, m *dpdk.Mbuf) {
			free(c, m)
			n.Run()
			c.Clone[0].Mbuf, c.NClone = m, 1
		}, "clone: mbuf 0 belongs to nobody"},
		{"of another pool", func(_ *dpdktest.NICs, c *dpdk.Cycle, _ *dpdk.Mbuf) { free(c, other) }, "is not an mbuf"},
		{"nil", func(_ *dpdktest.NICs, c *dpdk.Cycle, _ *dpdk.Mbuf) { put(&c.Tx[0], nil) }, "is not an mbuf"},
		{"more than fit", func(_ *dpdktest.NICs, c *dpdk.Cycle, _ *dpdk.Mbuf) { c.NFree = dpdk.FreeMax + 1 }, "257 frames to free"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			n := newNICs(t)
			c := n.Cycle()
			test.misuse(n, c, n.Mbuf([]byte("frame")))
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, test.want) {
					t.Errorf("panic %q, want %q in it", got, test.want)
				}
				c.NFree, c.Tx[0].N, c.Tx[1].N = 0, 0, 0
			}()
			n.Run()
		})
	}
}

func TestAFreedFrameIsOverwritten(t *testing.T) {
	n := newNICs(t)
	m := n.Mbuf([]byte("secret"))
	stale := m.Bytes()
	free(n.Cycle(), m)
	n.Run()
	if !bytes.Equal(stale, bytes.Repeat([]byte{0xdb}, 6)) || n.InUse() != 0 {
		t.Errorf("frame %q, %d mbufs in use", stale, n.InUse())
	}
}

func TestARanOutPoolLeavesFramesWaiting(t *testing.T) {
	n := newNICs(t)
	c := n.Cycle()
	for i := range 10 {
		n.Offer(3, 0, []byte{byte(i)})
	}
	c.RxPort = 3
	n.Run()
	if c.RxN != 8 || n.Waiting(3, 0) != 2 || n.Mbuf(nil) != nil {
		t.Errorf("received %d, %d wait", c.RxN, n.Waiting(3, 0))
	}
}

func TestLimitsAndTimeStamps(t *testing.T) {
	n := newNICs(t)
	c := n.Cycle()
	n.Limit(0, 0, 1)
	put(&c.Tx[0], n.Mbuf([]byte("a")))
	put(&c.Tx[0], n.Mbuf([]byte("b")))
	n.Run()
	if got := n.Sent(0, 0); len(got) != 1 || string(got[0]) != "a" || c.Tx[0].N != 1 {
		t.Errorf("sent %q, %d remain", got, c.Tx[0].N)
	}
	n.Limit(0, 0, -1)
	n.Run()
	if got := n.Sent(0, 0); len(got) != 1 || string(got[0]) != "b" {
		t.Errorf("sent %q", got)
	}
	if c.TSCTx != 3*dpdktest.TicksPerRun || c.TSCRx != 4*dpdktest.TicksPerRun {
		t.Errorf("time stamps %d and %d", c.TSCTx, c.TSCRx)
	}
}

func TestFramesThatDoNotFit(t *testing.T) {
	n := newNICs(t)
	if m := n.Mbuf(make([]byte, dpdktest.FrameMax)); m == nil {
		t.Error("a frame of the longest kind does not fit")
	}
	if m := n.Mbuf(make([]byte, dpdktest.FrameMax+1)); m != nil {
		t.Error("a longer frame fits")
	}
	defer func() {
		if recover() == nil {
			t.Error("a longer frame can be offered")
		}
	}()
	n.Offer(0, 0, make([]byte, dpdktest.FrameMax+1))
}
