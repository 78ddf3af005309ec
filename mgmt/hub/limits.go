package hub

import "time"

const (
	// MaxClients and MaxPerActor bound the connections: some 40 KB each, and its message under way.
	MaxClients  = 512
	MaxPerActor = 256
	// MaxSubscriptions bounds those of a client, MaxRooms all that are followed: work that clients can cause.
	MaxSubscriptions = 16
	MaxRooms         = 256
	// maxRequest bounds what a client says at a time; requestRate and requestBurst how often.
	maxRequest   = 16 << 10
	requestRate  = 20
	requestBurst = 64
	// maxID bounds the names of subscriptions.
	maxID = 64

	// keepUpdates and keepBytes bound what a room keeps for those who are slow; the last update is kept however long it is.
	keepUpdates = 32
	keepBytes   = 1 << 20

	// writeTimeout is how long a client may take to accept a message.
	writeTimeout = 10 * time.Second
	// A client is pinged every pingEvery, and has pongTimeout to answer.
	pingEvery   = 20 * time.Second
	pongTimeout = 10 * time.Second
	// closeTimeout is how long a client may take to agree to the end.
	closeTimeout = 2 * time.Second
	// controlQueue is how many answers to requests may wait; who asks for more waits with what it says next.
	controlQueue = 16
	// idleAfter is how long a client may follow nothing.
	idleAfter = time.Minute
	// recheckEvery is how often it is looked whether clients may still follow; a change of the settings is looked at within
	// recheckSoon.
	recheckEvery = 2 * time.Second
	recheckSoon  = 200 * time.Millisecond

	// MaxFlows bounds the flows of a subscription: 700 bytes each in a snapshot.
	MaxFlows = 500
	// replayEvents is how many events are read at a time when somebody begins in the past.
	replayEvents = 500
	// eventWait is how long the log is asked to wait for news. It holds one of its places meanwhile, of which it has 256:
	// eventWaits bounds ours. Who gets none looks every eventLook.
	eventWait  = 10 * time.Second
	eventWaits = 16
	eventLook  = time.Second
	// joinAgain is how often it is looked whether there is something again to go on with.
	joinAgain = 100 * time.Millisecond
	// pollTimeout bounds a look at what a topic shows, retryAfter is the pause after one that failed.
	pollTimeout = 5 * time.Second
	retryAfter  = time.Second
)
