package capture

import (
	"math/bits"
	"unsafe"

	"fcredirect/dataplane/shm"
)

// The regions of captures. A warm start keeps none of them: no capture outlives the data plane that made it.
const (
	RegionPage    = "capture.page"    // Page, one
	RegionLanes   = "capture.lanes"   // a Lane per lcore, and its bytes behind it
	RegionSets    = "capture.sets"    // Set: the one in force, and room for those that follow it
	RegionCursors = "capture.cursors" // in ctl: the Lease, then a Cursor per lcore
)

// Page is what the control goroutine says of captures.
type Page struct {
	Owner    uint64 // the reader whose captures these are; 0: there was none
	Revision uint32 // of the Set in force
	Running  uint32
	Expired  uint64 // captures that were ended because their reader was silent
	Started  uint64
	_        [32]byte
	Slots    [MaxCaptures]Slot
}

// Slot is a place for a capture. What ended stays to be seen until the slot is used again.
type Slot struct {
	ID       uint32
	State    uint32 // State…
	From     uint32 // the Sets that have it: From to Until-1, Until 0 while it runs
	Until    uint32
	Patterns uint32
	_        [3]uint32
}

// What became of a capture in the data plane.
const (
	StateFree uint32 = iota
	StateRunning
	StateStopped   // as asked
	StateTimeOver  // its time was over
	StateLeaseOver // its reader was silent
	StateReplaced  // another reader began
)

// StateName is a state in words.
func StateName(state uint32) string {
	return [...]string{"free", "running", "stopped", "its time is over", "its reader is silent", "another reader began", "?"}[min(state, StateReplaced+1)]
}

// Lane is what an lcore says of its captures. Its bytes follow.
type Lane struct {
	Head  uint64 // bytes written since the ring was made
	_     [56]byte
	Count [MaxCaptures]Count
}

// Count is what one lcore counted for one capture.
type Count struct {
	ID      uint32 // of the capture: another one's counters mean nothing for it
	_       uint32
	Matched uint64 // frames that were wanted
	Copied  uint64 // records made: with AsSent up to two for a frame
	Bytes   uint64 // of frames in them
	Budget  uint64 // missed: the lcore's budget of copies was used up
	Full    uint64 // missed: the ring was full, or has no reader
	_       [16]byte
}

// Missed is the frames that were wanted and not copied.
func (c *Count) Missed() uint64 { return c.Budget + c.Full }

// Lease is what the reader writes, in ctl. The data plane trusts nothing in it.
type Lease struct {
	Owner uint64
	Beat  uint64 // changes as long as the reader lives
	_     [48]byte
}

// Cursor is how far the reader has come in a lane.
type Cursor struct {
	Tail uint64
	_    [56]byte
}

// Record is the head of a record; the bytes of the frame follow. Records begin at multiples of recordAlign and do not
// wrap: where the rest of the ring is too short for one, a record without a frame fills it, or, where not even a head
// fits, nothing.
type Record struct {
	At         uint64 // bytes written before it: where it stands
	TSC        uint64 // of the burst in which the frame was received
	Size       uint32 // of the record
	Len        uint32 // of the frame on the wire, without FCS
	Kept       uint16 // bytes of it that follow
	Port       uint8  // received on; with FlagSent: sent on
	Fate       uint8  // shm.Fate
	Slots      uint8  // captures that want it, a bit each
	Flags      uint8
	Service    int16  // of the policy, -1 none
	Revision   uint32 // of the Set
	Rule       int32  // of the policy, -1 the default
	Generation uint32 // of the configuration that Rule and Service mean; 0: no rule was asked
	Action     uint8  // flow.Forward… of the direction
	_          [3]byte
}

// Flags of a Record.
const (
	FlagSent    uint8 = 1 << iota // as it was sent; else as it was received
	FlagCarried                   // handed to another lcore, which owns the flow and decides
	FlagFill                      // no frame: fills the end of the ring
)

const (
	recordBytes = int(unsafe.Sizeof(Record{}))
	recordAlign = 16
	laneBytes   = int(unsafe.Sizeof(Lane{}))
	line        = 64
)

// LaneRing is the bytes of one lcore's ring, of all that the boot file gives: a power of two.
func LaneRing(ring, lcores int) int {
	each := max(LaneMin, ring/max(lcores, 1))
	return 1 << (bits.Len(uint(each)) - 1)
}

// StateRegions is what captures take of the state file; with a ring of 0 nothing.
func StateRegions(ring, lcores int) []shm.RegionSpec {
	if ring == 0 {
		return nil
	}
	return []shm.RegionSpec{
		{Name: RegionPage, Stride: int(unsafe.Sizeof(Page{})), Count: 1},
		{Name: RegionSets, Stride: int(unsafe.Sizeof(Set{})), Count: Sets},
		{Name: RegionLanes, Stride: laneBytes + LaneRing(ring, lcores), Count: lcores},
	}
}

// CtlRegions is what they take of ctl.
func CtlRegions(ring, lcores int) []shm.RegionSpec {
	if ring == 0 {
		return nil
	}
	return []shm.RegionSpec{{Name: RegionCursors, Stride: line, Count: 1 + lcores}}
}

// memory is the regions of captures, found and checked.
type memory struct {
	page    *Page
	sets    []Set
	lease   *Lease
	lanes   [][]byte
	cursors []Cursor
}

// find looks for the regions; false when the segment has none, or they contradict each other.
func find(state, ctl *shm.File) (m memory, ok bool) {
	pages, lines := shm.Items[Page](state, RegionPage), shm.Items[Cursor](ctl, RegionCursors)
	all := state.Bytes(RegionLanes)
	m.sets = shm.Items[Set](state, RegionSets)
	if len(pages) != 1 || len(m.sets) == 0 || len(lines) < 2 || len(all) == 0 {
		return m, false
	}
	n := len(lines) - 1
	stride := len(all) / n
	if ring := stride - laneBytes; len(all)%n != 0 || ring < recordAlign || ring&(ring-1) != 0 {
		return m, false
	}
	m.page, m.lease, m.cursors = &pages[0], (*Lease)(unsafe.Pointer(&lines[0])), lines[1:]
	for i := range n {
		m.lanes = append(m.lanes, all[i*stride:(i+1)*stride])
	}
	return m, true
}
