package bench

import (
	"fmt"
	"math"
)

// Result is what a contender did in the measured interval.
type Result struct {
	Frames  uint64  `json:"frames"` // received on edge and fabric ports
	Seconds float64 `json:"seconds"`
	Mpps    float64 `json:"mpps"`
	// Waited is the share of the interval in which other programs had the polling cores.
	Waited float64 `json:"waited"`

	Sent Sent `json:"sent"`
	// Copies are in Sent.Service too. Dropped counts every frame that was received and neither sent nor held.
	Copies  uint64 `json:"copies"`
	Dropped uint64 `json:"dropped"`

	// Burst is nil where a contender does not measure it.
	Burst *BurstLatency `json:"burst_ns"`

	// Of a contender with a flow table.
	Directions uint64 `json:"directions"`
	TableBytes uint64 `json:"table_bytes"`

	// Ours alone fills these in. Stages is ns per frame; InstructionsPerFrame comes from CallgrindPerFrame.
	Stages               *Stages `json:"stages_ns,omitempty"`
	InstructionsPerFrame float64 `json:"instructions_per_frame,omitempty"`
}

// Sent counts frames by the kind of port they left on.
type Sent struct {
	Edge    uint64 `json:"edge"`
	Fabric  uint64 `json:"fabric"`
	Service uint64 `json:"service"`
}

// OnCore is the rate for the time that the contender really had its cores. On a machine of one's own it is Mpps.
func (r *Result) OnCore() float64 { return r.Mpps / max(1-r.Waited, 0.001) }

// All is the sum.
func (s Sent) All() uint64 { return s.Edge + s.Fabric + s.Service }

// BurstLatency is how long frames stayed: from when their burst had been received until the drivers had taken it, in
// nanoseconds, over all frames.
type BurstLatency struct {
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p999"`
	P9999 float64 `json:"p9999"`
	Max   float64 `json:"max"`
}

// Stages is where the time goes, in ns per frame. The papers that started this project measured the same five.
type Stages struct {
	Parse   float64 `json:"parse"`
	Lookup  float64 `json:"lookup"`
	Account float64 `json:"account"`
	Decide  float64 `json:"decide"`
	Send    float64 `json:"send"`
}

// Budget is what the papers' data plane took.
var Budget = Stages{Parse: 200, Lookup: 100, Account: 50, Decide: 300, Send: 400}

// Total is the sum of the stages.
func (s Stages) Total() float64 { return s.Parse + s.Lookup + s.Account + s.Decide + s.Send }

// Check asks whether a contender did the work: no frame lost, and the frames left where the policy says. want is nil for
// one without a policy. What is under way between two counters is allowed for.
func (r *Result) Check(want *Share) error {
	if r.Frames == 0 || r.Seconds <= 0 {
		return fmt.Errorf("no frames in %.3f s", r.Seconds)
	}
	in, out := float64(r.Frames), float64(r.Sent.All()-r.Copies)
	if math.Abs(in-out) > in*maxLoss || r.Dropped > 0 {
		return fmt.Errorf("%d frames received, %d sent besides %d copies, %d dropped: lossy runs do not count", r.Frames, r.Sent.All()-r.Copies, r.Copies, r.Dropped)
	}
	if want == nil {
		return nil
	}
	got := Share{
		Direct: float64(r.Sent.Edge+r.Sent.Fabric) / in, Service: float64(r.Sent.Service-r.Copies) / in, Copies: float64(r.Copies) / in,
	}
	if math.Abs(got.Direct-want.Direct) > maxShareError || math.Abs(got.Service-want.Service) > maxShareError || math.Abs(got.Copies-want.Copies) > maxShareError {
		return fmt.Errorf("frames left as %.3f direct, %.3f to the service, %.3f copies; planned %.3f, %.3f, %.3f: the policy was not done",
			got.Direct, got.Service, got.Copies, want.Direct, want.Service, want.Copies)
	}
	return nil
}
