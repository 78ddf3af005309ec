// Package shm is the segment: two files through which everything outside the data plane sees it.
//
//   - `state` is written by the data plane alone; other processes map it read-only.
//   - `ctl` may be written by other processes; the data plane treats each value in it as untrusted input, so that a warm
//     start keeps it: consumers and their cursors, roles and the bus between them do not notice a restart.
//
// Both begin with a Header and a directory of regions. There are offsets only, never pointers. One writer per cache
// line. Every shared struct has one Go definition whose offsets a test pins; ABI goes up when one of them moves.
//
// Who may import it: anything. It imports nothing of ours.
//
// Who writes what: the control goroutine writes Header, Node and PortInfo; each lcore writes its own Lcore page and its
// own row of the counter matrix. What lies in the other regions belongs to the packages that own them
// (flow, login, policy), which get them as plain bytes.
//
// Readers (Open) need no privilege beyond reading the file, may come and go, and never make the writer wait. Counters
// are single 64-bit words and so never torn; a group of them may differ by one burst.
package shm

import (
	"encoding/binary"
	"fmt"
	"io"
	"unsafe"
)

// ABI is the version of all layouts that lie in the segment, those of flow, login and policy included.
const ABI = 4

const (
	stateMagic = 0x31_65_74_61_74_53_52_46 // "FRState1" in memory order
	ctlMagic   = 0x31_6c_74_43_5f_5f_52_46 // "FR__Ctl1"
)

// Header is the first line group of each file. It is written before the magic, which is stored last.
type Header struct {
	Magic    uint64
	ABI      uint32
	Regions  uint32   // entries in the directory
	BootID   [16]byte // new at each start of the data plane, also a warm one
	Size     uint64   // bytes of the file
	Geometry uint64   // hash over the directory: a warm start adopts only its own geometry
	Boots    uint64   // starts that used this file, the first is 1
	PID      uint32   // the data plane's
	State    uint32   // State…
	StartNS  int64    // wall clock at start, ns since 1970
	TSCHz    uint64   // ticks per second of every TSC in the segment
	TSCStart uint64   // the TSC at StartNS
	AdoptNS  int64    // what the warm start took, 0 after a cold one
	Node     [NameLen]byte
	Epoch    uint64 // names the content: new at a cold start, kept by a warm one; ns since 1970, but only equality means something
	Clock    uint64 // odd while TSCHz, TSCStart and StartNS change: a warm start has readers
	_        [80]byte
}

// What Header.State says of the data plane.
const (
	Starting uint32 = iota
	Running
	Drained // an orderly end: counters are final, tables consistent
)

// Region is an entry of the directory, directly behind the Header.
type Region struct {
	Name   [NameLen]byte
	Offset uint64
	Length uint64
	Stride uint32 // bytes per item, 0 where items have no fixed size
	Count  uint32
	_      [8]byte
}

// RegionSpec asks for a region. Keep says that a warm start leaves its content as it is.
type RegionSpec struct {
	Name   string
	Stride int
	Count  int
	Keep   bool
}

// The regions that exist, by name. Those with a %d have one per lcore.
const (
	RegionPorts    = "ports"     // PortInfo per port
	RegionCounters = "counters"  // Counters, a row of ports per lcore
	RegionLcores   = "lcores"    // Lcore per lcore
	RegionServices = "services"  // ServiceInfo per service of the active policy
	RegionControl  = "control"   // Control, one
	RegionLearner  = "learner"   // uint64 per counter of the learner, in the order of login.Counter
	RegionLogins   = "logins"    // login.Slot
	RegionPolicy   = "policy.%d" // two slots of policy snapshots
	RegionFlows    = "flows.%d"  // flow.Entry
	RegionInfos    = "infos.%d"  // flow.Info
	RegionSerials  = "serials"   // a line per lcore: the number of the flow made last
	RegionRings    = "rings"     // feed.Info per ring
	RegionRing     = "ring.%s"   // feed: head and items of a ring

	// In ctl.
	RegionCursors = "cursors" // feed.Cursor per ring: what its consumer says
	RegionRoles   = "roles"   // registry.Slot per instance of a role
	RegionMembers = "members" // registry.Member per process
	RegionBus     = "bus"     // bus: a channel per ordered pair of processes
)

// What the regions of other processes measure. The data plane only makes room for them; who writes them checks that its
// structs fit.
const (
	MaxRoles    = 64
	RoleBytes   = 512
	MaxMembers  = 16
	MemberBytes = 256
	// A channel of the bus: 4 lines of cursors and 64 messages of 256 bytes.
	ChannelBytes = 4*64 + 64*256
)

// PortInfo says what a port is. Counters of the port stand in the matrix.
type PortInfo struct {
	Name    [NameLen]byte
	Device  [128]byte
	Driver  [NameLen]byte
	MAC     [6]byte
	Role    uint8
	Fabric  uint8
	Pair    int16  // index of the paired port, -1 for none
	Lcore   uint16 // index of the owner
	MTU     uint32
	Up      uint32 // link state as last polled, 1 up
	SpeedMb uint32 // Mbit/s, 0 unknown
	// What the device counted by itself, as last polled (every LinkPoll): losses that happened before or after us.
	Missed, RxErrors, TxErrors, NoMbuf uint64
	LinkChanges                        uint64
	RxPauses, TxPauses                 uint64 // flow control: pause frames that stopped us, and by which we stopped others
	_                                  [48]byte
}

// Roles of a port.
const (
	RoleEdge uint8 = iota
	RoleFabric
	RoleService
)

// RoleName names a role as the boot file spells it.
func RoleName(r uint8) string {
	return [...]string{"edge", "fabric", "service", "?"}[min(r, 3)]
}

// Counters is what one lcore counted for one port. Every frame received gets exactly one fate, so that over all
// lcores and at rest, for each port, RxFrames is the sum of Fates, and for all ports together
//
//	Σ RxFrames + Σ Injected + Σ (Mirrored - MirrorLost) = Σ TxFrames + Σ fates that drop + Σ TxDropped
type Counters struct {
	RxFrames, RxBytes uint64 // received from this port
	TxFrames, TxBytes uint64 // accepted for transmission by this port
	TxDropped         uint64 // given up on after drop-timeout (tx_stalled)
	TxHeld            uint64 // bursts of which a remainder had to be kept: back-pressure at work
	Mirrored          uint64 // copies asked for
	MirrorLost        uint64 // of these, not made for want of an mbuf or of room
	MirrorRefused     uint64 // not asked for: the service is down or its port stalled
	Injected          uint64 // frames of our own put out here: beats and announcements of a pair
	Fates             [NumFates]uint64
	_                 [8 * (128 - 10 - int(NumFates))]byte
}

// Lcore is what a poll-mode core says of itself.
type Lcore struct {
	CPU         uint32
	Generation  uint32 // of the configuration in use
	Loops       uint64 // passes over its ports
	Bursts      uint64 // passes that received something
	Frames      uint64
	BusyTSC     uint64 // ticks spent in passes that did something
	IdleTSC     uint64 // ticks spent in passes that did nothing, sleep included
	Heartbeat   uint64 // TSC of the last pass
	Stalls      uint64 // passes that began later than StallLimit after the one before
	WorstStall  uint64 // ticks
	Evaluations uint64 // of the policy, new flows and changed generations
	Invalidated uint64 // logins whose flows were marked for evaluation
	FlowsLive   uint64 // directions in the shard
	FlowsFull   uint64 // frames whose direction found no slot: forwarded by default
	FlowsEnded  uint64
	ToControl   uint64 // copies handed to the control goroutine
	ControlLost uint64 // copies that found the control ring full
	Carried     uint64 // frames handed to another lcore
	_           uint64
	_           [8 * 6]byte
	Latency     Histogram // ticks from receive to transmit, one sample per burst weighted by its frames
	_           [48]byte  // the next lcore's page begins on a line of its own
}

// Control is what the control goroutine says of itself.
type Control struct {
	Generation    uint32 // of the active configuration
	PolicySlot    uint32 // which policy region holds it, NoPolicy for none
	PolicyHash    uint64
	PolicySinceNS int64
	Heartbeat     int64  // wall clock, ns
	HeapBytes     uint64 // of the Go runtime, and how often it collected
	GCCycles      uint64
	Frames        uint64 // control frames learnt from
	LoginsLive    uint64
	LoginsFull    uint64 // logins that found no slot
	BadCRC        uint64 // control frames not learnt from
	Conflicts     uint64 // a live WWPN claimed from elsewhere
	Expired       uint64
	Adopted       uint64 // flows and logins adopted by the warm start
	AdoptedLogins uint64
	_             [16]byte
}

// NoPolicy in Control.PolicySlot: everything is forwarded.
const NoPolicy = ^uint32(0)

// ServiceInfo is the state of a service of the active policy.
type ServiceInfo struct {
	Name  [NameLen]byte
	Port  int16 // index of its port, -1 when the boot file has none
	Up    uint16
	Flips uint32 // times that Up changed
	Use   uint8  // UseUnknown, Used, Unused
	_     [55]byte
}

// Whether an enabled rule of the active policy uses a service. Data planes before this was told say UseUnknown.
const (
	UseUnknown uint8 = iota
	Used
	Unused
)

// region sizes, for allocation and for the pinning test.
const (
	headerBytes   = int(unsafe.Sizeof(Header{}))
	regionBytes   = int(unsafe.Sizeof(Region{}))
	CountersBytes = int(unsafe.Sizeof(Counters{}))
	LcoreBytes    = int(unsafe.Sizeof(Lcore{}))
	PortInfoBytes = int(unsafe.Sizeof(PortInfo{}))
	ControlBytes  = int(unsafe.Sizeof(Control{}))
	ServiceBytes  = int(unsafe.Sizeof(ServiceInfo{}))
)

// Text reads a fixed-size, zero-padded name, whatever stands in it.
func Text(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}

// A policy region begins with the length of the compiled policy in it, 8 bytes.

// PolicyBytes is the compiled policy in a policy region, nil when its length cannot be right.
func PolicyBytes(region []byte) []byte {
	if len(region) < 8 {
		return nil
	}
	n := binary.LittleEndian.Uint64(region)
	if n == 0 || n > uint64(len(region)-8) {
		return nil
	}
	return region[8 : 8+n : 8+n]
}

// ReadPolicy reads a compiled policy into a policy region that nobody reads.
func ReadPolicy(region []byte, from *io.SectionReader) error {
	n := from.Size()
	if n == 0 || n > int64(len(region)-8) {
		return fmt.Errorf("policy: %d bytes, the segment has room for %d", n, len(region)-8)
	}
	binary.LittleEndian.PutUint64(region, 0)
	if _, err := io.ReadFull(from, region[8:8+n]); err != nil {
		return fmt.Errorf("policy: %w", err)
	}
	binary.LittleEndian.PutUint64(region, uint64(n))
	return nil
}

// PutPolicy copies a compiled policy into a policy region that nobody reads, and returns it where it lies now; nil when
// it does not fit.
func PutPolicy(region, flat []byte) []byte {
	if len(flat) == 0 || len(flat) > len(region)-8 {
		return nil
	}
	clear(region)
	copy(region[8:], flat)
	binary.LittleEndian.PutUint64(region, uint64(len(flat)))
	return PolicyBytes(region)
}
