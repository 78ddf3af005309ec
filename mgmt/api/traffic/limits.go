package traffic

import "time"

const (
	// tableAge is how old the logins of a list may be: 24,000 take 3 ms to copy, and 3 MiB.
	tableAge = time.Second
	// maxAhead bounds the flows that are created ahead: 200 bytes each in the settings.
	maxAhead = 10_000
	// commandTime bounds a command to the data plane.
	commandTime = 3 * time.Second
	// offerEvery is how often it is looked whether a data plane has started that does not know the flows created ahead.
	offerEvery = time.Second

	// exportMax bounds the flows of an export, maxExports how many run at a time, writeTime how long a client may take for a
	// part of one.
	exportMax  = 1_000_000
	maxExports = 2
	writeTime  = 30 * time.Second
	// exportPart is how many bytes are written at a time.
	exportPart = 64 << 10

	// workersTime bounds the questions to all shards of the store.
	workersTime = 5 * time.Second
	// askTime bounds a question to role telemetry, which gives it 10 s.
	askTime = 12 * time.Second
	// sampleMost bounds the samples of an answer: the history has 15 minutes.
	sampleMost = 900
)
