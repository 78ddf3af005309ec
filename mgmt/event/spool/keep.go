package spool

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// room says whether the group may become so large, and makes room from what the database has if that is needed. The
// caller holds writing.
func (s *Spool) room(group int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	header := int64(headerBytes + maxBases*baseBytes + (len(s.marks)+1)*markBytes)
	for s.stats.Bytes+group+header > s.o.MaxBytes {
		if !s.droppable() || s.drop() != nil {
			return false
		}
	}
	return true
}

// Drained says that the database has all records up to an index, and deletes files whose time is over. The index may go
// back: a standby took over that does not have them.
func (s *Spool) Drained(index uint64) error {
	now := s.o.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drained = min(index, s.synced)
	for _, g := range s.segments {
		switch all := g.end <= s.drained+1; {
		case !all:
			g.drained = time.Time{}
		case g.drained.IsZero():
			g.drained = now
		}
	}
	for s.droppable() && s.over(s.segments[0], now) {
		if err := s.drop(); err != nil {
			return err
		}
	}
	return nil
}

// droppable says whether the database has all of the oldest file, and it is not the newest: that one has the numbering.
func (s *Spool) droppable() bool {
	return len(s.segments) > 1 && s.segments[0].end <= s.drained+1
}

// over says whether a drained file was kept long enough.
func (s *Spool) over(g *segment, now time.Time) bool {
	return now.Sub(g.drained) >= s.o.Keep && s.synced-(g.end-1) >= uint64(max(s.o.KeepRecords, 0))
}

// drop deletes the oldest file. The folder is synced after each, and before the next one if that failed: so that after a
// loss of power no file is missing between two others.
func (s *Spool) drop() error {
	if err := s.syncDropped(); err != nil {
		return err
	}
	g := s.segments[0]
	// One that is not there was deleted by a call that failed all the same.
	if err := s.files.Remove(g.name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("spool: delete %s, which is drained: %w", g.name, err)
	}
	s.segments = s.segments[1:]
	s.stats.Bytes -= g.disk
	s.dropped = true
	return s.syncDropped()
}

func (s *Spool) syncDropped() error {
	if s.dropped {
		if err := s.files.Sync(); err != nil {
			return fmt.Errorf("spool: sync the folder: %w", err)
		}
		s.dropped = false
	}
	return nil
}

// noRoom says whether the disk is full.
func noRoom(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// dropDrained deletes the oldest file if the database has it, however young it is: the disk is full.
func (s *Spool) dropDrained() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.droppable() && s.drop() == nil
}

// first is the index of the oldest record, or of the one to come when there is none.
func (s *Spool) first() uint64 {
	if len(s.segments) == 0 {
		return s.synced + 1 // the disk had no room for a first file yet
	}
	return s.segments[0].first
}
