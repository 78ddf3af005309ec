package report

import (
	"context"
	"fmt"
	"strings"

	"fcredirect/mgmt/alarm"
	"fcredirect/mgmt/event"
)

// Log is a way into the log of events: an *event.Client.
type Log interface {
	event.Appender
	Flush(ctx context.Context) error
}

// Events is a way into the log which also tells of an alarm where what happened is one.
func (r *Reporter) Events(next Log) Log { return events{next, r} }

type events struct {
	Log
	r *Reporter
}

// Append passes the event on, whatever it is.
func (e events) Append(ctx context.Context, t event.Type, f event.Fields) error {
	switch t {
	case event.LockedOut:
		e.r.Happened(alarm.BruteForce, "", fmt.Sprintf("%v failures, the last one from %v", f["failures"], f["address"]))
	case event.ChangeExpired:
		e.r.Happened(alarm.ChangeReverted, "", fmt.Sprintf("revision %v", f["revision"]))
	case event.CaptureEnded:
		if why := fmt.Sprint(f["why"]); strings.Contains(why, unwritten) {
			e.r.Happened(alarm.CaptureStopped, fmt.Sprintf("capture/%v", f["id"]), why)
		}
	case event.JobEnded:
		if f["kind"] == "backup" && f["state"] == "failed" {
			e.r.Happened(alarm.BackupFailed, "", fmt.Sprint(f["error"]))
		}
	}
	return e.Log.Append(ctx, t, f)
}

// unwritten is what mgmt/capture says of a capture whose file could not be written.
const unwritten = "could not be written"
