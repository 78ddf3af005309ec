package login

import (
	"sync/atomic"
	"time"

	"fcredirect/dataplane/frame"
)

// State of a login.
type State uint8

// The values lie in the segment: append only.
const (
	None    State = iota // no login
	Live                 // as seen on the wire
	Suspect              // the fabric said that something changed: still valid, but the next contradiction wins
	Removed              // the fabric said it is gone: ends after a grace unless it is seen again
	numStates
)

// Functions is a set of FC-4 functions.
type Functions uint8

// The two functions of FCP and FC-NVMe.
const (
	Initiator Functions = 1 << iota
	Target
	allFunctions = Initiator | Target
)

// How says what a login's name was first learnt from. Later evidence that is stronger raises it.
type How uint8

// The values lie in the segment, weakest first: append only.
const (
	ByNothing    How = iota
	BySession        // PLOGI, PDISC, ADISC or their accept, or a registration with the name server
	ByNameServer     // GPN_FT, GPN_ID or GID_PN answer
	ByKeepAlive      // VN_Port keep-alive
	ByBeacon         // VN2VN beacon or probe reply
	ByClaim          // VN2VN claim, its response, or FLOGI between VN2VN nodes
	ByLogin          // accepted FLOGI
	ByFDISC          // accepted FDISC (NPIV)
	numHows
)

var (
	stateNames = [numStates]string{"none", "live", "suspect", "removed"}
	howNames   = [numHows]string{"nothing", "session", "name_server", "keep_alive", "beacon", "claim", "login", "fdisc"}
)

// String is the state's name, lower case, stable.
func (s State) String() string {
	if s < numStates {
		return stateNames[s]
	}
	return "unknown"
}

// String is the name of the source, snake case, stable.
func (h How) String() string {
	if h < numHows {
		return howNames[h]
	}
	return "unknown"
}

// Names lists the functions: "initiator", "target". It is never nil.
func (f Functions) Names() []string {
	names := []string{}
	if f&Initiator != 0 {
		names = append(names, "initiator")
	}
	if f&Target != 0 {
		names = append(names, "target")
	}
	return names
}

// Flags of a login.
type Flags uint8

const (
	// Vouched: the fabric itself named it, on a port of role fabric.
	Vouched Flags = 1 << iota
	// Contested: another station uses its WWPN, or tried to take its address.
	Contested
	// Beacons: a VN2VN node, which beacons every 8 s.
	Beacons
	// KeepsAlive: a VN_Port whose keep-alives are due (its FCF asks for them, or one was seen).
	KeepsAlive
	// FromPeer: another node knows it, and no frame has shown it here. It is the weakest evidence: whatever is seen wins.
	FromPeer
	allFlags = Vouched | Contested | Beacons | KeepsAlive | FromPeer
)

// NoPort is the port of a login whose place is not known, as one that the name server told of.
const NoPort = 0xFF

// Login is what is known of one N_Port. It is a copy; changing it changes no table.
type Login struct {
	Addr        Addr
	WWPN, WWNN  frame.WWN // WWNN 0 when not known
	MAC         frame.MAC // source of its FCoE frames: VN_Port MAC, or the FCF's for an N_Port behind the fabric
	ENode, FCF  frame.MAC // FIP addresses, zero when not known
	Port        uint8     // where its frames come in; NoPort when not known
	State       State
	Claimed     Functions // PRLI
	Observed    Functions // FCP_CMND sent or received
	How         How
	Flags       Flags
	KeepAlive   time.Duration // FKA_ADV_PERIOD of its FCF, whole milliseconds
	FirstSeen   int64         // ns since 1970
	LastSeen    int64         // of the VN_Port itself
	ENodeSeen   int64         // of the ENode that it lives on
	Marked      int64         // when it became Suspect or Removed
	Incarnation uint32        // goes up each time the slot gets a new login
}

// Role is what the login is shown as. What it was seen to do counts; else, since targets tend to claim both functions,
// a claim to be a target, before one to be an initiator.
func (l *Login) Role() string {
	switch {
	case l.Observed == Initiator|Target:
		return "both"
	case l.Observed == Initiator:
		return "initiator"
	case l.Observed == Target, l.Claimed&Target != 0:
		return "target"
	case l.Claimed&Initiator != 0:
		return "initiator"
	}
	return "unknown"
}

// slot is the layout in the segment: two cache lines, little endian, offsets pinned by a test.
//
// The sequence is even when the slot is at rest. The writer makes it odd, stores, and makes it even again; a reader
// copies, and takes the copy only if the sequence was even and the same before and after. LastSeen and ENodeSeen are
// left out of that: they are stored alone, as single words, so that the most frequent event costs one store and never
// turns a reader away. So they may be newer than the rest of a copy.
//
// Check covers all other words but the first, so that a warm start knows a damaged slot from a good one.
type slot struct {
	Seq         uint32
	Incarnation uint32
	Addr        uint64 // 0 empty, ^0 tombstone
	WWPN        uint64
	WWNN        uint64
	MAC         [6]byte
	Port        uint8
	State       uint8
	Claimed     uint8
	Observed    uint8
	How         uint8
	Flags       uint8
	KeepAliveMS uint32
	FirstSeen   int64
	LastSeen    int64
	ENode       [6]byte
	_           [2]byte
	FCF         [6]byte
	_           [2]byte
	ENodeSeen   int64
	Marked      int64
	_           [24]byte
	Check       uint64
}

// The slot as words. Everything in the table is read and written as whole atomic words, which is what keeps readers in
// other goroutines (and the race detector) content; on amd64 an atomic load is an ordinary one.
const (
	wSeq = iota // incarnation<<32 | sequence
	wAddr
	wWWPN
	wWWNN
	wMAC // state<<56 | port<<48 | MAC
	wFunctions
	wFirstSeen
	wLastSeen
	wENode
	wFCF
	wENodeSeen
	wMarked
	_
	_
	_
	wCheck
	slotWords
)

const (
	addrEmpty     = 0
	addrTombstone = ^uint64(0)
)

type words [slotWords]atomic.Uint64

// wordImage is a slot's content as plain words, private to whoever holds it.
type wordImage [slotWords]uint64

// packMAC gives the six bytes the order that they have in memory.
func packMAC(m frame.MAC) uint64 {
	return uint64(m[0]) | uint64(m[1])<<8 | uint64(m[2])<<16 | uint64(m[3])<<24 | uint64(m[4])<<32 | uint64(m[5])<<40
}

func unpackMAC(w uint64) frame.MAC {
	return frame.MAC{byte(w), byte(w >> 8), byte(w >> 16), byte(w >> 24), byte(w >> 32), byte(w >> 40)}
}

// encode fills all words but the first.
func (w *wordImage) encode(l *Login) {
	w[wAddr] = uint64(l.Addr)
	w[wWWPN] = uint64(l.WWPN)
	w[wWWNN] = uint64(l.WWNN)
	w[wMAC] = packMAC(l.MAC) | uint64(l.Port)<<48 | uint64(l.State)<<56
	w[wFunctions] = uint64(l.Claimed) | uint64(l.Observed)<<8 | uint64(l.How)<<16 | uint64(l.Flags)<<24 |
		uint64(uint32(l.KeepAlive/time.Millisecond))<<32
	w[wFirstSeen] = uint64(l.FirstSeen)
	w[wLastSeen] = uint64(l.LastSeen)
	w[wENode] = packMAC(l.ENode)
	w[wFCF] = packMAC(l.FCF)
	w[wENodeSeen] = uint64(l.ENodeSeen)
	w[wMarked] = uint64(l.Marked)
	w[wCheck] = w.check()
}

func (w *wordImage) decode() Login {
	return Login{
		Addr: Addr(w[wAddr]), WWPN: frame.WWN(w[wWWPN]), WWNN: frame.WWN(w[wWWNN]),
		MAC: unpackMAC(w[wMAC]), Port: uint8(w[wMAC] >> 48), State: State(w[wMAC] >> 56),
		Claimed: Functions(w[wFunctions]), Observed: Functions(w[wFunctions] >> 8),
		How: How(w[wFunctions] >> 16), Flags: Flags(w[wFunctions] >> 24),
		KeepAlive: time.Duration(w[wFunctions]>>32) * time.Millisecond,
		FirstSeen: int64(w[wFirstSeen]), LastSeen: int64(w[wLastSeen]),
		ENode: unpackMAC(w[wENode]), FCF: unpackMAC(w[wFCF]),
		ENodeSeen: int64(w[wENodeSeen]), Marked: int64(w[wMarked]),
		Incarnation: uint32(w[wSeq] >> 32),
	}
}

// check mixes every word that changes under the sequence. It guards against damage, not against malice: whoever can
// write the segment owns the data plane anyway.
func (w *wordImage) check() uint64 {
	h := uint64(slotVersion)
	for i, v := range w {
		switch i {
		case wSeq, wLastSeen, wENodeSeen, wCheck:
		default:
			h = mix(h ^ v)
		}
	}
	return h
}

// mix is the finalizer of MurmurHash3: it spreads every bit of x over the whole word.
func mix(x uint64) uint64 {
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

// load copies the slot. ok is false when a write was under way through all retries.
func (s *words) load(img *wordImage) (ok bool) {
	for range maxRetries {
		before := s[wSeq].Load()
		if before&1 != 0 {
			continue
		}
		img[wSeq] = before
		for i := wSeq + 1; i < slotWords; i++ {
			img[i] = s[i].Load()
		}
		if s[wSeq].Load() == before {
			return true
		}
	}
	return false
}

// store writes img under the sequence with the given incarnation. One goroutine at a time.
func (s *words) store(img *wordImage, incarnation uint32) {
	seq := uint32(s[wSeq].Load()) | 1 // odd already when a dead writer left it so
	s[wSeq].Store(uint64(incarnation)<<32 | uint64(seq))
	for i := wSeq + 1; i < slotWords; i++ {
		s[i].Store(img[i])
	}
	img[wSeq] = uint64(incarnation)<<32 | uint64(seq+1)
	s[wSeq].Store(img[wSeq])
}

// clear takes the login out of the slot; addr is addrEmpty or addrTombstone. The incarnation stays.
func (s *words) clear(addr uint64) {
	var img wordImage
	img[wAddr] = addr
	s.store(&img, s.incarnation())
}

func (s *words) incarnation() uint32 { return uint32(s[wSeq].Load() >> 32) }
