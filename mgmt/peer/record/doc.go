// Package record is what nodes tell each other: records of a fixed shape, each of one origin.
//
// A record is a key and some words. Which words a kind has, and how each of them tends to change, is said once, in
// shape.go: the codec, the tables and the digests know nothing more of a kind.
//
// Who may import it: everything of mgmt/peer, and whoever shows replicated state.
//
// Invariants: only its origin changes a record, and gives each change the next version of one counter, so that of two
// copies the one with the higher version is the newer. Records are values; none has a pointer in it.
//
// Limits: MaxFields words a record.
package record
