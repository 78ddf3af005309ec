package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/doctor"
	"fcredirect/mgmt/event"
)

const (
	// settle is how long the database may be behind what is at rest.
	settle = 3 * time.Second
	// between is how long a flow must not have moved to count as at rest.
	between = 200 * time.Millisecond
)

var errIll = errors.New("doctor: something does not agree: each line marked fail says what to do")

// doctorCommand looks at everything that must agree.
func (c *cli) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "do segment, tables, rings, roles and database agree?", Args: cobra.NoArgs,
		Long: "Looks at the segment on this machine, at its tables, rings, roles and configuration, and compares it with the database and\n" +
			"the log of events. Changes nothing. The exit code is 1 when something is marked fail; what is marked warn is no contradiction.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := interruptible(cmd.Context())
			defer stop()
			return c.withCtl(func(state, ctl *shm.File) error { return c.examine(ctx, state, ctl) })
		},
	}
}

func (c *cli) examine(ctx context.Context, state, ctl *shm.File) error {
	checks := doctor.Segment(state, ctl)
	checks = append(checks, c.examineStore(ctx, state), c.examineEvents(ctx))
	err := c.print(checks, "", func(w io.Writer) {
		for _, k := range checks {
			fmt.Fprintf(w, "%s\t%s\t%s\n", k.State, k.Name, k.Found)
			if k.Advice != "" {
				fmt.Fprintf(w, "\t\t-> %s\n", k.Advice)
			}
		}
	})
	if err == nil && doctor.Worst(checks) == doctor.Fail {
		err = errIll
	}
	return err
}

// examineStore compares the flows that are at rest with the database's.
func (c *cli) examineStore(ctx context.Context, state *shm.File) doctor.Check {
	const name = "database.flows"
	filter := &report.Filter{}
	for deadline := time.Now().Add(settle); ; {
		before, _ := report.SelectFlows(state, *filter)
		time.Sleep(between)
		stored, err := c.storedFlows(ctx, state, filter)
		if err != nil {
			return doctor.Check{Name: name, State: doctor.Warn, Found: "The database's flows cannot be compared: " + err.Error() + ".",
				Advice: "fcrctl role list says whether store and database run."}
		}
		after, _ := report.SelectFlows(state, *filter)
		differ, compared := differences(before, stored, after)
		switch {
		case len(differ) == 0:
			return doctor.Check{Name: name, State: doctor.OK, Found: fmt.Sprintf("%d flows at rest are in the database as the data plane has them.", compared)}
		case time.Now().After(deadline):
			return doctor.Check{Name: name, State: doctor.Fail, Found: fmt.Sprintf("Of %d flows at rest %d are not in the database as the data plane has them: %s.", compared, len(differ), some(differ)),
				Advice: "fcrctl flow list --from both shows both; fcrctl role restart store has everything offered again."}
		}
		select {
		case <-ctx.Done():
			return doctor.Check{Name: name, State: doctor.Warn, Found: "The comparison with the database was broken off."}
		case <-time.After(between):
		}
	}
}

// differences names the flows that did not move between two looks, and are not the same in the database.
func differences(before, stored, after []report.Flow) (names []string, compared int) {
	for _, x := range compare(after, stored) {
		switch {
		case x.Segment == nil:
			continue // it has ended; the database keeps it
		case !slices.ContainsFunc(equalRange(before, x.Segment), func(f report.Flow) bool { return f == *x.Segment }):
			continue // it moves
		}
		compared++
		if !x.Equal {
			names = append(names, end(x.Segment.Initiator, x.Segment.InitiatorAlias, x.Segment.InitiatorID)+" → "+end(x.Segment.Target, x.Segment.TargetAlias, x.Segment.TargetID))
		}
	}
	return names, compared
}

// equalRange gives the flows of a sorted list with the addresses of one.
func equalRange(list []report.Flow, of *report.Flow) []report.Flow {
	i, _ := slices.BinarySearchFunc(list, *of, byAddress)
	j := i
	for j < len(list) && byAddress(list[j], *of) == 0 {
		j++
	}
	return list[i:j]
}

func some(names []string) string {
	const most = 3
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// examineEvents replays the log beside its views.
func (c *cli) examineEvents(ctx context.Context) doctor.Check {
	const name = "database.events"
	check := doctor.Check{Name: name, State: doctor.OK}
	err := c.withLog(ctx, replayTimeout, func(ctx context.Context, b *bus.Bus) error {
		answer, err := askEvents[event.CheckAnswer](ctx, b, event.MethodCheck, struct{}{})
		if err != nil {
			return err
		}
		check.Found = fmt.Sprintf("The log has %d events without a gap, and its views are what it says.", answer.Events)
		var wrong []string
		for _, v := range answer.Views {
			if !v.Equal {
				wrong = append(wrong, v.Name)
			}
		}
		if len(wrong) > 0 {
			check.State, check.Found = doctor.Fail, "These views are not what the log says: "+some(wrong)+"."
			check.Advice = "fcrctl event replay --rebuild makes them anew."
		}
		return nil
	})
	if err != nil {
		check.State, check.Found = doctor.Warn, "The log of events cannot be asked: "+err.Error()+"."
		check.Advice = "fcrctl role list says whether event and database run."
	}
	return check
}
