package stats

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// niceSteps are those that a series without a step chooses from: each is a whole number of buckets, and divides a minute,
// an hour, a day or a week.
var niceSteps = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, week,
}

const week = 7 * 24 * time.Hour

// stepOf says how wide the points of a series are, and which level they are made of: the coarsest that gives such
// points, among those that reach back far enough.
func stepOf(from, to time.Time, asked time.Duration, floors [numLevels]time.Time) (step time.Duration, level int, err error) {
	reaching := second
	for reaching < hour && from.Before(floors[reaching]) {
		reaching++
	}
	step = asked
	for i := 0; asked == 0 && i < len(niceSteps); i++ {
		if step = niceSteps[i]; step >= bucket[reaching] && to.Sub(from) <= defaultPoints*step {
			break
		}
	}
	if weeks := to.Sub(from) / (defaultPoints * week); asked == 0 && weeks > 0 {
		step = (weeks + 1) * week
	}
	if rest := step % bucket[reaching]; rest > 0 {
		step += bucket[reaching] - rest
	}
	if points := (to.Sub(from) + step - 1) / step; points > MaxPoints {
		return 0, 0, bad("%d points: ask for %d or fewer: a larger step or a shorter range", points, MaxPoints)
	}
	for level = hour; step%bucket[level] != 0; level-- {
	}
	return step, level, nil
}

// Series tells what was counted when, in points of equal width from the beginning of the range to its end. The range is
// widened to whole points.
func (s *Service) Series(ctx context.Context, r Request) (series Series, err error) {
	err = s.ask(ctx, &r, true, func(ctx context.Context, q *question) error {
		step, level, err := stepOf(q.From, q.To, time.Duration(q.Step)*time.Second, q.floors())
		if err != nil {
			return err
		}
		from, to := floor(q.From, step), floor(q.To.Add(step-time.Microsecond), step)
		points, err := q.points(ctx, segment{level, from, to}, step)
		if err != nil {
			return err
		}
		var spans []Span
		if series.Range, spans, err = q.rangeOf(ctx, from, to); err != nil {
			return err
		}
		series.Step, series.Level, series.Points = int(step/time.Second), levelNames[level], []Point{}
		for at := from; at.Before(to); at = at.Add(step) {
			covered := measured(spans, at, at.Add(step))
			p := Point{At: at, Measured: covered.Seconds() / step.Seconds()}
			if c := points[at.UnixMicro()]; c != nil || covered > 0 {
				if c == nil {
					c = &counts{}
				}
				if covered == 0 {
					covered = step
				}
				done := c.done(q.chain, covered)
				p.Counts = &done
			}
			series.Points = append(series.Points, p)
		}
		return nil
	})
	if err != nil {
		return Series{}, fmt.Errorf("stats: series: %w", err)
	}
	return series, nil
}

// points reads the counts by the beginning of their bucket.
func (q *question) points(ctx context.Context, s segment, step time.Duration) (map[int64]*counts, error) {
	bucket := fmt.Sprintf("date_bin(%s, at, %s)", q.arg(step)+"::interval", q.arg(s.from)+"::timestamptz")
	sql := fmt.Sprintf("SELECT bucket, %s FROM (%s) u GROUP BY bucket", q.sums(true), q.rows([]segment{s}, nil, bucket))
	rows, err := q.tx.Query(ctx, sql, q.args...)
	if err != nil {
		return nil, err
	}
	points := map[int64]*counts{}
	var at time.Time
	var c counts
	_, err = pgx.ForEachRow(rows, append([]any{&at}, c.into(q.chain)...), func() error {
		kept := c
		points[at.UnixMicro()] = &kept
		return nil
	})
	return points, err
}
