package frame

import "encoding/binary"

// Where FLOGI, PLOGI, FDISC, PDISC and their accepts keep the names, from the start of the
// payload.
const (
	LoginWWPNOffset = 20
	LoginWWNNOffset = 28
)

// CommonParams are the common service parameters of a login.
type CommonParams struct {
	HighVersion, LowVersion uint8
	BBCredit                uint16
	Features                uint16
	BBData                  uint16 // BB_SC_N in the high four bits, receive size in the rest
	Word2                   uint32 // R_A_TOV (FLOGI accept), or concurrent sequences and relative offset
	EDTOV                   uint32
}

// Feature bits of CommonParams. Some mean different things by command.
const (
	FeatureNPIV          uint16 = 0x8000 // FLOGI: multiple N_Port_IDs; PLOGI: continuously increasing offset
	FeatureRandomOffset  uint16 = 0x4000
	FeatureVendorVersion uint16 = 0x2000
	FeatureFPort         uint16 = 0x1000 // the sender is a fabric
	FeatureEDTOVns       uint16 = 0x0400 // E_D_TOV in nanoseconds
	FeatureLongPayload   uint16 = 0x0001 // the payload has 256 bytes
)

// MaxFrame is the receive data field size, in bytes.
func (c CommonParams) MaxFrame() uint16 { return c.BBData & 0xFFF }

// ClassParams are the service parameters of one class.
type ClassParams struct {
	Class         uint16 // flags; ClassValid
	Initiator     uint16
	Recipient     uint16
	MaxFrame      uint16
	Sequences     uint16 // concurrent
	Credit        uint16 // end to end
	OpenSequences uint16 // per exchange
	Reserved      uint16
}

// Flags of ClassParams.Class.
const (
	ClassValid      uint16 = 0x8000
	ClassSequential uint16 = 0x0800 // sequential delivery
)

// Login is the payload of FLOGI, PLOGI, FDISC and PDISC, and of their accepts. In a
// fabric's accept of FLOGI or FDISC the names are those of the F_Port and the fabric; in
// all other cases those of the sending N_Port.
type Login struct {
	Command    ELSCommand
	Common     CommonParams
	WWPN, WWNN WWN
	Class      [4]ClassParams // classes 1 to 4; Class[2] is class 3
	Vendor     [16]byte
	Rest       []byte // of a long payload
}

// NewLogin is a login in class 3 as Linux sends it: full-size frames, no other class.
func NewLogin(c ELSCommand, wwpn, wwnn WWN) Login {
	l := Login{Command: c, WWPN: wwpn, WWNN: wwnn}
	l.Common = CommonParams{
		HighVersion: 0x20, LowVersion: 0x20, BBCredit: 10,
		Features: FeatureNPIV, BBData: MaxPayload,
	}
	l.Class[2] = ClassParams{Class: ClassValid | ClassSequential}
	if c == ELSPLOGI || c == ELSPDISC {
		l.Common.Word2 = 255<<16 | 0x1F // concurrent sequences; relative offset of every category
		l.Common.EDTOV = EDTOVms
		l.Class[2].MaxFrame, l.Class[2].Sequences, l.Class[2].OpenSequences = MaxPayload, 255, 1
	}
	return l
}

// ParseLogin reads the payload of a login or of its accept.
func ParseLogin(p []byte) (l Login, err error) {
	if err = elsPayload(p, ELSLoginLen, ELSFLOGI, ELSPLOGI, ELSFDISC, ELSPDISC, ELSLSAcc); err != nil {
		return l, err
	}
	l.Command = ELSCommand(p[0])
	l.Common = CommonParams{
		HighVersion: p[4],
		LowVersion:  p[5],
		BBCredit:    binary.BigEndian.Uint16(p[6:]),
		Features:    binary.BigEndian.Uint16(p[8:]),
		BBData:      binary.BigEndian.Uint16(p[10:]),
		Word2:       binary.BigEndian.Uint32(p[12:]),
		EDTOV:       binary.BigEndian.Uint32(p[16:]),
	}
	l.WWPN = WWN(binary.BigEndian.Uint64(p[LoginWWPNOffset:]))
	l.WWNN = WWN(binary.BigEndian.Uint64(p[LoginWWNNOffset:]))
	for i := range l.Class {
		c := p[36+16*i:]
		l.Class[i] = ClassParams{
			Class:         binary.BigEndian.Uint16(c),
			Initiator:     binary.BigEndian.Uint16(c[2:]),
			Recipient:     binary.BigEndian.Uint16(c[4:]),
			MaxFrame:      binary.BigEndian.Uint16(c[6:]),
			Sequences:     binary.BigEndian.Uint16(c[8:]),
			Credit:        binary.BigEndian.Uint16(c[10:]),
			OpenSequences: binary.BigEndian.Uint16(c[12:]),
			Reserved:      binary.BigEndian.Uint16(c[14:]),
		}
	}
	l.Vendor = [16]byte(p[100:116])
	l.Rest = p[ELSLoginLen:]
	return l, nil
}

// Append appends the payload.
func (l *Login) Append(dst []byte) []byte {
	dst = AppendELS(dst, l.Command)
	dst = append(dst, l.Common.HighVersion, l.Common.LowVersion)
	dst = binary.BigEndian.AppendUint16(dst, l.Common.BBCredit)
	dst = binary.BigEndian.AppendUint16(dst, l.Common.Features)
	dst = binary.BigEndian.AppendUint16(dst, l.Common.BBData)
	dst = binary.BigEndian.AppendUint32(dst, l.Common.Word2)
	dst = binary.BigEndian.AppendUint32(dst, l.Common.EDTOV)
	dst = binary.BigEndian.AppendUint64(dst, uint64(l.WWPN))
	dst = binary.BigEndian.AppendUint64(dst, uint64(l.WWNN))
	for _, c := range l.Class {
		for _, v := range [...]uint16{c.Class, c.Initiator, c.Recipient, c.MaxFrame,
			c.Sequences, c.Credit, c.OpenSequences, c.Reserved} {
			dst = binary.BigEndian.AppendUint16(dst, v)
		}
	}
	dst = append(dst, l.Vendor[:]...)
	return append(dst, l.Rest...)
}

// Flags of a service parameter page; PRLI's response code is in the low four bits.
const (
	PageOriginatorPA   uint8 = 0x80 // originator process associator valid
	PageResponderPA    uint8 = 0x40
	PageEstablishImage uint8 = 0x20 // PRLI: establish an image pair; TPRLO: port ID valid
	PageGlobal         uint8 = 0x10 // TPRLO: every port
	PageResponseMask   uint8 = 0x0F
	PageExecuted       uint8 = 1
)

// FCP service parameters of a PRLI page.
const (
	FCPParamRetry       uint32 = 0x100
	FCPParamConfirmed   uint32 = 0x080
	FCPParamDataOverlay uint32 = 0x040
	FCPParamInitiator   uint32 = 0x020
	FCPParamTarget      uint32 = 0x010
	FCPParamReadXferOff uint32 = 0x002 // no FCP_XFER_RDY for reads
)

const processPageLen = 16

// ServicePage is a page of PRLI, PRLO or TPRLO.
type ServicePage struct {
	Type, TypeExt, Flags uint8
	OriginatorPA         uint32
	ResponderPA          uint32
	Params               uint32 // FCP parameters; in TPRLO the third party's N_Port_ID
}

// ProcessLogin is PRLI, PRLO or TPRLO, or the accept of one.
type ProcessLogin struct {
	Command ELSCommand
	pages   []byte
}

// ParseProcessLogin reads PRLI, PRLO, TPRLO or an accept. The length fields must agree
// with the payload, and a page must have 16 bytes.
func ParseProcessLogin(p []byte) (l ProcessLogin, err error) {
	if err = elsPayload(p, 4, ELSPRLI, ELSPRLO, ELSTPRLO, ELSLSAcc); err != nil {
		return l, err
	}
	size := int(binary.BigEndian.Uint16(p[2:]))
	if p[1] != processPageLen || size > len(p) || size < 4 || (size-4)%processPageLen != 0 {
		return l, ErrELSLength
	}
	return ProcessLogin{Command: ELSCommand(p[0]), pages: p[4:size]}, nil
}

// Len is the number of pages.
func (l ProcessLogin) Len() int { return len(l.pages) / processPageLen }

// Page is page i, 0 ≤ i < Len().
func (l ProcessLogin) Page(i int) ServicePage {
	p := l.pages[i*processPageLen : (i+1)*processPageLen]
	return ServicePage{
		Type: p[0], TypeExt: p[1], Flags: p[2],
		OriginatorPA: binary.BigEndian.Uint32(p[4:]),
		ResponderPA:  binary.BigEndian.Uint32(p[8:]),
		Params:       binary.BigEndian.Uint32(p[12:]),
	}
}

// FCP is the first page of TYPE FCP.
func (l ProcessLogin) FCP() (ServicePage, bool) {
	for i := range l.Len() {
		if page := l.Page(i); page.Type == TypeFCP {
			return page, true
		}
	}
	return ServicePage{}, false
}

// ThirdParty is the port that a TPRLO page logs out.
func (s ServicePage) ThirdParty() FCID { return FCID(s.Params & 0xFFFFFF) }

// AppendProcessLogin appends a PRLI, PRLO or TPRLO, or an accept (LS_ACC).
func AppendProcessLogin(dst []byte, c ELSCommand, pages ...ServicePage) []byte {
	dst = append(dst, byte(c), processPageLen)
	dst = binary.BigEndian.AppendUint16(dst, uint16(4+len(pages)*processPageLen))
	for _, s := range pages {
		dst = append(dst, s.Type, s.TypeExt, s.Flags, 0)
		dst = binary.BigEndian.AppendUint32(dst, s.OriginatorPA)
		dst = binary.BigEndian.AppendUint32(dst, s.ResponderPA)
		dst = binary.BigEndian.AppendUint32(dst, s.Params)
	}
	return dst
}
