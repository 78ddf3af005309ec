package telemetry

import "time"

const (
	// Every is the time between two looks. One takes 3 ms, most of it the search for the busiest flows.
	Every = time.Second
	// historyLooks bounds the history: 15 minutes, about 2 KB a look on a box with four ports, 40 KB on the largest.
	historyLooks = 900
	// busiestFlows is how many flows the latest look names.
	busiestFlows = 20

	// writeEvery is how often looks are written, all that wait in one transaction: one commit for 5 looks.
	writeEvery = 5 * time.Second
	// maxWaiting bounds the looks that wait while the database is away. They are those of the history, mostly.
	maxWaiting = historyLooks
	// writeTimeout bounds a transaction of the writer, lastWrite the one when the role is to stop.
	writeTimeout = 10 * time.Second
	lastWrite    = 2 * time.Second
	// breakAfter is how far two looks may lie apart before the time between them is a gap.
	breakAfter = 3 * Every
	// sampleLag is how late the store's samples come: what is younger is not yet known to be measured.
	sampleLag = 4 * time.Second
	// portLock is the class of the advisory lock, whose key is the node.
	portLock = 0x66637470 // "fctp"

	// silentAfter is how long the looker may not come round before it is ill.
	silentAfter = 10 * time.Second
	// illAfter is how long the writer may fail before the role says so: a failover takes so long.
	illAfter = 5 * time.Second
)
