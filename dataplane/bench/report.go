package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Report is the outcome, in the shape of its JSON. What was not measured is null. Rates are medians over the rounds, in
// million frames per second; a ratio is the median of ours divided by the rival's within each round.
type Report struct {
	Scenario ReportScenario `json:"scenario"`

	OursMpps     *float64 `json:"ours_mpps"`
	TestpmdMpps  *float64 `json:"testpmd_mpps"`
	RatioTestpmd *float64 `json:"ratio_testpmd"`
	RefMpps      *float64 `json:"ref_mpps"`
	RatioRef     *float64 `json:"ratio_ref"`
	OVSMpps      *float64 `json:"ovs_mpps"`
	RatioOVS     *float64 `json:"ratio_ovs"`

	SlowpathMpps *float64 `json:"slowpath_mpps"` // ours while the management daemon reads all rings
	SlowpathLoss *float64 `json:"slowpath_loss"` // the share of the rate that this costs

	OursNs                  *float64 `json:"ours_ns_per_frame"` // per lcore
	InstructionsPerFrame    *float64 `json:"instructions_per_frame"`
	RefInstructionsPerFrame *float64 `json:"ref_instructions_per_frame"`

	StagesNs *Stages `json:"stages_ns"`
	BudgetNs Stages  `json:"budget_ns"` // the papers'

	Latency map[string]*BurstLatency `json:"burst_latency_ns"`
	Table   *ReportTable             `json:"flow_table"`
	Runs    map[string]*ReportRuns   `json:"runs"`

	order []string
}

// ReportScenario is what was measured.
type ReportScenario struct {
	Directions     int     `json:"directions"`
	FrameBytes     int     `json:"frame_bytes"` // without FCS
	VLAN           uint16  `json:"vlan"`
	Lcores         int     `json:"lcores"`
	Seed           uint64  `json:"seed"`
	Burst          int     `json:"burst"`
	MbufBytes      int     `json:"mbuf_bytes"`
	MeasureSeconds float64 `json:"measure_seconds"`
}

// ReportTable is the memory of our flow table.
type ReportTable struct {
	Directions        uint64  `json:"directions"`
	Bytes             uint64  `json:"bytes"`
	BytesPerDirection float64 `json:"bytes_per_direction"`
}

// ReportRuns is one contender. Ratios are ours divided by it.
type ReportRuns struct {
	Mpps        []float64 `json:"mpps"`
	Median      *float64  `json:"median"`
	Best        *float64  `json:"best"`
	Ratios      []float64 `json:"ratios,omitempty"`
	RatioMedian *float64  `json:"ratio_median"`
	RatioBest   *float64  `json:"ratio_best"` // of the best values
	// RatioOnCore is RatioMedian with each rate taken for the time that the contender had its cores.
	RatioOnCore *float64  `json:"ratio_on_core"`
	Waited      []float64 `json:"waited"` // share of the time in which it did not have them
	Failures    []string  `json:"failures,omitempty"`
	Unavailable string    `json:"unavailable,omitempty"`
}

// NewReport works out the figures.
func NewReport(s *Scenario, all []Series) *Report {
	r := &Report{
		Scenario: ReportScenario{
			Directions: s.Traffic.Flows() * 2, FrameBytes: s.Traffic.FrameBytes, VLAN: s.Traffic.VLAN, Lcores: len(s.Pairs),
			Seed: s.Traffic.Seed, Burst: s.Burst, MbufBytes: s.MbufBytes, MeasureSeconds: s.Measure.Seconds(),
		},
		BudgetNs: Budget, Latency: map[string]*BurstLatency{}, Runs: map[string]*ReportRuns{},
	}
	var ours *Series
	for i := range all {
		if all[i].Name == Ours {
			ours = &all[i]
		}
	}
	for i := range all {
		series := &all[i]
		runs := newRuns(series, ours)
		r.Runs[series.Name] = runs
		r.order = append(r.order, series.Name)
		if l := series.latency(); l != nil {
			r.Latency[series.Name] = l
		}
		switch series.Name {
		case Ours:
			r.OursMpps = runs.Median
		case "testpmd":
			r.TestpmdMpps, r.RatioTestpmd = runs.Median, runs.RatioMedian
		case "ref":
			r.RefMpps, r.RatioRef = runs.Median, runs.RatioMedian
			r.RefInstructionsPerFrame = some(instructions(series))
		case Slowpath:
			r.SlowpathMpps = runs.Median
			if runs.RatioMedian != nil {
				r.SlowpathLoss = some(1 - 1 / *runs.RatioMedian, true)
			}
		case "ovs":
			r.OVSMpps, r.RatioOVS = runs.Median, runs.RatioMedian
		}
	}
	if ours != nil {
		r.addOurs(ours)
	}
	return r
}

func (r *Report) addOurs(ours *Series) {
	if r.OursMpps != nil {
		r.OursNs = some(1000*float64(r.Scenario.Lcores) / *r.OursMpps, true)
	}
	r.InstructionsPerFrame = some(instructions(ours))
	r.StagesNs = ours.stages()
	if n, bytes := last(ours, func(r *Result) uint64 { return r.Directions }), last(ours, func(r *Result) uint64 { return r.TableBytes }); n > 0 {
		r.Table = &ReportTable{Directions: n, Bytes: bytes, BytesPerDirection: float64(bytes) / float64(n)}
	}
}

// SetInstructions adds what CallgrindPerFrame found for ours or for the yardstick.
func (r *Report) SetInstructions(name string, perFrame float64) {
	switch name {
	case Ours:
		r.InstructionsPerFrame = &perFrame
	case "ref":
		r.RefInstructionsPerFrame = &perFrame
	}
}

func instructions(s *Series) (float64, bool) {
	n := last(s, func(r *Result) float64 { return r.InstructionsPerFrame })
	return n, n > 0
}

func newRuns(s, ours *Series) *ReportRuns {
	r := &ReportRuns{Mpps: s.mpps(), Failures: s.Failures, Unavailable: s.Unavailable}
	r.Median, r.Best = some(median(r.Mpps)), some(best(r.Mpps))
	r.Waited = collect(s, func(r *Result) (float64, bool) { return r.Waited, true })
	if ours == nil || s == ours {
		return r
	}
	r.Ratios = ratios(ours, s, mpps)
	r.RatioMedian = some(median(r.Ratios))
	r.RatioOnCore = some(median(ratios(ours, s, (*Result).OnCore)))
	if top, ok := best(ours.mpps()); ok && r.Best != nil {
		r.RatioBest = some(top / *r.Best, true)
	}
	return r
}

func some(v float64, there bool) *float64 {
	if !there {
		return nil
	}
	return &v
}

// WriteJSON writes the report as one JSON object.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// WriteTable writes it for people.
func (r *Report) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	c := r.Scenario
	fmt.Fprintf(t, "%d directions, %d-byte frames (without FCS), %d lcore(s), bursts of %d, mbufs of %d bytes, %.3g s a run\n\n",
		c.Directions, c.FrameBytes, c.Lcores, c.Burst, c.MbufBytes, c.MeasureSeconds)
	r.tableOfRates(t)
	if r.StagesNs != nil {
		r.tableOfStages(t)
	}
	if len(r.Latency) > 0 {
		r.tableOfLatency(t)
	}
	if r.InstructionsPerFrame != nil || r.RefInstructionsPerFrame != nil {
		fmt.Fprintf(t, "instructions per frame, drivers included: ours %s, ref %s\n", cell(r.InstructionsPerFrame, "%.1f"), cell(r.RefInstructionsPerFrame, "%.1f"))
	}
	if r.SlowpathLoss != nil {
		fmt.Fprintf(t, "with all consumers attached and running: %s of the rate lost\n", percent(r.SlowpathLoss))
	}
	if r.Table != nil {
		fmt.Fprintf(t, "flow table: %d directions in %.1f MiB, %.0f bytes each\n", r.Table.Directions, float64(r.Table.Bytes)/(1<<20), r.Table.BytesPerDirection)
	}
	return t.Flush()
}

func (r *Report) tableOfRates(t io.Writer) {
	fmt.Fprintln(t, "\tMpps median\tbest\tns/frame\tours/it median\tbest/best\ton core\twaited\t")
	var notes []string
	for _, name := range r.order {
		runs := r.Runs[name]
		var ns *float64
		if runs.Median != nil && *runs.Median > 0 {
			ns = some(1000*float64(r.Scenario.Lcores) / *runs.Median, true)
		}
		waited := some(median(runs.Waited))
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n", name, cell(runs.Median, "%.2f"), cell(runs.Best, "%.2f"), cell(ns, "%.1f"),
			cell(runs.RatioMedian, "%.2f"), cell(runs.RatioBest, "%.2f"), cell(runs.RatioOnCore, "%.2f"), percent(waited))
		if waited != nil && *waited > maxWaited {
			notes = append(notes, fmt.Sprintf("%s: others had its cores for %s of the time: rates are low, ratios uncertain", name, percent(waited)))
		}
		if runs.Unavailable != "" {
			notes = append(notes, name+": "+runs.Unavailable)
		}
		for _, f := range runs.Failures {
			notes = append(notes, name+": "+f)
		}
	}
	fmt.Fprintln(t, strings.Join(append(notes, ""), "\n"))
}

func (r *Report) tableOfStages(t io.Writer) {
	fmt.Fprintln(t, "ns per frame\tparse\tlook up\taccount\tdecide\tsend\tall\t")
	for _, row := range []struct {
		name string
		s    Stages
	}{{"the papers", r.BudgetNs}, {"ours", *r.StagesNs}} {
		fmt.Fprintf(t, "%s\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t\n", row.name, row.s.Parse, row.s.Lookup, row.s.Account, row.s.Decide, row.s.Send, row.s.Total())
	}
	fmt.Fprintln(t)
}

func (r *Report) tableOfLatency(t io.Writer) {
	fmt.Fprintln(t, "received to sent, ns\tP50\tP90\tP99\tP99.9\tP99.99\tmax\t")
	for _, name := range r.order {
		if l := r.Latency[name]; l != nil {
			fmt.Fprintf(t, "%s\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t%.0f\t\n", name, l.P50, l.P90, l.P99, l.P999, l.P9999, l.Max)
		}
	}
	fmt.Fprintln(t)
}

func percent(v *float64) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f %%", 100**v)
}

func cell(v *float64, format string) string {
	if v == nil {
		return "-"
	}
	return fmt.Sprintf(format, *v)
}
