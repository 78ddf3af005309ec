package load

import (
	"fmt"
	"sync/atomic"
	"time"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/sim/wire"
)

// Sink counts what arrives of a Shape's flows.
type Sink struct {
	Shape Shape
	// Duration ends the run, Idle ends it when frames have come and then none for so long,
	// and Frames after so many; 0 does not.
	Duration time.Duration
	Idle     time.Duration
	Frames   uint64
	// Announce claims the targets' addresses first, and again every 8 s.
	Announce bool

	w       wire.Wire
	flows   []flowState
	report  SinkReport
	stopped atomic.Bool
	last    time.Time // when a frame of ours came
}

// SinkReport is what has come.
type SinkReport struct {
	Received   uint64  `json:"received"` // frames of the flows
	Unique     uint64  `json:"unique"`
	Bytes      uint64  `json:"bytes"`
	Duplicates uint64  `json:"duplicates"` // came a second time, or so late that it cannot be told
	Late       uint64  `json:"late"`       // of Unique: after a higher number
	Lost       uint64  `json:"lost"`       // numbers below the highest that never came
	BadCRC     uint64  `json:"bad_crc"`
	Malformed  uint64  `json:"malformed"`
	Foreign    uint64  `json:"foreign"` // FCoE that is of no flow
	FIP        uint64  `json:"fip"`
	Other      uint64  `json:"other"`
	Dropped    uint64  `json:"dropped"` // by the kernel, before we saw them
	Flows      int     `json:"flows"`   // with at least one frame
	Seconds    float64 `json:"seconds"`
	// PerFlow, if asked for, is the unique frames of each flow.
	PerFlow []uint64 `json:"per_flow,omitempty"`
}

// flowState knows which of the last 64 numbers have come, as IPsec's replay window does.
type flowState struct {
	highest uint32
	window  uint64 // bit i: highest-i has come
	unique  uint64
}

// Stop ends Run soon. Any goroutine may call it.
func (s *Sink) Stop() {
	s.stopped.Store(true)
}

// Run counts until the end. Shape must be complete; its Bytes do not matter.
func (s *Sink) Run(w wire.Wire, perFlow bool) (SinkReport, error) {
	s.w, s.flows = w, make([]flowState, s.Shape.Flows)
	start := time.Now()
	s.last = start
	var claimed time.Time
	for !s.over(start) {
		if s.Announce && (claimed.IsZero() || time.Since(claimed) > 8*time.Second) {
			for _, b := range s.Shape.Claims(true) {
				if w.Room() == 0 {
					if err := w.Flush(); err != nil {
						return s.report, fmt.Errorf("sink: %w", err)
					}
				}
				w.Send(b)
			}
			claimed = time.Now()
		}
		if err := w.Flush(); err != nil {
			return s.report, fmt.Errorf("sink: %w", err)
		}
		if err := w.Receive(20*time.Millisecond, s.take); err != nil {
			return s.report, fmt.Errorf("sink: %w", err)
		}
	}
	s.finish(start, perFlow)
	return s.report, nil
}

func (s *Sink) over(start time.Time) bool {
	switch {
	case s.stopped.Load(), s.Duration > 0 && time.Since(start) >= s.Duration:
		return true
	case s.Frames > 0 && s.report.Received >= s.Frames:
		return true
	}
	return s.Idle > 0 && s.report.Received > 0 && time.Since(s.last) >= s.Idle
}

func (s *Sink) take(b []byte) {
	var h frame.Header
	switch reason := frame.Decode(b, &h); {
	case reason == frame.FIP:
		s.report.FIP++
	case reason.Malformed():
		s.report.Malformed++
	case reason != frame.OK:
		s.report.Other++
	default:
		s.takeFCoE(b, &h)
	}
}

func (s *Sink) takeFCoE(b []byte, h *frame.Header) {
	flow, ok := s.Shape.Flow(h.SID, h.DID)
	if !ok {
		s.report.Foreign++
		return
	}
	if !h.CRCGood(b) {
		s.report.BadCRC++
		return
	}
	s.last = time.Now()
	s.report.Received++
	s.report.Bytes += uint64(len(b))
	f := &s.flows[flow]
	switch fresh, late := f.see(h.Param); {
	case !fresh:
		s.report.Duplicates++
	case late:
		s.report.Late++
	}
}

// see takes a number of the flow.
func (f *flowState) see(number uint32) (fresh, late bool) {
	const width = 64
	if number > f.highest {
		if shift := number - f.highest; shift < width {
			f.window = f.window<<shift | 1
		} else {
			f.window = 1
		}
		f.highest = number
		f.unique++
		return true, false
	}
	back := f.highest - number
	if back >= width || f.window>>back&1 != 0 {
		return false, false
	}
	f.window |= 1 << back
	f.unique++
	return true, true
}

func (s *Sink) finish(start time.Time, perFlow bool) {
	r := &s.report
	for _, f := range s.flows {
		r.Unique += f.unique
		r.Lost += uint64(f.highest) - f.unique
		if f.unique > 0 {
			r.Flows++
		}
		if perFlow {
			r.PerFlow = append(r.PerFlow, f.unique)
		}
	}
	r.Dropped = s.w.Counters().ReceiveDropped
	r.Seconds = time.Since(start).Seconds()
}
