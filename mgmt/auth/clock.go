package auth

import "time"

// Clock is where time comes from: tests have their own.
type Clock struct {
	Wall    func() time.Time     // the time of day, which may be set
	Elapsed func() time.Duration // goes on evenly, from any beginning; nothing sets it
}

// clock is a Clock with the time at which the process began.
type clock struct {
	Clock
	began time.Time
}

func newClock(c Clock) clock {
	if c.Wall == nil {
		begin := time.Now()
		c = Clock{Wall: time.Now, Elapsed: func() time.Duration { return time.Since(begin) }}
	}
	elapsed := c.Elapsed
	zero := elapsed()
	c.Elapsed = func() time.Duration { return elapsed() - zero }
	return clock{Clock: c, began: c.Wall().Round(0)}
}

// now is the time of day: that of the clock, but never less than what went by since the process began, so that a clock
// that is set back does not lengthen the life of a token.
func (c *clock) now() time.Time {
	wall, least := c.Wall().Round(0), c.began.Add(c.Elapsed())
	if wall.Before(least) {
		wall = least
	}
	return wall.UTC()
}
