package system

import (
	"time"

	"fcredirect/mgmt/registry"
)

const (
	// beat is how often an instance says that it lives and looks what is wanted. A few stores into shared memory.
	beat = 250 * time.Millisecond
	// claimGrace is how long the first claim of an instance is tried before the process gives up: a predecessor that was
	// told to stop needs a moment.
	claimGrace = 2 * time.Second
	// needBound is how long a start waits for the roles that it depends on. A role must be able to wait for them itself;
	// this only spares it the attempts.
	needBound = 30 * time.Second
	// readyBound is when the process calls itself ready though a role is not: it serves what it can, and says what is
	// missing. systemd's own patience is 90 s, after which it would restart what may only be waiting.
	readyBound = 45 * time.Second
	// yield is how long an instance that gave its seat up leaves it to the standbys, which look every registry.Period.
	yield = 3 * registry.Period
	// healthyFor is how long a role must have run for its failures to be forgotten.
	healthyFor = time.Minute
	// A restart waits backoffFirst, then twice as long each time up to backoffMost; give or take a fifth.
	backoffFirst = 250 * time.Millisecond
	backoffMost  = 30 * time.Second
	// flushBound is how long events of this process may take to get into the log at its end.
	flushBound = 2 * time.Second
	// childStop is how long a child process may take beyond what its roles may.
	childStop = 5 * time.Second
	// childSilence is how long a child process may be silent: it is then killed and started anew.
	childSilence = 20 * time.Second
	// stale is how long the goroutine of an instance may not come round. It waits for nothing longer than a beat.
	stale = 10 * time.Second
	// statusEvery bounds how often the status text is told.
	statusEvery = time.Second
	// textMax bounds status texts: a datagram to systemd, a field in the registry.
	textMax = 512
)
