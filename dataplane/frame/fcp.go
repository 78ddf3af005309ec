package frame

import (
	"encoding/binary"
	"errors"
)

// What the FCP parsers refuse.
var (
	ErrFCPShort  = errors.New("parse FCP: payload too short for its R_CTL")
	ErrFCPLength = errors.New("parse FCP: length field longer than the payload")
)

const (
	fcpCmndLen = 32
	fcpRspLen  = 24
)

// Task management flags of FCPCmnd.
const (
	TMFAbortTaskSet uint8 = 0x02
	TMFClearTaskSet uint8 = 0x04
	TMFLUNReset     uint8 = 0x10
	TMFTargetReset  uint8 = 0x20
	TMFClearACA     uint8 = 0x40
)

// FCPCmnd is an FCP_CMND information unit: R_CTL 06, TYPE FCP, 32 bytes or more.
type FCPCmnd struct {
	LUN           uint64 // the eight bytes of SAM; see SingleLUN
	CRN           uint8
	Attribute     uint8 // priority and task attribute
	TMF           uint8
	Read, Write   bool
	CDB           [16]byte
	AdditionalCDB []byte // length a multiple of 4, at most 252
	DataLength    uint32 // FCP_DL
	Rest          []byte // FCP_BIDIRECTIONAL_READ_DL, if both Read and Write
}

// SingleLUN is the LUN field of logical unit n, n < 16384: peripheral addressing up to
// 255, flat space above.
func SingleLUN(n uint16) uint64 {
	if n < 256 {
		return uint64(n) << 48
	}
	return uint64(0x4000|n&0x3FFF) << 48
}

// ParseFCPCmnd reads an FCP_CMND.
func ParseFCPCmnd(p []byte) (c FCPCmnd, err error) {
	if len(p) < fcpCmndLen {
		return c, ErrFCPShort
	}
	extra := int(p[11]>>2) * 4
	if len(p) < fcpCmndLen+extra {
		return c, ErrFCPLength
	}
	return FCPCmnd{
		LUN:           binary.BigEndian.Uint64(p),
		CRN:           p[8],
		Attribute:     p[9],
		TMF:           p[10],
		Read:          p[11]&2 != 0,
		Write:         p[11]&1 != 0,
		CDB:           [16]byte(p[12:28]),
		AdditionalCDB: p[28 : 28+extra],
		DataLength:    binary.BigEndian.Uint32(p[28+extra:]),
		Rest:          p[32+extra:],
	}, nil
}

// Append appends the payload.
func (c *FCPCmnd) Append(dst []byte) []byte {
	flags := uint8(len(c.AdditionalCDB)/4) << 2
	if c.Read {
		flags |= 2
	}
	if c.Write {
		flags |= 1
	}
	dst = binary.BigEndian.AppendUint64(dst, c.LUN)
	dst = append(dst, c.CRN, c.Attribute, c.TMF, flags)
	dst = append(append(dst, c.CDB[:]...), c.AdditionalCDB...)
	return append(binary.BigEndian.AppendUint32(dst, c.DataLength), c.Rest...)
}

// XferRdy is an FCP_XFER_RDY: R_CTL 05, 12 bytes. The target asks for a burst of data.
type XferRdy struct {
	Offset, Burst uint32 // bytes
}

// ParseXferRdy reads an FCP_XFER_RDY.
func ParseXferRdy(p []byte) (x XferRdy, err error) {
	if len(p) < 12 {
		return x, ErrFCPShort
	}
	return XferRdy{Offset: binary.BigEndian.Uint32(p), Burst: binary.BigEndian.Uint32(p[4:])}, nil
}

// Append appends the payload.
func (x XferRdy) Append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, x.Offset)
	return append(binary.BigEndian.AppendUint32(dst, x.Burst), 0, 0, 0, 0)
}

// Flags of FCPRsp.
const (
	RspInfoValid     uint8 = 0x01
	RspSenseValid    uint8 = 0x02
	RspResidualOver  uint8 = 0x04
	RspResidualUnder uint8 = 0x08
	RspConfirm       uint8 = 0x10 // FCP_CONF wanted
)

// FCPRsp is an FCP_RSP: R_CTL 07, 24 bytes and what the flags announce.
type FCPRsp struct {
	Qualifier uint16 // status qualifier, or retry delay
	Flags     uint8
	Status    uint8 // SCSI status
	Residual  uint32
	Info      []byte // FCP_RSP_INFO, if RspInfoValid
	Sense     []byte // if RspSenseValid
}

// ParseFCPRsp reads an FCP_RSP. Lengths whose flag is not set are ignored, as FCP says.
func ParseFCPRsp(p []byte) (r FCPRsp, err error) {
	if len(p) < fcpRspLen {
		return r, ErrFCPShort
	}
	r = FCPRsp{
		Qualifier: binary.BigEndian.Uint16(p[8:]),
		Flags:     p[10],
		Status:    p[11],
		Residual:  binary.BigEndian.Uint32(p[12:]),
	}
	rest := p[fcpRspLen:]
	if r.Flags&RspInfoValid != 0 {
		n := binary.BigEndian.Uint32(p[20:])
		if uint64(n) > uint64(len(rest)) {
			return r, ErrFCPLength
		}
		r.Info, rest = rest[:n], rest[n:]
	}
	if r.Flags&RspSenseValid != 0 {
		n := binary.BigEndian.Uint32(p[16:])
		if uint64(n) > uint64(len(rest)) {
			return r, ErrFCPLength
		}
		r.Sense = rest[:n]
	}
	return r, nil
}

// Append appends the payload. The flags are written as they are: set the ones for Info and
// Sense. The result need not be a multiple of 4; see AppendFill.
func (r *FCPRsp) Append(dst []byte) []byte {
	dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0)
	dst = binary.BigEndian.AppendUint16(dst, r.Qualifier)
	dst = append(dst, r.Flags, r.Status)
	dst = binary.BigEndian.AppendUint32(dst, r.Residual)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(r.Sense)))
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(r.Info)))
	return append(append(dst, r.Info...), r.Sense...)
}
