// Package replication measures peer sync by the papers' comparison: each change sent as a message of its own, beside ours.
//
// Who may import it: cmd/fcr-mgmtd. It imports mgmt/peer as the role does, and mgmt/bench/relay.
//
// What is measured. All variants get the same changes at the same moments, from a trace that follows from a seed, and carry
// them from one node to another over TCP on this machine:
//
//	synchronous   a message of 64 bytes and 32 of framing for each change; the next is sent when the answer has come
//	pipelined     the same messages, not held up by answers: what a careful program without batches does
//	ours          mgmt/peer/engine and mgmt/peer/wire over TLS 1.3
//
// The traces: steady, bursty, a storm of logins, idle. Staleness is counted from the moment at which a change was due,
// whether or not the sender was ready for it, until the other node shows it or a later one of the same record. A change
// that has not come when the measurement ends counts with the age that it has then.
//
// On a shaped link the same goes through mgmt/bench/relay, which charges each packet with its headers.
//
// How: in turns; each round measures every variant on every trace, another one first in each round. Figures are medians of
// the rounds. Both ends live in this process, so CPU is that of both; what making the trace takes is measured alone and
// taken off.
//
// Who owns what: Measure's goroutine runs everything in turn. In a run, the player has a thread of its own that alone
// changes the world; the meter is guarded by its mutex.
//
// Limits: limits.go.
package replication
