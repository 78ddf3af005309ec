// Package engine assembles the data plane: it opens ports, lays out the segment, makes the lcores and runs the control
// goroutine. It alone may import nearly everything under dataplane; cmd/fcr-dataplane imports it.
//
// Goroutines: one per lcore (lcore.Worker, a thread of its own), and control, which is the caller of Run. Control owns
// the login table, the active configuration, the port and control pages of the segment; it talks to the lcores by
// snapshot pointers and rings only. In a replay there is one goroutine that steps everything in turn.
//
// Where to find things: engine.go (making and closing), segment.go (what lies where, warm start), control.go (learning,
// links, watchdog), obey.go (what others ask for), change.go and compile.go (revisions), ahead.go (flows made and ended by
// request), configure.go (policy in, snapshot out), run.go (the live loop), replay.go (captures in, captures
// out).
package engine
