package bundle

import "time"

const (
	// sourceTime and sourceMax bound one source; totalMax all of them, before compression.
	sourceTime = 10 * time.Second
	sourceMax  = 8 << 20
	totalMax   = 96 << 20
	// Keep is how many bundles are kept: one more removes the oldest.
	Keep = 5
	// fileMax bounds a file of the system that is copied, tailMax the end of a log.
	fileMax = 256 << 10
	tailMax = 2 << 20
	// events and lines that are taken of logs.
	lastEvents   = 1000
	journalLines = 5000
	// flowsMost bounds the list of the busiest flows, loginsMost that of logins.
	flowsMost  = 200
	loginsMost = 2000
)
