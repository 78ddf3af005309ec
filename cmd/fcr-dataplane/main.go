// Command fcr-dataplane is the data plane of FC-Redirect: it owns the NICs and forwards, redirects, mirrors and drops
// FCoE frames by policy, with every other process dead or alive.
//
//	run      poll the ports until a signal
//	replay   captures in, captures and a report out, through the same code
//	check    validate a boot file and a policy, and explain them
//	bench    measure the fast path against its rivals
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// Exit codes: 0 done, 1 failed, 2 the command line or a configuration is wrong.
const (
	exitFailed = 1
	exitUsage  = 2
)

// usageError is an error that the user mends in a file or on the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func main() {
	root := &cobra.Command{
		Use: "fcr-dataplane", Short: "the redirect fast path of FC-Redirect",
		SilenceUsage: true, SilenceErrors: true, CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.AddCommand(runCommand(), replayCommand(), checkCommand(), compileCommand(), benchCommand())
	running := false
	noteRunning(root, &running)
	err := root.Execute()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, strings.TrimSpace(err.Error()))
	if wrong := (usageError{}); errors.As(err, &wrong) || !running {
		os.Exit(exitUsage)
	}
	os.Exit(exitFailed)
}

// noteRunning makes every command say when it begins: what cobra finds wrong before that is wrong usage.
func noteRunning(cmd *cobra.Command, running *bool) {
	if run := cmd.RunE; run != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			*running = true
			return run(cmd, args)
		}
	}
	for _, sub := range cmd.Commands() {
		noteRunning(sub, running)
	}
}
