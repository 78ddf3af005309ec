package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"fcredirect/mgmt/alarm"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/event"
)

// order is what somebody else wants done to the Book. The keeper does it.
type order struct {
	do   func(now time.Time) error
	done chan error // has room for one
}

// obey does an order, and lets everybody see what came of it.
func (r *Role) obey(now time.Time, o order) {
	err := o.do(now)
	if err == nil {
		r.save()
		r.publish()
	}
	o.done <- err
}

// ask has the keeper do something, and waits for it.
func (r *Role) ask(ctx context.Context, do func(now time.Time) error) error {
	ctx, cancel := context.WithTimeout(ctx, orderTimeout)
	defer cancel()
	o := order{do: do, done: make(chan error, 1)}
	select {
	case r.orders <- o:
	case <-ctx.Done():
		return fmt.Errorf("monitor: the keeper is busy: %w", ctx.Err())
	}
	select {
	case err := <-o.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("monitor: the keeper is busy: %w", ctx.Err())
	}
}

// handle registers all that the role answers.
func (r *Role) handle() (remove func()) {
	all := []func(){
		r.o.Bus.Handle(MethodList, func(context.Context, []byte) ([]byte, error) { return r.answer() }),
		r.o.Bus.Handle(MethodAcknowledge, ordered(r, r.acknowledge)),
		r.o.Bus.Handle(MethodUnacknowledge, ordered(r, r.unacknowledge)),
		r.o.Bus.Handle(MethodMute, ordered(r, r.mute)),
		r.o.Bus.Handle(MethodUnmute, ordered(r, r.unmute)),
		r.o.Bus.Handle(MethodReport, ordered(r, r.report)),
	}
	return func() {
		for _, remove := range all {
			remove()
		}
	}
}

// ordered makes a handler of what the keeper does with a request.
func ordered[Q any](r *Role, do func(now time.Time, q Q) error) bus.Handler {
	return func(ctx context.Context, b []byte) ([]byte, error) {
		var q Q
		if err := json.Unmarshal(b, &q); err != nil {
			return nil, &bus.Error{Code: CodeInvalid, Text: "monitor: the request cannot be read"}
		}
		if err := r.ask(ctx, func(now time.Time) error { return do(now, q) }); err != nil {
			return nil, coded(err)
		}
		return r.answer()
	}
}

// coded gives an error a code that its caller knows.
func coded(err error) error {
	switch {
	case errors.Is(err, alarm.ErrNotActive), errors.Is(err, alarm.ErrNoMute):
		return &bus.Error{Code: CodeNotFound, Text: err.Error()}
	case errors.Is(err, alarm.ErrMutesFull):
		return &bus.Error{Code: CodeFull, Text: err.Error()}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return err
	}
	return &bus.Error{Code: CodeInvalid, Text: err.Error()}
}

// answer is the list as it is now.
func (r *Role) answer() ([]byte, error) {
	v := r.view.Load()
	if v == nil {
		v = &Answer{}
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("monitor: encode alarms: %w", err)
	}
	return b, nil
}

func (r *Role) acknowledge(now time.Time, q AcknowledgeRequest) error {
	if _, err := r.book.Acknowledge(now, q.Code, q.Subject, q.By, q.Note); err != nil {
		return err
	}
	r.scribe.tell(note{event.AlarmAcknowledged, event.Fields{"code": string(q.Code), "subject": q.Subject, "note": q.Note, "who": q.By}})
	return nil
}

func (r *Role) unacknowledge(now time.Time, q AcknowledgeRequest) error {
	_, err := r.book.Unacknowledge(now, q.Code, q.Subject)
	return err
}

func (r *Role) mute(now time.Time, q MuteRequest) error {
	m := alarm.Mute{ID: q.ID, Code: q.Code, Subject: q.Subject, Until: q.Until, Reason: q.Reason, By: q.By}
	if m.ID == "" || len(m.ID) > subjectMost || !subjectForm.MatchString(m.Subject) || len(m.Reason) > textMost {
		return errors.New("monitor: the mute's id, subject or reason is wrong")
	}
	if err := r.book.Mute(now, m); err != nil {
		return err
	}
	r.scribe.tell(noteOfMute(event.AlarmMuted, m, q.By))
	return nil
}

func (r *Role) unmute(now time.Time, q UnmuteRequest) error {
	m, err := r.book.Unmute(now, q.ID)
	if err != nil {
		return err
	}
	r.scribe.tell(noteOfMute(event.AlarmUnmuted, m, q.By))
	return nil
}

// reportKey is a problem that another role reported.
type reportKey struct {
	code    alarm.Code
	subject string
}

// Subjects are paths of plain words.
var subjectForm = regexp.MustCompile(`^([A-Za-z0-9._:-]+(/[A-Za-z0-9._:-]+)*)?$`)

// report takes what another role has found. All of it is checked before any of it is believed.
func (r *Role) report(now time.Time, q ReportRequest) error {
	for _, p := range q.Reports {
		e := alarm.Lookup(p.Code)
		switch {
		case e == nil || !e.Reported:
			return fmt.Errorf("monitor: %.60q is no problem that is reported", p.Code)
		case len(p.Subject) > subjectMost || !subjectForm.MatchString(p.Subject):
			return fmt.Errorf("monitor: %s: its subject is wrong", p.Code)
		case e.Occurrence && p.Holds, !e.Occurrence && p.Times > 0:
			return fmt.Errorf("monitor: %s: an occurrence has times, a condition holds or not", p.Code)
		}
	}
	for _, p := range q.Reports {
		key := reportKey{p.Code, p.Subject}
		switch detail := p.Detail[:min(len(p.Detail), textMost)]; {
		case p.Times > 0:
			r.book.Happened(now, p.Code, p.Subject, detail, p.Times)
		case p.Holds:
			r.book.Set(now, p.Code, p.Subject, detail)
			r.reported[key] = now.Add(lease)
		default:
			r.book.Unset(now, p.Code, p.Subject)
			delete(r.reported, key)
		}
	}
	return nil
}

// leasesOf gives what was reported before a restart its whole lease once more.
func leasesOf(saved []alarm.Saved, now time.Time) map[reportKey]time.Time {
	leases := map[reportKey]time.Time{}
	for _, s := range saved {
		if e := alarm.Lookup(s.Code); e != nil && e.Reported && !e.Occurrence && s.Shown {
			leases[reportKey{s.Code, s.Subject}] = now.Add(lease)
		}
	}
	return leases
}

// lapse ends what nobody reports any more.
func (r *Role) lapse(now time.Time) {
	for key, until := range r.reported {
		if !now.Before(until) {
			r.book.Unset(now, key.code, key.subject)
			delete(r.reported, key)
		}
	}
}
