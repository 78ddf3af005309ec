package sim

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fcredirect/dataplane/frame"
)

func TestTheDemonstrationFabricIsValid(t *testing.T) {
	cfg, err := LoadConfig("../../ci/demo/fabric.yaml")
	if err != nil {
		t.Fatal(err)
	}
	kinds := make(map[string][]NodeConfig)
	for _, n := range cfg.Nodes {
		kinds[n.Kind] = append(kinds[n.Kind], n)
	}
	if len(kinds[KindInitiator]) != 2 || len(kinds[KindTarget]) != 2 || len(kinds[KindService]) != 1 {
		t.Fatalf("nodes %+v", cfg.Nodes)
	}
	for i, n := range kinds[KindInitiator] {
		if n.WWPN != InitiatorName(i) || n.Iface != "h0" || len(n.Targets) != 2 || n.IO.Rate == 0 {
			t.Errorf("initiator %+v", n)
		}
	}
	for i, n := range kinds[KindTarget] {
		if n.WWPN != TargetName(i) || n.Iface != "t0" {
			t.Errorf("target %+v", n)
		}
	}
	if s := kinds[KindService][0]; s.MAC != serviceMAC || s.Iface != "i0" || s.Mode != ModeInline {
		t.Errorf("service %+v", s)
	}
}

func TestDefaultsAreThoseOfLinux(t *testing.T) {
	cfg, err := ParseConfig([]byte("nodes:\n- {kind: target, iface: t0, wwpn: 200002fc0a00000a}\n"))
	if err != nil {
		t.Fatal(err)
	}
	n := cfg.Nodes[0]
	if n.MAC != (frame.MAC{2, 0xfc, 0x0a, 0, 0, 0x0a}) || n.WWNN != 0x100002fc0a00000a || n.Name != arrayOne.String() {
		t.Errorf("MAC %v, WWNN %v, name %s", n.MAC, n.WWNN, n.Name)
	}
	if cfg.TimeScale != 1 {
		t.Errorf("time scale %v", cfg.TimeScale)
	}
}

func TestEveryFieldIsRead(t *testing.T) {
	cfg, err := ParseConfig([]byte(`
seed: 9
time-scale: 0.5
duration: 90s
nodes:
- name: h
  kind: initiator
  iface: h0
  netns: hosts
  vlan: 7
  wwpn: 20:00:02:fc:01:00:00:01
  wwnn: 10:00:02:fc:01:00:00:99
  mac: 02:fc:01:00:00:77
  ox-ids: roll
  targets: [20:00:02:fc:0a:00:00:0a]
  io: {depth: 2, max-bytes: 4096, first: 64, blocks: 128, read-percent: 10, rate: 5.5, commands: 3, read-back: false, give-up: 9s}
  faults: {loss: 0.1, bad-crc: 0.2, short: 0.3, wrong-eof: 0.4, duplicate: 0.5, reorder: 0.6, corrupt: 0.7, scope: all}
- {kind: target, iface: t0, wwpn: 20:00:02:fc:0a:00:00:0a, disk: {units: 3, blocks: 4096, shared: true, burst: 8192}}
- {kind: service, iface: i0, mac: 02:fc:5e:00:00:01, mode: tap, next-hop: 02:00:00:00:00:01, delay: 5ms, count-file: c.json}
`))
	if err != nil {
		t.Fatal(err)
	}
	h, s := cfg.Nodes[0], cfg.Nodes[2]
	if cfg.Seed != 9 || cfg.TimeScale != 0.5 || cfg.Duration != 90*time.Second {
		t.Errorf("fabric %+v", cfg)
	}
	if h.Name != "h" || h.Netns != "hosts" || h.VLAN != 7 || h.WWNN != 0x100002fc01000099 || h.MAC[5] != 0x77 || h.OXIDs != "roll" || h.Targets[0] != arrayOne {
		t.Errorf("node %+v", h)
	}
	io := h.IO
	if io.Depth != 2 || io.MaxBytes != 4096 || io.First != 64 || io.Blocks != 128 || io.ReadPercent != 10 || io.Rate != 5.5 || io.Commands != 3 || io.ReadBack || io.GiveUp != 9*time.Second {
		t.Errorf("io %+v", io)
	}
	if h.Faults != (Faults{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, "all"}) {
		t.Errorf("faults %+v", h.Faults)
	}
	if cfg.Nodes[1].Disk != (DiskConfig{3, 4096, true, 8192}) {
		t.Errorf("disk %+v", cfg.Nodes[1].Disk)
	}
	if s.Mode != ModeTap || s.NextHop != (frame.MAC{2, 0, 0, 0, 0, 1}) || s.Delay != 5*time.Millisecond || s.CountFile != "c.json" {
		t.Errorf("service %+v", s)
	}
}

func TestMistakesAreNamed(t *testing.T) {
	for _, tc := range []struct{ name, yaml, want string }{
		{"an unknown field, with its place", "nodes:\n- kind: target\n  ifaec: t0\n", "[3:"},
		{"a WWPN that is none, with its place", "nodes:\n- kind: target\n  iface: t0\n  wwpn: 20:00\n", "WWN"},
		{"no nodes", "seed: 1\n", "there are no nodes"},
		{"no interface", "nodes:\n- {kind: target, wwpn: 200002fc0a00000a}\n", "iface is missing"},
		{"no WWPN", "nodes:\n- {kind: target, iface: t0}\n", "wwpn is missing"},
		{"an unknown kind", "nodes:\n- {kind: switch, iface: t0}\n", "want initiator, target or service"},
		{"a group address", "nodes:\n- {kind: target, iface: t0, wwpn: 200001fc0a00000a}\n", "mac 01:fc:0a:00:00:0a"},
		{"a VLAN out of range", "nodes:\n- {kind: target, iface: t0, wwpn: 200002fc0a00000a, vlan: 4095}\n", "vlan is 4095"},
		{"a service without a MAC", "nodes:\n- {kind: service, iface: i0}\n", "mac of a service"},
		{"a service with an unknown mode", "nodes:\n- {kind: service, iface: i0, mac: 02:fc:5e:00:00:01, mode: on}\n", "want inline or tap"},
		{"a delay for a target", "nodes:\n- {kind: target, iface: t0, wwpn: 200002fc0a00000a, delay: 1s}\n", "are for a service"},
		{"an odd I/O size", "nodes:\n- {kind: initiator, iface: h0, wwpn: 200002fc01000001, io: {max-bytes: 1000}}\n", "max-bytes is 1000"},
		{"a region smaller than an I/O", "nodes:\n- {kind: initiator, iface: h0, wwpn: 200002fc01000001, io: {blocks: 8}}\n", "blocks is 8"},
		{"too deep", "nodes:\n- {kind: initiator, iface: h0, wwpn: 200002fc01000001, io: {depth: 1000}}\n", "depth is 1000"},
		{"a huge disk", "nodes:\n- {kind: target, iface: t0, wwpn: 200002fc0a00000a, disk: {blocks: 99999999}}\n", "blocks is 99999999"},
		{"a probability of 2", "nodes:\n- {kind: target, iface: t0, wwpn: 200002fc0a00000a, faults: {loss: 2}}\n", "loss is 2"},
		{"two of one name", "nodes:\n- {kind: target, iface: t0, wwpn: 200002fc0a00000a}\n- {kind: target, iface: t1, wwpn: 200002fc0a00000a}\n", "is taken"},
		{"a negative time scale", "time-scale: -1\nnodes:\n- {kind: target, iface: t0, wwpn: 200002fc0a00000a}\n", "time-scale is -1"},
		{"identifiers of an unknown kind", "nodes:\n- {kind: target, iface: t0, wwpn: 200002fc0a00000a, ox-ids: random}\n", "want reuse or roll"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ParseConfig([]byte(tc.yaml))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q in it", err, tc.want)
			}
		})
	}
}

func TestTheErrorOfAFileNamesIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f.yaml")
	if err := os.WriteFile(path, []byte("nodes: 5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadConfig(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v", err)
	}
	if _, err := LoadConfig(path + ".not"); err == nil {
		t.Error("a file that is not there was read")
	}
}

func TestTwoNodesOfOneAddressOnAPortAreRefused(t *testing.T) {
	cfg := smallFabric(1)
	cfg.Nodes[1].MAC = frame.MAC{2, 0xfc, 1, 0, 0, 1} // host one's
	if err := cfg.Complete(); err != nil {
		t.Fatal(err)
	}
	if _, err := NewVirtual(cfg); err == nil || !strings.Contains(err.Error(), "address") {
		t.Errorf("error %v", err)
	}
}
