package stats

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"fcredirect/dataplane/frame"
	"fcredirect/mgmt/postgres"
)

// Service answers questions about the samples of one node. Any goroutine may ask.
type Service struct {
	db    *postgres.DB                                               // constant
	now   func(context.Context, postgres.Querier) (time.Time, error) // constant
	limit time.Duration                                              // constant
	slots chan struct{}
}

// NewService makes one.
func NewService(db *postgres.DB) *Service {
	return &Service{db: db, now: serverClock, limit: questionTime, slots: make(chan struct{}, atOnce)}
}

// ErrTooMuch: the answer would take longer than a question may.
var ErrTooMuch = errors.New("stats: that is too much to read: ask for a shorter range, a larger step, or a name")

var questionSetup = []string{
	"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", "SET LOCAL jit = off",
	fmt.Sprintf("SET LOCAL work_mem = '%dMB'", questionMemory>>20),
}

// ask answers a request within one moment of the database.
func (s *Service) ask(ctx context.Context, r *Request, one bool, answer func(context.Context, *question) error) error {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	node, err := s.db.NodeID(ctx)
	if err != nil {
		return err
	}
	setup := append([]string{fmt.Sprintf("SET LOCAL statement_timeout = %d", s.limit.Milliseconds())}, questionSetup...)
	err = transaction(ctx, s.db.Q(), setup, func(tx pgx.Tx) error {
		now, err := s.now(ctx, tx)
		if err != nil {
			return err
		}
		if err := r.Check(now, one); err != nil {
			return err
		}
		marks, err := readMarks(ctx, tx, node)
		if err != nil {
			return err
		}
		return answer(ctx, &question{Request: *r, tx: tx, node: node, chain: r.chain(), marks: marks})
	})
	if postgres.Kind(err) == postgres.Cancelled && ctx.Err() == nil {
		return fmt.Errorf("%w (%w)", ErrTooMuch, err)
	}
	return err
}

// question is a request that is being answered, in a transaction.
type question struct {
	Request
	tx    pgx.Tx
	node  int32
	chain chain
	marks map[string]mark
	args  []any
}

func (q *question) floors() (f [numLevels]time.Time) {
	for i, t := range q.chain.tables {
		f[i] = q.marks[t.level()].floor
	}
	return f
}

func (q *question) arg(v any) string {
	q.args = append(q.args, v)
	return fmt.Sprintf("$%d", len(q.args))
}

// sums are the columns of counts, as sums over rows of a table, or over sums of them.
func (q *question) sums(of bool) string {
	columns := []string{"frames", "bytes", "errors"}
	if q.chain.span == SpanPort {
		columns = []string{"span_us", "frames_in", "bytes_in", "frames_out", "bytes_out", "drops", "stalled", "mirror_lost", "device_errors", "pauses_in", "pauses_out"}
	}
	for i, c := range columns {
		columns[i] = fmt.Sprintf("sum(%[1]s)::bigint AS %[1]s", c)
		if !of {
			columns[i] = c
		}
	}
	return strings.Join(columns, ", ")
}

// where are the conditions of the request but for time.
func (q *question) where() string {
	w := "node_id = " + q.arg(q.node)
	add := func(column string, v any) { w += fmt.Sprintf(" AND %s = %s", column, q.arg(v)) }
	wwn := func(column string, v *frame.WWN) {
		if v != nil {
			add(column, int64(*v))
		}
	}
	text := func(column string, v *string) {
		if v != nil {
			add(column, *v)
		}
	}
	wwn("initiator", q.Initiator)
	wwn("target", q.Target)
	if q.VSAN != nil {
		add("vsan", *q.VSAN)
	}
	text("rule", q.Policy)
	text("service", q.Service)
	if q.chain.span == SpanPort {
		text("port", q.Port)
	} else {
		text("in_port", q.Port)
	}
	return w
}

// rows is a subquery: the counts of all segments by keys. One of the keys may be called bucket and be an expression.
func (q *question) rows(list []segment, keys []string, bucket string) string {
	where := q.where()
	selected, groups := "", ""
	for i, k := range keys {
		selected += k + ", "
		groups += fmt.Sprintf(", %d", i+1)
	}
	if bucket != "" {
		selected += bucket + " AS bucket, "
		groups += fmt.Sprintf(", %d", len(keys)+1)
	}
	if groups != "" {
		groups = " GROUP BY " + groups[2:]
	}
	var parts []string
	for _, s := range list {
		from, to := q.arg(s.from), q.arg(s.to)
		for level := s.level; level >= second; level-- {
			fresh := ""
			if level < s.level {
				fresh = " AND " + q.marks[q.chain.marks[level]].fresh()
			}
			parts = append(parts, fmt.Sprintf("SELECT %s%s FROM %s WHERE %s AND at >= %s AND at < %s%s%s", selected, q.sums(true),
				q.chain.tables[level].name, where, from, to, fresh, groups))
		}
	}
	return strings.Join(parts, "\nUNION ALL ")
}

// counts are scanned from the columns of sums.
type counts struct {
	span int64 // µs, of ports
	c    Counts
	port PortCounts
}

// into are the places to scan them into. A sum over nothing is null.
func (c *counts) into(of chain) []any {
	if of.span == SpanPort {
		p := &c.port
		return nullable(&c.span, &p.FramesIn, &p.BytesIn, &p.FramesOut, &p.BytesOut, &p.Drops, &p.Stalled, &p.MirrorLost, &p.DeviceErrors, &p.PausesIn, &p.PausesOut)
	}
	return nullable(&c.c.Frames, &c.c.Bytes, &c.c.Errors)
}

// orZero scans null as 0.
type orZero struct{ v *int64 }

func (z orZero) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*z.v = 0
	case int64:
		*z.v = v
	default:
		return fmt.Errorf("a count that is %T", v)
	}
	return nil
}

func nullable(places ...*int64) []any {
	var list []any
	for _, p := range places {
		list = append(list, orZero{p})
	}
	return list
}

// done completes them: measured is the time over which rates are.
func (c *counts) done(of chain, measured time.Duration) Counts {
	if of.span == SpanPort {
		p := c.port
		c.c = Counts{Frames: p.FramesIn + p.FramesOut, Bytes: p.BytesIn + p.BytesOut, Errors: p.Drops + p.Stalled + p.MirrorLost + p.DeviceErrors, Port: &p}
		if c.span > 0 {
			measured = time.Duration(c.span) * time.Microsecond
		}
	}
	if s := measured.Seconds(); s > 0 {
		c.c.FrameRate, c.c.ByteRate = float64(c.c.Frames)/s, float64(c.c.Bytes)/s
	}
	return c.c
}

// rangeOf completes a range with how much of it was measured.
func (q *question) rangeOf(ctx context.Context, from, to time.Time) (Range, []Span, error) {
	spans, err := readSpans(ctx, q.tx, q.node, q.chain.span, from, to)
	return Range{From: from, To: to, Measured: measured(spans, from, to).Seconds()}, spans, err
}

// seconds that rates are over: where counts came from a time of which nobody said that it was measured, all of it.
func (r Range) seconds() time.Duration {
	if r.Measured > 0 {
		return time.Duration(r.Measured * float64(time.Second))
	}
	return r.To.Sub(r.From)
}

// Total adds up what was counted.
func (s *Service) Total(ctx context.Context, r Request) (total Total, err error) {
	err = s.ask(ctx, &r, true, func(ctx context.Context, q *question) error {
		from, to, list := plan(q.From, q.To, q.floors(), hour)
		if total.Range, _, err = q.rangeOf(ctx, from, to); err != nil {
			return err
		}
		var c counts
		sql := fmt.Sprintf("SELECT %s FROM (%s) u", q.sums(true), q.rows(list, nil, ""))
		if err := q.tx.QueryRow(ctx, sql, q.args...).Scan(c.into(q.chain)...); err != nil {
			return err
		}
		total.Counts = c.done(q.chain, total.seconds())
		return nil
	})
	if err != nil {
		return Total{}, fmt.Errorf("stats: total: %w", err)
	}
	return total, nil
}
