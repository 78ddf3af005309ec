// Package capture runs captures for admins: it has the data plane copy frames (dataplane/capture), reads them out of the
// segment, and writes each capture into a file of its own in the pcapng format, which can be downloaded while it grows.
//
//	filter.go    what somebody asks for, in words, becomes a Spec
//	manager.go   captures that run and that have ended: start, stop, remove, look
//	pump.go      one goroutine: reads all lanes in the order of time, hands each frame to the captures that want it
//	file.go      a capture's file, and those who follow it while it grows
//	words.go     the comment of a frame: verdict, rule, service
//	store.go     the folder: what was captured before, and how much of it is kept
//
// Who may import it: mgmt/api. It imports mgmt/attach, mgmt/problem, mgmt/event and the readers of the data plane.
//
// Ownership: the pump (Run) alone reads the segment's lanes and writes files. The table of captures is guarded by mu, the
// lanes by lanes, which is taken first.
//
// Invariants: at most MaxRunning captures run, of at most MaxBytes each, and all files together hold at most MaxDisk: what
// a running capture may still write is counted in. A capture ends by itself. Nothing survives a restart of this daemon or
// of the data plane as a running capture: what was written is kept, and says why it ended. Whoever downloads never slows
// the pump: they read the file.
package capture
