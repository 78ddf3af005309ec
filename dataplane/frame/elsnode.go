package frame

import "encoding/binary"

// This file holds the link services that describe nodes and links, or negotiate: RNID,
// RLIR, SRL, EVFP and AUTH_ELS.

// Formats of node identification.
const (
	RNIDNone     uint8 = 0x00 // common data alone
	RNIDTopology uint8 = 0xDF // general topology discovery
)

// RNID asks who a node is.
type RNID struct{ Format uint8 }

// ParseRNID reads an RNID request.
func ParseRNID(p []byte) (r RNID, err error) {
	if err = elsPayload(p, 8, ELSRNID); err != nil {
		return r, err
	}
	return RNID{Format: p[4]}, nil
}

// Append appends the payload.
func (r RNID) Append(dst []byte) []byte { return append(AppendELS(dst, ELSRNID), r.Format, 0, 0, 0) }

// RNIDAcc identifies a node. Names are there only if Common.
type RNIDAcc struct {
	Format     uint8
	Common     bool
	WWPN, WWNN WWN
	Specific   []byte // by Format; 52 bytes for general topology
}

const rnidCommonLen = 16

// ParseRNIDAcc reads the accept of an RNID.
func ParseRNIDAcc(p []byte) (r RNIDAcc, err error) {
	if err = elsPayload(p, 8, ELSLSAcc); err != nil {
		return r, err
	}
	common, specific, rest := int(p[5]), int(p[7]), p[8:]
	if (common != 0 && common != rnidCommonLen) || common+specific > len(rest) {
		return r, ErrELSLength
	}
	r.Format = p[4]
	if common != 0 {
		r.Common = true
		r.WWPN = WWN(binary.BigEndian.Uint64(rest))
		r.WWNN = WWN(binary.BigEndian.Uint64(rest[8:]))
	}
	r.Specific = rest[common : common+specific]
	return r, nil
}

// Append appends the payload.
func (r RNIDAcc) Append(dst []byte) []byte {
	dst = append(AppendELS(dst, ELSLSAcc), r.Format, 0, 0, uint8(len(r.Specific)))
	if r.Common {
		dst[len(dst)-3] = rnidCommonLen
		dst = binary.BigEndian.AppendUint64(dst, uint64(r.WWPN))
		dst = binary.BigEndian.AppendUint64(dst, uint64(r.WWNN))
	}
	return append(dst, r.Specific...)
}

// RLIR reports a link incident. Incident is the common record; Descriptor and Specific
// are kept as they are.
type RLIR struct {
	Format     uint8
	Incident   LinkIncident
	Descriptor []byte
	Specific   []byte
}

// LinkIncident is the common link incident record (Linux's struct fc_els_clir).
type LinkIncident struct {
	WWPN, WWNN                   WWN
	PortType                     uint8
	PortID                       FCID
	ConnectedWWPN, ConnectedWWNN WWN
	FabricName                   WWN
	PhysicalPort                 uint32
	Transaction                  uint32
	TimeFormat                   uint8
	Time                         uint64
}

const linkIncidentLen = 64

// ParseRLIR reads an RLIR.
func ParseRLIR(p []byte) (r RLIR, err error) {
	if err = elsPayload(p, 8, ELSRLIR); err != nil {
		return r, err
	}
	record, descriptor, specific := int(p[5]), int(p[6]), int(p[7])
	rest := p[8:]
	if record != linkIncidentLen || record+descriptor+specific > len(rest) {
		return r, ErrELSLength
	}
	r.Format = p[4]
	r.Incident = LinkIncident{
		WWPN:          WWN(binary.BigEndian.Uint64(rest)),
		WWNN:          WWN(binary.BigEndian.Uint64(rest[8:])),
		PortType:      rest[16],
		PortID:        FCID(get24(rest[17:])),
		ConnectedWWPN: WWN(binary.BigEndian.Uint64(rest[20:])),
		ConnectedWWNN: WWN(binary.BigEndian.Uint64(rest[28:])),
		FabricName:    WWN(binary.BigEndian.Uint64(rest[36:])),
		PhysicalPort:  binary.BigEndian.Uint32(rest[44:]),
		Transaction:   binary.BigEndian.Uint32(rest[48:]),
		TimeFormat:    rest[55],
		Time:          binary.BigEndian.Uint64(rest[56:]),
	}
	r.Descriptor = rest[record : record+descriptor]
	r.Specific = rest[record+descriptor : record+descriptor+specific]
	return r, nil
}

// Append appends the payload.
func (r *RLIR) Append(dst []byte) []byte {
	dst = append(AppendELS(dst, ELSRLIR),
		r.Format, linkIncidentLen, uint8(len(r.Descriptor)), uint8(len(r.Specific)))
	i := &r.Incident
	dst = binary.BigEndian.AppendUint64(dst, uint64(i.WWPN))
	dst = binary.BigEndian.AppendUint64(dst, uint64(i.WWNN))
	dst = append24(append(dst, i.PortType), uint32(i.PortID))
	for _, w := range [...]WWN{i.ConnectedWWPN, i.ConnectedWWNN, i.FabricName} {
		dst = binary.BigEndian.AppendUint64(dst, uint64(w))
	}
	dst = binary.BigEndian.AppendUint32(dst, i.PhysicalPort)
	dst = binary.BigEndian.AppendUint32(dst, i.Transaction)
	dst = append(dst, 0, 0, 0, i.TimeFormat)
	dst = binary.BigEndian.AppendUint64(dst, i.Time)
	return append(append(dst, r.Descriptor...), r.Specific...)
}

// SRL asks a domain to scan its loops.
type SRL struct {
	Flag   uint8 // 0 all loops, 1 the one at PortID, 2 and 3 periodic scanning on and off
	PortID FCID
}

// ParseSRL reads an SRL.
func ParseSRL(p []byte) (s SRL, err error) {
	if err = elsPayload(p, 8, ELSSRL); err != nil {
		return s, err
	}
	return SRL{Flag: p[4], PortID: FCID(get24(p[5:]))}, nil
}

// Append appends the payload.
func (s SRL) Append(dst []byte) []byte {
	return append24(append(AppendELS(dst, ELSSRL), s.Flag), uint32(s.PortID))
}

// EVFP negotiates virtual fabrics over a link. The place of the core port's name is
// unchecked; what follows it is kept as it is.
type EVFP struct {
	Command     ELSCommand // ELSEVFP or ELSLSAcc
	Version     uint8
	Message     uint8 // 1 sync, 2 commit
	Transaction uint8
	CoreName    WWN
	Rest        []byte
}

// ParseEVFP reads an EVFP or its accept.
func ParseEVFP(p []byte) (e EVFP, err error) {
	if err = elsPayload(p, 12, ELSEVFP, ELSLSAcc); err != nil {
		return e, err
	}
	return EVFP{
		Command: ELSCommand(p[0]), Version: p[1], Message: p[2], Transaction: p[3],
		CoreName: WWN(binary.BigEndian.Uint64(p[4:])),
		Rest:     p[12:],
	}, nil
}

// Append appends the payload.
func (e EVFP) Append(dst []byte) []byte {
	dst = append(dst, byte(e.Command), e.Version, e.Message, e.Transaction)
	return append(binary.BigEndian.AppendUint64(dst, uint64(e.CoreName)), e.Rest...)
}

// Auth is an AUTH_ELS message of FC-SP. Its body is not read here.
type Auth struct {
	Flags       uint8
	Message     uint8 // message code
	Version     uint8
	Transaction uint32
	Body        []byte
}

// ParseAuth reads an AUTH_ELS message.
func ParseAuth(p []byte) (a Auth, err error) {
	if err = elsPayload(p, 12, ELSAuth); err != nil {
		return a, err
	}
	size := binary.BigEndian.Uint32(p[4:])
	if uint64(size) > uint64(len(p)-12) {
		return a, ErrELSLength
	}
	return Auth{
		Flags: p[1], Message: p[2], Version: p[3],
		Transaction: binary.BigEndian.Uint32(p[8:]),
		Body:        p[12 : 12+size],
	}, nil
}

// Append appends the payload.
func (a Auth) Append(dst []byte) []byte {
	dst = append(dst, byte(ELSAuth), a.Flags, a.Message, a.Version)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(a.Body)))
	dst = binary.BigEndian.AppendUint32(dst, a.Transaction)
	return append(dst, a.Body...)
}
