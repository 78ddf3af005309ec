package store

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"fcredirect/dataplane/feed"
	"fcredirect/mgmt/stats"
)

// How the samples of a direction come about:
//
//	due        a second after its last sample the next update of a busy flow carries one: a COPY of what was counted since
//	           then, while the update itself says what has been sampled. That costs 2 µs.
//	late       a flow that went quiet, or of which we do not know what was sampled, is sampled from its row: 12 µs.
//	budget     both together are bounded per second. Where more is due, each flow is sampled less often, in turn.
//
// The alternative, to read all of them from their rows, needs no memory and was measured: it doubles the database's work.

// sample is what was counted of a direction since its last sample.
type sample struct {
	serial        uint64
	frames, bytes int64
	errors        int32
	total         base
	item          *feed.FlowItem
}

// budget is how many samples may be written now: a bucket that holds those of a second.
type budget struct {
	rate, left float64
	at         time.Duration
}

func (b *budget) refill(now time.Duration) {
	b.left = min(b.rate, b.left+b.rate*(now-b.at).Seconds())
	b.at = now
}

// choose says which of the flows are sampled with their update: those of which only counters changed. When there is not
// budget for all, it goes on where the flush before stopped.
func (f *flusher) choose(flows []feed.FlowItem, at []int32, now uint32) {
	f.chosen = slices.Grow(f.chosen[:0], len(at))[:len(at)]
	clear(f.chosen)
	f.facts = f.facts[:0]
	for _, i := range at {
		f.facts = append(f.facts, factsOf(&flows[i]))
	}
	f.budget.refill(f.age())
	if len(at) == 0 {
		return
	}
	// Those that have gone quiet have half of it at the most, if they need it.
	left := int(f.budget.left)
	if f.known.waiting() > 0 {
		left -= min(left/2, lateRows)
	}
	first, _ := slices.BinarySearchFunc(at, f.sampledTo+1, func(i int32, serial uint64) int {
		if flows[i].Serial < serial {
			return -1
		}
		return 1
	})
	for n := range at {
		if left <= 0 {
			break
		}
		n = (n + first) % len(at)
		item := &flows[at[n]]
		e := f.known.get(item.Serial)
		if e == nil || !e.base || e.facts != f.facts[n] || int32(now-e.sampled) < tenths(sampleEvery) {
			continue
		}
		if item.Frames < e.frames || item.Bytes < e.bytes || item.Errors < e.errors ||
			item.Frames == e.frames && item.Bytes == e.bytes && item.Errors == e.errors {
			continue
		}
		f.chosen[n] = true
		f.sampledTo = item.Serial
		f.budget.left--
		left--
	}
}

// sampleOf is the sample of a flow whose update carries it.
func sampleOf(i *feed.FlowItem, e *entry) sample {
	return sample{
		serial: i.Serial, frames: int64(i.Frames - e.frames), bytes: int64(i.Bytes - e.bytes), errors: int32(i.Errors - e.errors),
		total: base{i.Serial, i.Frames, i.Bytes, i.Errors}, item: i,
	}
}

// lateSamples takes the flows that are to be sampled from their rows.
func (f *flusher) lateSamples(now uint32, list []uint64) []uint64 {
	list = f.known.due(now, min(lateRows, max(0, int(f.budget.left))), list)
	slices.Sort(list)
	list = slices.Compact(list)
	f.budget.left -= float64(len(list))
	return list
}

// partitions has the tables ready for samples of a time. What fails does not stand in the way: there is a place for all
// times.
func (f *flusher) partitions(ctx context.Context, at time.Time) {
	width := at.Unix() / int64(stats.Seconds/time.Second)
	if f.ensured == width {
		return
	}
	f.ensured = width
	if err := stats.EnsurePartitions(ctx, f.db.Q(), at); err != nil {
		f.log.Warn("samples go to the default partition", "err", err)
	}
}

var sampleColumns = []string{
	"node_id", "vsan", "at", "epoch", "serial", "initiator", "target", "frames", "bytes", "errors", "in_port", "rule", "service",
}

func (f *flusher) writeSamples(ctx context.Context, tx pgx.Tx, w *flush) error {
	if len(w.samples) == 0 {
		return nil
	}
	values := make([]any, len(sampleColumns))
	values[0], values[2], values[3] = f.cursor.node, w.at, w.epoch
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"flow_sample_1s"}, sampleColumns, pgx.CopyFromSlice(len(w.samples), func(i int) ([]any, error) {
		s := &w.samples[i]
		values[1], values[4] = int32(s.item.Key>>48&4095), int64(s.serial)
		values[5], values[6] = int64(s.item.Initiator), int64(s.item.Target)
		values[7], values[8], values[9] = s.frames, s.bytes, s.errors
		values[10] = f.names.port(s.item.InPort)
		values[11], values[12] = f.names.verdictOf(s.item)
		return values, nil
	}))
	return err
}

func (f *flusher) writeLate(ctx context.Context, tx pgx.Tx, w *flush) error {
	if len(w.late) == 0 {
		return nil
	}
	serials := make([]int64, len(w.late))
	for i, s := range w.late {
		serials[i] = int64(s)
	}
	rows, err := tx.Query(ctx, sampleLateFlows, f.cursor.node, w.epoch, serials, w.at)
	if err != nil {
		return err
	}
	var serial, frames, bytes int64
	var errors int32
	_, err = pgx.ForEachRow(rows, []any{&serial, &frames, &bytes, &errors}, func() error {
		w.base = append(w.base, base{uint64(serial), uint64(frames), uint64(bytes), uint16(errors)})
		return nil
	})
	return err
}
