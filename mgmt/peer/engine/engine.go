package engine

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"fcredirect/mgmt/peer/record"
	"fcredirect/mgmt/peer/replica"
	"fcredirect/mgmt/peer/wire"
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

// Applied is what became visible at once. Records that are not Gone were put, the others deleted. What is large is told in
// several calls, each but the last with More.
type Applied struct {
	Origin      uint8
	Incarnation uint64
	Stream      record.Stream
	Reset       bool // what the origin had in this stream before is gone, except what is in Records
	Repair      bool // by digests
	More        bool // at once with what the next call tells: neither was visible without the other
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
	Diverged                         // our copy of the peer's Stream does not sum up to what the peer says
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
type Engine struct {
	cfg   Config
	self  uint8
	names []string // by slot

	mu      sync.Mutex
	origins []*origin // by slot, ours too
	peers   []*peer   // by slot; nil for ourselves
	lanes   lanes
	stats   Stats
	ticks   ticks

	// Scratch, so that nothing is allocated for a frame.
	records []record.Record
	changes []record.Record
	refs    []record.Ref
	taken   wire.Unit // that came in
	given   wire.Unit // that goes out

	// What is to be done when mu is free again.
	wakes    []*Conn
	notices  []Notice
	messages []message
}

type message struct {
	from    string
	payload []byte
}

// New makes one that has no records and no connections.
func New(c Config) (*Engine, error) {
	names := slices.Sorted(slices.Values(c.Nodes))
	self, ok := slices.BinarySearch(names, c.Self)
	switch {
	case !ok:
		return nil, fmt.Errorf("node %q is not among the nodes", c.Self)
	case len(names) > maxNodes:
		return nil, fmt.Errorf("%d nodes, %d at most", len(names), maxNodes)
	case len(slices.Compact(slices.Clone(names))) != len(names):
		return nil, errors.New("a node is named twice")
	case c.Incarnation == 0:
		return nil, errors.New("incarnation is 0, it starts with 1")
	}
	if err := c.Settings.Check(); err != nil {
		return nil, err
	}
	frame := min(c.Settings.FrameRecords, (c.Settings.BufferBytes-frameRest)/recordBytes) // so that a frame fits into a buffer
	e := &Engine{cfg: c, self: uint8(self), names: names, records: make([]record.Record, frame)}
	for slot := range names {
		o := &origin{slot: uint8(slot), table: e.newTable(uint8(slot), 0)}
		e.origins = append(e.origins, o)
		e.peers = append(e.peers, nil)
		if slot != self {
			e.peers[slot] = newPeer(names[slot], uint8(slot))
		}
	}
	for _, p := range e.peers {
		if p != nil {
			p.bind(e.origins, e.self)
		}
	}
	e.origins[self].incarnation = c.Incarnation
	return e, nil
}

func (e *Engine) newTable(slot uint8, incarnation uint64) *replica.Table {
	return replica.New(slot, incarnation, replica.Limits{Records: e.cfg.Settings.RecordsMax, Tombstones: e.cfg.Settings.TombstonesMax})
}

// own is the origin that we are.
func (e *Engine) own() *origin { return e.origins[e.self] }

// unlock ends a call: what the call gave cause to tell is told without the mutex.
func (e *Engine) unlock() {
	if len(e.wakes)+len(e.notices)+len(e.messages) == 0 {
		e.mu.Unlock()
		return
	}
	var room [2 * maxNodes]*Conn
	wakes := append(room[:0], e.wakes...)
	notices, messages := e.notices, e.messages
	e.wakes, e.notices, e.messages = e.wakes[:0], nil, nil
	e.mu.Unlock()
	if e.cfg.Wake != nil {
		for _, c := range wakes {
			e.cfg.Wake(c)
		}
	}
	if e.cfg.Notice != nil {
		for _, n := range notices {
			e.cfg.Notice(n)
		}
	}
	if e.cfg.Message != nil {
		for _, m := range messages {
			e.cfg.Message(m.from, m.payload)
		}
	}
}

// tell queues a notice.
func (e *Engine) tell(n Notice) { e.notices = append(e.notices, n) }

// wake makes the writer of a connection call Next at the time given, if it would not do so by itself.
func (e *Engine) wake(c *Conn, at int64) {
	if c != nil && at < c.wakeAt {
		c.wakeAt = at
		e.wakes = append(e.wakes, c)
	}
}
