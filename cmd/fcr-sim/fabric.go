package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/sim"
)

// output is what a run leaves behind.
type output struct {
	json  string
	quiet bool
}

func (o *output) flags(c *cobra.Command) {
	c.Flags().StringVar(&o.json, "json", "", "write the report to this `file` (- for standard output)")
	c.Flags().BoolVar(&o.quiet, "quiet", false, "print no summary")
}

// finish writes the report and turns it into an exit status.
func (o *output) finish(r *sim.Report) error {
	if o.json != "" {
		if err := sim.WriteJSON(o.json, r); err != nil {
			return err
		}
	}
	if !o.quiet {
		r.Summary(os.Stderr)
	}
	if !r.OK {
		return errNotGood
	}
	return nil
}

// runFabric runs a fabric on real interfaces. SIGUSR1 writes the services' count files.
func runFabric(ctx context.Context, cfg *sim.Config, out *output) error {
	if err := cfg.Complete(); err != nil {
		return usageError{err}
	}
	f, err := sim.New(cfg, sim.PacketWires)
	if err != nil {
		return err
	}
	defer f.Close()
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	defer signal.Stop(asked)
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	for {
		select {
		case <-asked:
			if err := f.WriteCounts(true); err != nil {
				fmt.Fprintln(os.Stderr, "fcr-sim:", err)
			}
			continue
		case err = <-ended:
		}
		break
	}
	if err != nil {
		return err
	}
	if err := f.WriteCounts(false); err != nil {
		return err
	}
	return out.finish(f.Report())
}

func runCommand() *cobra.Command {
	var out output
	var config, countFile string
	var duration time.Duration
	var scale float64
	var commands uint64
	c := &cobra.Command{
		Use:   "run --config fabric.yaml",
		Short: "Run all nodes of a fabric in one process",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := sim.LoadConfig(config)
			if err != nil {
				return usageError{err}
			}
			if c.Flags().Changed("duration") {
				cfg.Duration = duration
			}
			if c.Flags().Changed("time-scale") {
				cfg.TimeScale = scale
			}
			for i := range cfg.Nodes {
				n := &cfg.Nodes[i]
				if n.Kind == sim.KindInitiator && c.Flags().Changed("commands") {
					n.IO.Commands = commands
				}
				if n.Kind == sim.KindService && countFile != "" {
					n.CountFile = countFile
				}
			}
			return runFabric(c.Context(), cfg, &out)
		},
	}
	c.Flags().StringVar(&config, "config", "", "the fabric, a YAML `file`")
	c.Flags().DurationVar(&duration, "duration", 0, "how long initiators work, in place of the file's")
	c.Flags().Float64Var(&scale, "time-scale", 1, "factor on the protocol times, in place of the file's")
	c.Flags().Uint64Var(&commands, "commands", 0, "commands per initiator and target, in place of the file's")
	c.Flags().StringVar(&countFile, "count-file", "", "where the service writes its counts, in place of the file's")
	out.flags(c)
	_ = c.MarkFlagRequired("config")
	return c
}
