// Package load makes and counts many flows of FCP data frames, for soak tests: a Generator
// that sends as fast as it is told or can, and a Sink that says what has arrived of each
// flow. The frames are good ones, but nobody has logged in for them; Announce claims the
// addresses by VN2VN, so that an appliance can learn the names behind them.
//
// Who may import it: cmd/fcr-sim and tests.
//
// Ownership: a Generator or Sink runs on its caller's goroutine. Only Stop may be called
// from another.
//
// Invariants: the frames of a flow are numbered from 1 in the parameter field, and the sink
// accounts for every number: unique + lost = the highest seen; a duplicate or a late frame
// is counted apart.
//
// Limits: MaxFlows.
package load
