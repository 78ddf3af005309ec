package store

import (
	"cmp"
	"math/bits"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/policy"
)

// counts are the rows of which only the counters changed, as the columns of an update.
type counts struct {
	serial, frames, bytes, seq []int64
	errors                     []int32
	seen                       []time.Time
	sampled                    []bool // the sample goes with it
}

func (c *counts) reset() {
	c.serial, c.frames, c.bytes, c.seq = c.serial[:0], c.frames[:0], c.bytes[:0], c.seq[:0]
	c.errors, c.seen, c.sampled = c.errors[:0], c.seen[:0], c.sampled[:0]
}

// full are the rows that are written with all their columns.
type full struct {
	serial, key, initiator, target, generation, frames, bytes, seq []int64
	errors                                                         []int32
	producer                                                       []int16
	from                                                           []bool
	port, action, rule, service, state                             []string
	created, seen                                                  []time.Time
	ended                                                          []pgtype.Timestamptz
	facts                                                          []uint64 // no column
}

func (f *full) reset() {
	for _, c := range []*[]int64{&f.serial, &f.key, &f.initiator, &f.target, &f.generation, &f.frames, &f.bytes, &f.seq} {
		*c = (*c)[:0]
	}
	for _, c := range []*[]string{&f.port, &f.action, &f.rule, &f.service, &f.state} {
		*c = (*c)[:0]
	}
	f.errors, f.producer, f.from, f.created, f.seen = f.errors[:0], f.producer[:0], f.from[:0], f.created[:0], f.seen[:0]
	f.ended, f.facts = f.ended[:0], f.facts[:0]
}

// row is a flow's item in the words of the table.
type row struct {
	item                *feed.FlowItem
	port, rule, service string
	created, seen       time.Time
	ended               pgtype.Timestamptz
}

func (f *full) add(r *row, facts uint64) {
	i := r.item
	f.serial, f.key = append(f.serial, int64(i.Serial)), append(f.key, int64(i.Key))
	f.initiator, f.target = append(f.initiator, int64(i.Initiator)), append(f.target, int64(i.Target))
	f.generation = append(f.generation, int64(i.Generation))
	f.frames, f.bytes, f.seq = append(f.frames, int64(i.Frames)), append(f.bytes, int64(i.Bytes)), append(f.seq, int64(i.Seq))
	f.errors, f.producer = append(f.errors, int32(i.Errors)), append(f.producer, int16(i.Producer))
	f.from = append(f.from, flow.Orient(i.Orient) != flow.FromTarget)
	f.port, f.rule, f.service = append(f.port, r.port), append(f.rule, r.rule), append(f.service, r.service)
	f.action, f.state = append(f.action, policy.Action(i.Action).String()), append(f.state, i.State.String())
	f.created, f.seen, f.ended = append(f.created, r.created), append(f.seen, r.seen), append(f.ended, r.ended)
	f.facts = append(f.facts, facts)
}

func (c *counts) add(i *feed.FlowItem, seen time.Time, sampled bool) {
	c.serial = append(c.serial, int64(i.Serial))
	c.frames, c.bytes, c.seq = append(c.frames, int64(i.Frames)), append(c.bytes, int64(i.Bytes)), append(c.seq, int64(i.Seq))
	c.errors, c.seen, c.sampled = append(c.errors, int32(i.Errors)), append(c.seen, seen), append(c.sampled, sampled)
}

// factsOf hashes what seldom changes in a flow. It is never 0.
func factsOf(i *feed.FlowItem) uint64 {
	ended := uint64(i.Flags & feed.FlagEnded)
	h := uint64(0)
	for _, w := range [...]uint64{
		i.Initiator, i.Target, uint64(i.Generation)<<32 | uint64(uint32(i.Rule)),
		uint64(uint16(i.Service))<<40 | uint64(i.Action)<<32 | uint64(i.State)<<24 | uint64(i.Orient)<<16 | uint64(i.InPort)<<8 | ended,
	} {
		h = (bits.RotateLeft64(h, 23) ^ w) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	return h | 1
}

// bySerial sorts where flows stand, so that rows are locked in one order and pages are touched once.
func bySerial(flows []feed.FlowItem, at []int32) []int32 {
	at = at[:0]
	for i := range flows {
		at = append(at, int32(i))
	}
	slices.SortFunc(at, func(a, b int32) int { return cmp.Compare(flows[a].Serial, flows[b].Serial) })
	return at
}

// stamp is a time of the segment as the database has it. What has no time is as old as can be.
func stamp(ns int64) time.Time { return time.Unix(0, ns).UTC() }

func tenths(d time.Duration) int32 { return int32(d / (100 * time.Millisecond)) }
