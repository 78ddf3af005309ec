// Package peer is the role that keeps nodes in step: it makes records of what the data plane says of flows, logins and
// services, has them go to the other nodes and theirs come here, and puts into the data plane what the partner of an inline
// pair knows, so that this node could take over.
//
//	source      rings and pages of the segment → records of this node
//	cluster     the engine with its clock, connections, what people are told
//	programmer  records of the partner → the data plane
//
// record, replica, wire and engine, below it, are the records and the protocol; pki and link certificates and connections.
// A node whose configuration names no others reads its rings all the same, so that they do not fill, and counts.
//
// Who may import it: mgmt/system; mgmt/api/operation and mgmt/metrics for the form of its answers.
//
// Ownership: the goroutine that serves the segment reads the rings and makes this node's records; the programmer has one of
// its own, and so have connections, time, news and alarms. Any goroutine may ask for Stats and List.
//
// Invariants: what was read is released when the engine has it: a successor asks the data plane for everything, so that
// nothing is lost with this process. A node's records are those of one incarnation, which is on disk before a peer hears of
// it. Peers are not connected before everything was told once, or they would replace what they know by less. Only what a
// frame showed here is told; what came from the partner is not told again as ours.
//
// Limits: limits.go; those of the protocol are settings of the engine.
package peer
