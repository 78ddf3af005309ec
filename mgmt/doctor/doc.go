// Package doctor looks for what does not agree: the tables of a segment with themselves, the segment with its policy, the
// rings with their cursors, the roles with what is wanted of them. Each check says what it found and what to do about it.
//
// Who may import it: anything under mgmt, and cmd. It imports pure parts of the data plane and mgmt/registry.
//
// Ownership: it only reads, and keeps nothing. A live segment changes while it is read: what is found is looked at again,
// and reported when it is there each time.
//
// Limits: the copy of the flow tables, which is as large as they are (193 MiB at a million directions).
package doctor
