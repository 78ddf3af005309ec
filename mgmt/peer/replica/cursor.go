package replica

import "fcredirect/mgmt/peer/record"

// Cursor goes through a stream in the order of versions, and sees changes that are made meanwhile. A record that changes before
// the cursor has come to it is met once, later. So what lies behind the cursor is complete only for records that do not depend
// on each other (Counts), or when it has come to the end; where a unit must be whole, take a Cut.
type Cursor struct{}

// Cursor starts after a version.
func (t *Table) Cursor(stream record.Stream, after uint64) Cursor { return Cursor{} }

// Next fills buf with the next records, tombstones included. Everything up to version to that has not changed again has been
// given; done says that this is the head. It may be called again later, for what came since.
func (c *Cursor) Next(buf []record.Record) (n int, to uint64, done bool) { return 0, 0, true }

// Needs is the highest State version of the own origin that the records given so far refer to. Of Counts only; for the
// table of another origin it is the State that is applied.
func (c *Cursor) Needs() uint64 { return 0 }

// Cut is what a stream has between two versions, as it is now: what changes afterwards is given as it was. It always ends, however
// fast changes come. What it costs is a copy of each record that changes before the cut has come to it. It must be closed, unless
// it came to its end.
type Cut struct{}

// Cut makes one of everything after a version, up to the head.
func (t *Table) Cut(stream record.Stream, after uint64) *Cut { return &Cut{} }

// From is the version that it starts after, exclusive.
func (c *Cut) From() uint64 { return 0 }

// To is the version that whoever has all of it stands at.
func (c *Cut) To() uint64 { return 0 }

// Next fills buf with the next records, tombstones included, mostly in the order of versions. After done it is closed.
func (c *Cut) Next(buf []record.Record) (n int, done bool) { return 0, true }

// Close gives up what it holds.
func (c *Cut) Close() {}

// Pending is how many records, at most, a stream has after a version.
func (t *Table) Pending(stream record.Stream, after uint64) int { return 0 }
