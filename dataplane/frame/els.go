package frame

import (
	"encoding/binary"
	"errors"
)

// ELSCommand is byte 0 of an extended link service payload (FC-LS-3, Linux's fc_els.h).
type ELSCommand uint8

// Commands.
const (
	ELSLSRjt    ELSCommand = 0x01
	ELSLSAcc    ELSCommand = 0x02
	ELSPLOGI    ELSCommand = 0x03
	ELSFLOGI    ELSCommand = 0x04
	ELSLOGO     ELSCommand = 0x05
	ELSABTX     ELSCommand = 0x06
	ELSRES      ELSCommand = 0x08
	ELSRSS      ELSCommand = 0x09
	ELSRSI      ELSCommand = 0x0A
	ELSRTV      ELSCommand = 0x0E
	ELSRLS      ELSCommand = 0x0F
	ELSRRQ      ELSCommand = 0x12
	ELSREC      ELSCommand = 0x13
	ELSSRR      ELSCommand = 0x14
	ELSPRLI     ELSCommand = 0x20
	ELSPRLO     ELSCommand = 0x21
	ELSTPRLO    ELSCommand = 0x24
	ELSPDISC    ELSCommand = 0x50
	ELSFDISC    ELSCommand = 0x51
	ELSADISC    ELSCommand = 0x52
	ELSFARPReq  ELSCommand = 0x54
	ELSFARPRepl ELSCommand = 0x55
	ELSFAN      ELSCommand = 0x60
	ELSRSCN     ELSCommand = 0x61
	ELSSCR      ELSCommand = 0x62
	ELSRNID     ELSCommand = 0x78
	ELSRLIR     ELSCommand = 0x79
	ELSSRL      ELSCommand = 0x7B
	ELSEVFP     ELSCommand = 0x7F
	ELSLKA      ELSCommand = 0x80
	ELSAuth     ELSCommand = 0x90
)

var elsNames = map[ELSCommand]string{
	ELSLSRjt: "LS_RJT", ELSLSAcc: "LS_ACC", ELSPLOGI: "PLOGI", ELSFLOGI: "FLOGI",
	ELSLOGO: "LOGO", ELSABTX: "ABTX", ELSRES: "RES", ELSRSS: "RSS", ELSRSI: "RSI",
	ELSRTV: "RTV", ELSRLS: "RLS", ELSRRQ: "RRQ", ELSREC: "REC", ELSSRR: "SRR",
	ELSPRLI: "PRLI", ELSPRLO: "PRLO", ELSTPRLO: "TPRLO", ELSPDISC: "PDISC",
	ELSFDISC: "FDISC", ELSADISC: "ADISC", ELSFARPReq: "FARP-REQ", ELSFARPRepl: "FARP-REPLY",
	ELSFAN: "FAN", ELSRSCN: "RSCN", ELSSCR: "SCR", ELSRNID: "RNID", ELSRLIR: "RLIR",
	ELSSRL: "SRL", ELSEVFP: "EVFP", ELSLKA: "LKA", ELSAuth: "AUTH_ELS",
}

// String is the standard's name, or "unknown".
func (c ELSCommand) String() string {
	if s, ok := elsNames[c]; ok {
		return s
	}
	return "unknown"
}

// Known reports a command that this package can parse.
func (c ELSCommand) Known() bool { return elsNames[c] != "" }

// CarriesAddress reports that the payload of the request or of its accept holds an
// N_Port_ID or a name, so that an address rewriter has to change the payload as well. An
// unknown command may hold one too.
func (c ELSCommand) CarriesAddress() bool {
	switch c {
	case ELSABTX, ELSADISC, ELSFARPReq, ELSFARPRepl, ELSLOGO, ELSPLOGI, ELSFLOGI, ELSPRLO,
		ELSREC, ELSRES, ELSRLS, ELSRSS, ELSRRQ, ELSRSI, ELSSRL, ELSTPRLO, ELSRSCN,
		ELSPDISC, ELSFDISC, ELSRNID, ELSFAN, ELSRLIR, ELSEVFP:
		return true
	}
	return false
}

// What the ELS parsers refuse. The errors are shared and allocate nothing; whoever logs
// one knows the command.
var (
	ErrELSShort   = errors.New("parse ELS: payload too short for its command")
	ErrELSCommand = errors.New("parse ELS: payload has another command")
	ErrELSLength  = errors.New("parse ELS: length field does not agree with the payload")
)

// CommandOf is the command of a payload; false for an empty one. A reply says only LS_ACC
// or LS_RJT: what it answers is known from the exchange's request.
func CommandOf(payload []byte) (ELSCommand, bool) {
	if len(payload) == 0 {
		return 0, false
	}
	return ELSCommand(payload[0]), true
}

// elsPayload checks the length and that the command is one of those allowed.
func elsPayload(p []byte, size int, allowed ...ELSCommand) error {
	if len(p) < size || len(p) == 0 {
		return ErrELSShort
	}
	for _, c := range allowed {
		if ELSCommand(p[0]) == c {
			return nil
		}
	}
	return ErrELSCommand
}

// AppendELS appends a command whose payload is only itself: RTV, LKA, and the plain accept
// (LS_ACC) of LOGO, SCR, RRQ, RSCN, SRR and LKA.
func AppendELS(dst []byte, c ELSCommand) []byte { return append(dst, byte(c), 0, 0, 0) }

// ParsePlain reads such a payload.
func ParsePlain(p []byte) (ELSCommand, error) {
	if len(p) < 4 {
		return 0, ErrELSShort
	}
	return ELSCommand(p[0]), nil
}

// Reasons and explanations of LS_RJT.
const (
	RjtInvalidCommand uint8 = 0x01
	RjtLogical        uint8 = 0x03
	RjtBusy           uint8 = 0x05
	RjtProtocol       uint8 = 0x07
	RjtUnable         uint8 = 0x09
	RjtUnsupported    uint8 = 0x0B
	RjtInProgress     uint8 = 0x0E

	ExplNone          uint8 = 0x00
	ExplInvalidSID    uint8 = 0x15
	ExplInvalidXID    uint8 = 0x17
	ExplInProgress    uint8 = 0x19
	ExplPLOGIRequired uint8 = 0x1E
	ExplNoResources   uint8 = 0x29
	ExplUnableData    uint8 = 0x2A
	ExplNotSupported  uint8 = 0x2C
	ExplInvalidLength uint8 = 0x2D
	ExplNotNeighbor   uint8 = 0x62
)

// LSRjt rejects a request.
type LSRjt struct {
	Reason, Explanation, Vendor uint8
}

// ParseLSRjt reads an LS_RJT.
func ParseLSRjt(p []byte) (r LSRjt, err error) {
	if err = elsPayload(p, 8, ELSLSRjt); err != nil {
		return r, err
	}
	return LSRjt{Reason: p[5], Explanation: p[6], Vendor: p[7]}, nil
}

// Append appends the payload.
func (r LSRjt) Append(dst []byte) []byte {
	return append(AppendELS(dst, ELSLSRjt), 0, r.Reason, r.Explanation, r.Vendor)
}

// Logo logs a port out: of the fabric, or of a session.
type Logo struct {
	PortID FCID
	WWPN   WWN
}

// ParseLogo reads a LOGO request. Its accept is plain.
func ParseLogo(p []byte) (l Logo, err error) {
	if err = elsPayload(p, 16, ELSLOGO); err != nil {
		return l, err
	}
	return Logo{PortID: FCID(get24(p[5:])), WWPN: WWN(binary.BigEndian.Uint64(p[8:]))}, nil
}

// Append appends the payload.
func (l Logo) Append(dst []byte) []byte {
	dst = append24(append(AppendELS(dst, ELSLOGO), 0), uint32(l.PortID))
	return binary.BigEndian.AppendUint64(dst, uint64(l.WWPN))
}

// Adisc confirms a port's address and names; request (ADISC) and accept (LS_ACC) have the
// same shape, each naming its sender.
type Adisc struct {
	Command     ELSCommand
	HardAddress FCID
	WWPN, WWNN  WWN
	PortID      FCID
}

// ParseAdisc reads an ADISC or its accept.
func ParseAdisc(p []byte) (a Adisc, err error) {
	if err = elsPayload(p, 28, ELSADISC, ELSLSAcc); err != nil {
		return a, err
	}
	return Adisc{
		Command:     ELSCommand(p[0]),
		HardAddress: FCID(get24(p[5:])),
		WWPN:        WWN(binary.BigEndian.Uint64(p[8:])),
		WWNN:        WWN(binary.BigEndian.Uint64(p[16:])),
		PortID:      FCID(get24(p[25:])),
	}, nil
}

// Append appends the payload.
func (a Adisc) Append(dst []byte) []byte {
	dst = append24(append(AppendELS(dst, a.Command), 0), uint32(a.HardAddress))
	dst = binary.BigEndian.AppendUint64(dst, uint64(a.WWPN))
	dst = binary.BigEndian.AppendUint64(dst, uint64(a.WWNN))
	return append24(append(dst, 0), uint32(a.PortID))
}

// Exchange names an exchange in the payload: the requests ABTX, RES, RSS, RSI, RRQ and
// REC, which are exchanges of their own.
type Exchange struct {
	Command    ELSCommand
	Qualifier  uint8 // recovery qualifier status (ABTX, RSI), SEQ_ID (RSS), else reserved
	Originator FCID
	OXID, RXID uint16
	Rest       []byte // an association header in ABTX, RES and RRQ
}

// ParseExchange reads one of the six requests. That RSI puts OX_ID first is unchecked.
func ParseExchange(p []byte) (x Exchange, err error) {
	if err = elsPayload(p, 12, ELSABTX, ELSRES, ELSRSS, ELSRSI, ELSRRQ, ELSREC); err != nil {
		return x, err
	}
	return Exchange{
		Command:    ELSCommand(p[0]),
		Qualifier:  p[4],
		Originator: FCID(get24(p[5:])),
		OXID:       binary.BigEndian.Uint16(p[8:]),
		RXID:       binary.BigEndian.Uint16(p[10:]),
		Rest:       p[12:],
	}, nil
}

// Append appends the payload.
func (x Exchange) Append(dst []byte) []byte {
	dst = append24(append(AppendELS(dst, x.Command), x.Qualifier), uint32(x.Originator))
	dst = binary.BigEndian.AppendUint16(dst, x.OXID)
	dst = binary.BigEndian.AppendUint16(dst, x.RXID)
	return append(dst, x.Rest...)
}

// RECAcc tells the state of the exchange that an REC asked for.
type RECAcc struct {
	OXID, RXID            uint16
	Originator, Responder FCID
	FC4Value              uint32 // FCP: bytes transferred
	Status                uint32 // E_STAT
}

// Bits of E_STAT.
const (
	EStatResponder  uint32 = 1 << 31
	EStatInitiative uint32 = 1 << 30
	EStatComplete   uint32 = 1 << 29
	EStatAbnormal   uint32 = 1 << 28
)

// ParseRECAcc reads the accept of an REC.
func ParseRECAcc(p []byte) (r RECAcc, err error) {
	if err = elsPayload(p, 24, ELSLSAcc); err != nil {
		return r, err
	}
	return RECAcc{
		OXID:       binary.BigEndian.Uint16(p[4:]),
		RXID:       binary.BigEndian.Uint16(p[6:]),
		Originator: FCID(get24(p[9:])),
		Responder:  FCID(get24(p[13:])),
		FC4Value:   binary.BigEndian.Uint32(p[16:]),
		Status:     binary.BigEndian.Uint32(p[20:]),
	}, nil
}

// Append appends the payload.
func (r RECAcc) Append(dst []byte) []byte {
	dst = AppendELS(dst, ELSLSAcc)
	dst = binary.BigEndian.AppendUint16(dst, r.OXID)
	dst = binary.BigEndian.AppendUint16(dst, r.RXID)
	dst = append24(append(dst, 0), uint32(r.Originator))
	dst = append24(append(dst, 0), uint32(r.Responder))
	dst = binary.BigEndian.AppendUint32(dst, r.FC4Value)
	return binary.BigEndian.AppendUint32(dst, r.Status)
}

// SRR asks for a sequence again (FCP-2). It travels as an FC-4 link service: R_CTL 32,
// TYPE FCP, in an exchange of its own.
type SRR struct {
	OXID, RXID uint16
	Offset     uint32 // relative offset to start again from
	RCtl       uint8  // of the sequence wanted
}

// ParseSRR reads an SRR.
func ParseSRR(p []byte) (s SRR, err error) {
	if err = elsPayload(p, 16, ELSSRR); err != nil {
		return s, err
	}
	return SRR{
		OXID:   binary.BigEndian.Uint16(p[4:]),
		RXID:   binary.BigEndian.Uint16(p[6:]),
		Offset: binary.BigEndian.Uint32(p[8:]),
		RCtl:   p[12],
	}, nil
}

// Append appends the payload.
func (s SRR) Append(dst []byte) []byte {
	dst = AppendELS(dst, ELSSRR)
	dst = binary.BigEndian.AppendUint16(dst, s.OXID)
	dst = binary.BigEndian.AppendUint16(dst, s.RXID)
	dst = binary.BigEndian.AppendUint32(dst, s.Offset)
	return append(dst, s.RCtl, 0, 0, 0)
}
