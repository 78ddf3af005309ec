package replica

import (
	"maps"
	"slices"
	"testing"

	"fcredirect/mgmt/peer/record"
	"pgregory.net/rapid"
)

// Hashes are given here, so that they collide as no keyed hash would: homes at the end of the index, and equal tags.
func TestASlabFindsItsRowsHoweverHashesCollide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newSlab(record.Node)
		hashes := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) uint64 {
			return rapid.SampledFrom([]uint64{0, 1, 2, 0xfffffffe, 0xffffffff}).Draw(t, "tag")<<tagShift | rapid.Uint64Range(0, 1).Draw(t, "rest")
		}), 64, 64).Draw(t, "hashes")
		named := func(i uint64) name { return name{i, hashes[i], int(i % 2)} }
		model := map[uint64]uint32{}
		id := rapid.Uint64Range(0, uint64(len(hashes)-1))
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				i := id.Draw(t, "id")
				if _, there := model[i]; !there {
					model[i] = s.add(named(i))
				}
			},
			"remove": func(t *rapid.T) {
				i := id.Draw(t, "id")
				if slot, there := model[i]; there {
					s.remove(slot, named(i))
					delete(model, i)
				}
			},
			"": func(t *rapid.T) {
				in := append(s.inBucket(0), s.inBucket(1)...)
				if len(in) != len(model) || int(s.index[0].used+s.index[1].used) != len(model) {
					t.Fatalf("in buckets %v, want %v", in, model)
				}
				for i := range uint64(len(hashes)) {
					want, there := model[i]
					got, found := s.find(named(i))
					if found != there || found && (got != want || s.row(got)[rowID] != i) {
						t.Fatalf("id %d: %d %v, want %d %v", i, got, found, want, there)
					}
					if found && !slices.Contains(in, got) {
						t.Fatalf("id %d: in buckets %v", i, in)
					}
				}
			},
		})
	})
}

func TestFreedRowsAreUsedAgain(t *testing.T) {
	s := newSlab(record.Flow)
	slots := map[uint32]bool{}
	named := func(id uint64) name { return nameOf(record.Key{Kind: record.Flow, ID: id}) }
	for id := range uint64(1000) {
		slots[s.add(named(id))] = true
	}
	again := map[uint32]bool{}
	for id := range uint64(1000) {
		slot, _ := s.find(named(id))
		s.remove(slot, named(id))
	}
	rows, chunks := s.rows, len(s.chunks)
	for id := range uint64(1000) {
		again[s.add(named(id+5000))] = true
	}
	if !maps.Equal(slots, again) || s.rows != rows || len(s.chunks) != chunks {
		t.Errorf("%d rows, then %d, in %d chunks, then %d", len(slots), len(again), chunks, len(s.chunks))
	}
}
