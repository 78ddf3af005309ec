package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/sim"
)

// nodeFlags are what initiator, target and service have in common.
type nodeFlags struct {
	out      output
	cfg      sim.Config
	node     sim.NodeConfig
	wwpn     string
	mac      string
	targets  []string
	nextHop  string
	readBack bool
}

func (f *nodeFlags) common(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVar(&f.node.Iface, "iface", "", "the `interface`")
	fl.StringVar(&f.node.Netns, "netns", "", "the network `namespace` it is in")
	fl.Uint16Var(&f.node.VLAN, "vlan", 0, "VLAN of the frames; 0 is no tag")
	fl.Uint64Var(&f.cfg.Seed, "seed", 1, "of everything random")
	fl.Float64Var(&f.cfg.TimeScale, "time-scale", 1, "factor on the protocol times; 1 with real hosts")
	fl.DurationVar(&f.cfg.Duration, "duration", 0, "how long; 0 until a signal")
	fl.StringVar(&f.mac, "mac", "", "MAC address of the node")
	faultFlags(c, &f.node.Faults)
	f.out.flags(c)
	_ = c.MarkFlagRequired("iface")
}

func (f *nodeFlags) port(c *cobra.Command) {
	c.Flags().StringVar(&f.wwpn, "wwpn", "", "WWPN of the node, as 20:00:02:fc:01:00:00:01")
	c.Flags().StringVar(&f.node.OXIDs, "ox-ids", "reuse", "exchange identifiers: reuse (as Linux) or roll")
	_ = c.MarkFlagRequired("wwpn")
}

func faultFlags(c *cobra.Command, f *sim.Faults) {
	fl := c.Flags()
	fl.Float64Var(&f.Loss, "loss", 0, "probability that a frame is not sent")
	fl.Float64Var(&f.BadCRC, "bad-crc", 0, "probability of a wrong FC CRC")
	fl.Float64Var(&f.Short, "short", 0, "probability that bytes are missing at the end")
	fl.Float64Var(&f.WrongEOF, "wrong-eof", 0, "probability of a wrong end of frame")
	fl.Float64Var(&f.Duplicate, "duplicate", 0, "probability that a frame is sent twice")
	fl.Float64Var(&f.Reorder, "reorder", 0, "probability that a frame is held back")
	fl.Float64Var(&f.Corrupt, "corrupt", 0, "probability of wrong data under a good CRC")
	fl.StringVar(&f.Scope, "fault-scope", "fcp", "which frames suffer: fcp, fc or all")
}

func ioFlags(c *cobra.Command, io *sim.IOConfig, readBack *bool, commands uint64) {
	fl := c.Flags()
	fl.IntVar(&io.Depth, "depth", 4, "commands in flight per target")
	fl.IntVar(&io.MaxBytes, "max-bytes", 32<<10, "longest READ or WRITE")
	fl.Uint64Var(&io.First, "first", 0, "first block of the region worked on")
	fl.Uint64Var(&io.Blocks, "blocks", 8192, "blocks of the region")
	fl.IntVar(&io.ReadPercent, "read-percent", 60, "share of READs")
	fl.Float64Var(&io.Rate, "rate", 0, "commands a second per target; 0 is as many as go")
	fl.Uint64Var(&io.Commands, "commands", commands, "end after so many per target; 0 is no limit")
	fl.BoolVar(readBack, "read-back", true, "read all that was written once more at the end")
	fl.DurationVar(&io.GiveUp, "give-up", time.Minute, "how long a command is tried")
}

func diskFlags(c *cobra.Command, d *sim.DiskConfig) {
	fl := c.Flags()
	fl.IntVar(&d.Units, "units", 1, "logical units")
	fl.Uint64Var(&d.Blocks, "disk-blocks", 64<<20/512, "blocks of 512 bytes of each")
	fl.BoolVar(&d.Shared, "shared", false, "all initiators see the same disks")
	fl.IntVar(&d.Burst, "burst", 0, "most bytes asked for by one FCP_XFER_RDY; 0 is all")
}

// run completes the node and runs it alone.
func (f *nodeFlags) run(c *cobra.Command, kind string) error {
	f.node.Kind = kind
	for _, p := range []struct {
		text string
		into interface{ UnmarshalText([]byte) error }
	}{{f.wwpn, &f.node.WWPN}, {f.mac, &f.node.MAC}, {f.nextHop, &f.node.NextHop}} {
		if p.text != "" {
			if err := p.into.UnmarshalText([]byte(p.text)); err != nil {
				return usageError{err}
			}
		}
	}
	for _, t := range f.targets {
		w, err := frame.ParseWWN(t)
		if err != nil {
			return usageError{fmt.Errorf("--target: %w", err)}
		}
		f.node.Targets = append(f.node.Targets, w)
	}
	f.node.IO.ReadBackAtEnd = &f.readBack
	f.cfg.Nodes = []sim.NodeConfig{f.node}
	return runFabric(c.Context(), &f.cfg, &f.out)
}

func initiatorCommand() *cobra.Command {
	var f nodeFlags
	c := &cobra.Command{
		Use:   "initiator --iface IFACE --wwpn WWPN",
		Short: "Run one initiator until its work, its time or a signal ends it",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return f.run(c, sim.KindInitiator) },
	}
	f.common(c)
	f.port(c)
	ioFlags(c, &f.node.IO, &f.readBack, 0)
	c.Flags().StringArrayVar(&f.targets, "target", nil, "WWPN of a target to work with (repeat); default: all found")
	return c
}

func targetCommand() *cobra.Command {
	var f nodeFlags
	c := &cobra.Command{
		Use:   "target --iface IFACE --wwpn WWPN",
		Short: "Run one target with disks in memory until a signal ends it",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return f.run(c, sim.KindTarget) },
	}
	f.common(c)
	f.port(c)
	diskFlags(c, &f.node.Disk)
	return c
}

func serviceCommand() *cobra.Command {
	var f nodeFlags
	c := &cobra.Command{
		Use:   "service --iface IFACE --mac MAC",
		Short: "Run an inline inspection service until a signal ends it (SIGUSR1: write counts)",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return f.run(c, sim.KindService) },
	}
	f.common(c)
	fl := c.Flags()
	fl.StringVar(&f.node.Mode, "mode", sim.ModeInline, "inline (hand back) or tap (only count)")
	fl.StringVar(&f.nextHop, "next-hop", "", "destination MAC of what is handed back; default: as it came")
	fl.DurationVar(&f.node.Delay, "delay", 0, "before a frame is handed back")
	fl.StringVar(&f.node.CountFile, "count-file", "", "write the counts to this JSON `file`")
	_ = c.MarkFlagRequired("mac")
	return c
}

func pcapCommand() *cobra.Command {
	var out output
	var dir string
	var readBack bool
	s := sim.Script{HostIface: "edge0", TargetIface: "fabric0"}
	c := &cobra.Command{
		Use:   "pcap --out DIR",
		Short: "Write the captures of a fabric: edge0.pcap is what hosts send, fabric0.pcap what targets send",
		Args:  cobra.NoArgs,
		RunE: func(_ *cobra.Command, _ []string) error {
			s.IO.ReadBackAtEnd = &readBack
			cfg, err := s.Config()
			if err != nil {
				return usageError{err}
			}
			r, err := sim.Capture(cfg, dir)
			if err != nil {
				return err
			}
			return out.finish(r)
		},
	}
	fl := c.Flags()
	fl.StringVar(&dir, "out", "", "`directory` for the captures")
	fl.IntVar(&s.Initiators, "initiators", 2, "how many hosts")
	fl.IntVar(&s.Targets, "targets", 2, "how many targets")
	fl.Uint16Var(&s.VLAN, "vlan", 0, "VLAN of the frames; 0 is no tag")
	fl.Uint64Var(&s.Seed, "seed", 1, "of everything random")
	fl.Float64Var(&s.TimeScale, "time-scale", 1, "factor on the protocol times")
	fl.StringVar(&s.OXIDs, "ox-ids", "reuse", "exchange identifiers: reuse (as Linux) or roll")
	ioFlags(c, &s.IO, &readBack, 100)
	diskFlags(c, &s.Disk)
	faultFlags(c, &s.Faults)
	out.flags(c)
	_ = c.MarkFlagRequired("out")
	return c
}
