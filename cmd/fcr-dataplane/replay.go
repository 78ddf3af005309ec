package main

import (
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/engine"
)

type replayOptions struct {
	boot, policy, out, report string
	in                        []string
}

func replayCommand() *cobra.Command {
	var o replayOptions
	c := &cobra.Command{
		Use: "replay --boot BOOT [--policy POLICY] --in PORT=FILE … --out DIR --report FILE", Short: "captures in, captures and a report out",
		Long: "Injects captures into the lcores' code through ports made of rings (the devices of the boot file are not opened), in the\n" +
			"order of the capture times, and writes DIR/PORT.pcap for what left each port. The same input gives the same output.",
		Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error { return replay(o) },
	}
	c.Flags().StringVar(&o.boot, "boot", "", "boot file (required)")
	c.Flags().StringVar(&o.policy, "policy", "", "policy document; without one everything is forwarded")
	c.Flags().StringArrayVar(&o.in, "in", nil, "PORT=FILE: a capture that arrives on a port (once or more)")
	c.Flags().StringVar(&o.out, "out", "", "folder for the captures of what left (required)")
	c.Flags().StringVar(&o.report, "report", "", "file for the report, JSON")
	for _, name := range []string{"boot", "in", "out"} {
		c.MarkFlagRequired(name)
	}
	return c
}

func replay(o replayOptions) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	cfg, err := loadBoot(o.boot, log)
	if err != nil {
		return err
	}
	r := engine.Replay{Boot: cfg, Out: o.out, Log: log}
	for _, in := range o.in {
		port, path, ok := strings.Cut(in, "=")
		if !ok {
			return usageError{fmt.Errorf("--in %s: want PORT=FILE, such as edge0=a.pcap", in)}
		}
		r.Inputs = append(r.Inputs, engine.Input{Port: port, Path: path})
	}
	if o.policy != "" {
		if r.Policy, err = compilePolicy(o.policy, cfg); err != nil {
			return err
		}
	}
	// A replay needs neither hugepages nor privileges, and several may run at once.
	if err := dpdk.Init([]string{"--no-huge", "--no-pci", "--no-shconf", "--no-telemetry", "-m", "256", fmt.Sprintf("--file-prefix=fcr-replay-%d", os.Getpid())}); err != nil {
		return err
	}
	defer dpdk.Cleanup()
	report, err := r.Run()
	if err != nil {
		return err
	}
	if o.report != "" {
		return report.WriteFile(o.report)
	}
	return nil
}
