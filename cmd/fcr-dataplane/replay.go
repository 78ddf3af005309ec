package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/boot"
	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/engine"
	"fcredirect/dataplane/pcap"
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
		input, err := o.input(in, cfg)
		if err != nil {
			return usageError{err}
		}
		r.Inputs = append(r.Inputs, input)
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

// input reads one --in, and looks whether it can be replayed before anything is written.
func (o *replayOptions) input(in string, cfg *boot.Config) (engine.Input, error) {
	port, path, ok := strings.Cut(in, "=")
	if !ok || port == "" || path == "" {
		return engine.Input{}, fmt.Errorf("--in %s: want PORT=FILE, such as edge0=a.pcap", in)
	}
	if cfg.PortIndex(port) < 0 {
		return engine.Input{}, fmt.Errorf("--in %s: the boot file has no port %s; it has %s", in, port, portNames(cfg))
	}
	f, err := os.Open(path)
	if err != nil {
		return engine.Input{}, fmt.Errorf("--in %s: %w", in, err)
	}
	defer f.Close()
	r, err := pcap.NewReader(f)
	if err != nil {
		return engine.Input{}, fmt.Errorf("--in %s: %w", in, err)
	}
	if kind := r.LinkType(); kind != pcap.LinkEthernet {
		return engine.Input{}, fmt.Errorf("--in %s: link type %d is not Ethernet: capture on the interface itself, not on any", in, kind)
	}
	written := []string{o.report}
	for _, p := range cfg.Ports {
		written = append(written, filepath.Join(o.out, p.Name+".pcap"))
	}
	for _, w := range written {
		if same(f, w) {
			return engine.Input{}, fmt.Errorf("--in %s: %s would be written over it: choose another folder or file for the output", in, w)
		}
	}
	return engine.Input{Port: port, Path: path}, nil
}

func portNames(cfg *boot.Config) string {
	var names []string
	for _, p := range cfg.Ports {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

// same says whether path is the open file, by whatever name.
func same(f *os.File, path string) bool {
	a, err1 := f.Stat()
	b, err2 := os.Stat(path)
	return err1 == nil && err2 == nil && os.SameFile(a, b)
}
