package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/event"
)

const (
	// eventLimit is how many events are listed when nothing else is said, and the most at once.
	eventLimit    = 100
	eventLimitMax = 1000
	// replayTimeout is how long a replay of the whole log may take.
	replayTimeout = 10 * time.Minute
	// tailWait is how long a request for events waits for one.
	tailWait = 20 * time.Second
)

// errDiffer is why a check ends with 1. What differs has been printed.
var errDiffer = errors.New("event replay: the views are not what the log says: fcrctl event replay --rebuild makes them anew")

func (c *cli) eventCommand() *cobra.Command {
	return noun("event", "what happened, by the log of events", c.eventListCommand(), c.eventTailCommand(), c.eventReplayCommand())
}

func (c *cli) eventListCommand() *cobra.Command {
	var request event.ListRequest
	since := ""
	list := &cobra.Command{
		Use: "list", Short: "what happened, the last of it or from a number on", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if request.Since, err = whenceOf(since, time.Now()); err != nil {
				return err
			}
			if err := c.checkEvents(request.Types, request.Max); err != nil {
				return err
			}
			return c.withLog(cmd.Context(), answerTimeout, func(ctx context.Context, b *bus.Bus) error {
				answer, err := askEvents[event.ReadAnswer](ctx, b, event.MethodList, request)
				if err != nil {
					return err
				}
				c.notePartial(answer.Partial)
				return c.print(answer.Events, "NUMBER TIME SEVERITY TYPE EVENT", func(w io.Writer) { eventRows(w, answer.Events) })
			})
		},
	}
	f := list.Flags()
	f.Uint64Var(&request.After, "after", 0, "the first events after this `number`, instead of the last ones")
	f.StringSliceVar(&request.Types, "type", nil, "only these `types`: flow.created, or flow for all that begin so; several are joined by or")
	f.StringVar(&since, "since", "", "only events since this `time`: 5m ago, or 2026-01-31T12:00:00Z")
	f.IntVar(&request.Max, "limit", eventLimit, "at most so many `events`")
	_ = list.RegisterFlagCompletionFunc("type", cobra.FixedCompletions(eventTypes(), cobra.ShellCompDirectiveNoFileComp))
	return list
}

// whenceOf reads a time, or how long ago it was.
func whenceOf(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(s); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, usageError{fmt.Errorf("--since %q: want how long ago (5m, 2h) or a time (2026-01-31T12:00:00Z)", s)}
	}
	return t, nil
}

// checkEvents finds wrong usage before anybody is asked.
func (c *cli) checkEvents(types []string, limit int) error {
	for _, name := range types {
		if len(event.Named(name)) == 0 {
			return usageError{fmt.Errorf("--type %q: no event is called so; those that there are: %v", name, eventTypes())}
		}
	}
	if limit < 1 || limit > eventLimitMax {
		return usageError{fmt.Errorf("--limit %d: want 1 to %d", limit, eventLimitMax)}
	}
	return nil
}

func eventTypes() (names []string) {
	for _, e := range event.Catalogue() {
		names = append(names, e.Name)
	}
	return names
}

// notePartial says on standard error why older events are missing.
func (c *cli) notePartial(why string) {
	if why != "" {
		fmt.Fprintln(c.complaints, "fcrctl: note: older events are missing:", why)
	}
}

func eventRows(w io.Writer, events []event.Event) {
	for i := range events {
		e := &events[i]
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\n", e.Number, e.At.UTC().Format("2006-01-02T15:04:05.000Z"), e.Severity(), e.Type, e.Text())
	}
}

func (c *cli) eventTailCommand() *cobra.Command {
	request, types, count := event.ReadRequest{WaitMS: int(tailWait.Milliseconds()), Newest: true}, []string(nil), 0
	tail := &cobra.Command{
		Use: "tail", Short: "what happens, as it happens", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := c.checkEvents(types, 1); err != nil {
				return err
			}
			request.Newest = !cmd.Flags().Changed("after")
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGINT, syscall.SIGTERM)
			defer stop()
			err := c.withLog(ctx, 0, func(ctx context.Context, b *bus.Bus) error { return c.tailEvents(ctx, b, request, types, count) })
			if ctx.Err() != nil {
				return nil // it was told to end
			}
			return err
		},
	}
	f := tail.Flags()
	f.Uint64Var(&request.After, "after", 0, "begin with the event after this `number`, 0 the oldest that there is")
	f.StringSliceVar(&types, "type", nil, "only these `types`: flow.created, or flow for all that begin so")
	f.IntVar(&count, "count", 0, "end after so many `events`, 0 never")
	_ = tail.RegisterFlagCompletionFunc("type", cobra.FixedCompletions(eventTypes(), cobra.ShellCompDirectiveNoFileComp))
	return tail
}

var errEnough = errors.New("enough")

// tailEvents prints events as they come: a line each, also in JSON.
func (c *cli) tailEvents(ctx context.Context, b *bus.Bus, request event.ReadRequest, types []string, count int) error {
	wanted := map[event.Type]bool{}
	for _, name := range types {
		for _, t := range event.Named(name) {
			wanted[t] = true
		}
	}
	first, err := json.Marshal(request)
	if err != nil {
		return err
	}
	printed := 0
	err = b.Subscribe(ctx, event.RoleName, event.MethodRead, first, func(answer []byte) ([]byte, error) {
		var a event.ReadAnswer
		if err := json.Unmarshal(answer, &a); err != nil {
			return nil, err
		}
		c.notePartial(a.Partial)
		for _, e := range a.Events {
			if len(wanted) > 0 && !wanted[e.Type] {
				continue
			}
			if err := c.printEvent(e); err != nil {
				return nil, err
			}
			if printed++; printed == count {
				return nil, errEnough
			}
		}
		return json.Marshal(event.ReadRequest{After: a.After, Lineage: a.Lineage, WaitMS: request.WaitMS})
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	return noLog(err)
}

func (c *cli) printEvent(e event.Event) error {
	if c.output == "json" {
		return json.NewEncoder(c.out).Encode(e)
	}
	_, err := fmt.Fprintf(c.out, "%d  %s  %-8s  %-20s  %s\n", e.Number, e.At.UTC().Format("15:04:05.000"), e.Severity(), e.Type, e.Text())
	return err
}

func (c *cli) eventReplayCommand() *cobra.Command {
	check, rebuild := false, false
	replay := &cobra.Command{
		Use: "replay", Short: "prove that the views are what the log says, or make them anew from it", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if check == rebuild {
				return usageError{errors.New("event replay: want --check or --rebuild")}
			}
			method := event.MethodCheck
			if rebuild {
				method = event.MethodRebuild
			}
			return c.withLog(cmd.Context(), replayTimeout, func(ctx context.Context, b *bus.Bus) error {
				answer, err := askEvents[event.CheckAnswer](ctx, b, method, struct{}{})
				if err != nil {
					return err
				}
				return c.printCheck(&answer)
			})
		},
	}
	replay.Flags().BoolVar(&check, "check", false, "replay beside the views and compare; exit code 1 when they differ")
	replay.Flags().BoolVar(&rebuild, "rebuild", false, "replay into the views, then check; new events wait meanwhile")
	return replay
}

func (c *cli) printCheck(a *event.CheckAnswer) error {
	if c.output == "table" {
		fmt.Fprintf(c.complaints, "fcrctl: replayed %d events, %d to %d\n", a.Events, a.Cut+1, a.Number)
	}
	if a.Cut > 0 {
		c.notePartial(fmt.Sprintf("retention has deleted those up to %d: the replay began behind them", a.Cut))
	}
	err := c.print(a, "VIEW ROWS REPLAYED EQUAL", func(w io.Writer) {
		for _, v := range a.Views {
			fmt.Fprintf(w, "%s\t%d\t%d\t%s\n", v.Name, v.Rows, v.Expected, yesNo(v.Equal))
			for _, d := range v.Differences {
				fmt.Fprintf(w, "  %s\n", d)
			}
		}
	})
	if err == nil && !a.Equal() {
		err = errDiffer
	}
	return err
}

// withLog joins the bus, for at most a while; 0 is as long as ctx lives.
func (c *cli) withLog(ctx context.Context, bound time.Duration, do func(context.Context, *bus.Bus) error) error {
	return c.withSegment(func(*shm.File) (err error) {
		dialling, stop := context.WithTimeout(ctx, answerTimeout)
		defer stop()
		b, err := bus.Dial(dialling, attach.Place{Dir: c.segment, Node: c.node})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, b.Close()) }()
		if bound > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, bound)
			defer cancel()
		}
		return do(ctx, b)
	})
}

func askEvents[A any](ctx context.Context, b *bus.Bus, method string, request any) (answer A, err error) {
	question, err := json.Marshal(request)
	if err != nil {
		return answer, err
	}
	reply, err := b.Call(ctx, event.RoleName, method, question)
	if err == nil {
		err = json.Unmarshal(reply, &answer)
	}
	return answer, noLog(err)
}

// noLog says what to do where nobody answers.
func noLog(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, bus.ErrNoRole), errors.Is(err, bus.ErrNoMethod):
		return fmt.Errorf("nobody keeps the log of events on this node: role event does not run: start fcr-mgmtd, or fcrctl role start event: %w", err)
	}
	return fmt.Errorf("ask role event: %w", err)
}
