package cluster

import "time"

const (
	// MaxDocument bounds a document, as change control does.
	MaxDocument = 8 << 20
	// PartBytes of a document go in one message: with its wrapping it must fit 64 KiB, which is what the engine carries.
	PartBytes = 32 << 10
	// MaxBases is how many terms back a history is known; what is older counts as apart.
	MaxBases = 64
	// MaxBranches are kept; the oldest goes first.
	MaxBranches = 16

	// askTimeout is how long one question to one node may take.
	askTimeout = 5 * time.Second
	// installTimeout is how long a node may take to compile a document and have all its lcores decide by it.
	installTimeout = 20 * time.Second
	// provisional is the window of a change that is to be confirmed at once: until every node has it.
	provisional = time.Minute
	// turnTimeout is how long another node's request waits for its turn: less than the other waits for the answer.
	turnTimeout = 3 * time.Second
	// fetchTimeout bounds the transfer of a document.
	fetchTimeout = 30 * time.Second
	// lateInstall is how long after an installation without an answer the data plane may still come to run it.
	lateInstall = time.Minute
	// reserved is how long a node keeps itself free for a change that was prepared.
	reserved = time.Minute
	// followEvery is how often a node asks the others where they stand.
	followEvery = 2 * time.Second
	// saidFor is how long the last word of a node counts: its lock keeps nobody out after that.
	saidFor = 15 * time.Second

	// slots is the room for nodes in a term.
	slots = 16
)
