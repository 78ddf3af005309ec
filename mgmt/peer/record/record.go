package record

// Kind says what a record is about. The values cross nodes of different versions: append only.
type Kind uint8

// The kinds.
const (
	None    Kind = iota
	Login        // an N_Port, by its address (login.Addr)
	Flow         // one direction of a flow: who, and what happens to it, by its key (flow.Key)
	Count        // totals of one direction, by the same key
	Service      // whether a service is usable, by a hash of its name
	Node         // one fact about the node itself, by the number of the fact
	numKinds
)

// Stream is an ordered sequence of changes of one origin. A node that has a stream up to a version has every change of it
// up to there.
type Stream uint8

// The streams. Counts may be late; nothing of State waits for them.
const (
	State Stream = iota
	Counts
	NumStreams
)

// Lane is how soon a peer must have a change. The values are those of feed.Lane.
type Lane uint8

// The lanes, the most urgent first.
const (
	Immediate Lane = iota // failures, security, logins that are gone
	High                  // flows that begin, change or end; logins
	Normal                // counters
	NumLanes
)

// MaxFields is the most words that a kind has beside its key.
const MaxFields = 12

// Key names a record of an origin.
type Key struct {
	Kind Kind
	ID   uint64
}

// Record is the latest that is known of a key.
type Record struct {
	Key
	Version uint64 // of the change that made it so
	Gone    bool   // it was deleted by that change; its fields are zero
	Fields  [MaxFields]uint64
}

// Ref names a change that another one depends on: whoever sees the other must have seen this, or a later one of its key.
type Ref struct {
	Origin  uint8 // slot of the node
	Key     Key
	Version uint64
}
