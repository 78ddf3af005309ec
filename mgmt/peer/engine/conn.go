package engine

import (
	"fmt"

	"fcredirect/mgmt/peer/record"
	"fcredirect/mgmt/peer/wire"
)

// Conn is one connection to a peer.
type Conn struct {
	e     *Engine
	peer  *peer
	group Group

	started int64
	ended   int64       // when it was given up
	said    bool        // our hello has gone out
	theirs  *wire.Hello // nil before it came
	err     error       // why it was given up
	bye     *wire.Bye   // what is left to say then

	// Out. What is in flight counts against the pool until the peer has taken it in.
	enc      *wire.Encoder
	out      uint64 // sequence of the last frame
	queue    [][]byte
	pool     []sized // data frames in flight, the oldest first
	inFlight int
	wakeAt   int64
	beatAt   int64
	wants    []wire.At
	buckets  *wire.Buckets
	early    [maxNodes]uint64 // earlyCount of what the peer was told last

	// In.
	dec       *wire.Decoder
	in        uint64
	heard     int64
	ackAt     int64
	acked     uint64 // the last sequence that we acknowledged
	unacked   int    // bytes of data since
	staging   [maxNodes][record.NumStreams]*unit
	staged    int // records in staging
	repair    []record.Record
	bucket    uint8 // that repair is of
	told      [maxNodes]*told
	view      [maxNodes]mark // of State: all that the peer had seen of an origin up to here, we have seen too
	stamp     uint64         // of the last heartbeat
	stampAt   int64
	exhausted bool
}

type sized struct {
	sequence uint64
	bytes    int
}

// Peer is who is at the other end.
func (c *Conn) Peer() string { return c.peer.name }

// Group is what the connection is for.
func (c *Conn) Group() Group { return c.group }

// Err says why the connection should be closed: set when the engine gives it up. Wake is called then, and Next has a last
// frame for the peer.
func (c *Conn) Err() error {
	c.e.mu.Lock()
	defer c.e.mu.Unlock()
	return c.err
}

// Send queues an opaque message for a peer. Messages of one connection come at most once and in order; what is under way when a
// connection ends may be lost.
func (e *Engine) Send(peer string, payload []byte) error {
	slot, ok := e.Slot(peer)
	if !ok || slot == e.self {
		return fmt.Errorf("send to %q: %w", peer, ErrUnknownPeer)
	}
	if len(payload) > maxMessage {
		return fmt.Errorf("send to %q: %d bytes, %d at most", peer, len(payload), maxMessage)
	}
	e.mu.Lock()
	defer e.unlock()
	p := e.peers[slot]
	switch {
	case !p.connected():
		return fmt.Errorf("send to %q: %w", peer, ErrClosed)
	case len(p.messages) >= e.cfg.Settings.MessagesMax:
		return fmt.Errorf("send to %q: %w", peer, ErrQueue)
	}
	p.messages = append(p.messages, append([]byte(nil), payload...))
	e.wake(p.conns[Urgent], 0)
	return nil
}
