package telemetry

import "time"

const (
	// Every is the time between two looks.
	Every = time.Second
	// historyLooks bounds the history: 15 minutes, about 5 KB a look on a box with four ports.
	historyLooks = 900
	// writeTimeout bounds a transaction of the writer.
	writeTimeout = 10 * time.Second
	// portLock is the class of the advisory lock, whose key is the node.
	portLock = 0x66637470 // "fctp"
	// silentAfter is how long the looker may not come round before it is ill.
	silentAfter = 10 * time.Second
	// illAfter is how long the writer may fail before the role says so.
	illAfter = 5 * time.Second
	// maxAnswer bounds the looks of one answer.
	maxAnswer = historyLooks
)
