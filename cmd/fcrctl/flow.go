package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
)

// flowFilter is what the flags of flow list say.
type flowFilter struct {
	initiator, target, verdict string
	from                       string
	vsan                       uint16
	anyVSAN                    bool
	limit                      int
}

var verdicts = []string{policy.Forward.String(), policy.Redirect.String(), policy.Mirror.String(), policy.Drop.String()}

func (c *cli) flowCommand() *cobra.Command {
	var by flowFilter
	cmd := &cobra.Command{
		Use: "list", Short: "host-target flows, by fabric, VSAN and FC_IDs", Args: cobra.NoArgs,
		Long: "Lists the flows on which FCP frames were seen. Filters are joined by and. An initiator or target is a WWPN in any\n" +
			"spelling, or an alias of the active policy.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			by.anyVSAN = !cmd.Flags().Changed("vsan")
			if err := by.check(); err != nil {
				return usageError{err}
			}
			return c.withSegment(func(f *shm.File) error { return c.flows(cmd.Context(), f, &by) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&by.initiator, "initiator", "", "only flows of this `WWPN` or alias")
	flags.StringVar(&by.target, "target", "", "only flows with this `WWPN` or alias")
	flags.StringVar(&by.verdict, "verdict", "", "only those with this verdict: "+strings.Join(verdicts, ", "))
	flags.Uint16Var(&by.vsan, "vsan", 0, "only this VSAN or VLAN, 0 for untagged (default: any)")
	flags.IntVar(&by.limit, "limit", 0, "the first so many, 0 for all")
	flags.StringVar(&by.from, "from", fromSegment, "whose flows: those of the data plane's `segment`, of the database (store), or both beside each other")
	c.completeNames(cmd)
	_ = cmd.RegisterFlagCompletionFunc("from", cobra.FixedCompletions(flowSources, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("verdict", cobra.FixedCompletions(verdicts, cobra.ShellCompDirectiveNoFileComp))
	return noun("flow", "host-target flows", cmd)
}

func (by *flowFilter) check() error {
	switch {
	case by.verdict != "" && !slices.Contains(verdicts, by.verdict):
		return fmt.Errorf("--verdict %q: want %s", by.verdict, strings.Join(verdicts, ", "))
	case !slices.Contains(flowSources, by.from):
		return fmt.Errorf("--from %q: want %s", by.from, strings.Join(flowSources, ", "))
	case by.vsan > policy.MaxVSAN:
		return fmt.Errorf("--vsan %d: want 0 to %d", by.vsan, policy.MaxVSAN)
	case by.limit < 0:
		return fmt.Errorf("--limit %d: want a positive number, or 0 for all", by.limit)
	}
	return nil
}

func (c *cli) flows(ctx context.Context, f *shm.File, by *flowFilter) error {
	filter := report.Filter{Verdict: by.verdict}
	if !by.anyVSAN {
		filter.VSAN = &by.vsan
	}
	for _, end := range []struct {
		flag, name string
		wwpn       *frame.WWN
	}{{"--initiator", by.initiator, &filter.Initiator}, {"--target", by.target, &filter.Target}} {
		if end.name == "" {
			continue
		}
		var err error
		if *end.wwpn, err = lookup(report.Policy(f), end.name); err != nil {
			return usageError{fmt.Errorf("%s: %w", end.flag, err)}
		}
	}
	if by.from == fromSegment {
		filter.Limit = by.limit
		flows, of := report.SelectFlows(f, filter)
		c.noteLimit(len(flows), of)
		return c.printFlows(flows)
	}
	stored, err := c.storedFlows(ctx, f, &filter)
	if err != nil {
		return err
	}
	if by.from == fromStore {
		return c.printFlows(limited(c, stored, by.limit))
	}
	flows, _ := report.SelectFlows(f, filter)
	return c.printCompared(limited(c, compare(flows, stored), by.limit))
}

// limited cuts a list, 0 for not at all, and says so.
func limited[T any](c *cli, list []T, limit int) []T {
	of := len(list)
	if limit > 0 {
		list = list[:min(limit, of)]
	}
	c.noteLimit(len(list), of)
	return list
}

func (c *cli) noteLimit(n, of int) {
	if n < of {
		fmt.Fprintf(c.complaints, "fcrctl: %d of %d flows\n", n, of)
	}
}

func (c *cli) printFlows(flows []report.Flow) error {
	return c.print(flows, "FABRIC VSAN INITIATOR TARGET VERDICT RULE SERVICE TO_TARGET TO_INITIATOR ERRORS", func(w io.Writer) {
		for _, l := range flows {
			fmt.Fprintf(w, "%d\t%d\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\n", l.Fabric, l.VSAN, end(l.Initiator, l.InitiatorAlias, l.InitiatorID),
				end(l.Target, l.TargetAlias, l.TargetID), l.Verdict, dash(l.Rule), dash(l.Service), l.FramesOut, l.FramesIn, l.Errors)
		}
	})
}

// lookup turns a name of the policy, or a WWN in any spelling, into a WWN. The policy may be nil.
func lookup(s *policy.Snapshot, name string) (frame.WWN, error) {
	if s == nil {
		if wwn, err := frame.ParseWWN(name); err == nil && wwn != 0 {
			return wwn, nil
		}
		return 0, fmt.Errorf("%q is not a WWPN, and no policy is active that could know it as an alias", name)
	}
	if wwn, ok := s.Lookup(name); ok {
		return wwn, nil
	}
	return 0, fmt.Errorf("%q is neither a WWPN nor an alias of the policy", name)
}

// completeNames lets a shell complete --initiator and --target with who is logged in.
func (c *cli) completeNames(cmd *cobra.Command) {
	complete := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		f, err := c.open()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		defer f.Close()
		logins, err := report.Logins(f)
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var names []string
		for i := range logins {
			names = append(names, end(logins[i].WWPN, logins[i].Alias, ""))
		}
		slices.Sort(names)
		return slices.Compact(names), cobra.ShellCompDirectiveNoFileComp
	}
	_ = cmd.RegisterFlagCompletionFunc("initiator", complete)
	_ = cmd.RegisterFlagCompletionFunc("target", complete)
}
