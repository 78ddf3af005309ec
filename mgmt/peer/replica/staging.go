package replica

import "fcredirect/mgmt/peer/record"

// Staging is a unit on its way into the table of another origin. Nothing of it can be seen before Commit, and all of it after.
type Staging struct{}

// Stage begins a unit that moves the stream from a version (exclusive) to another. With reset, from is 0 and the unit replaces
// everything that the table has of the stream.
func (t *Table) Stage(stream record.Stream, from, to uint64, reset bool) *Staging { return &Staging{} }

// From is the version that the table must have reached.
func (s *Staging) From() uint64 { return 0 }

// To is the version that the table has after Commit.
func (s *Staging) To() uint64 { return 0 }

// Len is how many records it has: one for each key.
func (s *Staging) Len() int { return 0 }

// Add takes a record of the unit. Of two of the same key the newer stays. ErrFull, ErrUnknown, ErrVersion; the unit is
// then not to be committed.
func (s *Staging) Add(r *record.Record) error { return nil }

// Extend takes over the whole unit that follows, so that both are applied as one. next is gone after that. ErrGap when it
// does not begin where s ends, or before.
func (s *Staging) Extend(next *Staging) error { return nil }

// Commit applies the unit at once and is the end of it. changed, if not nil, is called for each record that now looks
// different, in the order of versions, when all of them do; those that a reset took away come first, as Gone with the unit's version.
// A unit that moves the stream nowhere changes nothing and is no error. On an error (ErrGap, ErrVersion, ErrFull)
// nothing was applied.
func (s *Staging) Commit(changed func(*record.Record)) error { return nil }

// Discard drops the unit.
func (s *Staging) Discard() {}

// Express applies records that are ahead of their stream, at once and merged by version: they can be seen (Get, Each), but neither
// move a stream nor count in its digest or cursors before the stream gets there. changed is as in Commit.
func (t *Table) Express(records []record.Record, changed func(*record.Record)) error { return nil }

// Early is how many records there are ahead of their stream.
func (t *Table) Early() int { return 0 }
