package store

import "time"

const (
	// DefaultBatch flows make a batch full before its time. Measured: 10 µs a row whatever the size, and a transaction
	// with its fsync 1 to 5 ms; so 8,192 rows cost 5 % for the transaction, and take a tenth of a second.
	DefaultBatch = 8192
	minBatch     = 64
	maxBatch     = 65536
	// DefaultLinger is how long a batch that is not full waits: 20 transactions a second at most.
	DefaultLinger = 50 * time.Millisecond
	// idleCut is how often the flusher is given a batch when there is nothing to write, for its other work.
	idleCut = 100 * time.Millisecond

	// rowsPerTx bounds a transaction; a batch with more rows becomes several. It is halved each time that the server
	// cancels one, down to minRowsPerTx, so that a statement_timeout does not stop us for ever.
	rowsPerTx    = 32768
	minRowsPerTx = 256

	// readAtOnce is how many items of a ring are read before it is the next one's turn: 32 KiB.
	readAtOnce = 256
	// busyWait and quietWait are how long the reader sleeps when it found little or nothing.
	busyWait  = time.Millisecond
	quietWait = 5 * time.Millisecond

	// firstPause and lastPause bound the back-off after a failed transaction: short enough that we are back within a
	// second of the database, long enough that a dead one is not hammered.
	firstPause = 20 * time.Millisecond
	lastPause  = time.Second
	// flushTimeout bounds a transaction: a server that hangs must not keep us from finding its successor.
	flushTimeout = 30 * time.Second
	// drainTimeout bounds the last flush when the role is to stop: what is not written stays in the rings.
	drainTimeout = 5 * time.Second
	// leaveTimeout bounds how long we stay with the rings of a data plane that has been replaced. Waiting costs little:
	// the new one's rings conflate meanwhile.
	leaveTimeout = 30 * time.Second
	// startPatience is how long a data plane may take to start before we take it for dead.
	startPatience = 5 * time.Second
	// slowFlush is how long a transaction may take before the role says that it is not well.
	slowFlush = 5 * time.Second
	// patience is how long writing may fail before the role says that it is not well: a failover takes so long.
	patience = 2 * time.Second

	// sampleEvery is how often a busy flow is sampled, sampleLate how long the last change of one gone quiet waits.
	sampleEvery = time.Second
	sampleLate  = 1500 * time.Millisecond
	// DefaultSampleRows bounds the samples per second, about 150 bytes each with indexes: 5 GB an hour at the most, of
	// which retention keeps some hours.
	DefaultSampleRows = 10000
	// lateRows bounds the samples of quiet flows in one transaction: 12 µs each.
	lateRows = 2048
	// lookRows is how many waiting flows are looked at for that: 50 ns each.
	lookRows = 65536

	// sweepRows is how many rows are looked at in one step of settling, retireRows how many are deleted in one step of
	// retention: about 20 ms.
	sweepRows  = 5000
	retireRows = 2000
	// retireEvery is how often rows are looked for that are too old or too many.
	retireEvery = time.Minute
	// DefaultKeep and DefaultKeepRows bound the rows of flows that ended: 600 bytes each.
	DefaultKeep     = 30 * 24 * time.Hour
	DefaultKeepRows = 1000000

	// recentRows and recentAge bound the ended flows that are kept in memory, 250 bytes each, to be written again when
	// the database has lost commits. An asynchronous standby is seconds behind.
	recentRows = 32768
	recentAge  = 10 * time.Minute

	// generations is how many configurations' names are kept: 10,000 rules are about 1 MiB.
	generations = 4

	// maxPage bounds the flows of one answer, 500 bytes each.
	maxPage     = 5000
	defaultPage = 1000
)
