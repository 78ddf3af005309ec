package report

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"

	"fcredirect/mgmt/alarm"
	"fcredirect/mgmt/event"
)

// book is the log of events.
type book struct{ told []event.Type }

func (b *book) Append(_ context.Context, t event.Type, f event.Fields) error {
	b.told = append(b.told, t)
	_, err := event.Encode(t, f)
	return err
}

func (b *book) Flush(context.Context) error { return nil }

func TestWhatHappensIsAnAlarmWhereItIsOne(t *testing.T) {
	for _, c := range []struct {
		name   string
		event  event.Type
		fields event.Fields
		want   alarm.Code
	}{
		{"somebody is locked out", event.LockedOut, event.Fields{"who": "alice", "address": "192.0.2.7", "failures": 5}, alarm.BruteForce},
		{"a change that nobody confirmed", event.ChangeExpired, event.Fields{"revision": 7}, alarm.ChangeReverted},
		{"a capture that was stopped", event.CaptureEnded, event.Fields{"id": "a", "why": "it was stopped"}, ""},
		{"a capture that could not be written", event.CaptureEnded, event.Fields{"id": "a", "why": "its file could not be written"}, alarm.CaptureStopped},
		{"a backup that failed", event.JobEnded, event.Fields{"kind": "backup", "state": "failed", "error": "x"}, alarm.BackupFailed},
		{"a backup that was made", event.JobEnded, event.Fields{"kind": "backup", "state": "done"}, ""},
		{"a bundle that failed", event.JobEnded, event.Fields{"kind": "bundle", "state": "failed"}, ""},
		{"a role that began", event.RoleStarted, event.Fields{"role": "store"}, ""},
	} {
		r, b := New(&listener{}, slog.New(slog.DiscardHandler)), &book{}
		if err := r.Events(b).Append(t.Context(), c.event, c.fields); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if !slices.Equal(b.told, []event.Type{c.event}) {
			t.Errorf("%s: the log has %v", c.name, b.told)
		}
		found := alarm.Code("")
		for k := range r.known {
			found = k.code
		}
		if found != c.want {
			t.Errorf("%s: alarm %q, want %q", c.name, found, c.want)
		}
	}
}

func TestWhatIsReadInATextIsWrittenThere(t *testing.T) {
	source, err := os.ReadFile("../../capture/pump.go")
	if err != nil || !strings.Contains(string(source), unwritten) {
		t.Errorf("mgmt/capture does not say %q: %v", unwritten, err)
	}
}

// What may be reported stands in the catalogue: monitor refuses anything else, and all that came with it.
func TestOnlyWhatIsReportedIsReported(t *testing.T) {
	for _, code := range []alarm.Code{alarm.BruteForce, alarm.ChangeReverted, alarm.CaptureStopped, alarm.BackupFailed} {
		if e := alarm.Lookup(code); e == nil || !e.Reported || !e.Occurrence {
			t.Errorf("%s is no occurrence that is reported", code)
		}
	}
}
