package monitor

import "time"

// Defaults of a role that is in the registry but not in Options.
const (
	defaultInterval  = time.Second
	defaultTimeout   = time.Second
	defaultThreshold = 3
)

const (
	// tickPeriod is how often the keeper decides about alarms.
	tickPeriod = 200 * time.Millisecond
	// The checks' intervals and timeouts. The database is looked at more often than a role needs to be called ill (three
	// looks of a second), so that a cause is known before its consequences.
	segmentInterval  = 250 * time.Millisecond
	databaseInterval = 500 * time.Millisecond
	databaseTimeout  = time.Second
	spoolInterval    = time.Second
	spoolTimeout     = time.Second
	memoryInterval   = 5 * time.Second
	machineInterval  = 5 * time.Second
	lookTimeout      = 5 * time.Second // of looks that only read memory
	endTimeout       = time.Second     // for a look that is under way when the role ends
	// hungAfter is when a look that did not end although its timeout passed makes the monitor itself ill.
	hungAfter = 10 * time.Second

	// sign of life that the data plane owes: its control goroutine comes round every 100 ms, an lcore every few µs.
	controlSilent = time.Second
	lcoreSilent   = time.Second
	// linkGrace is how long links may take to come up for the first time after a start of the data plane.
	linkGrace = 10 * time.Second
	// A ring with items whose consumer has released none for so long is not read: consumers release every 50 ms.
	ringSilent = 2 * time.Second
	// conflatedHold is how long updates count as being merged after the last one was.
	conflatedHold = 2 * time.Second
	// Shares of a table or ring from which on it is called full. Alarms clear below them for their Clear time.
	tableFullShare = 0.9
	ringLagShare   = 0.5
	// spoolGrows events that are durable on this node and not in the database are many: a login storm has as many.
	spoolGrows = 10_000
	// Room on the disk of a private cluster, below which it is called full.
	diskLeast = 128 << 20
	// Room on the disk of the state folder, below which it is called nearly full: a share of it, but no more than so much.
	stateShare = 0.05
	stateLeast = 1 << 30
	// memoryDefault is what a management process may take where the roles say nothing: that of a million flows.
	memoryDefault = 3 << 29

	// loopRestarts within loopWindow are a loop.
	loopRestarts = 4
	loopWindow   = 5 * time.Minute
	// Pauses between two actions on the same role and shard double from the first to the last, and begin anew after the
	// role was well for wellAfter.
	firstPause = 15 * time.Second
	lastPause  = 10 * time.Minute
	wellAfter  = time.Minute
	// makeGrace is how long a private cluster may take until it answers for the first time: it may have to be made.
	makeGrace = 30 * time.Second
	// databasePatience is how long a private server may be ill before its role is restarted: it may be recovering, and would
	// begin anew.
	databasePatience = 30 * time.Second

	// reports and changes that may wait. A check waits when the keeper is behind; changes beyond are counted and logged.
	reportQueue = 32
	changeQueue = 512
	// appendTimeout bounds the hand-over of one alarm to the event log, flushTimeout that of all at the end.
	appendTimeout = 5 * time.Second
	flushTimeout  = 2 * time.Second
	// saveAgain is how soon alarms that could not be saved are saved after all.
	saveAgain = 5 * time.Second
	// orders of admins and reports of other roles that may wait for the keeper, and for how long one waits.
	orderQueue   = 64
	orderTimeout = 5 * time.Second
	// textMost bounds texts that others send: notes, reasons, details; subjectMost a subject.
	textMost    = 400
	subjectMost = 128
	// lease is how long what another role reports holds without being reported again: the role may have died.
	lease = 3 * time.Minute
	// keeperSilent is when the role calls itself ill.
	keeperSilent = 5 * time.Second
	// saveMax bounds the file that is read back.
	saveMax = 4 << 20
)
