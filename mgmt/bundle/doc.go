// Package bundle makes support bundles: one archive with all that somebody who helps from afar wants to see, and without
// secrets.
//
// Who may import it: mgmt/api and what is below it.
//
//	maker.go     the archive: sources in turn, each with its bounds, through mgmt/bundle/redact
//	machine.go   kernel, processors, memory, hugepages, network cards, disks, logs
//	daemon.go    versions, goroutines, settings, roles, alarms, events, what roles count
//	plane.go     the segment: ports, lcores, rings, services, counters
//	database.go  what PostgreSQL says of itself
//
// Ownership: a Maker may be used by any goroutine; its folder is its own. A Source is asked by one job at a time.
//
// Invariants: whatever a source writes goes through the redactor before it is kept, so that a new source cannot leak what
// the redactor knows; keys, sessions and hashes are not read in the first place. A source that fails, hangs or writes too
// much costs its own file, and the bundle says so. Nothing of the node is changed.
//
// Limits: limits.go.
package bundle
