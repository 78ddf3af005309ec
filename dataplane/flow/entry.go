// Package flow is the table of host-target flows that one lcore owns.
//
// A flow (one initiator WWPN, one target WWPN, one VSAN) has two directions on the wire. Each direction is an Entry of one
// cache line, found by a 64-bit key; what is needed once per flow and not per frame stands in an Info of another line.
// Both live in the segment, so that other processes list flows without asking, and a restarted data plane finds them.
//
// Who may import it: lcore, and readers in any process. It is pure Go and imports nothing of ours.
//
// Ownership: one lcore writes a Shard; nobody else writes a byte of it. Readers (View) copy a line and compare the
// incarnation before and after; the fields of a copy may differ by one burst.
//
// Invariants: an Entry does not move while its direction lives. Linear probing never crosses an empty slot, and is at
// most MaxProbe long. An Entry and its Info point at each other. An Info in use stands in exactly two address chains,
// one for its S_ID and one for its D_ID.
package flow

import "unsafe"

// Key is one direction: fabric (4 bits), VF_ID or VLAN (12), S_ID (24), D_ID (24). Zero is no key: a frame from
// address 0 to address 0 has no flow.
type Key uint64

// MakeKey puts a key together.
func MakeKey(fabric uint8, vf uint16, sid, did uint32) Key {
	return Key(fabric)<<60 | Key(vf&0xfff)<<48 | Key(sid&0xffffff)<<24 | Key(did&0xffffff)
}

// Fabric is the number of the fabric.
func (k Key) Fabric() uint8 { return uint8(k >> 60) }

// VF is the VF_ID of a VFT header or the VLAN, 0 without either.
func (k Key) VF() uint16 { return uint16(k>>48) & 0xfff }

// SID is the source address.
func (k Key) SID() uint32 { return uint32(k>>24) & 0xffffff }

// DID is the destination address.
func (k Key) DID() uint32 { return uint32(k) & 0xffffff }

// Reverse is the other direction of the same flow.
func (k Key) Reverse() Key { return k&^(1<<48-1) | Key(k.DID())<<24 | Key(k.SID()) }

// Source and Destination are the two ends in the form that the login table uses: fabric<<36 | VF<<24 | FC_ID.
func (k Key) Source() uint64      { return uint64(k >> 24) }
func (k Key) Destination() uint64 { return uint64(k>>48)<<24 | uint64(k.DID()) }

// Entry is what a frame touches. One line.
type Entry struct {
	Key      Key
	Frames   uint64
	Bytes    uint64 // as on the wire without FCS
	LastSeen uint64 // TSC of the burst
	Verdict  Verdict
	Stamp    uint32   // what the verdict was made from: policy generation<<8 | in port; 0: to be evaluated
	Info     uint32   // index of the Info
	MAC      [12]byte // true destination and source of a steered frame, for its way back
	Inc      uint16   // incarnation of the slot, odd while it is being filled or emptied
	Errors   uint16   // ABTS, BA_RJT and rejecting link control frames, saturating
}

// tombstone marks a slot whose direction is gone but across which probing goes on. No frame has this key: S_ID equals
// D_ID.
const tombstone Key = 0xffffff_ffffff

// Info is the cold part of a direction. One line.
type Info struct {
	Initiator uint64 // WWPN, 0 while unknown
	Target    uint64
	Created   uint64  // TSC
	links     [2]link // next in the chain of the S_ID, of the D_ID
	backs     [2]link // and the ones before
	Slot      uint32  // index of the Entry, noSlot when the Info is free
	Rule      int32   // of the policy, -1 for the default
	Orient    Orient  // which end is the initiator
	InPort    uint8   // index of the port on which the direction enters
	Service   int16   // of the policy, -1 for none
	Static    uint8   // 1: somebody wants it to stand, though it is silent (Wish)
	Hinted    uint8   // Hinted…: another node has it
	_         [2]byte
	Serial    uint64 // number of this life of the direction, never used again in this segment
}

// What Info.Hinted says of a direction that another node has. Nobody is told of it before its first frame.
const (
	Hinted       uint8 = 1 + iota // it may be silent for one more time
	HintedSilent                  // which has begun
)

const noSlot = ^uint32(0)

// Orient says which end of a direction is the initiator. It is learnt from FCP frames: F_CTL's exchange context bit.
type Orient uint8

// The orientations.
const (
	OrientUnknown Orient = iota // no FCP frame yet: not a flow in reports
	FromInitiator
	FromTarget
)

// Verdict is the policy's answer, unpacked once per flow so that a frame needs no table and no branch on the action.
//
//	bits 0-7   queue: the lcore's transmit queue for storage frames
//	bits 8-15  mark: the service whose MAC the frame gets, plus 1; 0 leaves the frame as it is
//	bits 16-23 action
//	bits 24-31 port index on the direct way
//	bits 32-47 service
//	bits 48-   flags
type Verdict uint64

// Actions of a verdict. The values are those of policy.Action.
const (
	Forward uint8 = iota
	Redirect
	Mirror
	Drop
)

// Flags of a verdict.
const (
	CommandsOnly Verdict = 1 << (48 + iota) // mirror FCP_CMND frames alone
	Block                                   // without its service the flow stops, instead of going its direct way
	// Special sends each storage frame through the slower branch, SpecialCommand only commands.
	Special
	SpecialCommand
	// Steered says that the direction is, or once was, redirected: what a service returns of it is let through.
	Steered
	// Untold says that no command of the direction was shown to the learner since it was evaluated last.
	Untold
)

// MakeVerdict packs a verdict for the direct way, or (Redirect) by way of a service.
func MakeVerdict(action, queue, direct uint8, service uint8, flags Verdict) Verdict {
	v := Verdict(queue) | Verdict(action)<<16 | Verdict(direct)<<24 | Verdict(service)<<32 | flags
	switch action {
	case Redirect:
		v |= (Verdict(service)+1)&0xff<<8 | Steered
	case Mirror:
		if v |= SpecialCommand; !flags.Is(CommandsOnly) {
			v |= Special
		}
	case Drop:
		v |= Special
	}
	return v
}

// Told is the verdict after a command was shown to the learner. Commands of a mirror stay special.
func (v Verdict) Told() Verdict {
	v &^= Untold
	if v.Action() != Mirror {
		v &^= SpecialCommand
	}
	return v
}

// Queue is the transmit queue of the owning lcore in which a storage frame goes.
func (v Verdict) Queue() uint8 { return uint8(v) }

// Mark selects the MAC that a storage frame gets: the service plus 1, 0 for its own.
func (v Verdict) Mark() uint8 { return uint8(v >> 8) }

// Action is what to do with a storage frame.
func (v Verdict) Action() uint8 { return uint8(v >> 16) }

// Direct is the index of the port on the direct way.
func (v Verdict) Direct() uint8 { return uint8(v >> 24) }

// Service is the index of the service in the policy.
func (v Verdict) Service() uint8 { return uint8(v >> 32) }

// Is says whether the flag is set.
func (v Verdict) Is(flag Verdict) bool { return v&flag != 0 }

// Sizes of the two structs, for whoever lays out the segment.
const (
	EntryBytes = int(unsafe.Sizeof(Entry{}))
	InfoBytes  = int(unsafe.Sizeof(Info{}))
)
