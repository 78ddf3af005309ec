// Package engine is the protocol by which nodes tell each other their records: what is sent to whom and when, what is
// done with what comes in. It does no input or output and has no clock: whoever drives it hands in frames and the time.
//
// Who may import it: package peer, which is the role; link, which carries the frames; simulation; the bench.
//
// Goroutines: an Engine belongs to nobody; one mutex guards all of it, and every method may be called by any goroutine.
// Config.Applied is called under that mutex, must be quick and must not call the engine. The other functions of Config are
// called without it, by the goroutine that gave cause, and must not wait for anything.
//
// Invariants: what a reader sees of an origin is at every moment a causally closed set of latest records: units are
// applied whole, and only when what they depend on is there. What is not acknowledged is sent again. Memory is
// bounded by the number of records, whatever peers do.
//
// Limits: limits.go for what no setting changes, Settings for the rest.
package engine
