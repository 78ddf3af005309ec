package dpdk_test

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"fcredirect/dataplane/dpdk"
)

// What the README reports. On a shared machine compare only what alternates (run the test binary
// several times), by medians, and by the time of the thread, which leaves out that of its neighbours.

// benchLcore runs f as an lcore would, registered with DPDK or not, and reports what a frame cost.
func benchLcore(b *testing.B, registered bool, c *dpdk.Cycle, f func()) {
	onThread(func() {
		start := threadTime(b)
		defer func() {
			c.RxPort = dpdk.NoPort
			c.Run()
			b.ReportMetric(float64(threadTime(b)-start)/float64(c.Tx[0].Sent), "ns/frame")
		}()
		if registered {
			if err := dpdk.RegisterThread(); err != nil {
				b.Error(err)
				return
			}
			defer dpdk.UnregisterThread()
		}
		f()
	})
}

func threadTime(b *testing.B) int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now); err != nil {
		b.Fatal(err)
	}
	return now.Nano()
}

func benchPool(b *testing.B, cache int) *dpdk.Mempool {
	pool, err := dpdk.NewMempool(unique("pool"), 16383, cache, 4096+dpdk.Headroom, dpdk.AnySocket)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := pool.Close(); err != nil {
			b.Error(err)
		}
	})
	return pool
}

// benchSource is a capture that is received for ever, benchSink takes everything.
func benchSource(b *testing.B, pool *dpdk.Mempool, size int) *dpdk.Port {
	var frames [][]byte
	for i := range 1024 {
		frames = append(frames, frame(i, size))
	}
	port, err := dpdk.Open(unique("net_pcap")+",infinite_rx=1,rx_pcap="+writeCapture(b, frames), dpdk.PortConfig{Mempool: pool})
	return started(b, port, err)
}

func benchSink(b *testing.B, pool *dpdk.Mempool) *dpdk.Port {
	port, err := dpdk.Open(unique("net_null")+",no-rx=1", dpdk.PortConfig{Mempool: pool})
	return started(b, port, err)
}

func BenchmarkCrossingThatReadsTheClock(b *testing.B) {
	for b.Loop() {
		dpdk.TSC()
	}
}

func BenchmarkRunWithNothingToDo(b *testing.B) {
	c := newCycle(b, nil)
	for b.Loop() {
		c.Run()
	}
}

// BenchmarkPcapToNull moves every frame of a capture to a sink; ns/frame is the figure.
func BenchmarkPcapToNull(b *testing.B) {
	for _, cache := range []int{0, 512} {
		for _, registered := range []bool{false, true} {
			for _, burst := range []int{32, 64} {
				b.Run(fmt.Sprintf("cache-%d/registered-%v/burst-%d", cache, registered, burst), func(b *testing.B) {
					pool := benchPool(b, cache)
					c := newCycle(b, pool)
					c.RxPort, c.RxBurst = benchSource(b, pool, 64).ID(), uint16(burst)
					c.NTx = 1
					c.Tx[0].Port = benchSink(b, pool).ID()
					benchLcore(b, registered, c, func() {
						for b.Loop() {
							c.Run()
							moveAll(c, 0)
						}
					})
				})
			}
		}
	}
}

// BenchmarkMirror does the same with a copy of every frame sent too.
func BenchmarkMirror(b *testing.B) {
	for _, size := range []int{64, 128, 256, 512, 1024, 2172} {
		for _, how := range []struct {
			name    string
			copyMax uint32
			clone   bool
		}{{"none", 0, false}, {"copied", 4096, true}, {"shared", 0, true}} {
			b.Run(fmt.Sprintf("bytes-%d/%s", size, how.name), func(b *testing.B) {
				pool := benchPool(b, 512)
				c := newCycle(b, pool)
				c.RxPort, c.RxBurst, c.CloneCopyMax = benchSource(b, pool, size).ID(), 32, how.copyMax
				c.NTx = 2
				c.Tx[0].Port, c.Tx[1].Port = benchSink(b, pool).ID(), benchSink(b, pool).ID()
				benchLcore(b, true, c, func() {
					for b.Loop() {
						c.Run()
						if how.clone {
							for i, m := range c.Rx[:c.RxN] {
								c.Clone[i].Mbuf, c.Clone[i].Tx = m, 1
							}
							c.NClone = c.RxN
						}
						moveAll(c, 0)
					}
				})
			})
		}
	}
}
