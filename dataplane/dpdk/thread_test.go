package dpdk_test

import (
	"errors"
	"math"
	"runtime"
	"syscall"
	"testing"
	"time"

	"fcredirect/dataplane/dpdk"
)

// onThread runs f on a thread of its own, which ends with it.
func onThread(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		f()
	}()
	<-done
}

func TestThreadsRegisterAsLcores(t *testing.T) {
	onThread(func() {
		if err := dpdk.RegisterThread(); err != nil {
			t.Error(err)
			return
		}
		first := dpdk.LcoreID()
		if first < 1 {
			t.Errorf("registered as lcore %d; 0 is EAL's", first)
		}
		if err := dpdk.RegisterThread(); !errors.Is(err, syscall.EEXIST) {
			t.Errorf("registered twice: %v", err)
		}
		onThread(func() {
			if err := dpdk.RegisterThread(); err != nil {
				t.Error(err)
				return
			}
			defer dpdk.UnregisterThread()
			if second := dpdk.LcoreID(); second == first || second < 1 {
				t.Errorf("two threads are lcore %d", second)
			}
		})
		dpdk.UnregisterThread()
		if id := dpdk.LcoreID(); id != -1 {
			t.Errorf("still lcore %d after unregistering", id)
		}
	})
}

func TestMoreThreadsThanLcoresIsAnError(t *testing.T) {
	var registered int
	var last error
	stop := make(chan struct{})
	results := make(chan error)
	done := make(chan struct{})
	for last == nil && registered < 200 {
		go func() {
			runtime.LockOSThread()
			err := dpdk.RegisterThread()
			results <- err
			<-stop
			if err == nil {
				dpdk.UnregisterThread()
			}
			done <- struct{}{}
		}()
		if last = <-results; last == nil {
			registered++
		}
	}
	close(stop)
	for range registered + 1 {
		<-done
	}
	// 128 ids, of which EAL's main lcore has one.
	if registered != 127 || !errors.Is(last, syscall.ENOMEM) {
		t.Errorf("%d threads registered, then %v, want 127, then ENOMEM", registered, last)
	}
}

func TestMbufsInTheCacheOfAThreadThatWentAreNotLost(t *testing.T) {
	pool, err := dpdk.NewMempool(unique("pool"), 1023, 512, 2176, dpdk.AnySocket)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		onThread(func() {
			if err := dpdk.RegisterThread(); err != nil {
				t.Error(err)
				return
			}
			defer dpdk.UnregisterThread()
			m := pool.Mbuf(frame(1, 60))
			m.Release()
		})
	}
	if n := pool.InUse(); n != 0 {
		t.Errorf("%d mbufs in use", n)
	}
	if err := pool.Close(); err != nil {
		t.Error(err)
	}
}

func TestTimeStampCounter(t *testing.T) {
	first := dpdk.TSC()
	if second := dpdk.TSC(); second <= first {
		t.Errorf("%d, then %d", first, second)
	}
	if hz := dpdk.TSCHz(); hz < 100e6 || hz > 10e9 {
		t.Errorf("%d Hz", hz)
	}
}

// EAL's own rate is up to 5 MHz off.
func TestTheRateOfTheTimeStampCounterIsThatOfTheClock(t *testing.T) {
	hz := float64(dpdk.TSCHz())
	best := 1.0
	for range 5 { // others may have our CPU between the two clocks
		began, tsc := time.Now(), dpdk.TSC()
		time.Sleep(40 * time.Millisecond)
		later, ended := dpdk.TSC(), time.Now()
		took := ended.Sub(began).Seconds()
		best = min(best, math.Abs(float64(later-tsc)/hz-took)/took)
	}
	if best > 200e-6 {
		t.Errorf("a clock by it is %.0f millionths off", best*1e6)
	}
}
