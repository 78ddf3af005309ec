// Package system assembles the management side: it starts the roles that the configuration gives to this process, looks
// after them, and starts further processes for the rest.
//
// Who may import it: cmd/fcr-mgmtd. It alone may import nearly everything under mgmt, and does so in build.go and
// wire.go; the rest of the package knows roles only as what Run, ready and Healthy say.
//
// What happens, in the order in which it runs:
//
//	system.go     New makes instances and child processes; Run starts them, watches, and stops them by levels
//	instance.go   the life of one role instance: seat, turn, dependencies, serve, back-off
//	serve.go      one run of a role: ready, beats, probes, wishes, stop
//	roster.go     seats: claims in the registry
//	child.go      a process of its own for a group of roles: start, watch, restart, stop
//	notify.go     what systemd, or the process that started us, is told
//	build.go      how each role is made of database, bus, events and segment
//
// Who owns what: each instance and each child process has one goroutine, which alone changes it; others read its view
// under a lock. System's own goroutine reads the views, tells the outside, and decides on the end.
//
// Invariants: of a (role, shard) one instance on the node runs at a time: it has a claim that holds, or (role database,
// before there is a segment) a lock of its own. A role object is run once; a restart makes a new one, after the old Run has
// returned. If it does not return in time the process ends, since two of them must not run. No orphans: a child process
// dies with the process that started it.
//
// What an instance does when something goes wrong is decided here and nowhere else:
//
//	Run fails, panics or ends by itself   Failed; again after a back-off; with standbys its seat goes to one of them
//	Healthy says an error                 published with the heartbeat; role monitor judges, and commands what the file says
//	Healthy does not answer               after threshold in a row the action of the file; so too for errors of monitor itself
//	an admin or monitor wants a restart   a new run; with standbys one of them takes over
//	the claim is lost                     stop at once, claim anew
//	the segment has another ABI           the process ends: restarts cannot mend it, and it must be seen
//
// Limits: limits.go.
package system
