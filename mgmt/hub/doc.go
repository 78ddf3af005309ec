// Package hub is the live stream: a WebSocket on which clients subscribe to topics (samples, flows, events, alarms, the state
// of change control), get a snapshot of each and then what changes.
//
// Nothing is put into queues of clients. A room stands for a topic with its parameters; it is there while somebody follows
// it, and one goroutine makes what all of them get:
//
//  1. a topic's goroutine (samples.go, flows.go, events.go, poll.go) marshals an update once and publishes it (room.go). The
//     room keeps the last few, and a way to make a snapshot.
//  2. each client has one writer (client.go), which takes from its rooms what comes next for it. It waits for its own
//     connection and for nobody else.
//  3. who is so slow that what comes next is not kept any more gets a resync, a fresh snapshot, and goes on from there.
//     Events are facts: these are read again from the log, so none is missing.
//
// So a client that never reads costs its two goroutines and one message until its write times out.
//
// # The protocol
//
// Subprotocol fcr.v1; messages are JSON texts. A client says
//
//	{"op": "subscribe", "id": "a", "topic": "flows", "params": {"sort": "-byte_rate", "limit": 50}}
//	{"op": "unsubscribe", "id": "a"}
//
// and gets {"v": 1, "id": "a", "n": 1, "kind": "snapshot", "at": …, "data": …}: n counts the messages of a subscription
// from 1. at is since when data says what it says, which may be long before the message is sent: of a snapshot it is when the
// state changed last, or, where a part of the state moves by itself (the seconds left of a change), when it was looked at
// last. So seconds left count from at. The kinds: hello (the first message, without an id), snapshot, update, resync (a snapshot, because updates were
// left out), unavailable (data is a problem; a snapshot follows when there is something again), refused (data is a problem;
// there is no subscription), end (it ended as the client asked).
//
// Who may import it: mgmt/api and what is below it. It imports mgmt/auth, mgmt/flowindex, mgmt/attach, mgmt/event,
// mgmt/problem and what reads the segment.
//
// Ownership: a Hub may be used by any goroutine. A room's goroutine alone publishes in it. A client's reader and writer
// share its subscriptions under a lock; the writer alone writes to the connection.
//
// Invariants: what a client gets of a subscription is a snapshot and then every update since, or a resync, in order and
// numbered without gaps. A subscription needs the permission of its topic. Whoever's session ended, or whose role is another
// one, is put out within seconds. Memory is bounded: limits.go.
package hub
