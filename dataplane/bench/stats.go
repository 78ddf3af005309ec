package bench

import (
	"cmp"
	"slices"
)

// median of values that need not be sorted; of an even number the mean of the middle two. False when there are none.
func median(values []float64) (float64, bool) {
	if len(values) == 0 {
		return 0, false
	}
	v := slices.Sorted(slices.Values(values))
	n := len(v)
	if n%2 == 1 {
		return v[n/2], true
	}
	return (v[n/2-1] + v[n/2]) / 2, true
}

// mpps of the rounds that succeeded.
func (s *Series) mpps() []float64 {
	return collect(s, func(r *Result) (float64, bool) { return r.Mpps, true })
}

func mpps(r *Result) float64 { return r.Mpps }

// collect takes a figure from each round that has it.
func collect(s *Series, figure func(*Result) (float64, bool)) []float64 {
	var out []float64
	for _, r := range s.Results {
		if r == nil {
			continue
		}
		if v, ok := figure(r); ok {
			out = append(out, v)
		}
	}
	return out
}

// ratios divides ours by a rival's rate within each round that both finished. The machine's mood, which changes from
// minute to minute, is then in both.
func ratios(ours, rival *Series, rate func(*Result) float64) []float64 {
	var out []float64
	for i := range min(len(ours.Results), len(rival.Results)) {
		if a, b := ours.Results[i], rival.Results[i]; a != nil && b != nil && rate(b) > 0 {
			out = append(out, rate(a)/rate(b))
		}
	}
	return out
}

// best is the largest; false when there are none.
func best(values []float64) (float64, bool) {
	if len(values) == 0 {
		return 0, false
	}
	return slices.Max(values), true
}

// latency is the median of each percentile over the rounds, and the worst maximum; nil when it was not measured.
func (s *Series) latency() *BurstLatency {
	of := func(pick func(*BurstLatency) float64) []float64 {
		return collect(s, func(r *Result) (float64, bool) {
			if r.Burst == nil {
				return 0, false
			}
			return pick(r.Burst), true
		})
	}
	var l BurstLatency
	var measured bool
	l.P50, measured = median(of(func(b *BurstLatency) float64 { return b.P50 }))
	if !measured {
		return nil
	}
	l.P90, _ = median(of(func(b *BurstLatency) float64 { return b.P90 }))
	l.P99, _ = median(of(func(b *BurstLatency) float64 { return b.P99 }))
	l.P999, _ = median(of(func(b *BurstLatency) float64 { return b.P999 }))
	l.P9999, _ = median(of(func(b *BurstLatency) float64 { return b.P9999 }))
	l.Max, _ = best(of(func(b *BurstLatency) float64 { return b.Max }))
	return &l
}

// stages is the median of each stage over the rounds; nil when it was not measured.
func (s *Series) stages() *Stages {
	of := func(pick func(*Stages) float64) (float64, bool) {
		return median(collect(s, func(r *Result) (float64, bool) {
			if r.Stages == nil {
				return 0, false
			}
			return pick(r.Stages), true
		}))
	}
	var st Stages
	var measured bool
	st.Parse, measured = of(func(s *Stages) float64 { return s.Parse })
	if !measured {
		return nil
	}
	st.Lookup, _ = of(func(s *Stages) float64 { return s.Lookup })
	st.Account, _ = of(func(s *Stages) float64 { return s.Account })
	st.Decide, _ = of(func(s *Stages) float64 { return s.Decide })
	st.Send, _ = of(func(s *Stages) float64 { return s.Send })
	return &st
}

// last is a figure of the last round that has it, for what does not vary.
func last[T cmp.Ordered](s *Series, figure func(*Result) T) T {
	var zero T
	for _, r := range slices.Backward(s.Results) {
		if r != nil && figure(r) != zero {
			return figure(r)
		}
	}
	return zero
}
