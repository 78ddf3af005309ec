package metrics

import (
	"time"

	"fcredirect/dataplane/command"
	"fcredirect/dataplane/shm"
)

var (
	policyRevision  = gauge("fcr_policy_revision", "Revision that is active in the data plane.")
	policyConfirmed = gauge("fcr_policy_confirmed_revision", "Revision that a reboot finds: the active one, but while a change waits to be confirmed.")
	policyWindow    = gauge("fcr_policy_confirm_window_open", "1 while the active revision waits to be confirmed.")
	policyLeft      = gauge("fcr_policy_confirm_left_seconds", "Until the data plane goes back to the confirmed revision by itself. 0 when nothing waits.")
	policyOutcome   = gauge("fcr_policy_last_outcome", "1 for what came of the revision before, 0 for the others.", "outcome")
)

// tellChange tells the state of the change of configuration. A data plane of before has none.
func tellChange(out sink, f *shm.File, now time.Time) {
	s, err := command.Read(f)
	if err != nil {
		return
	}
	out.count(policyRevision, s.Revision)
	out.count(policyConfirmed, s.Confirmed)
	out.is(policyWindow, s.Pending())
	left := 0.0
	if s.Pending() {
		left = max(0, s.Deadline.Sub(now).Seconds())
	}
	out.put(policyLeft, left)
	for _, what := range []string{"confirmed", "reverted", "expired"} {
		out.is(policyOutcome, s.Last.What == what, what)
	}
}
