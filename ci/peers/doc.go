// Package peers runs three whole nodes against each other: data planes on veths with a simulated fabric, management daemons
// with peer sync, each node in a network namespace of its own. Nothing imports it: it is tests, which run with FCR_PEERS=1
// (make peers) as root.
//
// The nodes reach each other through a hub, a namespace that passes no packets on: relays (mgmt/bench/relay) stand in it, one
// from each node that dials to each that it dials. So every connection can be slowed, made to lose, cut and stopped, in one
// direction or in both; nftables and a token bucket do the same to packets.
//
// How it is judged: from outside, by what each node's REST interface says. After a fault is healed, each node must have, within
// the limit, every change that any node had made by then, while traffic goes on; and with the traffic stopped all must
// give the same digests. The judge (judge_test.go) is pure and has tests of its own, which always run.
//
// Who owns what: a place owns its namespaces, programs, relays and folders, and leaves nothing behind. It ends only programs
// that it started.
package peers
