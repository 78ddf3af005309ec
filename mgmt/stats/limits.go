package stats

import "time"

const (
	// Seconds, Minutes and Hours are the widths of a partition of each level. One is dropped as a whole, so a level holds
	// up to a width more than its retention. At the default retention 14, 16 and 15 of each exist.
	Seconds = 10 * time.Minute
	Minutes = 24 * time.Hour
	Hours   = 30 * 24 * time.Hour

	// maxPartitions bounds the partitions of a table: a clock that jumps about makes no more, and its samples lie in the
	// one for all else. Half of them bound what retention may be set to: 2.7 days, 400 days and 33 years of the levels.
	maxPartitions = 800

	// ensureLockWait is how long EnsurePartitions waits for a lock: it is in a writer's way, and its work can wait.
	ensureLockWait = time.Second
	// dropLockWait is how long dropping waits for those who read: whoever comes meanwhile, writers too, waits behind it.
	dropLockWait      = 300 * time.Millisecond
	summarizeLockWait = 300 * time.Millisecond
)

// Rollup.
const (
	// period is how often what is new is rolled up, settling how long after the full minute: most writers are done then.
	period   = time.Minute
	settling = 5 * time.Second
	// A pass that failed is tried again after firstRetry, and after twice as long each time.
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
	// illAfter is how long passes may fail before the keeper says so.
	illAfter = 90 * time.Second
	// A slice should take between shortSlice and longSlice, so that a backlog of hours is worked off without a
	// transaction of minutes. Its measure is transactions: of the cluster's, whoever made them.
	shortSlice = 250 * time.Millisecond
	longSlice  = time.Second
	firstReach = 256
	maxReach   = 1 << 40
	// rollupMemory is the server's work_mem for a slice: the flows of a minute, about 200 bytes each, before it spills.
	rollupMemory = 64 << 20
	// rollupLock is the class of the advisory locks, whose key is the node and the step.
	rollupLock = 0x66637272 // "fcrr"
)

// Retention.
var (
	defaultKeep = [numLevels]time.Duration{2 * time.Hour, 14 * 24 * time.Hour, 400 * 24 * time.Hour}
	// A level is kept for as long as it takes to be rolled up, and some.
	minKeep = [numLevels]time.Duration{Seconds, 2 * time.Hour, Minutes}
	// share is what a level may take of the room when all is used, in percent. Seconds of 12,000 busy flows take 11 GB an
	// hour, their minutes 5 GB a day, their hours 2.5 GB a month.
	share = [numLevels]int64{50, 35, 15}
)

const (
	// DefaultBytes bounds all samples.
	DefaultBytes = 16 << 30
	minBytes     = 64 << 20
	// clockStep is how far retention's clock goes forward at a pass, once a minute: after a month in which the appliance
	// was off it needs half a day to catch up.
	clockStep = time.Hour
	// dropsPerPass bounds what one pass drops, so that dropping does not keep readers out for long.
	dropsPerPass = 64
	// dropTries is how often a partition is tried again that somebody read for longer than dropLockWait.
	dropTries = 3
)

// Questions.
const (
	defaultRange  = 10 * time.Minute
	defaultPoints = 300
	// MaxPoints bounds a series, MaxTop a list: about 300 bytes each in an answer.
	MaxPoints = 2000
	MaxTop    = 1000
	maxRange  = 100 * 366 * 24 * time.Hour
	maxVSAN   = 4095
	maxName   = 256
	// questionTime ends a question that reads too much; atOnce bounds those that are answered at a time, so that they
	// leave the database to its writers.
	questionTime   = 10 * time.Second
	atOnce         = 2
	questionMemory = 32 << 20 // work_mem
)

// Times in requests. PostgreSQL would take more.
var (
	earliest = time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC)
	latest   = time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)
)
