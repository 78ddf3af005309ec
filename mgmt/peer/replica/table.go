package replica

import "fcredirect/mgmt/peer/record"

// Table has the records of one origin. The zero value is not usable; see New.
type Table struct {
	origin      uint8
	incarnation uint64
}

// New makes an empty table of an origin's incarnation.
func New(origin uint8, incarnation uint64, limits Limits) *Table {
	return &Table{origin: origin, incarnation: incarnation}
}

// Origin is the slot of the node whose records these are.
func (t *Table) Origin() uint8 { return t.origin }

// Incarnation is that of the origin which gave the versions.
func (t *Table) Incarnation() uint64 { return t.incarnation }

// Put makes fields the latest of key and returns the version of that change; refs are the changes that it depends on. For
// the table of the own origin only. Missing fields are zero. ErrFull, ErrUnknown.
func (t *Table) Put(key record.Key, fields []uint64, refs ...record.Ref) (version uint64, err error) {
	return 0, nil
}

// Delete leaves a tombstone for key, and returns the version of that change; ok is false when there is no such record.
// For the table of the own origin only.
func (t *Table) Delete(key record.Key, refs ...record.Ref) (version uint64, ok bool) { return 0, false }

// Get is the live record of a key.
func (t *Table) Get(key record.Key) (record.Record, bool) { return record.Record{}, false }

// Version is that of the last change of key, its deletion included; 0 when nothing is known of it.
func (t *Table) Version(key record.Key) uint64 { return 0 }

// Each calls f for each live record of a kind, in no order, until f returns false. The record is valid during the call only,
// and f must not change the table.
func (t *Table) Each(kind record.Kind, f func(*record.Record) bool) {}

// Len is how many live records of a kind there are.
func (t *Table) Len(kind record.Kind) int { return 0 }

// Head is the version up to which the stream stands: of the own origin its last change, of another what is applied.
func (t *Table) Head(stream record.Stream) uint64 { return 0 }

// Floor is the highest version of a tombstone that was collected. Whoever stands below it cannot be told of all deletions
// any more, and needs a unit with reset.
func (t *Table) Floor(stream record.Stream) uint64 { return 0 }

// Tombstones is how many deleted records are kept.
func (t *Table) Tombstones() int { return 0 }

// Collect forgets the tombstones whose versions are at most upTo of their stream, and returns how many those were.
func (t *Table) Collect(upTo [record.NumStreams]uint64) (collected int) { return 0 }

// Memory is how many bytes the table holds.
func (t *Table) Memory() int { return 0 }
