package capture

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"fcredirect/dataplane/command"
	"fcredirect/dataplane/shm"
)

// Spec says which frames are wanted, how much of each, and when it is enough. All its conditions must hold. It has no
// pointers: it travels in a command as it lies in memory.
type Spec struct {
	Ports  uint64 // received on: bit i is port i; 0: any
	Fates  uint32 // what became of it: bit i is shm.Fate i; 0: anything
	VSAN   uint16 // VF_ID or VLAN; AnyVSAN
	Fabric uint8  // AnyFabric
	Flags  uint8

	A, B  End  // the two ends, in either order unless OneWay
	Types Bits // TYPE; empty: any
	RCtls Bits // R_CTL; empty: any

	Snap   uint32 // bytes of each frame that are kept
	_      uint32
	Frames uint64        // copies after which it is enough; 0: no limit
	Time   time.Duration // after which it ends
}

// Flags of a Spec.
const (
	OneWay uint8 = 1 << iota // only frames from A to B
	AsSent                   // also each frame as it was sent, after rewriting
	allFlags
)

// Values of conditions that are none.
const (
	AnyVSAN   uint16 = 0xffff
	AnyFabric uint8  = 0xff
)

// End is one end of a conversation. What is zero is not asked for.
type End struct {
	WWPN uint64
	ID   uint32 // FC_ID
	_    uint32
}

func (e End) any() bool { return e.WWPN == 0 && e.ID == 0 }

// Bits is a set of byte values.
type Bits [4]uint64

// Add puts a value in.
func (b *Bits) Add(v uint8) { b[v>>6] |= 1 << (v & 63) }

// Has says whether a value is in the set.
func (b *Bits) Has(v uint8) bool { return b[v>>6]>>(v&63)&1 != 0 }

func (b *Bits) empty() bool { return *b == Bits{} }

// Everything is a Spec that wants all frames, whole, for a minute.
func Everything() Spec {
	return Spec{VSAN: AnyVSAN, Fabric: AnyFabric, Snap: WholeFrame, Time: time.Minute}
}

// Check says what is wrong with the Spec.
func (s *Spec) Check() error {
	switch {
	case s.Snap < MinSnap || s.Snap > MaxSnap:
		return fmt.Errorf("capture: snap length %d: want %d to %d", s.Snap, MinSnap, MaxSnap)
	case s.Time <= 0 || s.Time > MaxTime:
		return fmt.Errorf("capture: time %v: want at most %v", s.Time, MaxTime)
	case s.VSAN > 0xfff && s.VSAN != AnyVSAN:
		return fmt.Errorf("capture: VSAN %d: want 0 to 4095", s.VSAN)
	case s.Fabric > 15 && s.Fabric != AnyFabric:
		return fmt.Errorf("capture: fabric %d: want 0 to 15", s.Fabric)
	case s.A.ID > 0xffffff || s.B.ID > 0xffffff:
		return errors.New("capture: an FC_ID has 24 bits")
	case s.Fates>>shm.NumFates != 0:
		return errors.New("capture: a verdict that is none")
	case s.Flags >= allFlags:
		return errors.New("capture: a flag that is none")
	case s.Flags&OneWay != 0 && s.A.any() && s.B.any():
		return errors.New("capture: one way needs an end to go from or to")
	}
	return nil
}

// fibreChannel says whether a condition is about the FC header: frames without one are not wanted then.
func (s *Spec) fibreChannel() bool {
	return !s.A.any() || !s.B.any() || s.VSAN != AnyVSAN || !s.Types.empty() || !s.RCtls.empty()
}

// Names says whether an end is given by this WWPN: a login of it changes what the capture looks for.
func (s *Spec) Names(wwpn uint64) bool { return wwpn != 0 && (s.A.WWPN == wwpn || s.B.WWPN == wwpn) }

// The operations of package command.
const (
	OpStart = command.OpCapture + iota
	OpStop
)

// StartRequest, StartReply, StopRequest and StopReply are what the commands carry.
type (
	// StartRequest begins a capture. The first one of another owner ends all captures of the one before.
	StartRequest struct {
		Owner uint64 // a number of the reader's own, never 0
		Spec  Spec
	}
	// StartReply says where it runs.
	StartReply struct {
		ID       uint32 // never 0
		Slot     uint32
		Revision uint32 // of the first Set that has it
		Patterns uint32 // that it looks for; 0 with a WWPN: it is logged in nowhere yet
	}
	// StopRequest ends a capture, all of the owner's with ID 0. One that has ended is no error.
	StopRequest struct {
		Owner uint64
		ID    uint32
		_     uint32
	}
	// StopReply says from which Set on it is gone.
	StopReply struct{ Revision uint32 }
)

type message interface {
	StartRequest | StartReply | StopRequest | StopReply
}

// Encode gives the bytes of a message.
func Encode[M message](m *M) []byte { return append([]byte(nil), bytesOf(m)...) }

// EncodeTo writes a message into memory that is there, and gives its length: 0 when there is no room.
func EncodeTo[M message](to []byte, m *M) int {
	b := bytesOf(m)
	if len(to) < len(b) {
		return 0
	}
	return copy(to, b)
}

// Decode reads a message. It allocates nothing but the error.
func Decode[M message](from []byte, m *M) error {
	b := bytesOf(m)
	if len(from) != len(b) {
		return fmt.Errorf("capture: a message of %d bytes, want %d", len(from), len(b))
	}
	copy(b, from)
	return nil
}

func bytesOf[M message](m *M) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(m)), unsafe.Sizeof(*m))
}
