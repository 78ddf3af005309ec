// Package telemetry is the role that looks at the pages of the segment once a second: it keeps a short history for live
// views, writes samples of ports to PostgreSQL, keeps all samples in order (rollups, retention), and answers questions
// about them.
//
// Who may import it: mgmt/system, and cmd/fcrctl for the form of its answers. It knows no other role.
//
// What runs:
//
//	looker   one goroutine: a look each second, into the history and into the writer's queue
//	writer   one goroutine: every five seconds what waits, in one transaction
//	keeper   one goroutine: stats.Keeper
//
// Ownership: the looker alone maps the segment; history and queue are guarded by locks; the writer alone writes.
//
// Invariants: it reads pages, never what lies in rings. What is written of a port are differences to what the database
// has of the same boot of the data plane, in the transaction that moves that: so a count is there once, whatever died,
// and what was counted while nobody looked comes with the next look, with the span that it is over. Where nobody looked
// is no stats.Span: a gap, which is not zero. Memory is bounded: limits.go.
//
// What a data plane counted between the last look and a warm start is not in the samples: a second of it at the most. Its
// counters begin anew. (Flows lose nothing: their rings and totals outlive a warm start.)
package telemetry
