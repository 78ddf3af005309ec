package rest

import "time"

const (
	// DefaultBody is how long a body may be where the operation does not say otherwise: a hundred policies.
	DefaultBody = 1 << 20
	// OpenBody is how long it may be where nobody need be signed in: a name and a password.
	OpenBody = 16 << 10
	// Bodies longer than smallBody take of bodyMemory while their request lasts: there may be thousands of connections.
	smallBody  = 64 << 10
	bodyMemory = 64 << 20
	// MaxBody is the most an operation may declare: 10,000 policies.
	MaxBody = 8 << 20
	// maxDepth is how deep a document may nest. Ours need 6.
	maxDepth = 32
	// DefaultLimit and MaxLimit bound a page of a list.
	DefaultLimit = 100
	MaxLimit     = 1000
	// maxCursor bounds what is decoded of a cursor: a position is a few numbers or a name.
	maxCursor = 1024
	// maxTags bounds the list in If-Match.
	maxTags = 16
	// usualTimeout is how long an operation may take that does not say otherwise.
	usualTimeout = 30 * time.Second
	// bodyTimeout is how long a body may take to arrive, and fetchTimeout an answer to be fetched once it is there.
	bodyTimeout  = 15 * time.Second
	fetchTimeout = 30 * time.Second
	// pageTimeout is how long a file of a page may take to be fetched: the longest has some 100 kB.
	pageTimeout = 2 * time.Minute
	// slotWait is how long a request waits for a place among those that are served.
	slotWait = time.Second
	// maxKey bounds an idempotency key; maxKeys and maxKeyBytes what is remembered of all, keyLife for how long; maxKept
	// the answer to one: it is a resource, not a list.
	maxKey      = 128
	maxKeys     = 4096
	maxKeyBytes = 16 << 20
	keyLife     = 24 * time.Hour
	maxKept     = 256 << 10
	// minCompressed is from where on a list is compressed.
	minCompressed = 4 << 10
	// maxFields is how many parts of a request one answer complains about.
	maxFields = 32
	// maxName is how much of the name of an unknown field comes back.
	maxName = 64
	// maxHeld is how much of an answer to a write waits until it is written down.
	maxHeld = 9 << 20
)
