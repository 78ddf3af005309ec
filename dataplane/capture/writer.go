package capture

import (
	"sync/atomic"
	"unsafe"

	"fcredirect/dataplane/shm"
)

// Writer is an lcore's side of its lane.
type Writer struct {
	lane *Lane
	ring unsafe.Pointer
	size uint64 // of the ring, a power of two
	tail *uint64
	next uint64 // bytes reserved
	seen uint64 // the reader's cursor when last read

	tokens uint64 // bytes that may be copied now
	filled uint64 // TSC at which tokens were added last
}

// Writers gives each lcore its side, none when the segment has no captures.
func Writers(seg *shm.Segment) []*Writer {
	m, ok := find(seg.State, seg.Ctl)
	if !ok {
		return nil
	}
	all := make([]*Writer, len(m.lanes))
	for i, b := range m.lanes {
		all[i] = newWriter(b, &m.cursors[i])
	}
	return all
}

// Control gives the control goroutine its page, its sets and the reader's lease; nil when the segment has no captures.
func Control(seg *shm.Segment) (*Page, []Set, *Lease) {
	m, ok := find(seg.State, seg.Ctl)
	if !ok {
		return nil, nil, nil
	}
	return m.page, m.sets, m.lease
}

func newWriter(lane []byte, cursor *Cursor) *Writer {
	return &Writer{
		lane: (*Lane)(unsafe.Pointer(&lane[0])), ring: unsafe.Pointer(&lane[laneBytes]), size: uint64(len(lane) - laneBytes),
		tail: &cursor.Tail, tokens: rateBurst,
	}
}

// Count is the counters of the capture in a slot, which begin anew with each capture.
func (w *Writer) Count(a *Armed) *Count {
	c := &w.lane.Count[a.Slot%MaxCaptures]
	if c.ID != a.ID {
		*c = Count{}
		atomic.StoreUint32(&c.ID, a.ID)
	}
	return c
}

// Refill adds what the rate allows since the last time.
func (w *Writer) Refill(now, hz, rate uint64) {
	passed := min(now-w.filled, hz) // a second at the most: no overflow below 2^64
	if w.filled == 0 || int64(now-w.filled) < 0 {
		passed = 0
	}
	// Both are well below 2^32 for any machine and rate there is.
	if more := passed * rate / hz; more > 0 || w.filled == 0 {
		w.tokens, w.filled = min(w.tokens+more, rateBurst), now
	}
}

// Affords says whether a record of that many bytes of a frame is within the budget.
func (w *Writer) Affords(kept int) bool { return w.tokens >= uint64(kept+recordBytes) }

// Afford says whether a record of that many bytes of a frame is within the budget, and takes it off.
func (w *Writer) Afford(kept int) bool {
	cost := uint64(kept + recordBytes)
	if w.tokens < cost {
		return false
	}
	w.tokens -= cost
	return true
}

// Put makes a record, with the first r.Kept bytes at data, and returns where they lie now, to be amended before Commit;
// nil when there is no room. It stays invisible until Commit.
func (w *Writer) Put(r *Record, data unsafe.Pointer) unsafe.Pointer {
	size := uint64(recordBytes+int(r.Kept)+recordAlign-1) &^ (recordAlign - 1)
	at := w.next & (w.size - 1)
	fill := uint64(0)
	if rest := w.size - at; rest < size {
		fill = rest
	}
	if !w.room(fill + size) {
		return nil
	}
	if fill > 0 {
		if fill >= uint64(recordBytes) {
			*(*Record)(unsafe.Add(w.ring, at)) = Record{At: w.next, Size: uint32(fill), Flags: FlagFill}
		}
		w.next += fill
		at = 0
	}
	r.At, r.Size = w.next, uint32(size)
	to := unsafe.Add(w.ring, at)
	*(*Record)(to) = *r
	to = unsafe.Add(to, recordBytes)
	copy(unsafe.Slice((*byte)(to), r.Kept), unsafe.Slice((*byte)(data), r.Kept))
	w.next += size
	return to
}

// room says whether n bytes are free. The reader's cursor is read only when they are not known to be.
func (w *Writer) room(n uint64) bool {
	if w.size-(w.next-w.seen) >= n && w.next-w.seen <= w.size {
		return true
	}
	tail := atomic.LoadUint64(w.tail)
	if w.next-tail > w.size { // also when it is ahead of all that was written
		return false
	}
	w.seen = tail
	return w.size-(w.next-w.seen) >= n
}

// Commit lets the reader see what was put.
func (w *Writer) Commit() { atomic.StoreUint64(&w.lane.Head, w.next) }
