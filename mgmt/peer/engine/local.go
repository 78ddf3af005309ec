package engine

import (
	"errors"
	"fmt"

	"fcredirect/mgmt/peer/record"
	"fcredirect/mgmt/peer/replica"
)

// Put makes fields the latest of a record of ours. A Ref of version 0 means the version that we have of its key now.
func (e *Engine) Put(now int64, lane record.Lane, key record.Key, fields []uint64, refs ...record.Ref) error {
	e.mu.Lock()
	defer e.unlock()
	return e.put(now, lane, key, fields, refs)
}

// Delete takes a record of ours away. One that is not there is no error.
func (e *Engine) Delete(now int64, lane record.Lane, key record.Key, refs ...record.Ref) error {
	e.mu.Lock()
	defer e.unlock()
	return e.remove(now, lane, key, refs)
}

// Batch makes many changes under one lock. All of State become visible elsewhere at once, and all of Counts, but for immediate
// ones, which may be seen before the rest.
type Batch struct {
	e   *Engine
	now int64
}

// Batch calls f, which must not call the engine but by b.
func (e *Engine) Batch(now int64, f func(b *Batch)) {
	e.mu.Lock()
	defer e.unlock()
	f(&Batch{e, now})
}

// Put is Engine.Put.
func (b *Batch) Put(lane record.Lane, key record.Key, fields []uint64, refs ...record.Ref) error {
	return b.e.put(b.now, lane, key, fields, refs)
}

// Delete is Engine.Delete.
func (b *Batch) Delete(lane record.Lane, key record.Key, refs ...record.Ref) error {
	return b.e.remove(b.now, lane, key, refs)
}

func (e *Engine) put(now int64, lane record.Lane, key record.Key, fields []uint64, refs []record.Ref) error {
	if lane >= record.NumLanes {
		return fmt.Errorf("put %v %#x: no lane %d", key.Kind, key.ID, lane)
	}
	refs = e.resolve(key.Kind.Stream(), refs)
	if _, err := e.own().table.Put(key, fields, refs...); err != nil {
		if errors.Is(err, replica.ErrFull) {
			err = ErrFull
		}
		return fmt.Errorf("put %v %#x: %w", key.Kind, key.ID, err)
	}
	e.changed(now, lane, key)
	return nil
}

func (e *Engine) remove(now int64, lane record.Lane, key record.Key, refs []record.Ref) error {
	if lane >= record.NumLanes || !key.Kind.Known() {
		return fmt.Errorf("delete %v %#x: no such kind or lane", key.Kind, key.ID)
	}
	refs = e.resolve(key.Kind.Stream(), refs)
	if _, ok := e.own().table.Delete(key, refs...); ok {
		e.changed(now, lane, key)
	}
	return nil
}

// resolve gives each ref the version that it means, and makes the stream depend on it. Order within a stream is implied, and
// State waits for no counts. What we have never seen nobody can depend on.
func (e *Engine) resolve(stream record.Stream, refs []record.Ref) []record.Ref {
	e.refs = e.refs[:0]
	own := e.own()
	for _, r := range refs {
		of := r.Key.Kind.Stream()
		if int(r.Origin) >= len(e.origins) || !r.Key.Kind.Known() || stream == record.State && of != record.State {
			continue
		}
		o := e.origins[r.Origin]
		seen := o.table.Version(r.Key)
		if r.Version == 0 || r.Version > seen {
			r.Version = seen
		}
		if r.Version == 0 {
			continue
		}
		if o != own || of != stream {
			own.needs[stream].raise(r.Origin, of, mark{o.incarnation, r.Version})
		}
		e.refs = append(e.refs, r)
	}
	return e.refs
}

// changed says when the peers must have a change that was just made.
func (e *Engine) changed(now int64, lane record.Lane, key record.Key) {
	e.stats.Changes[lane]++
	e.lanes.count(now, &e.cfg.Settings, &e.stats.Bursts)
	due := now + e.lanes.window(now, lane, &e.cfg.Settings)
	for _, p := range e.peers {
		if p == nil {
			continue
		}
		f := &p.flows[e.self][key.Kind.Stream()]
		f.changes++
		if f.since[lane] == 0 {
			f.since[lane] = max(now, 1)
		}
		if lane == record.Immediate {
			e.ahead(p, f, key)
		}
		at := due
		if f.changes*changeBytes >= uint64(e.cfg.Settings.UnitBytes) {
			at = now
		}
		if at < f.due {
			f.due = at
			e.wake(p.carrier(f), at)
		}
	}
}
