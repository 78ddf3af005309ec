// Package wire carries Ethernet frames to and from one interface: a real one over
// AF_PACKET, or one end of a cable in memory.
//
// Who may import it: dataplane/sim, dataplane/sim/load and cmd/fcr-sim. It knows nothing
// of Fibre Channel.
//
// Ownership: a Wire is used by one goroutine, all but Wake, which any may call to end a
// Receive that waits. AF_PACKET frames handed to the deliver callback are the kernel's own
// ring memory and valid only until the callback returns.
//
// Invariants: an 802.1Q tag is part of the frame in both directions, also where the kernel
// keeps it beside the frame. What is queued and not yet taken by the interface stays
// queued, in order; a frame is lost only when the queue is full, and is then counted.
//
// Limits: see limits.go.
package wire

import "time"

// Wire is one interface.
type Wire interface {
	// Send queues a copy of the frame. It is put out by the next Flush, at the latest.
	Send(frame []byte)
	// Flush offers what is queued to the interface. What it does not take now stays.
	Flush() error
	// Queued is how many frames wait for the interface.
	Queued() int
	// Room is how many more frames can be queued.
	Room() int
	// Receive waits until a frame is there, but no longer than wait (0 does not wait,
	// less than 0 waits for ever), and hands over up to BatchFrames of them. It also
	// returns when Wake is called, and it flushes while it waits.
	Receive(wait time.Duration, deliver func(frame []byte)) error
	// Wake ends the present or the next Receive.
	Wake()
	// Counters may be read by the goroutine that owns the wire.
	Counters() Counters
	Close() error
}

// Counters are totals since the wire was opened.
type Counters struct {
	Sent            uint64 `json:"sent"`
	Received        uint64 `json:"received"`
	SendDropped     uint64 `json:"send_dropped"`      // the queue was full, or the interface refused
	ReceiveDropped  uint64 `json:"receive_dropped"`   // the kernel's ring or the cable was full
	ReceiveTooLarge uint64 `json:"receive_too_large"` // did not fit a ring slot
}
