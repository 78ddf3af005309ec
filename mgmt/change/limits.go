package change

import "time"

const (
	// MinWindow, DefaultWindow and MaxWindow bound the time in which a change is confirmed.
	MinWindow     = 10 * time.Second
	DefaultWindow = 60 * time.Second
	MaxWindow     = time.Hour

	// MaxDocument bounds a document, in bytes of YAML: 10,000 policies have some 2 MiB.
	MaxDocument = 8 << 20

	// maxEdits is how many edits stand one by one behind the pending document's base; the next one writes the document
	// instead of them. A record costs some 300 bytes; reading them at start 0.1 ms each for 10,000 policies.
	maxEdits = 4096

	// keptRevisions is how many revisions can be listed without a database.
	keptRevisions = 64

	// settlePeriod is how often the data plane's status is looked at. It is a few cache lines of shared memory.
	settlePeriod = 200 * time.Millisecond
	// archivePeriod is how often the history in the database is compared: a failover may have lost some of it.
	archivePeriod = time.Minute
	// installGrace is how long an application whose end nobody saw may still come to run, before it is given up.
	installGrace = 15 * time.Second
	// installTimeout bounds an installation: 100 ms are usual on one node; others are given 30 s to take part.
	installTimeout = 60 * time.Second
	// eventTimeout bounds how long a change waits for room in the queue of events.
	eventTimeout = 200 * time.Millisecond

	// compiledKept is how many compiled drafts are remembered: active, pending, and those that a dry run compares.
	compiledKept = 4

	// MaxMinutes bounds how far a dry run looks back.
	MaxMinutes = 24 * 60
	// maxChanges bounds the flows whose verdict changes that a dry run remembers; the others are counted.
	maxChanges = 100_000
	// dryRunsKept is how many dry runs can be paged through.
	dryRunsKept = 4
	// maxEnded bounds the ended flows that are read from the database.
	maxEnded = 200_000
	// hitsPeriod is how long hits are believed; a walk over a million directions takes longer, and is believed ten times
	// as long as it took.
	hitsPeriod = time.Second
	// watchPeriod is how often hits are looked at to know when a policy was last hit.
	watchPeriod = 10 * time.Second
)
