// Package pair decides which of two nodes that stand side by side between the same switches forwards frames: an inline
// pair. One is active, the other stands by with its ports blocked, because two that forward are a loop.
//
//	beat.go     what the nodes tell each other over their own ports, ten times a second: signed, and no use a second time
//	machine.go  the states, and what moves a node from one to the other: no I/O, no clock of its own
//	page.go     where a node's state lies in the segment, for everybody to read
//
// README.md has the states, the timers, and what protects from a loop.
//
// Who may import it: engine, which runs the machine in the control goroutine; report, mgmt and cmd for the page.
//
// Ownership: a Machine and a Codec belong to one goroutine. Any goroutine or process may read the page.
//
// Invariants: a node that has not heard what happened while it was stopped does not forward. A beat is believed only if it
// is signed, newer than the last of its path, and of a start of the partner that has answered us. Epochs only go up, each
// with one node that may forward in it. Nothing is allocated after New.
//
// Limits: limits.go.
package pair
