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
			e.to.info.Full++
		}
		e.lost++
		e.to.info.Lost++
		return nil
	}
	item := e.to.reserve(tsc, KindEvent, lane, 0)
	item.Header().Type = t
	return item
}

// Commit publishes what Put gave, and the gap record before it if there is one.
func (e *Events) Commit() {
	e.to.commit()
	if in := e.to.info; in.Told != in.Lost-e.lost {
		in.Told = in.Lost - e.lost
		in.Gaps++
	}
}

// HalfFree says whether more than half of the ring has room: for what can be told later, and must not take it from what cannot.
func (e *Events) HalfFree() bool {
	half := e.to.ring.Items() / 2
	return e.to.ring.Free(half+1) > half
}

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
	*g = GapItem{Header: g.Header, Lost: e.lost, First: e.first, Total: e.to.info.Lost}
	e.lost = 0
	return true
}

// recall takes up what a data plane before us had lost and not told of. It may have been killed when the gap record stood
// in the ring, the last item or the last but one, and the note of it did not: an event would be missing twice.
func (e *Events) recall() {
	in := e.to.info
	for n := uint64(1); n <= 2; n++ {
		if last := (*Item)(e.to.ring.Last(n)); last != nil && last.Header().Kind == KindGap && last.Gap().Total-in.Told <= in.Lost-in.Told {
			in.Told = last.Gap().Total
			break
		}
	}
	e.lost = in.Lost - in.Told
}
