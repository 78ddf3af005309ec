package shm

// Fate is what became of a received frame. Each frame has exactly one.
type Fate uint8

// Fates up to lastSent left on some port; those after it are drops.
const (
	FateForwarded      Fate = iota // FC frame on its direct way to the paired port
	FateSteered                    // sent to a service
	FateHandedBack                 // came from a service, sent on to its true destination
	FateBypassed                   // would be steered, but its service is down or stalled and may be bypassed
	FateUnflowed                   // FC frame forwarded without a flow entry: the flow table is full
	FateWellKnown                  // FC frame from or to a well-known or zero address
	FateFIP                        // FCoE Initialization Protocol
	FateNotFCoE                    // anything else, crossed untouched
	FateNestedTag                  // a tag inside a tag, crossed untouched
	FateRunt                       // shorter than 60 bytes, crossed untouched
	FateDropPolicy                 // the policy says drop
	FateDropBlocked                // its service is down or stalled and the policy says block
	FateDropUnmatched              // from a service port, but no flow was steered there
	FateDropOldFormat              // the FCoE header of before August 2007
	FateDropVersion                // FCoE version other than 0
	FateDropSOF                    // unknown start of frame
	FateDropEOF                    // unknown end of frame
	FateDropEOFInvalid             // NI, DTI, RTI or A: the sender itself calls the frame bad
	FateDropLength                 // not a multiple of four, or no room for the FC header
	FateDropOversize               // payload above 2112 bytes
	FateDropExtHeader              // an extended header other than VFT, or one that does not fit
	FateDropLoop                   // S_ID and D_ID are equal
	FateDropSegments               // spread over several mbufs: the mempool's buffers are too small for the port
	FateDropNoPath                 // received where no port is paired
	FateDropStandby                // this node is not the active one of its pair: its ports are blocked
	FateDropPair                   // a frame of the pair itself: a beat, or an announcement of the partner
	NumFates

	lastSent = FateRunt
)

var fateNames = [NumFates]string{
	"forwarded", "steered", "handed_back", "bypassed", "unflowed", "well_known", "fip", "not_fcoe", "nested_tag", "runt",
	"policy", "blocked", "unmatched", "old_format", "bad_version", "bad_sof", "bad_eof", "invalid_eof", "bad_length", "oversize",
	"bad_ext_header", "loop", "segments", "no_path", "standby", "pair",
}

// String names the fate as reports and metrics spell it.
func (f Fate) String() string {
	if f < NumFates {
		return fateNames[f]
	}
	return "?"
}

// Dropped says whether a frame of this fate left on no port.
func (f Fate) Dropped() bool { return f > lastSent }

// Plus adds up counters, for sums over lcores.
func (c *Counters) Plus(d *Counters) {
	c.RxFrames += d.RxFrames
	c.RxBytes += d.RxBytes
	c.TxFrames += d.TxFrames
	c.TxBytes += d.TxBytes
	c.TxDropped += d.TxDropped
	c.TxHeld += d.TxHeld
	c.Mirrored += d.Mirrored
	c.MirrorLost += d.MirrorLost
	c.MirrorRefused += d.MirrorRefused
	c.Injected += d.Injected
	for i := range c.Fates {
		c.Fates[i] += d.Fates[i]
	}
}

// Drops is the sum of the fates that drop.
func (c *Counters) Drops() uint64 {
	var n uint64
	for f := lastSent + 1; f < NumFates; f++ {
		n += c.Fates[f]
	}
	return n
}
