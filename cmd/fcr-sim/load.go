package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/sim"
	"fcredirect/dataplane/sim/load"
	"fcredirect/dataplane/sim/wire"
)

// loadFlags are what load and sink have in common.
type loadFlags struct {
	shape        load.Shape
	iface, netns string
	json         string
}

func (f *loadFlags) flags(c *cobra.Command) {
	fl := c.Flags()
	fl.StringVar(&f.iface, "iface", "", "the `interface`")
	fl.StringVar(&f.netns, "netns", "", "the network `namespace` it is in")
	fl.IntVar(&f.shape.Flows, "flows", 1000, "initiator-target pairs")
	fl.IntVar(&f.shape.Targets, "targets", 0, "targets among them; 0 is about the square root of the flows")
	fl.Uint16Var(&f.shape.VLAN, "vlan", 0, "VLAN of the frames; 0 is no tag")
	fl.IntVar(&f.shape.Bytes, "frame-bytes", 172, "length of the Ethernet frame without FCS")
	fl.StringVar(&f.json, "json", "", "write the report to this `file` (- for standard output)")
	_ = c.MarkFlagRequired("iface")
}

func (f *loadFlags) open() (*wire.Packet, error) {
	if err := f.shape.Complete(); err != nil {
		return nil, usageError{err}
	}
	return wire.Open(f.iface, f.netns)
}

func (f *loadFlags) write(report any) error {
	if f.json == "" {
		return nil
	}
	return sim.WriteJSON(f.json, report)
}

func loadCommand() *cobra.Command {
	var f loadFlags
	var g load.Generator
	c := &cobra.Command{
		Use:   "load --iface IFACE --flows N",
		Short: "Send the frames of many flows, at a rate or as fast as they go",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			w, err := f.open()
			if err != nil {
				return err
			}
			defer w.Close()
			g.Shape = f.shape
			defer context.AfterFunc(c.Context(), g.Stop)()
			r, err := g.Run(w)
			if err != nil {
				return err
			}
			fmt.Fprintf(os.Stderr, "sent %d frames of %d flows in %.1f s (%.0f/s), %d refused\n",
				r.Sent, r.Flows, r.Seconds, r.PerSecond, r.Refused)
			return f.write(r)
		},
	}
	f.flags(c)
	fl := c.Flags()
	fl.Float64Var(&g.Rate, "rate", 0, "frames a second over all flows; 0 is as many as go")
	fl.Uint64Var(&g.Frames, "frames", 0, "end after so many; 0 is no limit")
	fl.DurationVar(&g.Duration, "duration", 10*time.Second, "end after so long; 0 is no limit")
	fl.BoolVar(&g.Announce, "announce", false, "claim the initiators' addresses by VN2VN")
	return c
}

func sinkCommand() *cobra.Command {
	var f loadFlags
	var s load.Sink
	var perFlow bool
	c := &cobra.Command{
		Use:   "sink --iface IFACE --flows N",
		Short: "Count what arrives of the flows of load (give it the same --flows and --targets)",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			w, err := f.open()
			if err != nil {
				return err
			}
			defer w.Close()
			s.Shape = f.shape
			defer context.AfterFunc(c.Context(), s.Stop)()
			r, err := s.Run(w, perFlow)
			if err != nil {
				return err
			}
			fmt.Fprintf(os.Stderr, "received %d frames of %d flows: %d unique, %d duplicates, %d lost, %d bad CRC, %d dropped by the kernel\n",
				r.Received, r.Flows, r.Unique, r.Duplicates, r.Lost, r.BadCRC, r.Dropped)
			return f.write(r)
		},
	}
	f.flags(c)
	fl := c.Flags()
	fl.DurationVar(&s.Duration, "duration", 0, "end after so long; 0 is until a signal")
	fl.DurationVar(&s.Idle, "idle", 0, "end when frames have come and then none for so long")
	fl.Uint64Var(&s.Frames, "frames", 0, "end after so many; 0 is no limit")
	fl.BoolVar(&s.Announce, "announce", false, "claim the targets' addresses by VN2VN")
	fl.BoolVar(&perFlow, "per-flow", false, "list the frames of each flow in the report")
	return c
}
