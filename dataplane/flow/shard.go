package flow

import (
	"fmt"
	"math/bits"
	"sync/atomic"
	"unsafe"
)

// Shard is the writer's side of one lcore's table.
type Shard struct {
	// constant
	entries []Entry
	infos   []Info
	base    unsafe.Pointer // of entries
	mask    uint64
	seed    uint64
	serial  *uint64 // the number given last

	// the lcore's
	free  []uint32 // Infos not in use, the next one last
	heads []link   // address chains
	sweep int      // where the next Sweep begins
	walk  walk
	live  int
}

// NewShard puts a shard over memory of the segment. When adopt is set, what a data plane before us left there is
// checked entry by entry and kept where it is whole: adopted says how many directions. The seed spreads the keys; it
// must be the one the memory was filled with, or adoption finds nothing.
func NewShard(entries []Entry, infos []Info, seed uint64, adopt bool) (s *Shard, adopted int, err error) {
	if len(entries)&(len(entries)-1) != 0 || len(entries) < 2*len(infos) || len(infos) < MinDirections {
		return nil, 0, fmt.Errorf("flow: shard of %d entries and %d infos: want a power of two, at least twice as many entries", len(entries), len(infos))
	}
	s = &Shard{
		entries: entries, infos: infos, base: unsafe.Pointer(&entries[0]), mask: uint64(len(entries) - 1), seed: seed,
		serial: new(uint64), free: make([]uint32, 0, len(infos)), heads: make([]link, chainHeads), walk: walk{at: endOfChain},
	}
	for i := range s.heads {
		s.heads[i] = endOfChain
	}
	if adopt {
		s.adopt()
	} else {
		clear(entries)
		for i := range infos {
			infos[i] = Info{Slot: noSlot}
		}
	}
	for i := len(infos) - 1; i >= 0; i-- {
		if infos[i].Slot == noSlot {
			s.free = append(s.free, uint32(i))
		}
	}
	return s, s.live, nil
}

// NumberFrom has lives numbered on from the number at last, which outlives the process. It is called before the first
// Insert.
func (s *Shard) NumberFrom(last *uint64) { s.serial = last }

// Hash spreads a key over the slots: one multiplication of 64x64 to 128 bits, both halves folded.
func (s *Shard) Hash(k Key) uint64 { return hash(k, s.seed) }

func hash(k Key, seed uint64) uint64 {
	hi, lo := bits.Mul64(uint64(k)^seed, 0x9e3779b97f4a7c15)
	return hi ^ lo
}

// Place is where an entry stands, in bytes from the start of the shard: a number and no pointer, so that the lcore's
// lists of them cost no write barrier.
type Place uintptr

// Home is the place where a look-up of the key begins.
func (s *Shard) Home(k Key) Place { return Place(s.Hash(k) & s.mask * uint64(EntryBytes)) }

// Seek writes the homes of keys first to end-1 of a burst, and asks the cache for their lines.
func (s *Shard) Seek(keys *[64]uint64, places *[64]Place, first, end int) {
	seek(s.base, s.seed, s.mask*uint64(EntryBytes), keys, places, uint64(first), uint64(min(end, 64)))
}

// Probe looks at the places that Seek gave, some time later. Where another key stands, the place behind is taken, and
// its line asked for. What is in neither is for Find.
func (s *Shard) Probe(keys *[64]uint64, places *[64]Place, first, end int) {
	probe(s.base, s.mask*uint64(EntryBytes), keys, places, uint64(first), uint64(min(end, 64)))
}

// advance is one step. It has no branch, which would be guessed wrong whenever two keys share a home. mask is in bytes.
func advance(base unsafe.Pointer, mask uint64, home Place, k Key) Place {
	var behind Place
	if at(base, home).Key != k {
		behind = Place(EntryBytes)
	}
	return (home + behind) & Place(mask)
}

func at(base unsafe.Pointer, p Place) *Entry { return (*Entry)(unsafe.Add(base, p)) }

// At is the entry in a place that Seek or Probe gave.
func (s *Shard) At(p Place) *Entry { return at(s.base, p) }

// Find looks from the home slot on. Nil when there is no such direction.
func (s *Shard) Find(k Key) *Entry {
	i := s.Hash(k)
	for range MaxProbe {
		e := &s.entries[i&s.mask]
		if e.Key == k {
			return e
		}
		if e.Key == 0 {
			return nil
		}
		i++
	}
	return nil
}

func (s *Shard) index(e *Entry) uint64 {
	return uint64(uintptr(unsafe.Pointer(e))-uintptr(s.base)) / uint64(EntryBytes)
}

// vacancy is the first slot in which k may be put.
func (s *Shard) vacancy(k Key) (uint64, bool) {
	i := s.Hash(k)
	for range MaxProbe {
		if at := i & s.mask; s.entries[at].Key == 0 || s.entries[at].Key == tombstone {
			return at, true
		}
		i++
	}
	return 0, false
}

// Insert makes the direction, which Find must have missed. Nil when the table is full, or the probe too long.
func (s *Shard) Insert(k Key, inPort uint8, now uint64) *Entry {
	slot, ok := s.vacancy(k)
	if !ok || len(s.free) == 0 {
		return nil
	}
	n := s.free[len(s.free)-1]
	s.free = s.free[:len(s.free)-1]
	*s.serial++
	s.infos[n] = Info{Created: now, Serial: *s.serial, Slot: uint32(slot), Rule: -1, Service: -1, InPort: inPort}
	e := &s.entries[slot]
	inc := s.open(e)
	e.Frames, e.Bytes, e.LastSeen, e.Verdict, e.Stamp, e.Info, e.MAC, e.Errors = 0, 0, now, 0, 0, n, [12]byte{}, 0
	s.close(e, k, inc)
	s.link(n, k)
	s.live++
	return e
}

// Remove ends the direction. Its slot becomes free, or a tombstone when the next one is taken.
func (s *Shard) Remove(e *Entry) {
	k, n := e.Key, e.Info
	s.unlink(n, k)
	slot := s.index(e)
	inc := s.open(e)
	s.infos[n].Slot = noSlot
	s.free = append(s.free, n)
	s.live--
	if s.entries[(slot+1)&s.mask].Key != 0 {
		s.close(e, tombstone, inc)
		return
	}
	s.close(e, 0, inc)
	// Tombstones directly before an empty slot hold nothing together any more.
	for i := slot - 1; s.entries[i&s.mask].Key == tombstone; i-- {
		t := &s.entries[i&s.mask]
		s.close(t, 0, s.open(t))
	}
}

// open makes the incarnation odd: readers reject the line until close. These two stores cost 20 ns each and happen
// when a flow comes or goes, never per frame.
func (s *Shard) open(e *Entry) uint16 {
	inc := e.Inc | 1
	w := (*uint32)(unsafe.Pointer(&e.Inc)) // Inc and Errors share a word: the smallest that can be stored atomically
	atomic.StoreUint32(w, uint32(inc))
	return inc
}

func (s *Shard) close(e *Entry, k Key, inc uint16) {
	atomic.StoreUint64((*uint64)(&e.Key), uint64(k))
	atomic.StoreUint32((*uint32)(unsafe.Pointer(&e.Inc)), uint32(inc+1))
}

// Info is the cold part of a direction.
func (s *Shard) Info(e *Entry) *Info { return &s.infos[e.Info] }

// Live is the number of directions.
func (s *Shard) Live() int { return s.live }

// Sweep looks at the next n slots and ends the directions not seen since the TSC before, where end, which may be nil,
// agrees. It returns how many.
func (s *Shard) Sweep(n int, before uint64, end func(*Entry) bool) (ended int) {
	for range n {
		e := &s.entries[s.sweep]
		if e.Key != 0 && e.Key != tombstone && int64(e.LastSeen-before) < 0 && (end == nil || end(e)) {
			s.Remove(e)
			ended++
		}
		s.sweep = (s.sweep + 1) & int(s.mask)
	}
	return ended
}

// Slot is where an entry stands, Slots how many there are.
func (s *Shard) Slot(e *Entry) uint32 { return uint32(s.index(e)) }
func (s *Shard) Slots() int           { return len(s.entries) }

// Room is how many more directions find an Info.
func (s *Shard) Room() int { return len(s.free) }

// InSlot is the direction in a slot, nil when there is none.
func (s *Shard) InSlot(slot uint32) *Entry {
	if e := &s.entries[uint64(slot)&s.mask]; e.Key != 0 && e.Key != tombstone {
		return e
	}
	return nil
}

// Has says whether the shard holds the direction. Any lcore may ask: a word is read at a time, and the answer may be a
// burst old.
//
//go:norace
func (s *Shard) Has(k Key) bool {
	i := s.Hash(k)
	for range MaxProbe {
		switch Key(atomic.LoadUint64((*uint64)(&s.entries[i&s.mask].Key))) {
		case k:
			return true
		case 0:
			return false
		}
		i++
	}
	return false
}

// HeapBytes is what the shard takes besides its entries and infos.
func (s *Shard) HeapBytes() int { return 4*cap(s.free) + 4*len(s.heads) }
