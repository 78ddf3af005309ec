package client

import "time"

const (
	// maxAnswer bounds an answer that is read into memory: a list of 1,000 flows has 0.6 MiB.
	maxAnswer = 64 << 20
	// maxPages bounds a list that is read to its end.
	maxPages = 100_000
	// timeout is how long a request may take that does not stream.
	timeout = 60 * time.Second
	// dialTimeout is how long a connection may take.
	dialTimeout = 10 * time.Second
	// maxRetries is how often a request that was refused for want of capacity is sent again, and maxPause how long it waits.
	maxRetries = 3
	maxPause   = 5 * time.Second
	// maxContexts bounds the file of contexts.
	maxContexts = 64
	maxFile     = 64 << 10
)
