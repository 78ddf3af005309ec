package frame

import "encoding/binary"

// Where the encapsulation keeps what, and the masks of its bit fields.
const (
	versionMask     = 0xF0 // FCoE version, byte 0
	oldFormatOffset = 1    // reserved, but never zero in the two-byte header of old
	sofOffset       = 13
	eofOffset       = 4 // in the trailer

	routingMask     = 0xF0 // of R_CTL
	routingExtended = 0x50
	vftVersionMask  = 0xC0
	vftTagOffset    = 2
	vftHopOffset    = 4

	vlanMask = 0xFFF
	deiBit   = 0x1000
)

// Header is everything an FCoE frame says outside its payload, in host byte order, and
// where in the frame its parts are. For a frame that Decode refuses, it holds what was
// read until then; the rest is zero.
type Header struct {
	Dst, Src  MAC
	Tagged    bool
	PCP       uint8 // priority of the tag, 0 to 7
	DEI       bool
	VLAN      uint16 // 0 when not tagged, and for a tag that carries priority alone
	EtherType uint16 // behind the tag

	SOF, EOF uint8

	VFT         bool
	VFTType     uint8
	VFTPriority uint8
	VFID        uint16
	Hops        uint8

	RCtl   uint8
	DID    FCID
	CSCtl  uint8
	SID    FCID
	Type   uint8
	FCtl   uint32
	SeqID  uint8
	DFCtl  uint8
	SeqCnt uint16
	OXID   uint16
	RXID   uint16
	Param  uint32
	CRC    uint32 // as the trailer says it; Decode does not check it

	// Offsets into the frame. FCOffset is that of the FC header proper, behind a VFT
	// header. The trailer begins at PayloadEnd.
	FCOffset, PayloadOffset, PayloadEnd int
}

// Decode reads one Ethernet frame (without FCS) and says what it is. It is exact: the
// frame must end with its trailer. The checks are made in this order, and the first that
// fails names the reason: old format, length of 60 bytes, tags, EtherType, version, SOF,
// EOF, length, extended header, loop. The CRC is read but not checked; see CRCGood.
//
// The old format comes first because its frames may be shorter than a runt: they have a
// header of 2 bytes and a trailer of 5, and captures show them without padding.
//
// S_ID = D_ID is a loop unless the address is well known: switches talk to each other
// from FFFFFD to FFFFFD.
func Decode(b []byte, h *Header) Reason {
	*h = Header{}
	l2, reason := decodeEthernet(b, h)
	if reason != OK {
		return reason
	}
	// 60 bytes hold the FCoE header, tagged or not, and the trailer behind it.
	fcoe := b[l2:]
	if fcoe[0]&versionMask != 0 {
		return BadVersion
	}
	h.SOF = fcoe[sofOffset]
	if SOFClass(h.SOF) == 0 {
		return BadSOF
	}
	end := len(b) - FCoETrailerLen
	h.EOF = b[end+eofOffset]
	switch h.EOF {
	case EOFn, EOFt, EOFrt, EOFdt:
	case EOFni, EOFdti, EOFrti, EOFa:
		return InvalidEOF
	default:
		return BadEOF
	}
	h.CRC = binary.LittleEndian.Uint32(b[end:])
	start := l2 + FCoEHeaderLen
	if reason := decodeFC(b[start:end], h); reason != OK {
		return reason
	}
	h.FCOffset += start
	h.PayloadOffset += start
	h.PayloadEnd += start
	return OK
}

// decodeEthernet reads up to the EtherType and returns the offset of what follows it. For
// FCoE it also looks for the old format.
func decodeEthernet(b []byte, h *Header) (l2 int, reason Reason) {
	if len(b) < EthHeaderLen {
		return 0, Runt
	}
	h.Dst, h.Src = MAC(b[0:6]), MAC(b[6:12])
	l2 = EthHeaderLen
	outer := binary.BigEndian.Uint16(b[12:])
	h.EtherType = outer
	var inner uint16
	if isTag(outer) && len(b) >= EthHeaderLen+TagLen {
		inner = binary.BigEndian.Uint16(b[16:])
		l2 += TagLen
		if outer == EtherTypeVLAN {
			tci := binary.BigEndian.Uint16(b[14:])
			h.Tagged = true
			h.PCP = uint8(tci >> 13)
			h.DEI = tci&deiBit != 0
			h.VLAN = tci & vlanMask
			h.EtherType = inner
		}
	}
	if h.EtherType == EtherTypeFCoE && len(b) > l2+oldFormatOffset && b[l2+oldFormatOffset] != 0 {
		return 0, OldFormat
	}
	switch {
	case len(b) < MinFrame:
		return 0, Runt
	case isTag(inner):
		return 0, NestedTag
	case h.EtherType == EtherTypeFCoE:
		return l2, OK
	case h.EtherType == EtherTypeFIP:
		h.PayloadOffset, h.PayloadEnd = l2, len(b)
		return l2, FIP
	}
	return 0, NotFCoE
}

func isTag(etherType uint16) bool {
	return etherType == EtherTypeVLAN || etherType == EtherTypeSTag || etherType == EtherTypeOldTag
}

// DecodeFC reads a bare FC frame, from R_CTL to the end of the payload, without SOF, EOF
// and CRC: the form FIP carries in its FLOGI, FDISC, LOGO and ELP descriptors. The
// reasons are those of Decode from the length on. Offsets count from the start of fc.
func DecodeFC(fc []byte, h *Header) Reason {
	*h = Header{}
	return decodeFC(fc, h)
}

func decodeFC(fc []byte, h *Header) Reason {
	if len(fc) < FCHeaderLen || len(fc)%4 != 0 {
		return BadLength
	}
	// Without an extended header the size can be judged at once; with one, 8 bytes more
	// are allowed, and judged when it is known to be a VFT header.
	extended := fc[0]&routingMask == routingExtended
	if len(fc) > MaxFCLen+VFTHeaderLen || (!extended && len(fc) > MaxFCLen) {
		return Oversize
	}
	off := 0
	if extended {
		if fc[0] != RCtlVFT || fc[1]&vftVersionMask != 0 {
			return BadExtHeader
		}
		if len(fc) < VFTHeaderLen+FCHeaderLen {
			return BadLength
		}
		tag := binary.BigEndian.Uint16(fc[vftTagOffset:])
		h.VFT = true
		h.VFTType = fc[1] >> 2 & 0xF
		h.VFTPriority = uint8(tag >> 13)
		h.VFID = tag >> 1 & vlanMask
		h.Hops = fc[vftHopOffset]
		off = VFTHeaderLen
		if fc[off]&routingMask == routingExtended {
			return BadExtHeader
		}
	}
	h.readFC(fc[off:])
	h.FCOffset, h.PayloadOffset, h.PayloadEnd = off, off+FCHeaderLen, len(fc)
	if h.SID == h.DID && h.SID != 0 && !h.SID.WellKnown() {
		return Loop
	}
	return OK
}

func (h *Header) readFC(fc []byte) {
	_ = fc[FCHeaderLen-1]
	h.RCtl = fc[0]
	h.DID = FCID(get24(fc[1:]))
	h.CSCtl = fc[4]
	h.SID = FCID(get24(fc[5:]))
	h.Type = fc[8]
	h.FCtl = get24(fc[9:])
	h.SeqID = fc[12]
	h.DFCtl = fc[13]
	h.SeqCnt = binary.BigEndian.Uint16(fc[14:])
	h.OXID = binary.BigEndian.Uint16(fc[16:])
	h.RXID = binary.BigEndian.Uint16(fc[18:])
	h.Param = binary.BigEndian.Uint32(fc[20:])
}

// Payload is what follows the FC header, fill bytes included. h must come from decoding b.
func (h *Header) Payload(b []byte) []byte { return b[h.PayloadOffset:h.PayloadEnd] }

// FillBytes is how many bytes at the end of the payload only bring it to a multiple of 4.
func (h *Header) FillBytes() int { return int(h.FCtl & FCtlFillMask) }

// crcStart is where the CRC's coverage begins: with the extended header if there is one.
func (h *Header) crcStart() int {
	if h.VFT {
		return h.FCOffset - VFTHeaderLen
	}
	return h.FCOffset
}

// CRCGood computes the CRC of the decoded frame b and reports
// whether the trailer agrees. h must come from a Decode of b that returned OK.
func (h *Header) CRCGood(b []byte) bool { return h.CRC == CRC(b[h.crcStart():h.PayloadEnd]) }

// FromResponder reports that the frame was sent by the responder of its exchange; for
// FCP that is the target.
func (h *Header) FromResponder() bool { return h.FCtl&FCtlExchangeContext != 0 }

// FirstOfExchange reports the first frame of an exchange.
func (h *Header) FirstOfExchange() bool {
	return h.FCtl&(FCtlExchangeContext|FCtlFirstSequence) == FCtlFirstSequence && SOFInitiates(h.SOF)
}

// AppendFCoE appends the FCoE frame of h and payload to dst, with a CRC computed over it.
// It uses all fields of h but EtherType, CRC and the offsets. Nothing is padded or checked.
func AppendFCoE(dst []byte, h *Header, payload []byte) []byte {
	dst = appendEthernet(dst, h, EtherTypeFCoE)
	dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, h.SOF)
	start := len(dst)
	dst = AppendFC(dst, h, payload)
	dst = binary.LittleEndian.AppendUint32(dst, CRC(dst[start:]))
	return append(dst, h.EOF, 0, 0, 0)
}

// AppendFC appends the FC header of h, with a VFT header if h.VFT, and the payload: a
// bare FC frame as DecodeFC reads it.
func AppendFC(dst []byte, h *Header, payload []byte) []byte {
	if h.VFT {
		tag := uint16(h.VFTPriority)<<13 | h.VFID&vlanMask<<1
		dst = append(dst, RCtlVFT, h.VFTType&0xF<<2)
		dst = binary.BigEndian.AppendUint16(dst, tag)
		dst = append(dst, h.Hops, 0, 0, 0)
	}
	dst = append(dst, h.RCtl)
	dst = append24(dst, uint32(h.DID))
	dst = append(dst, h.CSCtl)
	dst = append24(dst, uint32(h.SID))
	dst = append(dst, h.Type)
	dst = append24(dst, h.FCtl)
	dst = append(dst, h.SeqID, h.DFCtl)
	dst = binary.BigEndian.AppendUint16(dst, h.SeqCnt)
	dst = binary.BigEndian.AppendUint16(dst, h.OXID)
	dst = binary.BigEndian.AppendUint16(dst, h.RXID)
	dst = binary.BigEndian.AppendUint32(dst, h.Param)
	return append(dst, payload...)
}

func appendEthernet(dst []byte, h *Header, etherType uint16) []byte {
	dst = append(dst, h.Dst[:]...)
	dst = append(dst, h.Src[:]...)
	if h.Tagged {
		tci := uint16(h.PCP)<<13 | h.VLAN&vlanMask
		if h.DEI {
			tci |= deiBit
		}
		dst = binary.BigEndian.AppendUint16(dst, EtherTypeVLAN)
		dst = binary.BigEndian.AppendUint16(dst, tci)
	}
	return binary.BigEndian.AppendUint16(dst, etherType)
}

func get24(b []byte) uint32 { return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) }

func put24(b []byte, v uint32) { b[0], b[1], b[2] = byte(v>>16), byte(v>>8), byte(v) }

func append24(b []byte, v uint32) []byte { return append(b, byte(v>>16), byte(v>>8), byte(v)) }
