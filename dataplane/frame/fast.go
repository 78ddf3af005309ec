package frame

import (
	"math/bits"
	"unsafe"
)

// Class is what the fast path knows of a frame after its header was read once: the Reason in the low byte and flags
// above it.
type Class uint32

// The flags of a Class, for frames whose Reason is OK (ClassControl also for FIP).
const (
	ClassStorage   Class = 1 << (8 + iota) // TYPE FCP or FC-NVMe: what a policy is about
	ClassUnsolCmd                          // R_CTL 06; with ClassStorage an FCP_CMND
	ClassResponder                         // sent by the exchange's responder: for FCP, the target
	ClassControl                           // FIP, ELS or CT: the learner wants a copy
	ClassError                             // ABTS, BA_RJT, P_RJT, F_RJT: counted as an error of the flow
	ClassNoFlow                            // from or to a well-known or zero address
	classSlow                              // must be read by Decode

	// ClassCommand is an FCP_CMND.
	ClassCommand = ClassStorage | ClassUnsolCmd
)

// Reason is why the frame is not ordinary, or OK.
func (c Class) Reason() Reason { return Reason(c) }

// Is says whether all the flags are set.
func (c Class) Is(flags Class) bool { return c&flags == flags }

// Loads instead of chains of comparisons: what TYPE, R_CTL, SOF and EOF each say.
var (
	typeClass = [256]Class{TypeFCP: ClassStorage, TypeNVMe: ClassStorage, TypeELS: ClassControl, TypeCT: ClassControl}
	rctlClass = classTable(0, func(t *[256]Class) {
		t[RCtlUnsolicitedCmd] = ClassUnsolCmd
		for _, r := range []uint8{RCtlABTS, RCtlBARjt, RCtlPRjt, RCtlFRjt} {
			t[r] = ClassError
		}
		for r := 0x50; r <= 0x5f; r++ {
			t[r] = classSlow
		}
	})
	sofClass = classTable(classSlow, func(t *[256]Class) {
		for _, sof := range []uint8{SOFf, SOFi4, SOFi2, SOFi3, SOFn4, SOFn2, SOFn3, SOFc4} {
			t[sof] = 0
		}
	})
	eofClass = classTable(classSlow, func(t *[256]Class) {
		for _, eof := range []uint8{EOFn, EOFt, EOFrt, EOFdt} {
			t[eof] = 0
		}
	})
)

func classTable(rest Class, fill func(*[256]Class)) (t [256]Class) {
	for i := range t {
		t[i] = rest
	}
	fill(&t)
	return t
}

const (
	// The exchange context is bit 23 of F_CTL, 15 of the half-word that begins with TYPE; ClassResponder is bit 10.
	responderShift = 15 - 10
	// Lengths of an untagged frame that is not malformed, in words beyond the least.
	maxWordsBeyond = (EthHeaderLen + FCoEHeaderLen + MaxFCLen + FCoETrailerLen - MinFrame) / 4
)

var _ = [1]struct{}{}[ClassResponder-1<<10]

// Parsed is what Classify found out about the frames of a burst.
type Parsed struct {
	Keys    [64]uint64 // fabric<<60 | VF<<48 | S_ID<<24 | D_ID
	Classes [64]Class
	slow    bool // some are still to be read by Decode
}

// Classify reads the headers of frames first to end-1 of a burst: frame i is the n[i] bytes at p[i]. It writes a flow
// key and a Class for each. fabric comes shifted to bit 60.
//
// The common frame (untagged or one tag, well formed, between two N_Ports) is read by five loads and no call;
// anything else is left to Decode, so that there is one judge of what is malformed. A test holds the two against each
// other on arbitrary bytes.
func Classify(p *[64]unsafe.Pointer, n *[64]uint32, first, end int, fabric uint64, out *Parsed) {
	_, _, _ = p[0], n[0], out.Keys[0] // looked at for nil here, and not for each frame
	for i, beyond := uint(first), min(uint(end), 64); i < beyond; i++ {
		b, length, vf := p[i], uint64(n[i]), fabric
		if length < MinFrame {
			out.Classes[i], out.slow = classSlow, true
			continue
		}
		if *(*uint16)(unsafe.Add(b, 12)) == 0x0081 { // 0x8100 in memory order
			vf |= uint64(bits.ReverseBytes16(*(*uint16)(unsafe.Add(b, 14)))&0xfff) << 48
			b = unsafe.Add(b, TagLen)
			length -= TagLen
		}
		ids := bits.ReverseBytes64(*(*uint64)(unsafe.Add(b, 28))) // R_CTL, D_ID, CS_CTL, S_ID
		sid, did := ids&0xffffff, ids>>32&0xffffff
		out.Keys[i] = vf | sid<<24 | did
		if sid-1 >= 0xfeffff || did-1 >= 0xfeffff || sid == did { // zero, well-known, reserved (domain FF): all rare
			out.Classes[i], out.slow = classSlow, true
			continue
		}
		kind := *(*uint16)(unsafe.Add(b, 36)) // TYPE and the first byte of F_CTL
		class := sofClass[*(*uint8)(unsafe.Add(b, 27))] | eofClass[*(*uint8)(unsafe.Add(b, length-4))] |
			rctlClass[uint8(ids>>56)] | typeClass[uint8(kind)] | Class(kind>>responderShift)&ClassResponder
		// EtherType 0x8906, version 0 in the high nibble, and a zero second byte, which the format of old never has. The
		// rotation makes lengths that are too short or no multiple of four large.
		if *(*uint32)(unsafe.Add(b, 12))&0xfff0ffff != 0x0689 || class&classSlow != 0 ||
			bits.RotateLeft64(length-MinFrame, -2) > maxWordsBeyond {
			class, out.slow = classSlow, true
		}
		out.Classes[i] = class
	}
	if out.slow { // no call in the loop: it would cost every frame its registers
		classifySlow(p, n, end, fabric, out)
	}
}

// classifySlow does again, by Decode, what Classify could not.
//
//go:noinline
func classifySlow(p *[64]unsafe.Pointer, n *[64]uint32, end int, fabric uint64, out *Parsed) {
	out.slow = false
	for i := range min(uint(end), 64) {
		switch {
		case out.Classes[i] != classSlow:
		case n[i] < MinFrame:
			out.Classes[i] = classifyRunt(p[i], uintptr(n[i]))
		default:
			out.Keys[i], out.Classes[i] = classifyOdd(p[i], n[i], fabric)
		}
	}
}

// classifyRunt lets the learner have FIP frames that a virtual port delivers without Ethernet's padding. Frames of the
// old format may be as short.
//
//go:noinline
func classifyRunt(b unsafe.Pointer, length uintptr) Class {
	var h Header
	if reason := Decode(unsafe.Slice((*byte)(b), length), &h); reason != Runt {
		return Class(reason)
	}
	if h.EtherType == EtherTypeFIP {
		return Class(Runt) | ClassControl
	}
	return Class(Runt)
}

//go:noinline
func classifyOdd(p unsafe.Pointer, n uint32, fabric uint64) (uint64, Class) {
	var h Header
	switch reason := Decode(unsafe.Slice((*byte)(p), n), &h); reason {
	case OK:
	case FIP:
		return 0, Class(FIP) | ClassControl
	default:
		return 0, Class(reason)
	}
	class := typeClass[h.Type] | rctlClass[h.RCtl]&^classSlow
	if h.FromResponder() {
		class |= ClassResponder
	}
	if h.SID.WellKnown() || h.DID.WellKnown() || h.SID == 0 || h.DID == 0 {
		class |= ClassNoFlow
	}
	vf := h.VLAN
	if h.VFT {
		vf = h.VFID
	}
	return fabric | uint64(vf)<<48 | uint64(h.SID)<<24 | uint64(h.DID), class
}
