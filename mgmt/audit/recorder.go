package audit

import (
	"context"

	"fcredirect/mgmt/problem"
)

// Recorder writes entries down.
type Recorder interface {
	// Ready says whether a write may go on: whether it can be written down who does it. The error is audit_unavailable.
	Ready(ctx context.Context, e *Entry) error
	// Finish ends an entry. The code is empty when the request was done. Reads that were done, or that ask for what is
	// not there, leave no trace; nor do requests of nobody who presented no credentials.
	Finish(ctx context.Context, e *Entry, code problem.Code)
}

// Urgent says whether an action goes on while nothing can be written down: what makes things safer, or is the way to put
// them right. It is told to the daemon's own log then.
func Urgent(action string) bool {
	switch action {
	case "change.confirm", "change.revert", "session.create", "session.delete":
		return true
	}
	return false
}

// Nowhere records nothing. It is for programs and tests without a log.
type Nowhere struct{}

// Ready is always nil.
func (Nowhere) Ready(context.Context, *Entry) error { return nil }

// Finish forgets.
func (Nowhere) Finish(context.Context, *Entry, problem.Code) {}
