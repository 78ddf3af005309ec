package capture

import (
	"errors"
	"fmt"
	"sync/atomic"
	"unsafe"

	"fcredirect/dataplane/shm"
)

// ErrNone says that the data plane makes no captures: its boot file says so.
var ErrNone = errors.New("capture: the data plane has no room for captures: its boot file has capture.ring 0")

// ErrTorn says that a ring does not hold records where they should be: the reader was overtaken by a new start of the
// data plane, or another reader. Begin goes on from what comes next.
var ErrTorn = errors.New("capture: the ring holds no record here")

// Reader reads the lanes of all lcores.
type Reader struct {
	page  *Page
	lease *Lease
	lanes []readLane
}

type readLane struct {
	lane *Lane
	ring []byte
	tail *uint64
	next uint64 // bytes read
	end  uint64 // of the record that was looked at
}

// NewReader makes a reader over a mapped segment. It has nothing to read before Begin.
func NewReader(state, ctl *shm.File) (*Reader, error) {
	m, ok := find(state, ctl)
	if !ok {
		return nil, ErrNone
	}
	r := &Reader{page: m.page, lease: m.lease}
	for i, b := range m.lanes {
		r.lanes = append(r.lanes, newReadLane(b, &m.cursors[i]))
	}
	return r, nil
}

func newReadLane(lane []byte, cursor *Cursor) readLane {
	return readLane{lane: (*Lane)(unsafe.Pointer(&lane[0])), ring: lane[laneBytes:], tail: &cursor.Tail}
}

// Lanes is how many there are: one per lcore.
func (r *Reader) Lanes() int { return len(r.lanes) }

// Begin passes over all that stands in a lane.
func (r *Reader) Begin(lane int) { r.lanes[lane].begin() }

func (l *readLane) begin() {
	l.next = atomic.LoadUint64(&l.lane.Head)
	l.end = l.next
	atomic.StoreUint64(l.tail, l.next)
}

// Peek is the next record of a lane and the bytes of its frame, which stay where they are until it is taken and released.
// False without an error: there is none.
func (r *Reader) Peek(lane int, rec *Record) (frame []byte, ok bool, err error) {
	return r.lanes[lane].peek(rec)
}

// Take goes on behind the record that Peek gave last.
func (r *Reader) Take(lane int) { r.lanes[lane].next = r.lanes[lane].end }

func (l *readLane) peek(rec *Record) (frame []byte, ok bool, err error) {
	size := uint64(len(l.ring))
	for range 2 { // the second time behind what fills the end
		head := atomic.LoadUint64(&l.lane.Head)
		waiting := head - l.next
		if waiting == 0 {
			return nil, false, nil
		}
		at := l.next & (size - 1)
		rest := size - at
		if waiting > size || l.next%recordAlign != 0 {
			return nil, false, ErrTorn
		}
		if rest < uint64(recordBytes) {
			l.next += rest
			continue
		}
		*rec = *(*Record)(unsafe.Pointer(&l.ring[at])) // once: what is checked is what is used
		n := uint64(rec.Size)
		if rec.At != l.next || n < uint64(recordBytes) || n > min(rest, waiting) || n%recordAlign != 0 {
			return nil, false, ErrTorn
		}
		if rec.Flags&FlagFill != 0 {
			if n != rest {
				return nil, false, ErrTorn
			}
			l.next += n
			continue
		}
		if uint64(rec.Kept) > n-uint64(recordBytes) || uint32(rec.Kept) > rec.Len {
			return nil, false, ErrTorn
		}
		begin := at + uint64(recordBytes)
		end := begin + uint64(rec.Kept)
		l.end = l.next + n
		return l.ring[begin:end:end], true, nil
	}
	return nil, false, nil
}

// Release gives what was taken of a lane back to its lcore.
func (r *Reader) Release(lane int) {
	l := &r.lanes[lane]
	atomic.StoreUint64(l.tail, l.next)
}

// Renew keeps the captures of an owner alive: to be called every second or so.
func (r *Reader) Renew(owner uint64) {
	atomic.StoreUint64(&r.lease.Owner, owner)
	atomic.AddUint64(&r.lease.Beat, 1)
}

// Owner is the reader whose captures the data plane makes.
func (r *Reader) Owner() uint64 { return atomic.LoadUint64(&r.page.Owner) }

// Slot is the place of a capture as the data plane has it.
func (r *Reader) Slot(i uint32) (Slot, error) {
	if i >= MaxCaptures {
		return Slot{}, fmt.Errorf("capture: slot %d of %d", i, MaxCaptures)
	}
	s := &r.page.Slots[i]
	return Slot{ID: atomic.LoadUint32(&s.ID), State: atomic.LoadUint32(&s.State), From: atomic.LoadUint32(&s.From),
		Until: atomic.LoadUint32(&s.Until), Patterns: atomic.LoadUint32(&s.Patterns)}, nil
}

// Count is what all lcores counted for a capture.
func (r *Reader) Count(slot, id uint32) (sum Count) {
	sum.ID = id
	for i := range r.lanes {
		c := &r.lanes[i].lane.Count[slot%MaxCaptures]
		if atomic.LoadUint32(&c.ID) != id {
			continue
		}
		sum.Matched += atomic.LoadUint64(&c.Matched)
		sum.Copied += atomic.LoadUint64(&c.Copied)
		sum.Bytes += atomic.LoadUint64(&c.Bytes)
		sum.Budget += atomic.LoadUint64(&c.Budget)
		sum.Full += atomic.LoadUint64(&c.Full)
	}
	return sum
}
