package frame

import (
	"encoding/binary"
	"errors"
)

// CT commands of the name server, and the two answers (FC-GS, Linux's fc_ns.h and fc_gs.h).
const (
	CTGPNID  uint16 = 0x0112 // port name of an ID
	CTGNNID  uint16 = 0x0113 // node name of an ID
	CTGIDPN  uint16 = 0x0121 // ID of a port name
	CTGIDFT  uint16 = 0x0171 // IDs by FC-4 type
	CTGPNFT  uint16 = 0x0172 // IDs and port names by FC-4 type
	CTRPNID  uint16 = 0x0212 // register a port name
	CTRNNID  uint16 = 0x0213 // register a node name
	CTRFTID  uint16 = 0x0217 // register FC-4 types
	CTRFFID  uint16 = 0x021F // register FC-4 features
	CTReject uint16 = 0x8001
	CTAccept uint16 = 0x8002
)

// Where CT goes.
const (
	CTDirectoryService uint8 = 0xFC // GS_Type
	CTNameServer       uint8 = 0x02 // GS_Subtype

	ctHeaderLen = 16
	ctRowLast   = 0x80
)

// What the CT parsers refuse.
var (
	ErrCTShort   = errors.New("parse CT: payload shorter than its header")
	ErrCTBody    = errors.New("parse CT: body too short for its command")
	ErrCTCommand = errors.New("parse CT: another command")
)

// CT is one CT information unit. A long answer fills several frames of one sequence; only
// the first has the header.
type CT struct {
	Revision uint8
	InID     FCID // set by the fabric for its own use
	Type     uint8
	Subtype  uint8
	Options  uint8
	Command  uint16 // or CTAccept, CTReject
	MaxWords uint16 // most words of an answer; in an answer those left out (residual)
	Reason   uint8  // of CTReject
	Explain  uint8
	Vendor   uint8
	Body     []byte
}

// NewCT is a request or an answer of the name server.
func NewCT(command uint16, body []byte) CT {
	return CT{Revision: 1, Type: CTDirectoryService, Subtype: CTNameServer, Command: command, Body: body}
}

// ParseCT reads the header. Body is the rest.
func ParseCT(p []byte) (c CT, err error) {
	if len(p) < ctHeaderLen {
		return c, ErrCTShort
	}
	return CT{
		Revision: p[0],
		InID:     FCID(get24(p[1:])),
		Type:     p[4],
		Subtype:  p[5],
		Options:  p[6],
		Command:  binary.BigEndian.Uint16(p[8:]),
		MaxWords: binary.BigEndian.Uint16(p[10:]),
		Reason:   p[13],
		Explain:  p[14],
		Vendor:   p[15],
		Body:     p[ctHeaderLen:],
	}, nil
}

// Append appends header and body.
func (c CT) Append(dst []byte) []byte {
	dst = append24(append(dst, c.Revision), uint32(c.InID))
	dst = append(dst, c.Type, c.Subtype, c.Options, 0)
	dst = binary.BigEndian.AppendUint16(dst, c.Command)
	dst = binary.BigEndian.AppendUint16(dst, c.MaxWords)
	dst = append(dst, 0, c.Reason, c.Explain, c.Vendor)
	return append(dst, c.Body...)
}

// Request reports a request to the name server.
func (c CT) Request() bool {
	return c.Type == CTDirectoryService && c.Subtype == CTNameServer && c.Command < CTReject
}

// Accept reports an accept of the name server. Which request it answers is known from the
// exchange alone.
func (c CT) Accept() bool {
	return c.Type == CTDirectoryService && c.Subtype == CTNameServer && c.Command == CTAccept
}

// body checks that the unit is one of the commands and long enough.
func (c CT) body(size int, commands ...uint16) ([]byte, error) {
	for _, want := range commands {
		if c.Command == want {
			if len(c.Body) < size {
				return nil, ErrCTBody
			}
			return c.Body, nil
		}
	}
	return nil, ErrCTCommand
}

// TypeQuery is the body of GID_FT and GPN_FT: which ports have an FC-4 type.
type TypeQuery struct {
	Domain, Area uint8 // scope, 0 for all
	FC4          uint8
}

// ParseTypeQuery reads a GID_FT or GPN_FT request.
func ParseTypeQuery(c CT) (q TypeQuery, err error) {
	b, err := c.body(4, CTGIDFT, CTGPNFT)
	if err != nil {
		return q, err
	}
	return TypeQuery{Domain: b[1], Area: b[2], FC4: b[3]}, nil
}

// Append appends the body.
func (q TypeQuery) Append(dst []byte) []byte { return append(dst, 0, q.Domain, q.Area, q.FC4) }

// ParseIDQuery reads the port asked for by GPN_ID or GNN_ID.
func ParseIDQuery(c CT) (FCID, error) {
	b, err := c.body(4, CTGPNID, CTGNNID)
	if err != nil {
		return 0, err
	}
	return FCID(get24(b[1:])), nil
}

// ParseIDAccept reads the answer to GID_PN.
func ParseIDAccept(c CT) (FCID, error) {
	b, err := c.body(4, CTAccept)
	if err != nil {
		return 0, err
	}
	return FCID(get24(b[1:])), nil
}

// AppendIDBody appends the body of a GPN_ID or GNN_ID request or of a GID_PN accept.
func AppendIDBody(dst []byte, id FCID) []byte { return append24(append(dst, 0), uint32(id)) }

// ParseNameQuery reads the name asked for by GID_PN.
func ParseNameQuery(c CT) (WWN, error) {
	b, err := c.body(8, CTGIDPN)
	if err != nil {
		return 0, err
	}
	return WWN(binary.BigEndian.Uint64(b)), nil
}

// ParseNameAccept reads the answer to GPN_ID or GNN_ID.
func ParseNameAccept(c CT) (WWN, error) {
	b, err := c.body(8, CTAccept)
	if err != nil {
		return 0, err
	}
	return WWN(binary.BigEndian.Uint64(b)), nil
}

// AppendNameBody appends the body of a GID_PN request or of a GPN_ID or GNN_ID accept.
func AppendNameBody(dst []byte, w WWN) []byte { return binary.BigEndian.AppendUint64(dst, uint64(w)) }

// Registration is the body of RPN_ID and RNN_ID.
type Registration struct {
	ID   FCID
	Name WWN // WWPN for RPN_ID, WWNN for RNN_ID
}

// ParseRegistration reads an RPN_ID or RNN_ID request.
func ParseRegistration(c CT) (r Registration, err error) {
	b, err := c.body(12, CTRPNID, CTRNNID)
	if err != nil {
		return r, err
	}
	return Registration{ID: FCID(get24(b[1:])), Name: WWN(binary.BigEndian.Uint64(b[4:]))}, nil
}

// Append appends the body.
func (r Registration) Append(dst []byte) []byte {
	return AppendNameBody(AppendIDBody(dst, r.ID), r.Name)
}

// TypesRegistration is the body of RFT_ID. The map is that of FC4Features.
type TypesRegistration struct {
	ID    FCID
	Types [8]uint32
}

// Has reports the FC-4 type.
func (r *TypesRegistration) Has(t uint8) bool { return r.Types[t/32]>>(t%32)&1 != 0 }

// ParseTypesRegistration reads an RFT_ID request.
func ParseTypesRegistration(c CT) (r TypesRegistration, err error) {
	b, err := c.body(36, CTRFTID)
	if err != nil {
		return r, err
	}
	r.ID = FCID(get24(b[1:]))
	for i := range r.Types {
		r.Types[i] = binary.BigEndian.Uint32(b[4+4*i:])
	}
	return r, nil
}

// Append appends the body.
func (r *TypesRegistration) Append(dst []byte) []byte {
	dst = AppendIDBody(dst, r.ID)
	for _, w := range r.Types {
		dst = binary.BigEndian.AppendUint32(dst, w)
	}
	return dst
}

// FeaturesRegistration is the body of RFF_ID: what a port can do in one FC-4 type.
type FeaturesRegistration struct {
	ID       FCID
	Features uint8 // FC4Target, FC4Initiator
	FC4      uint8
}

// ParseFeaturesRegistration reads an RFF_ID request.
func ParseFeaturesRegistration(c CT) (r FeaturesRegistration, err error) {
	b, err := c.body(8, CTRFFID)
	if err != nil {
		return r, err
	}
	return FeaturesRegistration{ID: FCID(get24(b[1:])), Features: b[6], FC4: b[7]}, nil
}

// Append appends the body.
func (r FeaturesRegistration) Append(dst []byte) []byte {
	return append(AppendIDBody(dst, r.ID), 0, 0, r.Features, r.FC4)
}

// PortRow is a row of a GPN_FT accept.
type PortRow struct {
	ID   FCID
	WWPN WWN
	Last bool
}

const (
	portRowLen = 16
	idRowLen   = 4
)

// NextPortRow reads a row of a GPN_FT accept from the front of rows and returns the rest.
// It reports false when there is no whole row. Rows are 16 bytes, as the header is, so
// that none is split between the frames of a sequence whose payloads are multiples of 16.
func NextPortRow(rows []byte) (row PortRow, rest []byte, ok bool) {
	if len(rows) < portRowLen {
		return row, rows, false
	}
	return PortRow{
		ID:   FCID(get24(rows[1:])),
		WWPN: WWN(binary.BigEndian.Uint64(rows[8:])),
		Last: rows[0]&ctRowLast != 0,
	}, rows[portRowLen:], true
}

// AppendPortRows appends the rows of a GPN_FT accept and marks the last one.
func AppendPortRows(dst []byte, rows ...PortRow) []byte {
	for i, r := range rows {
		var flags byte
		if i == len(rows)-1 {
			flags = ctRowLast
		}
		dst = append24(append(dst, flags), uint32(r.ID))
		dst = binary.BigEndian.AppendUint64(append(dst, 0, 0, 0, 0), uint64(r.WWPN))
	}
	return dst
}

// NextIDRow reads a row of a GID_FT accept from the front of rows and returns the rest.
func NextIDRow(rows []byte) (id FCID, last bool, rest []byte, ok bool) {
	if len(rows) < idRowLen {
		return 0, false, rows, false
	}
	return FCID(get24(rows[1:])), rows[0]&ctRowLast != 0, rows[idRowLen:], true
}

// AppendIDRows appends the rows of a GID_FT accept and marks the last one.
func AppendIDRows(dst []byte, ids ...FCID) []byte {
	for i, id := range ids {
		var flags byte
		if i == len(ids)-1 {
			flags = ctRowLast
		}
		dst = append24(append(dst, flags), uint32(id))
	}
	return dst
}
