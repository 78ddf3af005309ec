// Package eventlog is the role that keeps the log of events of a node.
//
// Who may import it: mgmt/system, cmd/fcr-mgmtd and tests. It imports mgmt/event with its packages, mgmt/attach and
// mgmt/postgres.
//
// # The life of an event
//
//  1. log.go, collect: takes items from the event rings, merged by time, and events of processes from their requests;
//     leaves out what the log has already; puts the rest into the spool's group.
//  2. log.go, commit: one fdatasync for all of them.
//  3. log.go, settle: releases the rings, and only then tells subscribers, and answers the requests.
//  4. drain.go: brings them to PostgreSQL in batches, in order, while the next ones are collected.
//
// # Ownership
//
// Run starts three goroutines, and ends when all have. The writer (log.go, rings.go) owns the rings and the order of the
// log. The attacher waits for segments and hands them to the writer, which unmaps them. The drain (drain.go, contact.go)
// owns what is said to the database. Answers to requests run in goroutines of the bus; subscribers in their own.
//
// # Numbers
//
// The spool gives indexes, and from them numbers without gaps. A spool that is new, because the disk was lost, begins at
// 1 and learns at the first contact with the database that the node's log is at another number: then the numbers of
// events that the database does not have move up (contact.go). Whoever reads by number gives the lineage of the last
// answer along, and goes on at the right place; an event log.renumbered says what happened.
//
// # Invariants
//
// Nobody is told of an event that is not durable. A ring's item is released after it is durable. An event of an origin is
// in the log once. The log never waits for a subscriber or for the database, only for its own disk; when that is full the
// rings are not released, and the data plane counts what they cannot take.
package eventlog
