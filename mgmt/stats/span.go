package stats

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"fcredirect/mgmt/postgres"
)

// Sources of samples, as table sample_span names them.
const (
	SpanFlow = "flow"
	SpanPort = "port"
)

// Span is a time in which a source was measured without a break.
type Span struct {
	Source       string
	Since, Until time.Time
}

// PutSpan records a span, or that one goes on: its beginning names it.
func PutSpan(ctx context.Context, q postgres.Querier, node int32, s Span) error {
	_, err := q.Exec(ctx, `INSERT INTO sample_span (node_id, source, since, until) VALUES ($1, $2, $3, $4)
		ON CONFLICT (node_id, source, since) DO UPDATE SET until = greatest(sample_span.until, excluded.until)`, node, s.Source, s.Since, s.Until)
	if err != nil {
		return fmt.Errorf("stats: span of %s: %w", s.Source, err)
	}
	return nil
}

// readSpans gives the spans of a source within [from, to), cut to it, joined where they touch, in order.
func readSpans(ctx context.Context, q postgres.Querier, node int32, source string, from, to time.Time) ([]Span, error) {
	rows, err := q.Query(ctx, `SELECT greatest(since, $3), least(until, $4) FROM sample_span
		WHERE node_id = $1 AND source = $2 AND until > $3 AND since < $4 ORDER BY since`, node, source, from, to)
	if err != nil {
		return nil, fmt.Errorf("stats: spans of %s: %w", source, err)
	}
	spans, err := pgx.CollectRows(rows, func(r pgx.CollectableRow) (s Span, err error) {
		s.Source = source
		return s, r.Scan(&s.Since, &s.Until)
	})
	if err != nil {
		return nil, fmt.Errorf("stats: spans of %s: %w", source, err)
	}
	return join(spans), nil
}

func join(spans []Span) []Span {
	slices.SortFunc(spans, func(a, b Span) int { return a.Since.Compare(b.Since) })
	var joined []Span
	for _, s := range spans {
		if n := len(joined); n > 0 && !s.Since.After(joined[n-1].Until) {
			if s.Until.After(joined[n-1].Until) {
				joined[n-1].Until = s.Until
			}
			continue
		}
		joined = append(joined, s)
	}
	return joined
}

// measured is how much of [from, to) lies in spans, which are joined.
func measured(spans []Span, from, to time.Time) time.Duration {
	i, _ := slices.BinarySearchFunc(spans, from, func(s Span, t time.Time) int {
		return cmp.Or(s.Until.Compare(t), -1) // the first that ends after from
	})
	var sum time.Duration
	for ; i < len(spans) && spans[i].Since.Before(to); i++ {
		a, b := spans[i].Since, spans[i].Until
		if a.Before(from) {
			a = from
		}
		if b.After(to) {
			b = to
		}
		if b.After(a) {
			sum += b.Sub(a)
		}
	}
	return sum
}
