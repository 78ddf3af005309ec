package feed

import (
	"fmt"
	"unsafe"

	"fcredirect/dataplane/ring"
	"fcredirect/dataplane/shm"
)

// Consumer is who reads a ring.
type Consumer uint8

// The consumers, in the order of the directory of rings. Each store shard has rings of its own.
const (
	Peer Consumer = iota
	Store
	Event
	numConsumers
)

var consumerNames = [numConsumers]string{"peer", "store", "event"}

// String is the consumer as regions and commands spell it.
func (c Consumer) String() string {
	if c < numConsumers {
		return consumerNames[c]
	}
	return "unknown"
}

// Spec is the inert description of all rings of a segment.
type Spec struct {
	Producers int // lcores, and the control goroutine as the last
	State     int // items of a peer or store ring, a power of two
	Events    int // items of an event ring, a power of two
	Shards    int // store rings per producer, a power of two: flows are spread over them by Hash
}

// Info is the producer's page of a ring. Kept by a warm start.
//
// What Conflated counts. Of a ring with flows: each flow that was due and still waits when a report period is over, once
// for each such period. So it is reports that were withheld, not updates that were merged: whether the flow had a frame
// in that period nobody looks, since a flow that is marked costs a frame nothing and a look at each would cost the lcore
// a miss of its cache. While the consumer is away it grows by the flows that wait, each period, idle ones too; its rate
// over that of Offered says by how much the periods are too long. Of a ring with logins: each change of one that waits.
type Info struct {
	Consumer   uint8
	Shard      uint8
	Producer   uint8
	Shards     uint8
	Items      uint32
	Offered    uint64 // items put into the ring
	Conflated  uint64 // reports withheld: see below
	Full       uint64 // times that the ring was found full
	Lost       uint64 // events that found the ring full: a gap record says where
	Gaps       uint64 // gap records
	Pending    uint64 // flows or logins that wait for room
	Unreported uint64 // flows that ended, or logins that changed, untold: their table needed the room. The consumer asks for everything then
	Synced     uint64 // wish for everything that was answered last
	Broken     uint64 // the consumer's cursor was found out of bounds, so often
	Nonce      uint64 // wish for everything that is being answered
	Told       uint64 // of the lost events, those that a gap record told of
	_          [32]byte
}

// Cursor is the consumer's page of a ring, in ctl. The data plane trusts nothing in it.
type Cursor struct {
	Tail  uint64 // items released
	_     [56]byte
	Nonce uint64 // a new value asks the producer to offer everything again
	_     [56]byte
}

const (
	infoBytes   = int(unsafe.Sizeof(Info{}))
	cursorBytes = int(unsafe.Sizeof(Cursor{}))
)

func (s Spec) items(c Consumer) int {
	if c == Event {
		return s.Events
	}
	return s.State
}

func (s Spec) shards(c Consumer) int {
	if c == Store {
		return s.Shards
	}
	return 1
}

func (s Spec) ring(c Consumer) ring.Spec { return ring.Spec{Items: s.items(c), Stride: ItemBytes} }

func (s Spec) stride(c Consumer) int { return (s.ring(c).ProducerBytes() + 4095) / 4096 * 4096 }

// Rings is how many there are.
func (s Spec) Rings() int { return s.Producers * (2 + s.Shards) }

// index of a ring in the directory of rings and among the cursors.
func (s Spec) index(c Consumer, shard, producer int) int {
	at := 0
	for before := Consumer(0); before < c; before++ {
		at += s.Producers * s.shards(before)
	}
	return at + shard*s.Producers + producer
}

// Check says what is wrong with the spec.
func (s Spec) Check() error {
	pow2 := func(n, low, high int) bool { return n >= low && n <= high && n&(n-1) == 0 }
	switch {
	case !pow2(s.State, MinItems, MaxItems) || !pow2(s.Events, MinItems, MaxItems):
		return fmt.Errorf("feed: rings of %d and %d items: want powers of two from %d to %d", s.State, s.Events, MinItems, MaxItems)
	case !pow2(s.Shards, 1, MaxShards):
		return fmt.Errorf("feed: %d shards: want 1, 2, 4 or %d", s.Shards, MaxShards)
	case s.Producers < 1 || s.Producers > shm.MaxLcores+1:
		return fmt.Errorf("feed: %d producers: want 1 to %d", s.Producers, shm.MaxLcores+1)
	}
	return nil
}

func ringName(c Consumer) string { return fmt.Sprintf(shm.RegionRing, c) }

// StateRegions is what the rings take of the state file. A warm start keeps it: what was not read yet stays.
func (s Spec) StateRegions() []shm.RegionSpec {
	specs := []shm.RegionSpec{{Name: shm.RegionRings, Stride: infoBytes, Count: s.Rings(), Keep: true}}
	for c := range numConsumers {
		specs = append(specs, shm.RegionSpec{Name: ringName(c), Stride: s.stride(c), Count: s.Producers * s.shards(c), Keep: true})
	}
	return specs
}

// CtlRegions is what they take of ctl.
func (s Spec) CtlRegions() []shm.RegionSpec {
	return []shm.RegionSpec{{Name: shm.RegionCursors, Stride: cursorBytes, Count: s.Rings(), Keep: true}}
}

// memory of ring i of a consumer; nil when the segment has none such.
func memory(f *shm.File, c Consumer, at, stride int) []byte {
	b := f.Bytes(ringName(c))
	if len(b) < (at+1)*stride {
		return nil
	}
	return b[at*stride : (at+1)*stride]
}

func tailOf(cursors []Cursor, at int) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(&cursors[at])), ring.Line)
}
