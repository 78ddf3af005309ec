// Command fcrctl is the command line of FC-Redirect. These first nouns read the segment of a data plane on this
// machine; they need no daemon and no privilege but to read the segment's files.
//
//	fcrctl top                       live view
//	fcrctl port|lcore|login|flow list
//	fcrctl policy explain --initiator W --target W [--vsan N]
//
// Data goes to standard output, everything else to standard error. Exit codes: 0 done, 1 failed, 2 wrong usage.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/shm"
)

const (
	exitFailed = 1
	exitUsage  = 2
)

// usageError is one that the user mends on the command line.
type usageError struct{ error }

// cli is what all commands share.
type cli struct {
	segment, node, output string
	out                   io.Writer
}

func main() { os.Exit(Main(os.Args[1:], os.Stdout, os.Stderr)) }

// Main is main with its surroundings given, for tests.
func Main(args []string, out, complaints io.Writer) int {
	c := &cli{out: out}
	root := &cobra.Command{Use: "fcrctl", Short: "look at an FC-Redirect data plane", SilenceUsage: true, SilenceErrors: true}
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(complaints)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.PersistentFlags().StringVar(&c.segment, "segment", "", "folder of the segment (default: the only one on this machine)")
	root.PersistentFlags().StringVar(&c.node, "node", "", "node whose segment to read, where there are several")
	root.PersistentFlags().StringVarP(&c.output, "output", "o", "table", "table or json")
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if c.output != "table" && c.output != "json" {
			return usageError{fmt.Errorf("--output %q: want table or json", c.output)}
		}
		return nil
	}
	root.AddCommand(c.topCommand(), c.portCommand(), c.lcoreCommand(), c.loginCommand(), c.flowCommand(), c.policyCommand())
	if err := root.Execute(); err != nil {
		fmt.Fprintln(complaints, "fcrctl:", err)
		if wrong := (usageError{}); errors.As(err, &wrong) || strings.HasPrefix(err.Error(), "unknown command") {
			return exitUsage
		}
		return exitFailed
	}
	return 0
}

// open maps the segment.
func (c *cli) open() (*shm.File, error) {
	dir, err := shm.Find(c.segment, c.node)
	if err != nil {
		return nil, err
	}
	return shm.Open(filepath.Join(dir, "state"), false)
}

// withSegment runs do on the segment and unmaps it.
func (c *cli) withSegment(do func(*shm.File) error) error {
	f, err := c.open()
	if err != nil {
		return err
	}
	defer f.Close()
	return do(f)
}

// print writes rows as a table, or value as JSON.
func (c *cli) print(value any, header string, rows func(w io.Writer)) error {
	if c.output == "json" {
		e := json.NewEncoder(c.out)
		e.SetIndent("", "  ")
		return e.Encode(value)
	}
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.ReplaceAll(header, " ", "\t"))
	rows(w)
	return w.Flush()
}

// list makes the command `noun list`.
func list(noun, short string, run func() error) *cobra.Command {
	c := &cobra.Command{Use: noun, Short: short, Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		return usageError{fmt.Errorf("%s: want a verb: list", c.Name())}
	}}
	c.AddCommand(&cobra.Command{Use: "list", Short: short, Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error { return run() }})
	return c
}
