package replica

import "fcredirect/mgmt/peer/record"

// Refs are the changes that the record of a key depends on, own and foreign, as far as they are remembered: those of State, of some
// ten thousand last changes; ok is false when they are not.
func (t *Table) Refs(key record.Key) (refs []record.Ref, ok bool) { return nil, false }

// Closure is the record of a key, and what it depends on in this table, transitively, as far as it is newer than a State
// version that a peer has; in the order of versions. What it depends on in other tables Refs of each of them says. ok is
// false when that is more than max, or not remembered: then the stream up to its head does what the closure would.
func (t *Table) Closure(key record.Key, after uint64, max int) (records []record.Record, ok bool) {
	return nil, false
}
