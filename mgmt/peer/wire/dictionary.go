package wire

import "fcredirect/mgmt/peer/record"

// dictionary is what both ends of a direction remember of the keys of one kind: their places, and the fields that were
// said of each last. Both ends do the same with it in the same order, so neither tells the other where a key is put.
type dictionary struct {
	limit   int
	changes []record.Change // of each field of the kind
	ids     []uint64
	live    []bool   // this place has a key
	base    []uint64 // fields of the key at place p begin at p*len(changes)
	free    []int32  // places whose key was deleted
	hand    int      // whose turn it is to make room
	denied  int
}

// admitEvery: when there is no room, one newcomer of so many gets the place of another key. If each did, keys that come
// in turn, and are a few more than there are places, would each drive out the one that comes next.
const admitEvery = 8

var nothing row

// nowhere is the place of a key that has none.
const nowhere = -1

// admit gives a new key a place, or none. If it was another one's, that one is out of the dictionary.
func (d *dictionary) admit(id uint64) (place int32, evicted uint64, wasTaken bool) {
	switch {
	case len(d.free) > 0:
		place = d.free[len(d.free)-1]
		d.free = d.free[:len(d.free)-1]
	case len(d.ids) < d.limit:
		place = int32(len(d.ids))
		d.ids, d.live = append(d.ids, 0), append(d.live, false)
		d.base = append(d.base, nothing[:len(d.changes)]...)
	default:
		d.denied++
		if d.limit == 0 || d.denied%admitEvery != 0 {
			return nowhere, 0, false
		}
		place = int32(d.hand)
		d.hand = (d.hand + 1) % d.limit
		evicted, wasTaken = d.ids[place], true
	}
	d.ids[place], d.live[place] = id, true
	return place, evicted, wasTaken
}

// said are the fields of the key at a place, as they were said last.
func (d *dictionary) said(place int32) []uint64 {
	n := len(d.changes)
	return d.base[int(place)*n : int(place)*n+n]
}

// forget makes the place of a deleted key free.
func (d *dictionary) forget(place int32) {
	d.live[place] = false
	d.free = append(d.free, place)
}
