package sim

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fcredirect/dataplane/frame"
)

// The four ports of the demonstration fabric.
const (
	hostOne  frame.WWN = 0x200002fc01000001
	hostTwo  frame.WWN = 0x200002fc01000002
	arrayOne frame.WWN = 0x200002fc0a00000a
	arrayTwo frame.WWN = 0x200002fc0b00000b
)

// smallFabric is two initiators on one port and two targets on another.
func smallFabric(commands uint64) *Config {
	io := IOConfig{Commands: commands, Blocks: 1024, MaxBytes: 16 << 10}
	return &Config{
		Seed: 1,
		Nodes: []NodeConfig{
			{Kind: KindInitiator, Iface: "h0", WWPN: hostOne, IO: io},
			{Kind: KindInitiator, Iface: "h0", WWPN: hostTwo, IO: io},
			{Kind: KindTarget, Iface: "t0", WWPN: arrayOne},
			{Kind: KindTarget, Iface: "t0", WWPN: arrayTwo},
		},
	}
}

func newVirtual(t testing.TB, cfg *Config) *Virtual {
	t.Helper()
	if err := cfg.Complete(); err != nil {
		t.Fatal(err)
	}
	v, err := NewVirtual(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func runVirtual(t testing.TB, cfg *Config) *Report {
	t.Helper()
	v := newVirtual(t, cfg)
	if err := v.Run(); err != nil {
		t.Fatal(err)
	}
	return v.Report()
}

func TestEveryInitiatorWorksWithEveryTarget(t *testing.T) {
	r := runVirtual(t, smallFabric(200))
	if !r.OK || r.Sessions != 4 || r.Logins != 12 {
		t.Fatalf("ok %v (%s), %d pairs, %d logins; want 4 pairs, 12 logins", r.OK, r.Why, r.Sessions, r.Logins)
	}
	for _, p := range r.Pairs {
		if p.Commands < 200 || p.Reads == 0 || p.Writes == 0 || p.Retries+p.Timeouts+p.Errors > 0 {
			t.Errorf("pair %+v", p)
		}
	}
	if r.FCPIn != r.FCPOut || r.BadCRC+r.Malformed > 0 {
		t.Errorf("FCP frames in %d, out %d; bad CRC %d, malformed %d", r.FCPIn, r.FCPOut, r.BadCRC, r.Malformed)
	}
	for _, n := range r.Nodes {
		if n.Stray+n.Duplicates+n.WrongDID+n.ELSTimeout+n.Rejected > 0 || n.Logouts != 3 {
			t.Errorf("node %+v", n)
		}
		if want := frame.FCID(n.WWPN & 0xFFFF); n.FCID != want {
			t.Errorf("node %s has address %v, want %v", n.Name, n.FCID, want)
		}
	}
}

// digest runs the fabric and sums up every frame with its time.
func digest(t *testing.T, cfg *Config) string {
	t.Helper()
	v := newVirtual(t, cfg)
	sum := sha256.New()
	v.Record = func(port string, at time.Duration, b []byte) { fmt.Fprintf(sum, "%s %d %x\n", port, at, b) }
	if err := v.Run(); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sum.Sum(nil))
}

func TestTheSameSeedMakesTheSameFrames(t *testing.T) {
	faulty := func(seed uint64) *Config {
		cfg := smallFabric(50)
		cfg.Seed = seed
		for i := range cfg.Nodes {
			cfg.Nodes[i].OXIDs = "roll"
			cfg.Nodes[i].Faults = Faults{Loss: 0.01, BadCRC: 0.01, Duplicate: 0.01, Reorder: 0.01}
		}
		return cfg
	}
	one, again, other := digest(t, faulty(1)), digest(t, faulty(1)), digest(t, faulty(2))
	if one != again {
		t.Error("two runs of one seed differ")
	}
	if one == other {
		t.Error("another seed makes the same frames")
	}
}

func TestRecoveryFromDamagedFrames(t *testing.T) {
	for _, tc := range []struct {
		name   string
		faults Faults
		scope  string
	}{
		{name: "loss", faults: Faults{Loss: 0.02}},
		{name: "bad CRC", faults: Faults{BadCRC: 0.02}},
		{name: "short frames", faults: Faults{Short: 0.02}},
		{name: "wrong end of frame", faults: Faults{WrongEOF: 0.02}},
		{name: "duplicates", faults: Faults{Duplicate: 0.05}},
		{name: "reordering", faults: Faults{Reorder: 0.05}},
		{name: "everything, in logins too", faults: Faults{
			Loss: 0.005, BadCRC: 0.005, Short: 0.005, WrongEOF: 0.005, Duplicate: 0.005, Reorder: 0.005, Scope: "all"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for seed := range uint64(4) {
				cfg := smallFabric(150)
				cfg.Seed = seed + 1
				for i := range cfg.Nodes {
					cfg.Nodes[i].Faults, cfg.Nodes[i].OXIDs = tc.faults, "roll"
				}
				r := runVirtual(t, cfg)
				if !r.OK {
					t.Errorf("seed %d: %s: %v", cfg.Seed, r.Why, r.Details)
				}
				if r.FaultsInjected < 50 || r.Sessions != 4 {
					t.Errorf("seed %d: %d faults, %d pairs", cfg.Seed, r.FaultsInjected, r.Sessions)
				}
				harmless := tc.faults.Duplicate+tc.faults.Reorder > 0 && tc.faults.Loss == 0
				if !harmless && r.Retries == 0 {
					t.Errorf("seed %d: nothing was retried", cfg.Seed)
				}
			}
		})
	}
}

func TestRecoveryWithOXIDsReusedAtOnce(t *testing.T) {
	cfg := smallFabric(300)
	for i := range cfg.Nodes {
		cfg.Nodes[i].Faults = Faults{Loss: 0.02, BadCRC: 0.01}
	}
	r := runVirtual(t, cfg)
	if !r.OK || r.Retries == 0 || r.Aborts == 0 {
		t.Errorf("ok %v (%s) %v, %d retries, %d aborts", r.OK, r.Why, r.Details, r.Retries, r.Aborts)
	}
	lost := uint64(0)
	for _, p := range r.Pairs {
		lost += p.Lost
	}
	if lost == 0 {
		t.Error("no lost command was found by REC")
	}
}

func TestVerificationFindsPlantedCorruption(t *testing.T) {
	cfg := smallFabric(200)
	cfg.Nodes[2].Faults = Faults{Corrupt: 0.01} // array one: good CRC, wrong data
	r := runVirtual(t, cfg)
	if r.OK || r.VerifyErrors == 0 || r.Faults.Corrupt == 0 {
		t.Fatalf("ok %v, %d verify errors of %d corrupt frames", r.OK, r.VerifyErrors, r.Faults.Corrupt)
	}
	if len(r.Details) == 0 || !strings.Contains(r.Details[0], "verify block") {
		t.Errorf("details %v", r.Details)
	}
	for _, p := range r.Pairs {
		if (p.VerifyErrors > 0) != (p.Target == arrayOne) {
			t.Errorf("pair %s - %s has %d verify errors", p.Initiator, p.Target, p.VerifyErrors)
		}
	}
}

func TestCorruptionOnTheWayToTheDiskIsFoundByReading(t *testing.T) {
	cfg := smallFabric(100)
	cfg.Nodes[0].Faults = Faults{Corrupt: 0.01}
	if r := runVirtual(t, cfg); r.OK || r.VerifyErrors == 0 {
		t.Errorf("ok %v, %d verify errors", r.OK, r.VerifyErrors)
	}
}

func TestTaggedAndUntaggedNodesDoNotMeet(t *testing.T) {
	cfg := smallFabric(50)
	cfg.Nodes[0].VLAN, cfg.Nodes[2].VLAN = 100, 100
	v := newVirtual(t, cfg)
	v.Record = func(port string, at time.Duration, b []byte) {
		src := frame.MAC(b[6:12])
		if tagged := src[5] == 1 || src[5] == 0x0a; tagged != (vlanOf(b) == 100) {
			t.Errorf("frame of %v is in VLAN %d", src, vlanOf(b))
		}
	}
	if err := v.Run(); err != nil {
		t.Fatal(err)
	}
	r := v.Report()
	if !r.OK || r.Sessions != 2 || r.Logins != 4 {
		t.Errorf("ok %v (%s), %d pairs, %d logins", r.OK, r.Why, r.Sessions, r.Logins)
	}
	for _, p := range r.Pairs {
		if (p.Initiator == hostOne) != (p.Target == arrayOne) {
			t.Errorf("%s works with %s", p.Initiator, p.Target)
		}
	}
}

func TestNodesThatWantOneAddressEndUpWithTwo(t *testing.T) {
	for _, ifaces := range [][2]string{{"h0", "t0"}, {"h0", "h0"}} {
		cfg := smallFabric(20)
		cfg.Nodes = cfg.Nodes[:3]
		cfg.Nodes[1] = NodeConfig{Kind: KindTarget, Iface: ifaces[1], WWPN: 0x200002fc7f000001} // low bits as host one
		r := runVirtual(t, cfg)
		if !r.OK || r.Sessions != 2 {
			t.Fatalf("%v: ok %v (%s), %d pairs", ifaces, r.OK, r.Why, r.Sessions)
		}
		ids := []frame.FCID{r.Nodes[0].FCID, r.Nodes[1].FCID, r.Nodes[2].FCID}
		slices.Sort(ids)
		if len(slices.Compact(ids)) != 3 {
			t.Errorf("%v: addresses %v", ifaces, ids)
		}
	}
}

func TestAWriteInSeveralBursts(t *testing.T) {
	cfg := smallFabric(100)
	cfg.Nodes[2].Disk.Burst = 4096
	v := newVirtual(t, cfg)
	ready := 0
	v.Record = func(port string, at time.Duration, b []byte) {
		var h frame.Header
		if frame.Decode(b, &h) == frame.OK && h.RCtl == frame.RCtlDataDescriptor && h.SID == 0x0a {
			ready++
			if x, err := frame.ParseXferRdy(h.Payload(b)); err != nil || x.Burst > 4096 {
				t.Errorf("asks for %d bytes (%v)", x.Burst, err)
			}
		}
	}
	if err := v.Run(); err != nil {
		t.Fatal(err)
	}
	if r := v.Report(); !r.OK || ready < 200 {
		t.Errorf("ok %v (%s), %d XFER_RDY", r.OK, r.Why, ready)
	}
}

// A target that is cut off for 30 seconds in the middle of I/O: beacons are missed, the
// sessions end, and when it is back the commands that were under way are done again.
func TestATargetThatVanishesAndReturns(t *testing.T) {
	cfg := smallFabric(0)
	cfg.Duration = 60 * time.Second
	for i := range 2 {
		cfg.Nodes[i].IO.Rate = 50
	}
	v := newVirtual(t, cfg)
	cutOff := frame.FPMA(frame.VN2VNFCMap, 0x0a)
	v.carry = func(from *Port, b []byte) {
		gone := v.now > 10*time.Second && v.now < 40*time.Second
		dst, src := frame.MAC(b[:6]), frame.MAC(b[6:12])
		if gone && (dst == cutOff || src == cutOff || src == frame.MAC{2, 0xfc, 0x0a, 0, 0, 0x0a}) {
			return
		}
		for _, p := range v.ports {
			if p != from {
				v.deliver(from, p, b)
			}
		}
	}
	if err := v.Run(); err != nil {
		t.Fatal(err)
	}
	r := v.Report()
	if !r.OK {
		t.Fatalf("%s: %v", r.Why, r.Details)
	}
	for _, p := range r.Pairs {
		if cut := p.Target == arrayOne; cut != (p.Retries > 0) {
			t.Errorf("%s - %s: %d retries", p.Initiator, p.Target, p.Retries)
		}
		if p.Commands < 1000 && p.Target != arrayOne || p.Commands < 600 {
			t.Errorf("%s - %s: %d commands", p.Initiator, p.Target, p.Commands)
		}
	}
	for _, n := range r.Nodes {
		if n.WWPN == hostOne && n.Logins < 4 {
			t.Errorf("host one has logged in %d times, want 3 and once more", n.Logins)
		}
	}
}

func TestATargetThatNeverReturnsFailsTheCommands(t *testing.T) {
	cfg := smallFabric(0)
	cfg.Duration = 200 * time.Second
	cfg.Nodes = []NodeConfig{cfg.Nodes[0], cfg.Nodes[2]}
	cfg.Nodes[0].IO.Rate = 20
	v := newVirtual(t, cfg)
	v.carry = func(from *Port, b []byte) {
		for _, p := range v.ports {
			if p != from && v.now < 10*time.Second {
				v.deliver(from, p, b)
			}
		}
	}
	if err := v.Run(); err != nil {
		t.Fatal(err)
	}
	if r := v.Report(); r.OK || r.Errors == 0 || r.Pairs[0].Failed == 0 {
		t.Errorf("ok %v, errors %d, failed %d", r.OK, r.Errors, r.Pairs[0].Failed)
	}
}

func TestAFabricWithoutIOIsNotGood(t *testing.T) {
	cfg := smallFabric(0)
	cfg.Nodes = cfg.Nodes[:2] // nobody to work with
	cfg.Duration = 5 * time.Second
	if r := runVirtual(t, cfg); r.OK || !strings.Contains(r.Why, "no initiator has read") {
		t.Errorf("ok %v: %s", r.OK, r.Why)
	}
	endless := newVirtual(t, smallFabric(0))
	if err := endless.Run(); err == nil || !strings.Contains(err.Error(), "no end") {
		t.Errorf("a fabric without an end: %v", err)
	}
}
