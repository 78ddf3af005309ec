package audit

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"fcredirect/mgmt/event"
	"fcredirect/mgmt/problem"
)

// Events is the way into the log of events: a *event.Client.
type Events interface {
	Append(ctx context.Context, t event.Type, fields event.Fields) error
	Flush(ctx context.Context) error
}

// Options of a Log.
type Options struct {
	Events Events
	Caller event.Caller     // asks the event role whether it takes anything; nil: only Events tell
	Log    *slog.Logger     // takes what the log of events did not
	Now    func() time.Time // nil: time.Now
}

// Log is the Recorder that writes into the log of events.
type Log struct {
	o     Options
	flood *flood

	mu      sync.Mutex // guards what follows
	overdue bool       // an event was not durable in time
}

// New makes it.
func New(o Options) *Log {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Log{o: o, flood: newFlood(o.Now())}
}

// Ready asks the event role for a sign of life, and waits for what it did not get yet.
func (l *Log) Ready(ctx context.Context, e *Entry) error {
	if e == nil || !e.request.Write {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	err := l.probe(ctx)
	if err == nil {
		return nil
	}
	if Urgent(e.action()) {
		l.o.Log.Warn("audit: the log of events does not answer, and this goes on all the same", "action", e.action(), "request_id", e.request.ID, "error", err)
		return nil
	}
	return problem.Wrap(problem.AuditUnavailable, err, "The log of events does not answer, so this was not done.")
}

// probe is an error while nothing can be written down. An append of no events goes the whole way to the one who writes.
func (l *Log) probe(ctx context.Context) error {
	l.mu.Lock()
	overdue := l.overdue
	l.mu.Unlock()
	if overdue {
		if err := l.o.Events.Flush(ctx); err != nil {
			return err
		}
		l.setOverdue(false)
	}
	if l.o.Caller == nil {
		return nil
	}
	request, err := json.Marshal(event.AppendRequest{Instance: 1, Events: []event.Incoming{}})
	if err != nil {
		return err
	}
	_, err = l.o.Caller.Call(ctx, event.RoleName, event.MethodAppend, request)
	return err
}

func (l *Log) setOverdue(overdue bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.overdue = overdue
}

// Finish writes the entry down.
func (l *Log) Finish(ctx context.Context, e *Entry, code problem.Code) {
	if e == nil {
		return
	}
	fact, ok := e.close(code)
	if !ok {
		return
	}
	ctx = context.WithoutCancel(ctx) // who asked may be gone: what was done is told all the same
	if fact.result != resultOK {
		if l.flood.admit(fact.source(), l.o.Now()) {
			l.queue(ctx, fact)
		}
		return
	}
	if !l.queue(ctx, fact) {
		l.setOverdue(true)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	if err := l.o.Events.Flush(ctx); err != nil {
		l.setOverdue(true)
		l.o.Log.Error("audit: it was done, and is not in the log of events yet", "action", fact.action, "object", fact.object, "who", fact.who,
			"request_id", fact.id, "error", err)
	}
}

// queue says whether the event is on its way.
func (l *Log) queue(ctx context.Context, f *fact) bool {
	ctx, cancel := context.WithTimeout(ctx, queueTimeout)
	defer cancel()
	if err := l.o.Events.Append(ctx, f.kind, f.fields()); err != nil {
		l.o.Log.Error("audit: it cannot be told to the log of events", "action", f.action, "object", f.object, "who", f.who, "result", f.result,
			"code", f.code, "request_id", f.id, "error", err)
		return false
	}
	return true
}

// Run tells every minute what was only counted, until ctx ends.
func (l *Log) Run(ctx context.Context) {
	tick := time.NewTicker(summaryEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			l.summarise(ctx)
		case <-ctx.Done():
			l.summarise(context.WithoutCancel(ctx))
			return
		}
	}
}

func (l *Log) summarise(ctx context.Context) {
	for _, s := range l.flood.take(l.o.Now()) {
		ctx, cancel := context.WithTimeout(ctx, queueTimeout)
		fields := event.Fields{"count": s.count, "address": s.address, "code": string(s.code), "since": s.since}
		if err := l.o.Events.Append(ctx, event.AuditSummary, fields); err != nil {
			l.o.Log.Error("audit: refused attempts that were only counted cannot be told", "count", s.count, "address", s.address, "error", err)
		}
		cancel()
	}
}

// fact is an entry as it is written.
type fact struct {
	kind                         event.Type
	who, role, door, address, id string
	action, object               string
	before, after                string
	result                       string
	code                         problem.Code
}

// How requests end.
const (
	resultOK      = "ok"
	resultRefused = "refused"
	resultFailed  = "failed"
)

// close ends the entry; false if it leaves no trace.
func (e *Entry) close(code problem.Code) (*fact, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, false
	}
	e.closed = true
	f := &fact{
		who: cut(e.who), role: cut(e.role), door: e.door, action: cut(e.request.Action), object: cut(e.object), id: cut(e.request.ID), code: code,
	}
	if e.request.Address.IsValid() {
		f.address = e.request.Address.String()
	}
	f.before, f.after = texts(e.before, e.after)
	status := 0
	if code != "" {
		status = problem.Lookup(code).Status
	}
	known := e.role != "" || e.presented
	switch {
	case code == "":
		f.result, f.kind = resultOK, orElse(e.done, event.AuditWrite)
		return f, e.request.Write
	case status >= http.StatusInternalServerError:
		f.result, f.kind = resultFailed, event.AuditFailed
		return f, known || e.request.Write && code == problem.Internal
	}
	f.result, f.kind = resultRefused, orElse(e.refused, event.AuditRefused)
	return f, known && (e.request.Write || status == http.StatusUnauthorized || status == http.StatusForbidden)
}

func (e *Entry) action() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.request.Action
}

func orElse(t, usual event.Type) event.Type {
	if t != 0 {
		return t
	}
	return usual
}

func (f *fact) fields() event.Fields {
	return event.Fields{
		"who": f.who, "role": f.role, "door": f.door, "address": f.address, "action": f.action, "object": f.object, "before": f.before,
		"after": f.after, "result": f.result, "code": string(f.code), "request_id": f.id,
	}
}

func (f *fact) source() source {
	a, _ := netip.ParseAddr(f.address)
	return source{address: Network(a), who: f.who, code: f.code}
}

// cut bounds a text. Control characters, which take six bytes as they are written, become one.
func cut(s string) string {
	if len(s) > maxText {
		s = s[:maxText] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}
