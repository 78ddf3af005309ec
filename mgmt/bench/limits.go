package bench

import "time"

// Bounds and defaults of Options.
const (
	DefaultFlows   = 12_000
	MinFlows       = 16
	MaxFlows       = 200_000
	DefaultRounds  = 3
	MaxRounds      = 99
	DefaultSeconds = 3.0
	MinSeconds     = 0.2
	MaxSeconds     = 600.0
	// DefaultOffered is far more than the synchronous variant does, and far less than the fast path alone.
	DefaultOffered = 50_000
	MaxOffered     = 50_000_000
	// DefaultRing is the items of a ring of state. What is not durable yet stays in the ring, so it bounds what one
	// transaction of the store can hold: five times all directions, where the boot file's default holds less than one.
	DefaultRing = 1 << 17
)

const (
	// burstFrames is what one look at the wire takes, as an lcore does.
	burstFrames = 32
	// receiveFrames wait at most: a large receive ring of a NIC.
	receiveFrames = 4096
	// frameStride keeps each frame on a cache line of its own; the frames are minimal.
	frameStride = 64
	// queueItems bounds each queue of the asynchronous variant.
	queueItems = 4096
	// reportPeriod and the offers between bursts are those of an lcore (dataplane/lcore/limits.go).
	reportPeriod = 10 * time.Millisecond
	reportItems  = 16
	reportEvery  = 16
	// One frame in factEvery changes the verdict of its flow, which is an event.
	factEvery = 20_000
	// spinPolls without a frame, then sleeps that double, as an adaptive lcore.
	spinPolls  = 512
	firstSleep = 2 * time.Microsecond
	lastSleep  = 100 * time.Microsecond

	// linger is how long the batch for peers, monitoring and audit grows, beyond the time that the one before takes.
	linger = 25 * time.Millisecond
	// batchItems bounds it.
	batchItems = 1 << 14
	// messageMax bounds a message of the bench's peer protocol, which a peer checks before it makes room.
	messageMax = 4 << 20

	// startTimeout bounds the start of a helper or of the roles, stopTimeout their end, operationTimeout one operation.
	startTimeout     = 60 * time.Second
	stopTimeout      = 60 * time.Second
	operationTimeout = 30 * time.Second
	// settle is for what a start leaves behind, before anything is measured.
	settle = 300 * time.Millisecond
	// coresToDivide is from how many cores on the fast path gets one of its own.
	coresToDivide = 4
	// sparePs beside the CPUs, as the data plane has: for the runtime and for goroutines in system calls.
	sparePs = 3
	// niceness of the fast path's thread, as the data plane's.
	niceness = -10
)
