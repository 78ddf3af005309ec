package lcore

import (
	"time"

	"fcredirect/dataplane/dpdk"
)

const (
	// BurstFrames is what one receive asks for, as testpmd does. 64 was measured: no faster, and twice the jitter.
	BurstFrames = 32
	// ControlItems bounds the copies that wait for the control goroutine, 2,304 bytes each (1.2 MiB). Above it a copy
	// is lost and counted; the frame itself is not.
	ControlItems = 512
	// beatRoom of them are for the partner's beats alone, where there is one. beatsHeard bounds the copies of what looks like
	// beats, for each port and millisecond: a partner sends one in 5 ms at most.
	beatRoom   = 64
	beatsHeard = 4
	// ControlFrameMax is the longest frame copied whole; a longer one is cut (no FIP or ELS frame is).
	ControlFrameMax = controlStride - controlHeader
	controlStride   = 2304
	controlHeader   = 16
	// carryItems bounds the frames that wait between two lcores: 8 bytes each on the way to a service port, 16 on the
	// way back.
	carryItems = 1024
	// CommandItems bounds the commands that wait for an lcore, 16 bytes each. When an invalidation does not fit, the control
	// goroutine publishes a new generation instead, which invalidates all; everything else waits.
	CommandItems = 1024
	// queueHeldMax is how many frames may wait for a port: for a service port, before on-failure applies. Above two
	// bursts, and below the room of a queue less a burst and its mirror copies.
	queueHeldMax = 128
	// freeHeldMax is how many frames to be given back leave room for a burst of which every frame is dropped.
	freeHeldMax = dpdk.FreeMax - BurstFrames
	// SendItems bounds the frames of our own that wait to be put out by an lcore, 16 bytes each; sendBatch is how many one
	// pass takes up.
	SendItems = 1024
	sendBatch = 32
	// walkLinks is the work of one pass on an invalidation: about 3 µs of cache misses.
	walkLinks = 64
	// renewSlots is the work of one pass on a renewal, or one evaluation: 170 ns, and a million silent directions in two
	// seconds at 600,000 passes a second.
	renewSlots = 8
	// sweepSlots is the work of one pass on idle flows, done in every sweepEvery-th pass: a million slots in 30 s at
	// 1,000,000 passes per second, never in the way of a burst.
	sweepSlots = 8
	sweepEvery = 64
	// Of every reportEvery passes one offers up to reportItems flows to each consumer: 300,000 items a second at 600,000
	// passes a second, some 30 ns each with their cache misses. What finds no turn conflates. Passes that received nothing
	// offer each time.
	reportItems = 8
	reportEvery = 16
	// At an orderly stop that many items are offered at a time, for as long as a consumer takes some within wordsWait, or
	// has taken some within wordsPatience, which is some long transactions of the store, and not longer than wordsMost.
	wordsItems    = 256
	wordsWait     = 200 * time.Millisecond
	wordsPatience = 2 * time.Second
	wordsMost     = 5 * time.Second
	// endReserve is the share of the table, one in so many, below which flows end without waiting for a consumer.
	endReserve = 8
	// spinPasses is how many passes without a frame an adaptive lcore spins before its first sleep.
	spinPasses = 512
	// Sleeps of an adaptive lcore double from the first to the last.
	firstSleep = 2 * time.Microsecond
	lastSleep  = 100 * time.Microsecond
	// drainPasses bounds an orderly stop beside the drop timeout.
	drainPasses = 10_000_000
	// StallLimit: a pass that begins later than this after the end of the one before (sleep not counted) is a stall.
	StallLimit = 10 * time.Millisecond
)
