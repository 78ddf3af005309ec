package feed

import (
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"
)

func newStoreOf(t *testing.T, slots int) (*flows, *store) {
	f := newFlows(t, t.TempDir(), Spec{Producers: 1, State: 64, Events: 64, Shards: 1}, slots)
	t.Cleanup(func() { f.seg.Close() })
	return f, f.newStore(t)
}

func TestAPeriodLastsAsLongAsItShallAfterASilence(t *testing.T) {
	f, _ := newStoreOf(t, 4)
	f.now += 100 * period
	f.outlets.Offer(f.now, 16)
	if f.outlets.Fresh() != f.now {
		t.Fatal("no period begins")
	}
	began := f.now
	for ; f.now < began+period; f.now++ {
		if f.outlets.Offer(f.now, 16); f.outlets.Fresh() != began {
			t.Fatalf("the period ended after %d of %d ticks", f.now-began, period)
		}
	}
}

// After a start, flows that are there already call for the first frame, though nothing was offered yet.
func TestTheFirstPeriodBeginsWithTheStart(t *testing.T) {
	f, s := newStoreOf(t, 4)
	f.frame(0)
	f.settle(t, []*store{s})
	f.now++
	f.attach(t)
	f.newStore(t)
	f.now++
	f.frame(0)
	f.settle(t, []*store{s})
	if told := s.durable[f.serial[0]]; told != 2 {
		t.Fatalf("told of %d of 2 frames", told)
	}
}

func TestAFlushWaitsForNoPeriodAndConflatesNothing(t *testing.T) {
	const slots = 200
	f, s := newStoreOf(t, slots)
	f.now++
	for slot := range uint32(slots) {
		f.frame(slot)
	}
	for range 2 * slots / 16 {
		f.outlets.Flush(f.now, 16)
		s.read(t, 64)
		if err := s.reader.Release(s.reader.Read()); err != nil {
			t.Fatal(err)
		}
	}
	if in := s.reader.Info(); len(s.durable) != slots || in.Conflated != 0 || !f.outlets.Idle() {
		t.Fatalf("told of %d of %d flows, %d conflated", len(s.durable), slots, in.Conflated)
	}
	if f.outlets.Flush(f.now, 16) {
		t.Error("something was offered of nothing")
	}
}

func TestARingThatIsFoundFullIsCountedEachTime(t *testing.T) {
	f, s := newStoreOf(t, 100)
	for n := uint64(1); n < 4; n++ {
		for range 10 {
			f.now += period
			for slot := range uint32(100) {
				f.frame(slot)
			}
			f.outlets.Offer(f.now, 64)
		}
		if in := s.reader.Info(); in.Full != n {
			t.Fatalf("found full %d times, counted %d", n, in.Full)
		}
		f.settle(t, []*store{s})
	}
}

func TestAFlowThatWaitsIsCountedOnceForEachPeriodWhateverItDoes(t *testing.T) {
	const slots, fits, periods = 100, 64, 7
	f, s := newStoreOf(t, slots)
	f.now++
	for slot := range uint32(slots) {
		f.frame(slot)
	}
	f.now += period
	f.outlets.Offer(f.now, slots) // their period is over: as many as fit are offered
	for range periods {
		for now := f.now; f.now < now+period; f.now += period / 4 {
			f.frame(slots - 1) // one of those that wait goes on, the others are idle
			f.outlets.Offer(f.now, slots)
		}
	}
	if in := s.reader.Info(); in.Conflated < (periods-1)*(slots-fits) || in.Conflated > periods*(slots-fits) {
		t.Fatalf("%d flows waited for %d periods, %d are counted", slots-fits, periods, in.Conflated)
	}
	was := s.reader.Info().Conflated
	f.settle(t, []*store{s})
	if in := s.reader.Info(); in.Conflated > was+slots-fits || len(s.durable) != slots {
		t.Fatalf("told of %d of %d flows, %d counted while they went out", len(s.durable), slots, in.Conflated-was)
	}
}

func TestAShardIsNotBotheredWithFlowsOfOthers(t *testing.T) {
	const slots = 200
	f := newFlows(t, t.TempDir(), Spec{Producers: 1, State: 64, Events: 64, Shards: 2}, slots)
	defer f.seg.Close()
	shardOf := func(slot uint32) uint32 { return Hash(keyOf(slot)) & 1 }
	other := uint32(0)
	for slot := range uint32(slots) {
		if f.now++; shardOf(slot) == 0 {
			f.frame(slot)
			f.outlets.Urgent(slot, keyOf(slot))
		} else {
			other = slot
		}
	}
	if out := f.outlets.list[2]; len(out.next) > 0 || len(out.urgent) > 0 {
		t.Fatalf("%d marks and %d urgent ones of another shard", len(out.next), len(out.urgent))
	}
	f.outlets.list = f.outlets.list[1:] // nobody reads for the peers, nor for the first shard
	for range 20 {
		f.now += period
		f.outlets.Offer(f.now, 64)
	}
	if f.outlets.Room(keyOf(0)) == (shardOf(0) == 0) || !f.outlets.Room(keyOf(other)) {
		t.Fatal("the end of a flow waits for a ring that it does not go to")
	}
}

// The list of flows that changed is bounded, while that of all marks sees to those that find no place.
func TestUrgentFlowsAreBoundedAndNoneIsLost(t *testing.T) {
	const slots = 4 * urgentItems
	f, s := newStoreOf(t, slots)
	f.now++
	for slot := range uint32(slots) {
		f.frame(slot)
		f.outlets.Urgent(slot, keyOf(slot))
	}
	if n := cap(f.outlets.list[0].urgent); n != urgentItems {
		t.Fatalf("room for %d", n)
	}
	f.settle(t, []*store{s})
	if len(s.durable) != slots {
		t.Fatalf("told of %d of %d flows", len(s.durable), slots)
	}
}

func TestBothDirectionsOfAFlowGoToTheSameShardAndAllShardsHaveTheirPart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		head, a, b := rapid.Uint64Range(0, 1<<16-1).Draw(t, "fabric and VF"), rapid.Uint64Range(0, 1<<24-1).Draw(t, "a"), rapid.Uint64Range(0, 1<<24-1).Draw(t, "b")
		if Hash(head<<48|a<<24|b) != Hash(head<<48|b<<24|a) {
			t.Fatalf("fabric and VF %x: from %x to %x, and back", head, a, b)
		}
	})
	for name, key := range map[string]func(i uint64) uint64{
		"many hosts, one target": func(i uint64) uint64 { return (0x010000+i)<<24 | 0x020001 },
		"one host, many targets": func(i uint64) uint64 { return 0x010001<<24 | (0x020000 + i) },
		"hosts by the area":      func(i uint64) uint64 { return (0x010000+i<<8)<<24 | 0x020001 },
		"one pair, many VSANs":   func(i uint64) uint64 { return i<<48 | 0x010001<<24 | 0x020001 },
	} {
		var shards [MaxShards]int
		for i := range uint64(4000) {
			shards[Hash(key(i))%MaxShards]++
		}
		for shard, n := range shards {
			if n < 4000/MaxShards/2 || n > 4000/MaxShards*2 {
				t.Errorf("%s: shard %d has %d of 4000", name, shard, n)
			}
		}
	}
}

// An event ring is mended by a wish, as those of state are.
func TestABrokenRingOfEventsIsMended(t *testing.T) {
	f, _ := newStoreOf(t, 1)
	open := func() *Reader {
		readers, err := Open(f.seg.State, f.seg.Ctl, Event, 0)
		if err != nil {
			t.Fatal(err)
		}
		return readers[0]
	}
	put := func(n int) {
		for range n {
			if f.events.Put(f.now, PortUp, High) != nil {
				f.events.Commit()
			}
		}
		f.events.Tick(f.now)
	}
	r := open()
	put(70)
	atomic.StoreUint64(&r.cursor.Tail, 1<<40)
	if put(1); f.events.Room() || r.Info().Broken != 1 {
		t.Fatalf("room: %v, broken %d times", f.events.Room(), r.Info().Broken)
	}
	r = open()
	f.events.Tick(f.now)
	if !f.events.Room() {
		t.Fatal("not mended")
	}
	put(1)
	events, lost := 0, uint64(0)
	for item := r.Next(); item != nil; item = r.Next() {
		if item.Header().Kind == KindGap {
			lost += item.Gap().Lost
		} else {
			events++
		}
	}
	if r.Err() != nil || lost != 7 || events != 48+1 { // what was released is read again as far as it surely is whole
		t.Fatalf("%d events, %d lost: %v", events, lost, r.Err())
	}
}

func TestRoomForAnEventIsRoomForAGapToo(t *testing.T) {
	f, _ := newStoreOf(t, 1)
	for n := range 64 {
		if room := f.events.Room(); room != (n <= 62) {
			t.Fatalf("room with %d of 64 items taken: %v", n, room)
		}
		f.events.Put(f.now, PortUp, High)
		f.events.Commit()
	}
}
