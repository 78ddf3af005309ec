package pair

import (
	"errors"
	"sync/atomic"
	"unsafe"

	"fcredirect/dataplane/shm"
)

// RegionPair is the region in which a node's state lies. A warm start keeps it: epochs go on.
const RegionPair = "pair"

// Record is the state of a node as it lies in the segment. Times are ns since 1970, 0 for never.
type Record struct {
	State    State
	Why      Why
	Start    Start
	Takeover Takeover
	Priority uint8
	Ready    uint8 // 1: what was said last
	Linked   uint8 // 1: a port has its link
	Misses   uint8
	Epoch    uint64 // in which it is active; standing by, the newest heard of
	Since    int64  // of the state
	Changes  uint64 // of the state, in this segment
	Beat     int64  // ns between two
	ReadyAt  int64  // when it was said
	Known    uint64 // records that the tables were programmed with, as was said
	Sent     uint64 // beats
	Announce uint64 // frames sent to tell the switches where MACs are
	Layout   uint64 // hash of the ports: equal at both nodes
	_        [6]uint64

	Counters
	_ [7]uint64

	Partner         [NameLen]byte // empty: this node has none
	PartnerBoot     [16]byte
	PartnerHeard    int64
	PartnerEpoch    uint64
	PartnerLayout   uint64
	PartnerPolicy   uint64 // first 8 bytes of its policy's hash
	PartnerABI      uint32
	PartnerState    State
	PartnerFlags    Flags
	PartnerPriority uint8
	PartnerAlive    uint8 // 1: heard, and not too long ago
	_               [17]uint64

	HeardOn [MaxPaths]int64 // by our port: when a beat came in
}

// Page is the region.
type Page struct {
	turn uint64 // odd while the record changes
	_    [7]uint64
	r    Record
}

// Region is what the state takes of the state file.
func Region() shm.RegionSpec {
	return shm.RegionSpec{Name: RegionPair, Stride: int(unsafe.Sizeof(Page{})), Count: 1, Keep: true}
}

// PageOf is the page of a segment, nil when it has none.
func PageOf(state *shm.File) *Page {
	pages := shm.Items[Page](state, RegionPair)
	if len(pages) != 1 {
		return nil
	}
	return &pages[0]
}

// Put makes r what readers find. For the control goroutine alone.
func (p *Page) Put(r *Record) {
	turn := atomic.LoadUint64(&p.turn) | 1
	atomic.StoreUint64(&p.turn, turn)
	p.write(r)
	atomic.StoreUint64(&p.turn, turn+1)
}

// Left is what a start finds of the one before, whole or not.
func (p *Page) Left() Record { return p.read() }

// ErrTorn says that the page does not come to rest: its writer died in the middle.
var ErrTorn = errors.New("pair: the page in the segment was left half written")

// Read is the state of a node. Any process may ask.
func Read(state *shm.File) (r Record, err error) {
	p := PageOf(state)
	if p == nil {
		return r, errors.New("pair: the segment has no page for it: its data plane is of another version")
	}
	for range readTries {
		before := atomic.LoadUint64(&p.turn)
		r = p.read()
		if before&1 == 0 && atomic.LoadUint64(&p.turn) == before {
			return r, nil
		}
	}
	return r, ErrTorn
}

// read and write race with each other by design: the turn tells.
//
//go:norace
func (p *Page) read() Record { return p.r }

//go:norace
func (p *Page) write(r *Record) { p.r = *r }
