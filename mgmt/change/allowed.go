package change

import (
	"context"

	"fcredirect/mgmt/problem"
)

// Step is something that is done with the state of a change.
type Step string

// The steps.
const (
	StepLock     Step = "lock"
	StepTakeOver Step = "takeover"
	StepUnlock   Step = "unlock"
	StepDiscard  Step = "discard"
	StepRebase   Step = "rebase"
	StepConfirm  Step = "confirm"
	StepRevert   Step = "revert"
	StepAccept   Step = "accept"
)

// Check says why a step cannot be done now, and changes nothing.
func (s *Service) Check(ctx context.Context, step Step, who string, revision uint64) error {
	if step == StepConfirm || step == StepRevert || step == StepAccept {
		if err := s.Settle(ctx); err != nil {
			return unavailable(err)
		}
	}
	h := s.peek()
	return h.allows(step, who, revision)
}

// allows says why a step cannot be done.
func (h *head) allows(step Step, who string, revision uint64) error {
	switch step {
	case StepLock:
		return lockedTo(h, who)
	case StepUnlock:
		if h.Lock == nil {
			return problem.New(problem.NotLocked, "")
		}
		return lockedTo(h, who)
	case StepDiscard:
		return mayEdit(h, who)
	case StepRebase:
		if err := mayEdit(h, who); err != nil {
			return err
		}
		if h.Pending == nil {
			return problem.New(problem.NothingPending, "")
		}
	case StepConfirm, StepRevert:
		if a := h.Apply; a == nil || a.Phase != Window || revision != 0 && revision != a.Revision {
			return problem.New(problem.NothingToConfirm, "%s", lastSentence(h))
		}
	case StepAccept:
		switch {
		case h.Apply != nil:
			return mayEdit(h, who)
		case h.Drift == nil:
			return problem.New(problem.Conflict, "The data plane decides by what was confirmed.")
		}
	}
	return nil
}
