package engine

import (
	"math/bits"
	"time"
)

const (
	// flowIdle is how long a direction may be silent before its entry ends: longer than any host keeps an idle session
	// without a keep-alive, short enough that a day of scans does not fill the table.
	flowIdle = time.Hour
	// policySlotBytes bounds a compiled policy: 10,000 rules and 60,000 aliases take a half of it.
	policySlotBytes = 8 << 20
	// controlPeriod is how often control looks at its rings: what a login learnt late costs at the most. The lcores never
	// wake it, which would be a system call.
	controlPeriod = time.Millisecond
	// loginBatch bounds the changed logins that control offers to a consumer at a time.
	loginBatch = 256
	// controlBatch bounds the frames of one lcore that control takes at a time.
	controlBatch = 256
	// wishBatch bounds the flows created ahead that control looks at each time after a login changed, 1 µs each.
	wishBatch = 64
	// deathsMost bounds the flows that are ended by one walk through the tables; deathSlots is how much of them a walk looks
	// at each time, some 100 µs; deathRoom bounds the directions that it ends each time.
	deathsMost = 64
	deathSlots = 4096
	deathRoom  = 64
	// programBatch bounds the logins and directions of other nodes that control enters each time, 1 µs each.
	programBatch = 1024
	// announceSlots is how much of the login table control looks at each time it announces MACs to the switches, and
	// announceRoom how many frames it leaves room for in each lcore's ring.
	announceSlots = 4096
	announceRoom  = 64
	// linkPeriod is how often links, services, the watchdog and the pages are looked at.
	linkPeriod = 100 * time.Millisecond
	// walkSlots is how much of the flow table control looks at each time: about 1 ms, once per linkPeriod.
	walkSlots = 1 << 15
	// lcoreSilent is when the watchdog calls an lcore stalled.
	lcoreSilent = time.Second
	// ackTimeout is how long the lcores may take to pick up a snapshot; they do it between bursts.
	ackTimeout = 2 * time.Second
	// stopTimeout bounds an orderly stop, on top of the drop timeout.
	stopTimeout = 5 * time.Second
	// fuseBytes is the heap at which the garbage collector comes back after all. The data plane's heap does not grow; if
	// it does, a pause is better than the out-of-memory killer.
	fuseBytes = 512 << 20
	// compileTimeout bounds the child process that compiles a policy.
	compileTimeout = 20 * time.Second
)

// ticks is a time in ticks of a clock of hz.
func ticks(hz uint64, d time.Duration) uint64 {
	hi, lo := bits.Mul64(hz, uint64(d))
	q, _ := bits.Div64(hi, lo, uint64(time.Second))
	return q
}
