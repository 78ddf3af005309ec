package eventlog

import "time"

const (
	// Batch is how many records a group has at most, and bounds the time to the next fdatasync.
	Batch = 1024
	// linger is how soon after a small group the next one may begin: so that a trickle does not cost a sync each.
	linger = 2 * time.Millisecond
	// smallGroup is what counts as small.
	smallGroup = 64
	// shortNap and longNap are how long the writer sleeps when there is nothing: short for the first naps.
	shortNap  = 500 * time.Microsecond
	longNap   = 5 * time.Millisecond
	shortNaps = 16
	// replacedEvery is how often the writer looks whether a cold start has replaced the segment: a system call.
	replacedEvery = 200 * time.Millisecond
	// attachPause is the pause before a segment that cannot be used is tried again.
	attachPause = 2 * time.Second
	// meetTime is how long a spool without events waits for the database to tell how far the node's log is.
	meetTime = 2 * time.Second
	// lockPause is how often a standby looks whether the spool is free.
	lockPause = 200 * time.Millisecond
	// failMin and failMax bound the pause before a commit that failed is tried again.
	failMin = 20 * time.Millisecond
	failMax = time.Second
	// requests is how many requests with events wait at most; more wait with their senders.
	requests = 64
	// requestEvents bounds the events of one request.
	requestEvents = 4096
	// ownEvents bounds what the role itself has to tell and could not yet.
	ownEvents = 256
	// tailEvents is how many of the newest events subscribers find in memory: some MB.
	tailEvents = 4096

	// DrainEvents and DrainBytes bound a batch for the database, DrainLinger is how long a small one waits for more.
	DrainEvents = 2000
	DrainBytes  = 1 << 20
	DrainLinger = 50 * time.Millisecond
	// drainTimeout bounds one exchange with the database, checkTimeout a check of the views.
	drainTimeout = 20 * time.Second
	checkTimeout = 10 * time.Minute
	// awayMin and awayMax bound the pause before the database is tried again.
	awayMin = 50 * time.Millisecond
	awayMax = 2 * time.Second
	// awayTold is how long the database is away before an event and Healthy say so.
	awayTold = time.Second
	// drainEnd is how long a role that stops goes on to drain.
	drainEnd = 5 * time.Second
	// compareEvents is how many events are compared at a time with those of a database that another spool wrote.
	compareEvents = 1000

	// RetainAge and RetainEvents bound the log in the database: about 4 GB.
	RetainAge    = 90 * 24 * time.Hour
	RetainEvents = 10_000_000
	// retainEvery is how often old events are looked for, retainSlices how many slices go before events
	// are drained again.
	retainEvery  = time.Minute
	retainSlices = 5

	// readEvents bounds the events of one answer, readWait how long one waits.
	readEvents = 1000
	readWait   = 25 * time.Second
	// listScan is how many events that are not in the database yet a list looks at.
	listScan = 100_000
)
