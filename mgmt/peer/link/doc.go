// Package link is the connections between nodes: who may connect, how frames come and go, and when it is tried again.
//
// A connection goes through these stages, each in a file of its own:
//
//	gate.go        so many handshakes at a time, so many from one address
//	accept.go      one that came in: TLS, who it is, what it is for     dial.go   one that this node makes, again and again
//	connection.go  frames in and out, until something is wrong
//	care.go        certificates: files that change, lists of revocations, renewals
//	refusal.go     why a connection was refused, in a word, and not too often
//
// The node with the lower name dials, once for each group, so that two nodes never dial each other crosswise.
//
// Who may import it: package peer, which is the role, and the bench. It knows nothing of records: what a connection says
// is the business of a Session, which the role takes from the engine.
//
// Goroutines: each connection has a reader and a writer; there is one for each node and group that is dialled, one that
// listens, and two take care of certificates, of which one waits for nobody. All of them end before Run returns. Notices are told by any of them,
// and whoever gets one must be quick.
//
// Invariants: nothing is read from a connection before TLS 1.3 has proved who is there, but the handshake itself and the
// request of a node that wants to join. A connection is refused or ended for one reason, which is told. Every wait has an
// end and every length a bound. A certificate is judged again while its connection stands.
//
// Limits: limits.go, Settings.
package link
