// Package relay is a bad link for benches and tests: a TCP relay that has a rate, a queue, delay and loss as wished, and
// that can be cut, stopped in one direction or in both, and made whole again.
//
// Who may import it: benches and tests. Nothing that runs on an appliance.
//
// What it can play and what not. It stands between two TCP connections, so packets are not lost for the programs: a lost
// packet is what TCP makes of it, a pause until it was sent again, with everything behind it on the same connection late
// too. Frames of different connections overtake each other, because each draws its delays for itself. The rate counts
// packets as the sender's TCP made them (the kernel tells how many segments came), each with its headers: many small
// messages cost what they cost on a wire.
//
// Who owns what: each connection has four goroutines, a reader and a writer for each direction; the transmitter of a
// direction is shared by all connections and guarded by its mutex. Close waits for all of them.
//
// Limits: limits.go.
package relay
