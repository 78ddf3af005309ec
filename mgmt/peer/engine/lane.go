package engine

import (
	"time"

	"fcredirect/mgmt/peer/record"
)

// lanes decide how long a change may wait for others. All peers share them: what they measure is our own changes.
//
// The window of a lane is BusyWindow when changes are many, for then a short one gathers enough, and IdleWindow when they
// are few; the bound of the lane always wins. A burst (many at once, and far more than usual) ends gathering for a while: then a
// unit leaves whenever the connection is free, and what comes during a write shares the next.
type lanes struct {
	spanStart int64 // of the present BurstSpan
	inSpan    int
	usual     float64 // changes in a span, smoothed over about 64 of them

	burstUntil int64
	lastBurst  int64
}

// count takes note of a change.
func (l *lanes) count(now int64, s *Settings, bursts *uint64) {
	span := int64(s.BurstSpan)
	if gone := now - l.spanStart; gone >= span {
		l.usual += (float64(l.inSpan) - l.usual) / 64
		if idle := gone/span - 1; idle >= 256 {
			l.usual = 0
		} else {
			for ; idle > 0; idle-- {
				l.usual -= l.usual / 64
			}
		}
		l.spanStart, l.inSpan = now, 0
	}
	l.inSpan++
	if l.inSpan == s.BurstUpdates && float64(l.inSpan) > 4*l.usual && (l.lastBurst == 0 || now >= l.lastBurst+4*int64(s.BurstFor)) {
		l.burstUntil, l.lastBurst = now+int64(s.BurstFor), now
		*bursts++
	}
}

// busy says whether changes are many.
func (l *lanes) busy(s *Settings) bool {
	perSpan := float64(s.BusyUpdates) * s.BurstSpan.Seconds()
	return max(l.usual, float64(l.inSpan)) >= perSpan
}

// window is how long from now a change may wait.
func (l *lanes) window(now int64, lane record.Lane, s *Settings) int64 {
	if now < l.burstUntil {
		if lane == record.Immediate {
			return 0
		}
		return int64(min(s.BurstGap, s.HighMax))
	}
	bound := [record.NumLanes]time.Duration{s.ImmediateMax, s.HighMax, s.NormalMax}[lane]
	window := s.IdleWindow
	if l.busy(s) {
		window = s.BusyWindow
	}
	return int64(max(0, min(window, bound-s.LaneMargin)))
}
