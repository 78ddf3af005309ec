package flow

import "slices"

// Inspection is what is wrong with a shard.
type Inspection struct {
	Directions int // whole
	Broken     int // half made or half ended, without an Info of their own, or out of a look-up's reach
	Orphans    int // Infos in use that no direction owns
}

// Inspect judges a shard by adopting a copy of it, so that what it finds is what a warm start would drop. A live shard
// may have a direction or two in the making: what is wrong at several looks is wrong. It needs memory for the copy.
func Inspect(entries []Entry, infos []Info, seed uint64) (Inspection, error) {
	entries, infos = copyOf(entries, infos)
	var in Inspection
	for i := range entries {
		if k := entries[i].Key; k != 0 && k != tombstone {
			in.Broken++
		}
	}
	for i := range infos {
		if infos[i].Slot != noSlot {
			in.Orphans++
		}
	}
	_, adopted, err := NewShard(entries, infos, seed, true)
	if err != nil {
		return Inspection{}, err
	}
	in.Directions, in.Broken, in.Orphans = adopted, max(in.Broken-adopted, 0), max(in.Orphans-adopted, 0)
	return in, nil
}

// copyOf races with the writer by design: what it tears is found as broken, and not at the next look.
//
//go:norace
func copyOf(entries []Entry, infos []Info) ([]Entry, []Info) {
	return slices.Clone(entries), slices.Clone(infos)
}
