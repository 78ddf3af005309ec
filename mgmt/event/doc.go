// Package event says what can happen: the catalogue of all events of a node, what an event is once it has a number, and
// how a process tells one.
//
// Who may import it: anything under mgmt, and cmd. It imports dataplane packages alone, so that every role can tell
// events without depending on where they go: mgmt/event/spool keeps them on disk, mgmt/event/archive in PostgreSQL, and
// mgmt/event/eventlog is the role that numbers them.
//
// An event is a fact: it is never changed, merged or taken back. Its origin (epoch, producer, sequence) names it for
// ever and makes it arrive once, however often it is sent. Its number gives it a place in the log of its node.
//
// Ownership: a Client may be used by any goroutine; it owns one goroutine that sends. A Translator belongs to the
// goroutine that reads the rings.
//
// Invariants: every type has one entry in the catalogue, and every event has only the fields that its entry declares. A
// type, once it was released, keeps its number, name and fields.
package event
