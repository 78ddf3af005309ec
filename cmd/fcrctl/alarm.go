package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/alarm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/monitor"
)

const (
	// answerTimeout is how long a command waits for a role's answer.
	answerTimeout = 5 * time.Second
	// askTimeout is when it asks once more: a list may be asked for twice.
	askTimeout = time.Second
)

func (c *cli) alarmCommand() *cobra.Command {
	all := false
	list := &cobra.Command{
		Use: "list", Short: "what is wrong, and what to do about it", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.withSegment(func(*shm.File) error { return c.listAlarms(cmd.Context(), all) })
		},
	}
	list.Flags().BoolVar(&all, "all", false, "also alarms that were cleared, and what another alarm explains")
	return noun("alarm", "alarms of the node", list)
}

func (c *cli) listAlarms(ctx context.Context, all bool) error {
	alarms, err := c.askMonitor(ctx)
	if err != nil {
		return err
	}
	if !all {
		alarms = slices.DeleteFunc(alarms, func(a alarm.Alarm) bool { return !a.Active })
	}
	return c.print(alarms, "SEVERITY STATE CODE SUBJECT SINCE COUNT PROBLEM", func(w io.Writer) {
		for _, a := range alarms {
			problem := a.Title
			if a.Detail != "" {
				problem += ": " + a.Detail
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%s\n", a.Severity, alarmState(&a), a.Code, dash(a.Subject), dash(since(&a)), a.Count, problem)
			if a.Active {
				fmt.Fprintf(w, "\t\t\t\t\t\t-> %s\n", a.Action)
			}
		}
	})
}

// alarmState is what holds of an alarm, in one word.
func alarmState(a *alarm.Alarm) string {
	switch {
	case a.Flapping:
		return "flapping"
	case a.Active:
		return "active"
	case a.SuppressedBy != "":
		return "suppressed"
	}
	return "cleared"
}

// since is when it came into the state that is shown.
func since(a *alarm.Alarm) string {
	if a.Active {
		return a.RaisedAt
	}
	return cmp.Or(a.ClearedAt, a.FirstSeen)
}

// askMonitor asks the role that keeps the alarms.
func (c *cli) askMonitor(ctx context.Context) ([]alarm.Alarm, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	b, err := bus.Dial(ctx, attach.Place{Dir: c.segment, Node: c.node})
	if err != nil {
		return nil, err
	}
	reply, err := ask(ctx, b, "monitor", "alarm.list")
	if err = errors.Join(err, b.Close()); errors.Is(err, bus.ErrNoRole) {
		return nil, fmt.Errorf("nobody keeps alarms on this node: role monitor does not run: start fcr-mgmtd, or fcrctl role start monitor: %w", err)
	}
	var answer monitor.Answer
	if err == nil {
		err = json.Unmarshal(reply, &answer)
	}
	if err != nil {
		return nil, fmt.Errorf("ask role monitor for alarms: %w", err)
	}
	return answer.Alarms, nil
}

// ask calls until there is an answer, for as long as ctx lasts.
func ask(ctx context.Context, b *bus.Bus, role, method string) (reply []byte, err error) {
	for ctx.Err() == nil {
		once, cancel := context.WithTimeout(ctx, askTimeout)
		reply, err = b.Call(once, role, method, nil)
		cancel()
		if err == nil || !errors.Is(err, bus.ErrTimeout) {
			break
		}
	}
	return reply, err
}
