// Package cluster keeps the configuration of all nodes the same: a change is made on all of them, or on none.
//
//	offer     the document goes to every node, in parts
//	prepare   each checks it against its own ports, and that it stands where the first one does; it is reserved for this change
//	install   each makes it decide, for a while only: its data plane takes it back by itself
//	confirm   the node where it was asked for keeps it, and has the new version; then the others. Whoever misses this catches up
//	revert    or nobody confirms: each data plane goes back by itself, whoever is dead
//
// A version is (term, revision). A change that left a node out, which an admin must name, begins a new term; terms are never
// the same on two nodes. So of two nodes that meet the higher version is the cluster's. A node with a lower one takes the
// document of the higher (follow.go); if it had been changed while it was apart, what it had is kept as a branch, and told.
//
// Who may import it: mgmt/api, which puts a Service between change control and the data plane. It stands behind change.Plane,
// so change control does not know how many nodes there are.
//
// Ownership: a Service may be used by any goroutine. Changes take turns (turn); what is known is behind mu. Run is one
// goroutine.
//
// Invariants: a version is kept on disk before any other node hears of it. A node that cannot be asked stops a change, unless
// it was named. A document is believed only by its SHA-256. Nothing here is needed for frames.
//
// Limits: limits.go.
package cluster
