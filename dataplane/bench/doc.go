// Package bench measures the redirect fast path beside its rivals: dpdk-testpmd, the C yardstick of ci/bench/ref.c, and
// Open vSwitch on DPDK. It makes the traffic, runs the contenders in turn on the same captures, and reports rates,
// ratios, latencies and instructions per frame.
//
// It is pure Go: rivals are programs that it starts and stops. Our own data plane is one more Contender, written where
// DPDK is known and given to Rounds by the caller.
//
// In the order it runs:
//
//	traffic.go    which initiators, targets and flows there are, and what the policy does with each
//	capture.go    their frames, one per direction, in shuffled order, as two captures per port pair
//	documents.go  the boot file, the policy, and the rivals' tables that mean the same
//	scenario.go   all of that on disk, with the means that every contender is given (memory.go, eal.go)
//	ref.go, testpmd.go, ovs.go  the rivals; process.go starts and ends their programs
//	schedule.go   who else had the polling core meanwhile
//	rounds.go     contenders in turn, round after round
//	stats.go      medians, best values, ratios within a round
//	report.go     JSON and table
//	callgrind.go  instructions per frame, counted instead of timed
//
// Who may import it: cmd/fcr-dataplane, and whoever implements a Contender. It imports dataplane/frame and
// dataplane/pcap.
//
// Ownership: nothing here is shared. One goroutine runs Rounds; each runner owns the processes it starts and ends them,
// by pid, before it returns. A process also gets SIGKILL from the kernel when ours dies.
//
// Limits stand in limits.go.
//
// Invariants: the same Config gives the same bytes in every file. Every frame is valid: good CRC, exact length, FC_IDs
// and MAC addresses of VN2VN. A rival that loses or refuses frames is an error, not a result.
package bench
