package replica

import (
	"slices"
	"unsafe"

	"fcredirect/mgmt/peer/record"
)

// A slab has the records of one kind in rows of as many words as the kind needs, and finds them by their IDs.
//
// Rows stand in chunks, so that a slab grows without copying, and nothing in it is a pointer, so that the garbage collector does not look
// into it. A freed row is chained to the next free one through its first word.
//
// Each bucket of keys has an index of its own. So a bucket is found without a search through everything, and growing copies
// one of 256 parts: 20 µs at a million records, where all of it would take 10 ms, the whole bound of a lane.
type slab struct {
	kind   record.Kind
	fields int
	stride int // words of a row
	chunks [][]uint64
	rows   int    // that were ever used
	live   int    // of them, neither gone nor free
	free   uint32 // first free row plus one, or 0
	index  [Buckets]index
}

// A name is how a slab knows a key of its kind.
type name struct {
	id, hash uint64
	bucket   int
}

func nameOf(key record.Key) name { return name{key.ID, hashOf(key.ID), BucketOf(key)} }

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
)

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
func (s *slab) find(n name) (slot uint32, found bool) {
	x := &s.index[n.bucket]
	if x.used == 0 {
		return 0, false
	}
	tag, mask := x.tag(n.hash), uint64(len(x.entries)-1)
	for i := x.home(n.hash); ; i++ {
		e := x.entries[i&mask]
		if e == 0 {
			return 0, false
		}
		if e>>tagShift == tag {
			if slot = uint32(e) - 1; s.row(slot)[rowID] == n.id {
				return slot, true
			}
		}
	}
}

// add takes a row for an ID that has none.
func (s *slab) add(n name) (slot uint32) {
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
	row[rowID] = n.id
	s.index[n.bucket].add(n.hash, slot)
	return slot
}

// remove frees the row of an ID that has one.
func (s *slab) remove(slot uint32, n name) {
	s.index[n.bucket].remove(n.hash, slot)
	row := s.row(slot)
	clear(row)
	row[rowID], s.free = uint64(s.free), slot+1
}

// empty forgets all records and keeps the memory.
func (s *slab) empty() {
	for i := range s.index {
		s.index[i].empty()
	}
	s.rows, s.live, s.free = 0, 0, 0
}

// inBucket are the rows of a bucket, live or gone, in the order of the slab: that of the index differs from process to process.
func (s *slab) inBucket(i int) (slots []uint32) {
	for _, e := range s.index[i].entries {
		if e != 0 {
			slots = append(slots, uint32(e)-1)
		}
	}
	slices.Sort(slots)
	return slots
}

func (s *slab) memory() (n int) {
	for i := range s.index {
		n += len(s.index[i].entries)*8 + int(unsafe.Sizeof(s.index[i]))
	}
	return n + len(s.chunks)*(chunkRows*s.stride*8+24)
}

// load makes a record of a row.
func (s *slab) load(r *record.Record, row []uint64) {
	r.Kind, r.ID = s.kind, row[rowID]
	r.Version, r.Gone = row[rowVersion]>>1, row[rowVersion]&1 != 0
	n := copy(r.Fields[:], row[rowFields:rowFields+s.fields])
	clear(r.Fields[n:])
}
