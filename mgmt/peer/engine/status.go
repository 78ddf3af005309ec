package engine

import (
	"fmt"
	"math/bits"
	"slices"

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

func (h *Histogram) add(ns int64) {
	h[min(bits.Len64(uint64(max(ns, 0))/1000), len(h)-1)]++
}

// Add adds what another one counts.
func (h *Histogram) Add(o *Histogram) {
	for i := range h {
		h[i] += o[i]
	}
}

// Quantile is an upper bound, in µs, of the share q of what was counted.
func (h *Histogram) Quantile(q float64) (us uint64) {
	var all, sum uint64
	for _, n := range h {
		all += n
	}
	for i, n := range h {
		if sum += n; sum > 0 && float64(sum) >= q*float64(all) {
			return 1 << i
		}
	}
	return 0
}

// Slot is the number of a node.
func (e *Engine) Slot(name string) (uint8, bool) {
	slot, ok := slices.BinarySearch(e.names, name)
	return uint8(slot), ok
}

// Name is the name of a node, "" when there is none.
func (e *Engine) Name(slot uint8) string {
	if int(slot) >= len(e.names) {
		return ""
	}
	return e.names[slot]
}

// Get is a record of an origin, as it is visible.
func (e *Engine) Get(origin uint8, key record.Key) (record.Record, bool) {
	if int(origin) >= len(e.names) {
		return record.Record{}, false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.origins[origin].table.Get(key)
}

// Each calls f for every record of a kind of an origin, under the engine's mutex, until f says false.
func (e *Engine) Each(origin uint8, kind record.Kind, f func(*record.Record) bool) {
	if int(origin) >= len(e.names) {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.origins[origin].table.Each(kind, f)
}

// Vector is how far we have each origin, by slot.
func (e *Engine) Vector() []Position {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make([]Position, len(e.origins))
	for slot, o := range e.origins {
		p := o.position()
		all[slot] = Position{Incarnation: p.Incarnation, Versions: p.Applied}
	}
	return all
}

// Digests are the sums over the streams of each origin, by slot.
func (e *Engine) Digests() [][record.NumStreams]replica.Digest {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make([][record.NumStreams]replica.Digest, len(e.origins))
	for slot, o := range e.origins {
		for s := range record.NumStreams {
			all[slot][s] = o.table.Digest(s)
		}
	}
	return all
}

// Peers are all other nodes, by slot.
func (e *Engine) Peers(now int64) []PeerStatus {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []PeerStatus
	for _, p := range e.peers {
		if p != nil {
			all = append(all, e.status(now, p))
		}
	}
	return all
}

func (e *Engine) status(now int64, p *peer) PeerStatus {
	o := e.origins[p.slot]
	s := PeerStatus{
		Name: p.name, Slot: p.slot, Since: p.since, Incarnation: o.incarnation, Synced: p.synced,
		Stale: !p.connected() || p.positions[p.slot].Incarnation != o.incarnation, RTT: p.rtt, Skew: p.skew,
		Sent: p.sent, Received: p.received, Savings: p.savings, Waits: p.waits,
	}
	for g, c := range p.conns {
		if c != nil {
			s.Connected[g] = true
			s.InFlight += c.inFlight
			s.Savings.Add(c.enc.Stages())
		}
	}
	for stream := range record.NumStreams {
		f := &p.flows[e.self][stream]
		t := StreamStatus{Head: f.origin.table.Head(stream), Sent: f.sent, Applied: o.table.Head(stream), Known: p.positions[p.slot].Applied[stream]}
		if f.incarnation == f.origin.incarnation {
			t.Acked = f.acked
		}
		t.Lag = uint64(f.origin.table.Pending(stream, t.Acked))
		t.LagTime = f.age(now)
		if u := o.held[stream]; u != nil {
			t.Held = u.staging.Len()
		}
		s.Streams[stream] = t
		for _, k := range stream.Kinds() {
			s.Records[stream] += o.table.Len(k)
		}
	}
	return s
}

// age is how old the oldest change is that the peer has not applied.
func (f *flow) age(now int64) int64 {
	if len(f.flight) > 0 {
		return max(0, now-int64(f.flight[0].since))
	}
	var oldest int64
	for _, since := range f.since {
		if since != 0 {
			oldest = max(oldest, now-since)
		}
	}
	return oldest
}

// Stats are the totals.
func (e *Engine) Stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.stats
	for _, o := range e.origins {
		s.Memory += o.table.Memory()
	}
	return s
}

// Incarnation is ours.
func (e *Engine) Incarnation() uint64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.own().incarnation
}

// Synced says whether everything that a peer had when it connected is here, and it is connected.
func (e *Engine) Synced(peer string) bool {
	slot, ok := e.Slot(peer)
	if !ok || slot == e.self {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.peers[slot].synced
}

// Resync compares everything that we have of a peer with the peer's own, bucket by bucket, and lets the peer put right what differs.
func (e *Engine) Resync(now int64, peer string) error {
	slot, ok := e.Slot(peer)
	if !ok || slot == e.self {
		return fmt.Errorf("resync %q: %w", peer, ErrUnknownPeer)
	}
	e.mu.Lock()
	defer e.unlock()
	p := e.peers[slot]
	if !p.connected() {
		return fmt.Errorf("resync %q: %w", peer, ErrClosed)
	}
	for s := range record.NumStreams {
		if c := p.conns[min(Group(s), Bulk)]; c != nil {
			c.askRepair(now, e.origins[slot], s)
		}
	}
	return nil
}
