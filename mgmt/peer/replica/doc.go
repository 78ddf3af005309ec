// Package replica is the table of one origin: its records as far as a node knows them, and in which order they changed. It
// answers the one question that peers have, "what have I not seen?", for any of them, from any version, in bounded memory.
//
// Who may import it: mgmt/peer/engine. It has no goroutine, no lock and no clock: whoever has a table calls it from one
// goroutine at a time. A node has one Table for each origin, its own too; only the own one is changed with Put and Delete.
//
// # Versions and histories
//
// The origin gives each change the next number of one counter. A record has the version of its last change. For each stream the
// table keeps a history: (version, handle of the row), in the order of versions. When a record changes, a new entry goes to the
// end and the old one is stale, which nobody writes down: an entry is stale when its row says another version. So what follows a
// version in the history, stale entries aside, is what somebody who stands there has not seen: each record once, as it is now. There
// are no queues for peers, and nothing to free when one dies. Sending what is new, going on after a lost connection,
// filling a newcomer and relaying for a third are the same read from different versions. Stale entries are swept little by
// little (log.go), so a history is at most some three times as long as there are records.
//
// # Cuts
//
// What is read must be applied whole: a unit holds the last of several changes of a record, and whoever saw half of it could see an
// effect without its cause. A unit that takes many frames to send meets a moving table. If it went on to whatever the
// end is by then, it would never come to it on a link that is slower than the changes: the end is taken
// from it as fast as it runs, and the peer would see nothing at all. So a Cut is what the stream was at one moment. Who changes or
// removes a row first gives a copy of it to each cut that has not passed it. That is paid only while a long unit is on its
// way, and only for records that change in that time. For Counts, where nothing depends on anything, a Cursor reads
// what is there, and every frame may end a unit.
//
// # Staging, and what went ahead
//
// A unit that comes in is staged in a set of its own (rows, index, digests), and applied when the engine says so: row by row when it
// is small, or, when it replaces everything or comes to an empty table, by taking the table's place. Units that must wait are merged
// into one (Extend), so that what is held never exceeds the number of records.
//
// An immediate change may go ahead of its stream with what it depends on (Closure, Express). Such records stand beside the sets and hide
// what is in them, until the stream has passed their versions. The rejected alternative writes them into the rows at once: then a
// row of the version that the stream stands at is lost, and a unit read from that table for a third node lacks it,
// though other records of the unit depend on it; and digests would compare tables that no version describes. As it is, a set is at
// every moment exactly what its origin had at Head.
//
// # Deletions
//
// A deleted record stays as a tombstone with a version, and goes to peers as any change. Collect forgets those that everybody has,
// or that are too old or too many, and raises the floor: whoever stands below it needs everything anew (a reset). After
// a reset the floor is its version, since of what was deleted before nothing is known.
//
// # Closures
//
// Of the last changes of State the own table remembers what they depend on (refs.go). A change takes over the refs of the changes
// before it that a peer may have missed, so that merging changes loses no dependency; how far back they are complete is said beside
// them. Whatever is forgotten, too much or too many makes Closure say no, and the whole stream goes instead, which is always right.
//
// # Digests
//
// Each set keeps sums of 128 bits over its live records, in 256 buckets by key, changed with every change. Equal heads with unequal sums
// are a divergence: a bucket is then replaced (Repair). Tombstones are in no sum, because nodes collect them at different times.
//
// # Invariants
//
//   - A set of another origin is what the origin had at Head: live records, versions, fields. Nothing between two units is ever seen.
//   - Each row has exactly one entry of the history that is not stale. Entries are in the order of versions.
//   - A table that returned an error is what it was before.
//   - What iterations give, and in which order, depends on what was done to the table only, not on hash keys or addresses.
//
// # Limits
//
// limits.go. A flow takes some 85 bytes and its totals 80, index and history included: a million of both 170 MiB. A change takes
// 0.15 to 0.3 µs at 12,000 flows, reading 20 to 40 ns a record. At a million flows in random order everything waits for memory
// (two cache and TLB misses a change: 0.7 µs; reading 0.15 µs).
package replica
