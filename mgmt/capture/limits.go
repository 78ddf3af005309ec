package capture

import (
	"time"

	"fcredirect/dataplane/capture"
)

const (
	// MaxRunning is what the data plane has slots for.
	MaxRunning = capture.MaxCaptures
	// MaxKept bounds the captures in the folder, running ones included.
	MaxKept = 64
	// MaxDisk bounds their files together.
	MaxDisk = 1 << 30
	// MaxAge is when one that has ended is removed.
	MaxAge = 7 * 24 * time.Hour

	// A capture's own limits.
	MinBytes     = 64 << 10
	MaxBytes     = 256 << 20
	DefaultBytes = 16 << 20
	MaxFrames    = 10_000_000
	MaxTime      = capture.MaxTime
	DefaultTime  = time.Minute
	MinSnap      = capture.MinSnap
	MaxSnap      = capture.MaxSnap
	DefaultSnap  = capture.WholeFrame
	// MaxEnds, MaxTypes and MaxNote bound a request.
	MaxEnds  = 2
	MaxTypes = 32
	MaxNote  = 256

	// period is how often the lanes are read while captures run: at the most that the lcores copy, a lane of 1 MiB fills in
	// 16 ms.
	period = 5 * time.Millisecond
	// renewPeriod is how often the lease is renewed: five times before it runs out.
	renewPeriod = time.Second
	// slack is how far an lcore may be behind the others before it is not waited for: frames that others copied meanwhile
	// wait for its own, so that they are written in order.
	slack = 20 * time.Millisecond
	// settle is how long a capture that was stopped is still read: a pass of an lcore that had begun, and slack.
	settle = 50 * time.Millisecond
	// overdue is when a capture that the data plane should have ended is ended here.
	overdue = 5 * time.Second
	// commandTime bounds a command to the data plane.
	commandTime = 2 * time.Second
	// sweepPeriod is how often old captures are looked for.
	sweepPeriod = time.Minute
	// statisticsRoom is what the end of a file takes: it does not count as frames.
	statisticsRoom = 16 << 10
	// maxComments bounds the comments that are remembered.
	maxComments = 1024
	// tornMax is how many torn lanes in a row end all captures: the data plane writes something else.
	tornMax = 8
)
