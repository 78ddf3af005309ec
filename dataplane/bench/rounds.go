package bench

import (
	"context"
	"errors"
	"fmt"
)

// Series is what one contender did, round by round.
type Series struct {
	Name    string
	Results []*Result // nil where it failed
	// Failures are the reasons, in order. Unavailable is set when it could not run at all; then Results is empty.
	Failures    []string
	Unavailable string
}

// Ours is the name of the contender that the others are compared with.
const Ours = "ours"

// Slowpath is the name of our data plane with the management daemon at its rings.
const Slowpath = "slowpath"

// Progress is told about each result, or failure, as it comes.
type Progress func(round int, name string, r *Result, err error)

// Rounds lets the contenders run in turn, rounds times. Each round has the opposite order of the one before, so that a
// machine that slows down favours nobody. A rival that fails loses that round; when ours fails, nothing is left to
// compare, and that is the error.
func Rounds(ctx context.Context, s *Scenario, contenders []Contender, rounds int, progress Progress) ([]Series, error) {
	if rounds < 1 || rounds > MaxRounds {
		return nil, fmt.Errorf("bench rounds: %d: want 1 to %d", rounds, MaxRounds)
	}
	series := make([]Series, len(contenders))
	for i, c := range contenders {
		series[i] = Series{Name: c.Name(), Results: make([]*Result, rounds)}
	}
	for round := range rounds {
		for k := range contenders {
			if round%2 == 1 {
				k = len(contenders) - 1 - k
			}
			if series[k].Unavailable != "" {
				continue
			}
			if err := runOnce(ctx, s, contenders[k], &series[k], round, progress); err != nil {
				return nil, err
			}
		}
	}
	return series, nil
}

func runOnce(ctx context.Context, s *Scenario, c Contender, into *Series, round int, progress Progress) error {
	result, err := c.Run(ctx, s)
	if progress != nil {
		if err != nil {
			progress(round, into.Name, nil, err)
		} else {
			progress(round, into.Name, &result, nil)
		}
	}
	switch {
	case err == nil:
		into.Results[round] = &result
	case ctx.Err() != nil:
		return fmt.Errorf("bench round %d: %w", round+1, ctx.Err())
	case into.Name == Ours:
		return fmt.Errorf("bench round %d: %w", round+1, err)
	case errors.Is(err, ErrUnavailable):
		into.Unavailable, into.Results = err.Error(), nil
	default:
		into.Failures = append(into.Failures, fmt.Sprintf("round %d: %v", round+1, err))
	}
	return nil
}
