package engine

import (
	"fcredirect/mgmt/peer/record"
)

// Batch makes many changes under one lock.
type Batch struct{ e *Engine }

// Put makes fields the latest of a record of ours. A Ref of version 0 means the version that we have of its key now.
func (e *Engine) Put(now int64, lane record.Lane, key record.Key, fields []uint64, refs ...record.Ref) error {
	return nil
}

// Delete takes a record of ours away. One that is not there is no error.
func (e *Engine) Delete(now int64, lane record.Lane, key record.Key, refs ...record.Ref) error {
	return nil
}

// Batch lets f make many changes under one lock. f must not call the engine but by b.
func (e *Engine) Batch(now int64, f func(b *Batch)) {}

// Put is Engine.Put.
func (b *Batch) Put(lane record.Lane, key record.Key, fields []uint64, refs ...record.Ref) error {
	return nil
}

// Delete is Engine.Delete.
func (b *Batch) Delete(lane record.Lane, key record.Key, refs ...record.Ref) error { return nil }
