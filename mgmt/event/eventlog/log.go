package eventlog

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"fcredirect/dataplane/feed"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/event/archive"
	"fcredirect/mgmt/event/spool"
)

// Log is the log while the role runs.
type Log struct {
	// constant
	o        *Options
	log      *slog.Logger
	spool    *spool.Spool
	archive  *archive.Archive // nil: no database
	stats    *counters
	instance uint64        // of this run: the epoch of what the role itself tells
	requests chan *request // from processes
	segments chan *source  // from the attacher to the writer
	detached chan struct{} // from the writer to the attacher: the segment is unmapped
	written  chan struct{} // closed when the writer has ended
	met      chan struct{} // closed at the first contact with the database

	// the writer's
	source  *source
	current []*request // in the group
	fresh   []event.Event

	ownMu  sync.Mutex
	own    []event.Incoming // what the role itself tells
	ownSeq uint64
	wake   chan struct{} // there is something for the writer

	disk, segment, away problem

	database sync.Mutex // held by who writes to the database

	mu        sync.Mutex
	published uint64        // index of the last event that subscribers may see
	tail      []event.Event // the newest of those, the last one is published
	news      chan struct{} // closed when published changes
	drained   atomic.Uint64 // index of the last event that the database has
	toldAway  atomic.Bool   // an event says that the database is away
}

// request is one with events of a process.
type request struct {
	event.AppendRequest
	taken int        // events in the log or in the group
	done  chan error // buffered
}

func newLog(o *Options, s *spool.Spool, stats *counters) *Log {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: the program would end
	l := &Log{
		o: o, log: o.Log, spool: s, stats: stats, instance: binary.LittleEndian.Uint64(b[:])>>1 | 1,
		requests: make(chan *request, requests), segments: make(chan *source), detached: make(chan struct{}, 1), written: make(chan struct{}),
		met: make(chan struct{}), wake: make(chan struct{}, 1), news: make(chan struct{}),
	}
	if o.DB != nil {
		l.archive = archive.New(o.DB)
	}
	// What the spool has is durable, so it may be seen, whether its rings were released or not.
	first, last := s.Range()
	l.published = last
	l.drained.Store(first - 1)
	return l
}

// opened tells of what was found, if it was not all well.
func (l *Log) opened() {
	st := l.spool.Stats()
	l.log.Info("the spool of events is open", "events", st.Synced-st.First+1, "bytes", st.Bytes, "cut", st.Cut, "damaged", st.Damaged)
	if err := l.spool.Unwritable(); err != nil {
		l.disk.set(err)
		l.log.Error("the spool of events can only be read until the disk has room", "err", err)
	}
	if st.Cut > 0 || st.Damaged > 0 {
		l.tell(event.SpoolReady, event.Fields{"events": st.Synced - st.First + 1, "cut": st.Cut, "damaged": st.Damaged})
	}
}

// tell puts an event of the role itself into the log.
func (l *Log) tell(t event.Type, f event.Fields) {
	if err := l.Append(context.Background(), t, f); err != nil {
		l.log.Warn("event does not get into the log", "type", t.String(), "err", err)
	}
}

// Append queues an event of the role itself; it never waits.
func (l *Log) Append(_ context.Context, t event.Type, f event.Fields) error {
	fields, err := event.Encode(t, f)
	if err != nil {
		return err
	}
	l.ownMu.Lock()
	defer l.ownMu.Unlock()
	if len(l.own) >= ownEvents {
		return fmt.Errorf("event: %d events of the role itself wait already", ownEvents)
	}
	l.ownSeq++
	l.own = append(l.own, event.Incoming{Seq: l.ownSeq, At: time.Now().UnixNano(), Type: t, Fields: fields})
	l.wakeWriter()
	return nil
}

func (l *Log) wakeWriter() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// write is the writer: collect, commit, settle, for as long as ctx lives, and once more for what came before it ended.
func (l *Log) write(ctx context.Context) (err error) {
	defer func() {
		if e := l.detach(); err == nil {
			err = e
		}
		l.refuse()
	}()
	l.meet(ctx)
	for naps := 0; ; {
		ending := ctx.Err() != nil
		l.take()
		full := l.collect()
		n := l.spool.Waiting()
		if n > 0 || l.spool.Unwritable() != nil {
			if err := l.commit(ctx); err != nil || l.spool.Unwritable() != nil {
				return err
			}
		}
		moved, err := l.settle()
		if err != nil {
			return err
		}
		l.room(full && n == 0)
		switch {
		case ending:
			return nil
		case n > smallGroup || full && n > 0:
			naps = 0
		case n > 0 || moved:
			naps = 0
			l.nap(ctx, linger)
		case naps < shortNaps:
			naps++
			l.idle(ctx, shortNap)
		default:
			l.idle(ctx, longNap)
		}
	}
}

// meet lets a spool without events meet the database first, if that is there: then nothing has to be renumbered.
func (l *Log) meet(ctx context.Context) {
	if first, last := l.spool.Range(); l.archive == nil || last >= first {
		return
	}
	select {
	case <-l.met:
	case <-time.After(l.o.tempo.meet):
	case <-ctx.Done():
	}
}

// take takes the next segment from the attacher, if it has one.
func (l *Log) take() {
	select {
	case l.source = <-l.segments:
	default:
	}
}

// nap sleeps while events gather for the next group.
func (l *Log) nap(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// idle sleeps until something comes from a process, or it is time to look at the rings again.
func (l *Log) idle(ctx context.Context, d time.Duration) {
	if err := l.replaced(); err != nil {
		l.log.Warn("leaving the segment", "err", err)
	}
	select {
	case <-l.wake:
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// collect fills the group. It says whether it met the end of the room.
func (l *Log) collect() (full bool) {
	full = l.collectOwn() || l.collectRequests()
	return full || l.collectRings()
}

func (l *Log) collectOwn() (full bool) {
	l.ownMu.Lock()
	defer l.ownMu.Unlock()
	n := 0
	for _, e := range l.own {
		if err := l.append(eventOf(&e, l.instance), nil); err != nil {
			full = true
			break
		}
		n++
	}
	l.own = append(l.own[:0], l.own[n:]...)
	return full
}

func eventOf(e *event.Incoming, instance uint64) event.Event {
	return event.Event{
		At: time.Unix(0, e.At), Type: e.Type, Fields: e.Fields, Origin: event.Origin{Epoch: instance, Producer: event.FromProcess, Seq: e.Seq},
	}
}

// collectRequests takes what processes have sent. A request that does not fit as a whole goes on with the next group.
func (l *Log) collectRequests() (full bool) {
	for n := 0; n < l.o.Batch; {
		r := l.unfinished()
		if r == nil {
			select {
			case r = <-l.requests:
				l.current = append(l.current, r)
			default:
				return false
			}
		}
		for r.taken < len(r.Events) {
			if err := l.append(eventOf(&r.Events[r.taken], r.Instance), &l.stats.fromProcesses); err != nil {
				return true
			}
			r.taken++
			n++
		}
	}
	return false
}

// unfinished is the request that did not fit into the last group.
func (l *Log) unfinished() *request {
	if n := len(l.current); n > 0 && l.current[n-1].taken < len(l.current[n-1].Events) {
		return l.current[n-1]
	}
	return nil
}

// collectRings takes items, the oldest of all rings first.
func (l *Log) collectRings() (full bool) {
	if l.source == nil {
		return false
	}
	for n := 0; n < l.o.Batch; n++ {
		ring, item := l.source.oldest()
		if item == nil {
			return false
		}
		if e, ok := l.source.names.Event(l.source.segment.Epoch, item); ok {
			if err := l.append(e, &l.stats.fromRings); err != nil {
				return true
			}
			if item.Header().Kind == feed.KindGap {
				l.stats.lost.Add(item.Gap().Lost)
			}
		}
		l.source.taken(ring)
	}
	return false
}

// append puts an event into the group, or finds that the log has it. An error: there is no room.
func (l *Log) append(e event.Event, count *atomic.Uint64) error {
	e.At = e.At.Truncate(time.Microsecond) // as the database keeps it: an event reads the same from everywhere
	r := spool.Record{At: e.At.UnixNano(), Type: e.Type, Origin: e.Origin, Payload: e.Fields}
	index, err := l.spool.Append(r)
	switch {
	case err != nil:
		return err
	case index == 0:
		l.stats.duplicates.Add(1)
		return nil
	}
	if count != nil {
		count.Add(1)
	}
	e.Number = index // until it is published
	l.fresh = append(l.fresh, e)
	return nil
}

// commit makes the group durable, however often it takes. The error is that the role was told to end before.
func (l *Log) commit(ctx context.Context) error {
	for pause := failMin; ; pause = min(2*pause, failMax) {
		began := time.Now()
		err := l.spool.Commit()
		if err == nil {
			l.stats.commit.add(time.Since(began), 1)
			return nil
		}
		l.stats.failures.Add(1)
		if was, _ := l.disk.set(err); was == nil {
			l.log.Error("the spool of events cannot be written", "err", err)
		}
		if ctx.Err() != nil && l.spool.Waiting() == 0 {
			return nil // the disk had no room when the role began, and has none now
		}
		if ctx.Err() != nil {
			return fmt.Errorf("event: %d events are not durable: %w", l.spool.Waiting(), err)
		}
		l.nap(ctx, pause)
	}
}

// settle releases what is durable, tells subscribers, and answers who waits for it: so that one who tells an event can
// then read it. moved: it released something.
func (l *Log) settle() (moved bool, err error) {
	if l.source != nil {
		if moved, err = l.source.release(); err != nil {
			return moved, fmt.Errorf("event: release what is durable: %w", err)
		}
	}
	if len(l.fresh) > 0 {
		l.publish()
	}
	waits := l.unfinished()
	for _, r := range l.current {
		if r != waits {
			r.done <- nil
		}
	}
	if l.current = l.current[:0]; waits != nil {
		l.current = append(l.current, waits)
	}
	return moved, nil
}

func (l *Log) publish() {
	now := time.Now()
	for i := range l.fresh {
		l.stats.publish.add(now.Sub(l.fresh[i].At), 1)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.tail)+len(l.fresh) > 2*tailEvents {
		l.tail = append([]event.Event(nil), l.tail[max(0, len(l.tail)-tailEvents):]...)
	}
	l.tail = append(l.tail, l.fresh...)
	l.published = l.fresh[len(l.fresh)-1].Number
	l.stats.events.Add(uint64(len(l.fresh)))
	l.fresh = l.fresh[:0]
	if l.archive == nil {
		l.drained.Store(l.published)
		if err := l.spool.Drained(l.published); err != nil {
			l.log.Warn("an old file of the spool stays", "err", err)
		}
	}
	close(l.news)
	l.news = make(chan struct{})
}

// room notes that the spool is full, or tells that it was, or that its disk had failed.
func (l *Log) room(full bool) {
	if full {
		err := fmt.Errorf("event: %w: %d bytes", spool.ErrFull, l.spool.Stats().Bytes)
		if was, _ := l.disk.set(err); was == nil {
			l.log.Error("the spool of events is full: nothing is taken until there is room")
		}
		return
	}
	was, lasted := l.disk.set(nil)
	switch {
	case was == nil:
	case errors.Is(was, spool.ErrFull):
		l.tell(event.SpoolFull, event.Fields{"away_ms": lasted.Milliseconds(), "bytes": l.spool.Stats().Bytes})
	default:
		l.tell(event.SpoolFailed, event.Fields{"away_ms": lasted.Milliseconds(), "error": was})
	}
}

// refuse ends requests that nobody will take any more.
func (l *Log) refuse() {
	for _, r := range l.current {
		r.done <- ErrStopped
	}
	l.current = nil
}

// waiting is how many events the database does not have yet.
func (l *Log) waiting() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.published - min(l.drained.Load(), l.published)
}
