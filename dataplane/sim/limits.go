package sim

import (
	"time"

	"fcredirect/dataplane/frame"
)

// Bounds. Each names what happens there.
const (
	// maxExchanges is how many exchanges one node can have open in each direction, 4,096
	// as in Linux's fcoe. Without a free identifier a command waits for its turn.
	maxExchanges = 4096
	// maxSpans is how scattered the bytes of one I/O may arrive; a frame that would add
	// another gap counts as lost. In order there is one span.
	maxSpans = 64
	// maxHeldFrames is how many frames reordering holds back at once; beyond, the next go
	// out in order.
	maxHeldFrames = 16
	// maxRemotePorts is how many neighbours a node keeps; claims of more are counted and
	// ignored. 512 is the fabric the pcap mode can write.
	maxRemotePorts = 512
	// maxStations is how many nodes and services sit on one port.
	maxStations = 512
	// maxTargetExchanges bounds the commands a target holds at once, over all initiators;
	// more are answered TASK SET FULL.
	maxTargetExchanges = 2048
	// maxDetails is how many verification errors are kept word for word; all are counted.
	maxDetails = 8
	// maxCensusExchanges and maxCensusPairs bound what a service remembers: of the first,
	// one is forgotten (and counted) for each new one; more pairs count in the totals only.
	maxCensusExchanges = 1 << 16
	maxCensusPairs     = 1 << 12
	// minFrameSize is the least receive size a port may have (FC-LS-3).
	minFrameSize = 256
	// maxRECWaits is how often a target may say that it is still working on a command.
	maxRECWaits = 1
	// noOXIDWait is how long a command waits when all OX_IDs are taken.
	noOXIDWait = 10 * time.Millisecond
	// discoveryWaits is how often a disk may say "not now" before it is given up.
	discoveryWaits = 10
	// longCDBEvery makes one READ or WRITE in so many a 16-byte one.
	longCDBEvery = 16
	// jobFrames is how many data frames one exchange sends before the next has its turn.
	jobFrames = 16
	// maxLocalFrames is the queue between the nodes of one port; beyond, frames are lost.
	maxLocalFrames = 8192
	// turnFrames is how many local frames and jobs one turn of a port handles.
	turnFrames = 1024
	// fullWireWait is how long a port waits for room when its wire takes no more.
	fullWireWait = time.Millisecond
	// idleWait is how long a port sleeps when no timer is armed.
	idleWait = time.Second
)

// Sizes on the wire, as Linux sends them (measured).
const (
	// readPayload is the data in a full read frame: what fits a Fibre Channel frame.
	readPayload = frame.MaxPayload
	// writePayload is the data in a full write frame.
	writePayload = 2048
	// maxFCoEPDU is the longest FCoE PDU, FCoE header to trailer, as claims announce it.
	maxFCoEPDU = frame.FCoEHeaderLen + frame.MaxFCLen + frame.FCoETrailerLen
	// MaxIOBytes is the longest READ or WRITE.
	MaxIOBytes = 1 << 20
)

// Protocol times, before scaling (FC-BB-6, FC-FS-3, FC-LS-3; Linux's fcoe_ctlr.c and fc_rport.c).
const (
	probeWaitMax     = 100 * time.Millisecond // random, before the first probe
	probeInterval    = 100 * time.Millisecond // between the two probes
	probeToClaim     = 400 * time.Millisecond
	claimToUp        = 400 * time.Millisecond
	secondBeacon     = 400 * time.Millisecond // after the first
	beaconInterval   = 8 * time.Second
	beaconFuzz       = 100 * time.Millisecond
	beaconLoss       = beaconInterval * 5 / 2 // a neighbour not heard for so long is gone
	probeTries       = 10                     // addresses tried before slowing down
	probeSlowdown    = 10 * time.Second
	eDTOV            = frame.EDTOVms * time.Millisecond
	rATOV            = 2 * eDTOV // what libfc uses and answers in RTV without a fabric
	elsTimeout       = eDTOV
	elsRetries       = 3
	loginRetries     = 8 // of one state of the login, before waiting for the next beacon
	loginRetryDelay  = eDTOV
	recTimeout       = eDTOV + time.Second // a command that hears nothing asks with REC
	abtsTimeout      = 2 * eDTOV
	abtsTries        = 3
	responseGrace    = 20 * time.Millisecond // response overtook its data
	exchangeLifetime = 2*rATOV + abtsTimeout // a target's exchange that nobody continues

	// How long the end may take: the commands in flight and the read back, then LOGO.
	drainLimit  = 60 * time.Second
	logoutLimit = 3 * elsTimeout
)

// minWindDown is a bound on the end that a small time scale does not go below: the work
// itself does not scale.
const minWindDown = 10 * time.Second
