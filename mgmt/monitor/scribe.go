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
	Mutes    []alarm.Mute  `json:"mutes,omitempty"`
	Baseline baseline      `json:"baseline"`
}

// scribe writes what the keeper decided, and may wait for that.
type scribe struct {
	o     Options
	notes chan note
	lost  uint64 // the keeper's: notes that found no room

	mu     sync.Mutex
	memo   *memory // to be saved, nil when it is
	failed error   // of the last save
	wake   chan struct{}
	ending context.Context // ends flushTimeout after the keeper
	finish context.CancelFunc
}

func newScribe(o Options) *scribe {
	s := &scribe{o: o, notes: make(chan note, changeQueue), wake: make(chan struct{}, 1)}
	s.ending, s.finish = context.WithCancel(context.Background())
	return s
}

// note is an event that the keeper wants told.
type note struct {
	event  event.Type
	fields event.Fields
}

// noteOf is the event of a change.
func noteOf(c alarm.Change) note {
	a := &c.Alarm
	n := note{event.AlarmCleared, event.Fields{
		"code": string(a.Code), "subject": a.Subject, "level": a.Severity.String(), "title": a.Title, "detail": a.Detail,
	}}
	switch {
	case c.Heard:
		n.event = event.AlarmHeard
	case c.Raised:
		n.event = event.AlarmRaised
	}
	if c.Silent {
		n.fields["muted"] = true
	}
	return n
}

// noteOfMute is the event of a mute that begins or ends.
func noteOfMute(t event.Type, m alarm.Mute, who string) note {
	return note{t, event.Fields{"mute": m.ID, "code": string(m.Code), "subject": m.Subject, "reason": m.Reason, "who": who, "until": m.Until}}
}

// tell hands an event over; the keeper does not wait.
func (s *scribe) tell(n note) {
	select {
	case s.notes <- n:
	default:
		s.lost++
		s.o.Log.Error("monitor: an event did not get into the log: too many wait", "type", n.event.String(), "code", n.fields["code"], "lost", s.lost)
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
	close(s.notes)
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
		case n, more := <-s.notes:
			if !more {
				s.write()
				return
			}
			s.append(n)
		case <-s.wake:
			s.write()
		}
	}
}

// append hands an event to the log, which makes it durable in its own time.
func (s *scribe) append(n note) {
	ctx, cancel := context.WithTimeout(s.ending, appendTimeout)
	defer cancel()
	if err := s.o.Events.Append(ctx, n.event, n.fields); err != nil {
		s.o.Log.Error("monitor: an event did not get into the log", "type", n.event.String(), "code", n.fields["code"], "error", err)
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
