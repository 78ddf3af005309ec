// Package wire is what two nodes say to each other: frames, the messages in them, and the columns that records travel in.
//
// The way of a unit of records, and the file of each stage:
//
//  1. unit.go: who is the origin, from which version to which, what must be applied before
//  2. encoder.go: the records become columns, one for each field; a field is said as its difference from what this
//     connection said of the same key last (dictionary.go), or from the record before
//  3. column.go, pack.go: each column is written the shortest of six ways
//  4. zstd.go: the columns are compressed, when that pays
//  5. frame.go: length, type, number, checksum
//
// decoder.go goes the same way back. hello.go and message.go are everything that is not records.
//
// Who may import it: mgmt/peer/engine, mgmt/peer/link, and what tests and measures them.
//
// Ownership: an Encoder and a Decoder belong to one direction of one connection, and to one goroutine at a time. They have
// no goroutine, no clock and no lock. The zstd coders behind them are shared by the process.
//
// Invariants: a Decoder that was given every frame of an Encoder in order holds the same dictionary. So an error of either
// is the end of the connection. What is read comes from another machine: each length is bounded before memory is taken or
// time is spent, and nothing that is read makes it panic.
//
// Limits: limits.go.
package wire
