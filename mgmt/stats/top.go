package stats

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"fcredirect/dataplane/frame"
)

// Up to these ranges the peaks of Top by rate are those of a second, and of a minute.
const (
	peakSeconds = 2 * time.Minute
	peakMinutes = 6 * time.Hour
)

// Top tells who had most of a counter. Equals are in the order of their names.
func (s *Service) Top(ctx context.Context, r Request) (top Top, err error) {
	r.By, r.N = cmp.Or(r.By, Bytes), cmp.Or(r.N, 10)
	err = s.ask(ctx, &r, false, func(ctx context.Context, q *question) error {
		floors, most := q.floors(), hour
		if q.By == Rate {
			most = peakLevel(q.To.Sub(q.From))
			for most < hour && q.From.Before(floors[most]) {
				most++
			}
			top.Bucket = levelNames[most]
		}
		from, to, list := plan(q.From, q.To, floors, most)
		if top.Range, _, err = q.rangeOf(ctx, from, to); err != nil {
			return err
		}
		top.By, top.Rows = q.By, []TopRow{}
		return q.top(ctx, &top, list, most)
	})
	if err != nil {
		return Top{}, fmt.Errorf("stats: top: %w", err)
	}
	return top, nil
}

func peakLevel(length time.Duration) int {
	switch {
	case length <= peakSeconds:
		return second
	case length <= peakMinutes:
		return minute
	}
	return hour
}

// top reads the rows, and the sums over all rows beside each.
func (q *question) top(ctx context.Context, top *Top, list []segment, most int) error {
	keys := q.Of.keys()
	names := strings.Join(keys, ", ")
	if names != "" {
		names += ", "
	}
	of, peak := "", "0::bigint AS peak"
	if q.By == Rate {
		width := fmt.Sprintf("date_bin('%d s', at, %s)", int(bucket[most].Seconds()), origin)
		of = fmt.Sprintf("SELECT %sbucket, %s FROM (%s) u GROUP BY %sbucket", names, q.sums(true), q.rows(list, keys, width), names)
		peak = "max(bytes) AS peak"
		if q.chain.span == SpanPort {
			peak = "max(bytes_in + bytes_out) AS peak"
		}
	} else {
		of = q.rows(list, keys, "")
	}
	inner := fmt.Sprintf("SELECT %s%s, %s FROM (%s) v", names, q.sums(true), peak, of)
	if len(keys) > 0 {
		inner += " GROUP BY " + strings.Join(keys, ", ")
	}
	sql := fmt.Sprintf("SELECT %s%s, peak, count(*) OVER (), %s FROM (%s) w ORDER BY %s DESC%s LIMIT %s", names, q.sums(false), q.overAll(), inner,
		q.order(), strings.TrimSuffix(", "+names, ", "), q.arg(q.N))
	rows, err := q.tx.Query(ctx, sql, q.args...)
	if err != nil {
		return err
	}
	key := make([]any, len(keys))
	places := []any{}
	for i, k := range keys {
		switch k {
		case "initiator", "target":
			key[i] = new(int64)
		case "vsan":
			key[i] = new(int)
		default:
			key[i] = new(string)
		}
		places = append(places, key[i])
	}
	var c, all counts
	var high int64
	places = append(append(append(places, c.into(q.chain)...), orZero{&high}, &top.Groups), all.into(q.chain)...)
	_, err = pgx.ForEachRow(rows, places, func() error {
		kept := c
		row := TopRow{Key: keyOf(keys, key), Counts: kept.done(q.chain, top.seconds())}
		if q.By == Rate {
			row.Peak = float64(high) / bucket[most].Seconds()
		}
		top.Rows = append(top.Rows, row)
		return nil
	})
	all.span = 0 // of several ports at a time
	top.All = all.done(q.chain, top.seconds())
	return err
}

// order is what rows are ordered by.
func (q *question) order() string {
	if q.By == Rate {
		return "peak"
	}
	if q.chain.span != SpanPort {
		return string(q.By)
	}
	return map[Counter]string{
		Bytes: "bytes_in + bytes_out", Frames: "frames_in + frames_out", Errors: "drops + stalled + mirror_lost + device_errors",
	}[q.By]
}

// overAll are the columns of counts as sums over all rows.
func (q *question) overAll() string {
	var list []string
	for c := range strings.SplitSeq(q.sums(false), ", ") {
		list = append(list, fmt.Sprintf("(sum(%s) OVER ())::bigint", c))
	}
	return strings.Join(list, ", ")
}

// keyOf names a row by the values of its key columns.
func keyOf(columns []string, values []any) Key {
	var k Key
	for i, c := range columns {
		switch v := values[i].(type) {
		case *int64:
			w := frame.WWN(*v)
			if c == "initiator" {
				k.Initiator = &w
			} else {
				k.Target = &w
			}
		case *int:
			n := *v
			k.VSAN = &n
		case *string:
			s := *v
			switch c {
			case "rule":
				k.Policy = &s
			case "service":
				k.Service = &s
			case "port":
				k.Port = &s
			}
		}
	}
	return k
}
