package hub

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/problem"
)

// Caller asks a role: a *bus.Bus.
type Caller interface {
	Call(ctx context.Context, role, method string, request []byte) ([]byte, error)
}

// eventsData is what an update has: the events that the subscription selects, up to a number. Whoever comes again says
// that number.
type eventsData struct {
	After   uint64        `json:"after"`
	Lineage string        `json:"lineage"` // of the numbers: behind another one they begin anew
	Events  []event.Event `json:"events"`
}

// eventFilter selects events.
type eventFilter struct {
	Types []string // names, or their beginning up to a dot
	Audit bool     // those of the audit log, too
}

func (f *eventFilter) selects(e *event.Event) bool {
	name := e.Type.String()
	if !f.Audit && (name == "audit" || strings.HasPrefix(name, "audit.")) {
		return false
	}
	return len(f.Types) == 0 || slices.ContainsFunc(f.Types, func(t string) bool { return name == t || strings.HasPrefix(name, t+".") })
}

func (f *eventFilter) of(events []event.Event) []event.Event {
	return slices.DeleteFunc(events, func(e event.Event) bool { return !f.selects(&e) })
}

// maxTypes bounds the list of types.
const maxTypes = 64

// Events is the topic of events. They are read once for each set of types, and nobody misses one: who is slow, or begins in
// the past, gets them from the log.
func Events(caller Caller) Topic {
	waits := make(chan struct{}, eventWaits)
	return Topic{
		Name: "events", Permission: auth.EventRead,
		Text: "Events behind the number `after` of `lineage` (usually: those from now on), of some `types` (names, or their beginnings up to a dot). " +
			"Each message has the number up to which it goes, to begin again there.",
		Open: func(a *auth.Actor, text json.RawMessage) (*Offer, error) {
			var p struct {
				After   *uint64  `json:"after"`
				Lineage string   `json:"lineage"`
				Types   []string `json:"types"`
			}
			if err := params(text, &p); err != nil {
				return nil, err
			}
			if len(p.Lineage) > maxID || len(p.Types) > maxTypes || slices.ContainsFunc(p.Types, func(t string) bool { return t == "" || len(t) > maxID }) {
				return nil, problem.New(problem.Invalid, "").At("params/types", "must be at most %d names; lineage is what a message had", maxTypes)
			}
			slices.Sort(p.Types)
			l := &log{caller: caller, waits: waits, filter: eventFilter{Types: slices.Compact(p.Types), Audit: a.May(auth.AuditRead)}, lineage: p.Lineage}
			return &Offer{Key: "events " + string(marshal(l.filter)), Run: l.run, Replay: l.replay, After: p.After}, nil
		},
	}
}

// log reads the event log for a room.
type log struct {
	caller  Caller
	waits   chan struct{} // places for those who ask the log to wait for news
	filter  eventFilter
	lineage string // of the number where a replay is to begin; empty once it is known to be the log's
}

func (l *log) read(ctx context.Context, r event.ReadRequest) (a event.ReadAnswer, err error) {
	answer, err := l.caller.Call(ctx, event.RoleName, event.MethodRead, marshal(r))
	if err == nil {
		err = json.Unmarshal(answer, &a)
	}
	if err != nil {
		return a, unavailable(err)
	}
	return a, nil
}

// run publishes what comes.
func (l *log) run(ctx context.Context, r *Room) {
	var last event.ReadAnswer
	begun := false
	for ctx.Err() == nil {
		request := event.ReadRequest{Newest: true}
		if begun {
			request = event.ReadRequest{After: last.After, Lineage: last.Lineage, Max: replayEvents}
		}
		a, err := l.news(ctx, request)
		if err != nil {
			if ctx.Err() == nil {
				r.Fail(err)
				sleep(ctx, retryAfter)
			}
			continue
		}
		selected := l.filter.of(a.Events)
		snapshot := func() any { return eventsData{a.After, a.Lineage, []event.Event{}} }
		switch {
		case !begun || a.Lineage != last.Lineage:
			r.publish(time.Now(), snapshot, nil, a.After)
		case len(selected) == 0:
			r.cover(a.After)
		default:
			r.publish(time.Now(), snapshot, marshal(eventsData{a.After, a.Lineage, selected}), a.After)
		}
		last, begun = a, true
	}
}

// news reads what there is. It waits at the log until there is something, or, when others have all places there, here.
func (l *log) news(ctx context.Context, r event.ReadRequest) (event.ReadAnswer, error) {
	bounded, cancel := context.WithTimeout(ctx, eventWait+pollTimeout)
	defer cancel()
	if r.Newest {
		return l.read(bounded, r)
	}
	select {
	case l.waits <- struct{}{}:
		defer func() { <-l.waits }()
		r.WaitMS = int(eventWait.Milliseconds())
		return l.read(bounded, r)
	default:
	}
	a, err := l.read(bounded, r)
	if err == nil && len(a.Events) == 0 {
		sleep(ctx, eventLook)
	}
	return a, err
}

// replay sends what the log has behind a number, up to where the room goes on.
func (l *log) replay(ctx context.Context, r *Room, after uint64, send func(mark uint64, data []byte) error) (place, error) {
	for {
		p, until, ready := r.join(after)
		switch {
		case !ready:
			if !sleep(ctx, joinAgain) {
				return place{}, ctx.Err()
			}
			continue
		case l.lineage != "": // the number may be another one by now
			until = 0
		case until == 0:
			return p, nil
		}
		bounded, cancel := context.WithTimeout(ctx, pollTimeout)
		a, err := l.read(bounded, event.ReadRequest{After: after, Lineage: l.lineage, Max: replayEvents})
		cancel()
		if err != nil {
			return place{}, err
		}
		after, l.lineage = a.After, ""
		if until > 0 && (after > until || len(a.Events) == 0) { // the room has the rest; or nobody keeps what was between
			after = until
		}
		selected := slices.DeleteFunc(l.filter.of(a.Events), func(e event.Event) bool { return e.Number > after })
		if len(selected) > 0 {
			if err := send(after, marshal(eventsData{after, a.Lineage, selected})); err != nil {
				return place{}, err
			}
		}
	}
}
