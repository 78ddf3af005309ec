package dpdk

// Limits of a Cycle. They are mirrored in cycle.h, and a test compares the two.
const (
	// BurstMax bounds one receive burst. Only the entries in use are touched, so room for 64 costs
	// nothing while the lcore asks for 32.
	BurstMax = 64
	// TxMax bounds the transmit queues of one Cycle: one bit each in RxGate. 2 KiB apiece.
	TxMax = 16
	// TxFramesMax bounds the frames that wait in one transmit queue: a remainder, a burst of originals
	// and a burst of mirror copies fit. A copy that finds the queue full is not made and counted in
	// CloneFailed; originals are the lcore's to bound. A power of two, so that a mask bounds an index.
	TxFramesMax = 256
	// RxMax bounds the queues that one Run may poll.
	RxMax = 16
	// CloneMax bounds the mirror copies of one Run: one for each frame of a burst.
	CloneMax = 64
	// FreeMax bounds the frames given back in one Run: a stalled queue fits.
	FreeMax = 256
)

const (
	// FrameMax is the longest frame a Ring takes or gives: a jumbo frame. FCoE needs 2,180.
	FrameMax = 9216
	// ringBurstMax bounds the frames of one crossing of Ring.EnqueueBurst and DequeueBurst.
	ringBurstMax = 256
	// logBytesMax bounds what is kept of DPDK's messages until somebody takes them; what comes on
	// top is dropped and counted.
	logBytesMax = 16 << 10
	// xstatsMax bounds the extended statistics of a port. The largest drivers have about 1,500.
	xstatsMax = 4096
)

// heldMax bounds the messages kept in Go between two calls of TakeLog.
const heldMax = 256

// ringQueuesMax bounds the queues of a port made of rings, as the ring driver does.
const ringQueuesMax = 16
