package bus

import "time"

const (
	// MaxMessage bounds a request and an answer.
	MaxMessage = 64 << 20
	// MaxMethod bounds a method's name, so that it fits the first message.
	MaxMethod = 64
	// MaxCalls bounds the calls of this process to another one that have no answer yet; one more fails with ErrOverload.
	MaxCalls = 4096
	// MaxHandlers bounds the requests of other processes that are being answered at a time; one more is answered with
	// ErrOverload. Those that wait (subscriptions) count too.
	MaxHandlers = 256
	// MaxAssembly bounds what has arrived of requests that are not whole yet; one more is answered with ErrOverload.
	MaxAssembly = 2 * MaxMessage
	// maxStreams bounds what waits to be sent to one process. Answers beyond it are dropped, and their callers' time runs out.
	maxStreams = 2 * MaxCalls
	// quantum is how many messages of a stream are sent before it is the next one's turn.
	quantum = 8
	// turns is how many turns a caller takes for others before it leaves the rest to the receiver goroutine.
	turns = 16

	// nap bounds how long the receiver sleeps: a doorbell that was lost costs this.
	nap = 50 * time.Millisecond
	// keep is how often a process looks after its peers: whether they live, whether a ring is to be mended.
	keep = 100 * time.Millisecond
	// maxSpin bounds how long the rings are polled before sleeping. Where the other side does not answer so soon (it has
	// no core of its own), polling would only take its time: each failure halves it, down to minSpin and then none at all;
	// then it is tried at one occasion in probe.
	maxSpin = 50 * time.Microsecond
	minSpin = 2 * time.Microsecond
	probe   = 32
	// Patience is how long a subscription waits for an answer. A handler that waits for news answers earlier, if need be
	// with nothing.
	Patience = 30 * time.Second
	// closing bounds how long Close waits for handlers whose context has ended.
	closing = 5 * time.Second
)
