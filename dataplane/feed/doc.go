// Package feed carries what the data plane tells the slow path: snapshots of flows and logins, and events, in rings of
// the segment.
//
// There is one ring per producer (each lcore, and the control goroutine) and consumer (peer, store, event; the store may
// have several shards). Items are self-contained: whoever reads one needs nothing else to understand it.
//
//   - State (flows, logins) goes through an Outlet. An update that finds no room waits as a mark on its flow, and the
//     latest snapshot goes out when there is room: conflated, never lost, never waited for.
//   - Events are facts and are not merged. Those that find the ring full are counted, and a GapItem tells how many are
//     missing and where.
//
// Who may import it: lcore and engine as producers, anything under mgmt and cmd as readers. It imports ring and shm.
//
// Ownership: an Outlet or Events belongs to the goroutine of its producer, a Reader to one goroutine of its consumer.
// The rings lie in `state`, which consumers map read-only; their cursors lie in `ctl`, which the producer distrusts.
//
// Invariants: item numbers have no gaps. An item lies untouched until it is released. At rest, with a consumer that
// reads, the last snapshot offered of each flow is the flow's last state. Memory is bounded: per outlet two lists of
// at most twice as many marks as its flows can be.
package feed
