// Package telemetry is the role that looks at the pages of the segment once a second: it keeps a short history for live
// views, writes samples of ports to PostgreSQL, keeps all samples in order (rollups, retention), and answers questions
// about them.
//
// Who may import it: mgmt/system, and cmd/fcrctl for the form of its answers. It knows no other role.
//
// What runs:
//
//	looker   Run's goroutine: a look each second, into the history and to the writer
//	writer   one goroutine: totals of ports into the database, one transaction a look at the most
//	keeper   one goroutine: stats.Keeper
//
// Ownership: the looker alone maps the segment; the history is guarded by a lock; the writer alone writes.
//
// Invariants: it reads pages, never rings. What is written of a port are differences to what the database has of the same
// boot of the data plane, in the transaction that moves that: so a count is there once, whatever died, and what was
// counted while nobody could write comes with the next look that can be written. Where nobody looked is no span, and no
// span is a gap and not zero. Memory is bounded: limits.go.
package telemetry
