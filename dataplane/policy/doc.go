// Package policy is the policy: which initiator-target pairs are forwarded, redirected,
// mirrored or dropped. It takes a policy through four forms, each made from the one before:
//
//	YAML      what an admin writes                              (Parse)
//	Document  the same as inert Go values, nothing looked up    (Compile)
//	flat      one []byte without pointers, for the segment      (Open)
//	Snapshot  the flat bytes, checked, with its evaluator       (Evaluate, Explain)
//
// Who may import it: dataplane/lcore and cmd/fcr-dataplane (Evaluate), cmd/fcrctl
// (Explain), and later mgmt (documents, dry runs). It imports dataplane/frame for addresses
// and dataplane/yamlconf for reading files.
//
// Which goroutine owns what: Parse and Compile hold no state and may run anywhere; they
// allocate freely and belong into a short-lived child of the dataplane. A Snapshot is
// immutable, any number of lcores read it; Evaluate does not allocate, lock or log. Whoever
// gives bytes to Open must not change them, nor unmap them, while the Snapshot is in use.
//
// Invariants: first match wins, no match is forward; a port whose WWPN is not known (0)
// matches only "any". Open checks everything: a Snapshot never panics and never reads
// outside of its bytes, whatever Open was given, and its index finds for every pair the
// rule that a walk over the rules would find (property tests hold it against a walk over
// the Document). Equal documents give equal bytes. Limits stand in limits.go, the document
// in README.md.
package policy
