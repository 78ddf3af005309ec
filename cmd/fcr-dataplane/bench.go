package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/bench"
)

type fastpathOptions struct {
	traffic      bench.Config
	rivals       []string
	runs         int
	measure      time.Duration
	output       string
	instructions bool
	dir, source  string
	daemon       string
}

func benchCommand() *cobra.Command {
	c := &cobra.Command{Use: "bench", Short: "measure the fast path against its rivals", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		return usageError{errors.New("bench: want one of: fastpath, jitter, load, soak")}
	}}
	c.AddCommand(fastpathCommand(), jitterCommand(), loadCommand(), soakCommand(), oursCommand())
	return c
}

func fastpathCommand() *cobra.Command {
	var o fastpathOptions
	c := &cobra.Command{
		Use: "fastpath", Short: "rates, ratios, latency and stages beside testpmd, a C loop and Open vSwitch", Args: cobra.NoArgs,
		Long: "Alternates ours with ci/bench/ref.c and the rivals named, on the same captures (net_pcap infinite_rx) and one core each,\n" +
			"and reports the medians of the rates and of the ratios within a round. Needs root and hugepages.",
		RunE: func(*cobra.Command, []string) error { return fastpath(o) },
	}
	f := c.Flags()
	f.IntVar(&o.traffic.Directions, "flows", 24000, "directions, of all lcores together")
	f.IntVar(&o.traffic.FrameBytes, "frame", 64, "bytes of a frame without FCS; 64 is the smallest there is")
	f.Uint16Var(&o.traffic.VLAN, "vlan", 0, "802.1Q tag on every frame, 0 for none")
	f.IntVar(&o.traffic.Lcores, "lcores", 1, "port pairs, one core each")
	f.Uint64Var(&o.traffic.Seed, "seed", 1, "of the order of the frames")
	f.StringSliceVar(&o.rivals, "rivals", []string{"testpmd", "ovs"}, "besides the C loop: testpmd, ovs, slowpath (ours while the management daemon reads all rings), or none")
	f.StringVar(&o.daemon, "daemon", "bin/fcr-mgmtd", "management daemon for slowpath")
	f.IntVar(&o.runs, "runs", 7, "rounds")
	f.DurationVar(&o.measure, "measure", bench.DefaultMeasure, "time measured in each run")
	f.StringVarP(&o.output, "output", "o", "table", "table or json")
	f.BoolVar(&o.instructions, "instructions", true, "count instructions per frame with callgrind, if valgrind is here")
	f.StringVar(&o.dir, "dir", "", "folder for the captures, 100 bytes a direction (default: a temporary one)")
	f.StringVar(&o.source, "ref", "ci/bench", "folder with the source of the C loop")
	return c
}

func fastpath(o fastpathOptions) (err error) {
	if o.output != "table" && o.output != "json" {
		return usageError{fmt.Errorf("--output %q: want table or json", o.output)}
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "fcr-bench-"); err != nil {
			return err
		}
		defer os.RemoveAll(o.dir)
	}
	s, err := bench.Prepare(o.traffic, o.dir)
	if err != nil {
		return usageError{err}
	}
	s.Measure = o.measure
	native, portable, err := bench.BuildRef(ctx, o.source, filepath.Join("build", "bench"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "the C loop is left out:", err)
	}
	contenders, err := contendersOf(o, native)
	if err != nil {
		return err
	}
	series, err := bench.Rounds(ctx, s, contenders, o.runs, func(round int, name string, r *bench.Result, err error) {
		if err != nil {
			fmt.Fprintf(os.Stderr, "round %d: %s: %v\n", round+1, name, err)
			return
		}
		fmt.Fprintf(os.Stderr, "round %d: %-8s %6.2f Mpps (waited %.0f%% of the time for its core)\n", round+1, name, r.Mpps, 100*r.Waited)
	})
	if err != nil {
		return err
	}
	report := bench.NewReport(s, series)
	if o.instructions {
		count(ctx, s, report, portable)
	}
	if o.output == "json" {
		return report.WriteJSON(os.Stdout)
	}
	return report.WriteTable(os.Stdout)
}

func contendersOf(o fastpathOptions, native string) ([]bench.Contender, error) {
	contenders := []bench.Contender{&ours{o: o}}
	if native != "" {
		contenders = append(contenders, &bench.Ref{Program: native})
	}
	for _, name := range o.rivals {
		switch name = strings.TrimSpace(name); name {
		case "testpmd":
			contenders = append(contenders, &bench.Testpmd{})
		case "ovs":
			contenders = append(contenders, &bench.OVS{})
		case bench.Slowpath:
			contenders = append(contenders, &ours{o: o, slowpath: o.daemon})
		case "ref", "none", "":
		default:
			return nil, usageError{fmt.Errorf("--rivals %s: want testpmd, ovs, slowpath or none", name)}
		}
	}
	return contenders, nil
}

// count adds the instructions per frame of ours and of the C loop.
func count(ctx context.Context, s *bench.Scenario, report *bench.Report, portable string) {
	few, many := bench.CountedFrames(s)
	commands := map[string]func(uint64) []string{bench.Ours: func(frames uint64) []string { return oursCommandLine(s, frames) }}
	if portable != "" {
		ref := &bench.Ref{Program: portable}
		commands["ref"] = func(frames uint64) []string { return ref.Command(s, frames) }
	}
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range commands {
			if !yield(name) {
				return
			}
		}
	}) {
		n, err := bench.CallgrindPerFrame(ctx, commands[name], few, many)
		if err != nil {
			fmt.Fprintf(os.Stderr, "instructions of %s: %v\n", name, err)
			continue
		}
		report.SetInstructions(name, n)
	}
}
