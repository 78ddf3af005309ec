package frame

import (
	"encoding/binary"
	"errors"
)

// ErrBLSShort is the one way a basic link service payload can be wrong.
var ErrBLSShort = errors.New("parse BLS: payload too short for its R_CTL")

// BAAcc is the payload of BA_ACC (R_CTL 84), the answer to ABTS, which has no payload
// itself: its header names the exchange.
type BAAcc struct {
	SeqIDValid          bool
	SeqID               uint8
	OXID, RXID          uint16
	LowCount, HighCount uint16
}

const baSeqIDValid = 0x80

// ParseBAAcc reads a BA_ACC payload.
func ParseBAAcc(p []byte) (a BAAcc, err error) {
	if len(p) < 12 {
		return a, ErrBLSShort
	}
	return BAAcc{
		SeqIDValid: p[0] == baSeqIDValid,
		SeqID:      p[1],
		OXID:       binary.BigEndian.Uint16(p[4:]),
		RXID:       binary.BigEndian.Uint16(p[6:]),
		LowCount:   binary.BigEndian.Uint16(p[8:]),
		HighCount:  binary.BigEndian.Uint16(p[10:]),
	}, nil
}

// Append appends the payload.
func (a BAAcc) Append(dst []byte) []byte {
	var valid byte
	if a.SeqIDValid {
		valid = baSeqIDValid
	}
	dst = append(dst, valid, a.SeqID, 0, 0)
	for _, v := range [...]uint16{a.OXID, a.RXID, a.LowCount, a.HighCount} {
		dst = binary.BigEndian.AppendUint16(dst, v)
	}
	return dst
}

// BARjt is the payload of BA_RJT (R_CTL 85). Reason 3 with explanation 3 is a logical
// error, invalid OX_ID-RX_ID combination.
type BARjt struct {
	Reason, Explanation, Vendor uint8
}

// ParseBARjt reads a BA_RJT payload.
func ParseBARjt(p []byte) (r BARjt, err error) {
	if len(p) < 4 {
		return r, ErrBLSShort
	}
	return BARjt{Reason: p[1], Explanation: p[2], Vendor: p[3]}, nil
}

// Append appends the payload.
func (r BARjt) Append(dst []byte) []byte {
	return append(dst, 0, r.Reason, r.Explanation, r.Vendor)
}

// LinkReject is what P_RJT and F_RJT (R_CTL C2, C3) say in the parameter of their header.
type LinkReject struct {
	Action uint8 // 1 may be retried, 2 not
	Reason uint8
	Vendor uint8
}

// Reasons of LinkReject.
const (
	RejectInvalidDID      uint8 = 0x01
	RejectInvalidSID      uint8 = 0x02
	RejectPortUnavailable uint8 = 0x03 // for now
	RejectLoginRequired   uint8 = 0x16
	RejectPRLIRequired    uint8 = 0x24
)

// ParseLinkReject reads the parameter of a P_RJT or F_RJT.
func ParseLinkReject(param uint32) LinkReject {
	return LinkReject{Action: uint8(param >> 24), Reason: uint8(param >> 16), Vendor: uint8(param)}
}

// Param is the header's parameter.
func (r LinkReject) Param() uint32 {
	return uint32(r.Action)<<24 | uint32(r.Reason)<<16 | uint32(r.Vendor)
}
