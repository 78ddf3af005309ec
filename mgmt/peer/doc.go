// Package peer is the role that stands where the synchronization with other nodes will be. It sends nothing: it reads the
// rings that the data plane fills for peers, counts what is in them by lane and kind, and forgets it. So the rings are
// served, their cost to the data plane is the true one, and there are figures of what there would be to send.
//
// Who may import it: mgmt/system, and cmd/fcrctl for the form of its answer.
//
// Ownership: Run's goroutine reads the rings and counts; any goroutine may ask for Stats.
//
// Invariants: each item is counted once, also across a restart of the data plane, warm or cold; one that was read but not
// released when the role died is counted by its successor. Counts begin at zero with each Run.
//
// Limits: limits.go.
package peer
