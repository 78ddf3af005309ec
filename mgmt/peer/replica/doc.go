// Package replica is the table of one origin: its records as far as a node knows them, and in which order they changed.
//
// Who may import it: mgmt/peer/engine. It has no goroutine, no lock and no clock: whoever has a table calls it from one
// goroutine at a time.
package replica
