package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
)

func (c *cli) pairCommand() *cobra.Command {
	return noun("pair", "the node and its partner, of an inline pair", &cobra.Command{
		Use: "show", Short: "which of the two forwards, and how they hear each other", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return c.withSegment(c.showPair) },
	})
}

func (c *cli) showPair(f *shm.File) error {
	p, err := report.PairOf(f)
	if err != nil {
		return err
	}
	return c.print(p, "", func(w io.Writer) {
		row := func(name, format string, args ...any) {
			fmt.Fprintf(w, "%s\t"+format+"\n", append([]any{name}, args...)...)
		}
		row("node", "%s", p.Node)
		if p.Partner == nil {
			row("state", "%s: it has no partner", p.State)
			return
		}
		row("state", "%s since %s: %s", p.State, dash(p.Since), p.Why)
		row("epoch", "%d, after %d changes", p.Epoch, p.Changes)
		row("ready to take over", "%s, %d records", yes(p.Ready), p.Known)
		row("priority", "%d, start %s, takeover %s", p.Priority, p.Start, p.Takeover)
		row("beats", "every %d ms, dead after %d ms; %d sent, %d heard", p.BeatMs, p.DeadMs, p.Sent, p.Heard)
		row("beats not believed", "%d forged, %d replayed, %d unproven, %d of other nodes, %d our own", p.Forged, p.Replayed, p.Unproven, p.Foreign, p.Looped)
		row("takeovers", "%d, planned hand-overs %d, fenced %d times; %d frames announced", p.Takeovers, p.HandOvers, p.Fences, p.Announce)
		o := p.Partner
		row("partner", "%s: %s, %s", o.Node, aliveOf(o), o.State)
		row("partner's epoch", "%d, priority %d, boot %s, ABI %d", o.Epoch, o.Priority, o.Boot, o.ABI)
		row("partner ready", "%s; same ports %s, same policy %s, change open %s", yes(o.Ready), yes(o.SamePorts), yes(o.SamePolicy), yes(o.WindowOpen))
		for _, path := range p.Paths {
			row("heard on "+path.Port, "%s", heard(path.Heard, path.AgeMs))
		}
	})
}

func aliveOf(o *report.Partner) string {
	if o.Alive {
		return "alive, heard " + heard(o.Heard, o.AgeMs)
	}
	return "not heard, last " + heard(o.Heard, o.AgeMs)
}

func heard(at string, ms float64) string {
	if at == "" {
		return "never"
	}
	return fmt.Sprintf("%.0f ms ago", ms)
}
