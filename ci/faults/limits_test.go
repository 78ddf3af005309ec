package faults

import "time"

const (
	// startLimit is for a data plane, a database cluster that has to be made, and a daemon, on a machine that does other
	// things too; stopLimit for an orderly end.
	startLimit = 60 * time.Second
	stopLimit  = 45 * time.Second
	// settleLimit is how long after the end of load and faults the database may take to equal the segment.
	settleLimit = 60 * time.Second
	// alarmLimit is how long an alarm may take to be raised or cleared.
	alarmLimit = 30 * time.Second
	// callLimit is for one command or query.
	callLimit = 20 * time.Second

	// Directions of the load. Full is for scenarios about the rate; few is enough for those about what is kept.
	full = 24000
	few  = 1200

	// What "no stall beyond those without faults" means on a machine that is shared. The worst burst with faults takes no
	// longer than stallFactor times the worst without, or stallFloor if that is more: who waits for the slow path waits for
	// seconds. Stalls a minute that are not explained by another program on the lcore's CPU: twice those without faults,
	// and stallsMore. Time in which the lcore neither ran nor wanted to: blockedMore of all more than without.
	stallFactor = 3
	stallFloor  = 250 * time.Millisecond
	stallsMore  = 30
	blockedMore = 0.02
	// rateLeast is the part of its rate that the fast path keeps while a fault lasts.
	rateLeast = 0.8

	// problemsShown of a comparison; the rest is counted.
	problemsShown = 12
)
