package report

// How Busiest keeps its work at a look bounded. Flow tables hold up to millions of directions, and a live view wants
// the few with the highest rate, every second, from beside the lcores. So:
//
//  1. refresh: the flows kept (at most MaxBusiest) are read again at their known slots: their rates are always those
//     since the last look.
//  2. scan: the next lookBlocks blocks of the tables are read in the order of memory, one line a slot, going round from
//     look to look. A slot's rate comes from what its block's last visit remembered: 8 bytes a slot, no map. Whoever is
//     faster than the slowest flow kept takes its place.
//
// A map of all flows came first: at 400,000 flows it took 0.9 s and 700 MB a look, where this takes 3 ms at any number.

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"
	"unsafe"

	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/policy"
	"fcredirect/dataplane/shm"
)

// FlowRate is a flow with its rates since the last look.
type FlowRate struct {
	Flow
	FramesOutRate, FramesInRate float64 // per second, to the target and to the initiator
	BytesOutRate, BytesInRate   float64
}

// Busiest finds the flows with the highest frame rates of a segment, look by look.
type Busiest struct {
	// constant
	file   *shm.File
	shards []watchedShard
	blocks []block

	next int // the block where the next scan begins
	kept map[flow.Key]*candidate
	slow float64 // the slowest rate among those kept, when there is no room for more
}

type watchedShard struct {
	entries []flow.Entry
	infos   []flow.Info
	seen    []uint64 // per slot: frames<<16 | incarnation at the last visit, 0 before the first
}

type block struct {
	shard, first, end int
	visited           time.Time
}

// candidate is a flow that is kept. Its key is the smaller of its directions' two.
type candidate struct {
	key  flow.Key
	dirs [2]direction // of the key, and of its reverse
}

type direction struct {
	shard, slot   int // shard -1: not found yet, or ended
	frames, bytes uint64
	at            time.Time
	frameRate     float64
	byteRate      float64
}

// NewBusiest makes one that has not looked yet.
func NewBusiest(f *shm.File) *Busiest {
	b := &Busiest{file: f, kept: map[flow.Key]*candidate{}}
	for i := range shm.Items[shm.Lcore](f, shm.RegionLcores) {
		entries, infos := shard(f, i)
		b.shards = append(b.shards, watchedShard{entries, infos, make([]uint64, len(entries))})
		for first := 0; first < len(entries); first += blockSlots {
			b.blocks = append(b.blocks, block{shard: i, first: first, end: min(first+blockSlots, len(entries))})
		}
	}
	return b
}

// Looks is how many looks it takes to see every slot once.
func (b *Busiest) Looks() int { return (len(b.blocks) + lookBlocks - 1) / lookBlocks }

// Look brings the rates up to date and looks for faster flows among the next slots.
func (b *Busiest) Look(now time.Time) {
	for key, c := range b.kept {
		gone := true
		for i := range c.dirs {
			if d := &c.dirs[i]; d.shard >= 0 {
				b.refresh(d, keyOf(c, i), now)
				gone = gone && d.shard < 0
			}
		}
		if gone {
			delete(b.kept, key)
		}
	}
	b.slow = b.slowest()
	for range min(lookBlocks, len(b.blocks)) {
		b.scan(&b.blocks[b.next], now)
		b.next = (b.next + 1) % len(b.blocks)
	}
}

func keyOf(c *candidate, i int) flow.Key {
	if i == 1 {
		return c.key.Reverse()
	}
	return c.key
}

// refresh reads a direction at the slot where it was.
func (b *Busiest) refresh(d *direction, key flow.Key, now time.Time) {
	e, _, ok := b.shards[d.shard].copy(d.slot)
	if !ok || e.Key != key {
		*d = direction{shard: -1}
		return
	}
	if took := now.Sub(d.at).Seconds(); took > 0 {
		d.frameRate, d.byteRate = float64(e.Frames-min(d.frames, e.Frames))/took, float64(e.Bytes-min(d.bytes, e.Bytes))/took
	}
	d.frames, d.bytes, d.at = e.Frames, e.Bytes, now
}

// slowest is the rate that a flow must exceed to be kept; -1 while there is room.
func (b *Busiest) slowest() float64 {
	if len(b.kept) < MaxBusiest {
		return -1
	}
	least := -1.0
	for _, c := range b.kept {
		if r := c.rate(); least < 0 || r < least {
			least = r
		}
	}
	return least
}

func (c *candidate) rate() float64 { return c.dirs[0].frameRate + c.dirs[1].frameRate }

func (b *Busiest) scan(k *block, now time.Time) {
	s := &b.shards[k.shard]
	took, first := now.Sub(k.visited).Seconds(), k.visited.IsZero()
	k.visited = now
	for i := k.first; i < k.end; i++ {
		key, frames, inc, ok := s.peek(i)
		if !ok {
			s.seen[i] = 0
			continue
		}
		before := s.seen[i]
		s.seen[i] = frames<<16 | uint64(inc)
		rate := 0.0
		if !first && took > 0 {
			if uint16(before) != inc {
				before = 0 // another direction now: all its frames are new
			}
			rate = float64(frames-min(before>>16, frames)) / took
		}
		b.offer(key, k.shard, i, rate, now)
	}
}

// offer keeps the direction if its flow is kept already, or if it is faster than the slowest.
func (b *Busiest) offer(key flow.Key, shard, slot int, rate float64, now time.Time) {
	at, c := 0, b.kept[key]
	if c == nil {
		if c = b.kept[key.Reverse()]; c != nil {
			at = 1
		}
	}
	if c == nil && rate <= b.slow || c != nil && c.dirs[at].shard >= 0 {
		return
	}
	e, info, ok := b.shards[shard].copy(slot)
	if !ok || e.Key != key || info.Orient == flow.OrientUnknown {
		return
	}
	if c == nil {
		if len(b.kept) == MaxBusiest {
			b.dropSlowest()
		}
		if reverse := key.Reverse(); reverse < key {
			key, at = reverse, 1
		}
		c = &candidate{key: key, dirs: [2]direction{{shard: -1}, {shard: -1}}}
		b.kept[key] = c
	}
	c.dirs[at] = direction{shard: shard, slot: slot, frames: e.Frames, bytes: e.Bytes, at: now, frameRate: rate}
	b.slow = b.slowest()
}

func (b *Busiest) dropSlowest() {
	var last *candidate
	for _, c := range b.kept {
		if last == nil || c.rate() < last.rate() || c.rate() == last.rate() && c.key > last.key {
			last = c
		}
	}
	delete(b.kept, last.key)
}

// Top lists the n fastest flows of the last look, the fastest first; of equals the one with more frames. Names and rules
// are the active policy's, which may be nil.
func (b *Busiest) Top(n int, active *policy.Snapshot) []FlowRate {
	all := make([]*candidate, 0, len(b.kept))
	for _, c := range b.kept {
		all = append(all, c)
	}
	slices.SortFunc(all, func(x, y *candidate) int {
		return cmp.Or(cmp.Compare(y.rate(), x.rate()), cmp.Compare(y.frames(), x.frames()), cmp.Compare(x.key, y.key))
	})
	list := make([]FlowRate, 0, n)
	for _, c := range all {
		if len(list) == n {
			break
		}
		if r, ok := b.describe(c, active); ok {
			list = append(list, r)
		}
	}
	return list
}

func (c *candidate) frames() uint64 { return c.dirs[0].frames + c.dirs[1].frames }

// describe copies a candidate's directions into a table of their own, where flow.Flows joins them as it joins all.
func (b *Busiest) describe(c *candidate, active *policy.Snapshot) (FlowRate, bool) {
	var entries [2]flow.Entry
	var infos [2]flow.Info
	for i, d := range c.dirs {
		if d.shard < 0 {
			continue
		}
		e, info, ok := b.shards[d.shard].copy(d.slot)
		if !ok || e.Key != keyOf(c, i) {
			continue
		}
		e.Info, info.Slot = uint32(i), uint32(i)
		entries[i], infos[i] = e, info
	}
	joined := flow.Flows(flow.NewView(entries[:], infos[:]))
	if len(joined) != 1 {
		return FlowRate{}, false
	}
	out, in := &c.dirs[0], &c.dirs[1]
	if joined[0].Key != c.key {
		out, in = in, out
	}
	return FlowRate{
		Flow: describe(&joined[0], active, b.file.Header()), FramesOutRate: out.frameRate, FramesInRate: in.frameRate,
		BytesOutRate: out.byteRate, BytesInRate: in.byteRate,
	}, true
}

// peek reads what a scan needs of a slot: one line. A slot that changes hands meanwhile is not ok.
func (s *watchedShard) peek(i int) (key flow.Key, frames uint64, inc uint16, ok bool) {
	e := &s.entries[i]
	inc = incarnation(e)
	key = flow.Key(atomic.LoadUint64((*uint64)(&e.Key)))
	frames = atomic.LoadUint64(&e.Frames)
	// S_ID equal to D_ID marks a slot whose direction ended.
	return key, frames, inc, key != 0 && key.SID() != key.DID() && inc&1 == 0 && incarnation(e) == inc
}

// copy reads a direction whole. It races with the lcore by design and detects it by the incarnation, which the race
// detector cannot know.
//
//go:norace
func (s *watchedShard) copy(i int) (e flow.Entry, info flow.Info, ok bool) {
	there := &s.entries[i]
	inc := incarnation(there)
	if e = *there; int(e.Info) >= len(s.infos) || inc&1 != 0 {
		return e, info, false
	}
	info = s.infos[e.Info]
	return e, info, incarnation(there) == inc && e.Inc == inc && info.Slot == uint32(i)
}

// incarnation goes up when a slot changes hands, and is odd meanwhile. It shares its word with Errors, the smallest that
// can be loaded at once.
func incarnation(e *flow.Entry) uint16 {
	return uint16(atomic.LoadUint32((*uint32)(unsafe.Pointer(&e.Inc))))
}
