package sim

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"fcredirect/dataplane/sim/wire"
)

// vethPair makes two network namespaces joined by a veth pair, and removes them again.
func vethPair(t *testing.T, mtu int) (nsA, ifA, nsB, ifB string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root to make network namespaces")
	}
	nsA, nsB = fmt.Sprintf("fcrsim-a-%d", os.Getpid()), fmt.Sprintf("fcrsim-b-%d", os.Getpid())
	ifA, ifB = "sima0", "simb0"
	ip := func(args string) {
		t.Helper()
		if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", args, err, out)
		}
	}
	for _, ns := range []string{nsA, nsB} {
		ip("netns add " + ns)
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", ns).Run() })
	}
	ip(fmt.Sprintf("-n %s link add %s type veth peer name %s netns %s", nsA, ifA, ifB, nsB))
	ip(fmt.Sprintf("-n %s link set %s mtu %d up", nsA, ifA, mtu))
	ip(fmt.Sprintf("-n %s link set %s mtu %d up", nsB, ifB, mtu))
	return nsA, ifA, nsB, ifB
}

func TestAFabricOnRealInterfaces(t *testing.T) {
	nsA, ifA, nsB, ifB := vethPair(t, wire.MinMTU)
	for _, vlan := range []uint16{0, 100} {
		t.Run(fmt.Sprintf("VLAN %d", vlan), func(t *testing.T) {
			cfg := smallFabric(300)
			cfg.TimeScale = 0.2
			for i := range cfg.Nodes {
				n := &cfg.Nodes[i]
				n.Iface, n.Netns, n.VLAN = ifA, nsA, vlan
				if n.Kind == KindTarget {
					n.Iface, n.Netns = ifB, nsB
				}
			}
			r := runLive(t, t.Context(), cfg, PacketWires)
			if !r.OK || r.Sessions != 4 {
				t.Fatalf("ok %v (%s), %d pairs: %v", r.OK, r.Why, r.Sessions, r.Details)
			}
			a, b := r.Ports[0], r.Ports[1]
			// The kernel may have a frame of its own on the link.
			if b.Wire.Received < a.FramesOut || a.Wire.Received < b.FramesOut || a.SendFailed+b.SendFailed > 0 {
				t.Errorf("%d frames out and %d in one way, %d and %d the other", a.FramesOut, b.FramesIn, b.FramesOut, a.FramesIn)
			}
		})
	}
}

func TestInterfacesThatDoNotDoAreRefusedWithTheCure(t *testing.T) {
	nsA, ifA, _, _ := vethPair(t, 1500)
	for _, tc := range []struct{ iface, netns, want string }{
		{ifA, nsA, "mtu 2500"},
		{"nosuch0", nsA, "open interface nosuch0"},
		{ifA, "nosuchnamespace", "enter network namespace nosuchnamespace"},
	} {
		w, err := wire.Open(tc.iface, tc.netns)
		if err == nil {
			w.Close()
			t.Errorf("%s in %s was opened", tc.iface, tc.netns)
		} else if !strings.Contains(err.Error(), tc.want) {
			t.Errorf("error %q, want %q in it", err, tc.want)
		}
	}
}

// A link that goes down and comes up again costs retries, no more.
func TestALinkThatFlapsIsSurvived(t *testing.T) {
	nsA, ifA, nsB, ifB := vethPair(t, wire.MinMTU)
	cfg := smallFabric(0)
	cfg.Nodes = []NodeConfig{cfg.Nodes[0], cfg.Nodes[2]}
	cfg.Nodes[0].Iface, cfg.Nodes[0].Netns = ifA, nsA
	cfg.Nodes[1].Iface, cfg.Nodes[1].Netns = ifB, nsB
	cfg.TimeScale = 0.05
	cfg.Duration = 2 * time.Second
	flap := time.AfterFunc(700*time.Millisecond, func() {
		for _, state := range []string{"down", "up"} {
			if out, err := exec.Command("ip", "-n", nsA, "link", "set", ifA, state).CombinedOutput(); err != nil {
				t.Errorf("set the link %s: %v: %s", state, err, out)
			}
			time.Sleep(50 * time.Millisecond) // long enough for a frame to find it down
		}
	})
	r := runLive(t, t.Context(), cfg, PacketWires)
	if flap.Stop() {
		t.Fatal("the run was over before the link went down")
	}
	if !r.OK || r.Retries == 0 {
		t.Errorf("ok %v (%s), %d retries: %v", r.OK, r.Why, r.Retries, r.Details)
	}
}

// An interface that disappears ends the run with an error, soon.
func TestAnInterfaceThatDisappearsEndsTheRun(t *testing.T) {
	nsA, ifA, nsB, ifB := vethPair(t, wire.MinMTU)
	cfg := smallFabric(0)
	cfg.Nodes = []NodeConfig{cfg.Nodes[0], cfg.Nodes[2]}
	cfg.Nodes[0].Iface, cfg.Nodes[0].Netns = ifA, nsA
	cfg.Nodes[1].Iface, cfg.Nodes[1].Netns = ifB, nsB
	cfg.TimeScale = 0.1
	cfg.Duration = time.Minute
	if err := cfg.Complete(); err != nil {
		t.Fatal(err)
	}
	f, err := New(cfg, PacketWires)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ended := make(chan error, 1)
	go func() { ended <- f.Run(t.Context()) }()
	if out, err := exec.Command("ip", "-n", nsA, "link", "del", ifA).CombinedOutput(); err != nil {
		t.Fatalf("delete the interface: %v: %s", err, out)
	}
	select {
	case err := <-ended:
		if err == nil {
			t.Error("the run ended without an error")
		}
	case <-time.After(30 * time.Second):
		t.Fatal("the run goes on without its interface")
	}
}
