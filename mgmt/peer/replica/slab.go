package replica

import (
	"math/bits"
	"math/rand/v2"

	"fcredirect/mgmt/peer/record"
)

// A slab has the records of one kind in rows of as many words as the kind needs, and finds them by their IDs.
//
// Rows stand in chunks, so that a slab grows without copying, and nothing in it is a pointer, so that the garbage collector does not look
// into it. A freed row is chained to the next free one through its first word.
//
// The index is open addressing with linear probing, eight bytes an entry: 28 bits of the hash, the key's bucket, and the
// row's number plus one. It grows by doubling, which needs no look at the rows, because the home of an entry is
// the uppermost bits of its hash; entries move forward in order: 10 ms at a million. Removal shifts back, so there are no graves. The hash is
// keyed by the process: a peer cannot choose IDs that collide.
type slab struct {
	kind   record.Kind
	fields int
	stride int // words of a row
	chunks [][]uint64
	rows   int    // that were ever used
	live   int    // of them, neither gone nor free
	free   uint32 // first free row plus one, or 0
	index  []uint64
	bits   int // the index has 1<<bits entries
	used   int // entries of the index
}

// The words of a row: then come the fields, then one more: in Counts the State version that the record needs, in State where
// its refs are remembered.
const (
	rowID      = iota
	rowVersion // shifted left by one; the lowest bit says that it is gone; 0 in a free row
	rowFields
)

const (
	chunkBits = 7
	chunkRows = 1 << chunkBits
	slotBits  = 28
	slotMask  = 1<<slotBits - 1
	tagBits   = 28
	tagShift  = 64 - tagBits
	indexBits = 4 // of the smallest index
)

var hashKey = [2]uint64{rand.Uint64(), rand.Uint64() | 1}

func hashOf(id uint64) uint64 {
	hi, lo := bits.Mul64(id^hashKey[0], hashKey[1])
	return (hi ^ lo) * 0x9e3779b97f4a7c15
}

func newSlab(kind record.Kind) *slab {
	return &slab{kind: kind, fields: kind.Fields(), stride: rowFields + kind.Fields() + 1}
}

func (s *slab) row(slot uint32) []uint64 {
	at := int(slot&(chunkRows-1)) * s.stride
	return s.chunks[slot>>chunkBits][at : at+s.stride : at+s.stride]
}

// extra is the last word of a row.
func (s *slab) extra(row []uint64) *uint64 { return &row[s.stride-1] }

// find returns the row of an ID.
func (s *slab) find(id, hash uint64) (slot uint32, found bool) {
	if s.used == 0 {
		return 0, false
	}
	tag, mask := hash>>tagShift, uint64(len(s.index)-1)
	for i := tag >> (tagBits - s.bits); ; i++ {
		e := s.index[i&mask]
		if e == 0 {
			return 0, false
		}
		if e>>tagShift == tag {
			if slot = uint32(e&slotMask) - 1; s.row(slot)[rowID] == id {
				return slot, true
			}
		}
	}
}

// add takes a row for an ID that has none.
func (s *slab) add(id, hash uint64, bucket int) (slot uint32) {
	if s.free != 0 {
		slot = s.free - 1
		s.free = uint32(s.row(slot)[rowID])
	} else {
		slot = uint32(s.rows)
		s.rows++
		if int(slot>>chunkBits) == len(s.chunks) {
			s.chunks = append(s.chunks, make([]uint64, chunkRows*s.stride))
		}
	}
	row := s.row(slot)
	clear(row)
	row[rowID] = id
	if (s.used+1)*4 > len(s.index)*3 {
		s.grow()
	}
	s.used++
	s.insert(hash>>tagShift<<tagShift | uint64(bucket)<<slotBits | uint64(slot+1))
	return slot
}

func (s *slab) insert(e uint64) {
	mask := uint64(len(s.index) - 1)
	i := e >> tagShift >> (tagBits - s.bits) & mask
	for s.index[i] != 0 {
		i = (i + 1) & mask
	}
	s.index[i] = e
}

func (s *slab) grow() {
	old := s.index
	s.bits = max(s.bits+1, indexBits)
	s.index = make([]uint64, 1<<s.bits)
	for _, e := range old {
		if e != 0 {
			s.insert(e)
		}
	}
}

// remove frees the row of an ID that has one.
func (s *slab) remove(slot uint32, hash uint64) {
	mask := uint64(len(s.index) - 1)
	i := hash >> tagShift >> (tagBits - s.bits)
	for s.index[i]&slotMask != uint64(slot+1) {
		i = (i + 1) & mask
	}
	// Whatever stands behind the hole, and whose home is not behind it too, moves into it, so that no search ends too early.
	for j := (i + 1) & mask; s.index[j] != 0; j = (j + 1) & mask {
		home := s.index[j] >> tagShift >> (tagBits - s.bits)
		if (j-home)&mask >= (j-i)&mask {
			s.index[i], i = s.index[j], j
		}
	}
	s.index[i] = 0
	s.used--
	row := s.row(slot)
	clear(row)
	row[rowID], s.free = uint64(s.free), slot+1
}

// empty forgets all records and keeps the memory.
func (s *slab) empty() {
	clear(s.index)
	s.rows, s.live, s.free, s.used = 0, 0, 0, 0
}

func (s *slab) memory() int {
	return len(s.chunks)*(chunkRows*s.stride*8+24) + len(s.index)*8
}

// load makes a record of a row.
func (s *slab) load(r *record.Record, row []uint64) {
	r.Kind, r.ID = s.kind, row[rowID]
	r.Version, r.Gone = row[rowVersion]>>1, row[rowVersion]&1 != 0
	n := copy(r.Fields[:], row[rowFields:rowFields+s.fields])
	clear(r.Fields[n:])
}
