// Package bus carries requests between the roles of a node: to a handler in the same process by a plain call, to another
// process over rings in the segment's writable file. Subscriptions are requests that wait (Subscribe).
//
// Who may import it: anything under mgmt, and cmd. It imports mgmt/registry, mgmt/attach, dataplane/ring and
// dataplane/shm.
//
// # How a request travels
//
//  1. call.go: the registry says which process runs the role. The request becomes a stream of 256-byte messages.
//  2. send.go: whoever gets the sender of that process writes the messages of all streams that wait, a few of each in
//     turn, publishes them at once and, only if the other side says that it sleeps, rings at its door (a futex). So
//     many goroutines' requests share one commit and one doorbell, and a large message does not hold up small ones.
//  3. receive.go: in the other process one goroutine at a time reads all rings and puts streams together.
//  4. serve.go: a handler runs in a goroutine of its own, of which there is a bounded number, or right there if it
//     promised to be short. Its answer goes back as a stream, by the same way.
//  5. call.go: the caller polls the rings itself for some microseconds, then waits to be told.
//
// # Ownership
//
// There is a ring per ordered pair of processes: the sender's mutex (send.go) makes its producer, the receive lock
// (link.rx) its consumer. The receiver goroutine holds the receive lock while it works, and a caller that waits for its
// answer may: what has arrived is handled by whoever looks first. Locks are taken in the order rx, sender, calls.
//
// # What may go wrong
//
// A message names the claims of both processes' places in the registry, so what a dead process left, or what was meant
// for one, is dropped. Calls to a process that dies fail with ErrGone within 200 ms. Messages are numbered by their
// place in the ring; one that cannot be right means that the ring was overwritten: all calls between the two processes
// fail with ErrGone, both sides are told, and the ring starts anew (recover.go). A segment that a cold start replaced:
// calls in flight fail with ErrGone, and the Bus goes on in the new one; who holds a *Bus need not care.
//
// Invariants: each call ends once, with its own answer or an error. No sender waits for room: streams wait. Memory is
// bounded: limits.go.
package bus
