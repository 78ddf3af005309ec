// Package checker judges what replicas show, by a history of its own: it is told of every change as it is made, and of
// everything that becomes visible anywhere, and says what was not right. It knows what is promised and nothing of how it
// is kept: it imports the shapes of records, and no part of the code under test.
//
// What it holds replicas to:
//
//	genuine    what is shown was made so by its origin
//	causal     whoever shows a change shows what the change depends on, at every visible moment
//	atomic     what is said to be there up to a version is there, all of it, at every visible moment
//	forward    no record goes back, none comes back after its deletion
//	converged  in the end all show the same, and of a living origin what the origin has
//	told       what is stored is what the callbacks told
//	lanes      no change is later than the caller allows
//
// Who may import it: mgmt/peer/simulation.
//
// Which goroutine owns what: one uses a Checker at a time.
//
// Limits: it keeps all history, and is for runs of seconds.
package checker
