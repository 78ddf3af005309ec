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
	// resyncSlots bounds the slots that one offer looks at when everything was asked for: empty ones cost a cache miss.
	resyncSlots = 256
)
