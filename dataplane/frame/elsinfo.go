package frame

import "encoding/binary"

// This file holds the link services that ask and tell: time-outs, status, changes.

// RTVAcc is the accept of RTV, whose request is plain. Times are in milliseconds unless
// Qualifier says otherwise.
type RTVAcc struct {
	RATOV, EDTOV uint32
	Qualifier    uint32 // RTVNanoseconds, …
}

// RTVNanoseconds in the qualifier: E_D_TOV is in nanoseconds.
const RTVNanoseconds uint32 = 1 << 26

// ParseRTVAcc reads the accept of an RTV.
func ParseRTVAcc(p []byte) (r RTVAcc, err error) {
	if err = elsPayload(p, 16, ELSLSAcc); err != nil {
		return r, err
	}
	return RTVAcc{
		RATOV:     binary.BigEndian.Uint32(p[4:]),
		EDTOV:     binary.BigEndian.Uint32(p[8:]),
		Qualifier: binary.BigEndian.Uint32(p[12:]),
	}, nil
}

// Append appends the payload.
func (r RTVAcc) Append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(AppendELS(dst, ELSLSAcc), r.RATOV)
	dst = binary.BigEndian.AppendUint32(dst, r.EDTOV)
	return binary.BigEndian.AppendUint32(dst, r.Qualifier)
}

// RLS asks for the link errors of a port.
type RLS struct{ PortID FCID }

// ParseRLS reads an RLS request.
func ParseRLS(p []byte) (r RLS, err error) {
	if err = elsPayload(p, 8, ELSRLS); err != nil {
		return r, err
	}
	return RLS{PortID: FCID(get24(p[5:]))}, nil
}

// Append appends the payload.
func (r RLS) Append(dst []byte) []byte {
	return append24(append(AppendELS(dst, ELSRLS), 0), uint32(r.PortID))
}

// RLSAcc is the link error status block.
type RLSAcc struct {
	LinkFailures, SyncLosses, SignalLosses, PrimitiveErrors, InvalidWords, InvalidCRCs uint32
}

// ParseRLSAcc reads the accept of an RLS.
func ParseRLSAcc(p []byte) (r RLSAcc, err error) {
	if err = elsPayload(p, 28, ELSLSAcc); err != nil {
		return r, err
	}
	return RLSAcc{
		LinkFailures:    binary.BigEndian.Uint32(p[4:]),
		SyncLosses:      binary.BigEndian.Uint32(p[8:]),
		SignalLosses:    binary.BigEndian.Uint32(p[12:]),
		PrimitiveErrors: binary.BigEndian.Uint32(p[16:]),
		InvalidWords:    binary.BigEndian.Uint32(p[20:]),
		InvalidCRCs:     binary.BigEndian.Uint32(p[24:]),
	}, nil
}

// Append appends the payload.
func (r RLSAcc) Append(dst []byte) []byte {
	dst = AppendELS(dst, ELSLSAcc)
	for _, v := range [...]uint32{r.LinkFailures, r.SyncLosses, r.SignalLosses,
		r.PrimitiveErrors, r.InvalidWords, r.InvalidCRCs} {
		dst = binary.BigEndian.AppendUint32(dst, v)
	}
	return dst
}

// RESAcc begins an exchange status block: the layout of Linux's struct fc_esb, unchecked
// on a wire. Rest has the service parameters and sequence status blocks.
type RESAcc struct {
	CSCtl                 uint8
	OXID, RXID            uint16
	Originator, Responder FCID
	Status                uint32 // E_STAT
	Rest                  []byte
}

// ParseRESAcc reads the accept of an RES.
func ParseRESAcc(p []byte) (r RESAcc, err error) {
	if err = elsPayload(p, 25, ELSLSAcc); err != nil {
		return r, err
	}
	return RESAcc{
		CSCtl:      p[4],
		OXID:       binary.BigEndian.Uint16(p[5:]),
		RXID:       binary.BigEndian.Uint16(p[7:]),
		Originator: FCID(get24(p[10:])),
		Responder:  FCID(get24(p[14:])),
		Status:     binary.BigEndian.Uint32(p[17:]),
		Rest:       p[25:],
	}, nil
}

// Append appends the payload. It need not be a multiple of 4: see AppendFill.
func (r RESAcc) Append(dst []byte) []byte {
	dst = append(AppendELS(dst, ELSLSAcc), r.CSCtl)
	dst = binary.BigEndian.AppendUint16(dst, r.OXID)
	dst = binary.BigEndian.AppendUint16(dst, r.RXID)
	dst = append24(append(dst, 0), uint32(r.Originator))
	dst = append24(append(dst, 0), uint32(r.Responder))
	dst = binary.BigEndian.AppendUint32(dst, r.Status)
	return append(append(dst, 0, 0, 0, 0), r.Rest...)
}

// RSSAcc is a sequence status block: the layout of Linux's struct fc_ssb, unchecked on a
// wire.
type RSSAcc struct {
	SeqID                            uint8
	LowCount, HighCount, Status, Err uint16
	CSCtl                            uint8
	OXID, RXID                       uint16
}

const rssAccLen = 4 + 17

// ParseRSSAcc reads the accept of an RSS.
func ParseRSSAcc(p []byte) (r RSSAcc, err error) {
	if err = elsPayload(p, rssAccLen, ELSLSAcc); err != nil {
		return r, err
	}
	return RSSAcc{
		SeqID:     p[4],
		LowCount:  binary.BigEndian.Uint16(p[6:]),
		HighCount: binary.BigEndian.Uint16(p[8:]),
		Status:    binary.BigEndian.Uint16(p[10:]),
		Err:       binary.BigEndian.Uint16(p[12:]),
		CSCtl:     p[14],
		OXID:      binary.BigEndian.Uint16(p[15:]),
		RXID:      binary.BigEndian.Uint16(p[17:]),
	}, nil
}

// Append appends the 21 bytes of the payload; see AppendFill.
func (r RSSAcc) Append(dst []byte) []byte {
	dst = append(AppendELS(dst, ELSLSAcc), r.SeqID, 0)
	dst = binary.BigEndian.AppendUint16(dst, r.LowCount)
	dst = binary.BigEndian.AppendUint16(dst, r.HighCount)
	dst = binary.BigEndian.AppendUint16(dst, r.Status)
	dst = binary.BigEndian.AppendUint16(dst, r.Err)
	dst = append(dst, r.CSCtl)
	dst = binary.BigEndian.AppendUint16(dst, r.OXID)
	dst = binary.BigEndian.AppendUint16(dst, r.RXID)
	return append(dst, 0, 0)
}

// AppendFill brings a payload to a multiple of 4 and returns the F_CTL bits that say how
// many bytes were added.
func AppendFill(payload []byte) (filled []byte, fctl uint32) {
	n := -len(payload) & 3
	return append(payload, make([]byte, n)...), uint32(n)
}

// RSCNPage is one address whose state has changed.
type RSCNPage struct {
	Event  uint8 // RSCN…
	Format uint8 // Scope…
	ID     FCID
}

// RSCN events, and how much of the address counts.
const (
	RSCNUnspecified   uint8 = 0
	RSCNNameServer    uint8 = 1
	RSCNPortAttribute uint8 = 2
	RSCNServiceObject uint8 = 3
	RSCNSwitchConfig  uint8 = 4
	RSCNRemoved       uint8 = 5

	ScopePort   uint8 = 0
	ScopeArea   uint8 = 1
	ScopeDomain uint8 = 2
	ScopeFabric uint8 = 3
)

// Covers reports whether the page speaks of an address.
func (r RSCNPage) Covers(id FCID) bool {
	switch r.Format {
	case ScopePort:
		return id == r.ID
	case ScopeArea:
		return id>>8 == r.ID>>8
	case ScopeDomain:
		return id>>16 == r.ID>>16
	}
	return true
}

// RSCN is a registered state change notification.
type RSCN struct{ pages []byte }

// ParseRSCN reads an RSCN request; its accept is plain.
func ParseRSCN(p []byte) (r RSCN, err error) {
	if err = elsPayload(p, 4, ELSRSCN); err != nil {
		return r, err
	}
	size := int(binary.BigEndian.Uint16(p[2:]))
	if p[1] != 4 || size < 4 || size > len(p) || size%4 != 0 {
		return r, ErrELSLength
	}
	return RSCN{pages: p[4:size]}, nil
}

// Len is the number of pages.
func (r RSCN) Len() int { return len(r.pages) / 4 }

// Page is page i, 0 ≤ i < Len().
func (r RSCN) Page(i int) RSCNPage {
	p := r.pages[4*i:]
	return RSCNPage{Event: p[0] >> 2 & 0xF, Format: p[0] & 3, ID: FCID(get24(p[1:4]))}
}

// AppendRSCN appends an RSCN.
func AppendRSCN(dst []byte, pages ...RSCNPage) []byte {
	dst = append(dst, byte(ELSRSCN), 4)
	dst = binary.BigEndian.AppendUint16(dst, uint16(4+4*len(pages)))
	for _, r := range pages {
		dst = append24(append(dst, r.Event&0xF<<2|r.Format&3), uint32(r.ID))
	}
	return dst
}

// SCR registers for state change notifications.
type SCR struct{ Function uint8 }

// Functions of SCR.
const (
	SCRFabric uint8 = 1
	SCRNPort  uint8 = 2
	SCRFull   uint8 = 3
	SCRClear  uint8 = 255
)

// ParseSCR reads an SCR request; its accept is plain.
func ParseSCR(p []byte) (s SCR, err error) {
	if err = elsPayload(p, 8, ELSSCR); err != nil {
		return s, err
	}
	return SCR{Function: p[7]}, nil
}

// Append appends the payload.
func (s SCR) Append(dst []byte) []byte { return append(AppendELS(dst, ELSSCR), 0, 0, 0, s.Function) }

// FARP finds the port of an IP address or a name; request and reply have one shape.
type FARP struct {
	Command                      ELSCommand
	MatchCode                    uint8
	Requester                    FCID
	Action                       uint8
	Responder                    FCID
	RequesterWWPN, RequesterWWNN WWN
	ResponderWWPN, ResponderWWNN WWN
	RequesterIP, ResponderIP     [16]byte
}

// ParseFARP reads a FARP request or reply.
func ParseFARP(p []byte) (f FARP, err error) {
	if err = elsPayload(p, 76, ELSFARPReq, ELSFARPRepl); err != nil {
		return f, err
	}
	return FARP{
		Command:       ELSCommand(p[0]),
		MatchCode:     p[4],
		Requester:     FCID(get24(p[5:])),
		Action:        p[8],
		Responder:     FCID(get24(p[9:])),
		RequesterWWPN: WWN(binary.BigEndian.Uint64(p[12:])),
		RequesterWWNN: WWN(binary.BigEndian.Uint64(p[20:])),
		ResponderWWPN: WWN(binary.BigEndian.Uint64(p[28:])),
		ResponderWWNN: WWN(binary.BigEndian.Uint64(p[36:])),
		RequesterIP:   [16]byte(p[44:60]),
		ResponderIP:   [16]byte(p[60:76]),
	}, nil
}

// Append appends the payload.
func (f FARP) Append(dst []byte) []byte {
	dst = append24(append(AppendELS(dst, f.Command), f.MatchCode), uint32(f.Requester))
	dst = append24(append(dst, f.Action), uint32(f.Responder))
	for _, w := range [...]WWN{f.RequesterWWPN, f.RequesterWWNN, f.ResponderWWPN, f.ResponderWWNN} {
		dst = binary.BigEndian.AppendUint64(dst, uint64(w))
	}
	return append(append(dst, f.RequesterIP[:]...), f.ResponderIP[:]...)
}

// FAN tells a loop port which fabric it is in.
type FAN struct {
	FabricID               FCID
	FabricPort, FabricName WWN
}

// ParseFAN reads a FAN.
func ParseFAN(p []byte) (f FAN, err error) {
	if err = elsPayload(p, 24, ELSFAN); err != nil {
		return f, err
	}
	return FAN{
		FabricID:   FCID(get24(p[5:])),
		FabricPort: WWN(binary.BigEndian.Uint64(p[8:])),
		FabricName: WWN(binary.BigEndian.Uint64(p[16:])),
	}, nil
}

// Append appends the payload.
func (f FAN) Append(dst []byte) []byte {
	dst = append24(append(AppendELS(dst, ELSFAN), 0), uint32(f.FabricID))
	dst = binary.BigEndian.AppendUint64(dst, uint64(f.FabricPort))
	return binary.BigEndian.AppendUint64(dst, uint64(f.FabricName))
}
