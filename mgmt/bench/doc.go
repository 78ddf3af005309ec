// Package bench measures the slow path by the papers' comparison: what frames cost when everything slow is done before the
// next one, when it is queued and done one by one, and when it goes through our rings and is done in batches.
//
// Who may import it: cmd/fcr-mgmtd. It imports roles of mgmt as the system does, and pure-Go parts of dataplane.
//
// What is measured. All variants have the same fast path (dataplane/frame.Classify, dataplane/flow.Shard, accounting,
// verdict, as dataplane/lcore does it, on frames in memory), the same 12,000 flows in both directions in the same order, and
// owe the same for every frame, since every frame changes the counters of its flow: the flow's new state to the peer, to the
// database, to the monitoring process and to the audit file. All four are real and durable where they should be:
//
//	peer        another process, over TCP; it keeps the state and answers
//	storage     PostgreSQL: a private cluster with fsync, in a scratch folder
//	monitoring  another process, over a unix socket; it keeps the figures and answers
//	audit       a file: append and fdatasync
//
// The variants:
//
//	synchronous   a frame, then all four for it, then the next frame: steps 1 to 8 of the paper
//	asynchronous  the frame is queued for each of the four; a worker each takes one item, does it, takes the next. The
//	              queues are bounded: the fast path waits for room for the peer, for the others the item is dropped
//	ours          dataplane/feed marks the flow and offers its latest state through rings in a segment; another process runs
//	              mgmt/store and mgmt/event on them, and passes what the peers' ring brings on in batches: to peer,
//	              monitoring and audit. Now and then a flow's verdict changes, which is an event besides
//
// How: in turns. Each round measures each variant twice, with frames always waiting (throughput, CPU, operations) and with
// frames that come at a fixed rate into a receive queue of 4,096 frames as a NIC has it (loss, and how long frames wait). The
// wire is a clock: how many frames have come follows from the time, so that no generator disturbs. Figures are medians.
//
// Who owns what: Slowpath's goroutine runs everything in turn; the fast path is a goroutine on a thread of its own that
// touches a poller alone. Helper processes end when their standard input does, so none outlives us.
//
// Limits: limits.go. The peer protocol here is the bench's own.
package bench
