package feed

import (
	"sync/atomic"

	"fcredirect/dataplane/ring"
)

// How an update of a flow reaches a consumer:
//
//	Touch    the first frame of a flow in a report period marks it: it stands in the list of the period
//	Offer    when the period is over, the flows marked in it are offered, a few at a time, each with its state of now;
//	         meanwhile the marks of the next period gather in the other list
//	         a period ends no sooner than all flows of the one before have been offered
//
// So a flow is offered at most once per period, whatever it does; its last state is always offered, since its last frame
// marked it or found it marked; and when the ring is full, or there is no time, the period grows longer and its marks
// stand for more frames: conflation, bounded by a mark per flow. Without a consumer nothing happens any more, because
// each flow is marked already.
//
// The alternative, a time of the last report in each entry, has no room there (an entry is one line) and needs a sweep of
// the whole table for flows gone idle.

// Source is the table whose entries an Outlet offers. Slots are numbered from 0.
type Source interface {
	// Fill writes the state of now of what stands in the slot, all but the header, and says whether there is anything to
	// tell.
	Fill(slot uint32, item *Item) (told bool)
	// Slots is the number of slots.
	Slots() int
}

// Outlets are the rings of state of one producer that offers flows.
type Outlets struct {
	list   []*Outlet
	fresh  uint64
	source Source
}

// Outlet is the producer's side of one ring of state.
type Outlet struct {
	// constant
	to          sink
	shard, mask uint32 // the flows with Hash(key)&mask == shard
	report      uint64 // ticks

	// the producer's
	start  uint64   // the period began after this TSC
	due    uint64   // when the next should begin
	turn   []uint32 // marked in the period before; those from at on wait to be offered
	at     int
	next   []uint32 // marked in this period
	urgent []uint32 // changed their state: these first
	all    int      // the slot from which on everything is offered, -1 when nobody asked
	missed bool     // a mark of this period found no room: the next begins with a look at all
	full   bool     // found full and not seen with room since
	tail   uint64   // what the consumer had released when that changed last
	heard  uint64   // the TSC at which it did
}

// sink is a ring with its pages.
type sink struct {
	ring     *ring.Producer
	info     *Info
	cursor   *Cursor
	producer uint8
	broken   bool // counted as such
	answered bool // the end of an answer is reserved
}

// reserve gives the next item with its number. The caller knows that there is room.
func (s *sink) reserve(tsc uint64, kind Kind, lane Lane, flags uint8) *Item {
	item := (*Item)(s.ring.Reserve())
	*item.Header() = Header{Seq: s.ring.Written(), TSC: tsc, Kind: kind, Lane: lane, Flags: flags, Producer: s.producer}
	return item
}

// commit publishes what was reserved, and only then notes it: who is killed in between says it twice rather than never.
func (s *sink) commit() {
	s.ring.Commit()
	s.info.Offered = s.ring.Written()
	if s.answered {
		s.info.Synced, s.answered = s.info.Nonce, false
	}
}

// owes says whether a wish was taken up, by us or by a data plane before us, and not answered to its end.
func (s *sink) owes() bool { return s.info.Synced != s.info.Nonce }

// sync puts the end of an answer into the ring.
func (s *sink) sync(now uint64) {
	to := s.reserve(now, KindSynced, High, 0).Sync()
	*to = SyncItem{Header: to.Header, Nonce: s.info.Nonce}
	s.answered = true
}

// wishes looks at what the consumer says in ctl, and says whether it asks for everything. A wish also mends a broken ring,
// if its cursor can be right again.
func (s *sink) wishes() bool {
	if s.ring.Broken() && !s.broken {
		s.broken = true
		s.info.Broken++
	}
	nonce := atomic.LoadUint64(&s.cursor.Nonce)
	if nonce == s.info.Nonce || s.ring.Broken() && !s.ring.Mend() {
		return false
	}
	s.info.Nonce, s.broken = nonce, false
	return true
}

// Fresh is the TSC that a flow's last frame must be later than for the flow to be marked already. A frame of a flow that
// was last seen at or before it calls Touch.
func (o *Outlets) Fresh() uint64 { return o.fresh }

// Touch marks the flow in the slot, last seen at the TSC seen (0 for a new one), in each list where it is not yet.
func (o *Outlets) Touch(slot uint32, key, seen uint64) {
	for _, out := range o.list {
		if int64(seen-out.start) > 0 && seen != 0 || out.mask != 0 && Hash(key)&out.mask != out.shard {
			continue
		}
		if len(out.next) == cap(out.next) {
			// More marks than flows: slots changed hands. Not yet, because a flow that was looked at in this period could
			// have another frame in it, and would not call again.
			out.missed = true
			continue
		}
		out.next = append(out.next, slot)
	}
}

// Urgent has the flow in the slot offered before others, because its state changed. It must be marked too.
func (o *Outlets) Urgent(slot uint32, key uint64) {
	for _, out := range o.list {
		if len(out.urgent) < cap(out.urgent) && (out.mask == 0 || Hash(key)&out.mask == out.shard) {
			out.urgent = append(out.urgent, slot)
		}
	}
}

// Offer fills the rings with at most budget items each. It is bounded work: the producer calls it again and again.
func (o *Outlets) Offer(now uint64, budget int) {
	for _, out := range o.list {
		out.offer(o.source, now, budget)
	}
	o.refresh()
}

// refresh sees to it that a flow calls as soon as one outlet has begun a period.
func (o *Outlets) refresh() {
	for i, out := range o.list {
		if i == 0 || int64(out.start-o.fresh) > 0 {
			o.fresh = out.start
		}
	}
}

// Flush offers what waits, with at most budget items for each ring, and does not wait for the period to end: for an
// orderly stop. It says whether anything was offered.
func (o *Outlets) Flush(now uint64, budget int) (offered bool) {
	for _, out := range o.list {
		if out.at == len(out.turn) {
			out.due = now
		}
		before := out.to.info.Offered
		out.offer(o.source, now, budget)
		offered = offered || out.to.info.Offered > before
	}
	o.refresh()
	return offered
}

// Heard says whether a consumer for which something waits has released something since a TSC, as far as was looked: it is
// slow, but it reads.
func (o *Outlets) Heard(since uint64) bool {
	for _, out := range o.list {
		if out.waiting() && int64(out.heard-since) > 0 {
			return true
		}
	}
	return false
}

// Room says whether the last item of a flow could be offered to all now.
func (o *Outlets) Room(key uint64) bool {
	for _, out := range o.list {
		if (out.mask == 0 || Hash(key)&out.mask == out.shard) && out.to.ring.Free(1) == 0 {
			out.wasFull()
			return false
		}
	}
	return true
}

// End offers the last state of the flow in the slot, whose slot will be free then. Where there is no room, which Room
// would have told, it is counted as unreported.
func (o *Outlets) End(slot uint32, key, now uint64) {
	for _, out := range o.list {
		switch {
		case out.mask != 0 && Hash(key)&out.mask != out.shard:
		case out.to.ring.Free(1) == 0:
			out.to.info.Unreported++
		default:
			if _, told := out.put(o.source, slot, now, High, FlagEnded); told {
				out.to.commit()
			}
		}
	}
}

// Resync offers everything once more, as after a warm start.
func (o *Outlets) Resync() {
	for _, out := range o.list {
		out.all = 0
	}
}

// Idle says whether nothing waits to be offered: no mark, no wish. What was marked in this very period waits.
func (o *Outlets) Idle() bool {
	for _, out := range o.list {
		if out.at < len(out.turn) || len(out.next) > 0 || len(out.urgent) > 0 || out.all >= 0 {
			return false
		}
	}
	return true
}

func (out *Outlet) offer(source Source, now uint64, budget int) {
	if over := int64(now-out.due) >= 0; over {
		out.endPeriod(now)
	}
	room := min(budget, out.to.ring.Free(budget))
	if tail := out.to.ring.Released(); tail != out.tail {
		out.tail, out.heard = tail, now
	}
	if room == 0 {
		if out.waiting() {
			out.wasFull()
		}
		return
	}
	out.full = false
	left, looks := room, budget+spareLooks
	for ; left > 0 && looks > 0 && len(out.urgent) > 0; looks-- {
		slot := out.urgent[len(out.urgent)-1]
		out.urgent = out.urgent[:len(out.urgent)-1]
		left -= out.offerOne(source, slot, now, High, FlagChanged)
	}
	for ; left > 0 && looks > 0 && out.at < len(out.turn); looks-- {
		left -= out.offerOne(source, out.turn[out.at], now, Normal, 0)
		out.at++
	}
	if left > 0 && looks > 0 && out.all >= 0 {
		left = out.offerAll(source, now, left)
	}
	if left < room {
		out.to.commit()
	}
	out.to.info.Pending = uint64(len(out.turn) - out.at + len(out.next))
}

// endPeriod begins the next report period, if all flows of the one before were offered. Those that were not are merged
// with what follows: a report of each is withheld.
func (out *Outlet) endPeriod(now uint64) {
	out.due = now + out.report
	if out.to.wishes() {
		out.all = 0
	}
	if out.at < len(out.turn) {
		out.to.info.Conflated += uint64(len(out.turn) - out.at)
		return
	}
	out.turn, out.next = out.next, out.turn[:0]
	out.at, out.start = 0, now
	if out.missed {
		out.all, out.missed = 0, false
	}
}

// offerAll offers what stands in the next slots, and when it has seen them all says so. A flow of another shard costs as
// much as one of ours.
func (out *Outlet) offerAll(source Source, now uint64, left int) int {
	slots := source.Slots()
	for range resyncSlots {
		if left == 0 {
			return 0
		}
		if out.all >= slots {
			if out.to.owes() {
				out.to.sync(now)
				left--
			}
			out.all = -1
			return left
		}
		if found, _ := out.put(source, uint32(out.all), now, Normal, FlagResync); found {
			left--
		}
		out.all++
	}
	return left
}

func (out *Outlet) offerOne(source Source, slot uint32, now uint64, lane Lane, flags uint8) int {
	if _, told := out.put(source, slot, now, lane, flags); told {
		return 1
	}
	return 0
}

// put fills an item, whose room the caller knows of. It says whether it found a flow, and whether it is one for us.
func (out *Outlet) put(source Source, slot uint32, now uint64, lane Lane, flags uint8) (found, told bool) {
	item := out.to.reserve(now, KindFlow, lane, flags)
	found = source.Fill(slot, item)
	if !found || out.mask != 0 && Hash(item.Flow().Key)&out.mask != out.shard {
		out.to.ring.Undo()
		return found, false
	}
	if f := item.Flow(); flags&FlagChanged != 0 && f.State != Active {
		f.Lane = Immediate
	} else if flags&FlagEnded != 0 {
		f.State = Ended
	}
	return true, true
}

func (out *Outlet) waiting() bool {
	return out.at < len(out.turn) || len(out.urgent) > 0 || out.all >= 0
}

func (out *Outlet) wasFull() {
	if !out.full {
		out.full = true
		out.to.info.Full++
	}
	out.to.info.Pending = uint64(len(out.turn) - out.at + len(out.next))
}
