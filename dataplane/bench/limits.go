package bench

import "time"

const (
	// MinDirections gives each third a flow. MaxDirections is the largest flow shard; the captures are then 300 MB.
	MinDirections = 6
	MaxDirections = 4 << 20

	// MinimalFrame is how users call the frame that is as small as Ethernet allows, FCS included; without FCS, as in
	// captures and in memory, it has minFrame bytes. Every other length is given without FCS.
	MinimalFrame = 64
	minFrame     = 60
	// MaxFrame is a full FCoE frame without tag, in bytes without FCS.
	MaxFrame = 2172
	// commandFrame is an FCP_CMND of 32 bytes: it cannot be shorter, and none that we know of sends longer ones.
	commandFrame = 92

	// MaxLcores bounds the port pairs, by the fabric's four bits in WWPNs and keys. The yardstick takes 8.
	MaxLcores = 8
	// MaxRounds bounds a run at a few hours.
	MaxRounds = 1000

	// Local N_Port_IDs in VN2VN have 16 bits and are never 0 or FFFF.
	maxStations = 0xFFFE
	// Paths of one initiator: four targets, as a host with two LUNs behind two array ports each would have; more only
	// when the stations would not suffice otherwise. One target for 16 initiators.
	minFanOut          = 4
	maxInitiators      = 32 << 10
	initiatorsToTarget = 16

	// The burst that all contenders use, and the mempool cache per lcore, DPDK's largest: testpmd is fastest with it.
	Burst     = 32
	MbufCache = 512
	// Mbufs beyond those that the captures occupy for ever: bursts, mempool caches, mirror copies.
	spareMbufs = 8192

	// mbufOverhead is mempool's header and struct rte_mbuf; headroom is RTE_PKTMBUF_HEADROOM.
	mbufOverhead = 64 + 128
	headroom     = 128
	// hugepage is the only size we ask for. fixedHuge is what EAL, rings and the yardstick's worker take besides mbufs
	// and tables.
	hugepage  = 2 << 20
	fixedHuge = 192 << 20
	slotBytes = 64

	// DefaultWarmup is long enough to create a million entries; DefaultMeasure for 40 million frames at 20 Mpps.
	DefaultWarmup  = time.Second
	DefaultMeasure = 2 * time.Second

	// startTimeout is for loading a million frames and starting EAL on a busy machine; stopTimeout for an orderly end,
	// after which a process is killed.
	startTimeout = 2 * time.Minute
	stopTimeout  = 20 * time.Second
	// maxOutput bounds what is kept of a program's output, in bytes. The start is kept, and the last part.
	maxOutput = 1 << 20

	// Counters of different ports are read one after the other while frames flow, and the reader may have to wait for
	// its core in between. So frames sent may differ from frames received by this share before it is called loss (drop
	// counters are exact, and must be 0), and the shares that leave on each kind of port from what was planned. A
	// contender that does not do the work is off by a third.
	maxLoss       = 0.05
	maxShareError = 0.05

	// Beyond this share of time without its core, a contender's figures are marked in the table.
	maxWaited = 0.02

	// emcEntries is the size of OVS's exact match cache. With more directions than that it only costs.
	emcEntries = 8192
	// ovsFlowLimit is what OVS's datapath is told to hold; ovsMaxDirections what its mempool of 262,144 mbufs leaves
	// room for, both captures and its own bursts counted.
	ovsFlowLimit     = 250000
	ovsMaxDirections = 200000
	// ovsMaxFrame: net_pcap cannot change its MTU, so OVS gives it mbufs for 1,500 bytes.
	ovsMaxFrame = 1518
	// ovsMempool is what it allocates for itself: 262,144 mbufs of 3 KiB.
	ovsMempool = 262144 * 3072
)
