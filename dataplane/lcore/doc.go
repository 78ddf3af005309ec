// Package lcore is the redirect fast path: a poll-mode core that owns ports and the flows that enter there.
//
// A pass, in the order in which the files follow it:
//
//  1. send and receive (pass.go): one crossing into C transmits what the last pass prepared and receives one burst
//  2. read (frame.Classify): key and class of each frame
//  3. look up (burst.go): two steps over the burst, prefetch and find, so that cache misses overlap; a miss makes
//     the entry (verdict.go)
//  4. account, decide, act (burst.go): counters, the verdict kept in the entry, a place in a transmit queue
//  5. hand back (handback.go): the same for what a service returns
//  6. rest (idle.go): between bursts, bounded work: invalidations, silent flows under a new configuration
//     (renew.go), sweep of idle flows, sleep
//
// capture.go, beside them, copies frames of a burst for captures: one comparison per burst while there is none.
//
// pair.go: what a node does whose partner is the active one. It costs the active one, and one without a partner, a
// comparison per burst.
//
// Who may import it: engine and cmd/fcr-dataplane. It may import dpdk.
//
// Ownership: a Worker belongs to one goroutine, locked to its thread (Run), or to a caller that steps it (Poll). It alone
// writes its shard, its counters and its page in the segment. What comes from outside comes as a snapshot pointer,
// read once per pass, or through rings.
//
// Invariants, per frame: no allocation, lock, system call, log line, clock read, interface call or channel. Each
// received frame gets exactly one fate. A pass handles one burst, so it evaluates the policy at most 32 times, and once at
// rest. Nothing waits: what cannot be sent now stays in its transmit queue, and the ports that feed the queue are not polled.
package lcore
