package sim

import (
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

func runVirtual(t *testing.T, cfg *Config) *Report {
	t.Helper()
	if err := cfg.Complete(); err != nil {
		t.Fatal(err)
	}
	v, err := NewVirtual(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Run(); err != nil {
		t.Fatal(err)
	}
	return v.Report()
}

func TestEveryInitiatorWorksWithEveryTarget(t *testing.T) {
	began := time.Now()
	r := runVirtual(t, smallFabric(200))
	t.Logf("took %v: %+v", time.Since(began), r)
}
