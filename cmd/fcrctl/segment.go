package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
)

func (c *cli) segmentCommand() *cobra.Command {
	return noun("segment", "what a data plane shares", &cobra.Command{
		Use: "show", Short: "whose segment it is and how its data plane fares", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return c.withSegment(c.showSegment) },
	})
}

func (c *cli) showSegment(f *shm.File) error {
	s := report.SegmentOf(f)
	return c.print(s, "", func(w io.Writer) {
		row := func(name, format string, args ...any) {
			fmt.Fprintf(w, "%s\t"+format+"\n", append([]any{name}, args...)...)
		}
		row("node", "%s", s.Node)
		row("state", "%s", stateOf(&s))
		row("process", "%d", s.PID)
		row("started", "%s", dash(s.Started))
		row("last sign of life", "%s", dash(s.LastSign))
		row("boot", "%s, number %d on this segment", s.Boot, s.Boots)
		row("adopted", "%d directions, %d logins in %.1f ms", s.AdoptedDirections, s.AdoptedLogins, s.AdoptMs)
		row("policy", "%s", policyOf(&s))
		row("logins", "%d; %d found no slot, %d expired", s.Learner.Logins, s.Learner.LoginsFull, s.Learner.Expired)
		row("control frames", "%d; %d with a bad CRC taught nothing", s.Learner.Frames, s.Learner.BadCRC)
		row("conflicts", "%d times a WWPN that is logged in was claimed from elsewhere", s.Learner.Conflicts)
		row("heap", "%.1f MiB, collected %d times", float64(s.HeapBytes)/(1<<20), s.GCCycles)
		row("size", "%d MiB, ABI %d", s.Bytes>>20, s.ABI)
	})
}

// stateOf is the state in one word, for a living data plane the one that it wrote.
func stateOf(s *report.Segment) string {
	if s.Alive || s.State == "drained" {
		return s.State
	}
	return "dead (was " + s.State + ")"
}

func policyOf(s *report.Segment) string {
	if s.Policy == "" {
		return fmt.Sprintf("none: everything is forwarded; generation %d", s.Generation)
	}
	return fmt.Sprintf("%s since %s; generation %d", s.Policy, s.PolicySince, s.Generation)
}
