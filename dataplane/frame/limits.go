package frame

// Sizes in bytes. Sources: FC-FS-3 clause 9, FC-BB-6 clause 7, and Linux's fc_fcoe.h.
const (
	// EthHeaderLen is destination, source and EtherType.
	EthHeaderLen = 14
	// TagLen is one 802.1Q tag. Frames with more than one are not looked into.
	TagLen = 4
	// MinFrame is the least Ethernet frame, without its FCS. Whatever is shorter is a
	// runt: it cannot have come from a wire and is passed on unread. 60 bytes are also
	// exactly an untagged FCoE frame with an empty payload, so padding never hides in one.
	MinFrame = 60

	// FCoEHeaderLen is version, reserved bytes and SOF; FCoETrailerLen is CRC, EOF and
	// three reserved bytes.
	FCoEHeaderLen  = 14
	FCoETrailerLen = 8

	// FCHeaderLen is the 24-byte FC header; VFTHeaderLen the one extended header we read.
	FCHeaderLen  = 24
	VFTHeaderLen = 8
	// MaxPayload bounds what follows the FC header. Longer frames are refused as oversize.
	MaxPayload = 2112
	// MaxFCLen is the longest header and payload together, without extended headers.
	MaxFCLen = FCHeaderLen + MaxPayload
	// MaxFCoEFrame is the longest frame Decode accepts: tagged, with a VFT header.
	MaxFCoEFrame = EthHeaderLen + TagLen + FCoEHeaderLen + VFTHeaderLen + MaxFCLen + FCoETrailerLen

	// FIPHeaderLen stands before the descriptors of a FIP frame.
	FIPHeaderLen = 10

	// ELSLoginLen is the payload of FLOGI, PLOGI, FDISC, PDISC and their accepts.
	ELSLoginLen = 116
)
