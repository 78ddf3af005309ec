// Package store is the role that keeps flows, logins and samples of one shard in PostgreSQL.
//
// Who may import it: mgmt/system, and cmd/fcrctl for the form of its answers. It knows nothing of the other roles.
//
// What runs, and in which order an update passes:
//
//	reader    one goroutine: reads the rings of all producers of the shard, hands items to workers by flow hash, cuts
//	          batches, and releases what is durable. It alone touches the rings.
//	workers   mgmt/worker: keep the latest snapshot of each flow and login of the batch.
//	flusher   one goroutine: writes a batch in one transaction, and between batches settles, samples and retires. It
//	          alone writes to the database.
//
// Invariants:
//
//   - An item is released only after a transaction that holds it, or a later snapshot of the same flow, was committed.
//   - Each transaction first moves the shard's row in ring_cursor from the number of the last flush that we know of to
//     its own, and changes nothing when it finds another number or owner. So a stalled former owner can write nothing,
//     a commit whose answer was lost is recognized, and so is a database that has lost commits.
//   - A row never goes backwards: upserts are guarded by the item's number, not by time.
//   - The sum of a life's samples is its sampled_* columns, in every state of the database that anybody can see.
//   - At rest the totals of each life in the database are the data plane's.
//
// Memory is bounded: a batch holds at most one snapshot per item of the rings; of each direction 48 bytes are known, twice
// that at the worst (known); and so many flows that ended are kept (recents). limits.go has the figures.
//
// Where to find things: role.go (options, health), session.go (the reader), batch.go (the workers' part), flusher.go (the
// flusher's round), write.go and rows.go (a transaction), sql.go, cursor.go (the shard's row), settle.go (flows that ended
// without a word; retention), sample.go and known.go (samples), recent.go, names.go, logins.go, flows.go (answers).
package store
