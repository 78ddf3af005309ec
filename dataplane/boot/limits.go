package boot

import "time"

const (
	// MaxPorts is bounded by DPDK's 32 Ethernet ports per process, and by the one byte that
	// a login keeps its port in.
	MaxPorts = 32
	// MaxLcores is more than pairs and service ports can keep busy.
	MaxLcores = 32
	// MaxLcoreID is RTE_MAX_LCORE - 1 of Debian's libdpdk.
	MaxLcoreID = 127
	// MaxFabric is what four bits of the flow key hold.
	MaxFabric = 15

	// MaxPortName keeps names usable as file names (replay writes NAME.pcap) and in tables.
	MaxPortName = 32
	MaxNodeName = 63 // a host name's label
	MaxDevice   = 512
	MaxEALArgs  = 64
	MaxEALArg   = 256

	// MinMTU lets the longest FCoE frame (2,180 bytes with tag) and FIP's 2,172-byte Claim
	// Response through with room. MaxMTU is a jumbo frame.
	MinMTU = 2500
	MaxMTU = 9216

	// MinFlows to MaxFlows directions, one cache line each in the flow table plus its share
	// of the index: a million fit in 256 MiB.
	MinFlows = 1024
	MaxFlows = 4 << 20

	MinLogins = 64
	MaxLogins = 1 << 20

	// MinMbufs covers the receive and transmit rings of two ports. MaxMbufs at the default
	// size is 18 GiB.
	MinMbufs = 1024
	MaxMbufs = 4 << 20
	// MinMbufSize holds a 2,180-byte frame and DPDK's 128 bytes of headroom. MaxMbufSize
	// holds MaxMTU.
	MinMbufSize = 2432
	MaxMbufSize = 16384

	// MinRing to MaxRing items of 128 bytes. A small one conflates sooner, and counts what it conflates.
	MinRing   = 64
	MaxRing   = 1 << 20
	MaxShards = 8

	// MinCapture to MaxCapture bytes of frames that wait to be fetched, or none at all.
	MinCapture = 64 << 10
	MaxCapture = 1 << 30

	MinDropTimeout = time.Millisecond
	MaxDropTimeout = time.Minute
	MinReport      = time.Millisecond
	MaxReport      = 10 * time.Second
)

// Defaults of keys that are not in the file. README.md has the same table with reasons; a
// test compares the two.
const (
	DefaultPoll        = Adaptive
	DefaultFabric      = 0
	DefaultMTU         = 2500
	DefaultHugePages   = HugePagesAuto
	DefaultFlows       = 65536
	DefaultLogins      = 16384
	DefaultDropTimeout = 500 * time.Millisecond
	DefaultReport      = 10 * time.Millisecond
	DefaultStateItems  = 65536 // a ring holds what one transaction of the store does: with 16,384 it wrote a tenth as much
	DefaultEventItems  = 32768 // every flow of a large box begins, and the event log is away
	DefaultShards      = 1
	DefaultCaptureRing = 4 << 20
	DefaultMbufs       = 16384
	DefaultMbufSize    = 4352
	DefaultStateRoot   = "/var/lib/fc-redirect" // /NODE/dataplane in it
)

const (
	// mbufHeadroom is RTE_PKTMBUF_HEADROOM; linkOverhead an Ethernet header and one tag.
	mbufHeadroom = 128
	linkOverhead = 18
	// Frames of net_af_packet live in a ring that the kernel lays out in slots of framesz
	// bytes, of which it takes up to 80 for its own header; a packet buffer must hold a slot
	// and the headroom. With DPDK's default of 2,048 logins succeed and long frames vanish
	// without a trace.
	afPacketFrame    = 4096
	afPacketOverhead = 80
	// Frames in its rings: what arrives while an lcore is off its CPU must fit, for what does not is lost and counted by
	// nobody (with DPDK's default of 512, 33 ms off the CPU lost 466 frames of a Linux host). 16 MiB for each ring.
	afPacketFrames = 4096
	afPacketAlign  = 16   // TPACKET_ALIGNMENT
	pageSize       = 4096 // a block of slots is whole pages
)
