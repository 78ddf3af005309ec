package engine

import (
	"bytes"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/lcore"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
)

// The second lcore is on a CPU that few machines have.
const aMissingCPU = `
node: live
lcores: [0, 127]
poll: adaptive
ports:
  - {name: edge0, device: "net_null0", role: edge, pair: fabric0, lcore: 0}
  - {name: fabric0, device: "net_null1", role: fabric, lcore: 0}
  - {name: edge1, device: "net_null2", role: edge, pair: fabric1, lcore: 127}
  - {name: fabric1, device: "net_null3", role: fabric, lcore: 127}
segment: {hugepages: off, flows: 1024, logins: 64}
`

func TestAnLcoreThatCannotStartStopsTheOthersBeforeTheirMemoryGoes(t *testing.T) {
	if runtime.NumCPU() > 127 {
		t.Skip("this machine has CPU 127")
	}
	l := startLive(t, bootOf(t, aMissingCPU), t.TempDir())
	err := <-l.ended
	l.ended <- nil // for close
	if err == nil || !strings.Contains(err.Error(), "pin to CPU 127") {
		t.Fatalf("Run ended with %v", err)
	}
	if got := l.engine.seg.State.Header().State; got != shm.Drained {
		t.Fatalf("state %d: the lcore that had started was not waited for", got)
	}
	// Without that wait, closing the engine now takes the ports from under a polling lcore.
}

// steppedOf makes an engine that nobody runs, over rings that nobody feeds.
func steppedOf(t *testing.T, text string, clock func() uint64) *Engine {
	t.Helper()
	pool, err := dpdk.NewMempool(fmt.Sprintf("stepped%d", liveNames.Add(1)), 1023, 0, 4096, dpdk.AnySocket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pool.Close() })
	var rings []*dpdk.Ring
	e, err := New(Options{Boot: bootOf(t, text), Dir: t.TempDir(), Log: quiet, Clones: pool, Clock: clock, Open: func(int) (*dpdk.Port, error) {
		n := liveNames.Add(1)
		r, err := dpdk.NewRing(fmt.Sprintf("stepped%d", n), 64, pool, dpdk.AnySocket)
		if err != nil {
			return nil, err
		}
		rings = append(rings, r)
		return dpdk.OpenRingPort(fmt.Sprintf("net_ring_stepped%d", n), []*dpdk.Ring{r}, []*dpdk.Ring{r}, dpdk.PortConfig{Mempool: pool})
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		for _, r := range rings {
			r.Close()
		}
	})
	for _, p := range e.ports {
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
	}
	return e
}

func TestAnLcoreWithoutPortsDoesNotFillUpWithInvalidations(t *testing.T) {
	e := steppedOf(t, strings.Replace(onePair, "lcores: [0]", "lcores: [0, 1]", 1), nil)
	before := e.control.generation
	for i := range 3 * lcore.CommandItems {
		e.loginChanged(login.Change{Addr: login.At(0, 0, 1), Kind: login.Started, New: login.Login{WWPN: 1}})
		for _, w := range e.workers {
			for w != nil && !w.AtRest() {
				w.Rest()
			}
		}
		if e.learn(); e.control.generation != before {
			t.Fatalf("change %d made every flow be evaluated again, with a working lcore at rest", i)
		}
	}
}

func TestAPolicySlotIsNotWrittenWhileALateLcoreDecidesByIt(t *testing.T) {
	runtime.LockOSThread() // the clock stands still for all threads but this one
	defer runtime.UnlockOSThread()
	me := unix.Gettid()
	var stalled atomic.Bool
	release := make(chan struct{})
	e := steppedOf(t, onePair, func() uint64 {
		if stalled.Load() && unix.Gettid() != me {
			<-release
		}
		return uint64(time.Now().UnixNano())
	})
	policies := [3][]byte{}
	for i := range policies {
		policies[i] = policyOf(t, fmt.Sprintf("policies:\n  - {name: p%d, match: {initiator: any, target: any, vsan: any}, action: forward}\n", i))
	}
	if err := e.Apply(policies[0]); err != nil {
		t.Fatal(err)
	}
	ready, ended := make(chan error, 1), make(chan struct{})
	go func() {
		e.workers[0].Run(func(err error) { ready <- err })
		close(ended)
	}()
	if err := <-ready; err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); e.late() >= 0; time.Sleep(time.Millisecond) { // it is ready before it uses a policy
		if time.Now().After(end) {
			t.Fatal("the lcore does not take up the first policy")
		}
	}
	stalled.Store(true)
	if err := e.Apply(policies[1]); err != nil { // published; the lcore still decides by the one before
		t.Fatal(err)
	}
	first := shm.PolicyBytes(e.seg.State.Bytes(fmt.Sprintf(shm.RegionPolicy, 0)))
	if err := e.Apply(policies[2]); err == nil || !bytes.Equal(first, policies[0]) {
		t.Fatalf("error %v; the policy that the lcore uses was written over: %v", err, !bytes.Equal(first, policies[0]))
	}
	if s := report.Policy(e.seg.State); s == nil || s.Rule(0).Name != "p1" {
		t.Fatal("a policy that was refused changed the active one")
	}
	stalled.Store(false)
	close(release)
	err := e.Apply(policies[2])
	for end := time.Now().Add(30 * time.Second); err != nil && time.Now().Before(end); { // the lcore may get no CPU for a while
		err = e.Apply(policies[2])
	}
	if err != nil {
		t.Fatal(err)
	}
	e.shared.Stop()
	<-ended
}

func TestAServiceWithTheLongestNameKeepsItsCountOfFlips(t *testing.T) {
	e := steppedOf(t, onePair, nil)
	name := strings.Repeat("n", policy.MaxName)
	if err := e.Apply(policyOf(t, "services:\n  - {name: "+name+", mode: mirror, port: svc0}\npolicies: []\n")); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		e.infos[2].Up ^= 1
		e.lookAtServices()
	}
	if s := report.Services(e.seg.State); len(s) != 1 || s[0].Name != name || s[0].Flips != 3 {
		t.Fatalf("%+v", s)
	}
}

func TestAServiceIsUsedWhileAnEnabledRuleUsesIt(t *testing.T) {
	e := steppedOf(t, onePair, nil)
	const mirror = services + "policies:\n  - {name: r, match: {initiator: any, target: any, vsan: any}, action: mirror, service: tap%s}\n"
	for _, tt := range []struct {
		policy       string
		inspect, tap uint8
	}{
		{fmt.Sprintf(mirror, ""), shm.Unused, shm.Used},
		{fmt.Sprintf(mirror, ", disabled: true"), shm.Unused, shm.Unused},
		{steerAll, shm.Used, shm.Unused},
		{forwardAll, shm.Unused, shm.Unused},
	} {
		if err := e.Apply(policyOf(t, tt.policy)); err != nil {
			t.Fatal(err)
		}
		states := shm.Items[shm.ServiceInfo](e.seg.State, shm.RegionServices)
		if states[0].Use != tt.inspect || states[1].Use != tt.tap || states[2].Use != shm.UseUnknown {
			t.Errorf("%s: used %d %d %d, want %d %d", tt.policy, states[0].Use, states[1].Use, states[2].Use, tt.inspect, tt.tap)
		}
	}
	if err := e.Apply(nil); err != nil {
		t.Fatal(err)
	}
	if s := shm.Items[shm.ServiceInfo](e.seg.State, shm.RegionServices)[0]; s.Use != shm.UseUnknown || s.Name[0] != 0 {
		t.Errorf("without a policy %+v", s)
	}
}

func TestAPolicyThatAsksForWhatIsNotDoneIsRefused(t *testing.T) {
	e := steppedOf(t, onePair, nil)
	flat := policyOf(t, "services:\n  - {name: s, mode: steer, port: svc0, mac: \"02:fc:5e:00:00:01\", vlan: 100}\npolicies: []\n")
	for _, err := range []error{CheckPolicy(flat, e.boot), e.Apply(flat)} {
		if err == nil || !strings.Contains(err.Error(), "vlan") {
			t.Errorf("%v: frames would be steered with another tag than asked for", err)
		}
	}
	if e.control.policy != nil {
		t.Error("a refused policy is active")
	}
}
