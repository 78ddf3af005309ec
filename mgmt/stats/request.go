package stats

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"fcredirect/dataplane/frame"
)

// Kind is what counts are told apart by.
type Kind string

// The kinds. All of flows' come from the same samples; Port counts what the ports themselves saw, policy or not.
const (
	OfFlow      Kind = "flow" // initiator, target and VSAN, both directions together
	OfInitiator Kind = "initiator"
	OfTarget    Kind = "target"
	OfPort      Kind = "port"
	OfPolicy    Kind = "policy"  // the rule that decided; empty for the default
	OfService   Kind = "service" // empty for none
	OfVSAN      Kind = "vsan"
	OfAll       Kind = "all" // one total of all flows
)

// Kinds lists them.
var Kinds = []Kind{OfFlow, OfInitiator, OfTarget, OfPort, OfPolicy, OfService, OfVSAN, OfAll}

// Counter is what Top orders by.
type Counter string

// The counters. Rate is the highest bytes per second of any bucket; the answer says how wide a bucket is.
const (
	Bytes  Counter = "bytes"
	Frames Counter = "frames"
	Errors Counter = "errors"
	Rate   Counter = "rate"
)

// Counters lists them.
var Counters = []Counter{Bytes, Frames, Errors, Rate}

// Key names what was counted, as far as it is set: in a request it selects, in an answer it tells the rows apart.
type Key struct {
	Initiator *frame.WWN `json:"initiator,omitempty"` // 0 while unknown
	Target    *frame.WWN `json:"target,omitempty"`
	VSAN      *int       `json:"vsan,omitempty"`
	Policy    *string    `json:"policy,omitempty"`
	Service   *string    `json:"service,omitempty"`
	Port      *string    `json:"port,omitempty"` // of flows: where they enter
}

// Request asks for counts of [From, To).
type Request struct {
	Of Kind `json:"of"`
	Key
	From time.Time `json:"from"` // zero: defaultRange before To
	To   time.Time `json:"to"`   // zero: now

	Step int     `json:"step_seconds,omitempty"` // Series; 0: what gives about defaultPoints
	By   Counter `json:"by,omitempty"`           // Top; empty: Bytes
	N    int     `json:"n,omitempty"`            // Top; 0: 10
}

// BadRequest is an error that the asker mends.
type BadRequest struct{ text string }

func (e *BadRequest) Error() string { return "stats: " + e.text }

func bad(format string, args ...any) error { return &BadRequest{fmt.Sprintf(format, args...)} }

// Check completes a request and says what is wrong with it. A total or a series wants one of its kind named.
func (r *Request) Check(now time.Time, one bool) error {
	if r.To.IsZero() {
		r.To = now
	}
	if r.From.IsZero() {
		r.From = r.To.Add(-defaultRange)
	}
	r.From, r.To = r.From.UTC().Truncate(time.Microsecond), r.To.UTC().Truncate(time.Microsecond)
	switch {
	case !slices.Contains(Kinds, r.Of):
		return bad("counts of %.20q: want one of %s", r.Of, joinNames(Kinds))
	case !r.From.Before(r.To):
		return bad("from %s to %s: the range is empty", r.From.Format(time.RFC3339), r.To.Format(time.RFC3339))
	case r.From.Before(earliest) || r.To.After(latest):
		return bad("from %s to %s: want times from %d to %d", r.From.Format(time.RFC3339), r.To.Format(time.RFC3339), earliest.Year(), latest.Year())
	case r.To.Sub(r.From) > maxRange:
		return bad("a range of %v: want %v or less", r.To.Sub(r.From), maxRange)
	case r.VSAN != nil && (*r.VSAN < 0 || *r.VSAN > maxVSAN):
		return bad("VSAN %d: want 0 to %d", *r.VSAN, maxVSAN)
	case r.Step < 0 || r.Step > int(maxRange.Seconds()):
		return bad("a step of %d s: want 1 to %d", r.Step, int(maxRange.Seconds()))
	case r.By != "" && !slices.Contains(Counters, r.By):
		return bad("top by %.20q: want one of %s", r.By, joinNames(Counters))
	case r.N < 0 || r.N > MaxTop:
		return bad("the first %d: want 1 to %d", r.N, MaxTop)
	case r.Of == OfPort && (r.Initiator != nil || r.Target != nil || r.VSAN != nil || r.Policy != nil || r.Service != nil):
		return bad("ports count frames of all flows together: only a port can be named")
	}
	for _, name := range []*string{r.Policy, r.Service, r.Port} {
		if name != nil && (len(*name) > maxName || strings.ContainsRune(*name, 0)) {
			return bad("a name of %d bytes: want %d or fewer, without a zero byte", len(*name), maxName)
		}
	}
	if one {
		return r.named()
	}
	return nil
}

func (r *Request) named() error {
	missing := map[Kind]bool{
		OfFlow:      r.Initiator == nil || r.Target == nil, // of all VSANs, when none is named
		OfInitiator: r.Initiator == nil, OfTarget: r.Target == nil, OfPort: r.Port == nil, OfPolicy: r.Policy == nil,
		OfService: r.Service == nil, OfVSAN: r.VSAN == nil,
	}
	if missing[r.Of] {
		return bad("which %s?", r.Of)
	}
	return nil
}

func joinNames[T ~string](names []T) string {
	var list []string
	for _, n := range names {
		list = append(list, string(n))
	}
	return strings.Join(list, ", ")
}

// chain is where the counts stand: the smallest tables that tell what is asked for.
func (r *Request) chain() chain {
	switch {
	case r.Of == OfPort:
		return ports
	case r.Of == OfFlow || r.Of == OfInitiator || r.Of == OfTarget || r.Initiator != nil || r.Target != nil:
		return flows
	}
	return groups
}

// keys are the columns that tell the rows of a kind apart.
func (k Kind) keys() []string {
	switch k {
	case OfFlow:
		return []string{"initiator", "target", "vsan"}
	case OfInitiator:
		return []string{"initiator"}
	case OfTarget:
		return []string{"target"}
	case OfPort:
		return []string{"port"}
	case OfPolicy:
		return []string{"rule"}
	case OfService:
		return []string{"service"}
	case OfVSAN:
		return []string{"vsan"}
	}
	return nil
}

// Counts is what was counted. Rates are those over the time in which somebody measured.
type Counts struct {
	Frames    int64       `json:"frames"`
	Bytes     int64       `json:"bytes"`
	Errors    int64       `json:"errors"` // of ports: drops, stalled, mirror_lost and device_errors
	FrameRate float64     `json:"frames_per_second"`
	ByteRate  float64     `json:"bytes_per_second"`
	Port      *PortCounts `json:"port,omitempty"`
}

// PortCounts are the counters of a port.
type PortCounts struct {
	FramesIn     int64 `json:"frames_in"`
	BytesIn      int64 `json:"bytes_in"`
	FramesOut    int64 `json:"frames_out"`
	BytesOut     int64 `json:"bytes_out"`
	Drops        int64 `json:"drops"`
	Stalled      int64 `json:"stalled"`
	MirrorLost   int64 `json:"mirror_lost"`
	DeviceErrors int64 `json:"device_errors"`
	PausesIn     int64 `json:"pauses_in"`
	PausesOut    int64 `json:"pauses_out"`
}

// Range is what an answer is about: wider than what was asked for where the samples are not that fine any more.
type Range struct {
	From     time.Time `json:"from"`
	To       time.Time `json:"to"`
	Measured float64   `json:"measured_seconds"` // of it
}

// Total answers how much was counted.
type Total struct {
	Range
	Counts Counts `json:"counts"`
}

// Point is a bucket of a series. Without Counts nobody measured: a gap. Zero counts mean that there was no traffic.
type Point struct {
	At       time.Time `json:"at"`
	Measured float64   `json:"measured"` // share of the bucket, 0 to 1
	Counts   *Counts   `json:"counts"`
}

// Series answers how much was counted when.
type Series struct {
	Range
	Step   int     `json:"step_seconds"`
	Level  string  `json:"level"` // of the samples that it is made of: 1s, 1m, 1h
	Points []Point `json:"points"`
}

// TopRow is one of a kind.
type TopRow struct {
	Key
	Counts Counts  `json:"counts"`
	Peak   float64 `json:"peak_bytes_per_second,omitempty"` // by rate
}

// Top answers who had most.
type Top struct {
	Range
	By     Counter  `json:"by"`
	Bucket string   `json:"bucket,omitempty"` // by rate: of which the peak is the highest: 1s, 1m, 1h
	Groups int64    `json:"groups"`           // how many there are in all
	All    Counts   `json:"all"`              // what they have together
	Rows   []TopRow `json:"rows"`
}
