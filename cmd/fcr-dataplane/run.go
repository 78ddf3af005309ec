package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"fcredirect/dataplane/boot"
	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/engine"
	"fcredirect/dataplane/revision"
)

type runOptions struct {
	boot, policy, segment, state string
	fresh, keep                  bool
}

func runCommand() *cobra.Command {
	var o runOptions
	c := &cobra.Command{
		Use: "run --boot BOOT [--policy POLICY]", Short: "poll the ports until a signal", Args: cobra.NoArgs,
		Long: "Polls the ports of the boot file by the policy that was confirmed last. The file of --policy is the one to begin with when\n" +
			"none was; afterwards it is read on SIGHUP, as the next revision, confirmed (a bad one changes nothing). SIGINT and SIGTERM\n" +
			"drain and end. The segment stays, and the next start adopts logins and flows from it.",
		RunE: func(*cobra.Command, []string) error { return run(o) },
	}
	c.Flags().StringVar(&o.boot, "boot", "", "boot file (required)")
	c.Flags().StringVar(&o.policy, "policy", "", "policy document to begin with; without one everything is forwarded")
	c.Flags().StringVar(&o.segment, "segment", "", "folder of the segment, in place of segment.dir of the boot file")
	c.Flags().StringVar(&o.state, "state-dir", "", "folder of what outlives a reboot, in place of state-dir of the boot file")
	c.Flags().BoolVar(&o.fresh, "fresh", false, "adopt nothing from the segment of an earlier start")
	c.Flags().BoolVar(&o.keep, "keep-segment", true, "leave the segment for the next start")
	c.MarkFlagRequired("boot")
	return c
}

func run(o runOptions) error {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP) // first of all: one that comes before we poll waits, and does not end us
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	cfg, err := loadBoot(o.boot, log)
	if err != nil {
		return err
	}
	if err := lcoresAreHere(cfg); err != nil {
		return usageError{fmt.Errorf("%s: %w", o.boot, err)}
	}
	if o.state != "" {
		cfg.StateDir = o.state
	}
	folder, err := revision.OpenFolder(cfg.StateDir, cfg.Node)
	if err != nil {
		log.Warn("no policy can be installed but from the console, and none outlives the segment: name a state-dir that can be written", "why", err)
	}
	seed, err := seedOf(o, cfg, folder, log)
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
	if taken(place.Dir) {
		return fmt.Errorf("node %s: a data plane runs on %s: stop it, or give this one a node name or segment.dir of its own", cfg.Node, place.Dir)
	}
	log.Info("segment", "dir", place.Dir, "hugepages", place.Huge)
	if err := engine.Settle(cfg.Lcores); err != nil {
		return err
	}
	if err := engine.Prefer(); err != nil {
		log.Info("running at the priority of other programs", "why", err)
	}
	if err := engine.StartEAL(cfg, place); err != nil {
		return advise(err, cfg)
	}
	defer dpdk.Cleanup()
	frames, clones, err := engine.Pools(cfg)
	if err != nil {
		return err
	}
	start := time.Now()
	e, err := engine.New(engine.Options{
		Boot: cfg, Dir: place.Dir, Fresh: o.fresh, Log: log, Clones: clones, Open: engine.Opener(cfg, frames), Folder: folder, Seed: seed,
	})
	if err != nil {
		return advise(err, cfg)
	}
	e.LogStart(time.Since(start))
	err = e.Run(signals(e, hup, o.policy, log))
	if !o.keep {
		err = errors.Join(err, engine.Forget(place.Dir))
	}
	return errors.Join(err, e.Close())
}

// lcoresAreHere says which lcore names a CPU that this process may not run on.
func lcoresAreHere(cfg *boot.Config) error {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return fmt.Errorf("cpu affinity: %w", err)
	}
	var mine []string
	for cpu := range boot.MaxLcoreID + 1 {
		if set.IsSet(cpu) {
			mine = append(mine, strconv.Itoa(cpu))
		}
	}
	for _, cpu := range cfg.Lcores {
		if !set.IsSet(cpu) {
			return fmt.Errorf("lcore %d: this process may run on the CPUs %s; name some of them in lcores", cpu, strings.Join(mine, ", "))
		}
	}
	return nil
}

// taken says whether a living data plane holds the segment in dir. It is asked before DPDK starts, whose own complaint
// about a second process says nothing of nodes.
func taken(dir string) bool {
	f, err := os.Open(filepath.Join(dir, "state"))
	if err != nil {
		return false
	}
	defer f.Close()
	return unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB) == unix.EWOULDBLOCK
}

// advise adds to those errors of DPDK that say nothing of what to do a hint in the boot file's language.
func advise(err error, cfg *boot.Config) error {
	failed := (*dpdk.Error)(nil)
	if !errors.As(err, &failed) {
		return err
	}
	hint := ""
	switch {
	case strings.Contains(failed.Detail, "Cannot create lock"):
		failed.Hint = "" // it speaks of DPDK's file prefix, which is made of the node's name
		hint = fmt.Sprintf("a data plane of node %s runs already, on another segment: stop it, or give this one another node", cfg.Node)
	case strings.Contains(failed.Detail, "failed to parse device"):
		hint = "DPDK has no such driver here: a device is a PCI address or a virtual device, such as net_af_packet0,iface=eth1"
	case strings.Contains(failed.Detail, "Could not open AF_PACKET socket"):
		hint = "run as root, or give the program CAP_NET_RAW"
	default:
		return err
	}
	return fmt.Errorf("%w: %s", err, hint)
}

// seedOf compiles the policy to begin with, when none was ever confirmed.
func seedOf(o runOptions, cfg *boot.Config, folder *revision.Folder, log *slog.Logger) (*revision.Seed, error) {
	if folder == nil {
		if seed, found, err := unwritable(cfg, log); found || err != nil {
			return seed, err
		}
	}
	if o.policy == "" {
		return nil, nil
	}
	if folder != nil {
		if saved, _, _, found, _ := folder.Load(); found {
			log.Info("the confirmed policy is in force; the file is read on SIGHUP", "revision", saved.Revision, "file", o.policy)
			return nil, nil
		}
	}
	seed, err := engine.CompileInChild(o.policy, o.boot, folder)
	if err != nil {
		return nil, usageError{err}
	}
	if err := engine.CheckPolicy(seed.Flat, cfg); err != nil {
		return nil, usageError{fmt.Errorf("%s: %w", o.policy, err)}
	}
	return seed, nil
}

// unwritable is the confirmed policy of a folder that cannot be written to, as when a disk has failed and is mounted to be
// read: it stays in force. found says that there is one.
func unwritable(cfg *boot.Config, log *slog.Logger) (seed *revision.Seed, found bool, err error) {
	saved, flat, found, err := revision.Look(cfg.StateDir, cfg.Node)
	switch {
	case !found && errors.Is(err, revision.ErrForeign):
		return nil, false, usageError{err}
	case err != nil && !errors.Is(err, revision.ErrNone):
		log.Error("the confirmed policy cannot be read as it should", "why", err, "found", found)
	}
	if !found {
		return nil, false, nil
	}
	log.Info("the confirmed policy is in force", "revision", saved.Revision)
	if len(flat) == 0 { // everything is forwarded
		return nil, true, nil
	}
	return &revision.Seed{Flat: flat, Document: saved.Document, Revision: saved.Revision}, true, nil
}

// signals turns SIGINT and SIGTERM into the end of the context, and what comes from hup into a call for a new policy.
func signals(e *engine.Engine, hup <-chan os.Signal, path string, log *slog.Logger) (context.Context, <-chan func() error) {
	ctx, _ := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	reload := make(chan func() error)
	go func() {
		for range hup {
			if path == "" {
				log.Warn("nothing to read again: no --policy was given")
				continue
			}
			select {
			case reload <- func() error { return e.Reload(path) }:
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
