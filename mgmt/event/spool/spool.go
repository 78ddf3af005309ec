package spool

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"fcredirect/mgmt/event"
)

var (
	// ErrFull says that there is no room: Commit what waits, or free room by saying what is drained.
	ErrFull = errors.New("the spool is full")
	// ErrGone says that a record is older than what the spool still has.
	ErrGone = errors.New("older than what the spool has")
	// ErrClosed says that the spool was closed.
	ErrClosed = errors.New("the spool is closed")
)

// Options say where the spool is and how large it may become. Zero values take what limits.go says.
type Options struct {
	Dir          string
	Files        Files // nil: Dir on the disk
	SegmentBytes int64
	MaxBytes     int64 // at least SegmentBytes and GroupBytes together
	GroupBytes   int
	Keep         time.Duration // of drained records; negative: none
	KeepRecords  int           // negative: none
	Now          func() time.Time
}

// Stats is what the spool says of itself.
type Stats struct {
	Bytes    int64  `json:"bytes"`
	Files    int    `json:"files"`
	First    uint64 `json:"first"`   // index of the oldest record
	Synced   uint64 `json:"synced"`  // index of the last durable one
	Drained  uint64 `json:"drained"` // index of the last one that the database has
	Commits  uint64 `json:"commits"`
	Failures uint64 `json:"failures"` // commits that failed
	Cut      int64  `json:"cut"`      // torn bytes that Open found and cut
	Damaged  uint64 `json:"damaged"`  // durable records that Open could not read
}

// Spool is an open spool.
type Spool struct {
	// constant
	o     Options
	files Files
	lock  io.Closer
	birth uint64

	// what is written, guarded by writing, which is held during input and output
	writing sync.Mutex
	closed  bool
	pending []byte // records that are not durable yet
	waiting []waiting
	next    uint64          // index of the next record
	marks   map[source]mark // of all records
	settled map[source]mark // of those that are durable
	current File            // the newest file, while it may be written
	serial  uint64
	// unwritable is why Open could not begin a file, nil since one was begun
	unwritable error

	// what is read, guarded by mu
	mu       sync.Mutex
	segments []*segment // oldest first
	dropped  bool       // a file was deleted, and the folder not synced since
	synced   uint64
	drained  uint64
	bases    bases
	stats    Stats
}

// waiting is a record of the group: its offset there, and its mark.
type waiting struct {
	offset int64
	of     source
	mark
}

func (o *Options) complete() {
	set := func(v *int64, byDefault int64) {
		if *v == 0 {
			*v = byDefault
		}
	}
	set(&o.SegmentBytes, SegmentBytes)
	set(&o.MaxBytes, MaxBytes)
	set((*int64)(&o.Keep), int64(Keep))
	if o.GroupBytes == 0 {
		o.GroupBytes = GroupBytes
	}
	if o.KeepRecords == 0 {
		o.KeepRecords = KeepRecords
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Files == nil {
		o.Files = folder(o.Dir)
	}
}

// check refuses bounds under which a full spool would stay full: the newest file is never deleted, and a group must fit
// beside it.
func (o *Options) check() error {
	if least := o.SegmentBytes + int64(o.GroupBytes); o.MaxBytes < least {
		return fmt.Errorf("a bound of %d bytes has no room for a file of %d and a group of %d: want %d or more", o.MaxBytes, o.SegmentBytes, o.GroupBytes, least)
	}
	return nil
}

// name draws a name for a spool or a lineage: 63 bits, as a database has them.
func draw() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails: crypto/rand ends the program instead
	return binary.LittleEndian.Uint64(b[:])>>1 | 1
}

// Seen says whether the event is in the log already, committed or waiting.
func (s *Spool) Seen(o event.Origin) bool {
	s.writing.Lock()
	defer s.writing.Unlock()
	m, ok := s.marks[sourceOf(o)]
	return ok && o.Seq <= m.seq
}

// Append puts a record into the group and gives its index. It is in the log when Commit returns without an error. A
// record whose origin the log has is not taken: the index is 0 then. The payload is copied.
func (s *Spool) Append(r Record) (index uint64, err error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	size := recordBytes(len(r.Payload))
	switch m, ok := s.marks[sourceOf(r.Origin)]; {
	case s.closed:
		return 0, ErrClosed
	case len(r.Payload) > MaxPayload:
		return 0, fmt.Errorf("spool: append a payload of %d bytes: the limit is %d", len(r.Payload), MaxPayload)
	case ok && r.Origin.Seq <= m.seq:
		return 0, nil
	case len(s.pending)+size > s.o.GroupBytes || !s.room(int64(len(s.pending)+size)):
		return 0, ErrFull
	}
	r.Index = s.next
	s.take(&r, s.durable())
	return r.Index, nil
}

// take puts a record into the group.
func (s *Spool) take(r *Record, durable uint64) {
	m := mark{r.Origin.Seq, r.Index}
	s.waiting = append(s.waiting, waiting{int64(len(s.pending)), sourceOf(r.Origin), m})
	s.pending = appendRecord(s.pending, r, durable)
	s.next = r.Index + 1
	s.remember(sourceOf(r.Origin), m)
}

func (s *Spool) durable() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.synced
}

// remember notes the producer's last event, and forgets the producer that was silent longest when they are too many.
func (s *Spool) remember(of source, m mark) {
	if _, known := s.marks[of]; !known && len(s.marks) >= maxMarks {
		oldest, at := source{}, m.index
		for o, m := range s.marks {
			if m.index < at {
				oldest, at = o, m.index
			}
		}
		delete(s.marks, oldest)
		delete(s.settled, oldest)
	}
	s.marks[of] = m
}

// Waiting is how many records the group has.
func (s *Spool) Waiting() int {
	s.writing.Lock()
	defer s.writing.Unlock()
	return len(s.waiting)
}

// Commit makes the group durable. After an error the group still waits, and Commit may be called again; nobody may be
// told of its records before it succeeds. While the spool is Unwritable it tries to begin a file, also without a group.
func (s *Spool) Commit() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.commit()
}

// Unwritable says why the spool can only be read: the disk had no room when it was opened, and no Commit has succeeded since.
func (s *Spool) Unwritable() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	return s.unwritable
}

func (s *Spool) commit() error {
	if s.closed {
		return ErrClosed
	}
	if len(s.waiting) == 0 && s.unwritable == nil {
		return nil
	}
	err := s.write()
	for noRoom(err) && s.dropDrained() {
		err = s.write()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.stats.Failures++
		return fmt.Errorf("spool: commit %d records: %w", len(s.waiting), err)
	}
	s.stats.Commits++
	s.committed()
	return nil
}

func (s *Spool) write() error {
	if s.current != nil {
		newest := s.newest()
		if newest.size+int64(len(s.pending)) <= s.o.SegmentBytes {
			return s.extend(newest)
		}
	}
	return s.roll(s.bases)
}

func (s *Spool) newest() *segment {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.segments[len(s.segments)-1]
}

// extend writes the group behind what the newest file has. After an error the file is never written again.
func (s *Spool) extend(to *segment) error {
	_, err := s.current.WriteAt(s.pending, to.size)
	if err == nil {
		err = s.current.Sync()
	}
	if err != nil {
		s.leave()
	}
	return err
}

// leave ends writing to the newest file.
func (s *Spool) leave() {
	if s.current != nil {
		s.current.Close() // what was committed to it is durable: nothing is lost with an error here
		s.current = nil
	}
}

// roll begins a new file with the group, which may be empty. The one before is not written any more, also after an error:
// then a file may have stayed that makes void what would come behind its beginning, until a newer one makes it void.
func (s *Spool) roll(b bases) (err error) {
	s.leave()
	s.serial++
	seg := &segment{name: segmentName(s.serial), first: s.durable() + 1, created: s.o.Now().UnixNano()}
	h := header{group: s.pending, birth: s.birth, first: seg.first, created: seg.created, bases: b, marks: s.settled}
	content := h.append(nil)
	seg.size = int64(len(content))
	content = append(content, s.pending...)
	f, err := s.files.Create(seg.name)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
			_ = s.files.Remove(seg.name) // what stays is void
		}
	}()
	if _, err = f.WriteAt(content, 0); err != nil {
		return err
	}
	if err = f.Sync(); err != nil {
		return err
	}
	if err = s.files.Sync(); err != nil {
		return err
	}
	s.current, s.unwritable = f, nil
	s.mu.Lock()
	defer s.mu.Unlock()
	seg.end, seg.disk = seg.first, seg.size
	if n := len(s.segments); n > 0 {
		s.segments[n-1].end = seg.first
	}
	s.segments = append(s.segments, seg)
	s.stats.Bytes += seg.disk
	return nil
}

// committed takes the group, which the newest file has now, as durable.
func (s *Spool) committed() {
	newest := s.segments[len(s.segments)-1]
	for _, w := range s.waiting {
		newest.note(w.index, newest.size+w.offset)
		if _, known := s.marks[w.of]; known {
			s.settled[w.of] = w.mark
		}
	}
	newest.size += int64(len(s.pending))
	s.stats.Bytes += newest.size - newest.disk
	newest.disk = newest.size
	s.synced = s.next - 1
	newest.end = s.next
	s.pending, s.waiting = s.pending[:0], s.waiting[:0]
	s.dropVoid()
}

// dropVoid deletes files all of whose records are void.
func (s *Spool) dropVoid() {
	newest := s.segments[len(s.segments)-1]
	s.segments = slices.DeleteFunc(s.segments, func(g *segment) bool {
		if g == newest || g.first < newest.first {
			return false
		}
		s.stats.Bytes -= g.disk
		_ = s.files.Remove(g.name) // if it stays it is void
		return true
	})
}

// Close gives the spool up. What was not committed is not in the log.
func (s *Spool) Close() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var err error
	if s.current != nil {
		err = s.current.Close()
	}
	return errors.Join(err, s.lock.Close())
}

// Lineage names the numbering: it is new when Rebase gave records other numbers.
func (s *Spool) Lineage() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bases[len(s.bases)-1].lineage
}

// Birth names the spool for ever.
func (s *Spool) Birth() uint64 { return s.birth }

// Number is the number of the record with an index.
func (s *Spool) Number(index uint64) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bases.number(index)
}

// Index is the index of the record with a number; false when the spool never had one of that number.
func (s *Spool) Index(number uint64) (uint64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bases.index(number)
}

// Renumber gives the number that an event has now which had this one under another lineage.
func (s *Spool) Renumber(number, lineage uint64) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bases.renumber(number, lineage)
}

// After is the first record with a number above this one, of those that the spool has: one that is yet to come if none.
func (s *Spool) After(number uint64) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	low, high := s.first(), s.synced+1
	for low < high {
		if mid := (low + high) / 2; s.bases.number(mid) <= number {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

// Knows says whether the numbering has, or once had, this lineage.
func (s *Spool) Knows(lineage uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bases.knows(lineage)
}

// Rebase gives the records from an index on new numbers, which begin with number, or a higher one if the records had
// that: numbers only go up. The lineage is a new one. It is durable when it returns without an error; else nothing has
// changed.
func (s *Spool) Rebase(index, number uint64) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if s.closed {
		return ErrClosed
	}
	first, _ := s.Range()
	now := s.bases.without(first)
	if len(now) == maxBases {
		return fmt.Errorf("spool: rebase record %d to number %d: it was done %d times already", index, number, maxBases)
	}
	number = max(number, index+now[len(now)-1].add)
	now = append(now, base{from: index, add: number - index, lineage: draw()})
	if err := s.roll(now); err != nil {
		return fmt.Errorf("spool: rebase record %d to number %d: %w", index, number, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bases = now
	s.committed()
	return nil
}

// Stats may be called at any time.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.stats
	st.Files, st.First, st.Synced, st.Drained = len(s.segments), s.first(), s.synced, s.drained
	return st
}
