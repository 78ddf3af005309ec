package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/shm"
)

// feedRing is a ring of the feed, as printed.
type feedRing struct {
	Consumer   string `json:"consumer"`
	Shard      int    `json:"shard"`
	Producer   string `json:"producer"`
	Items      int    `json:"items"`
	Depth      uint64 `json:"depth"`
	Offered    uint64 `json:"offered"`
	Released   uint64 `json:"released"`
	Conflated  uint64 `json:"conflated"`
	Full       uint64 `json:"full"`
	Lost       uint64 `json:"lost"`
	Gaps       uint64 `json:"gaps"`
	Pending    uint64 `json:"pending"`
	Unreported uint64 `json:"unreported"`
	Broken     uint64 `json:"broken"`
}

func (c *cli) ringCommand() *cobra.Command {
	return noun("ring", "rings through which the data plane tells the management daemon", &cobra.Command{
		Use: "list", Short: "how full the rings are and what did not fit", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return c.withCtl(c.listRings) },
	})
}

func (c *cli) listRings(state, ctl *shm.File) error {
	rings := ringsOf(feed.Rings(state, ctl))
	return c.print(rings, "CONSUMER SHARD PRODUCER ITEMS DEPTH OFFERED RELEASED CONFLATED FULL LOST GAPS PENDING UNREPORTED BROKEN", func(w io.Writer) {
		for _, r := range rings {
			fmt.Fprintf(w, "%s\t%d\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n", r.Consumer, r.Shard, r.Producer, r.Items, r.Depth, r.Offered, r.Released,
				r.Conflated, r.Full, r.Lost, r.Gaps, r.Pending, r.Unreported, r.Broken)
		}
	})
}

// ringsOf names the producers: the last one is the control goroutine. A replay makes room for rings but no rings.
func ringsOf(all []feed.Ring) []feedRing {
	control := 0
	for _, r := range all {
		control = max(control, r.Producer)
	}
	rings := []feedRing{}
	for _, r := range all {
		if r.Items == 0 {
			continue
		}
		producer := fmt.Sprintf("lcore-%d", r.Producer)
		if r.Producer == control {
			producer = "control"
		}
		rings = append(rings, feedRing{
			Consumer: r.Consumer.String(), Shard: r.Shard, Producer: producer, Items: r.Items, Depth: r.Depth, Offered: r.Offered, Released: r.Released,
			Conflated: r.Conflated, Full: r.Full, Lost: r.Lost, Gaps: r.Gaps, Pending: r.Pending, Unreported: r.Unreported, Broken: r.Broken,
		})
	}
	return rings
}
