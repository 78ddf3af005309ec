package capture

import (
	"math/bits"
	"unsafe"
)

// Set is all captures that run, in the form that lcores ask. It does not change while an lcore may hold it. It lies in
// the segment: the data plane never collects garbage, and login after login may make a new one.
type Set struct {
	Revision uint32
	N        int
	Armed    [MaxCaptures]Armed // the first N
	Frames   int                // copies in a pass
	Rate     uint64             // bytes a second that an lcore copies
}

// Armed is one capture, made ready for frames.
type Armed struct {
	ID     uint32
	Slot   uint8
	N      uint8 // patterns
	All    bool  // no condition about the FC header: frames without one are wanted too
	typed  bool  // TYPE or R_CTL are asked for
	Sent   bool
	Fates  uint32 // 0: any
	Snap   uint32
	Ports  uint64 // 0: none of this box
	Frames uint64 // 0: no limit
	Until  uint64 // TSC at which it ends

	patterns     [MaxPatterns]pattern
	types, rctls Bits
}

// pattern is one of the directions that a capture is about: key&mask == value.
type pattern struct{ mask, value uint64 }

// Masks of a flow key: fabric (4 bits), VF_ID (12), S_ID (24), D_ID (24).
const (
	maskID    = 0xffffff
	maskVSAN  = 0xfff << 48
	maskSpace = 0xffff << 48
)

// Addresses gives the places at which a WWPN is logged in: fabric<<36 | VF<<24 | FC_ID. It calls until false comes back.
type Addresses func(wwpn uint64, found func(addr uint64) bool)

// end is an End resolved: an address, as far as it is known.
type end struct{ space, spaceMask, id, idMask uint64 }

// resolve lists what an End may be, at most MaxPatterns of it.
func (e End) resolve(where Addresses, into *[MaxPatterns]end) (n int) {
	if e.WWPN == 0 {
		into[0] = end{}
		if e.ID != 0 {
			into[0] = end{id: uint64(e.ID), idMask: maskID}
		}
		return 1
	}
	where(e.WWPN, func(addr uint64) bool {
		if id := addr & maskID; e.ID == 0 || id == uint64(e.ID) {
			into[n] = end{space: addr >> 24 << 48, spaceMask: maskSpace, id: id, idMask: maskID}
			n++
		}
		return n < MaxPatterns
	})
	return n
}

// Arm makes a capture ready. fabrics tells the fabric of each port; where tells where WWPNs are logged in. A WWPN that is
// logged in nowhere matches nothing.
func (a *Armed) Arm(s *Spec, fabrics []uint8, where Addresses) {
	*a = Armed{ID: a.ID, Slot: a.Slot, Until: a.Until, Sent: s.Flags&AsSent != 0, Fates: s.Fates, Snap: s.Snap, Frames: s.Frames,
		All: !s.fibreChannel(), typed: !s.Types.empty() || !s.RCtls.empty(), types: s.Types, rctls: s.RCtls}
	for i, f := range fabrics {
		if (s.Ports == 0 || s.Ports>>i&1 != 0) && (s.Fabric == AnyFabric || s.Fabric == f) {
			a.Ports |= 1 << i
		}
	}
	if s.Types.empty() {
		a.types = Bits{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}
	}
	if s.RCtls.empty() {
		a.rctls = Bits{^uint64(0), ^uint64(0), ^uint64(0), ^uint64(0)}
	}
	if a.All {
		return
	}
	var from, to [MaxPatterns]end
	nFrom, nTo := s.A.resolve(where, &from), s.B.resolve(where, &to)
	for i := range nFrom {
		for k := range nTo {
			a.add(s, &from[i], &to[k])
			if s.Flags&OneWay == 0 && !(s.A.any() && s.B.any()) {
				a.add(s, &to[k], &from[i])
			}
		}
	}
}

// add is a pattern for one direction, unless the two ends can never meet.
func (a *Armed) add(s *Spec, from, to *end) {
	mask := from.spaceMask | to.spaceMask
	value := from.space | to.space
	if from.spaceMask != 0 && to.spaceMask != 0 && from.space != to.space {
		return
	}
	if s.VSAN != AnyVSAN {
		if vsan := uint64(s.VSAN) << 48; mask&maskVSAN != 0 && value&maskVSAN != vsan {
			return
		} else {
			mask, value = mask|maskVSAN, value|vsan
		}
	}
	if s.Fabric != AnyFabric && mask>>60 != 0 && value>>60 != uint64(s.Fabric) {
		return
	}
	if int(a.N) == MaxPatterns {
		return
	}
	a.patterns[a.N] = pattern{mask: mask | from.idMask<<24 | to.idMask, value: value | from.id<<24 | to.id}
	a.N++
}

// Offsets in an untagged frame.
const (
	offEtherType = 12
	offFC        = 28 // R_CTL
	tagBytes     = 4
	vftBytes     = 8
	offType      = 8 // from R_CTL
	rctlVFT      = 0x50
)

// Match says which of n frames may be wanted, a bit each, by their keys alone: every frame of the fast path pays for it
// while a capture runs. Two patterns at a time, for most captures are about both directions of one flow.
func (a *Armed) Match(keys *[64]uint64, n int) (hits uint64) {
	n = min(n, len(keys))
	if a.All {
		return 1<<n - 1
	}
	for k := 0; k < int(a.N); k += 2 {
		p, q := a.patterns[k], a.patterns[min(k+1, int(a.N)-1)]
		for i, key := range keys[:n] {
			if key&p.mask == p.value || key&q.mask == q.value {
				hits |= 1 << i
			}
		}
	}
	return hits
}

// Confirm leaves, of the frames that Match found, those that are wanted as far as their headers tell. Frames whose bit is
// set in fc have an FC header, at data: the key of another means nothing.
func (a *Armed) Confirm(hits, fc uint64, data *[64]unsafe.Pointer) uint64 {
	if a.All {
		return hits
	}
	hits &= fc
	if a.typed {
		for left := hits; left != 0; left &= left - 1 {
			if i := bits.TrailingZeros64(left); !a.typeMatches(data[i]) {
				hits &^= 1 << i
			}
		}
	}
	return hits
}

// typeMatches reads TYPE and R_CTL, which stand behind a tag and a VFT header, if any.
func (a *Armed) typeMatches(data unsafe.Pointer) bool {
	fc := unsafe.Add(data, offFC)
	if bits.ReverseBytes16(*(*uint16)(unsafe.Add(data, offEtherType))) == 0x8100 {
		fc = unsafe.Add(fc, tagBytes)
	}
	if *(*uint8)(fc) == rctlVFT {
		fc = unsafe.Add(fc, vftBytes)
	}
	return a.rctls.Has(*(*uint8)(fc)) && a.types.Has(*(*uint8)(unsafe.Add(fc, offType)))
}

// Patterns is how many directions the capture looks for.
func (a *Armed) Patterns() int { return int(a.N) }
