package flowindex

import "time"

const (
	// Every is the time between two images, at least; a scan takes no more than a tenth of a core's time (share).
	Every = time.Second
	share = 10
	// idleAfter is how long an image is kept that nobody asks for.
	idleAfter = time.Minute
	// retryAfter is the pause after a scan that failed.
	retryAfter = 200 * time.Millisecond

	// MaxFlows bounds the rows: 92 bytes each in two images, and 24 more. What does not fit is counted and not listed.
	MaxFlows = 1 << 21
	// largeRows is from where on a question takes more than a millisecond: half of the cores at most work at such ones.
	largeRows = 1 << 17
	// MaxLimit bounds a page.
	MaxLimit = 1000
	// rowsPerChunk is how many rows stand together: what a question looks at at a time fits into a core's caches.
	rowsPerChunk = 1 << chunkBits
	chunkBits    = 13
	// maxNames bounds the names that were seen, for each row that there is; beyond, all is read anew without the old ones.
	namesPerRow, namesFree = 4, 1 << 16
	// ahead is how many entries a scan asks for at a time. One after another they cost 190 ns each at a million flows, 64 at a
	// time 50.
	ahead = 64
	// maxMatchers and matcherBytes bound the conditions on ends that are kept ready: a byte per name each.
	maxMatchers, matcherBytes = 64, 16 << 20
	// maxText bounds what a filter may be searched for, in bytes.
	maxText = 256
)
