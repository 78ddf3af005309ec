package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fcredirect/dataplane/boot"
	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
)

// Two pairs on one core: what one does to the other would show.
const twoPairsOneLcore = `
node: live
lcores: [0]
poll: adaptive
drop-timeout: 60s # a loaded test machine may make 200 ms long
ports:
  - {name: edge0, device: "net_null0", role: edge, pair: fabric0}
  - {name: fabric0, device: "net_null1", role: fabric}
  - {name: edge1, device: "net_null2", role: edge, pair: fabric1}
  - {name: fabric1, device: "net_null3", role: fabric}
segment: {hugepages: off, flows: 1024, logins: 64}
`

// live is a running engine whose ports end in rings.
type live struct {
	t      *testing.T
	engine *Engine
	pool   *dpdk.Mempool
	in     []*dpdk.Ring // by port: what it receives
	out    []*dpdk.Ring // what it sent
	stop   func() error
	ended  chan error     // what Run ended with
	over   atomic.Bool    // the test ends: feeders stop
	feeds  sync.WaitGroup // that run
}

var liveNames atomic.Uint32 // rings and ports have names unique in the process

func startLive(t *testing.T, cfg *boot.Config, dir string) *live {
	t.Helper()
	return startLiveWith(t, Options{Boot: cfg, Dir: dir})
}

func startLiveWith(t *testing.T, o Options) *live {
	t.Helper()
	cfg := o.Boot
	l := &live{t: t}
	name := func(what string, i int) string { return fmt.Sprintf("%s%d_%d", what, i, liveNames.Add(1)) }
	var err error
	if l.pool, err = dpdk.NewMempool(name("live", 0), 8191, 256, 4096, dpdk.AnySocket); err != nil {
		t.Fatal(err)
	}
	for i := range cfg.Ports {
		in, err1 := dpdk.NewRing(name("in", i), 256, l.pool, dpdk.AnySocket)
		out, err2 := dpdk.NewRing(name("out", i), 256, l.pool, dpdk.AnySocket)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		l.in, l.out = append(l.in, in), append(l.out, out)
	}
	o.Log, o.Clones, o.Open = quiet, l.pool, func(i int) (*dpdk.Port, error) {
		return dpdk.OpenRingPort(name("net_ring_live", i), []*dpdk.Ring{l.in[i]}, []*dpdk.Ring{l.out[i]}, dpdk.PortConfig{Mempool: l.pool})
	}
	if l.engine, err = New(o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	l.ended = make(chan error, 1)
	go func() { l.ended <- l.engine.Run(ctx, nil) }()
	stopped := false
	l.stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-l.ended
	}
	t.Cleanup(l.close)
	return l
}

func (l *live) close() {
	l.over.Store(true)
	l.feeds.Wait()
	if err := errors.Join(l.stop(), l.engine.Close()); err != nil {
		l.t.Error(err)
	}
	for i := range l.in {
		if err := errors.Join(l.in[i].Close(), l.out[i].Close()); err != nil {
			l.t.Error(err)
		}
	}
	if n := l.pool.InUse(); n != 0 {
		l.t.Errorf("%d mbufs leaked", n)
	}
	if err := l.pool.Close(); err != nil {
		l.t.Error(err)
	}
}

// feed puts n numbered frames into a port, waiting while its ring is full, as a sender under flow control does.
func (l *live) feed(port, n int, from, to frame.FCID) {
	l.feeds.Add(1)
	defer l.feeds.Done()
	for i := range n {
		f := fcp(from, to, frame.RCtlSolicitedData, 8, 0, binary.BigEndian.AppendUint32(nil, uint32(i)))
		for l.in[port].Enqueue(f) != nil {
			if l.over.Load() {
				return
			}
			runtime.Gosched()
		}
	}
}

// drain takes n frames from a port and checks their order; at is told how many there were, and may stop the sink.
func (l *live) drain(port, n int, at func(int)) error {
	var buf [dpdk.FrameMax]byte
	for i, came := 0, time.Now(); i < n; came = time.Now() {
		size, ok := l.out[port].Dequeue(buf[:])
		for ; !ok; size, ok = l.out[port].Dequeue(buf[:]) {
			if runtime.Gosched(); time.Since(came) > 30*time.Second {
				return fmt.Errorf("port %d: no frame %d", port, i)
			}
		}
		if got := int(binary.BigEndian.Uint32(buf[52:size])); got != i {
			return fmt.Errorf("port %d: frame %d in place of %d", port, got, i)
		}
		i++
		if at != nil {
			at(i)
		}
	}
	return nil
}

func TestASinkThatStopsLosesNothingAndHoldsUpNoOtherPair(t *testing.T) {
	l := startLive(t, bootOf(t, twoPairsOneLcore), t.TempDir())
	const frames = 20_000
	const edge0, fabric0, edge1, fabric1 = 0, 1, 2, 3
	go l.feed(edge0, frames, 1, 2)
	go l.feed(edge1, frames, 3, 4)

	paused, resumed := make(chan struct{}), make(chan struct{})
	slow := make(chan error, 1)
	go func() {
		slow <- l.drain(fabric0, frames, func(n int) {
			if n == 1000 {
				close(paused)
				<-resumed
			}
		})
	}()
	<-paused
	// While the one sink stands still, all of the other pair's frames pass.
	start := time.Now()
	if err := l.drain(fabric1, frames, nil); err != nil {
		t.Fatal(err)
	}
	if rest := 200*time.Millisecond - time.Since(start); rest > 0 {
		time.Sleep(rest) // the stop lasts 200 ms, however fast the other pair was
	}
	close(resumed)
	if err := <-slow; err != nil {
		t.Fatal(err)
	}
	if err := l.stop(); err != nil {
		t.Fatal(err)
	}
	ports := report.Ports(l.engine.seg.State)
	for _, p := range ports {
		if p.Dropped+p.TxStalled != 0 {
			t.Errorf("%s dropped %d, stalled %d", p.Name, p.Dropped, p.TxStalled)
		}
	}
	if ports[fabric0].FramesOut != frames || ports[fabric1].FramesOut != frames || ports[fabric0].TxHeld == 0 {
		t.Errorf("%d and %d frames out, held %d times", ports[fabric0].FramesOut, ports[fabric1].FramesOut, ports[fabric0].TxHeld)
	}
}

func TestAWarmStartKnowsFlowsAndLogins(t *testing.T) {
	cfg, dir := bootOf(t, twoPairsOneLcore), t.TempDir()
	l := startLive(t, cfg, dir)
	l.feed(0, 10, 1, 2)
	if err := l.drain(1, 10, nil); err != nil {
		t.Fatal(err)
	}
	plogi := frame.AppendFCoE(nil, &frame.Header{
		Dst: frame.FPMA(0x0efd00, 2), Src: frame.FPMA(0x0efd00, 1), SOF: frame.SOFi3, EOF: frame.EOFt,
		RCtl: frame.RCtlELSRequest, FCtl: 0x290000, Type: frame.TypeELS, SID: 1, DID: 2, RXID: 0xffff,
	}, loginPayload(0x20000002fc010001))
	if err := l.in[0].Enqueue(plogi); err != nil {
		t.Fatal(err)
	}
	if err := l.swallow(1, 1); err != nil {
		t.Fatal(err)
	}
	if err := l.stop(); err != nil { // an orderly stop learns what was still on its way
		t.Fatal(err)
	}
	if got := l.engine.seg.State.Header().State; got != shm.Drained {
		t.Fatalf("state %d after an orderly stop", got)
	}
	if err := l.engine.Close(); err != nil {
		t.Fatal(err)
	}

	again := startLive(t, cfg, dir)
	page := again.engine.page
	if !again.engine.seg.Adopted || page.Adopted != 1 || page.AdoptedLogins != 1 {
		t.Fatalf("adopted %v (%s): %d directions, %d logins", again.engine.seg.Adopted, again.engine.seg.Why, page.Adopted, page.AdoptedLogins)
	}
	again.feed(0, 5, 1, 2)
	if err := again.drain(1, 5, nil); err != nil {
		t.Fatal(err)
	}
	flows := report.Flows(again.engine.seg.State)
	if len(flows) != 1 || flows[0].Initiator != "20:00:00:02:fc:01:00:01" {
		t.Fatalf("%+v", flows)
	}
}

func TestAPolicyIsAppliedWhileFramesFlow(t *testing.T) {
	l := startLive(t, bootOf(t, twoPairsOneLcore), t.TempDir())
	done := make(chan error, 1)
	go func() { done <- l.drain(1, 5000, nil) }()
	go l.feed(0, 5000, 1, 2)
	reload := policyOf(t, "policies:\n  - {name: pass, match: {initiator: any, target: any, vsan: any}, action: forward}\n")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	// Run owns control; Apply is called by it in earnest, and here when nothing else is on.
	if err := l.stop(); err != nil {
		t.Fatal(err)
	}
	if err := l.engine.Apply(reload); err != nil {
		t.Fatal(err)
	}
	if s := report.Policy(l.engine.seg.State); s == nil || s.Rules() != 1 {
		t.Fatal("the policy in the segment is not the one applied")
	}
	if err := l.engine.Apply([]byte("garbage")); err == nil {
		t.Fatal("garbage was applied")
	}
	if s := report.Policy(l.engine.seg.State); s == nil || s.Rules() != 1 {
		t.Fatal("a policy that was refused changed the active one")
	}
}

func loginPayload(wwpn frame.WWN) []byte {
	p := make([]byte, 116)
	p[0] = byte(frame.ELSPLOGI)
	p[10], p[11] = 8, 0x40
	binary.BigEndian.PutUint64(p[20:], uint64(wwpn))
	binary.BigEndian.PutUint64(p[28:], uint64(wwpn)-1<<60)
	return p
}

func TestTheDataPlaneGoesBeforeOtherPrograms(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root may raise a priority")
	}
	if err := Prefer(); err != nil {
		t.Fatal(err)
	}
	got, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil || 20-got != niceness { // the kernel returns 20 less the niceness
		t.Fatalf("niceness %d: %v", 20-got, err)
	}
}

// swallow takes n frames from a port, whatever they are.
func (l *live) swallow(port, n int) error {
	var buf [dpdk.FrameMax]byte
	for deadline := time.Now().Add(30 * time.Second); n > 0; {
		if _, ok := l.out[port].Dequeue(buf[:]); ok {
			n--
		} else if runtime.Gosched(); time.Now().After(deadline) {
			return fmt.Errorf("port %d: %d frames are missing", port, n)
		}
	}
	return nil
}
