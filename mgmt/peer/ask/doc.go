// Package ask carries questions to other nodes, and their answers, over the opaque messages of the engine, which come in
// order or not at all.
//
// Who may import it: mgmt/peer.
//
// Ownership: an Asker may be used by any goroutine. Message never waits, since a connection does meanwhile: each
// question is answered in a goroutine of its own, of which there is a bounded number.
//
// Invariants: an answer goes to the question of its number that was put to the same node, or nowhere. A question whose node
// was lost ends with its context.
//
// Limits: limits.go.
package ask
