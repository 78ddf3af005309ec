package dpdk_test

import (
	"fmt"
	"os"
	"testing"

	"fcredirect/dataplane/dpdk"
)

// childArgs in the environment makes the test binary a process that only starts EAL; see
// eal_test.go. EAL starts once per process, so each other way to start it needs another process.
const childArgs = "FCR_DPDK_TEST_EAL_ARGS"

func TestMain(m *testing.M) {
	if args, ok := os.LookupEnv(childArgs); ok {
		os.Exit(childMain(args))
	}
	err := dpdk.Init([]string{
		"--no-huge", "--no-pci", "--no-shconf", fmt.Sprintf("--file-prefix=fcr-test-%d", os.Getpid()), "-m", "512",
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	if err := dpdk.Cleanup(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

var serial int

// unique makes a name that no other test of this process uses.
func unique(what string) string {
	serial++
	return fmt.Sprintf("%s%d", what, serial)
}

// newPool makes a mempool that must have all its mbufs back when the test ends. Cleanups run last
// in, first out: what uses the pool is made after it.
func newPool(t testing.TB, mbufs int) *dpdk.Mempool {
	t.Helper()
	pool, err := dpdk.NewMempool(unique("pool"), mbufs, 0, 4096+dpdk.Headroom, dpdk.AnySocket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if n := pool.InUse(); n != 0 {
			t.Errorf("mempool %s: %d mbufs leaked", pool.Name(), n)
			return
		}
		if err := pool.Close(); err != nil {
			t.Error(err)
		}
	})
	return pool
}

func newRing(t testing.TB, size int, pool *dpdk.Mempool) *dpdk.Ring {
	t.Helper()
	ring, err := dpdk.NewRing(unique("ring"), size, pool, dpdk.AnySocket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ring.Close(); err != nil {
			t.Error(err)
		}
	})
	return ring
}

func started(t testing.TB, port *dpdk.Port, err error) *dpdk.Port {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := port.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := port.Start(); err != nil {
		t.Fatal(err)
	}
	return port
}

// wire is a started port with its other end: in feeds it, out takes what it sent.
type wire struct {
	port    *dpdk.Port
	in, out *dpdk.Ring
}

// newWire makes a wire that holds at most depth-1 frames each way.
func newWire(t testing.TB, pool *dpdk.Mempool, depth int) wire {
	t.Helper()
	w := wire{in: newRing(t, depth, pool), out: newRing(t, depth, pool)}
	port, err := dpdk.OpenRingPort(unique("wire"), []*dpdk.Ring{w.in}, []*dpdk.Ring{w.out}, dpdk.PortConfig{Mempool: pool})
	w.port = started(t, port, err)
	return w
}

// sent takes all frames that left through the wire.
func (w wire) sent() [][]byte {
	var frames [][]byte
	buf := make([]byte, dpdk.FrameMax)
	for {
		n, ok := w.out.Dequeue(buf)
		if !ok {
			return frames
		}
		frames = append(frames, append([]byte(nil), buf[:n]...))
	}
}

func newCycle(t testing.TB, pool *dpdk.Mempool) *dpdk.Cycle {
	t.Helper()
	c, err := dpdk.NewCycle(pool)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// frame is n bytes that differ from those of any other tag.
func frame(tag, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(tag*31 + i*7)
	}
	copy(b, fmt.Sprintf("frame %6d", tag))
	return b
}
