package bus

import (
	"context"
	"errors"
	"time"
)

// Subscribe asks again and again, until ctx ends or each returns an error: first is the first request, each makes of an
// answer the next. Where each counts from the number of what it saw last and the handler waits until there is more, this
// is a subscription without gaps or repetition, across restarts of the role and segments that are replaced. While nobody
// answers it tries again with growing pauses.
func (b *Bus) Subscribe(ctx context.Context, role, method string, first []byte, each func(answer []byte) (next []byte, err error)) error {
	const shortest, longest = 10 * time.Millisecond, time.Second
	pause := shortest
	for next := first; ; {
		patient, stop := context.WithTimeout(ctx, Patience)
		answer, err := b.Call(patient, role, method, next)
		stop()
		switch {
		case ctx.Err() != nil:
			return givenUp(ctx.Err())
		case err == nil:
			pause = shortest
			if next, err = each(answer); err != nil {
				return err
			}
			continue
		case !Retryable(err) && !errors.Is(err, ErrTimeout):
			return err
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, longest)
		case <-ctx.Done():
			return givenUp(ctx.Err())
		}
	}
}
