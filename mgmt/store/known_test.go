package store

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestKnownIsAMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var k known
		model := map[uint64]uint64{}
		// Serials of several lcores, few enough to meet again, and some that are at home in one place.
		serial := rapid.OneOf(rapid.Map(rapid.Uint64Range(0, 40), func(n uint64) uint64 { return n%3<<56 | n }), rapid.Uint64Range(0, 4000))
		for range rapid.IntRange(0, 3000).Draw(t, "steps") {
			s := serial.Draw(t, "serial")
			switch rapid.IntRange(0, 3).Draw(t, "step") {
			case 0:
				k.remove(s)
				delete(model, s)
			default:
				e := k.put(s)
				if was := model[s]; e.frames != was {
					t.Fatalf("%d has %d, want %d", s, e.frames, was)
				}
				e.frames++
				model[s]++
			}
		}
		for s, frames := range model {
			if e := k.get(s); e == nil || e.frames != frames || e.serial != s+1 {
				t.Fatalf("%d is %+v, want %d", s, e, frames)
			}
		}
		if k.n != len(model) {
			t.Fatalf("%d entries, want %d", k.n, len(model))
		}
	})
}

func TestWhatWaitsForASampleIsDueWhenItHasBeenQuiet(t *testing.T) {
	var k known
	for _, serial := range []uint64{1, 2, 3, 4, 5} {
		e := k.put(serial)
		e.changed, e.base = 100, serial != 5 // of 5 it is not known what was sampled
		k.wait(e)
		k.wait(e) // once is enough
	}
	k.get(2).changed = 110 // still busy
	k.get(3).dirty = false // sampled with an update
	k.get(4).ended = true
	quiet := uint32(100 + tenths(sampleLate))
	if got := k.due(quiet-1, 10, nil); !slices.Equal(got, []uint64{4, 5}) {
		t.Errorf("due are %v, want the one that ended and the one without a base", got)
	}
	if got := k.due(quiet, 10, nil); !slices.Equal(got, []uint64{1}) {
		t.Errorf("due are %v, want the quiet one", got)
	}
	k.again([]uint64{1})
	if got := k.due(quiet+10, 1, nil); len(got) != 1 || k.waiting() != 1 {
		t.Errorf("due are %v, and %d wait: want one, and one", got, k.waiting())
	}
	if got := k.due(quiet+10, 10, nil); len(got) != 1 || k.waiting() != 0 {
		t.Errorf("due are %v, and %d wait: want the last", got, k.waiting())
	}
}
