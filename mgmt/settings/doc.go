// Package settings keeps the small records that admins set (accounts, tokens, revisions, the active configuration), so
// that they are there with and without a database.
//
// Who may import it: anything under mgmt that has such records; mgmt/api makes the one Store of a node.
//
// A change goes through three places, in this order (update.go):
//
//  1. the database: all statements are sent, so a database that is away, read-only or full refuses the change (ErrNoDatabase)
//     before anything has happened. UpdateLocal leaves this out: sign-in, confirm and revert work without a database.
//  2. the file of the node: one line, with a check sum, synced to disk. Now the change has happened.
//  3. the database's commit. If it fails or nobody knows, the file is ahead, and Run brings the database after it.
//
// So the file decides, and table setting is its mirror. Only a node without a file, or whose file has nothing but what
// UpdateLocal wrote (a new machine that has seen its data plane before its database), takes what the database has; and one
// whose file is older than the mirror of the same lineage (an old backup of the disk) too.
//
// Kinds that begin with "local." never leave the machine: sessions, and secrets that must be known in clear.
//
// Ownership: a Store may be used by any goroutine; changes take turns. The file has a lock, so that one Store on the
// node has it. Records that were given out are not changed.
//
// Invariants: revisions go up by one with each change. A record's version is the revision that wrote it last. What a
// change function reads is what the file has. A torn last line is cut off, for its change was not acknowledged; damage
// before it is refused, for acknowledged changes would be missing.
//
// Limits: limits.go.
package settings
