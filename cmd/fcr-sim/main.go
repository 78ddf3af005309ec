// Command fcr-sim is a Fibre Channel over Ethernet fabric made of software: initiators,
// targets and inline services that log in and do I/O whose every byte is compared, on real
// interfaces or into capture files; and a frame generator with its sink. All of it is in
// dataplane/sim; this is the command line.
//
// Nobody imports it. The main goroutine waits for signals and for the fabric's end; the
// rest belongs to the library.
//
// Exit status: 0 when every command ended well, every byte read was what had been written,
// and initiators have read something; 1 otherwise; 2 for a usage error.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() { os.Exit(run()) }

// errNotGood: the run is over, its summary printed, and it was not good.
var errNotGood = errors.New("not good")

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends us at once
	running := false
	err := command(&running).ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if !errors.Is(err, errNotGood) {
		fmt.Fprintln(os.Stderr, "fcr-sim:", err)
	}
	var usage usageError
	if errors.As(err, &usage) || !running {
		return 2
	}
	return 1
}

// usageError is a mistake in what the user has given us.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// command is the command line; running becomes true when it has been found to be one: what
// cobra itself finds wrong is a usage error.
func command(running *bool) *cobra.Command {
	root := &cobra.Command{
		Use:           "fcr-sim",
		Short:         "A Fibre Channel over Ethernet fabric made of software",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(runCommand(), initiatorCommand(), targetCommand(), serviceCommand(), pcapCommand(), loadCommand(), sinkCommand())
	for _, c := range root.Commands() {
		run := c.RunE
		c.RunE = func(c *cobra.Command, args []string) error {
			*running = true
			return run(c, args)
		}
	}
	return root
}
