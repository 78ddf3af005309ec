package engine

import (
	"fcredirect/mgmt/peer/record"
	"fcredirect/mgmt/peer/replica"
	"fcredirect/mgmt/peer/wire"
)

// Position is how far a node has an origin's records.
type Position struct {
	Incarnation uint64 // 0: nothing is known
	Versions    [record.NumStreams]uint64
}

// StreamStatus is how a peer stands with one stream of ours, and we with the peer's.
type StreamStatus struct {
	Head    uint64 // our last version
	Sent    uint64 // the last version that was handed to a connection
	Acked   uint64 // what the peer has applied
	Lag     uint64 // changes that the peer has not applied
	LagTime int64  // ns since the oldest of these was made; 0 when there is none

	Applied uint64 // the peer's stream, as we have it
	Known   uint64 // the last version of it that we have heard of
	Held    int    // records that wait for what they depend on
}

// PeerStatus is what is known of a peer.
type PeerStatus struct {
	Name        string
	Slot        uint8
	Connected   [NumGroups]bool
	Since       int64 // when the present connection of state began
	Incarnation uint64
	Synced      bool // everything that the peer had when it connected is here
	Stale       bool // its records are of a time before a restart, or it is not connected
	Records     [record.NumStreams]int
	Streams     [record.NumStreams]StreamStatus
	RTT         int64 // ns, 0 when unknown
	Skew        int64 // ns by which the peer's clock of the day is ahead; for display only

	Sent, Received Traffic
	InFlight       int // bytes that are not acknowledged
	Savings        wire.Stages
	Waits          [record.NumLanes]Histogram // from a change to its frame
}

// Traffic is what went over connections with a peer, all in, before TLS.
type Traffic struct{ Frames, Bytes, Units, Express, Records, Acks uint64 }

// Histogram counts durations: bucket i is those below 2^i µs, and the last all others.
type Histogram [24]uint64

// Stats are totals of the node.
type Stats struct {
	Changes   [record.NumLanes]uint64
	Bursts    uint64
	Exhausted uint64 // times that something was due and the pool of a connection was used up
	Barriers  uint64 // immediate changes that took the whole stream along
	Expresses uint64 // immediate changes that went ahead
	Held      uint64 // units that had to wait
	Wants     uint64
	Diverged  uint64
	Repaired  uint64 // records
	Collected uint64 // tombstones
	Resets    uint64
	Protocol  uint64 // connections that were ended because of what came over them
	Memory    int    // bytes of all tables
}

// Slot is the number of a node.
func (e *Engine) Slot(name string) (uint8, bool) { return 0, false }

// Name is the name of a node, "" when there is none.
func (e *Engine) Name(slot uint8) string { return "" }

// Get is a record of an origin, as it is visible.
func (e *Engine) Get(origin uint8, key record.Key) (record.Record, bool) { return record.Record{}, false }

// Each calls f for every record of a kind of an origin, under the engine's mutex, until f says false.
func (e *Engine) Each(origin uint8, kind record.Kind, f func(*record.Record) bool) {}

// Vector is how far we have each origin, by slot.
func (e *Engine) Vector() []Position { return nil }

// Digests are the sums over the streams of each origin, by slot.
func (e *Engine) Digests() [][record.NumStreams]replica.Digest { return nil }

// Peers are all other nodes, by slot.
func (e *Engine) Peers(now int64) []PeerStatus { return nil }

// Stats are the totals.
func (e *Engine) Stats() Stats { return Stats{} }

// Synced says whether everything that a peer had when it connected is here, and it is connected.
func (e *Engine) Synced(peer string) bool { return false }

// Resync makes a peer get, and give, everything anew.
func (e *Engine) Resync(now int64, peer string) error { return nil }
