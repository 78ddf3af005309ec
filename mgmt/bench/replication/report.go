package replication

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"fcredirect/mgmt/bench/numbers"
	"fcredirect/mgmt/peer/record"
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
	fmt.Fprintf(w, "%s, %d cores, Linux %s, %s; load when it began: %s\n", m.CPU, m.Cores, m.Kernel, m.Go, m.Load)
	fmt.Fprintf(w, "%s changes/s; medians of %d rounds of %.3g s\n\n", numbers.Short(r.Rate), r.Rounds, r.Seconds)
	if err := r.writeTraces(w); err != nil {
		return err
	}
	if t := r.find(ours, "steady", r.Flows, false); t.Stages != nil {
		s := t.Stages
		fmt.Fprintf(w, "\nbytes per change, steady: %s as a message each; %s the latest of each record; %s as columns of differences; %s after zstd; %s with TLS\n",
			numbers.Short(s.Raw), numbers.Short(s.Latest), numbers.Short(s.Columns), numbers.Short(s.Zstd), numbers.Short(s.TLS))
	}
	n := &r.Newcomer
	fmt.Fprintf(w, "newcomer: %d flows (%d records) in %.2f s; %s bytes a record in %d messages; %.2f s of CPU of all nodes; %s MiB of replica\n",
		n.Flows, n.Records, n.Seconds, numbers.Short(n.PerRecord), n.Messages, n.CPU, numbers.Short(float64(n.Memory)/(1<<20)))
	fmt.Fprintf(w, "          immediate changes meanwhile, at a third node: %d, P50 %s ms, P99 %s ms\n\n", n.Live.Changes, numbers.Short(n.Live.P50), numbers.Short(n.Live.P99))
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "FIGURE\tOURS\tGOAL\tPAPERS\tAGAINST\tMET")
	for _, g := range r.Goals {
		met := "no"
		if g.Met {
			met = "yes"
		}
		fmt.Fprintf(t, "%s\t%s %s\t%s\t%s\t%s\t%s\n", g.Name, numbers.Exactly(g.Value), g.Unit, g.Goal, dash(g.Papers), dash(g.Against), met)
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

// writeTraces writes a block of rows for each trace, a row for each variant.
func (r *Result) writeTraces(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "trace\tflows\tvariant\tmessages/s\tanswers/s\tKiB/s\ton the wire\tbytes/change\tCPU s/million\timmediate P50/P99 ms\thigh\tnormal\tall\tmissing\t")
	last := r.Variants[len(r.Variants)-1].Traces // ours, which is measured everywhere
	for i := range last {
		r.writeTrace(t, last[i].Trace, last[i].Flows, last[i].Shaped)
	}
	return t.Flush()
}

func (r *Result) writeTrace(w io.Writer, trace string, flows int, shaped bool) {
	for _, v := range r.Variants {
		f := r.find(v.Name, trace, flows, shaped)
		if f.Trace == "" {
			continue
		}
		name := trace
		if shaped {
			name = fmt.Sprintf("%s, %.0f Mbit/s", trace, r.Link/1e6)
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t", name, flows, v.Name, numbers.Short(f.Messages), numbers.Short(f.Answers), numbers.Short(f.Bytes/1024),
			numbers.Short(f.WireBytes/1024), numbers.Short(f.BytesPerChange), numbers.Short(f.CPUPerMillion))
		for _, lane := range []string{record.Immediate.String(), record.High.String(), record.Normal.String(), "all"} {
			s, there := f.Staleness[lane]
			if !there {
				fmt.Fprint(w, "-\t")
				continue
			}
			fmt.Fprintf(w, "%s/%s\t", numbers.Short(s.P50), numbers.Short(s.P99))
		}
		fmt.Fprintf(w, "%s\t\n", numbers.Short(f.Missing))
	}
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
