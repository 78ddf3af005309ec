package login

import "time"

// What the table costs and what happens at its bounds.
const (
	// SlotSize is two cache lines. A login costs two to four slots, because the table is kept at most half full, so
	// 256 to 512 bytes of segment, and 40 of heap a slot for the learner's indexes.
	SlotSize = 128
	// MaxLogins bounds what a boot file may ask for: a quarter of a GiB of segment.
	MaxLogins = 1 << 20
	// minSlots keeps the probe arithmetic simple.
	minSlots = 8
	// maxProbe bounds every walk over the table, also over one that somebody filled with tombstones. At half load the
	// longest run of a million random keys is about 70. An insert that finds no place within it is refused as if the
	// table were full.
	maxProbe = 512
	// maxRetries bounds a reader that meets a writer. A try takes 1 ns and a write 100 (measured alone on a core; with
	// the line travelling between two, more), so this is far above what a running writer needs; a writer that was
	// preempted or died inside a write makes the reader give up after about 2 µs. Nothing is lost by it: each write is
	// followed by a Change.
	maxRetries = 2000
)

// What the learner keeps beside the table, all of it taken when the learner is made.
const (
	// pendingSets and pendingWays: requests that wait for their answer, 8,192 of 112 bytes. One port can use half the
	// ways of a set, so a port that floods requests evicts only its own; a request that finds no way is not joined.
	pendingSets = 1024
	pendingWays = 8
	// maxFCFs bounds the switches' FIP instances that are remembered. Beyond it an FCF is not: its logins then have no
	// keep-alive timer, and end by the idle limit only.
	maxFCFs = 256
	// earlySlots is a direct-mapped store of functions seen of an address before its name was; a collision forgets.
	earlySlots = 4096
	// maxPerENode bounds the logins behind one ENode MAC (NPIV: 255 is what adapters offer). One more is refused.
	maxPerENode = 1024
	// maxSameName bounds the logins that may hold one WWPN at the same time while a conflict stands. One more is refused.
	maxSameName = 4
	// maxClearVNs is how many VN_Ports one Clear Virtual Link can name: a frame holds no more.
	maxClearVNs = 128
)

// Timers. Those of FC-BB-6 are the defaults of the standard; an FCF's own FKA_ADV_PERIOD takes the place of fkaDefault.
const (
	beaconPeriod   = 8 * time.Second        // VN2VN beacon
	vnKAPeriod     = 90 * time.Second       // VN_Port keep-alive
	fkaMin         = 500 * time.Millisecond // least FKA_ADV_PERIOD that is believed
	fkaMax         = 90 * time.Second       // largest one, and what stands when no advertisement was seen
	pendingTimeout = 20 * time.Second       // 2 × R_A_TOV: no answer comes later
	removedGrace   = 20 * time.Second       // 2 × R_A_TOV between an RSCN "removed" and the end
	// idleLimit ends a login for which the standards have no timer (pre-FIP, learnt from PLOGI or the name server) when
	// neither a frame nor the owner's Seen named it for so long. Its frames may all be FCP, which the learner does not
	// see, so the limit is long: a stale name does less harm than a lost one.
	idleLimit = 24 * time.Hour
	// scanPause is the least time between two walks of the table in search of what has expired.
	scanPause = 100 * time.Millisecond
	// conflictPause is the least time between two Conflict changes of one login. Each is counted all the same.
	conflictPause = 10 * time.Second
	// echoTime is how long after a login was learnt from a flooded frame the original may still come.
	echoTime = 1 * time.Second
	// contestedFor is how long after the last conflicting frame a login counts as Contested.
	contestedFor = 60 * time.Second
)

// lost is how long after its last sign a station is given up: 2.5 periods.
func lost(period time.Duration) int64 { return int64(period) * 5 / 2 }

// missed is when one sign has certainly failed to come: 1.5 periods.
func missed(period time.Duration) int64 { return int64(period) * 3 / 2 }
