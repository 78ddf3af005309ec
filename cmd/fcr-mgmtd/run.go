package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/yamlconf"
	"fcredirect/mgmt/config"
	"fcredirect/mgmt/system"
)

// databaseEnv holds a DSN: unlike an argument it does not stand in ps.
const databaseEnv = "FCR_DATABASE"

// place is what run and check have in common.
type place struct {
	config string
	over   config.Overrides
}

func (p *place) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&p.config, "config", "", "configuration (mgmt/config/README.md); without one all roles run in one process; - is standard input")
	f.StringVar(&p.over.Node, "node", "", "name of the node, in place of the configuration's")
	f.StringVar(&p.over.Segment, "segment", "", "folder of the segment")
	f.StringVar(&p.over.StateDir, "state-dir", "", "folder for what must survive a reboot")
	f.StringVar(&p.over.RunDir, "run-dir", "", "folder for sockets")
	f.StringVar(&p.over.Listen, "listen", "", "where role api serves HTTPS: host:port, with commas between, or none; in place of the configuration's")
	f.StringVar(&p.over.DSN, "database", "", "DSN of PostgreSQL; better given in "+databaseEnv+", where ps does not show it")
}

// load reads the configuration and applies flags and environment. The text is what child processes get.
func (p *place) load(warn func(error)) (*config.Config, []byte, error) {
	if p.over.DSN == "" {
		p.over.DSN = os.Getenv(databaseEnv)
	}
	name, text := "the configuration built in", config.DefaultText
	var err error
	switch p.config {
	case "":
	case "-":
		name = "standard input"
		text, err = io.ReadAll(io.LimitReader(os.Stdin, yamlconf.MaxBytes+1))
	default:
		name = p.config
		text, err = config.Read(p.config)
	}
	if err != nil {
		return nil, nil, usageError{err}
	}
	c, warnings, err := config.Parse(name, text)
	if err != nil {
		return nil, nil, usageError{err}
	}
	for _, w := range warnings {
		warn(w)
	}
	if w := c.Exposed(p.config); w != nil {
		warn(w)
	}
	if err := c.Complete(p.over); err != nil {
		return nil, nil, usageError{err}
	}
	return c, text, nil
}

type runOptions struct {
	place
	roles, child string
}

func runCommand() *cobra.Command {
	var o runOptions
	c := &cobra.Command{
		Use: "run [--config FILE] [--roles ROLE,…]", Short: "run roles until a signal", Args: cobra.NoArgs,
		Long: "Runs the roles of the configuration, those of other processes in child processes. With --roles just these, all in this\n" +
			"process. SIGINT and SIGTERM end them in order; a second one ends at once.",
		RunE: func(*cobra.Command, []string) error { return run(o) },
	}
	o.flags(c)
	c.Flags().StringVar(&o.roles, "roles", "all", "run these here, with commas between")
	c.Flags().StringVar(&o.child, "child", "", "be this process of the configuration")
	cobra.CheckErr(c.Flags().MarkHidden("child"))
	return c
}

func run(o runOptions) error {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if o.child != "" {
		log = log.With("process", o.child)
	}
	c, text, err := o.load(func(w error) { log.Warn(w.Error()) })
	if err != nil {
		return err
	}
	so := system.Options{Config: c, Process: config.Main, Roles: config.SplitRoles(o.roles), Version: version(), Log: log}
	if so.Roles != nil {
		if _, err := c.Here(so.Roles); err != nil {
			return usageError{err}
		}
	}
	if err := coresAreHere(c); err != nil {
		return usageError{err}
	}
	if o.child != "" {
		if so.Process = o.child; !slices.Contains(c.Processes()[1:], o.child) {
			return usageError{fmt.Errorf("the configuration has no process %q", o.child)}
		}
	}
	so.Spawn = spawn(c, text)
	s, err := system.New(so)
	if err != nil {
		return err
	}
	ctx, again := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, again) // from now on a signal does what it does by itself
	defer explainHangup(log)()
	return s.Run(ctx)
}

// explainHangup takes SIGHUP, with which other daemons are told to read their files again: it must not end this one.
func explainHangup(log *slog.Logger) (stop func()) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	go func() {
		for range hup {
			log.Warn("SIGHUP changes nothing: the configuration is read at the start")
		}
	}()
	return func() { signal.Stop(hup); close(hup) }
}

// spawn says how to start a child process: with the very text that this process read, so that a file which changes
// meanwhile does not make two plans of one.
func spawn(c *config.Config, text []byte) system.Spawn {
	args := func(process string) []string {
		all := []string{"run", "--child", process, "--config", "-", "--node", c.Node, "--state-dir", c.StateDir, "--run-dir", c.RunDir, "--listen", c.API.ListenText()}
		if c.Segment != "" {
			all = append(all, "--segment", c.Segment)
		}
		return all
	}
	return system.Spawn{Path: "/proc/self/exe", Args: args, Env: []string{databaseEnv + "=" + c.Database.DSN}, Input: text}
}

// coresAreHere says which role names a CPU that this process may not run on.
func coresAreHere(c *config.Config) error {
	for i := range c.Roles {
		missing, err := system.MissingCores(c.Roles[i].Cores)
		if err != nil {
			return err
		}
		if len(missing) > 0 {
			return fmt.Errorf("role %s: this process may not run on the cores %v", c.Roles[i].Name, missing)
		}
	}
	return nil
}
