package flow

import (
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

func newShard(t testing.TB, directions int) *Shard {
	t.Helper()
	s, _, err := NewShard(make([]Entry, Slots(directions)), make([]Info, directions), 0x1234_5678_9abc_def1, false)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func find(s *Shard, k Key) *Entry {
	keys, places := [64]uint64{7: uint64(k)}, [64]Place{}
	s.Seek(&keys, &places, 7, 8)
	s.Probe(&keys, &places, 7, 8)
	if e := s.At(places[7]); e.Key == k {
		return e
	}
	return s.Find(k)
}

// The assembler against the arithmetic that it repeats, and nothing written beside the part asked for.
func TestSeekAndProbeOfABurstGiveWhatHomeAndAdvanceGive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, _, err := NewShard(make([]Entry, Slots(64)), make([]Info, 64), rapid.Uint64().Draw(t, "seed"), false)
		if err != nil {
			t.Fatal(err)
		}
		var keys [64]uint64
		for i := range keys {
			if keys[i] = rapid.Uint64().Draw(t, "key"); i%2 == 0 && s.Find(Key(keys[i])) == nil {
				s.Insert(Key(keys[i]), 0, 1)
			}
		}
		first := rapid.IntRange(0, 64).Draw(t, "first")
		end := rapid.IntRange(first, 64).Draw(t, "end")
		var got, want [64]Place
		for i := first; i < end; i++ {
			want[i] = s.Home(Key(keys[i]))
		}
		if s.Seek(&keys, &got, first, end); got != want {
			t.Fatalf("Seek gives %v, want %v", got, want)
		}
		for i := first; i < end; i++ {
			want[i] = advance(s.base, s.mask*uint64(EntryBytes), want[i], Key(keys[i]))
		}
		if s.Probe(&keys, &got, first, end); got != want {
			t.Fatalf("Probe gives %v, want %v", got, want)
		}
	})
}

// The table against a map, with few addresses so that chains, collisions and tombstones are met often.
func TestShardBehavesLikeAMapWithAnIndexByAddress(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, _, err := NewShard(make([]Entry, Slots(64)), make([]Info, 64), rapid.Uint64().Draw(t, "seed")|1, false)
		if err != nil {
			t.Fatal(err)
		}
		model := map[Key]uint64{} // frames
		stale := map[Key]bool{}
		key := rapid.Custom(func(t *rapid.T) Key {
			sid := rapid.Uint32Range(1, 12).Draw(t, "sid")
			return MakeKey(0, 0, sid, 100+rapid.Uint32Range(1, 12).Draw(t, "did"))
		})
		now := uint64(1)
		t.Repeat(map[string]func(*rapid.T){
			"frame": func(t *rapid.T) {
				k := key.Draw(t, "key")
				now++
				e := find(s, k)
				if (e != nil) != (model[k] > 0) {
					t.Fatalf("%x: found %v, model %d", k, e != nil, model[k])
				}
				if e == nil {
					if e = s.Insert(k, 0, now); e == nil {
						if len(model) < 64 {
							t.Fatalf("full at %d directions", len(model))
						}
						return
					}
				}
				e.Frames++
				e.LastSeen, e.Stamp = now, 7
				model[k]++
				delete(stale, k)
				if e.Frames != model[k] {
					t.Fatalf("%x: %d frames, model %d", k, e.Frames, model[k])
				}
			},
			"remove": func(t *rapid.T) {
				k := key.Draw(t, "key")
				if e := find(s, k); e != nil {
					s.Remove(e)
				}
				delete(model, k)
				delete(stale, k)
			},
			"invalidate": func(t *rapid.T) {
				id := rapid.Uint32Range(1, 112).Draw(t, "id")
				s.Invalidate(uint64(id))
				for !s.Step(rapid.IntRange(1, 5).Draw(t, "step")) {
				}
				for k := range model {
					if k.SID() == id || k.DID() == id {
						stale[k] = true
					}
				}
			},
			"restart": func(t *rapid.T) {
				fresh, adopted, err := NewShard(s.entries, s.infos, s.seed, true)
				if err != nil || adopted != len(model) {
					t.Fatalf("adopted %d of %d: %v", adopted, len(model), err)
				}
				s = fresh
				for k := range model {
					stale[k] = true
				}
			},
			"": func(t *rapid.T) {
				if s.Live() != len(model) {
					t.Fatalf("live %d, model %d", s.Live(), len(model))
				}
				seen := 0
				for d := range NewView(s.entries, s.infos).All() {
					seen++
					if d.Frames != model[d.Key] || (d.Stamp == 0) != stale[d.Key] {
						t.Fatalf("%x: %d frames gen %d, model %d stale %v", d.Key, d.Frames, d.Stamp, model[d.Key], stale[d.Key])
					}
				}
				if seen != len(model) {
					t.Fatalf("a reader sees %d directions, model %d", seen, len(model))
				}
			},
		})
	})
}

func TestAWalkGoesOnPastADirectionThatEnds(t *testing.T) {
	s := newShard(t, 64)
	for did := uint32(101); did < 140; did++ {
		s.Insert(MakeKey(0, 0, 1, did), 0, 1).Stamp = 7
	}
	s.Invalidate(1)
	s.Step(3)
	for did := uint32(101); did < 140; did += 2 { // the link where the walk stands is among them
		s.Remove(find(s, MakeKey(0, 0, 1, did)))
	}
	for !s.Step(3) {
	}
	for did := uint32(102); did < 140; did += 2 {
		if e := find(s, MakeKey(0, 0, 1, did)); e.Stamp != 0 {
			t.Errorf("direction to %d was not marked", did)
		}
	}
}

func TestAFullShardRefusesAndKeepsWhatItHas(t *testing.T) {
	s := newShard(t, MinDirections)
	for i := range MinDirections {
		if s.Insert(MakeKey(1, 2, 3, uint32(10+i)), 0, 1) == nil {
			t.Fatalf("refused direction %d of %d", i, MinDirections)
		}
	}
	if s.Insert(MakeKey(1, 2, 3, 9), 0, 1) != nil {
		t.Fatal("took one more than it has room for")
	}
	if s.Sweep(len(s.entries), 1, nil) != 0 {
		t.Fatal("swept directions seen at the limit")
	}
	if n := s.Sweep(len(s.entries), 2, nil); n != MinDirections || s.Live() != 0 {
		t.Fatalf("swept %d, %d live", n, s.Live())
	}
}

func TestAdoptionDropsWhatIsNotWhole(t *testing.T) {
	s := newShard(t, 64)
	keys := []Key{MakeKey(0, 0, 1, 2), MakeKey(0, 0, 1, 3), MakeKey(0, 0, 1, 4), MakeKey(0, 0, 1, 5)}
	for _, k := range keys {
		s.Insert(k, 0, 1).Frames = 9
	}
	find(s, keys[0]).Inc |= 1                       // killed while filling
	find(s, keys[1]).Info = 1 << 30                 // garbage
	s.infos[find(s, keys[2]).Info].Slot = 0xfffffff // points elsewhere
	fresh, adopted, err := NewShard(s.entries, s.infos, s.seed, true)
	if err != nil || adopted != 1 {
		t.Fatalf("adopted %d: %v", adopted, err)
	}
	if e := find(fresh, keys[3]); e == nil || e.Frames != 9 || e.Stamp != 0 {
		t.Fatalf("the whole one: %+v", e)
	}
}

func TestAdoptionKnowsWhatAnotherNodeHasAndSentNoFrame(t *testing.T) {
	s := newShard(t, 64)
	for n, want := range []uint8{Hinted, 0} {
		e := s.Insert(MakeKey(0, 0, 1, uint32(n)+2), 0, 1)
		e.Frames = uint64(n)
		s.Info(e).Hinted, s.Info(e).Static = Hinted, 1
		fresh, _, err := NewShard(s.entries, s.infos, s.seed, true)
		if err != nil {
			t.Fatal(err)
		}
		s = fresh
		if in := s.Info(s.Find(MakeKey(0, 0, 1, uint32(n)+2))); in.Hinted != want || in.Static != 0 {
			t.Errorf("%d frames: hinted %d, static %d", n, in.Hinted, in.Static)
		}
	}
}

// So a process that is killed while it adopts leaves what it found, and a reader never misses a direction.
func TestAdoptionLeavesWhatIsWholeWhereItIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, _, err := NewShard(make([]Entry, Slots(64)), make([]Info, 64), rapid.Uint64().Draw(t, "seed"), false)
		if err != nil {
			t.Fatal(err)
		}
		var keys []Key
		for range rapid.IntRange(1, 200).Draw(t, "n") { // some come and go, which leaves tombstones
			k := MakeKey(0, 0, rapid.Uint32Range(1, 30).Draw(t, "sid"), 100)
			if e := s.Find(k); e != nil {
				s.Remove(e)
			} else {
				s.Insert(k, 0, 1).Frames = uint64(k.SID())
			}
			keys = append(keys, k)
		}
		before, infos := append([]Entry(nil), s.entries...), append([]Info(nil), s.infos...)
		fresh, adopted, err := NewShard(s.entries, s.infos, s.seed, true)
		if err != nil || adopted != s.live {
			t.Fatalf("adopted %d of %d: %v", adopted, s.live, err)
		}
		for i := range before {
			if was := &before[i]; was.Key != 0 && was.Key != tombstone {
				was.Stamp = 0
				if fresh.entries[i] != *was || fresh.infos[was.Info].Serial != infos[was.Info].Serial {
					t.Fatalf("slot %d had %+v and has %+v", i, *was, fresh.entries[i])
				}
			}
		}
		for i := range fresh.entries { // nothing is left that would lengthen look-ups for nothing
			if fresh.entries[i].Key == tombstone && fresh.entries[(uint64(i)+1)&fresh.mask].Key == 0 {
				t.Fatalf("a tombstone in slot %d before an empty one", i)
			}
		}
		for _, k := range keys {
			if e := fresh.Find(k); e != nil {
				fresh.Remove(e)
			}
		}
		if fresh.Live() != 0 || fresh.Room() != 64 {
			t.Fatalf("%d live, room for %d", fresh.Live(), fresh.Room())
		}
	})
}

// The counter is raised before the number is used, so a process killed at any moment leaves no number to be given twice.
func TestALifeHasANumberThatNoOtherHad(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var last uint64
		s, _, err := NewShard(make([]Entry, Slots(64)), make([]Info, 64), 1, false)
		if err != nil {
			t.Fatal(err)
		}
		s.NumberFrom(&last)
		numbers := map[uint64]Key{}
		t.Repeat(map[string]func(*rapid.T){
			"come or go": func(t *rapid.T) {
				k := MakeKey(0, 0, rapid.Uint32Range(1, 9).Draw(t, "sid"), 100)
				if e := s.Find(k); e != nil {
					s.Remove(e)
					return
				}
				n := s.Info(s.Insert(k, 0, 1)).Serial
				if numbers[n] != 0 || n == 0 || n != last {
					t.Fatalf("%x got number %d, which %x had; the last is %d", k, n, numbers[n], last)
				}
				numbers[n] = k
			},
			"restart": func(t *rapid.T) {
				if s, _, err = NewShard(s.entries, s.infos, 1, true); err != nil {
					t.Fatal(err)
				}
				s.NumberFrom(&last)
			},
			"": func(t *rapid.T) {
				for d := range NewView(s.entries, s.infos).All() {
					if numbers[d.Info.Serial] != d.Key {
						t.Fatalf("%x has number %d, which %x got", d.Key, d.Info.Serial, numbers[d.Info.Serial])
					}
				}
			},
		})
	})
}

func TestKeysComeApartAsTheyWerePut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		fabric := rapid.Uint8Range(0, 15).Draw(t, "fabric")
		vf := rapid.Uint16Range(0, 4095).Draw(t, "vf")
		sid, did := rapid.Uint32Range(0, 1<<24-1).Draw(t, "sid"), rapid.Uint32Range(0, 1<<24-1).Draw(t, "did")
		k := MakeKey(fabric, vf, sid, did)
		if k.Fabric() != fabric || k.VF() != vf || k.SID() != sid || k.DID() != did || k.Reverse().Reverse() != k || k.Reverse().SID() != did {
			t.Fatalf("%x", k)
		}
		if want := uint64(fabric)<<36 | uint64(vf)<<24 | uint64(sid); k.Source() != want || k.Reverse().Destination() != want {
			t.Fatalf("source %x, want %x", k.Source(), want)
		}
	})
}

func TestOffsetsOfSharedStructsStay(t *testing.T) {
	for name, got := range map[string][2]uintptr{
		"Entry":         {unsafe.Sizeof(Entry{}), 64},
		"Entry.Verdict": {unsafe.Offsetof(Entry{}.Verdict), 32},
		"Entry.MAC":     {unsafe.Offsetof(Entry{}.MAC), 48},
		"Entry.Inc":     {unsafe.Offsetof(Entry{}.Inc), 60},
		"Info":          {unsafe.Sizeof(Info{}), 64},
		"Info.Slot":     {unsafe.Offsetof(Info{}.Slot), 40},
		"Info.Orient":   {unsafe.Offsetof(Info{}.Orient), 48},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %d, pinned at %d: raise shm.ABI and the pin together", name, got[0], got[1])
		}
	}
}

func TestBothDirectionsJoinToOneFlow(t *testing.T) {
	s := newShard(t, 64)
	k := MakeKey(0, 5, 1, 2)
	to, back := s.Insert(k, 0, 1), s.Insert(k.Reverse(), 1, 1)
	elsOnly := s.Insert(MakeKey(0, 5, 2, 3), 1, 1)
	_ = elsOnly
	for _, e := range []*Entry{to, back} {
		in := s.Info(e)
		in.Initiator, in.Target, in.Orient = 0xa, 0xb, FromInitiator
	}
	s.Info(back).Orient = FromTarget
	to.Frames, back.Frames = 3, 4
	flows := Flows(NewView(s.entries, s.infos))
	if len(flows) != 1 || flows[0].Key != k || flows[0].ToTarget.Frames != 3 || flows[0].ToInitiator.Frames != 4 || flows[0].Initiator != 0xa {
		t.Fatalf("%+v", flows)
	}
}

func TestActiveNamesTheDirectionsThatWereSeenSince(t *testing.T) {
	s := newShard(t, 64)
	s.Insert(MakeKey(0, 0, 1, 2), 0, 10)
	s.Insert(MakeKey(0, 0, 1, 3), 0, 20)
	v := NewView(s.entries, s.infos)
	var got []Key
	for first := 0; first < v.Slots(); first += 7 { // parts that do not divide the whole
		for k := range v.Active(first, 7, 15) {
			got = append(got, k)
		}
	}
	if len(got) != 1 || got[0] != MakeKey(0, 0, 1, 3) {
		t.Fatalf("%x", got)
	}
}

func BenchmarkFind(b *testing.B) {
	for _, n := range []int{24_000, 1_000_000} {
		b.Run(map[int]string{24_000: "24k", 1_000_000: "1M"}[n], func(b *testing.B) {
			s := newShard(b, n)
			keys := make([]Key, n)
			for i := range keys {
				keys[i] = MakeKey(0, 0, uint32(i)*2654435761>>8|1, uint32(i)+7)
				s.Insert(keys[i], 0, 1)
			}
			b.ResetTimer()
			hits := 0
			for i := 0; i < b.N; i++ {
				if find(s, keys[i*7919%n]) != nil {
					hits++
				}
			}
			if hits != b.N {
				b.Fatalf("%d of %d", hits, b.N)
			}
		})
	}
}
