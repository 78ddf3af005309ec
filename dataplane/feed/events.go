package feed

// Events is the producer's side of a ring of events. Events are facts: they are not merged, and those that find the ring
// full are counted; a gap record says how many, at the place where they are missing.
type Events struct {
	to    sink
	lost  uint64 // not told of yet
	first uint64 // TSC of the first of them
}

// Put gives the next item to fill, its header filled in, or nil when the ring is full: then the event is counted as
// lost. Commit publishes.
func (e *Events) Put(tsc uint64, t Type, lane Lane) *Item {
	e.gap(tsc, 1)
	if e.lost > 0 || e.to.ring.Free(1) == 0 {
		if e.lost == 0 {
			e.first = tsc
			e.to.wasFull()
		}
		e.lost++
		e.to.info.Lost++
		return nil
	}
	item := e.to.reserve(tsc, KindEvent, lane, 0)
	item.Header().Type = t
	return item
}

// Commit publishes what Put gave.
func (e *Events) Commit() { e.to.commit() }

// Room says whether an event would find room now.
func (e *Events) Room() bool { return e.to.ring.Free(2) >= 2 }

// Tick tells of lost events as soon as there is room, and looks whether a broken ring was mended.
func (e *Events) Tick(now uint64) {
	if e.to.wishes(); e.to.ring.Broken() {
		return
	}
	if e.gap(now, 0) {
		e.Commit()
	}
}

// gap puts the record of lost events into the ring, if there are any and it leaves room for more items.
func (e *Events) gap(now uint64, more int) bool {
	if e.lost == 0 || e.to.ring.Free(1+more) < 1+more {
		return false
	}
	g := e.to.reserve(now, KindGap, Immediate, 0).Gap()
	g.Lost, g.First = e.lost, e.first
	e.to.info.Gaps++
	e.to.info.Told += e.lost
	e.lost = 0
	return true
}
