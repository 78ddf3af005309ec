package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"fcredirect/dataplane/report"
)

// database reads what stands in PostgreSQL of one node, all at one moment.
type database struct {
	tx   pgx.Tx
	node string
}

// openDatabase connects. A database that was killed again and again may have no statistics, and without them a planner
// joins millions of samples one by one.
func openDatabase(ctx context.Context, dsn, node string) (*database, error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return nil, err
	}
	if _, err = conn.Exec(ctx, "SET enable_nestloop = off; SET work_mem = '128MB'"); err == nil {
		var tx pgx.Tx
		if tx, err = conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}); err == nil {
			return &database{tx, node}, nil
		}
	}
	return nil, errors.Join(err, conn.Close(ctx))
}

func (d *database) close(ctx context.Context) { _ = d.tx.Conn().Close(ctx) } // what was read is read

const livesQuery = `
SELECT f.epoch, f.serial, f.key, f.frames, f.bytes, f.errors::bigint, f.initiator, f.target, f.sampled_frames, f.sampled_bytes, f.ended_at IS NOT NULL
FROM node JOIN flow f USING (node_id) WHERE node.name = $1`

// lives reads the flows.
func (d *database) lives(ctx context.Context) (map[lifeID]life, error) {
	all := map[lifeID]life{}
	var n [10]int64
	var ended bool
	to := []any{}
	for i := range n {
		to = append(to, &n[i])
	}
	rows, _ := d.tx.Query(ctx, livesQuery, d.node) // its error is that of ForEachRow
	_, err := pgx.ForEachRow(rows, append(to, &ended), func() error {
		u := func(i int) uint64 { return uint64(n[i]) }
		all[lifeID{u(0), u(1)}] = life{
			key: u(2), frames: u(3), bytes: u(4), errors: u(5), initiator: u(6), target: u(7), sampled: total{u(8), u(9)}, ended: ended,
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("flows: %w", err)
	}
	return all, nil
}

const samplesQuery = `
SELECT s.epoch, s.serial, sum(s.frames)::bigint, sum(s.bytes)::bigint
FROM node JOIN flow_sample_1s s USING (node_id) WHERE node.name = $1 GROUP BY s.epoch, s.serial`

// sums adds what the samples of the flows add up to.
func (d *database) sums(ctx context.Context, lives map[lifeID]life) error {
	var n [4]int64
	rows, _ := d.tx.Query(ctx, samplesQuery, d.node)
	_, err := pgx.ForEachRow(rows, []any{&n[0], &n[1], &n[2], &n[3]}, func() error {
		id := lifeID{uint64(n[0]), uint64(n[1])}
		l := lives[id] // one without a flow is one that is counted and was not sampled: it shows
		l.samples = total{uint64(n[2]), uint64(n[3])}
		lives[id] = l
		return nil
	})
	if err != nil {
		return fmt.Errorf("samples: %w", err)
	}
	return nil
}

const eventsQuery = `
SELECT e.number, e.epoch, e.producer::bigint, e.seq, e.name, coalesce((e.fields ->> 'lost')::bigint, 0)
FROM node JOIN event e USING (node_id) WHERE node.name = $1 ORDER BY e.number`

// events reads the log.
func (d *database) events(ctx context.Context) (log []event, err error) {
	var number, epoch, producer, seq, lost int64
	var name string
	rows, _ := d.tx.Query(ctx, eventsQuery, d.node)
	_, err = pgx.ForEachRow(rows, []any{&number, &epoch, &producer, &seq, &name, &lost}, func() error {
		log = append(log, event{uint64(number), origin{uint64(epoch), uint32(producer)}, uint64(seq), name, uint64(lost)})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("events: %w", err)
	}
	return log, nil
}

// totals of a flow, both directions, as fcrctl and the view flow_total have them.
type totals struct {
	initiator, target, verdict, rule, service string
	toTarget, toInitiator                     total
	errors                                    uint64
}

const viewQuery = `
SELECT v.initiator, v.target, v.verdict, v.rule, v.service, v.frames_to_target, v.frames_to_initiator, v.bytes_to_target, v.bytes_to_initiator, v.errors,
       v.fabric, v.vsan, v.initiator_id, v.target_id
FROM node JOIN flow_total v USING (node_id) WHERE node.name = $1 AND v.epoch = $2`

// compareView holds what `fcrctl flow list` prints against the view of the database.
func (p *place) compareView(ctx context.Context, d *database) ([]string, error) {
	out, err := p.ctl("flow", "list")
	if err != nil {
		return nil, err
	}
	var list []report.Flow
	if err := json.Unmarshal(out, &list); err != nil {
		return nil, fmt.Errorf("fcrctl flow list: %w", err)
	}
	want := map[string]totals{}
	for _, f := range list {
		want[fmt.Sprintf("fabric %d VSAN %d %s to %s", f.Fabric, f.VSAN, f.InitiatorID, f.TargetID)] = totals{
			f.Initiator, f.Target, f.Verdict, f.Rule, f.Service, total{f.FramesOut, f.BytesOut}, total{f.FramesIn, f.BytesIn}, f.Errors}
	}
	got := map[string]totals{}
	var g totals
	var n [5]int64
	var fabric, vsan int
	var sid, did string
	rows, _ := d.tx.Query(ctx, viewQuery, d.node, int64(p.seg.epoch()))
	_, err = pgx.ForEachRow(rows, []any{&g.initiator, &g.target, &g.verdict, &g.rule, &g.service, &n[0], &n[1], &n[2], &n[3], &n[4],
		&fabric, &vsan, &sid, &did}, func() error {
		g.toTarget, g.toInitiator, g.errors = total{uint64(n[0]), uint64(n[2])}, total{uint64(n[1]), uint64(n[3])}, uint64(n[4])
		got[fmt.Sprintf("fabric %d VSAN %d %s to %s", fabric, vsan, sid, did)] = g
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("view flow_total: %w", err)
	}
	return compareTotals(want, got), nil
}

// compareTotals holds two lists of flows against each other.
func compareTotals(want, got map[string]totals) []string {
	var c complaints
	for _, flow := range names(want) {
		if g, there := got[flow]; !there {
			c.add("%s is listed and not in the view", flow)
		} else if g != want[flow] {
			c.add("%s is listed as %+v, in the view as %+v", flow, want[flow], g)
		}
	}
	for _, flow := range names(got) {
		if _, there := want[flow]; !there {
			c.add("%s is in the view and not listed", flow)
		}
	}
	return c.list()
}

func names(m map[string]totals) []string {
	return slices.Sorted(maps.Keys(m))
}
