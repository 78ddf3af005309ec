// Command fcr-mgmtd is the management daemon of FC-Redirect: everything that is slow. It reads what the data plane says in
// the rings of the segment, keeps it in PostgreSQL, and looks after its own roles. The data plane does not notice whether
// it runs.
//
//	run       run roles until a signal
//	check     validate a configuration, and say what it means
//	bench     measure the slow path
//	version   of this program
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// Exit codes: 0 done, 1 failed, 2 the command line or the configuration is wrong.
const (
	exitFailed = 1
	exitUsage  = 2
)

// usageError is an error that the user mends in a file or on the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func main() {
	root := &cobra.Command{
		Use: "fcr-mgmtd", Short: "the management daemon of FC-Redirect",
		SilenceUsage: true, SilenceErrors: true, CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.AddCommand(runCommand(), checkCommand(), versionCommand(), benchCommand())
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
