package frame

// EtherTypes.
const (
	EtherTypeVLAN   uint16 = 0x8100
	EtherTypeSTag   uint16 = 0x88A8
	EtherTypeOldTag uint16 = 0x9100 // double tagging from before 802.1ad
	EtherTypeFCoE   uint16 = 0x8906
	EtherTypeFIP    uint16 = 0x8914
)

// Starts of frame, as the FCoE header codes them (FC-BB-6, Linux's fc_fcoe.h).
const (
	SOFf  uint8 = 0x28
	SOFi4 uint8 = 0x29
	SOFi2 uint8 = 0x2D
	SOFi3 uint8 = 0x2E // class 3, first frame of a sequence
	SOFn4 uint8 = 0x31
	SOFn2 uint8 = 0x35
	SOFn3 uint8 = 0x36 // class 3, later frames
	SOFc4 uint8 = 0x39
)

// Ends of frame.
const (
	EOFn   uint8 = 0x41 // more frames of the sequence follow
	EOFt   uint8 = 0x42 // last of the sequence
	EOFrt  uint8 = 0x44
	EOFdt  uint8 = 0x46
	EOFni  uint8 = 0x49 // from here on: the frame is invalid or aborted
	EOFdti uint8 = 0x4E
	EOFrti uint8 = 0x4F
	EOFa   uint8 = 0x50
)

// SOFInitiates reports that the frame opens a sequence. SOF must be a known one.
func SOFInitiates(sof uint8) bool { return sof < 0x30 }

// SOFClass is the class of service: 2, 3 or 4; class F is 0xF; 0 for an unknown SOF.
func SOFClass(sof uint8) uint8 {
	switch sof {
	case SOFi3, SOFn3:
		return 3
	case SOFi2, SOFn2:
		return 2
	case SOFi4, SOFn4, SOFc4:
		return 4
	case SOFf:
		return 0xF
	}
	return 0
}

// R_CTL values (FC-FS-3, Linux's fc_fs.h).
const (
	RCtlUncategorized   uint8 = 0x00
	RCtlSolicitedData   uint8 = 0x01 // FCP_DATA
	RCtlUnsolicitedCtl  uint8 = 0x02 // CT request
	RCtlSolicitedCtl    uint8 = 0x03 // CT answer
	RCtlUnsolicitedData uint8 = 0x04
	RCtlDataDescriptor  uint8 = 0x05 // FCP_XFER_RDY
	RCtlUnsolicitedCmd  uint8 = 0x06 // FCP_CMND
	RCtlCommandStatus   uint8 = 0x07 // FCP_RSP
	RCtlELSRequest      uint8 = 0x22
	RCtlELSReply        uint8 = 0x23
	RCtlFC4ELSRequest   uint8 = 0x32 // SRR
	RCtlFC4ELSReply     uint8 = 0x33
	RCtlVFT             uint8 = 0x50 // extended header: virtual fabric tag
	RCtlIFR             uint8 = 0x51 // extended header: inter-fabric routing
	RCtlEncapsulation   uint8 = 0x52 // extended header
	RCtlBasicNOP        uint8 = 0x80
	RCtlABTS            uint8 = 0x81
	RCtlRMC             uint8 = 0x82
	RCtlBAAcc           uint8 = 0x84
	RCtlBARjt           uint8 = 0x85
	RCtlPRMT            uint8 = 0x86
	RCtlACK1            uint8 = 0xC0
	RCtlACK0            uint8 = 0xC1
	RCtlPRjt            uint8 = 0xC2
	RCtlFRjt            uint8 = 0xC3
	RCtlPBsy            uint8 = 0xC4
	RCtlFBsy            uint8 = 0xC5
	RCtlFBsyLink        uint8 = 0xC6
	RCtlLinkCreditReset uint8 = 0xC7
	RCtlEnd             uint8 = 0xC9
)

// TYPE values.
const (
	TypeBLS  uint8 = 0x00
	TypeELS  uint8 = 0x01
	TypeIP   uint8 = 0x05
	TypeFCP  uint8 = 0x08
	TypeCT   uint8 = 0x20
	TypeILS  uint8 = 0x22 // between switches
	TypeNVMe uint8 = 0x28
)

// F_CTL bits.
const (
	FCtlExchangeContext uint32 = 1 << 23 // set: sent by the exchange's responder
	FCtlSequenceContext uint32 = 1 << 22
	FCtlFirstSequence   uint32 = 1 << 21
	FCtlLastSequence    uint32 = 1 << 20
	FCtlEndSequence     uint32 = 1 << 19
	FCtlEndConnection   uint32 = 1 << 18
	FCtlPriority        uint32 = 1 << 17
	FCtlSequenceInit    uint32 = 1 << 16 // transfer of sequence initiative
	FCtlReassigned      uint32 = 1 << 15
	FCtlInvalidated     uint32 = 1 << 14
	FCtlRetransmitted   uint32 = 1 << 9
	FCtlUnidirectional  uint32 = 1 << 8
	FCtlRelativeOffset  uint32 = 1 << 3 // the parameter is a relative offset
	FCtlFillMask        uint32 = 3      // fill bytes at the payload's end
)

// F_CTL of the frames of an exchange, as Linux sends them.
const (
	FCtlRequest   = FCtlFirstSequence | FCtlEndSequence | FCtlSequenceInit     // 0x290000
	FCtlReply     = FCtlExchangeContext | FCtlLastSequence | FCtlEndSequence   // 0x980000: FCP_RSP, CT
	FCtlELSReply  = FCtlReply | FCtlSequenceInit                               // 0x990000: ELS and BLS
	FCtlXferReady = FCtlExchangeContext | FCtlEndSequence | FCtlSequenceInit   // 0x890000
	FCtlWriteData = FCtlRelativeOffset                                         // 0x000008
	FCtlLastWrite = FCtlEndSequence | FCtlSequenceInit | FCtlRelativeOffset    // 0x090008
	FCtlReadData  = FCtlExchangeContext | FCtlRelativeOffset                   // 0x800008
	FCtlLastRead  = FCtlExchangeContext | FCtlEndSequence | FCtlRelativeOffset // 0x880008
)

// DF_CTL bits: optional headers, which Decode counts to the payload. FCP, ELS and CT
// frames carry none; a parser of their payloads should be given only frames with DF_CTL 0.
const (
	DFCtlESP     uint8 = 0x40
	DFCtlNetwork uint8 = 0x20
	DFCtlDevice  uint8 = 0x03
)

// UnknownXID is the RX_ID of an exchange whose responder has not answered yet.
const UnknownXID uint16 = 0xFFFF

// Default timers of FC-FS-3, in milliseconds.
const (
	EDTOVms = 2000
	RATOVms = 10000
)
