package feed

import (
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"fcredirect/dataplane/ring"
	"fcredirect/dataplane/shm"
)

// Whoever may write ctl may write anything into it, at any time. The producers do not crash, no offer is more work than
// others, and when a consumer comes that keeps to the rules it is told everything.
func TestGarbageInCtlHarmsOnlyItsConsumer(t *testing.T) {
	dir := memoryDir(t)
	rapid.Check(t, func(t *rapid.T) {
		const slots, budget = 100, 8
		f := newFlows(t, dir, Spec{Producers: 2, State: 64, Events: 64, Shards: 2}, slots)
		defer func() { f.seg.Remove(); f.seg.Close() }()
		l := newLogins(t, f, slots)
		source := &counted{flows: f}
		f.outlets.source = source
		cursors := shm.Items[Cursor](f.seg.Ctl, shm.RegionCursors)
		ring := rapid.IntRange(0, len(cursors)-1)
		producers := func(budget int) {
			source.looks = 0
			f.outlets.Offer(f.now, budget)
			if most := len(f.outlets.list) * (budget + spareLooks + resyncSlots); source.looks > most {
				t.Fatalf("an offer looked at %d slots", source.looks)
			}
			l.outlets.Offer(f.now, budget)
			f.events.Tick(f.now)
		}
		t.Repeat(map[string]func(*rapid.T){
			"garbage": func(t *rapid.T) {
				for range rapid.IntRange(1, 20).Draw(t, "n") {
					c := &cursors[ring.Draw(t, "ring")]
					tail := rapid.OneOf(rapid.Uint64(), rapid.Uint64Range(0, 200), rapid.Custom(func(t *rapid.T) uint64 {
						return atomic.LoadUint64(&c.Tail) + rapid.Uint64Range(0, 140).Draw(t, "by") - 70
					})).Draw(t, "tail")
					atomic.StoreUint64(&c.Tail, tail)
					atomic.StoreUint64(&c.Nonce, rapid.Uint64Range(0, 3).Draw(t, "nonce"))
				}
			},
			"traffic": func(t *rapid.T) {
				f.now++
				for range rapid.IntRange(1, 100).Draw(t, "n") {
					slot := rapid.Uint32Range(0, slots-1).Draw(t, "slot")
					if f.frame(slot); rapid.IntRange(0, 9).Draw(t, "end") == 0 && f.outlets.Room(keyOf(slot)) {
						f.end(slot)
					}
					l.change(uint64(slot))
					if f.events.Put(f.now, PortUp, High) != nil {
						f.events.Commit()
					}
				}
			},
			"offer": func(t *rapid.T) {
				f.now += rapid.Uint64Range(0, period).Draw(t, "later")
				producers(rapid.IntRange(1, budget).Draw(t, "budget"))
			},
		})
		for shard := range 2 {
			told, logins := map[uint64]uint64{}, map[uint64]bool{}
			for i := range 2 {
				for i < 20 && !honest(t, f, i, shard, producers, told, logins) {
					i += 2 // the cursor was right by chance, and what it points to is not: once more
				}
			}
			for slot, serial := range f.serial {
				if serial != 0 && Hash(keyOf(uint32(slot)))&1 == uint32(shard) && told[serial] != f.frames[slot] {
					t.Fatalf("shard %d: flow %d: told of %d of %d frames", shard, slot, told[serial], f.frames[slot])
				}
			}
			if shard == 0 && len(logins) != len(l.table) {
				t.Fatalf("told of %d of %d logins", len(logins), len(l.table))
			}
		}
	})
}

// honest reads the ring of a producer with a shard as the store does, wishes for everything, and says whether the answer
// came.
func honest(t *rapid.T, f *flows, producer, shard int, offer func(int), told map[uint64]uint64, logins map[uint64]bool) bool {
	readers, err := Open(f.seg.State, f.seg.Ctl, Store, shard)
	if err != nil {
		t.Fatal(err)
	}
	r := readers[producer%2]
	nonce := uint64(1000 + 10*producer + shard)
	r.Resync(nonce)
	for range 1000 {
		f.now += period
		offer(8)
		for item := r.Next(); item != nil; item = r.Next() {
			switch h := item.Header(); h.Kind {
			case KindFlow:
				told[item.Flow().Serial] = item.Flow().Frames
			case KindLogin:
				logins[item.Login().Addr] = true
			case KindSynced:
				if item.Sync().Nonce == nonce {
					return true
				}
			}
		}
		if r.Err() != nil || r.Release(r.Read()) != nil {
			return false
		}
	}
	t.Fatalf("producer %d never answers", producer%2)
	return false
}

// Somebody writes nonsense all the time, also while the data plane starts.
func TestADataPlaneStartsWhateverStandsInCtl(t *testing.T) {
	f := newFlows(t, memoryDir(t), Spec{Producers: 1, State: 64, Events: 64, Shards: 1}, 8)
	defer f.seg.Close()
	tail := &shm.Items[Cursor](f.seg.Ctl, shm.RegionCursors)[f.spec.index(Store, 0, 0)].Tail
	var over atomic.Bool
	ended := make(chan struct{})
	go func() {
		for n := uint64(1 << 40); !over.Load(); n++ {
			atomic.StoreUint64(tail, n)
		}
		close(ended)
	}()
	defer func() {
		over.Store(true)
		<-ended
	}()
	for range 1000 {
		f.attach(t)
		f.now += period
		f.frame(0)
		f.outlets.Offer(f.now, 8)
	}
	over.Store(true)
	<-ended
	s := f.newStore(t)
	f.outlets.Resync()
	for range 4 { // until the producer has looked at the cursor and the wish
		f.now += period
		f.settle(t, []*store{s})
	}
	if told := s.durable[f.serial[0]]; told != 1000 {
		t.Fatalf("told of %d of 1000 frames", told)
	}
}

// The producer finds it out when it next looks how much was released.
func TestABrokenRingIsCountedOnceAndMendedByAConsumer(t *testing.T) {
	f := newFlows(t, t.TempDir(), Spec{Producers: 1, State: 64, Events: 64, Shards: 1}, 100)
	defer f.seg.Close()
	s := f.newStore(t)
	frames := func() {
		f.now++
		for slot := range uint32(100) {
			f.frame(slot)
		}
		for range 20 {
			f.now += period
			f.outlets.Offer(f.now, 16)
		}
	}
	for n := uint64(1); n < 4; n++ {
		frames()
		atomic.StoreUint64(&s.reader.cursor.Tail, 1<<40)
		frames()
		frames()
		if in := s.reader.Info(); in.Broken != n {
			t.Fatalf("broken %d times, counted %d", n, in.Broken)
		}
		s.reader.Resync(100 * n) // alone it mends nothing
		frames()
		if in := s.reader.Info(); in.Nonce == 100*n {
			t.Fatal("a wish was taken up with a cursor that cannot be right")
		}
		s.open(t)
		f.settleWish(t, s, 100*n+1)
		for slot := range uint32(100) {
			if s.durable[f.serial[slot]] != f.frames[slot] {
				t.Fatalf("flow %d: told of %d of %d frames", slot, s.durable[f.serial[slot]], f.frames[slot])
			}
		}
	}
}

// A cursor that points to items overwritten long ago is one that can be right, as far as the ring knows.
func TestAnItemThatIsNotTheNextOneIsAnErrorAndNotRead(t *testing.T) {
	f := newFlows(t, t.TempDir(), Spec{Producers: 1, State: 64, Events: 64, Shards: 1}, 10)
	defer f.seg.Close()
	s := f.newStore(t)
	for slot := range uint32(10) {
		f.frame(slot)
	}
	f.now += period
	f.outlets.Offer(f.now, 16)
	s.reader.Next()
	(*Item)(f.outlets.list[0].to.ring.Last(9)).Header().Seq += 64
	if item := s.reader.Next(); item != nil || s.reader.Err() == nil || s.reader.Read() != 1 {
		t.Fatalf("read %v, error %v", item, s.reader.Err())
	}
	if s.reader.Next() != nil {
		t.Fatal("went on")
	}
}

// A standby takes a look at the rings while their consumer is at work: what it sees may be old when it is judged.
func TestWhoOpensARingInUseDoesNotMendIt(t *testing.T) {
	dir := memoryDir(t)
	f := newFlows(t, dir, Spec{Producers: 1, State: 64, Events: 64, Shards: 1}, 64)
	defer f.seg.Close()
	s := f.newStore(t)
	state, err := shm.Open(filepath.Join(dir, "state"), false)
	if err != nil {
		t.Fatal(err)
	}
	defer state.Close()
	ctl, err := shm.Open(filepath.Join(dir, "ctl"), true)
	if err != nil {
		t.Fatal(err)
	}
	defer ctl.Close()
	var over atomic.Bool
	looked := make(chan error, 1)
	go func() {
		var err error
		for !over.Load() && (err == nil || errors.Is(err, ring.ErrBroken)) { // broken: it did not hold still
			_, err = Open(state, ctl, Store, 0)
		}
		looked <- err
		close(looked)
	}()
	defer func() { // before the files are unmapped
		over.Store(true)
		for range looked {
		}
	}()
	for range 20_000 {
		f.now += period
		for slot := range uint32(64) {
			f.frame(slot)
		}
		f.outlets.Offer(f.now, 64)
		for s.reader.Next() != nil {
		}
		if err := s.reader.Release(s.reader.Read()); err != nil {
			t.Fatal(err)
		}
	}
	over.Store(true)
	if err := <-looked; err != nil && !errors.Is(err, ring.ErrBroken) {
		t.Fatal(err)
	}
	if in := s.reader.Info(); in.Nonce != 0 || in.Broken != 0 {
		t.Fatalf("a wish %d was made, broken %d times", in.Nonce, in.Broken)
	}
}
