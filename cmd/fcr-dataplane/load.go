package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/bench"
	"fcredirect/dataplane/boot"
	"fcredirect/dataplane/command"
	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/engine"
	"fcredirect/dataplane/login"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/revision"
)

// loadOptions is a data plane at the highest rate, for tests of what stands beside it.
type loadOptions struct {
	node, segment string
	state         string // folder; empty: no change of configuration by others
	flows         int
	rings         boot.Rings // 0: the boot file's defaults
	fresh         bool
	turn          time.Duration // 0: never
}

func loadCommand() *cobra.Command {
	var o loadOptions
	c := &cobra.Command{
		Use: "load --node NODE --segment DIR", Short: "the highest rate for whoever reads the segment: ends when told, with its books", Args: cobra.NoArgs,
		Long: "Runs a data plane whose ports always have a frame, on a segment of its own that stays, as run does. SIGUSR1 ends the load and\n" +
			"leaves the data plane at rest, SIGTERM ends it. With --turn the policy comes and goes, which makes events. It prints the books of its ports and fails when they do not balance.",
		RunE: func(*cobra.Command, []string) error { return runLoad(o) },
	}
	f := c.Flags()
	f.StringVar(&o.node, "node", "", "name of the node (required)")
	f.StringVar(&o.segment, "segment", "", "folder of the segment (required)")
	f.IntVar(&o.flows, "flows", 24000, "directions")
	f.IntVar(&o.rings.State, "rings-state", 0, "items in a ring of flow and login updates")
	f.IntVar(&o.rings.Events, "rings-events", 0, "items in a ring of events")
	f.IntVar(&o.rings.Shards, "rings-shards", 0, "instances that may share the store's work")
	f.BoolVar(&o.fresh, "fresh", false, "adopt nothing from the segment of an earlier start")
	f.StringVar(&o.state, "state-dir", "", "folder of what outlives a reboot: the policy is the one to begin with, and others may install another")
	f.DurationVar(&o.turn, "turn", 0, "apply the policy and an empty one in turn, each for so long; 0 leaves it")
	_, _ = c.MarkFlagRequired("node"), c.MarkFlagRequired("segment")
	return c
}

func runLoad(o loadOptions) (err error) {
	hold := make(chan os.Signal, 1)
	signal.Notify(hold, syscall.SIGUSR1)
	dir, err := os.MkdirTemp("", "fcr-load-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	s, err := bench.Prepare(bench.Config{Directions: o.flows, Lcores: 1, Seed: 1}, dir)
	if err != nil {
		return usageError{err}
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	cfg, err := o.boot(filepath.Join(dir, bench.BootFile), log)
	if err != nil {
		return err
	}
	policies, err := o.policies(filepath.Join(dir, bench.PolicyFile), cfg)
	if err != nil {
		return err
	}
	folder, seed, err := o.begin(filepath.Join(dir, bench.PolicyFile), policies[0])
	if err != nil {
		return err
	}
	e, err := o.build(cfg, s.Traffic, log, folder, seed)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, e.Close(), dpdk.Cleanup()) }()
	if folder == nil {
		if err := e.Apply(policies[0]); err != nil {
			return err
		}
	}
	e.LogStart(0)
	result, err := o.run(e, hold, policies)
	if err != nil {
		return err
	}
	enc := json.NewEncoder(os.Stdout)
	enc.SetIndent("", "  ")
	if err := enc.Encode(result); err != nil {
		return err
	}
	if !result.Balanced {
		return fmt.Errorf("load: %v", result.Problems)
	}
	return nil
}

// boot is the scenario's boot file with what the options say.
func (o *loadOptions) boot(path string, log *slog.Logger) (*boot.Config, error) {
	cfg, err := loadBoot(path, log)
	if err != nil {
		return nil, err
	}
	cfg.Node, cfg.Segment.Dir = o.node, o.segment
	for _, r := range []struct {
		asked int
		to    *int
	}{{o.rings.State, &cfg.Rings.State}, {o.rings.Events, &cfg.Rings.Events}, {o.rings.Shards, &cfg.Rings.Shards}} {
		if r.asked != 0 {
			*r.to = r.asked
		}
	}
	return cfg, nil
}

// begin is what a data plane begins with into whose configuration others may have a say.
func (o *loadOptions) begin(path string, flat []byte) (*revision.Folder, *revision.Seed, error) {
	if o.state == "" {
		return nil, nil, nil
	}
	folder, err := revision.OpenFolder(o.state, o.node)
	if err != nil {
		return nil, nil, err
	}
	text, err := policy.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	sha, err := command.Keep(folder.Documents(), text)
	return folder, &revision.Seed{Flat: flat, Document: sha}, err
}

// build makes the engine as run does, and gives it the logins.
func (o *loadOptions) build(cfg *boot.Config, traffic *bench.Traffic, log *slog.Logger, folder *revision.Folder, seed *revision.Seed) (*engine.Engine, error) {
	place, err := engine.Choose(cfg, log)
	if err != nil {
		return nil, err
	}
	if taken(place.Dir) {
		return nil, fmt.Errorf("a data plane runs on %s", place.Dir)
	}
	if err := engine.Settle(cfg.Lcores); err != nil {
		return nil, err
	}
	if err := engine.Prefer(); err != nil {
		log.Info("running at the priority of other programs", "why", err)
	}
	if err := engine.StartEAL(cfg, place); err != nil {
		return nil, err
	}
	frames, clones, err := engine.Pools(cfg)
	if err != nil {
		return nil, err
	}
	var logins []login.Login
	for l := range traffic.Logins() {
		logins = append(logins, login.Login{
			Addr: login.At(l.Fabric, l.VLAN, l.ID), WWPN: l.WWPN, WWNN: l.WWNN, MAC: l.MAC, Port: uint8(cfg.PortIndex(l.Port)),
			State: login.Live, FirstSeen: time.Now().UnixNano(), LastSeen: time.Now().UnixNano(),
		})
	}
	return engine.New(engine.Options{
		Boot: cfg, Dir: place.Dir, Fresh: o.fresh, Log: log, Clones: clones, Logins: logins, Open: engine.Opener(cfg, frames), Folder: folder, Seed: seed,
	})
}

// policies are the scenario's, and one with the same services that redirects nothing.
func (o *loadOptions) policies(path string, cfg *boot.Config) (compiled [2][]byte, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return compiled, err
	}
	services, _, _ := bytes.Cut(text, []byte("policies:"))
	if err := os.WriteFile(path+".empty", append(services, "policies: []\n"...), 0o600); err != nil {
		return compiled, err
	}
	for i, p := range []string{path, path + ".empty"} {
		if compiled[i], err = compilePolicy(p, cfg); err != nil {
			return compiled, err
		}
	}
	return compiled, nil
}

// run polls until SIGTERM, and keeps the books.
func (o *loadOptions) run(e *engine.Engine, hold <-chan os.Signal, policies [2][]byte) (*soakResult, error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	reload := make(chan func() error)
	go o.command(ctx, e, hold, reload, policies)
	before := e.Look()
	if err := e.Run(ctx, reload); err != nil {
		return nil, err
	}
	now := e.Look()
	r := &soakResult{Seconds: now.At.Sub(before.At).Seconds(), HeapEnd: e.Heap(), GCCycles: e.Collections(), Problems: []string{}}
	for i := range now.Lcores {
		r.Stalls += now.Lcores[i].Stalls
		r.WorstStall = max(r.WorstStall, float64(now.Lcores[i].WorstStall)*1e6/float64(dpdk.TSCHz()))
	}
	r.balance(now.Ports)
	r.Mpps = float64(r.FramesIn) / r.Seconds / 1e6
	r.Balanced = len(r.Problems) == 0
	return r, nil
}

// command lets the policy come and go until the load is to end, and ends it.
func (o *loadOptions) command(ctx context.Context, e *engine.Engine, hold <-chan os.Signal, reload chan<- func() error, policies [2][]byte) {
	var turn <-chan time.Time
	if o.turn > 0 {
		tick := time.NewTicker(o.turn)
		defer tick.Stop()
		turn = tick.C
	}
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-hold:
			e.Hold()
			return
		case <-turn:
		}
		select {
		case <-ctx.Done():
			return
		case reload <- func() error { return e.Apply(policies[n%2]) }:
		}
	}
}
