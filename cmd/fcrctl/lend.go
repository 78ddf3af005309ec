package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A list that this machine answers by itself (flow list, alarm list, …) has fewer filters than the same list of the interface.
// Those that only the interface has are flags of the command too: where one is said, the daemon on this machine is asked, and
// order, columns and keys are the interface's.

// unsaid is what a list of the interface is asked for where nothing is said, to show what that of this machine shows.
var unsaid = map[string]map[string]string{
	"list-alarms": {"state": "active,flapping"},
	"list-events": {"limit": fmt.Sprint(eventLimit)},
}

// lend gives a list of this machine the flags that only the interface has.
func (o *operation) lend(remote, here *cobra.Command) {
	var lent []string
	remote.Flags().VisitAll(func(f *pflag.Flag) {
		if here.Flags().Lookup(f.Name) == nil {
			f.Usage = strings.TrimSpace(f.Usage + " (asks the management daemon)")
			here.Flags().AddFlag(f)
			lent = append(lent, f.Name)
		}
	})
	run := here.RunE
	here.RunE = func(cmd *cobra.Command, args []string) error {
		said := slices.IndexFunc(lent, cmd.Flags().Changed)
		if said < 0 {
			return run(cmd, args)
		}
		if err := o.carry(cmd, remote, lent[said]); err != nil {
			return usageError{err}
		}
		remote.SetContext(cmd.Context())
		return remote.RunE(remote, args)
	}
}

// carry hands on what was said with the flags that both have. Flags that are lent are the same in both.
func (o *operation) carry(here, remote *cobra.Command, lent string) (err error) {
	here.Flags().Visit(func(f *pflag.Flag) {
		global := f.Name != "segment" && here.InheritedFlags().Lookup(f.Name) != nil
		switch other := remote.Flags().Lookup(f.Name); {
		case other == f || global:
		case other == nil:
			err = errors.Join(err, fmt.Errorf("--%s does not go together with --%s, for which the management daemon is asked", f.Name, lent))
		default:
			value := f.Value.String()
			if list, is := f.Value.(pflag.SliceValue); is {
				value = strings.Join(list.GetSlice(), ",")
			}
			err = errors.Join(err, remote.Flags().Set(f.Name, value))
		}
	})
	for name, value := range unsaid[o.op.ID] {
		if !remote.Flags().Changed(name) {
			err = errors.Join(err, remote.Flags().Set(name, value))
		}
	}
	return err
}
