// Package problem is the catalogue of everything that can be wrong with what somebody asked of the management side: a
// stable code, the status of HTTP that goes with it, and a sentence. Its values are errors; what serves requests writes
// them as RFC 9457 documents (application/problem+json), and fcrctl makes exit codes of them.
//
// Who may import it: anything under mgmt, and cmd. It imports nothing of ours.
//
// Ownership: values do not change after they were made.
//
// Invariants: a code, once released, keeps its meaning. No text holds a value that somebody sent: what is wrong is named
// by its place (a JSON pointer, a parameter), so that a rejected password comes back in no answer and in no log.
package problem
