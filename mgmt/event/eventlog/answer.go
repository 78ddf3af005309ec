package eventlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"fcredirect/mgmt/event"
	"fcredirect/mgmt/event/archive"
)

// handle answers requests from now on; the functions end that.
func (l *Log) handle() (remove []func()) {
	if l.o.Bus == nil {
		return nil
	}
	for method, answer := range map[string]func(context.Context, []byte) ([]byte, error){
		event.MethodAppend:  l.answerAppend,
		event.MethodRead:    answering(l.answerRead),
		event.MethodList:    answering(l.answerList),
		event.MethodCheck:   answering(l.answerCheck),
		event.MethodRebuild: answering(l.answerRebuild),
	} {
		remove = append(remove, l.o.Bus.Handle(method, answer))
	}
	return remove
}

// answering makes a handler of a function with types.
func answering[Q, A any](do func(context.Context, Q) (A, error)) func(context.Context, []byte) ([]byte, error) {
	return func(ctx context.Context, request []byte) ([]byte, error) {
		var q Q
		if len(request) > 0 {
			if err := json.Unmarshal(request, &q); err != nil {
				return nil, fmt.Errorf("event: request: %w", err)
			}
		}
		a, err := do(ctx, q)
		if err != nil {
			return nil, err
		}
		return json.Marshal(a)
	}
}

// answerAppend answers when the events are durable.
func (l *Log) answerAppend(ctx context.Context, b []byte) ([]byte, error) {
	r := &request{done: make(chan error, 1)}
	if err := json.Unmarshal(b, &r.AppendRequest); err != nil {
		return nil, fmt.Errorf("event: request: %w", err)
	}
	if err := r.check(); err != nil {
		return nil, err
	}
	select {
	case l.requests <- r:
		l.wakeWriter()
	case <-l.written:
		return nil, ErrStopped
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case err := <-r.done:
		return nil, err
	case <-l.written:
		select {
		case err := <-r.done: // in its last group
			return nil, err
		default:
			return nil, ErrStopped
		}
	case <-ctx.Done():
		return nil, ctx.Err() // it may be taken all the same: the sender asks again, and that is dropped
	}
}

// check refuses what would not fit the log. A type that only the sender knows, because it is newer, is taken.
func (r *request) check() error {
	if len(r.Events) > requestEvents {
		return fmt.Errorf("event: %d events in a request: the limit is %d", len(r.Events), requestEvents)
	}
	for _, e := range r.Events {
		if e.Seq == 0 || r.Instance == 0 {
			return fmt.Errorf("event: event %d of instance %x: there is none before 1", e.Seq, r.Instance)
		}
		if err := event.CheckFields(e.Fields); err != nil {
			return fmt.Errorf("event: event %d of type %v: %w", e.Seq, e.Type, err)
		}
	}
	return nil
}

func (l *Log) answerRead(ctx context.Context, q event.ReadRequest) (event.ReadAnswer, error) {
	s := &Subscription{log: l, after: q.After, lineage: l.spool.Lineage()}
	if q.Newest {
		l.mu.Lock()
		s.after = l.spool.Number(l.published)
		l.mu.Unlock()
	} else if was, err := strconv.ParseUint(q.Lineage, 16, 64); err == nil {
		s.lineage = was
	}
	if q.Max <= 0 {
		q.Max = readEvents
	}
	wait := min(time.Duration(max(q.WaitMS, 0))*time.Millisecond, readWait)
	until := time.NewTimer(wait)
	defer until.Stop()
	for {
		events, news, err := s.poll(ctx, q.Max)
		a := event.ReadAnswer{Events: append([]event.Event{}, events...), After: s.after, Lineage: strconv.FormatUint(s.lineage, 16)}
		a.Partial = s.missing
		if err != nil || len(events) > 0 || wait == 0 {
			return a, err
		}
		select {
		case <-news:
		case <-until.C:
			wait = 0
		case <-l.written:
			return a, nil // none came: the next question is another role's
		case <-ctx.Done():
			return a, ctx.Err()
		}
	}
}

// answerList looks into the database, and into the spool for what is not there yet.
func (l *Log) answerList(ctx context.Context, q event.ListRequest) (event.ReadAnswer, error) {
	types, err := typesOf(q.Types)
	if err != nil {
		return event.ReadAnswer{}, err
	}
	if q.Max <= 0 || q.Max > readEvents {
		q.Max = readEvents
	}
	a := event.ReadAnswer{Events: []event.Event{}, Lineage: strconv.FormatUint(l.spool.Lineage(), 16)}
	from, _ := l.spool.Range()
	if l.archive != nil {
		next := max(l.drained.Load()+1, from)
		f := archive.Filter{After: q.After, Before: l.spool.Number(next), Since: q.Since, Until: q.Until, Match: q.Match, Types: types, Newest: q.Newest()}
		if q.Before > 0 {
			f.Before = min(f.Before, q.Before)
		}
		found, err := l.archive.List(ctx, f, q.Max)
		if err == nil {
			a.Events, from = append(a.Events, found...), next
		} else {
			a.Partial = err.Error()
		}
	}
	if err := l.listSpool(from, q, types, &a); err != nil {
		return a, err
	}
	if over := len(a.Events) - q.Max; over > 0 && q.Newest() {
		a.Events = a.Events[over:]
	} else if over > 0 {
		a.Events = a.Events[:q.Max]
	}
	if n := len(a.Events); n > 0 {
		a.After = a.Events[n-1].Number
	}
	return a, nil
}

// listSpool adds what the spool has from an index on.
func (l *Log) listSpool(index uint64, q event.ListRequest, types []event.Type, a *event.ReadAnswer) error {
	if _, last := l.spool.Range(); last > listScan && index < last-listScan {
		index = last - listScan
		a.Partial = fmt.Sprintf("only the last %d events that wait for the database were looked at", listScan)
	}
	for {
		events, err := l.readIndex(index, readEvents)
		if err != nil || len(events) == 0 {
			return err
		}
		index += uint64(len(events))
		for _, e := range events {
			if selects(&q, types, &e) {
				a.Events = append(a.Events, e)
			}
		}
		if len(a.Events) > 4*q.Max && q.Newest() {
			a.Events = append([]event.Event(nil), a.Events[len(a.Events)-q.Max:]...)
		}
	}
}

func selects(q *event.ListRequest, types []event.Type, e *event.Event) bool {
	return e.Number > q.After && (q.Before == 0 || e.Number < q.Before) && !e.At.Before(q.Since) && (q.Until.IsZero() || e.At.Before(q.Until)) &&
		(len(types) == 0 || contains(types, e.Type)) && event.Matches(e.Fields, q.Match)
}

func contains(types []event.Type, t event.Type) bool {
	for _, x := range types {
		if x == t {
			return true
		}
	}
	return false
}

func typesOf(names []string) (types []event.Type, err error) {
	for _, name := range names {
		of := event.Named(name)
		if len(of) == 0 {
			return nil, fmt.Errorf("event: there is no type %q", name)
		}
		types = append(types, of...)
	}
	return types, nil
}

func (l *Log) answerCheck(ctx context.Context, _ struct{}) (event.CheckAnswer, error) {
	if l.archive == nil {
		return event.CheckAnswer{}, errors.New("event: there is no database, so there are no views")
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	return l.archive.Check(ctx)
}

func (l *Log) answerRebuild(ctx context.Context, q struct{}) (event.CheckAnswer, error) {
	if err := l.rebuild(ctx); err != nil {
		return event.CheckAnswer{}, err
	}
	return l.answerCheck(ctx, q)
}

// rebuild makes the views anew. The drain waits.
func (l *Log) rebuild(ctx context.Context) error {
	if l.archive == nil {
		return nil // the check says so
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	l.database.Lock()
	defer l.database.Unlock()
	return l.archive.Rebuild(ctx)
}
