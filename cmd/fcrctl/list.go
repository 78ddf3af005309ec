package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
)

func (c *cli) portCommand() *cobra.Command {
	return list("port", "ports with their counters", func() error {
		return c.withSegment(func(f *shm.File) error {
			ports := report.Ports(f)
			return c.print(ports, "NAME ROLE PAIR LCORE LINK IN OUT DROPPED STALLED REASONS", func(w io.Writer) {
				for _, p := range ports {
					fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%d\t%d\t%d\t%d\t%s\n", p.Name, p.Role, dash(p.Pair), p.Lcore, upDown(p.Up),
						p.FramesIn, p.FramesOut, p.Dropped, p.TxStalled, reasons(p.Drops))
				}
			})
		})
	})
}

func (c *cli) lcoreCommand() *cobra.Command {
	return list("lcore", "poll-mode cores", func() error {
		return c.withSegment(func(f *shm.File) error {
			lcores := report.Lcores(f)
			return c.print(lcores, "LCORE CPU BUSY FRAMES DIRECTIONS STALLS P50 P99 P99.99 WORST", func(w io.Writer) {
				for _, l := range lcores {
					fmt.Fprintf(w, "%d\t%d\t%.1f%%\t%d\t%d\t%d\t%.1fµs\t%.1fµs\t%.1fµs\t%.1fµs\n", l.Index, l.CPU, 100*l.Busy, l.Frames, l.Flows,
						l.Stalls, l.P50, l.P99, l.P9999, l.Worst)
				}
			})
		})
	})
}

func (c *cli) loginCommand() *cobra.Command {
	return list("login", "N_Ports that are logged in", func() error {
		return c.withSegment(func(f *shm.File) error {
			logins, err := report.Logins(f)
			if err != nil {
				return err
			}
			return c.print(logins, "FABRIC VSAN FC_ID WWPN ALIAS ROLE PORT STATE LAST_SEEN", func(w io.Writer) {
				for _, l := range logins {
					fmt.Fprintf(w, "%d\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.Fabric, l.VSAN, l.FCID, l.WWPN, dash(l.Alias), l.Role, dash(l.Port), l.State, l.LastSeen)
				}
			})
		})
	})
}

func (c *cli) flowCommand() *cobra.Command {
	return list("flow", "host-target flows", func() error {
		return c.withSegment(func(f *shm.File) error {
			flows := report.Flows(f)
			return c.print(flows, "FABRIC VSAN INITIATOR TARGET VERDICT RULE SERVICE TO_TARGET TO_INITIATOR ERRORS", func(w io.Writer) {
				for _, l := range flows {
					fmt.Fprintf(w, "%d\t%d\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\n", l.Fabric, l.VSAN, end(l.Initiator, l.InitiatorAlias, l.InitiatorID),
						end(l.Target, l.TargetAlias, l.TargetID), l.Verdict, dash(l.Rule), dash(l.Service), l.FramesOut, l.FramesIn, l.Errors)
				}
			})
		})
	})
}

// end is how a table shows one end of a flow: the name that an admin gave, else the WWPN, else the FC_ID.
func end(wwpn, alias, id string) string {
	switch {
	case alias != "":
		return alias
	case wwpn != "":
		return wwpn
	}
	return "(" + id + ")"
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func upDown(up bool) string {
	if up {
		return "up"
	}
	return "down"
}

// reasons lists drops, the most frequent first.
func reasons(drops map[string]uint64) string {
	if len(drops) == 0 {
		return "-"
	}
	names := make([]string, 0, len(drops))
	for r := range drops {
		names = append(names, r)
	}
	slices.SortFunc(names, func(a, b string) int {
		if drops[a] != drops[b] {
			return int(min(max(int64(drops[b])-int64(drops[a]), -1), 1))
		}
		return strings.Compare(a, b)
	})
	for i, r := range names {
		names[i] = fmt.Sprintf("%s=%d", r, drops[r])
	}
	return strings.Join(names, ",")
}
