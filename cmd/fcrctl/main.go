// Command fcrctl is the command line of FC-Redirect. The nouns listed here read the segment of a data plane on this
// machine; they need no daemon and no privilege but to read the segment's files (role start, stop and restart: to write
// its ctl).
//
//	fcrctl top                                     live view
//	fcrctl port|lcore|service|login|flow list      what there is
//	fcrctl pair show                               the node and its partner, of an inline pair
//	fcrctl segment show                            whose segment it is and how its data plane fares
//	fcrctl policy explain --initiator W --target W [--vsan N]
//	fcrctl role list|start|stop|restart            roles of the management daemon
//	fcrctl ring list                               how full the rings to it are
//	fcrctl event list|tail|replay                  what happened
//	fcrctl stats top|show                          what was counted, over any time
//	fcrctl peer init|invite|join|certificate|…     who belongs to the cluster
//	fcrctl doctor                                  do segment, tables, rings, roles, database and log agree?
//
// All other nouns ask the management daemon, here or elsewhere: there is a command for each operation of its interface.
//
// Data goes to standard output, everything else to standard error. Exit codes: README.md.
//
// Where to find things: list.go, flow.go, segment.go, policy.go, role.go, ring.go and stats.go have the nouns of the segment, peer.go what works on files; a
// live view is made of top.go (the loop), page.go (what a page says), table.go (what fits) and screen.go (the terminal).
// remote.go says which appliance is asked, operation.go makes the commands, values.go and render.go their input and output.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
)

const (
	exitFailed    = 1
	exitUsage     = 2
	exitAbsent    = 3 // there is no such thing
	exitForbidden = 4 // not signed in, or not allowed
	exitConflict  = 5 // it has changed meanwhile, or somebody else has the lock
)

// usageError is one that the user mends on the command line.
type usageError struct{ error }

// cli is what all commands share.
type cli struct {
	segment, node, output string
	out, complaints       io.Writer
	running               bool // the command line was understood: what goes wrong from here on is no usage error
	remote                remote
	watch                 time.Duration
}

func main() { os.Exit(Main(os.Args[1:], os.Stdout, os.Stderr)) }

// Main is main with its surroundings given, for tests.
func Main(args []string, out, complaints io.Writer) int {
	c := &cli{out: out, complaints: complaints}
	root := c.command(args)
	root.SetArgs(args)
	err := root.Execute()
	if err == nil {
		return 0
	}
	fmt.Fprintln(complaints, "fcrctl:", printable(strings.TrimSpace(err.Error())))
	return statusOf(err, c.running)
}

func (c *cli) command(args []string) *cobra.Command {
	root := c.bare()
	root.AddCommand(c.topCommand(), c.portCommand(), c.lcoreCommand(), c.serviceCommand(), c.loginCommand(), c.flowCommand(),
		c.policyCommand(), c.segmentCommand(), c.pairCommand(), c.roleCommand(), c.ringCommand(), c.alarmCommand(), c.eventCommand(), c.statsCommand(), c.doctorCommand(), c.peerCommand(), c.applyCommand(), c.diffCommand(), c.manualCommand())
	c.addRemote(root, args)
	c.noteRunning(root)
	return root
}

// bare is the command line without any noun.
func (c *cli) bare() *cobra.Command {
	root := &cobra.Command{Use: "fcrctl", Short: "look at an FC-Redirect data plane", SilenceUsage: true, SilenceErrors: true}
	root.SetOut(c.out)
	root.SetErr(c.complaints)
	flags := root.PersistentFlags()
	flags.StringVar(&c.segment, "segment", "", "`folder` of the segment (default: the only one on this machine)")
	flags.StringVar(&c.node, "node", "", "`name` of the node whose segment to read, where there are several")
	flags.StringVarP(&c.output, "output", "o", "table", strings.Join(outputs, ", "))
	flags.StringVar(&c.remote.server, "server", "", "`address` of the appliance, https://host:port or unix:PATH; FCR_TOKEN has the token")
	flags.StringVar(&c.remote.context, "context", "", "`name` of the context that says which appliance, and as whom (fcrctl context)")
	flags.StringVar(&c.remote.ca, "ca", "", "with --server: `file` with the certificate that signs the server's")
	flags.StringVar(&c.remote.fingerprint, "fingerprint", "", "with --server: `SHA-256` of the server's certificate, to be trusted as it is")
	_ = root.MarkPersistentFlagDirname("segment")
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(outputs, cobra.ShellCompDirectiveNoFileComp))
	_ = root.RegisterFlagCompletionFunc("node", cobra.NoFileCompletions)
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if !slices.Contains(outputs, c.output) {
			return fmt.Errorf("--output %q: want one of %s", c.output, strings.Join(outputs, ", "))
		}
		return nil
	}
	return root
}

// noteRunning makes every command say when it begins: what cobra finds wrong before that is wrong usage.
func (c *cli) noteRunning(cmd *cobra.Command) {
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			c.running = true
			return run(cmd, args)
		}
	}
	for _, sub := range cmd.Commands() {
		c.noteRunning(sub)
	}
}

// noun makes a command that wants a verb.
func noun(name, short string, verbs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: name, Short: short, Args: cobra.NoArgs}
	c.RunE = func(*cobra.Command, []string) error {
		var names []string
		for _, v := range c.Commands() {
			names = append(names, v.Name())
		}
		return usageError{fmt.Errorf("%s: want a verb: %s", name, strings.Join(names, ", "))}
	}
	c.AddCommand(verbs...)
	return c
}

// list makes the command `noun list` that has no flags of its own.
func (c *cli) list(name, short string, run func(*shm.File) error) *cobra.Command {
	return noun(name, short, &cobra.Command{Use: "list", Short: short, Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		return c.withSegment(run)
	}})
}

// open maps the segment.
func (c *cli) open() (*shm.File, error) {
	dir, err := shm.Find(c.segment, c.node)
	if err != nil {
		return nil, err
	}
	return shm.Open(filepath.Join(dir, "state"), false)
}

// withSegment runs do on the segment and unmaps it. Figures of a data plane that is gone are worth reading, but not to
// be taken for live ones.
func (c *cli) withSegment(do func(*shm.File) error) error {
	f, err := c.open()
	if err != nil {
		return err
	}
	defer f.Close()
	if s := report.SegmentOf(f); !s.Alive {
		fmt.Fprintf(c.complaints, "fcrctl: note: %s: these are its last figures\n", gone(&s))
	}
	return do(f)
}

// gone says how a data plane went that does not run any more.
func gone(s *report.Segment) string {
	switch s.State {
	case "drained":
		return "the data plane of node " + s.Node + " has ended in good order"
	case "starting":
		return "the data plane of node " + s.Node + " has died while it started"
	}
	return "the data plane of node " + s.Node + " has died (its process is gone without an orderly end)"
}

// print writes rows as a table, or value in one of the other forms.
func (c *cli) print(value any, header string, rows func(w io.Writer)) error {
	switch c.output {
	case "json":
		return writeJSON(c.out, value)
	case "yaml":
		return writeYAML(c.out, value)
	case "name":
		return c.printNames(value)
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	if header != "" {
		fmt.Fprintln(w, strings.ReplaceAll(header, " ", "\t"))
	}
	rows(w)
	return w.Flush()
}

// printNames writes what each thing is known by, a line each.
func (c *cli) printNames(value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	var items []json.RawMessage
	if json.Unmarshal(text, &items) != nil {
		items = []json.RawMessage{text}
	}
	for _, item := range items {
		fields, err := object(item)
		if err != nil {
			return err
		}
		name := nameOf(fields, nil)
		if name == "" {
			return usageError{errors.New("--output name: these have no names")}
		}
		fmt.Fprintln(c.out, name)
	}
	return nil
}
