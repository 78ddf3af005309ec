package frame

import "encoding/binary"

// FIP descriptor types. Those below DescVendorBase are critical.
const (
	DescPriority    uint8 = 1
	DescMAC         uint8 = 2
	DescFCMap       uint8 = 3
	DescName        uint8 = 4 // switch name in advertisements, else node name
	DescFabric      uint8 = 5
	DescMaxFCoESize uint8 = 6
	DescFLOGI       uint8 = 7
	DescFDISC       uint8 = 8
	DescLOGO        uint8 = 9
	DescELP         uint8 = 10
	DescVNPort      uint8 = 11
	DescFKA         uint8 = 12
	DescVendor      uint8 = 13
	DescVLAN        uint8 = 14
	DescFC4Features uint8 = 15
	DescVendorBase  uint8 = 128
)

const (
	descFCOffset    = 4 // type, length, two reserved bytes; then the FC frame
	descFC4Len      = 164
	descFC4TypesLen = 32
)

// descriptorShape is the length in bytes of a descriptor of the type, negative when that
// is only the least, and 0 for a type that we do not know.
func descriptorShape(kind uint8) int {
	switch kind {
	case DescPriority, DescMaxFCoESize, DescVLAN:
		return 4
	case DescMAC, DescFCMap, DescFKA:
		return 8
	case DescName:
		return 12
	case DescFabric:
		return 16
	case DescVNPort:
		return 20
	case DescFC4Features:
		return descFC4Len
	case DescFLOGI, DescFDISC, DescLOGO, DescELP:
		return -(descFCOffset + FCHeaderLen + 4) // at least the word with the command
	case DescVendor:
		return -12
	}
	return 0
}

// Descriptor is one FIP descriptor with its two-byte head. The typed methods return false
// when it has another type or too few bytes; none of them reads beyond it.
type Descriptor []byte

// Type is the descriptor's type, 0 for an empty one.
func (d Descriptor) Type() uint8 {
	if len(d) == 0 {
		return 0
	}
	return d[0]
}

func (d Descriptor) is(kind uint8) bool {
	if len(d) == 0 || d[0] != kind {
		return false
	}
	shape := descriptorShape(kind)
	return len(d) == shape || (shape < 0 && len(d) >= -shape)
}

// Descriptors walks a list that ParseFIP has accepted:
//
//	for it := f.Descriptors(); it.Next(); {
//		switch d := it.Descriptor(); d.Type() { … }
//	}
type Descriptors struct {
	rest []byte
	cur  Descriptor
}

// Descriptors starts a walk over the frame's descriptors, unknown vendors' included.
func (f *FIPFrame) Descriptors() Descriptors { return Descriptors{rest: f.List} }

// Next moves to the next descriptor and reports whether there is one. It stops at one
// that does not fit, so it is safe on lists that were not checked.
func (it *Descriptors) Next() bool {
	if len(it.rest) < 4 {
		return false
	}
	size := int(it.rest[1]) * 4
	if size == 0 || size > len(it.rest) {
		it.rest = nil
		return false
	}
	it.cur, it.rest = Descriptor(it.rest[:size]), it.rest[size:]
	return true
}

// Descriptor is the one that Next moved to.
func (it *Descriptors) Descriptor() Descriptor { return it.cur }

// Find is the first descriptor of a type, or nil, on which every typed method says false.
func (f *FIPFrame) Find(kind uint8) Descriptor {
	for it := f.Descriptors(); it.Next(); {
		if it.cur.Type() == kind {
			return it.cur
		}
	}
	return nil
}

// FindFC is the FC frame that the FIP frame carries (FLOGI, FDISC, LOGO or ELP, or the
// answer) with the type of its descriptor, or nil. Read it with DecodeFC.
func (f *FIPFrame) FindFC() (fc []byte, kind uint8) {
	for it := f.Descriptors(); it.Next(); {
		if fc, ok := it.cur.FC(); ok {
			return fc, it.cur.Type()
		}
	}
	return nil, 0
}

// Priority: the lower the better an FCF.
func (d Descriptor) Priority() (uint8, bool) {
	if !d.is(DescPriority) {
		return 0, false
	}
	return d[3], true
}

// MAC is the sender's MAC address, or in an accept that of the new VN_Port.
func (d Descriptor) MAC() (MAC, bool) {
	if !d.is(DescMAC) {
		return MAC{}, false
	}
	return MAC(d[2:8]), true
}

// FCMap is the 24-bit FC-MAP.
func (d Descriptor) FCMap() (uint32, bool) {
	if !d.is(DescFCMap) {
		return 0, false
	}
	return get24(d[5:]), true
}

// Name is a switch or node name.
func (d Descriptor) Name() (WWN, bool) {
	if !d.is(DescName) {
		return 0, false
	}
	return WWN(binary.BigEndian.Uint64(d[4:])), true
}

// Fabric names a virtual fabric and its FC-MAP.
type Fabric struct {
	VFID  uint16
	FCMap uint32
	Name  WWN
}

// Fabric of an advertisement.
func (d Descriptor) Fabric() (Fabric, bool) {
	if !d.is(DescFabric) {
		return Fabric{}, false
	}
	return Fabric{
		VFID:  binary.BigEndian.Uint16(d[2:]),
		FCMap: get24(d[5:]),
		Name:  WWN(binary.BigEndian.Uint64(d[8:])),
	}, true
}

// MaxFCoESize is the longest FCoE PDU the sender takes, in bytes; 2158 is full size.
func (d Descriptor) MaxFCoESize() (uint16, bool) {
	if !d.is(DescMaxFCoESize) {
		return 0, false
	}
	return binary.BigEndian.Uint16(d[2:]), true
}

// FC is the FC frame of a FLOGI, FDISC, LOGO or ELP descriptor: header and payload,
// without SOF, EOF and CRC. Nothing protects it but Ethernet's FCS.
func (d Descriptor) FC() ([]byte, bool) {
	switch k := d.Type(); k {
	case DescFLOGI, DescFDISC, DescLOGO, DescELP:
		if d.is(k) {
			return d[descFCOffset:], true
		}
	}
	return nil, false
}

// VNPort identifies a VN_Port.
type VNPort struct {
	MAC  MAC
	ID   FCID
	WWPN WWN
}

// VNPort of keep-alives, clear virtual link and VN2VN frames.
func (d Descriptor) VNPort() (VNPort, bool) {
	if !d.is(DescVNPort) {
		return VNPort{}, false
	}
	return VNPort{
		MAC:  MAC(d[2:8]),
		ID:   FCID(get24(d[9:])),
		WWPN: WWN(binary.BigEndian.Uint64(d[12:])),
	}, true
}

// FKA is the keep-alive period of an FCF. D tells ENodes not to send keep-alives.
type FKA struct {
	D        bool
	PeriodMs uint32
}

// FKA of an advertisement.
func (d Descriptor) FKA() (FKA, bool) {
	if !d.is(DescFKA) {
		return FKA{}, false
	}
	return FKA{D: d[3]&1 != 0, PeriodMs: binary.BigEndian.Uint32(d[4:])}, true
}

// Vendor is the vendor's identification, eight characters, and whatever it adds.
func (d Descriptor) Vendor() (id [8]byte, data []byte, ok bool) {
	if !d.is(DescVendor) {
		return id, nil, false
	}
	return [8]byte(d[4:12]), d[12:], true
}

// VLAN is one of the FCoE VLANs of a notification.
func (d Descriptor) VLAN() (uint16, bool) {
	if !d.is(DescVLAN) {
		return 0, false
	}
	return binary.BigEndian.Uint16(d[2:]) & vlanMask, true
}

// FC4Features says which FC-4 types a VN2VN node has, and what it can do in each.
type FC4Features struct {
	Types    [8]uint32  // bit map: TYPE t is bit t%32 of word t/32
	Features [32]uint32 // four bits for each TYPE, TYPE 8k in the low bits of word k
}

// Features of FC-4 TYPE FCP.
const (
	FC4Target    uint8 = 1
	FC4Initiator uint8 = 2
)

// Has reports the FC-4 type.
func (f *FC4Features) Has(t uint8) bool { return f.Types[t/32]>>(t%32)&1 != 0 }

// Of is the four bits of features of a type.
func (f *FC4Features) Of(t uint8) uint8 { return uint8(f.Features[t/8]>>(t%8*4)) & 0xF }

// Set adds the type with its features.
func (f *FC4Features) Set(t, features uint8) {
	f.Types[t/32] |= 1 << (t % 32)
	shift := t % 8 * 4
	f.Features[t/8] = f.Features[t/8]&^(0xF<<shift) | uint32(features&0xF)<<shift
}

// FC4Features of a VN2VN claim.
func (d Descriptor) FC4Features() (f FC4Features, ok bool) {
	if !d.is(DescFC4Features) {
		return f, false
	}
	for i := range f.Types {
		f.Types[i] = binary.BigEndian.Uint32(d[4+4*i:])
	}
	for i := range f.Features {
		f.Features[i] = binary.BigEndian.Uint32(d[4+descFC4TypesLen+4*i:])
	}
	return f, true
}

// AppendPriorityDesc appends a priority descriptor.
func AppendPriorityDesc(dst []byte, priority uint8) []byte {
	return append(dst, DescPriority, 1, 0, priority)
}

// AppendMACDesc appends a MAC address descriptor.
func AppendMACDesc(dst []byte, m MAC) []byte {
	return append(append(dst, DescMAC, 2), m[:]...)
}

// AppendFCMapDesc appends an FC-MAP descriptor.
func AppendFCMapDesc(dst []byte, fcmap uint32) []byte {
	return append24(append(dst, DescFCMap, 2, 0, 0, 0), fcmap)
}

// AppendNameDesc appends a switch or node name.
func AppendNameDesc(dst []byte, w WWN) []byte {
	return binary.BigEndian.AppendUint64(append(dst, DescName, 3, 0, 0), uint64(w))
}

// AppendFabricDesc appends a fabric descriptor.
func AppendFabricDesc(dst []byte, f Fabric) []byte {
	dst = binary.BigEndian.AppendUint16(append(dst, DescFabric, 4), f.VFID)
	dst = append24(append(dst, 0), f.FCMap)
	return binary.BigEndian.AppendUint64(dst, uint64(f.Name))
}

// AppendMaxFCoESizeDesc appends a maximum FCoE size descriptor.
func AppendMaxFCoESizeDesc(dst []byte, size uint16) []byte {
	return binary.BigEndian.AppendUint16(append(dst, DescMaxFCoESize, 1), size)
}

// AppendFCDesc appends a FLOGI, FDISC, LOGO or ELP descriptor around the bare FC frame of
// h and payload. The length field counts words in one byte: a frame of more than 1,016
// bytes does not fit, and none of these is longer than 280.
func AppendFCDesc(dst []byte, kind uint8, h *Header, payload []byte) []byte {
	start := len(dst)
	dst = AppendFC(append(dst, kind, 0, 0, 0), h, payload)
	dst[start+1] = uint8((len(dst) - start) / 4)
	return dst
}

// AppendVNPortDesc appends a VN_Port descriptor.
func AppendVNPortDesc(dst []byte, v VNPort) []byte {
	dst = append(append(dst, DescVNPort, 5), v.MAC[:]...)
	dst = append24(append(dst, 0), uint32(v.ID))
	return binary.BigEndian.AppendUint64(dst, uint64(v.WWPN))
}

// AppendFKADesc appends a keep-alive period descriptor.
func AppendFKADesc(dst []byte, f FKA) []byte {
	dst = append(dst, DescFKA, 2, 0, 0)
	if f.D {
		dst[len(dst)-1] = 1
	}
	return binary.BigEndian.AppendUint32(dst, f.PeriodMs)
}

// AppendVendorDesc appends a vendor descriptor. The length of data must be a multiple of 4.
func AppendVendorDesc(dst []byte, id [8]byte, data []byte) []byte {
	dst = append(dst, DescVendor, uint8(3+len(data)/4), 0, 0)
	return append(append(dst, id[:]...), data...)
}

// AppendVLANDesc appends a VLAN descriptor.
func AppendVLANDesc(dst []byte, vlan uint16) []byte {
	return binary.BigEndian.AppendUint16(append(dst, DescVLAN, 1), vlan)
}

// AppendFC4FeaturesDesc appends an FC-4 features descriptor.
func AppendFC4FeaturesDesc(dst []byte, f *FC4Features) []byte {
	dst = append(dst, DescFC4Features, descFC4Len/4, 0, 0)
	for _, w := range f.Types {
		dst = binary.BigEndian.AppendUint32(dst, w)
	}
	for _, w := range f.Features {
		dst = binary.BigEndian.AppendUint32(dst, w)
	}
	return dst
}
