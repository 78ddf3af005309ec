package replica

import (
	"math/bits"
	"math/rand/v2"
)

// An index finds rows by the hashes of their IDs: open addressing with linear probing, eight bytes an entry, half of them
// the hash, half the number of the row plus one. It grows by doubling, which needs no look at the rows, because the home of an entry is
// the uppermost bits of its hash. Removal shifts back, so there are no graves. The hash is keyed by the process: a peer cannot choose
// IDs that collide.
type index struct {
	entries []uint64
	used    uint32
	bits    uint32 // there are 1<<bits entries
}

const (
	tagShift  = 32
	indexBits = 2 // of the smallest
)

var hashKey = [2]uint64{rand.Uint64(), rand.Uint64() | 1}

func hashOf(id uint64) uint64 {
	hi, lo := bits.Mul64(id^hashKey[0], hashKey[1])
	return (hi ^ lo) * 0x9e3779b97f4a7c15
}

// home is where the search for a hash begins. There must be entries.
func (x *index) home(hash uint64) uint64 { return hash >> (64 - x.bits) }

func (x *index) tag(hash uint64) uint64 { return hash >> tagShift }

func (x *index) add(hash uint64, slot uint32) {
	if (int(x.used)+1)*4 > len(x.entries)*3 {
		x.grow()
	}
	x.used++
	x.insert(hash>>tagShift<<tagShift | uint64(slot+1))
}

func (x *index) insert(e uint64) {
	mask := uint64(len(x.entries) - 1)
	i := x.home(e)
	for x.entries[i] != 0 {
		i = (i + 1) & mask
	}
	x.entries[i] = e
}

func (x *index) grow() {
	old := x.entries
	x.bits = max(x.bits+1, indexBits)
	x.entries = make([]uint64, 1<<x.bits)
	for _, e := range old {
		if e != 0 {
			x.insert(e)
		}
	}
}

// remove takes the entry of a row away, which there must be.
func (x *index) remove(hash uint64, slot uint32) {
	mask := uint64(len(x.entries) - 1)
	i := x.home(hash)
	for uint32(x.entries[i]) != slot+1 {
		i = (i + 1) & mask
	}
	// Whatever stands behind the hole, and whose home is not behind it too, moves into it, so that no search ends too early.
	for j := (i + 1) & mask; x.entries[j] != 0; j = (j + 1) & mask {
		if (j-x.home(x.entries[j]))&mask >= (j-i)&mask {
			x.entries[i], i = x.entries[j], j
		}
	}
	x.entries[i] = 0
	x.used--
}

func (x *index) empty() {
	if x.used > 0 {
		clear(x.entries)
		x.used = 0
	}
}
