// Package dpdk is the narrow binding to the system's libdpdk (22.11 and newer, found with
// pkg-config): EAL, mempools, ports, rings, lcore threads, and the Cycle, the one crossing into C
// that an lcore makes per burst. It keeps DPDK's vocabulary and binds only what the dataplane uses.
// It is the only cgo of the project.
//
// Who may import it: dataplane/lcore and cmd/fcr-dataplane. Its subpackage dpdktest plays the NICs
// for tests that run without EAL.
//
// Who owns what. Init, Cleanup, and everything that creates, configures, starts, stops or closes an
// object is serialised inside the package and may be called from any goroutine; none of it belongs
// on a hot path. A Cycle belongs to one goroutine. A queue of a port belongs to the one Cycle that
// names it. A Ring has one producer and one consumer, each of which may be a Go goroutine (Enqueue,
// Dequeue) or a queue of a port made from it. Stats, XStats, Link and the counts of a Mempool may be
// read from any goroutine at any time between open and close.
//
// Invariants. C never keeps a Go pointer. Go never frees what an mbuf points at. An *Mbuf and a
// *Cycle point into C memory, always. A frame is one segment: no offload, no VLAN stripping and no
// scattered receive is ever switched on, and a segmented frame is dropped and counted.
//
// Errors are of type *Error: which DPDK call, on which device, with which errno, and the line that
// DPDK logged about it. DPDK prints nothing; TakeLog gives its messages.
//
// Limits stand in limits.go; measurements in README.md.
package dpdk

// #cgo pkg-config: libdpdk
// #cgo CFLAGS: -D_GNU_SOURCE -O3 -Wall -Wextra -Wno-unused-parameter
// #cgo LDFLAGS: -lrte_net_ring
import "C"
