package replica

import (
	"maps"
	"testing"

	"fcredirect/mgmt/peer/record"
	"pgregory.net/rapid"
)

// Hashes are given here, so that they collide as no keyed hash would: homes at the end of the index, and equal tags.
func TestASlabFindsItsRowsHoweverHashesCollide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSlab(record.Node)
		hashes := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) uint64 {
			return rapid.SampledFrom([]uint64{0, 1, 2, 0xffffffe, 0xfffffff}).Draw(t, "tag")<<tagShift | rapid.Uint64Range(0, 1).Draw(t, "rest")
		}), 64, 64).Draw(t, "hashes")
		model := map[uint64]uint32{}
		id := rapid.Uint64Range(0, uint64(len(hashes)-1))
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				i := id.Draw(t, "id")
				if _, there := model[i]; !there {
					model[i] = s.add(i, hashes[i], int(i))
				}
			},
			"remove": func(t *rapid.T) {
				i := id.Draw(t, "id")
				if slot, there := model[i]; there {
					s.remove(slot, hashes[i])
					delete(model, i)
				}
			},
			"": func(t *rapid.T) {
				if s.used != len(model) {
					t.Fatalf("%d entries for %d rows", s.used, len(model))
				}
				for i := range uint64(len(hashes)) {
					want, there := model[i]
					got, found := s.find(i, hashes[i])
					if found != there || found && (got != want || s.row(got)[rowID] != i) {
						t.Fatalf("id %d: %d %v, want %d %v", i, got, found, want, there)
					}
					if in := s.inBucket(int(i)); there != (len(in) == 1 && in[0] == want) {
						t.Fatalf("id %d: in its bucket are %v", i, in)
					}
				}
			},
		})
	})
}

func TestFreedRowsAreUsedAgain(t *testing.T) {
	s := newSlab(record.Flow)
	slots := map[uint32]bool{}
	for id := range uint64(1000) {
		slots[s.add(id, hashOf(id), 0)] = true
	}
	again := map[uint32]bool{}
	for id := range uint64(1000) {
		slot, _ := s.find(id, hashOf(id))
		s.remove(slot, hashOf(id))
	}
	memory := s.memory()
	for id := range uint64(1000) {
		again[s.add(id+5000, hashOf(id+5000), 0)] = true
	}
	if !maps.Equal(slots, again) || s.memory() != memory {
		t.Errorf("%d rows, then %d, and memory went from %d to %d", len(slots), len(again), memory, s.memory())
	}
}
