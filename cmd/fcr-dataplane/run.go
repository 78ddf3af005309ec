package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/boot"
	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/engine"
)

type runOptions struct {
	boot, policy, segment string
	fresh, keep           bool
}

func runCommand() *cobra.Command {
	var o runOptions
	c := &cobra.Command{
		Use: "run --boot BOOT [--policy POLICY]", Short: "poll the ports until a signal", Args: cobra.NoArgs,
		Long: "Polls the ports of the boot file and applies the policy. SIGHUP reads the policy again (a bad one changes nothing),\n" +
			"SIGINT and SIGTERM drain and end. The segment stays, and the next start adopts logins and flows from it.",
		RunE: func(*cobra.Command, []string) error { return run(o) },
	}
	c.Flags().StringVar(&o.boot, "boot", "", "boot file (required)")
	c.Flags().StringVar(&o.policy, "policy", "", "policy document; without one everything is forwarded")
	c.Flags().StringVar(&o.segment, "segment", "", "folder of the segment, in place of segment.dir of the boot file")
	c.Flags().BoolVar(&o.fresh, "fresh", false, "adopt nothing from the segment of an earlier start")
	c.Flags().BoolVar(&o.keep, "keep-segment", true, "leave the segment for the next start")
	c.MarkFlagRequired("boot")
	return c
}

func run(o runOptions) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	cfg, err := loadBoot(o.boot, log)
	if err != nil {
		return err
	}
	flat, err := compileInChild(o.policy, cfg)
	if err != nil {
		return err
	}
	if o.segment != "" {
		cfg.Segment.Dir = o.segment
	}
	place, err := engine.Choose(cfg, log)
	if err != nil {
		return err
	}
	if err := engine.Settle(cfg.Lcores); err != nil {
		return err
	}
	if err := engine.StartEAL(cfg, place); err != nil {
		return err
	}
	defer dpdk.Cleanup()
	frames, clones, err := engine.Pools(cfg)
	if err != nil {
		return err
	}
	start := time.Now()
	e, err := engine.New(engine.Options{
		Boot: cfg, Dir: place.Dir, Fresh: o.fresh, Log: log, Clones: clones, Open: engine.Opener(cfg, frames),
	})
	if err != nil {
		return err
	}
	if flat != nil {
		if err := e.Apply(flat); err != nil {
			return errors.Join(err, e.Close())
		}
	}
	e.LogStart(time.Since(start))
	err = e.Run(signals(e, o.policy, cfg, log))
	if !o.keep {
		err = errors.Join(err, engine.Forget(place.Dir))
	}
	return errors.Join(err, e.Close())
}

// signals turns SIGINT and SIGTERM into the end of the context, and SIGHUP into a call for a new policy. The compiler
// runs in a goroutine of its own, so that control goes on; applying is control's.
func signals(e *engine.Engine, path string, cfg *boot.Config, log *slog.Logger) (context.Context, <-chan func() error) {
	ctx, _ := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	reload := make(chan func() error)
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	go func() {
		for range hup {
			flat, err := compileInChild(path, cfg)
			if err != nil {
				log.Error("policy not changed", "why", err)
				continue
			}
			select {
			case reload <- func() error { return e.Apply(flat) }:
			case <-ctx.Done():
				return
			}
		}
	}()
	return ctx, reload
}

// loadBoot reads the boot file and logs its warnings.
func loadBoot(path string, log *slog.Logger) (*boot.Config, error) {
	cfg, warnings, err := boot.Load(path)
	if err != nil {
		return nil, usageError{err}
	}
	for _, w := range warnings {
		log.Warn(w.Error())
	}
	return cfg, nil
}

// compileInChild compiles the policy at path and holds it against the boot file; nil without a path.
func compileInChild(path string, cfg *boot.Config) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	flat, err := engine.CompileInChild("compile", "--policy", path)
	if err != nil {
		return nil, usageError{err}
	}
	if err := engine.CheckPolicy(flat, cfg); err != nil {
		return nil, usageError{fmt.Errorf("%s: %w", path, err)}
	}
	return flat, nil
}
