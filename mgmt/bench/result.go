package bench

import (
	"time"
)

// Result is everything that was measured.
type Result struct {
	Machine        Machine   `json:"machine"`
	Flows          int       `json:"flows"`
	Directions     int       `json:"directions"`
	Rounds         int       `json:"rounds"`
	Seconds        float64   `json:"seconds"`         // of each measurement
	OfferedRate    float64   `json:"offered_rate"`    // frames/s of the measurement at a fixed rate
	RingItems      int       `json:"ring_items"`      // of ours
	ReceiveFrames  int       `json:"receive_frames"`  // that wait at most
	RaisedPriority bool      `json:"raised_priority"` // of the process with the fast path
	Notes          []string  `json:"notes"`
	Variants       []Variant `json:"variants"`
	Goals          []Goal    `json:"goals"`
	GoalsMet       bool      `json:"goals_met"`
}

// Variant is the medians of one way to do the slow work.
type Variant struct {
	Name string `json:"name"`

	// With frames always waiting.
	FramesPerSecond       float64 `json:"frames_per_second"`
	LatencyP50NS          float64 `json:"latency_p50_ns"` // from the receipt of a burst until it is done
	LatencyP99NS          float64 `json:"latency_p99_ns"`
	CPUPerMillion         float64 `json:"cpu_seconds_per_million_frames"` // of all processes
	CPUCores              float64 `json:"cpu_cores"`                      // of all processes, while it ran
	UpdatesPerSecond      float64 `json:"updates_per_second"`             // that storage took
	CommitsPerSecond      float64 `json:"commits_per_second"`             // of the server
	FsyncsPerSecond       float64 `json:"fsyncs_per_second"`              // of the server and of our files
	StoragePerMillion     float64 `json:"storage_operations_per_million_updates"`
	PeerBytesPerUpdate    float64 `json:"peer_bytes_per_update"`
	PeerMessagesPerSecond float64 `json:"peer_messages_per_second"`
	PeerUpdatesPerSecond  float64 `json:"peer_updates_per_second"`
	DroppedPerSecond      float64 `json:"dropped_work_per_second"`      // items that found their queue full
	ConflatedPerSecond    float64 `json:"conflated_updates_per_second"` // merged in the rings

	EventsPerSecond float64 `json:"events_per_second"` // besides

	// At the fixed rate.
	LossPercent float64 `json:"loss_percent"` // of all rounds together
	LostFrames  uint64  `json:"lost_frames"`
	WaitP50NS   float64 `json:"wait_p50_ns"` // from a frame's arrival on the wire until it is done
	WaitP99NS   float64 `json:"wait_p99_ns"`

	// Robbed is the share of the time in which the fast path waited for a CPU that other programs had.
	Robbed float64 `json:"robbed"`

	// Exact says that at rest the peer and the database had what the table had, to the frame, in every round; nil where
	// updates are dropped by design or not compared.
	Exact *bool `json:"totals_exact,omitempty"`

	Samples []sample `json:"rounds"`
}

// sample is one round of a variant.
type sample struct {
	Frames        uint64  `json:"frames"`
	Seconds       float64 `json:"seconds"`
	P50           float64 `json:"latency_p50_ns"`
	P99           float64 `json:"latency_p99_ns"`
	CPUSeconds    float64 `json:"cpu_seconds"`
	Updates       uint64  `json:"updates"`
	Operations    uint64  `json:"storage_operations"`
	OwnCommits    uint64  `json:"store_commits,omitempty"`
	Commits       float64 `json:"commits_per_second"`
	Fsyncs        float64 `json:"fsyncs_per_second"`
	PeerUpdates   uint64  `json:"peer_updates"`
	PeerMessages  uint64  `json:"peer_messages"`
	PeerBytes     uint64  `json:"peer_bytes"`
	Dropped       uint64  `json:"dropped_work"`
	Conflated     uint64  `json:"conflated_updates"`
	Events        uint64  `json:"events"`
	OfferedFrames uint64  `json:"offered_frames"`
	LostFrames    uint64  `json:"lost_frames"`
	Wait50        float64 `json:"wait_p50_ns"`
	Wait99        float64 `json:"wait_p99_ns"`
	Robbed        float64 `json:"robbed"`       // share of the time in which the fast path waited for a CPU that others had
	PacedRobbed   float64 `json:"paced_robbed"` // the same at the fixed rate
	Exact         *bool   `json:"totals_exact,omitempty"`
}

// free enters the measurement with frames always waiting.
func (s *sample) free(p *poller, before, after looked, final served, exact *bool) {
	d := after.counts.minus(before.counts)
	t := &p.tally
	s.Frames, s.Seconds = t.frames, after.at.Sub(before.at).Seconds()
	s.P50, s.P99 = float64(t.latency.Quantile(0.5)), float64(t.latency.Quantile(0.99))
	s.CPUSeconds = (after.cpu - before.cpu).Seconds()
	s.Updates, s.Operations, s.OwnCommits, s.Dropped, s.Conflated = d.updates, d.operations, d.commits, d.dropped, d.conflated
	s.Events = d.events
	s.PeerUpdates, s.PeerMessages, s.PeerBytes = d.peerUpdates, d.peerMessages, d.peerBytes
	// The server tells a session's figures when it ends, so these are from the beginning to the end of the sessions.
	served := max(final.at.Sub(before.server.at), time.Millisecond).Seconds()
	s.Commits = float64(final.commits-before.server.commits) / served
	s.Fsyncs = float64(final.syncs-before.server.syncs)/served + float64(d.syncs)/s.Seconds
	s.Robbed, s.Exact = t.robbed, exact
}

// paced enters the measurement at the fixed rate.
func (s *sample) paced(p *poller, w *wire, exact *bool) {
	s.OfferedFrames, s.LostFrames, s.PacedRobbed = w.arrived, w.lost, p.tally.robbed
	s.Wait50, s.Wait99 = float64(p.tally.waited.Quantile(0.5)), float64(p.tally.waited.Quantile(0.99))
	if exact != nil && s.Exact != nil {
		both := *exact && *s.Exact
		s.Exact = &both
	}
}

func newResult(o Options, m Machine, samples map[string][]sample) *Result {
	r := &Result{
		Machine: m, Flows: o.Flows, Directions: 2 * o.Flows, Rounds: o.Rounds, Seconds: o.Seconds, OfferedRate: o.Offered,
		RingItems: o.Ring, ReceiveFrames: receiveFrames, RaisedPriority: mayPrefer(), Notes: notes,
	}
	for _, name := range variantNames {
		r.Variants = append(r.Variants, summarize(name, samples[name]))
	}
	r.judge()
	return r
}

func summarize(name string, list []sample) Variant {
	of := func(figure func(*sample) float64) float64 {
		values := make([]float64, len(list))
		for i := range list {
			values[i] = figure(&list[i])
		}
		return median(values)
	}
	ratio := func(a, b float64) float64 {
		if b == 0 {
			return 0
		}
		return a / b
	}
	rate := func(figure func(*sample) uint64) float64 {
		return of(func(s *sample) float64 { return ratio(float64(figure(s)), s.Seconds) })
	}
	v := Variant{
		Name: name, Samples: list,
		FramesPerSecond:       rate(func(s *sample) uint64 { return s.Frames }),
		LatencyP50NS:          of(func(s *sample) float64 { return s.P50 }),
		LatencyP99NS:          of(func(s *sample) float64 { return s.P99 }),
		CPUPerMillion:         of(func(s *sample) float64 { return ratio(s.CPUSeconds*1e6, float64(s.Frames)) }),
		CPUCores:              of(func(s *sample) float64 { return ratio(s.CPUSeconds, s.Seconds) }),
		UpdatesPerSecond:      rate(func(s *sample) uint64 { return s.Updates }),
		CommitsPerSecond:      of(func(s *sample) float64 { return s.Commits }),
		FsyncsPerSecond:       of(func(s *sample) float64 { return s.Fsyncs }),
		PeerMessagesPerSecond: rate(func(s *sample) uint64 { return s.PeerMessages }),
		PeerUpdatesPerSecond:  rate(func(s *sample) uint64 { return s.PeerUpdates }),
		DroppedPerSecond:      rate(func(s *sample) uint64 { return s.Dropped }),
		ConflatedPerSecond:    rate(func(s *sample) uint64 { return s.Conflated }),
		EventsPerSecond:       rate(func(s *sample) uint64 { return s.Events }),
		WaitP50NS:             of(func(s *sample) float64 { return s.Wait50 }),
		Robbed:                of(func(s *sample) float64 { return max(s.Robbed, s.PacedRobbed) }),
		WaitP99NS:             of(func(s *sample) float64 { return s.Wait99 }),
	}
	// Of all rounds together, because a round may end in the middle of a long transaction.
	var sum sample
	for i := range list {
		s := &list[i]
		sum.OfferedFrames, sum.LostFrames = sum.OfferedFrames+s.OfferedFrames, sum.LostFrames+s.LostFrames
		sum.Updates, sum.Operations = sum.Updates+s.Updates, sum.Operations+s.Operations
		sum.PeerUpdates, sum.PeerBytes = sum.PeerUpdates+s.PeerUpdates, sum.PeerBytes+s.PeerBytes
		if s.Exact != nil {
			all := *s.Exact && (v.Exact == nil || *v.Exact)
			v.Exact = &all
		}
	}
	v.LostFrames, v.LossPercent = sum.LostFrames, ratio(100*float64(sum.LostFrames), float64(sum.OfferedFrames))
	v.StoragePerMillion = ratio(1e6*float64(sum.Operations), float64(sum.Updates))
	v.PeerBytesPerUpdate = ratio(float64(sum.PeerBytes), float64(sum.PeerUpdates))
	return v
}

func (r *Result) variant(name string) *Variant {
	for i := range r.Variants {
		if r.Variants[i].Name == name {
			return &r.Variants[i]
		}
	}
	return &Variant{}
}
