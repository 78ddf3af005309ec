package telemetry

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/stats"
)

// writer puts looks into the database. It belongs to one goroutine.
type writer struct {
	db      *postgres.DB
	ensured int64 // the partition that is there
	ports   track
	flows   track
}

func newWriter(db *postgres.DB) *writer {
	return &writer{db: db, ports: track{source: stats.SpanPort}, flows: track{source: stats.SpanFlow, lag: sampleLag}}
}

// columns are the counters of a port, in table port_total and in the samples.
var columns = []string{"frames_in", "bytes_in", "frames_out", "bytes_out", "drops", "stalled", "mirror_lost", "device_errors", "pauses_in", "pauses_out"}

// counters are their values. The first lcores of them are counted by lcores: within a boot they only go up. The others
// come from the device, which may begin anew.
type counters [10]int64

const lcoreCounters = 7

func (p *Port) counters() counters {
	return counters{
		int64(p.FramesIn), int64(p.BytesIn), int64(p.FramesOut), int64(p.BytesOut), int64(p.Drops), int64(p.Stalled), int64(p.MirrorLost),
		int64(p.DeviceErrors), int64(p.PausesIn), int64(p.PausesOut),
	}
}

// since is what was counted since c. Not ok: c is newer.
func (n counters) since(c counters) (d counters, ok bool) {
	for i := range n {
		d[i] = n[i] - c[i]
		if d[i] < 0 && i < lcoreCounters {
			return d, false
		}
		if d[i] < 0 {
			d[i] = n[i]
		}
	}
	return d, true
}

// total is what the database has of a port of a boot.
type total struct {
	at time.Time
	counters
}

type portOf struct{ boot, port string }

// put writes looks, oldest first, in one transaction. After an error nothing of it is known: the same looks may come
// again, and what is there already is recognized.
func (w *writer) put(ctx context.Context, looks []waiting) error {
	if len(looks) == 0 {
		return nil
	}
	node, err := w.db.NodeID(ctx)
	if err != nil {
		return err
	}
	at := looks[len(looks)-1].look.At
	if width := at.Unix() / int64(stats.Seconds/time.Second); w.ensured != width {
		// What fails does not stand in the way: there is a place for all times.
		if err := stats.EnsurePartitions(ctx, w.db.Q(), at); err == nil {
			w.ensured = width
		}
	}
	ports, flows := w.ports, w.flows
	goneOn := append(ports.over(looks, portsMeasured), flows.over(looks, flowsMeasured)...)
	err = pgx.BeginFunc(ctx, w.db.Q(), func(tx pgx.Tx) error {
		// A former instance that was only stalled waits here, and then finds what we have written.
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1, $2)", portLock, node); err != nil {
			return err
		}
		totals, err := readTotals(ctx, tx, node, looks)
		if err != nil {
			return err
		}
		samples, moved := samplesOf(looks, totals)
		if err := writeSamples(ctx, tx, node, samples); err != nil {
			return err
		}
		if err := writeTotals(ctx, tx, node, moved); err != nil {
			return err
		}
		for _, s := range goneOn {
			if err := stats.PutSpan(ctx, tx, node, s); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("telemetry: write %d looks: %w", len(looks), err)
	}
	w.ports, w.flows = ports, flows
	return nil
}

func readTotals(ctx context.Context, tx pgx.Tx, node int32, looks []waiting) (map[portOf]total, error) {
	var boots []string
	for _, w := range looks {
		boots = append(boots, w.look.Boot)
	}
	rows, err := tx.Query(ctx, "SELECT replace(boot::text, '-', ''), port, at, "+strings.Join(columns, ", ")+
		" FROM port_total WHERE node_id = $1 AND boot = ANY($2::text[]::uuid[])", node, boots)
	if err != nil {
		return nil, err
	}
	totals := map[portOf]total{}
	var key portOf
	var t total
	_, err = pgx.ForEachRow(rows, append([]any{&key.boot, &key.port, &t.at}, t.places()...), func() error {
		totals[key] = t
		return nil
	})
	return totals, err
}

func (c *counters) places() (list []any) {
	for i := range c {
		list = append(list, &c[i])
	}
	return list
}

// sample is a row of port_sample_1s.
type sample struct {
	portOf
	at   time.Time
	span time.Duration
	counters
}

// samplesOf makes samples of what the looks have beyond the totals, and gives the totals after them.
func samplesOf(looks []waiting, totals map[portOf]total) (samples []sample, moved map[portOf]total) {
	moved = map[portOf]total{}
	for i, w := range looks {
		for n := range w.look.Ports {
			p := &w.look.Ports[n]
			key := portOf{w.look.Boot, p.Name}
			before, known := moved[key]
			if !known {
				before, known = totals[key]
				if known && written(looks[i:], key, before.at) {
					continue
				}
			}
			if !known {
				before.at = w.look.Started
			}
			now := p.counters()
			counted, ok := now.since(before.counters)
			if !ok {
				continue // somebody newer has been there
			}
			// Time may have stepped. Counts stand for themselves then, and a rate over no time is none.
			samples = append(samples, sample{key, w.look.At, max(0, w.look.At.Sub(before.at)), counted})
			moved[key] = total{w.look.At, now}
		}
	}
	return samples, moved
}

// written says whether the first of the looks, or a later one, is what the total was taken from: then the first is in
// the database, and the answer to its commit was lost.
func written(looks []waiting, key portOf, at time.Time) bool {
	for _, w := range looks {
		if w.look.Boot == key.boot && w.look.At.Equal(at) {
			return true
		}
	}
	return false
}

func writeSamples(ctx context.Context, tx pgx.Tx, node int32, samples []sample) error {
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"port_sample_1s"}, append([]string{"node_id", "at", "boot", "port", "span_us"}, columns...),
		pgx.CopyFromSlice(len(samples), func(i int) ([]any, error) {
			s := &samples[i]
			row := []any{node, s.at, s.boot, s.port, s.span.Microseconds()}
			for _, c := range s.counters {
				row = append(row, c)
			}
			return row, nil
		}))
	return err
}

// writeTotals moves the totals to those of the last look.
func writeTotals(ctx context.Context, tx pgx.Tx, node int32, moved map[portOf]total) error {
	var boots, ports []string
	var ats []time.Time
	values := make([][]int64, len(columns))
	for key, t := range moved {
		boots, ports, ats = append(boots, key.boot), append(ports, key.port), append(ats, t.at)
		for i, c := range t.counters {
			values[i] = append(values[i], c)
		}
	}
	args := []any{node, boots, ports, ats}
	arrays, sets := "", ""
	for i, c := range columns {
		args = append(args, values[i])
		arrays += fmt.Sprintf(", $%d::bigint[]", len(args))
		sets += fmt.Sprintf(", %[1]s = excluded.%[1]s", c)
	}
	names := strings.Join(columns, ", ")
	_, err := tx.Exec(ctx, `INSERT INTO port_total (node_id, boot, port, at, `+names+`)
		SELECT $1::integer, boot, port, at, `+names+` FROM unnest($2::text[]::uuid[], $3::text[], $4::timestamptz[]`+arrays+`) u (boot, port, at, `+names+`)
		ON CONFLICT (node_id, boot, port) DO UPDATE SET at = excluded.at`+sets, args...)
	return err
}

// track follows one source from look to look: where there is a break a new span begins.
type track struct {
	source string
	lag    time.Duration // what is younger than the last look by less is not known yet
	last   time.Time
	span   stats.Span
}

// over goes on over looks, and gives the spans that they made longer.
func (t *track) over(looks []waiting, measured func(waiting) bool) (list []stats.Span) {
	for _, w := range looks {
		at := w.look.At
		apart := at.Sub(t.last)
		t.last = at
		if !measured(w) {
			t.span = stats.Span{}
			continue
		}
		if t.span.Since.IsZero() || apart < 0 || apart > breakAfter {
			t.span = stats.Span{Source: t.source, Since: at.Add(-Every)}
			list = append(list, t.span)
		}
		t.span.Until = at.Add(-t.lag)
		if len(list) == 0 {
			list = append(list, t.span)
		}
		list[len(list)-1] = t.span
	}
	return slices.DeleteFunc(list, func(s stats.Span) bool { return !s.Until.After(s.Since) })
}

func portsMeasured(w waiting) bool { return w.look.Alive }
func flowsMeasured(w waiting) bool { return w.look.Alive && w.stored }
