package relay

import "time"

const (
	// chunkBytes is the most that is read at once, and so the grain of rate and loss: half a millisecond at 60 Mbit/s.
	chunkBytes = 4096
	// chunksInFlight bounds what is under way on one direction of one connection: 16 MiB. A full one holds up the sender.
	chunksInFlight = 4096
	// socketBytes is the kernel's receive buffer of a shaped direction: what waits there is not seen by the queue.
	socketBytes = 32 << 10
	// early is how much sooner than due something may be handed on: less than the grain of the runtime's timers.
	early = 200 * time.Microsecond
	// dialTimeout bounds a connection to the other side.
	dialTimeout = 5 * time.Second
	// segmentBytes is the most that a segment carries on Ethernet; loopback makes larger ones, which are counted as several.
	segmentBytes = 1448
)

// DefaultQueue is how long what is sent may wait for its turn at the rate before the sender is held up: what the token
// bucket of Linux (tc-tbf) is usually given as its latency.
const DefaultQueue = 50 * time.Millisecond

// Overhead is what a packet of TCP over Ethernet has beside its payload: 14 bytes of Ethernet, 20 of IPv4, 32 of TCP with
// its time stamps, as the shapers of Linux count them.
const Overhead = 66
