package eventlog

import (
	"context"
	"errors"
	"fmt"

	"fcredirect/mgmt/event"
	"fcredirect/mgmt/event/archive"
	"fcredirect/mgmt/event/spool"
)

// ErrStopped says that the role ended. It may run again.
var ErrStopped = errors.New("event: the role stopped")

// Subscription gives events in the order of the log: from the memory of the newest, else from the spool, else from the
// database. It keeps nothing but its place, so one that is slow reads further back and holds up nobody. It belongs to one
// goroutine, and needs no end.
type Subscription struct {
	log     *Log
	after   uint64
	lineage uint64 // of the numbering that after is of; one that the spool does not know: the database's
	placed  bool
	missing string // what the last events do not follow on
	renewed string // why the place was given up, until events were given
}

// Next waits for events and gives at most max of them, at least one. An error but ctx's or ErrStopped: the events that
// come next are in the database, which does not answer; ask again.
func (s *Subscription) Next(ctx context.Context, max int) ([]event.Event, error) {
	for {
		events, news, err := s.poll(ctx, max)
		if err != nil || len(events) > 0 {
			return events, err
		}
		select {
		case <-news:
		case <-s.log.written:
			if events, _, err := s.poll(ctx, max); err != nil || len(events) > 0 {
				return events, err
			}
			return nil, ErrStopped
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// poll gives what there is, or what to wait for.
func (s *Subscription) poll(ctx context.Context, max int) (events []event.Event, news chan struct{}, err error) {
	for {
		s.log.mu.Lock()
		news = s.log.news
		newest := s.log.spool.Number(s.log.published)
		s.log.mu.Unlock()
		if !s.placed && s.after > newest {
			s.lineage = 0 // the spool never gave such a number
		}
		if s.placed = true; !s.move() {
			return nil, news, nil
		}
		s.renew()
		events, err = s.log.read(ctx, s.after, max)
		if s.log.spool.Lineage() != s.lineage {
			continue // a renumbering came between: these may be the wrong ones
		}
		if s.missing = s.renewed; len(events) > 0 {
			if n := events[0].Number; n > s.after+1 && events[0].Type != event.LogLost && s.renewed == "" {
				s.missing = fmt.Sprintf("events %d to %d are not kept any more", s.after+1, n-1)
			}
			s.after, s.renewed = events[len(events)-1].Number, ""
		}
		return events, news, err
	}
}

// move follows a renumbering: the place stays the same, its number changes. False: the number is one that only the
// database knows, and the spool may give its own ones once more, until it has met that.
func (s *Subscription) move() bool {
	l := s.log
	lineage := l.spool.Lineage()
	if lineage == s.lineage {
		return true
	}
	if l.archive != nil && !l.spool.Knows(s.lineage) {
		select {
		case <-l.met:
			lineage = l.spool.Lineage()
		default:
			return false
		}
	}
	s.after, s.lineage = l.spool.Renumber(s.after, s.lineage), lineage
	return true
}

// renew goes back to the beginning from a number that the log has not reached: that was another numbering, which is lost,
// so nothing of this one was seen. To wait for the number would be to miss all up to it.
func (s *Subscription) renew() {
	l := s.log
	_, last := l.spool.Range()
	reached := l.spool.Number(last+1) - 1 // also when that follows what only the database has
	if s.after <= reached {
		return
	}
	s.renewed = fmt.Sprintf("the numbering is a new one, which has come to %d and not to %d: all that it has follows", reached, s.after)
	s.after = 0
}

// wakeReaders lets those who wait look again.
func (l *Log) wakeReaders() {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.news)
	l.news = make(chan struct{})
}

// read gives events after a number, none when there are none yet.
func (l *Log) read(ctx context.Context, after uint64, max int) ([]event.Event, error) {
	max = min(max, readEvents)
	for {
		index, ours := l.spool.Index(after + 1)
		if first, _ := l.spool.Range(); ours && index >= first {
			events, err := l.readIndex(index, max)
			if errors.Is(err, spool.ErrGone) {
				continue // it was deleted in this moment: the database has it
			}
			return events, err
		}
		// Older than what the spool has, or from before it.
		next := l.spool.After(after)
		bound := l.spool.Number(next)
		if l.archive != nil {
			ctx, cancel := context.WithTimeout(ctx, drainTimeout)
			events, err := l.archive.List(ctx, archive.Filter{After: after, Before: bound}, max)
			cancel()
			if err != nil {
				return nil, fmt.Errorf("event: events after %d are in the database: %w", after, err)
			}
			if len(events) > 0 {
				return events, nil
			}
		}
		return l.readIndex(next, max) // nobody has those between
	}
}

// readIndex gives published events from an index on.
func (l *Log) readIndex(index uint64, max int) ([]event.Event, error) {
	l.mu.Lock()
	published := l.published
	var events []event.Event
	if index > published {
		l.mu.Unlock()
		return nil, nil
	}
	if back := published - index; back < uint64(len(l.tail)) {
		from := len(l.tail) - 1 - int(back)
		events = append(events, l.tail[from:min(from+max, len(l.tail))]...)
	}
	l.mu.Unlock()
	for i := range events {
		events[i].Number = l.spool.Number(events[i].Number) // the index, in the tail
	}
	if len(events) > 0 {
		return events, nil
	}
	records, err := l.spool.Read(index, int(min(uint64(max), published-index+1)))
	if err != nil {
		return nil, err
	}
	for i := range records {
		events = append(events, l.eventOf(&records[i]))
	}
	return events, nil
}

// eventOf is a record of the spool as an event. One that was damaged keeps its place.
func (l *Log) eventOf(r *spool.Record) event.Event {
	e := event.Event{Number: l.spool.Number(r.Index), Type: r.Type, Origin: r.Origin, Fields: r.Payload}
	if r.Damaged {
		e.Type = event.LogDamaged
		e.Origin = event.Origin{Epoch: l.spool.Birth(), Producer: event.FromSpool, Seq: r.Index}
		e.Fields = fmt.Appendf(nil, `{"index":%d}`, r.Index)
	}
	e.At = timeOf(r.At)
	return e
}
