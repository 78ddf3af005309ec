package faults

import "time"

const (
	// startLimit is for a data plane, a database cluster that has to be made, and a daemon, on a machine that does other
	// things too; stopLimit for an orderly end.
	startLimit = 60 * time.Second
	stopLimit  = 45 * time.Second
	// settleLimit is how long after the end of load and faults the database may take to equal the segment.
	settleLimit = 90 * time.Second
	// alarmLimit is how long an alarm may take to be raised or cleared.
	alarmLimit = 30 * time.Second
	// callLimit is for one command or query, compareLimit for reading all that a database has: after ten minutes millions
	// of samples.
	callLimit    = 20 * time.Second
	compareLimit = 2 * time.Minute

	// Directions of the load. Full is for scenarios about the rate; few is enough for those about what is kept.
	full = 24000
	few  = 1200

	// What "no stall beyond those without faults" means. The lcore waits for nothing but its CPU: that is asked of the
	// kernel every lookEvery; not longer at a time than stallFactor times as without faults, or waitFloor if that is more,
	// and not for blockedMore of all time more. It does wait for the Go runtime's other threads, to be given a P: where other
	// programs are in the way of these, for up to waitShared. Where other programs had its CPU for no more than sharedMost of the time,
	// the clock is asked too: the worst burst takes no longer than stallFactor times the worst without, or stallFloor; passes
	// late by more than 10 ms are no more than twice as many, and stallsMore a minute. What another machine took of the CPU within
	// stealWithin, which the kernel tells in hundredths of a second, is added to what a burst may take.
	lookEvery   = 20 * time.Millisecond
	stealWithin = 200 * time.Millisecond
	stallFactor = 3
	waitFloor   = 50 * time.Millisecond
	waitShared  = 300 * time.Millisecond
	blockedMore = 0.02
	sharedMost  = 0.05
	stallFloor  = 60 * time.Millisecond
	stallsMore  = 30
	// rateLeast is the part of its rate that the fast path keeps while a fault lasts.
	rateLeast = 0.8

	// problemsShown of a comparison; the rest is counted.
	problemsShown = 12
)
