package engine

import (
	"errors"

	"fcredirect/mgmt/peer/record"
)

// Config is what an engine is made of.
type Config struct {
	Cluster     string
	Self        string   // our name
	Nodes       []string // the names of all nodes, ours too; the same on every node
	Incarnation uint64   // of this start; higher than that of any start before, as far as is known
	Instance    [16]byte // random, of this start
	Settings    Settings

	// Applied is called after each atomic application, in order, under the engine's mutex. Records are valid only until it returns.
	Applied func(Applied)
	Message func(from string, payload []byte) // an opaque message came
	Notice  func(Notice)                      // something that people or the role should know
	Wake    func(*Conn)                       // the connection has something to send: call Next
	Wall    func() int64                      // ns since 1970, for display of skew only; nil for none

	Defect Defect // planted; zero in production
}

// Applied is what became visible at once. Records that are not Gone were put, the others deleted.
type Applied struct {
	Origin      uint8
	Incarnation uint64
	Stream      record.Stream
	Reset       bool // what the origin had in this stream before is gone, except what is in Records
	Repair      bool // by digests
	Records     []record.Record
}

// Defect is a fault that the simulator turns on to see whether it is found.
type Defect uint8

// The defects.
const (
	NoDefect        Defect = iota
	DropDependency         // units are applied without waiting for what they depend on
	HalfBatch              // units are applied in two parts
	ForgetTombstone        // deletions are not sent
)

// Group is what a connection is for.
type Group uint8

// The groups.
const (
	Urgent Group = iota // state, immediate changes, control
	Bulk                // counts, newcomers
	NumGroups
)

// String is the group's name.
func (g Group) String() string { return [...]string{"urgent", "bulk", "unknown"}[min(g, NumGroups)] }

// NoticeKind says what a notice is about.
type NoticeKind uint8

// The kinds.
const (
	Connected      NoticeKind = iota // both sides have said hello over the connection
	Disconnected                     // a connection ended; Text says why
	Synced                           // everything that the peer had when it connected is here
	NewIncarnation                   // ours, in Number: peers knew a higher one. Keep it on disk
	PeerRestarted                    // the peer's records were replaced by those of a new start, in Number
	DuplicateNode                    // two instances use one name
	Diverged                         // a digest does not match; Number of buckets that differ
	Repaired                         // Number of records that were put right
	Refused                          // a hello that does not fit; Text says why
)

// Notice is something that the role should tell.
type Notice struct {
	Kind   NoticeKind
	Peer   string
	Group  Group
	Stream record.Stream
	Number uint64
	Text   string
}

// Errors of changes and connections.
var (
	ErrUnknownPeer = errors.New("no such peer")
	ErrFull        = errors.New("too many records")
	ErrClosed      = errors.New("the connection is closed")
	ErrQueue       = errors.New("too many messages wait for the peer")
)

// Engine is the protocol of one node.
type Engine struct{}

// New makes one that has no records and no connections.
func New(c Config) (*Engine, error) { return nil, errors.New("not yet") }

// Tick does what is due by time alone. Call it again at next, or sooner.
func (e *Engine) Tick(now int64) (next int64) { return now }
