package operation

import (
	"context"
	"fmt"
	"time"

	"fcredirect/mgmt/alarm"
)

// Reporter tells of problems: a *report.Reporter.
type Reporter interface {
	Set(code alarm.Code, subject, detail string)
	Unset(code alarm.Code, subject string)
}

// Watched is what only role api knows of, and is worth an alarm.
type Watched struct {
	Reporter    Reporter
	Certificate func() time.Time            // when it ends; nil or zero: there is none
	Mirrored    func() bool                 // the database has all settings
	Audit       func(context.Context) error // why nothing can be written down; nil: it can
	Drift       func() string               // what the data plane decides by that was not confirmed; empty: nothing
}

// Watch looks again and again, until ctx ends.
func (w Watched) Watch(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		w.look(ctx, time.Now())
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (w Watched) look(ctx context.Context, now time.Time) {
	say := func(code alarm.Code, holds bool, format string, args ...any) {
		if holds {
			w.Reporter.Set(code, "", fmt.Sprintf(format, args...))
		} else {
			w.Reporter.Unset(code, "")
		}
	}
	if w.Certificate != nil {
		end := w.Certificate()
		say(alarm.CertificateEnds, !end.IsZero() && end.Sub(now) < certificateSoon, "it ends at %s", end.UTC().Format("2006-01-02 15:04"))
	}
	if w.Mirrored != nil {
		say(alarm.SettingsAhead, !w.Mirrored(), "the file of this node is ahead")
	}
	if w.Audit != nil {
		bounded, cancel := context.WithTimeout(ctx, askTime)
		err := w.Audit(bounded)
		cancel()
		say(alarm.AuditDown, err != nil && ctx.Err() == nil, "nothing can be written down")
	}
	if w.Drift != nil {
		drift := w.Drift()
		say(alarm.ChangeDrift, drift != "", "%s", drift)
	}
}
