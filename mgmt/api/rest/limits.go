package rest

import "time"

const (
	// DefaultBody is how long a body may be where the operation does not say otherwise: a hundred policies.
	DefaultBody = 1 << 20
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
	// deadline is how long an operation may take that does not say otherwise.
	deadline = 30 * time.Second
	// bodyDeadline is how long a body may take to arrive.
	bodyDeadline = 15 * time.Second
	// maxFields is how many parts of a request one answer complains about.
	maxFields = 32
	// maxName is how much of the name of an unknown field comes back.
	maxName = 64
)
