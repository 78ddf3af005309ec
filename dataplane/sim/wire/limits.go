package wire

const (
	// BatchFrames is the most that one Receive hands over and one system call sends, so
	// that timers and other work get their turn.
	BatchFrames = 64
	// MaxFrame is the longest frame carried: FCoE needs 2,180 bytes.
	MaxFrame = 2560
	// MinMTU is what an interface must have: the longest FCoE frame, and to spare.
	MinMTU = 2500
	// queueFrames is the send queue: at 2.5 KiB a frame 2.5 MiB.
	queueFrames = 1024

	// The receive ring: slots of 4 KiB, so that the longest FCoE frame, the kernel's
	// header and a reinserted tag fit; 16 MiB in all. At a million frames/s 4 ms.
	ringSlotBytes  = 4096
	ringBlockBytes = 1 << 16
	ringBlocks     = 256
	ringSlots      = ringBlocks * (ringBlockBytes / ringSlotBytes)
	// tagReserve is headroom in front of each received frame for its 802.1Q tag.
	tagReserve = 4
)
