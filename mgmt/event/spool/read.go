package spool

import (
	"errors"
	"fmt"
	"os"
)

// Range is the index of the oldest record, and that of the newest durable one; when that is smaller there is none.
func (s *Spool) Range() (first, last uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.first(), s.synced
}

// Read gives durable records from an index on, in order and without a gap: at most max, and not more than fit into a read
// of some 256 KiB. None means that there is none yet. ErrGone: older than what the spool has.
func (s *Spool) Read(from uint64, max int) ([]Record, error) {
	for {
		name, off, stop, end, err := s.find(from)
		if err != nil || end == 0 {
			return nil, err
		}
		records, err := s.readFrom(name, off, stop, from, end, max)
		if errors.Is(err, os.ErrNotExist) {
			if first, _ := s.Range(); first > from {
				return nil, ErrGone // it was deleted meanwhile
			}
		}
		if err != nil {
			return nil, fmt.Errorf("spool: read record %d from %s: %w", from, name, err)
		}
		return records, nil
	}
}

// find says in which file a record is, between which offsets, and before which record the file ends.
func (s *Spool) find(from uint64) (name string, off, stop int64, end uint64, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case from == 0 || from < s.first():
		return "", 0, 0, 0, ErrGone
	case from > s.synced:
		return "", 0, 0, 0, nil
	}
	low, high := 0, len(s.segments)
	for high-low > 1 {
		if mid := (low + high) / 2; s.segments[mid].first <= from {
			low = mid
		} else {
			high = mid
		}
	}
	g := s.segments[low]
	return g.name, g.before(from), g.size, g.end, nil
}

// readFrom reads records of a file, [from, end). What is missing there, or cannot be read, is given as damaged.
func (s *Spool) readFrom(name string, off, stop int64, from, end uint64, max int) ([]Record, error) {
	f, err := s.files.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := section(f, off, min(stop, off+readBytes))
	if err != nil {
		return nil, err
	}
	records, damaged := parse(b, from, end, max)
	if damaged {
		// What ends in the middle of a part may be whole: so all the rest of the file.
		if b, err = section(f, off, stop); err != nil {
			return nil, err
		}
		records, _ = parse(b, from, end, max)
		for next := from + uint64(len(records)); next < end && len(records) < max; next++ {
			records = append(records, Record{Index: next, Damaged: true})
		}
	}
	return records, nil
}

func section(f File, off, stop int64) ([]byte, error) {
	b := make([]byte, max(stop-off, 0))
	if n, err := f.ReadAt(b, off); n < len(b) && err != nil {
		return nil, err
	}
	return b, nil
}

// parse reads records from b, which begins at one of them or at the header. It says whether it came to damage, or found
// none at all.
func parse(b []byte, from, end uint64, max int) (records []Record, damaged bool) {
	off, next := 0, from
	for next < end && len(records) < max {
		at, ok := nextRecord(b, off, next, end)
		if !ok {
			return records, damaged || len(records) == 0
		}
		r, _, size, _ := parseRecord(b[at:])
		for ; next < r.Index && len(records) < max; next++ {
			records = append(records, Record{Index: next, Damaged: true})
			damaged = true
		}
		if len(records) < max {
			records = append(records, r)
			next++
		}
		off = at + size
	}
	return records, damaged
}
