package feed

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"fcredirect/dataplane/shm"
)

// flows stands for an lcore with its table: slots with counters, and the way an lcore marks them.
type flows struct {
	spec    Spec
	seg     *shm.Segment
	outlets *Outlets
	events  *Events
	frames  []uint64 // by slot
	seen    []uint64
	serial  []uint64 // life in the slot, 0 none
	lives   uint64
	now     uint64
}

const period = 10

func (f *flows) Slots() int { return len(f.frames) }

func (f *flows) Fill(slot uint32, item *Item) bool {
	if f.serial[slot] == 0 {
		return false
	}
	to := item.Flow()
	to.Serial, to.Key, to.Frames = f.serial[slot], keyOf(slot), f.frames[slot]
	return true
}

func keyOf(slot uint32) uint64 { return uint64(slot)<<24 | 0x010000 }

// frame is what an lcore does for one. Time stands still: those of a burst have the same.
func (f *flows) frame(slot uint32) {
	if f.serial[slot] == 0 {
		f.lives++
		f.serial[slot], f.frames[slot], f.seen[slot] = f.lives, 0, 0
	}
	f.frames[slot]++
	if int64(f.seen[slot]-f.outlets.Fresh()) <= 0 {
		f.outlets.Touch(slot, keyOf(slot), f.seen[slot])
	}
	f.seen[slot] = f.now
}

func newFlows(t rapid.TB, dir string, spec Spec, slots int) *flows {
	f := &flows{spec: spec, frames: make([]uint64, slots), seen: make([]uint64, slots), serial: make([]uint64, slots), now: 1000}
	var err error
	if f.seg, err = shm.Create(shm.Config{Dir: dir, Node: "test", TSCHz: 1e9, State: spec.StateRegions(), Ctl: spec.CtlRegions()}); err != nil {
		t.Fatal(err)
	}
	f.attach(t)
	return f
}

// memoryDir is a folder for many segments, one after the other: in memory where there is such a place.
func memoryDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "fcr-feed-test-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func (f *flows) attach(t rapid.TB) {
	c := Config{Spec: f.spec, Report: period, Now: f.now, Source: f}
	var err error
	if f.outlets, err = NewOutlets(f.seg.State, f.seg.Ctl, c); err != nil {
		t.Fatal(err)
	}
	if f.events, err = NewEvents(f.seg.State, f.seg.Ctl, c); err != nil {
		t.Fatal(err)
	}
}

// store stands for a consumer: it reads, makes durable, releases, and may die in between.
type store struct {
	f       *flows
	shard   int
	reader  *Reader
	durable map[uint64]uint64 // by serial: frames
	ended   map[uint64]bool
	seqs    map[uint64]uint64 // by serial: number of the item that told it
	synced  uint64
}

func (s *store) open(t rapid.TB) {
	readers, err := Open(s.f.seg.State, s.f.seg.Ctl, Store, s.shard)
	if err != nil {
		t.Fatal(err)
	}
	s.reader = readers[0]
}

func (s *store) read(t rapid.TB, n int) {
	for range n {
		item := s.reader.Next()
		if item == nil {
			break
		}
		h := item.Header()
		switch h.Kind {
		case KindFlow:
			to := item.Flow()
			if Hash(to.Key)%uint32(s.f.spec.Shards) != uint32(s.shard) {
				t.Fatalf("shard %d got a flow of another", s.shard)
			}
			if h.Seq <= s.seqs[to.Serial] {
				continue // again, after a death
			}
			if to.Frames < s.durable[to.Serial] || s.ended[to.Serial] {
				t.Fatalf("life %d went back from %d frames to %d, ended %v", to.Serial, s.durable[to.Serial], to.Frames, s.ended[to.Serial])
			}
			s.durable[to.Serial], s.seqs[to.Serial] = to.Frames, h.Seq
			s.ended[to.Serial] = h.Flags&FlagEnded != 0
		case KindSynced:
			s.synced = item.Sync().Nonce
		}
	}
	if err := s.reader.Err(); err != nil {
		t.Fatal(err)
	}
}

// settle lets everything come to rest with consumers that read.
func (f *flows) settle(t rapid.TB, stores []*store) {
	for range 10_000 {
		f.now++
		f.outlets.Offer(f.now, 16)
		idle := f.outlets.Idle() || len(f.outlets.list) == 0
		for _, s := range stores {
			s.read(t, 1000)
			if err := s.reader.Release(s.reader.Read()); err != nil {
				t.Fatal(err)
			}
			idle = idle && s.reader.Empty()
		}
		if idle {
			return
		}
	}
	t.Fatal("it does not come to rest")
}

func TestAtRestTheConsumerKnowsTheLastStateOfEveryFlow(t *testing.T) {
	dir := memoryDir(t)
	rapid.Check(t, func(t *rapid.T) {
		spec := Spec{Producers: 1, State: 64, Events: 64, Shards: rapid.SampledFrom([]int{1, 2}).Draw(t, "shards")}
		f := newFlows(t, dir, spec, rapid.IntRange(1, 200).Draw(t, "flows"))
		defer func() { f.seg.Remove(); f.seg.Close() }()
		// Nobody reads what is for the peers in this test; the lists of the store must not care.
		var stores []*store
		for shard := range spec.Shards {
			s := &store{f: f, shard: shard, durable: map[uint64]uint64{}, ended: map[uint64]bool{}, seqs: map[uint64]uint64{}}
			s.open(t)
			stores = append(stores, s)
		}
		total := map[uint64]uint64{}
		slot := rapid.Uint32Range(0, uint32(len(f.frames)-1))
		t.Repeat(map[string]func(*rapid.T){
			"frames": func(t *rapid.T) {
				for range rapid.IntRange(1, 300).Draw(t, "n") {
					at := slot.Draw(t, "slot")
					f.now += rapid.Uint64Range(0, 1).Draw(t, "later")
					f.frame(at)
					total[f.serial[at]] = f.frames[at]
				}
			},
			"offer": func(t *rapid.T) {
				f.now += rapid.Uint64Range(0, 2*period).Draw(t, "later")
				f.outlets.Offer(f.now, rapid.IntRange(1, 32).Draw(t, "budget"))
			},
			"flows come and go": func(t *rapid.T) {
				at := slot.Draw(t, "slot")
				for range rapid.IntRange(1, 100).Draw(t, "n") {
					f.frame(at)
					total[f.serial[at]] = f.frames[at]
					if f.room(keyOf(at)) {
						f.end(at)
					}
					at = (at + 1) % uint32(len(f.frames))
				}
			},
			"read": func(t *rapid.T) { stores[rapid.IntRange(0, len(stores)-1).Draw(t, "s")].read(t, 100) },
			"release": func(t *rapid.T) {
				s := stores[rapid.IntRange(0, len(stores)-1).Draw(t, "s")]
				low, high := s.reader.Released(), s.reader.Read()
				if err := s.reader.Release(rapid.Uint64Range(low, high).Draw(t, "to")); err != nil {
					t.Fatal(err)
				}
			},
			"the consumer dies": func(t *rapid.T) { stores[0].open(t) },
			"the data plane restarts": func(t *rapid.T) {
				f.attach(t)
				f.outlets.Resync()
			},
			"a flow ends": func(t *rapid.T) {
				at := slot.Draw(t, "slot")
				if f.serial[at] != 0 && f.room(keyOf(at)) {
					f.end(at)
				}
			},
		})
		f.outlets.list = f.outlets.list[len(f.outlets.list)-spec.Shards:]
		f.settle(t, stores)
		durable := map[uint64]uint64{}
		for _, s := range stores {
			maps.Copy(durable, s.durable)
		}
		if !maps.Equal(durable, total) {
			t.Fatalf("the store has %v, the table %v", durable, total)
		}
		for serial := range total {
			alive := slices.Contains(f.serial, serial)
			if ended := stores[0].ended[serial] || stores[len(stores)-1].ended[serial]; ended == alive {
				t.Fatalf("life %d: ended %v, alive %v", serial, ended, alive)
			}
		}
	})
}

// newStore is a store that has read nothing, over the only shard, with nobody else offered to.
func (f *flows) newStore(t rapid.TB) *store {
	s := &store{f: f, durable: map[uint64]uint64{}, ended: map[uint64]bool{}, seqs: map[uint64]uint64{}}
	s.open(t)
	f.outlets.list = f.outlets.list[len(f.outlets.list)-1:]
	return s
}

// end ends the flow in a slot.
func (f *flows) end(slot uint32) {
	f.outlets.End(slot, keyOf(slot), f.now)
	f.serial[slot] = 0
}

// The list of a period has room for as many marks as there are slots. Flow 0 lives twice in the period, so that no room
// is left for the mark of flow 1.
func TestAFlowWhoseMarkFoundNoRoomIsToldOfAllTheSame(t *testing.T) {
	f := newFlows(t, t.TempDir(), Spec{Producers: 1, State: 64, Events: 64, Shards: 1}, 2)
	defer f.seg.Close()
	s := f.newStore(t)
	f.now++
	f.frame(0)
	f.end(0)
	f.frame(0)
	f.frame(1)
	f.outlets.Offer(f.now, 16) // in the same period: a look at all of them now would not do
	f.frame(1)
	f.settle(t, []*store{s})
	if told := s.durable[f.serial[1]]; told != 2 {
		t.Fatalf("told of %d of 2 frames", told)
	}
}

// An lcore offers with the time of the burst that it handled last: a period begins at the very time of that burst.
func TestAFrameInTheBurstWithWhichAPeriodBeginsHidesNoneAfterIt(t *testing.T) {
	f := newFlows(t, t.TempDir(), Spec{Producers: 1, State: 64, Events: 64, Shards: 1}, 4)
	defer f.seg.Close()
	s := f.newStore(t)
	f.now += period
	f.frame(0)
	f.outlets.Offer(f.now, 16)
	f.now++
	f.frame(0)
	f.settle(t, []*store{s})
	if told := s.durable[f.serial[0]]; told != 2 {
		t.Fatalf("told of %d of 2 frames", told)
	}
}

// counted counts how often the producer looks at a slot.
type counted struct {
	*flows
	looks int
}

func (c *counted) Fill(slot uint32, item *Item) bool {
	c.looks++
	return c.flows.Fill(slot, item)
}

func TestAnOfferIsBoundedWorkWhateverTheMarksMean(t *testing.T) {
	const slots, budget = 4096, 8
	for name, c := range map[string]struct {
		shards int
		marks  func(*flows)
	}{
		"flows that have ended": {1, func(f *flows) {
			for slot := range uint32(slots) {
				f.frame(slot)
				f.serial[slot] = 0
			}
		}},
		"flows that changed and have ended": {1, func(f *flows) {
			for slot := range uint32(slots) {
				f.outlets.Urgent(slot, keyOf(slot))
			}
		}},
		"everything, with most flows for other shards": {MaxShards, func(f *flows) {
			for slot := range uint32(slots) {
				f.serial[slot] = 1
			}
			f.outlets.Resync()
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFlows(t, t.TempDir(), Spec{Producers: 1, State: 2 * slots, Events: 64, Shards: c.shards}, slots)
			defer f.seg.Close()
			source := &counted{flows: f}
			f.outlets.source = source
			c.marks(f)
			for range 2 * slots {
				f.now += period
				source.looks = 0
				f.outlets.Offer(f.now, budget)
				if most := len(f.outlets.list) * (budget + spareLooks); source.looks > most {
					t.Fatalf("one offer looked at %d slots, want %d at the most", source.looks, most)
				}
				if f.outlets.Idle() {
					return
				}
			}
			t.Fatal("it does not come to rest")
		})
	}
}

// room asks the store's outlets alone.
func (f *flows) room(key uint64) bool {
	all := f.outlets.list
	f.outlets.list = all[len(all)-f.spec.Shards:]
	ok := f.outlets.Room(key)
	f.outlets.list = all
	return ok
}

func TestAWishForEverythingIsAnsweredInFull(t *testing.T) {
	f := newFlows(t, t.TempDir(), Spec{Producers: 1, State: 64, Events: 64, Shards: 1}, 300)
	defer f.seg.Close()
	for slot := range uint32(300) {
		f.frame(slot)
	}
	s := &store{f: f, durable: map[uint64]uint64{}, ended: map[uint64]bool{}, seqs: map[uint64]uint64{}}
	s.open(t)
	f.outlets.list = f.outlets.list[1:]
	f.settle(t, []*store{s})
	if len(s.durable) != 300 {
		t.Fatalf("told of %d flows", len(s.durable))
	}
	clear(s.durable) // the database lost them
	clear(s.seqs)
	s.reader.Resync(77)
	f.settleWish(t, s, 77)
	if len(s.durable) != 300 {
		t.Fatalf("told again of %d flows", len(s.durable))
	}

	// While that is repeated, somebody else takes over, and wishes for all himself.
	s.reader.Resync(78)
	f.now += period
	f.outlets.Offer(f.now, 40)
	s.read(t, 40)
	clear(s.durable)
	clear(s.seqs)
	s.reader.Resync(79)
	f.settleWish(t, s, 79)
	if len(s.durable) != 300 {
		t.Fatalf("the successor was told of %d flows", len(s.durable))
	}
}

// settleWish lets everything come to rest until the wish has been answered.
func (f *flows) settleWish(t rapid.TB, s *store, nonce uint64) {
	for range 100 {
		f.now += period
		if f.settle(t, []*store{s}); s.synced == nonce {
			return
		}
	}
	t.Fatalf("wish %d was not answered, but %d", nonce, s.synced)
}

// Nobody reads for the peers: their period does not end. That of the store does.
func TestAConsumerThatDoesNotReadIsInNoOthersWay(t *testing.T) {
	const slots = 200
	f := newFlows(t, t.TempDir(), Spec{Producers: 1, State: 64, Events: 64, Shards: 1}, slots)
	defer f.seg.Close()
	s := &store{f: f, durable: map[uint64]uint64{}, ended: map[uint64]bool{}, seqs: map[uint64]uint64{}}
	s.open(t)
	for range 20 {
		f.now++
		for slot := range uint32(slots) {
			f.frame(slot)
		}
		for range 40 {
			f.now += period / 4
			f.outlets.Offer(f.now, 16)
			s.read(t, 64)
			if err := s.reader.Release(s.reader.Read()); err != nil {
				t.Fatal(err)
			}
		}
		for slot := range uint32(slots) {
			if told := s.durable[f.serial[slot]]; told != f.frames[slot] {
				t.Fatalf("flow %d: told of %d of %d frames", slot, told, f.frames[slot])
			}
		}
	}
	if f.outlets.Idle() {
		t.Fatal("nothing waits for the peers")
	}
}

func TestAnEndThatFindsNoRoomIsCounted(t *testing.T) {
	f := newFlows(t, t.TempDir(), Spec{Producers: 1, State: 64, Events: 64, Shards: 1}, 70)
	defer f.seg.Close()
	s := f.newStore(t)
	for slot := range uint32(70) {
		f.frame(slot)
		if room := f.outlets.Room(keyOf(slot)); room != (slot < 64) {
			t.Fatalf("room for end %d: %v", slot, room)
		}
		f.end(slot)
	}
	if in := s.reader.Info(); in.Unreported != 6 || in.Full == 0 {
		t.Fatalf("%d ends unreported, found full %d times", in.Unreported, in.Full)
	}
	f.settle(t, []*store{s})
	if len(s.ended) != 64 {
		t.Fatalf("told of %d ends", len(s.ended))
	}
}

func TestEventsThatFindNoRoomLeaveAGapOfTheRightSize(t *testing.T) {
	tmp := memoryDir(t)
	rapid.Check(t, func(t *rapid.T) {
		dir := filepath.Join(tmp, "gap")
		f := newFlows(t, dir, Spec{Producers: 1, State: 64, Events: 64, Shards: 1}, 1)
		defer func() { f.seg.Remove(); f.seg.Close() }()
		readers, err := Open(f.seg.State, f.seg.Ctl, Event, 0)
		if err != nil {
			t.Fatal(err)
		}
		r := readers[0]
		offered, next := 0, int32(0) // next is the number of the event that must come, counting those lost
		lost, restarted, firsts := uint64(0), false, map[int32]uint64{}
		read := func(n int) {
			for range n {
				item := r.Next()
				if item == nil {
					break
				}
				switch item.Header().Kind {
				case KindEvent:
					if item.Name().Index != next {
						t.Fatalf("event %d, want %d", item.Name().Index, next)
					}
					next++
				case KindGap:
					g := item.Gap()
					if lost += g.Lost; g.Total != lost || g.First > g.TSC || !restarted && g.First != firsts[next] {
						t.Fatalf("a gap of %d from %d on, %d in all: it is %d from %d on", g.Lost, g.First, g.Total, lost, firsts[next])
					}
					next += int32(g.Lost)
				}
			}
			if err := r.Release(r.Read()); err != nil {
				t.Fatal(err)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				for range rapid.IntRange(1, 100).Draw(t, "n") {
					f.now++
					firsts[int32(offered)] = f.now
					if item := f.events.Put(f.now, PortUp, High); item != nil {
						to := item.Name()
						*to = NameItem{Header: to.Header, Index: int32(offered)}
						f.events.Commit()
					}
					offered++
				}
			},
			"read": func(t *rapid.T) { read(rapid.IntRange(1, 80).Draw(t, "n")) },
			"tick": func(t *rapid.T) { f.events.Tick(f.now) },
			"the data plane restarts": func(t *rapid.T) {
				restarted = true // who begins anew does not know when the first was lost
				f.attach(t)
			},
			"": func(t *rapid.T) {
				if written, in := f.events.to.ring.Written(), f.events.to.info; written != in.Offered || in.Told > in.Lost {
					t.Fatalf("%d items made, %d published; %d of %d lost ones told of", written, in.Offered, in.Told, in.Lost)
				}
			},
		})
		read(1000)
		f.events.Tick(f.now)
		read(1000)
		if int(next) != offered {
			t.Fatalf("%d events and gaps for %d offered", next, offered)
		}
	})
}
