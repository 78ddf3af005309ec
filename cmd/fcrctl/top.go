package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
)

const (
	leastInterval = 100 * time.Millisecond
	// pageFlows is how many flows a page without a terminal shows.
	pageFlows = 20
)

// moment is one look at the segment.
type moment struct {
	at       time.Time
	segment  report.Segment
	rules    int // of the active policy
	ports    []report.Port
	lcores   []report.Lcore
	services []report.Service
	flows    []report.FlowRate // the busiest, with their rates since the moment before
	every    time.Duration     // how long it takes to look through the flow tables, 0 where one look does
}

// watch looks at a segment again and again. What a look costs is bounded: see report.Busiest. The policy, which may be
// large, is read again only when it changed.
type watch struct {
	file     *shm.File
	interval time.Duration
	busiest  *report.Busiest
	policy   *policy.Snapshot
	read     string // generation and id of the policy read last
}

func (w *watch) look(now time.Time) *moment {
	m := &moment{
		at: now, segment: report.SegmentOf(w.file), ports: report.Ports(w.file), lcores: report.Lcores(w.file), services: report.Services(w.file),
	}
	if looks := w.busiest.Looks(); looks > 1 {
		m.every = time.Duration(looks) * w.interval
	}
	if id := fmt.Sprint(m.segment.Generation, m.segment.Policy); id != w.read {
		if p, err := report.ReadPolicy(w.file); err == nil {
			w.policy, w.read = p, id
		}
	}
	if w.policy != nil {
		m.rules = w.policy.Rules()
	}
	w.busiest.Look(now)
	m.flows = w.busiest.Top(report.MaxBusiest, w.policy)
	return m
}

func (c *cli) topCommand() *cobra.Command {
	var interval time.Duration
	var count int
	cmd := &cobra.Command{
		Use: "top", Short: "live view: ports, lcores, busiest flows, drops, latency", Args: cobra.NoArgs,
		Long: "Shows rates since the last look. On a terminal it fills the screen; q or Ctrl-C ends it. Without a terminal it\n" +
			"prints one page a look. Nothing is coloured.",
		RunE: func(*cobra.Command, []string) error {
			switch {
			case interval < leastInterval:
				return usageError{fmt.Errorf("--interval %v: want %v or more", interval, leastInterval)}
			case count < 0:
				return usageError{fmt.Errorf("--count %d: want a positive number, or 0 to go on until q or Ctrl-C", count)}
			case c.output != "table":
				return usageError{errors.New("top shows pages; for figures in JSON ask port, lcore or flow list")}
			}
			return c.withSegment(func(f *shm.File) error { return c.top(f, interval, count) })
		},
	}
	cmd.Flags().DurationVar(&interval, "interval", time.Second, "`time` between looks")
	cmd.Flags().IntVar(&count, "count", 0, "end after so many pages, 0 never")
	return cmd
}

func (c *cli) top(f *shm.File, interval time.Duration, count int) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	screen := newScreen(c.out, stop)
	defer screen.close()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	w := &watch{file: f, interval: interval, busiest: report.NewBusiest(f)}
	before := w.look(time.Now())
	for pages := 0; count == 0 || pages < count; pages++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now := w.look(time.Now())
		if now.segment.Boot != before.segment.Boot { // a warm start: the counters began anew
			before = now
		}
		if err := screen.show(func(width, height int) string { return page(before, now, width, height) }); err != nil {
			return fmt.Errorf("top: %w", err)
		}
		if !now.segment.Alive {
			return errors.New(gone(&now.segment))
		}
		before = now
	}
	return nil
}
