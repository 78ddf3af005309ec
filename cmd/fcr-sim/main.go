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
	root := command()
	err := root.ExecuteContext(ctx)
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errNotGood):
		return 1
	case errors.As(err, &usage):
		fmt.Fprintln(os.Stderr, "fcr-sim:", err)
		return 2
	}
	fmt.Fprintln(os.Stderr, "fcr-sim:", err)
	return 1
}

// usageError is a mistake on the command line or in a configuration.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "fcr-sim",
		Short:         "A Fibre Channel over Ethernet fabric made of software",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(runCommand(), initiatorCommand(), targetCommand(), serviceCommand(), pcapCommand(), loadCommand(), sinkCommand())
	return root
}
