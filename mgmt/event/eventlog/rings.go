package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fcredirect/dataplane/feed"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/event"
)

// source is a segment with its event rings.
type source struct {
	segment *attach.Segment
	names   *event.Translator
	rings   []*ring
	looked  time.Time // when it was asked last whether it was replaced
}

// ring is a ring with its next item.
type ring struct {
	*feed.Reader
	head *feed.Item // read and not taken
}

// attach brings segments to the writer, one after the other, until ctx ends.
func (l *Log) attach(ctx context.Context) {
	for {
		s, err := open(ctx, l.o.Place)
		if err == nil {
			l.segment.set(nil)
			select {
			case l.segments <- s:
			case <-ctx.Done():
				_ = s.segment.Close()
				return
			}
			select {
			case <-l.detached:
				continue
			case <-ctx.Done():
				return
			}
		}
		if ctx.Err() != nil {
			return
		}
		if was, _ := l.segment.set(err); was == nil {
			l.log.Warn("events of the data plane cannot be read", "err", err)
		}
		l.nap(ctx, attachPause)
	}
}

func open(ctx context.Context, place attach.Place) (*source, error) {
	segment, err := attach.Wait(ctx, place)
	if err != nil {
		return nil, err
	}
	readers, err := feed.Open(segment.State, segment.Ctl, feed.Event, 0)
	if err != nil {
		return nil, errors.Join(err, segment.Close())
	}
	s := &source{segment: segment, names: event.NewTranslator(segment.State)}
	for _, r := range readers {
		s.rings = append(s.rings, &ring{Reader: r})
	}
	return s, nil
}

// oldest is the oldest item that the rings have, with its ring. Across rings the clock of the processor decides, among
// those that are there; within a ring the order of the ring.
func (s *source) oldest() (from *ring, item *feed.Item) {
	for _, r := range s.rings {
		if r.head == nil {
			r.head = r.Next()
		}
		// Signed: a clock that was reset, as by a suspended machine, must not hold a ring up.
		if r.head != nil && (item == nil || int64(r.head.Header().TSC-item.Header().TSC) < 0) {
			from, item = r, r.head
		}
	}
	return from, item
}

// taken says that the ring's head is in the log.
func (s *source) taken(r *ring) { r.head = nil }

// release gives back what was taken: it is durable.
func (s *source) release() (moved bool, err error) {
	for _, r := range s.rings {
		upTo := r.Read()
		if r.head != nil {
			upTo--
		}
		if upTo == r.Released() {
			continue
		}
		if err := r.Release(upTo); err != nil {
			return moved, fmt.Errorf("ring of producer %d: %w", r.Producer(), err)
		}
		moved = true
	}
	return moved, nil
}

// replaced leaves the segment when a cold start has put another one in its place and nothing is left to read.
func (l *Log) replaced() error {
	s := l.source
	if s == nil || time.Since(s.looked) < replacedEvery {
		return nil
	}
	s.looked = time.Now()
	var torn error
	for _, r := range s.rings {
		if err := r.Err(); err != nil {
			torn = errors.Join(torn, fmt.Errorf("event ring of producer %d: %w", r.Producer(), err))
		}
	}
	l.segment.set(torn)
	if !s.segment.Replaced() {
		return nil
	}
	if _, item := s.oldest(); item != nil {
		return nil // the last items of a data plane that is gone
	}
	err := l.detach()
	l.detached <- struct{}{} // it has room: there is one for each segment that came
	return err
}

// detach unmaps the segment.
func (l *Log) detach() error {
	if l.source == nil {
		return nil
	}
	s := l.source
	l.source = nil
	if err := s.segment.Close(); err != nil {
		return fmt.Errorf("event: unmap the segment: %w", err)
	}
	return nil
}
