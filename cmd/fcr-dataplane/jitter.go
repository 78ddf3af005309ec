package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/bench"
)

// jitterCommand answers what a garbage-collected neighbour does to a poll loop.
func jitterCommand() *cobra.Command {
	o := fastpathOptions{traffic: bench.Config{Directions: 24000, Lcores: 1, Seed: 1}}
	c := &cobra.Command{
		Use: "jitter", Short: "burst latency beside a goroutine that allocates 100 MB/s, and of the C loop", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return jitter(o) },
	}
	c.Flags().IntVar(&o.runs, "runs", 5, "rounds")
	c.Flags().DurationVar(&o.measure, "measure", 5*time.Second, "time measured in each run")
	c.Flags().StringVarP(&o.output, "output", "o", "table", "table or json")
	c.Flags().StringVar(&o.source, "ref", "ci/bench", "folder with the source of the C loop")
	return c
}

// allocating is ours beside a goroutine that allocates.
type allocating struct{ ours }

func (*allocating) Name() string { return "ours beside 100 MB/s" }

func jitter(o fastpathOptions) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	dir, err := os.MkdirTemp("", "fcr-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := bench.Prepare(o.traffic, dir)
	if err != nil {
		return err
	}
	s.Measure = o.measure
	contenders := []bench.Contender{&ours{o: o}, &allocating{ours{o: o, allocate: 100}}}
	native, _, err := bench.BuildRef(ctx, o.source, filepath.Join("build", "bench"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "the C loop is left out:", err)
	} else {
		contenders = append(contenders, &bench.Ref{Program: native})
	}
	series, err := bench.Rounds(ctx, s, contenders, o.runs, nil)
	if err != nil {
		return err
	}
	report := bench.NewReport(s, series)
	if o.output == "json" {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(report.Latency)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "received to sent, µs\tP50\tP99\tP99.99\tworst\tcore taken away")
	for _, c := range series {
		l, r := report.Latency[c.Name], report.Runs[c.Name]
		if l == nil {
			continue
		}
		taken := 0.0
		for _, v := range r.Waited {
			taken = max(taken, v)
		}
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.1f\t%.0f\t%.1f%%\n", c.Name, l.P50/1e3, l.P99/1e3, l.P9999/1e3, l.Max/1e3, 100*taken)
	}
	return w.Flush()
}

// allocate takes memory at a rate of MB/s until the context ends, in pieces as a JSON decoder would.
func allocate(ctx context.Context, megabytes int) {
	const piece, pause = 4096, time.Millisecond
	tick := time.NewTicker(pause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			for range megabytes * 1e6 / piece / int(time.Second/pause) {
				allocated = make([]byte, piece)
			}
		}
	}
}

// allocated keeps the compiler from leaving the allocation out.
var allocated []byte
