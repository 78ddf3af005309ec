package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/boot"
	"fcredirect/mgmt/bench"
	"fcredirect/mgmt/bench/replication"
	"fcredirect/mgmt/bus"
)

func benchCommand() *cobra.Command {
	c := &cobra.Command{Use: "bench", Short: "measure the slow path", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		return usageError{errors.New("bench: want one of: slowpath, peer, bus")}
	}}
	helper := &cobra.Command{Use: "helper", Hidden: true, Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		return bench.Helper(os.Stdin, os.Stdout)
	}}
	c.AddCommand(slowpathCommand(), peerCommand(), busCommand(), helper)
	return c
}

func slowpathCommand() *cobra.Command {
	var o bench.Options
	var output string
	c := &cobra.Command{
		Use: "slowpath", Short: "synchronous, asynchronous and ours side by side, beside the papers' figures", Args: cobra.NoArgs,
		Long: "Measures three ways to do the same slow work (peer, PostgreSQL, monitoring, audit; all real) for the same frames, in turns,\n" +
			"with a private PostgreSQL in a scratch folder. Takes a minute and a half. A goal that is not met is said and is no error.",
		RunE: func(*cobra.Command, []string) error { return slowpath(o, output) },
	}
	f := c.Flags()
	f.IntVar(&o.Flows, "flows", bench.DefaultFlows, "flows, of two directions each")
	f.IntVar(&o.Rounds, "rounds", bench.DefaultRounds, "rounds, in each of which every variant is measured")
	f.Float64Var(&o.Seconds, "seconds", bench.DefaultSeconds, "time of each measurement")
	f.Float64Var(&o.Offered, "offered", bench.DefaultOffered, "frames per second where loss is measured")
	f.IntVar(&o.Ring, "ring", bench.DefaultRing,
		fmt.Sprintf("items of a ring of state, as in rings: {state: …} of the boot file, whose default is %d", boot.DefaultStateItems))
	f.StringVar(&o.Dir, "dir", "", "folder on the disk to be measured (default: that for temporary files)")
	f.StringVarP(&output, "output", "o", "table", "table or json")
	return c
}

func slowpath(o bench.Options, output string) (err error) {
	if output != "table" && output != "json" {
		return usageError{fmt.Errorf("--output %q: want table or json", output)}
	}
	if o.Command, err = bench.OwnCommand("bench", "helper"); err != nil {
		return err
	}
	if err := o.Complete(); err != nil {
		return usageError{err}
	}
	o.Log = os.Stderr
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	r, err := bench.Slowpath(ctx, o)
	if err != nil {
		return err
	}
	if output == "json" {
		return r.WriteJSON(os.Stdout)
	}
	return r.WriteTable(os.Stdout)
}

func peerCommand() *cobra.Command {
	var o replication.Options
	var output string
	c := &cobra.Command{
		Use: "peer", Short: "one message for each change beside ours, beside the papers' figures", Args: cobra.NoArgs,
		Long: "Sends the same changes to another node in three ways: a message each, answered or pipelined, and as peer sync does it. Both nodes\n" +
			"are in this process, with TLS between them. Takes three minutes. A goal that is not met is said and is no error.",
		RunE: func(*cobra.Command, []string) error { return benchPeer(o, output) },
	}
	f := c.Flags()
	f.IntVar(&o.Flows, "flows", 0, fmt.Sprintf("flows, of two directions each (default %d)", replication.DefaultFlows))
	f.IntVar(&o.Rounds, "rounds", 0, fmt.Sprintf("rounds, in each of which everything is measured (default %d)", replication.DefaultRounds))
	f.Float64Var(&o.Seconds, "seconds", 0, fmt.Sprintf("time of each measurement (default %g)", replication.DefaultSeconds))
	f.Float64Var(&o.Rate, "rate", 0, fmt.Sprintf("changes per second (default %d)", replication.DefaultRate))
	f.Float64Var(&o.Link, "link", 0, fmt.Sprintf("bits per second of the shaped link (default %g)", replication.DefaultLink))
	f.IntVar(&o.Newcomer, "newcomer", 0, fmt.Sprintf("flows that a newcomer is told (default %d)", replication.DefaultNewcomer))
	f.BoolVar(&o.Quick, "quick", false, "some seconds in all, with few flows: to see that it works")
	f.StringVarP(&output, "output", "o", "table", "table or json")
	return c
}

func benchPeer(o replication.Options, output string) error {
	if output != "table" && output != "json" {
		return usageError{fmt.Errorf("--output %q: want table or json", output)}
	}
	if err := o.Complete(); err != nil {
		return usageError{err}
	}
	o.Log = os.Stderr
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	r, err := replication.Measure(ctx, o)
	if err != nil {
		return err
	}
	if output == "json" {
		return r.WriteJSON(os.Stdout)
	}
	return r.WriteTable(os.Stdout)
}

func busCommand() *cobra.Command {
	var o bus.BenchOptions
	var output string
	c := &cobra.Command{
		Use: "bus", Short: "what a request to another process takes", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return benchBus(o, output) },
	}
	f := c.Flags()
	f.StringVar(&o.Dir, "dir", "", "folder for a segment, on tmpfs or hugetlbfs (default: in /dev/shm)")
	f.DurationVar(&o.Each, "each", 500*time.Millisecond, "time for each figure")
	f.StringVarP(&output, "output", "o", "table", "table or json")
	return c
}

func benchBus(o bus.BenchOptions, output string) error {
	if output != "table" && output != "json" {
		return usageError{fmt.Errorf("--output %q: want table or json", output)}
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	r, err := bus.Bench(ctx, o)
	if err != nil {
		return err
	}
	if output == "json" {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "ns\tbest\tmedian\t")
	for _, f := range []struct {
		name string
		is   bus.Figure
	}{
		{"one message by the bare ring, one way", r.RingOneWay}, {"each of many by the bare ring", r.RingItem},
		{"call, one way", r.CallOneWay}, {"call, round trip", r.CallRound}, {"call, handler in a goroutine of its own", r.CallWorker},
		{"each of 64 callers' calls", r.CallMany}, {"call in the same process", r.CallLocal}, {"answer of 1 MiB", r.Bulk},
	} {
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t\n", f.name, f.is.Best, f.is.Median)
	}
	return w.Flush()
}
