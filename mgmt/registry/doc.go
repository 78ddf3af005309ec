// Package registry says which process runs which role of a node: a table of role instances and one of processes, both in
// the writable file of the segment (`ctl`).
//
// Who may import it: anything under mgmt, and cmd. It imports mgmt/attach and dataplane/shm.
//
// A role instance is (role, shard, number). One living process has it (Claim), and of all instances of a (role, shard)
// one is active: the others stand by and are promoted when it dies, gives up or is deposed.
//
// The memory is shared by processes that may die at any instruction and may write anything. So:
//
//   - Every word is read and written atomically, and checked before it is believed.
//   - There is no lock. A slot is found by its key, which is set once by compare-and-swap and never removed; it is owned
//     by whoever swaps its own token into Owner. A token names a process (pid and start time) and counts the claims of
//     the slot, so a dead owner is told from a living one, and no claim is taken for another.
//   - What an owner says of itself (State, Member) carries the count of its claim: what a dead predecessor said is not
//     taken for its successor's word.
//
// Ownership: a Registry serves any goroutine; its one goroutine watches for a cold start of the data plane, which
// replaces the file: then it joins the new one and takes its claims along. A Table is a view of one mapped file and lives
// as long as that is mapped. A Claim belongs to whoever supervises the role; any goroutine may use it.
//
// Time is CLOCK_MONOTONIC: it is the same for all processes, no clock step moves it, and it stands still while the
// machine sleeps, so that nobody looks dead after that.
//
// Limits: limits.go. Processes of a node share one pid name space.
package registry
