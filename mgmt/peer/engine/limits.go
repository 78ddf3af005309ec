package engine

import (
	"math"

	"fcredirect/mgmt/peer/wire"
)

// What no setting changes.
const (
	maxNodes        = wire.MaxNodes // slots; a vector costs 32 bytes a slot
	maxFrameRecords = wire.MaxUnitRecords
	maxMessage      = 64 << 10 // bytes of an opaque message
	maxStep         = 1 << 20  // what somebody else says of a node's incarnation is at most so much more than is known
	maxReplaced     = 16       // instances of a node that are remembered as gone
	maxFlight       = 64       // units whose age is known while they are not acknowledged
	recordBytes     = 128      // what a record takes at most, however badly it compresses
	frameRest       = 2 << 10  // what a frame takes beside its records, at most
	shownAtOnce     = 8192     // records that Applied is told at once
	changeBytes     = 12       // about what a change takes on the wire: only for the trigger by size

	refusedFor = 30_000_000_000 // ns for which a stream is not asked for after it had more records than we have room for

	never = math.MaxInt64
)

// MaxIncarnation is the highest incarnation, so that there is always a higher number.
const MaxIncarnation = 1 << 61
