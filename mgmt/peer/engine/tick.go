package engine

import (
	"errors"

	"fcredirect/mgmt/peer/record"
	"fcredirect/mgmt/peer/wire"
)

// ticks is what happens by time alone.
type ticks struct {
	collectAt int64
	heads     [maxNodes][keepMarks]mark // of State and Counts together: where origins stood in the past
	filled    int
	next      int
	headAt    int64
}

const keepMarks = 16 // TombstoneKeep is measured in as many steps

var errSilent = errors.New("nothing was heard for too long")

// Tick does what is due by time alone. Call it again at next, or sooner.
func (e *Engine) Tick(now int64) (next int64) {
	e.mu.Lock()
	defer e.unlock()
	s := &e.cfg.Settings
	for _, p := range e.peers {
		if p == nil {
			continue
		}
		for _, c := range p.conns {
			if c != nil && now-c.heard >= int64(s.SilentAfter) {
				c.end(now, wire.Silent, errSilent)
			}
		}
	}
	e.miss(now)
	e.tellDigests(now)
	if now >= e.ticks.collectAt {
		e.ticks.collectAt = now + int64(min(s.DigestEvery, s.TombstoneKeep/(keepMarks-1)))
		e.collect(now)
	}
	return now + int64(s.WantAfter)/2
}

// collect forgets tombstones that every configured node has, and those that are too old. Whoever was away so long is told
// everything anew.
func (e *Engine) collect(now int64) {
	old := e.remember(now)
	for slot, o := range e.origins {
		if o.table.Tombstones() == 0 {
			continue
		}
		var upTo [record.NumStreams]uint64
		for s := range record.NumStreams {
			upTo[s] = o.table.Head(s)
			for other, p := range e.peers {
				if p == nil || other == slot {
					continue
				}
				if has := &p.positions[slot]; has.Incarnation != o.incarnation {
					upTo[s] = 0
				} else {
					upTo[s] = min(upTo[s], has.Applied[s])
				}
			}
			if m := old[slot]; m.incarnation == o.incarnation {
				upTo[s] = max(upTo[s], min(m.version, o.table.Head(s)))
			}
		}
		if n := o.table.Collect(upTo); n > 0 {
			e.stats.Collected += uint64(n)
		}
		e.recut(now, o)
	}
}

// recut begins units anew that had passed by deletions that were now forgotten.
func (e *Engine) recut(now int64, o *origin) {
	for _, p := range e.peers {
		if p == nil {
			continue
		}
		for s := range record.NumStreams {
			if f := &p.flows[o.slot][s]; f.cut != nil && !f.reset && f.cut.From() < o.table.Floor(s) {
				p.rewind(f, now)
			}
		}
	}
}

// remember notes where each origin stands, and returns where it stood TombstoneKeep ago. One counter gives the versions of
// all streams, so the higher head stands for both.
func (e *Engine) remember(now int64) (old [maxNodes]mark) {
	t := &e.ticks
	step := int64(e.cfg.Settings.TombstoneKeep) / (keepMarks - 1)
	if t.filled > 0 && now < t.headAt+step {
		return old
	}
	t.headAt = now
	for slot, o := range e.origins {
		if t.filled == keepMarks {
			old[slot] = t.heads[slot][t.next]
		}
		t.heads[slot][t.next] = mark{o.incarnation, max(o.table.Head(record.State), o.table.Head(record.Counts))}
	}
	t.next = (t.next + 1) % keepMarks
	t.filled = min(t.filled+1, keepMarks)
	return old
}
