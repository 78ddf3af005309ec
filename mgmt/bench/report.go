package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"fcredirect/mgmt/bench/numbers"
)

// WriteJSON writes the result for programs.
func (r *Result) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// WriteTable writes it for people.
func (r *Result) WriteTable(w io.Writer) error {
	m := &r.Machine
	fmt.Fprintf(w, "%s, %d cores, Linux %s, %s, PostgreSQL %s\n", m.CPU, m.Cores, m.Kernel, m.Go, m.PostgreSQL)
	fmt.Fprintf(w, "files in %s%s: append and fdatasync take %.2f ms; load when it began: %s\n", m.Folder, inMemory(m.InMemory), m.FsyncMS, m.Load)
	fmt.Fprintf(w, "%d flows, %d directions; rings of %d items; medians of %d rounds of %.3g s; priority raised: %s\n\n",
		r.Flows, r.Directions, r.RingItems, r.Rounds, r.Seconds, yesNo(r.RaisedPriority))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(title string, cell func(*Variant) string) {
		fmt.Fprintf(t, "%s\t", title)
		for i := range r.Variants {
			fmt.Fprintf(t, "%s\t", cell(&r.Variants[i]))
		}
		fmt.Fprintln(t)
	}
	row("", func(v *Variant) string { return v.Name })
	number := func(figure func(*Variant) float64) func(*Variant) string {
		return func(v *Variant) string { return numbers.Short(figure(v)) }
	}
	row("frames/s", number(func(v *Variant) float64 { return v.FramesPerSecond }))
	row("latency P50", func(v *Variant) string { return nanos(v.LatencyP50NS) })
	row("latency P99", func(v *Variant) string { return nanos(v.LatencyP99NS) })
	row("CPU s per million frames", number(func(v *Variant) float64 { return v.CPUPerMillion }))
	row("CPU cores", number(func(v *Variant) float64 { return v.CPUCores }))
	row("updates stored/s", number(func(v *Variant) float64 { return v.UpdatesPerSecond }))
	row("storage operations per million", number(func(v *Variant) float64 { return v.StoragePerMillion }))
	row("commits/s", number(func(v *Variant) float64 { return v.CommitsPerSecond }))
	row("fsyncs/s", number(func(v *Variant) float64 { return v.FsyncsPerSecond }))
	row("peer updates/s", number(func(v *Variant) float64 { return v.PeerUpdatesPerSecond }))
	row("peer messages/s", number(func(v *Variant) float64 { return v.PeerMessagesPerSecond }))
	row("peer bytes per update", number(func(v *Variant) float64 { return v.PeerBytesPerUpdate }))
	row("work dropped/s", number(func(v *Variant) float64 { return v.DroppedPerSecond }))
	row("updates conflated/s", number(func(v *Variant) float64 { return v.ConflatedPerSecond }))
	row("events besides/s", number(func(v *Variant) float64 { return v.EventsPerSecond }))
	row(fmt.Sprintf("at %s frames/s: lost", numbers.Short(r.OfferedRate)), func(v *Variant) string { return numbers.Short(v.LossPercent) + " %" })
	row("from arrival until done, P50", func(v *Variant) string { return nanos(v.WaitP50NS) })
	row("P99", func(v *Variant) string { return nanos(v.WaitP99NS) })
	row("fast path waited for its CPU", func(v *Variant) string { return numbers.Short(100*v.Robbed) + " %" })
	row("totals at rest exact", func(v *Variant) string {
		if v.Exact == nil {
			return "-"
		}
		return yesNo(*v.Exact)
	})
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	t = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FIGURE\tOURS\tGOAL\tPAPERS\tAGAINST\tMET")
	for _, g := range r.Goals {
		fmt.Fprintf(t, "%s\t%s %s\t%s\t%s\t%s\t%s\n", g.Name, numbers.Exactly(g.Value), g.Unit, g.Goal, dash(g.Papers), dash(g.Against), yesNo(g.Met))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, n := range r.Notes {
		fmt.Fprintln(w, "-", n)
	}
	return nil
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func inMemory(b bool) string {
	if b {
		return " (in memory: fsync costs nothing here)"
	}
	return ""
}

func nanos(ns float64) string {
	switch d := time.Duration(ns); {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	case d >= time.Microsecond:
		return fmt.Sprintf("%.1fµs", ns/1e3)
	}
	return fmt.Sprintf("%.0fns", ns)
}
