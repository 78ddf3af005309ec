package frame

import (
	"encoding/binary"
	"errors"
)

// FIP operations (FC-BB-6 clause 7, Linux's fc_fip.h).
const (
	FIPDiscovery   uint16 = 1
	FIPLinkService uint16 = 2 // FLOGI, FDISC, LOGO, ELP and their answers
	FIPControl     uint16 = 3
	FIPVLAN        uint16 = 4
	FIPVN2VN       uint16 = 5
)

// FIP subcodes; each counts within its operation.
const (
	FIPSolicitation  uint8 = 1 // Discovery
	FIPAdvertisement uint8 = 2

	FIPRequest uint8 = 1 // Link Service
	FIPReply   uint8 = 2

	FIPKeepAlive        uint8 = 1 // Control
	FIPClearVirtualLink uint8 = 2

	FIPVLANRequest      uint8 = 1 // VLAN
	FIPVLANNotification uint8 = 2

	FIPProbeRequest      uint8 = 1 // VN2VN
	FIPProbeReply        uint8 = 2
	FIPClaimNotification uint8 = 3
	FIPClaimResponse     uint8 = 4
	FIPBeacon            uint8 = 5
)

// FIP flags.
const (
	FIPFlagFPMA      uint16 = 0x8000 // fabric-provided MAC addresses
	FIPFlagSPMA      uint16 = 0x4000 // server-provided MAC addresses
	FIPFlagRecP2P    uint16 = 0x0008 // VN2VN: recorded address, or point to point
	FIPFlagAvailable uint16 = 0x0004 // an FCF that takes logins
	FIPFlagSolicited uint16 = 0x0002
	FIPFlagFPort     uint16 = 0x0001 // sent by an FCF
)

// Timers of FIP, in milliseconds.
const (
	FIPDefaultFKAms    = 8000  // FKA_ADV_PERIOD when none is advertised
	FIPMinFKAms        = 500   // shorter ones are not accepted
	FIPVNKeepAliveMs   = 90000 // VN_Port keep-alive
	FIPVN2VNBeaconMs   = 8000
	FIPDefaultPriority = 128
	FIPVersion         = 1
)

// What ParseFIP refuses. The frame crosses all the same: the appliance is no end point of
// FIP. Only the learner ignores it.
var (
	ErrFIPShort      = errors.New("parse FIP: frame shorter than its header")
	ErrFIPEtherType  = errors.New("parse FIP: EtherType is not 0x8914")
	ErrFIPVersion    = errors.New("parse FIP: version is not 1")
	ErrFIPListLength = errors.New("parse FIP: descriptor list longer than the frame")
	ErrFIPZeroLength = errors.New("parse FIP: descriptor of length zero")
	ErrFIPOverrun    = errors.New("parse FIP: descriptor longer than the list")
	ErrFIPDescLength = errors.New("parse FIP: descriptor length is not that of its type")
	ErrFIPCritical   = errors.New("parse FIP: unknown critical descriptor")
)

// FIPFrame is one FIP frame. List and Padding alias the parsed bytes.
type FIPFrame struct {
	Dst, Src MAC
	Tagged   bool
	PCP      uint8
	DEI      bool
	VLAN     uint16

	Op      uint16
	Sub     uint8
	Flags   uint16
	List    []byte // the descriptors; see Descriptors
	Padding []byte // what follows them: Linux pads a Claim Response to the path's MTU
}

// ParseFIP reads a whole Ethernet frame, tagged or not. It walks all descriptors: when it
// returns nil, each has a length that is right for its type, and every type below 128 is
// known (FC-BB-6 wants a frame with an unknown one discarded; from 128 on they are
// skipped). On an error the fields before the descriptors are set as far as they were read.
//
// It does not ask for 60 bytes: virtual ports deliver FIP frames without Ethernet's padding.
func ParseFIP(b []byte, f *FIPFrame) error {
	*f = FIPFrame{}
	off, err := f.parseEthernet(b)
	if err != nil {
		return err
	}
	fip := b[off:]
	if len(fip) < FIPHeaderLen {
		return ErrFIPShort
	}
	f.Op = binary.BigEndian.Uint16(fip[2:])
	f.Sub = fip[5]
	f.Flags = binary.BigEndian.Uint16(fip[8:])
	if fip[0]>>4 != FIPVersion {
		return ErrFIPVersion
	}
	size := int(binary.BigEndian.Uint16(fip[6:])) * 4
	if size > len(fip)-FIPHeaderLen {
		return ErrFIPListLength
	}
	list := fip[FIPHeaderLen : FIPHeaderLen+size]
	if err := checkDescriptors(list); err != nil {
		return err
	}
	f.List, f.Padding = list, fip[FIPHeaderLen+size:]
	return nil
}

func (f *FIPFrame) parseEthernet(b []byte) (off int, err error) {
	if len(b) < EthHeaderLen {
		return 0, ErrFIPShort
	}
	f.Dst, f.Src = MAC(b[0:6]), MAC(b[6:12])
	off = EthHeaderLen
	etherType := binary.BigEndian.Uint16(b[12:])
	if etherType == EtherTypeVLAN {
		if len(b) < EthHeaderLen+TagLen {
			return 0, ErrFIPShort
		}
		tci := binary.BigEndian.Uint16(b[14:])
		f.Tagged, f.PCP, f.DEI, f.VLAN = true, uint8(tci>>13), tci&deiBit != 0, tci&vlanMask
		etherType = binary.BigEndian.Uint16(b[16:])
		off += TagLen
	}
	if etherType != EtherTypeFIP {
		return 0, ErrFIPEtherType
	}
	return off, nil
}

// checkDescriptors walks a list whose length is a multiple of 4. Each step consumes at
// least one word, so it ends; and a list is at most 65,535 words by its length field.
func checkDescriptors(list []byte) error {
	for len(list) > 0 {
		kind, size := list[0], int(list[1])*4
		if size == 0 {
			return ErrFIPZeroLength
		}
		if size > len(list) {
			return ErrFIPOverrun
		}
		switch shape := descriptorShape(kind); {
		case shape == 0 && kind < DescVendorBase:
			return ErrFIPCritical
		case shape > 0 && size != shape, shape < 0 && size < -shape:
			return ErrFIPDescLength
		}
		list = list[size:]
	}
	return nil
}

// AppendFIP appends a FIP frame: f.List, made with the Append…Desc functions, then
// f.Padding, then zeros up to the least Ethernet frame. The list's length must be a
// multiple of 4, as those functions leave it.
func AppendFIP(dst []byte, f *FIPFrame) []byte {
	start := len(dst)
	h := Header{Dst: f.Dst, Src: f.Src, Tagged: f.Tagged, PCP: f.PCP, DEI: f.DEI, VLAN: f.VLAN}
	dst = appendEthernet(dst, &h, EtherTypeFIP)
	dst = append(dst, FIPVersion<<4, 0)
	dst = binary.BigEndian.AppendUint16(dst, f.Op)
	dst = append(dst, 0, f.Sub)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(f.List)/4))
	dst = binary.BigEndian.AppendUint16(dst, f.Flags)
	dst = append(dst, f.List...)
	dst = append(dst, f.Padding...)
	return PadFrame(dst, start)
}

// PadFrame appends zeros until the frame that begins at dst[start] has MinFrame bytes.
func PadFrame(dst []byte, start int) []byte {
	if missing := MinFrame - (len(dst) - start); missing > 0 {
		return append(dst, make([]byte, missing)...)
	}
	return dst
}
