package telemetry

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/stats"
)

// writer puts totals of ports into the database. It takes the newest look there is: what it missed is in the totals.
type writer struct {
	db      *postgres.DB
	ensured int64 // the partition that is there
	ports   stats.Span
	flows   stats.Span
}

// written is a look with what the looker knows of the time before it.
type written struct {
	look   *Look
	stored bool // flows too were measured since the look before
}

// putPorts writes differences to what the database has of the same boot, in the transaction that moves that.
const putPorts = `WITH i AS (SELECT * FROM unnest($4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[],
	$11::bigint[], $12::bigint[], $13::bigint[], $14::bigint[])
	AS i (port, frames_in, bytes_in, frames_out, bytes_out, drops, stalled, mirror_lost, device_errors, pauses_in, pauses_out)),
o AS (SELECT * FROM port_total WHERE node_id = $1 AND boot = $2::uuid),
d AS (SELECT i.port, coalesce(o.at, $3::timestamptz - interval '1 second') AS since, i.frames_in - coalesce(o.frames_in, 0) AS frames_in,
	i.bytes_in - coalesce(o.bytes_in, 0) AS bytes_in, i.frames_out - coalesce(o.frames_out, 0) AS frames_out,
	i.bytes_out - coalesce(o.bytes_out, 0) AS bytes_out, i.drops - coalesce(o.drops, 0) AS drops,
	i.stalled - coalesce(o.stalled, 0) AS stalled, i.mirror_lost - coalesce(o.mirror_lost, 0) AS mirror_lost,
	i.device_errors - coalesce(o.device_errors, 0) AS device_errors, i.pauses_in - coalesce(o.pauses_in, 0) AS pauses_in,
	i.pauses_out - coalesce(o.pauses_out, 0) AS pauses_out FROM i LEFT JOIN o USING (port)),
s AS (INSERT INTO port_sample_1s (node_id, at, boot, span_us, frames_in, bytes_in, frames_out, bytes_out, drops, stalled, mirror_lost,
	device_errors, pauses_in, pauses_out, port)
	SELECT $1::integer, $3::timestamptz, $2::uuid, greatest(0, (extract(epoch FROM $3::timestamptz - since) * 1000000)::bigint), frames_in, bytes_in, frames_out, bytes_out, drops,
	stalled, mirror_lost, device_errors, pauses_in, pauses_out, port FROM d
	WHERE (frames_in, bytes_in, frames_out, bytes_out, drops, stalled, mirror_lost, device_errors, pauses_in, pauses_out)
	IS DISTINCT FROM (0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
INSERT INTO port_total AS t (node_id, boot, port, at, frames_in, bytes_in, frames_out, bytes_out, drops, stalled, mirror_lost, device_errors,
	pauses_in, pauses_out)
SELECT $1::integer, $2::uuid, port, $3::timestamptz, frames_in, bytes_in, frames_out, bytes_out, drops, stalled, mirror_lost, device_errors, pauses_in, pauses_out FROM i
ON CONFLICT (node_id, boot, port) DO UPDATE SET at = excluded.at, frames_in = excluded.frames_in, bytes_in = excluded.bytes_in,
	frames_out = excluded.frames_out, bytes_out = excluded.bytes_out, drops = excluded.drops, stalled = excluded.stalled,
	mirror_lost = excluded.mirror_lost, device_errors = excluded.device_errors, pauses_in = excluded.pauses_in, pauses_out = excluded.pauses_out`

// lockPorts keeps a former instance that was only stalled out: what it compares with must be what it replaces.
const lockPorts = `SELECT pg_advisory_xact_lock($1, $2)`

// Totals of boots that ended long ago say nothing any more: their samples stand for themselves.
const forgetBoots = `DELETE FROM port_total WHERE node_id = $1 AND boot <> $2::uuid AND at < $3::timestamptz - interval '30 days'`

// put writes a look. After an error the next one has it all.
func (w *writer) put(ctx context.Context, p written) error {
	ctx, stop := context.WithTimeout(ctx, writeTimeout)
	defer stop()
	node, err := w.db.NodeID(ctx)
	if err != nil {
		return err
	}
	at := p.look.At
	if width := at.Unix() / int64(stats.Seconds/time.Second); w.ensured != width {
		// What fails does not stand in the way: there is a place for all times.
		if err := stats.EnsurePartitions(ctx, w.db.Q(), at); err == nil {
			w.ensured = width
		}
	}
	c := columnsOf(p.look.Ports)
	err = pgx.BeginFunc(ctx, w.db.Q(), func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lockPorts, portLock, node); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, putPorts, append([]any{node, p.look.Boot, at}, c...)...); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, forgetBoots, node, p.look.Boot, at)
		return err
	})
	if err != nil {
		return fmt.Errorf("telemetry: write ports: %w", err)
	}
	if err := w.goesOn(ctx, node, &w.ports, stats.SpanPort, at); err != nil {
		return err
	}
	if !p.stored {
		w.flows = stats.Span{}
		return nil
	}
	return w.goesOn(ctx, node, &w.flows, stats.SpanFlow, at)
}

// goesOn lengthens a span up to at, or begins another when there was a break.
func (w *writer) goesOn(ctx context.Context, node int32, s *stats.Span, source string, at time.Time) error {
	if broken := at.Sub(s.Until); s.Since.IsZero() || broken < 0 || broken > 3*Every {
		*s = stats.Span{Source: source, Since: at.Add(-Every)}
	}
	s.Until = at
	return stats.PutSpan(ctx, w.db.Q(), node, *s)
}

// columnsOf turns the ports into the columns of putPorts.
func columnsOf(ports []Port) []any {
	names := make([]string, len(ports))
	columns := make([][]int64, 10)
	for i := range columns {
		columns[i] = make([]int64, len(ports))
	}
	for n, p := range ports {
		names[n] = p.Name
		for i, v := range []uint64{p.FramesIn, p.BytesIn, p.FramesOut, p.BytesOut, p.Drops, p.Stalled, p.MirrorLost, p.DeviceErrors, p.PausesIn, p.PausesOut} {
			columns[i][n] = int64(v)
		}
	}
	list := []any{names}
	for _, c := range columns {
		list = append(list, c)
	}
	return list
}
