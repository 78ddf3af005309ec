package spool

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"strconv"
	"strings"
)

// How Open finds its way. Files are numbered; the newest header is the truth about everything but the last group.
//
//  1. begin: reads the header of each file, and what remains of files whose header is damaged. Each says with which
//     record it begins, which makes the records from there on in older files void. A file counts when it was finished.
//  2. scan: reads all records that are not void. What the headers and the records say was durable is S.
//  3. tail: the records after S, without a gap, are written once more, into a new file: they were never known to be
//     durable. What follows a gap there is torn, and cut.
//
// Where the disk has no room for that file, what follows S is written over itself where it is (again), and the spool can
// be read. Nothing is deleted then: the files have the numbering.

const suffix = ".seg"

func segmentName(serial uint64) string { return fmt.Sprintf("%012d%s", serial, suffix) }

// found is a file of the spool with what its header says.
type found struct {
	name  string
	first uint64
	limit uint64 // records from here on are void
	*scanned
}

// Open opens the spool in its folder, which it makes if there is none. On a disk that is full it opens one that can be
// read: Unwritable says so.
func Open(o Options) (*Spool, error) {
	o.complete()
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("spool: open %s: %w", o.Dir, err)
	}
	lock, err := o.Files.Lock()
	if err != nil {
		return nil, fmt.Errorf("spool: open %s: %w", o.Dir, err)
	}
	s := &Spool{o: o, files: o.Files, lock: lock, marks: map[source]mark{}, settled: map[source]mark{}}
	if err := s.recover(); err != nil {
		lock.Close()
		return nil, fmt.Errorf("spool: open %s: %w", o.Dir, err)
	}
	return s, nil
}

func (s *Spool) recover() error {
	list, void, err := s.begin()
	if err != nil {
		return err
	}
	s.birth = draw()
	s.bases = bases{{from: 1, lineage: s.birth}}
	for _, f := range list {
		if err := s.scan(f, f.limit); err != nil {
			return err
		}
		if s.synced = max(s.synced, f.synced); f.head != nil {
			s.synced = max(s.synced, f.head.first-1)
			s.birth, s.bases = f.head.birth, f.head.bases
		}
	}
	if err := s.tail(list); err != nil {
		return err
	}
	s.adopt(list)
	// Always a new file: what is in the old ones was read, but a process that was killed may not have synced it.
	if err := s.roll(s.bases); noRoom(err) {
		s.unwritable = err
		return s.again(list)
	} else if err != nil {
		return err
	}
	s.committed()
	for _, f := range list {
		if f.seen == 0 {
			void = append(void, f.name)
		}
	}
	for _, name := range void {
		_ = s.files.Remove(name) // if it stays it is void
	}
	return nil
}

// begin lists the files, oldest first, each with the record that it begins with; void are those that say nothing. The
// newest ones may be of starts that were cut short: what they were to make void still holds.
func (s *Spool) begin() (list []*found, void []string, err error) {
	names, err := s.files.List()
	if err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		digits, ours := strings.CutSuffix(name, suffix)
		serial, err := strconv.ParseUint(digits, 10, 63)
		if !ours || err != nil {
			continue
		}
		s.serial = max(s.serial, serial)
		f := &found{name: name, limit: math.MaxUint64}
		if f.first, err = s.firstOf(f); err != nil {
			return nil, nil, err
		}
		if f.first == 0 {
			void = append(void, name)
			continue
		}
		list = append(list, f)
	}
	for n := len(list) - 1; n >= 0; n-- {
		if err := s.scan(list[n], math.MaxUint64); err != nil {
			return nil, nil, err
		}
		if list[n].finished() {
			break
		}
		s.stats.Cut += list[n].disk
		void, list = append(void, list[n].name), list[:n]
	}
	for i, f := range list {
		for _, older := range list[:i] {
			older.limit = min(older.limit, f.first)
		}
	}
	return list, void, nil
}

// firstOf is the record with which a file begins, 0 when nothing in it can be read.
func (s *Spool) firstOf(f *found) (uint64, error) {
	b, err := readAll(s.files, f.name, maxHeader)
	if err != nil {
		return 0, err
	}
	head, _, err := parseHeader(b)
	if head != nil {
		return head.first, nil
	}
	if err != nil {
		return 0, fmt.Errorf("%s: %w", f.name, err)
	}
	if err := s.scan(f, math.MaxUint64); err != nil {
		return 0, err
	}
	if f.scanned.first == 0 {
		s.stats.Cut += f.disk
	}
	return f.scanned.first, nil
}

// scan reads a file: records from limit on are void.
func (s *Spool) scan(f *found, limit uint64) error {
	b, err := readAll(s.files, f.name, maxFile)
	if err == nil {
		f.scanned, err = scan(b, limit)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	f.scanned.name = f.name
	return nil
}

// tail takes what follows the last record that is known to be durable into the group. Then the files are as if it had
// never been in them.
func (s *Spool) tail(list []*found) error {
	var records []Record
	for _, f := range list {
		if f.end <= s.synced+1 {
			continue
		}
		b, err := readAll(s.files, f.name, maxFile)
		if err != nil {
			return err
		}
		for off, ok := 0, true; ; {
			want := s.synced + 1 + uint64(len(records))
			if off, ok = nextRecord(b, off, want, f.limit); !ok {
				break
			}
			r, _, size, _ := parseRecord(b[off:])
			if r.Index != want {
				break
			}
			records = append(records, r)
			off += size
		}
		if err := s.scan(f, min(f.limit, s.synced+1)); err != nil {
			return err
		}
		s.stats.Cut += f.disk - f.size
	}
	for _, f := range list {
		if f.head != nil {
			maps.Copy(s.settled, f.head.marks)
		}
		maps.Copy(s.settled, f.marks)
	}
	for o, m := range s.settled {
		s.remember(o, m)
	}
	s.next = s.synced + 1
	for i := range records {
		s.take(&records[i], s.synced)
	}
	s.stats.Cut -= int64(len(s.pending))
	return nil
}

// again makes the records of the group durable where they were found, when there is no room to write them anew. They are
// written over themselves, which takes no room where a disk writes in place: so the sync that follows cannot take for
// clean what an earlier one has failed to write.
func (s *Spool) again(list []*found) error {
	for _, f := range list {
		if f.limit <= s.synced+1 {
			continue // it has none of them
		}
		from := f.size
		if f.seen == 0 {
			from = 0 // the header came with them
		}
		if err := s.scan(f, min(f.limit, s.next)); err != nil {
			return err
		}
		if f.end <= s.synced+1 || f.seen == 0 {
			continue
		}
		if err := s.overwrite(f, from); err != nil {
			return fmt.Errorf("%s: write the last records over themselves, because %w: %w", f.name, s.unwritable, err)
		}
	}
	if err := s.files.Sync(); err != nil {
		return err
	}
	for _, w := range s.waiting {
		s.settled[w.of] = w.mark
	}
	s.synced = s.next - 1
	s.pending, s.waiting = s.pending[:0], s.waiting[:0]
	s.segments, s.stats.Bytes, s.stats.Damaged = nil, 0, 0
	s.adopt(list)
	return nil
}

// overwrite writes what a file has from an offset on once more.
func (s *Spool) overwrite(f *found, from int64) error {
	b, err := readAll(s.files, f.name, f.size)
	if err != nil {
		return err
	}
	to, err := s.files.Reopen(f.name)
	if err != nil {
		return err
	}
	if _, err = to.WriteAt(b[from:], from); err == nil {
		err = to.Sync()
	}
	return errors.Join(err, to.Close())
}

// adopt takes the files into the list. The last one ends with what was durable: what is missing there was damaged.
func (s *Spool) adopt(list []*found) {
	for _, f := range list {
		s.adoptOne(f)
	}
	if n := len(s.segments); n > 0 {
		last := s.segments[n-1]
		s.stats.Damaged += s.synced + 1 - last.end
		last.end = s.synced + 1
	}
}

// adoptOne takes a file. The one before it ends where it begins; what is missing there was damaged.
func (s *Spool) adoptOne(f *found) {
	if f.seen == 0 {
		return
	}
	seg := f.segment
	if n := len(s.segments); n > 0 {
		last := s.segments[n-1]
		s.stats.Damaged += seg.first - last.end
		last.end = seg.first
	}
	s.stats.Damaged += seg.end - seg.first - f.seen
	s.segments = append(s.segments, &seg)
	s.stats.Bytes += seg.disk
}
