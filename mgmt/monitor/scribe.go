package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"fcredirect/mgmt/alarm"
	"fcredirect/mgmt/event"
)

// memory is what outlives a restart.
type memory struct {
	Alarms   []alarm.Saved `json:"alarms"`
	Baseline baseline      `json:"baseline"`
}

// scribe writes what the keeper decided, and may wait for that.
type scribe struct {
	o       Options
	changes chan alarm.Change
	lost    uint64 // the keeper's: changes that found no room

	mu     sync.Mutex
	memo   *memory // to be saved, nil when it is
	failed error   // of the last save
	wake   chan struct{}
	ending context.Context // ends flushTimeout after the keeper
	finish context.CancelFunc
}

func newScribe(o Options) *scribe {
	s := &scribe{o: o, changes: make(chan alarm.Change, changeQueue), wake: make(chan struct{}, 1)}
	s.ending, s.finish = context.WithCancel(context.Background())
	return s
}

// tell hands changes over; the keeper does not wait.
func (s *scribe) tell(changes []alarm.Change) {
	for _, c := range changes {
		select {
		case s.changes <- c:
		default:
			s.lost++
			s.o.Log.Error("monitor: an alarm did not get into the event log: too many wait", "code", c.Alarm.Code, "lost", s.lost)
		}
	}
}

// save has the file written; a later one replaces an earlier one that was not.
func (s *scribe) save(m memory) {
	s.mu.Lock()
	s.memo = &m
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// end gives the scribe a bounded time for the rest.
func (s *scribe) end() {
	close(s.changes)
	time.AfterFunc(flushTimeout, s.finish)
}

func (s *scribe) run() {
	defer s.finish()
	again := time.NewTicker(saveAgain)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			s.write() // what could not be written before
		case c, more := <-s.changes:
			if !more {
				s.write()
				return
			}
			s.append(c)
		case <-s.wake:
			s.write()
		}
	}
}

// append hands an alarm to the event log, which makes it durable in its own time.
func (s *scribe) append(c alarm.Change) {
	t := event.AlarmCleared
	if c.Raised {
		t = event.AlarmRaised
	}
	ctx, cancel := context.WithTimeout(s.ending, appendTimeout)
	defer cancel()
	a := &c.Alarm
	err := s.o.Events.Append(ctx, t, event.Fields{
		"code": string(a.Code), "subject": a.Subject, "level": a.Severity.String(), "title": a.Title, "detail": a.Detail,
	})
	if err != nil {
		s.o.Log.Error("monitor: an alarm did not get into the event log", "code", a.Code, "subject", a.Subject, "error", err)
	}
}

func (s *scribe) write() {
	s.mu.Lock()
	m := s.memo
	s.memo = nil
	s.mu.Unlock()
	if m == nil || s.o.Dir == "" {
		return
	}
	err := store(s.o.Dir, m)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && s.failed == nil {
		s.o.Log.Warn("monitor: alarms are not remembered", "error", err)
	}
	if s.failed = err; err != nil && s.memo == nil {
		s.memo = m
	}
}

func (s *scribe) err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}

const fileName = "alarms.json"

// store replaces the file as a whole, durably.
func store(dir string, m *memory) error {
	b, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("save alarms: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("save alarms: %w", err)
	}
	f, err := os.CreateTemp(dir, fileName+".*")
	if err != nil {
		return fmt.Errorf("save alarms: %w", err)
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, fileName))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("save alarms: %w", err), os.Remove(f.Name()))
	}
	return nil
}

// load reads the file. One that is not there is no error.
func load(dir string) (m memory, err error) {
	if dir == "" {
		return m, nil
	}
	f, err := os.Open(filepath.Join(dir, fileName))
	if errors.Is(err, os.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return m, fmt.Errorf("read alarms: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, saveMax))
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil {
		return memory{}, fmt.Errorf("read alarms: %w", err)
	}
	return m, nil
}
