package audit

import "time"

const (
	// maxState bounds what is kept of an object's state, before and after, as it is written. event.MaxDocument is the same.
	maxState = 3 << 10
	// maxText bounds every other text of an entry, in bytes: twice that as it is written, five of them fit beside two states.
	maxText = 160
	// maxDepth bounds how deep a state is looked into; deeper parts are left out.
	maxDepth = 16
	// maxEncode bounds how much of a state is encoded at all, before it is cut.
	maxEncode = 1 << 20

	// flushTimeout bounds how long an answer waits for its event to be durable.
	flushTimeout = 2 * time.Second
	// probeTimeout bounds how long a write waits to hear that the log of events takes anything.
	probeTimeout = 2 * time.Second
	// queueTimeout bounds how long an event waits for room in the queue to the log.
	queueTimeout = 100 * time.Millisecond

	// Refused attempts are written one by one as long as one source (address and name) makes no more than refusedBurst at
	// once and one in refusedEvery after that, and all sources together no more than totalBurst and one in totalEvery: at
	// most 1 MiB of events an hour and some 8 MiB a day. What is more is counted.
	refusedBurst = 20
	refusedEvery = 10 * time.Second
	totalBurst   = 400
	totalEvery   = 2 * time.Second
	// maxSources bounds the sources that are remembered; some 200 bytes each.
	maxSources = 1024
	// maxSummary bounds the kinds of attempts that one summary tells apart.
	maxSummary = 32
	// summaryEvery is how often what was only counted is told.
	summaryEvery = time.Minute
)
