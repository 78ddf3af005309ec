package feed

const (
	// MinItems and MaxItems bound a ring, 128 bytes an item.
	MinItems = 64
	MaxItems = 1 << 20
	// MaxShards bounds the rings of the store per producer.
	MaxShards = 8
	// urgentItems bounds the flows of an outlet that go before all others: those whose state has just changed. What finds
	// no place there goes with the rest, within a report period.
	urgentItems = 1024
	// mendTries bounds how often a ring is attached to whose cursor is nonsense, or moves while one looks.
	mendTries = 8
	// leastMarks is the room of a list of marks, 4 bytes each, where a shard's part of the table is small.
	leastMarks = 1024
	// spareLooks bounds the marks without anything to tell, beside its budget, that one offer looks at: flows that have
	// ended, or on which no storage frame was seen yet. A scan of a million addresses leaves a million of them, two cache
	// misses each.
	spareLooks = 32
	// resyncSlots bounds the empty slots that one offer looks at when everything was asked for. They lie in a row: a few ns
	// each.
	resyncSlots = 256
)
