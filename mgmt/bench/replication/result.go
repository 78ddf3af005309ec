package replication

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"fcredirect/mgmt/bench/relay"
	"fcredirect/mgmt/peer/wire"
)

// Options say what to measure. The zero value of each is its default.
type Options struct {
	Flows    int
	Rounds   int
	Seconds  float64 // of each trace
	Rate     float64 // changes a second
	Link     float64 // bits a second of the shaped link
	Newcomer int     // flows that a newcomer is told
	Quick    bool    // a few seconds for everything: the figures mean little
	Log      io.Writer
}

// Complete fills in the defaults and says what is wrong.
func (o *Options) Complete() error {
	if o.Quick {
		o.Flows, o.Rounds, o.Seconds = cmp.Or(o.Flows, quickFlows), cmp.Or(o.Rounds, 1), cmp.Or(o.Seconds, quickSeconds)
		o.Newcomer = cmp.Or(o.Newcomer, quickNewcomer)
	}
	o.Flows, o.Rounds = cmp.Or(o.Flows, DefaultFlows), cmp.Or(o.Rounds, DefaultRounds)
	o.Seconds, o.Rate = cmp.Or(o.Seconds, DefaultSeconds), cmp.Or(o.Rate, DefaultRate)
	o.Link, o.Newcomer = cmp.Or(o.Link, DefaultLink), cmp.Or(o.Newcomer, DefaultNewcomer)
	if o.Log == nil {
		o.Log = io.Discard
	}
	switch {
	case o.Flows < MinFlows || o.Flows > MaxFlows:
		return fmt.Errorf("bench: %d flows: want %d to %d", o.Flows, MinFlows, MaxFlows)
	case o.Rounds < 1 || o.Rounds > MaxRounds:
		return fmt.Errorf("bench: %d rounds: want 1 to %d", o.Rounds, MaxRounds)
	case !(o.Seconds >= MinSeconds && o.Seconds <= MaxSeconds):
		return fmt.Errorf("bench: %v seconds: want %v to %v", o.Seconds, MinSeconds, MaxSeconds)
	case !(o.Rate >= 1 && o.Rate <= MaxRate):
		return fmt.Errorf("bench: %v changes/s: want 1 to %d", o.Rate, MaxRate)
	case !(o.Link >= MinLink && o.Link <= MaxLink):
		return fmt.Errorf("bench: a link of %v bit/s: want %.0f to %.0f", o.Link, MinLink, MaxLink)
	case o.Newcomer < MinFlows || o.Newcomer > MaxNewcomer:
		return fmt.Errorf("bench: a newcomer to %d flows: want %d to %d", o.Newcomer, MinFlows, MaxNewcomer)
	}
	return nil
}

// Result is everything that was measured.
type Result struct {
	Machine  Machine   `json:"machine"`
	Flows    int       `json:"flows"`
	Rounds   int       `json:"rounds"`
	Seconds  float64   `json:"seconds"`
	Rate     float64   `json:"changes_per_second"`
	Link     float64   `json:"shaped_bits_per_second"`
	Notes    []string  `json:"notes"`
	Variants []Variant `json:"variants"`
	Newcomer Newcomer  `json:"newcomer"`
	Goals    []Goal    `json:"goals"`
	GoalsMet bool      `json:"goals_met"`
}

// Variant is one way to tell another node of changes, on all traces.
type Variant struct {
	Name   string  `json:"name"`
	Traces []Trace `json:"traces"`
}

// Trace is the medians of a variant on a trace.
type Trace struct {
	Trace  string `json:"trace"`
	Flows  int    `json:"flows"`
	Shaped bool   `json:"shaped"`

	Changes         int                  `json:"changes"`
	Messages        float64              `json:"messages_per_second"`
	Answers         float64              `json:"answers_per_second"`
	Bytes           float64              `json:"bytes_per_second"`        // from the node whose changes they are, without TCP's headers
	AnswerBytes     float64              `json:"answer_bytes_per_second"` // back
	WireBytes       float64              `json:"wire_bytes_per_second"`   // both ways, with the headers of TCP over Ethernet
	BytesPerChange  float64              `json:"bytes_per_change"`        // as bytes_per_second counts them
	CPUPerMillion   float64              `json:"cpu_seconds_per_million"` // changes, of both ends, without making the trace
	CPUCores        float64              `json:"cpu_cores"`               // the same
	Staleness       map[string]Staleness `json:"staleness"`               // by lane, and "all"
	Missing         float64              `json:"missing"`                 // changes that had not come when the measurement ended
	Stages          *Savings             `json:"bytes_per_change_by_stage,omitempty"`
	Exact           bool                 `json:"exact"` // the other node showed the same in the end, in every round
	PlayerLateP99MS float64              `json:"player_late_p99_ms"`

	Samples []measured `json:"rounds"`
}

// Savings is what each stage has left of a change, in bytes.
type Savings struct {
	Raw     float64 `json:"message_each"`
	Latest  float64 `json:"latest_of_each_record"`
	Columns float64 `json:"columns_of_differences"`
	Zstd    float64 `json:"zstd"`
	TLS     float64 `json:"tls"` // all in
}

// Newcomer is the medians of a newcomer's first sync.
type Newcomer struct {
	Flows int `json:"flows"`
	arrival
	Samples []arrival `json:"rounds"`
}

// cell is what is measured in each round.
type cell struct {
	trace   string
	flows   int
	shaped  bool
	variant string
}

// cells are all of a round, in order.
func (o *Options) cells() (all []cell) {
	add := func(trace string, flows int, shaped bool, variants ...string) {
		for _, v := range variants {
			all = append(all, cell{trace, flows, shaped, v})
		}
	}
	for _, t := range traceNames {
		add(t, o.Flows, false, nothing, synchronous, pipelined, ours)
	}
	add(traceNames[0], o.Flows, true, synchronous, pipelined, ours)
	add(traceNames[1], o.Flows, true, pipelined, ours)
	for _, flows := range [2]int{smallFlows, largeFlows} {
		if !o.Quick {
			add(traceNames[0], flows, false, nothing, pipelined, ours)
		}
	}
	return all
}

// Measure measures.
func Measure(ctx context.Context, o Options) (r *Result, err error) {
	if err := o.Complete(); err != nil {
		return nil, err
	}
	l, err := openLab(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	machine, samples, arrivals := machine(), map[cell][]measured{}, []arrival(nil)
	for round := range o.Rounds {
		fmt.Fprintf(o.Log, "round %d of %d\n", round+1, o.Rounds)
		if err := l.round(ctx, &o, round, samples); err != nil {
			return nil, err
		}
		a, err := l.arrive(ctx, o.Newcomer)
		if err != nil {
			return nil, fmt.Errorf("newcomer: %w", err)
		}
		arrivals = append(arrivals, a)
	}
	return newResult(o, machine, samples, arrivals), nil
}

// round measures every cell once, beginning with another one each time.
func (l *lab) round(ctx context.Context, o *Options, round int, samples map[cell][]measured) error {
	cells := o.cells()
	for i := range cells {
		c := cells[(i+round*len(cells)/max(o.Rounds, 1))%len(cells)]
		t, err := newTrace(c.trace, c.flows, o.Rate, o.Seconds)
		if err != nil {
			return err
		}
		rate := 0.0
		if c.shaped {
			rate = o.Link
		}
		m, err := l.measure(ctx, c.variant, t, rate)
		if err != nil {
			return fmt.Errorf("%s, %s, %d flows: %w", cmp.Or(c.variant, "the trace alone"), c.trace, c.flows, err)
		}
		fmt.Fprintf(o.Log, "  %-11s %-11s %6d flows %s\n", c.trace, cmp.Or(c.variant, "(trace)"), c.flows, shapedName(c.shaped))
		samples[c] = append(samples[c], m)
	}
	return nil
}

func newResult(o Options, m Machine, samples map[cell][]measured, arrivals []arrival) *Result {
	r := &Result{Machine: m, Flows: o.Flows, Rounds: o.Rounds, Seconds: o.Seconds, Rate: o.Rate, Link: o.Link, Notes: notes}
	for _, name := range variantNames {
		v := Variant{Name: name}
		for _, c := range o.cells() {
			if c.variant == name {
				alone := c
				alone.variant, alone.shaped = nothing, false
				v.Traces = append(v.Traces, summarize(c, samples[c], samples[alone]))
			}
		}
		r.Variants = append(r.Variants, v)
	}
	r.Newcomer = Newcomer{Flows: o.Newcomer, Samples: arrivals}
	of := func(figure func(*arrival) float64) float64 { return medianOf(arrivals, figure) }
	r.Newcomer.arrival = arrival{
		Seconds: of(func(a *arrival) float64 { return a.Seconds }), CPU: of(func(a *arrival) float64 { return a.CPU }),
		Records: int(of(func(a *arrival) float64 { return float64(a.Records) })), Bytes: uint64(of(func(a *arrival) float64 { return float64(a.Bytes) })),
		Messages: uint64(of(func(a *arrival) float64 { return float64(a.Messages) })), Memory: int(of(func(a *arrival) float64 { return float64(a.Memory) })),
		PerRecord: of(func(a *arrival) float64 { return a.PerRecord }), Live: medianStaleness(arrivals, func(a *arrival) Staleness { return a.Live }),
	}
	r.judge()
	return r
}

// summarize makes medians of the rounds. What the trace alone costs is taken off the CPU.
func summarize(c cell, list, alone []measured) Trace {
	of := func(figure func(*measured) float64) float64 { return medianOf(list, figure) }
	base := medianOf(alone, func(m *measured) float64 { return m.CPU })
	rate := func(figure func(*measured) uint64) float64 {
		return of(func(m *measured) float64 { return ratio(float64(figure(m)), m.Seconds) })
	}
	t := Trace{
		Trace: c.trace, Flows: c.flows, Shaped: c.shaped, Samples: list, Exact: true, Staleness: map[string]Staleness{},
		Changes:  int(of(func(m *measured) float64 { return float64(m.Changes) })),
		Messages: rate(func(m *measured) uint64 { return m.Messages }), Answers: rate(func(m *measured) uint64 { return m.Answers }),
		Bytes: rate(func(m *measured) uint64 { return m.Bytes }), AnswerBytes: rate(func(m *measured) uint64 { return m.BackBytes }),
		WireBytes:       rate(func(m *measured) uint64 { return m.Bytes + m.BackBytes + relay.Overhead*m.Packets }),
		BytesPerChange:  of(func(m *measured) float64 { return ratio(float64(m.Bytes), float64(m.Changes-m.Missing)) }),
		CPUPerMillion:   of(func(m *measured) float64 { return ratio(1e6*max(0, m.CPU-base), float64(m.Changes-m.Missing)) }),
		CPUCores:        of(func(m *measured) float64 { return ratio(max(0, m.CPU-base), m.Seconds) }),
		Missing:         of(func(m *measured) float64 { return float64(m.Missing) }),
		PlayerLateP99MS: of(func(m *measured) float64 { return m.Late }),
	}
	for i := range list {
		t.Exact = t.Exact && list[i].Exact
		for lane := range list[i].Staleness {
			t.Staleness[lane] = medianStaleness(list, func(m *measured) Staleness { return m.Staleness[lane] })
		}
	}
	if c.variant == ours {
		stage := func(figure func(*wire.Stages) uint64) float64 {
			return of(func(m *measured) float64 { return ratio(float64(figure(&m.Stages)), float64(m.Stages.Updates)) })
		}
		t.Stages = &Savings{
			Raw: stage(func(s *wire.Stages) uint64 { return s.Raw }), Latest: stage(func(s *wire.Stages) uint64 { return s.Latest }),
			Columns: stage(func(s *wire.Stages) uint64 { return s.Columns }), Zstd: stage(func(s *wire.Stages) uint64 { return s.Zstd }),
			TLS: t.BytesPerChange,
		}
	}
	return t
}

func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

// medianOf a figure of all rounds; 0 of none.
func medianOf[T any](list []T, figure func(*T) float64) float64 {
	if len(list) == 0 {
		return 0
	}
	v := make([]float64, len(list))
	for i := range list {
		v[i] = figure(&list[i])
	}
	slices.Sort(v)
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}

func medianStaleness[T any](list []T, of func(*T) Staleness) Staleness {
	return Staleness{
		Changes: int(medianOf(list, func(t *T) float64 { return float64(of(t).Changes) })),
		P50:     medianOf(list, func(t *T) float64 { return of(t).P50 }), P99: medianOf(list, func(t *T) float64 { return of(t).P99 }),
		Max: medianOf(list, func(t *T) float64 { return of(t).Max }),
	}
}

// Machine says where it was measured.
type Machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
	Load   string `json:"load"` // average of the last minute when it began, other programs included
}

func machine() Machine {
	m := Machine{CPU: "unknown", Cores: runtime.NumCPU(), Go: runtime.Version()}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		m.Kernel = unix.ByteSliceToString(name.Release[:])
	}
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, ok := strings.Cut(string(text), "model name"); ok {
			line, _, _ := strings.Cut(rest, "\n")
			m.CPU = strings.TrimSpace(strings.TrimLeft(line, "\t :"))
		}
	}
	if text, err := os.ReadFile("/proc/loadavg"); err == nil {
		m.Load, _, _ = strings.Cut(string(text), " ")
	}
	return m
}
