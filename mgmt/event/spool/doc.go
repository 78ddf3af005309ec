// Package spool keeps the events of a node on its own disk: an append-only log in files of bounded size. What was
// committed survives the end of the process and of the power, and stays until the database has it, and some while longer.
//
// Who may import it: mgmt/event/eventlog, and tests. It knows nothing of what the events mean.
//
// Ownership: one process, held to it by a lock on the folder. Append, Commit and Rebase may be called by any goroutine,
// one after another; Read, the numbers and Stats at any time beside them.
//
// How it writes. Append puts records into a group in memory; Commit writes the group behind the last one and syncs the
// file: many records, one fdatasync. A file that is full, or that an error touched, is never written again: the next
// group begins a new file. Three rules make this safe:
//
//   - A record says up to which record everything was durable when it was written. So after a crash we know that damage
//     at or below that point is damage, and that only what comes after it may be torn.
//   - A file's header says with which record it begins, and that everything before it was durable. Records of older files
//     from there on are void: they are of a group whose write or sync failed, or that was not known to be durable. It
//     holds once the group that came with the header is there whole.
//   - After a failed sync the kernel may forget what it could not write and call it clean (PostgreSQL learnt that in
//     2018). So the group is not synced again where it is: it is written once more, into a new file. Open does the same
//     with the last group that it finds.
//
// Indexes and numbers. A record's index is its place in this spool, from 1, for ever. Its number, which everybody else
// sees, is the index plus what Rebase said: a spool that was lost begins anew, and finds out that the database has events
// of these numbers already when it meets the database.
//
// Invariants: indexes have no gaps; a record that was damaged later is read as one that says so. What Commit returned for
// is read back the same. A record that was not committed when a crash came is there whole or not at all, and then so are
// all before it. An origin is in the log at most once.
//
// Limits are in limits.go. A spool that is full takes no records: ErrFull.
package spool
