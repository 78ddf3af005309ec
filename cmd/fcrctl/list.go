package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
)

func (c *cli) portCommand() *cobra.Command {
	return c.list("port", "ports with their counters", func(f *shm.File) error {
		ports := report.Ports(f)
		return c.print(ports, "NAME ROLE PAIR LCORE LINK IN OUT DROPPED STALLED REASONS", func(w io.Writer) {
			for _, p := range ports {
				fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%d\t%d\t%d\t%d\t%s\n", p.Name, p.Role, dash(p.Pair), p.Lcore, upDown(p.Up),
					p.FramesIn, p.FramesOut, p.Dropped, p.TxStalled, reasons(p.Drops))
			}
		})
	})
}

func (c *cli) lcoreCommand() *cobra.Command {
	return c.list("lcore", "poll-mode cores", func(f *shm.File) error {
		lcores := report.Lcores(f)
		return c.print(lcores, "LCORE CPU BUSY FRAMES DIRECTIONS STALLS P50 P99 P99.99 WORST", func(w io.Writer) {
			for _, l := range lcores {
				fmt.Fprintf(w, "%d\t%d\t%.1f%%\t%d\t%d\t%d\t%.1fµs\t%.1fµs\t%.1fµs\t%.1fµs\n", l.Index, l.CPU, 100*l.Busy, l.Frames, l.Flows,
					l.Stalls, l.P50, l.P99, l.P9999, l.Worst)
			}
		})
	})
}

func (c *cli) serviceCommand() *cobra.Command {
	return c.list("service", "services of the active policy", func(f *shm.File) error {
		services := report.Services(f)
		return c.print(services, "NAME PORT STATE FLIPS", func(w io.Writer) {
			for _, s := range services {
				fmt.Fprintf(w, "%s\t%s\t%s\t%d\n", s.Name, dash(s.Port), upDown(s.Up), s.Flips)
			}
		})
	})
}

func (c *cli) loginCommand() *cobra.Command {
	return c.list("login", "N_Ports that are logged in", func(f *shm.File) error {
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
}

// end is how a table shows one end of a flow: the name that an admin gave, else the WWPN, else the FC_ID.
func end(wwpn, alias, id string) string {
	return cmp.Or(alias, wwpn, "("+id+")")
}

func dash(s string) string { return cmp.Or(s, "-") }

func upDown(up bool) string {
	if up {
		return "up"
	}
	return "down"
}

// reasons lists drops, the most frequent first.
func reasons(drops map[string]uint64) string {
	names := slices.SortedFunc(maps.Keys(drops), func(a, b string) int {
		return cmp.Or(cmp.Compare(drops[b], drops[a]), strings.Compare(a, b))
	})
	for i, r := range names {
		names[i] = fmt.Sprintf("%s=%d", r, drops[r])
	}
	return dash(strings.Join(names, ","))
}
