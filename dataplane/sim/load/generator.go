package load

import (
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"time"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/sim/wire"
)

// Generator sends the frames of a Shape, flow after flow.
type Generator struct {
	Shape Shape
	// Rate is in frames a second over all flows; 0 is as fast as the interface takes them.
	Rate float64
	// Frames and Duration end the run, whichever comes first; 0 does not.
	Frames   uint64
	Duration time.Duration
	// Announce claims the initiators' addresses first, and again every 8 s.
	Announce bool

	w       wire.Wire
	frames  [][]byte // by flow
	claims  [][]byte
	stopped atomic.Bool
	report  GeneratorReport
}

// GeneratorReport is what was sent.
type GeneratorReport struct {
	Flows     int     `json:"flows"`
	Bytes     int     `json:"frame_bytes"`
	Sent      uint64  `json:"sent"`      // numbered frames that the interface took
	Announced uint64  `json:"announced"` // FIP frames besides
	Refused   uint64  `json:"refused"`   // frames the interface did not take
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"frames_per_second"`
	// FramesPerFlow: flow i was sent FramesPerFlow frames, and one more if i < Remainder.
	FramesPerFlow uint64 `json:"frames_per_flow"`
	Remainder     uint64 `json:"remainder"`
}

// Stop ends Run soon. Any goroutine may call it.
func (g *Generator) Stop() { g.stopped.Store(true) }

// burst is how many frames go between two looks at the clock.
const burst = wire.BatchFrames

// Run sends until the end. Shape must be complete.
func (g *Generator) Run(w wire.Wire) (GeneratorReport, error) {
	g.w = w
	g.frames = make([][]byte, g.Shape.Flows)
	for i := range g.frames {
		g.frames[i] = g.Shape.template(i)
	}
	if g.Announce {
		g.claims = g.Shape.Claims(false)
	}
	err := g.send()
	n := g.w.Counters()
	g.report.Sent, g.report.Refused = n.Sent-g.report.Announced, n.SendDropped
	return g.report, err
}

func (g *Generator) send() error {
	start := time.Now()
	var queued uint64
	number := uint32(1)
	flow := 0
	var claimed time.Time
	for !g.over(queued, start) {
		if g.Announce && (claimed.IsZero() || time.Since(claimed) > 8*time.Second) {
			if err := g.announce(); err != nil {
				return err
			}
			claimed = time.Now()
		}
		todo := g.due(queued, start)
		for range todo {
			g.w.Send(stamp(g.frames[flow], number, g.Shape.VLAN != 0))
			queued++
			if flow++; flow == len(g.frames) {
				flow, number = 0, number+1
			}
		}
		if err := g.drain(); err != nil {
			return err
		}
	}
	r := &g.report
	r.Flows, r.Bytes = g.Shape.Flows, g.Shape.Bytes
	r.Seconds = time.Since(start).Seconds()
	r.PerSecond = float64(queued) / r.Seconds
	r.FramesPerFlow, r.Remainder = queued/uint64(g.Shape.Flows), queued%uint64(g.Shape.Flows)
	return nil
}

func (g *Generator) over(queued uint64, start time.Time) bool {
	return g.stopped.Load() || (g.Frames > 0 && queued >= g.Frames) || (g.Duration > 0 && time.Since(start) >= g.Duration)
}

// due is how many frames to send now; when there are none it sleeps until there are.
func (g *Generator) due(queued uint64, start time.Time) int {
	n := uint64(burst)
	if g.Rate > 0 {
		due := uint64(time.Since(start).Seconds() * g.Rate)
		if due <= queued {
			time.Sleep(min(time.Duration(float64(time.Second)/g.Rate), 10*time.Millisecond))
			return 0
		}
		n = min(n, due-queued)
	}
	if g.Frames > 0 {
		n = min(n, g.Frames-queued)
	}
	return int(n)
}

// drain waits until the interface has taken what is queued, so that what is counted as
// sent has left.
func (g *Generator) drain() error {
	for {
		room := g.w.Room()
		if err := g.w.Flush(); err != nil {
			return fmt.Errorf("load: %w", err)
		}
		if g.w.Queued() == 0 || g.stopped.Load() {
			return nil
		}
		if g.w.Room() == room { // full: wait for it, throwing away what comes in
			if err := g.w.Receive(time.Millisecond, func([]byte) {}); err != nil {
				return fmt.Errorf("load: %w", err)
			}
		}
	}
}

func (g *Generator) announce() error {
	for _, b := range g.claims {
		g.w.Send(b)
		g.report.Announced++
		if g.w.Room() == 0 {
			if err := g.drain(); err != nil {
				return err
			}
		}
	}
	return g.drain()
}

// stamp writes the number into the frame's parameter field and makes the CRC right.
func stamp(b []byte, number uint32, tagged bool) []byte {
	fc := frame.EthHeaderLen + frame.FCoEHeaderLen
	if tagged {
		fc += frame.TagLen
	}
	binary.BigEndian.PutUint32(b[fc+20:], number)
	end := len(b) - frame.FCoETrailerLen
	binary.LittleEndian.PutUint32(b[end:], frame.CRC(b[fc:end]))
	return b
}
