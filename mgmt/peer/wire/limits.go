package wire

import "fcredirect/mgmt/peer/record"

// The protocol.
const (
	// Version is what this program speaks at best, MinVersion what it speaks at least.
	Version    = 1
	MinVersion = 1
)

const (
	// MaxFrame is the most bytes of a frame, all in.
	MaxFrame = 1 << 20
	// Overhead is what a frame costs beside its payload.
	Overhead = headerBytes + checksumBytes
	// MaxPayload is the most bytes of a payload. A message of the cluster's configuration may be as long.
	MaxPayload = MaxFrame - Overhead
	// MaxNodes is the most nodes of a cluster.
	MaxNodes = 16
	// MaxName is the most bytes of the name of a node or a cluster.
	MaxName = 64
	// MaxText is the most bytes of what a Bye says.
	MaxText = 256
	// MaxDeps is the most versions that a unit waits for: one of each stream of each node.
	MaxDeps = MaxNodes * int(record.NumStreams)
	// MaxWants is the most streams that are asked for at once.
	MaxWants = MaxDeps
	// MaxUnitRecords is the most records of a frame: as many as always fit into one, however badly they compress. A coder's
	// buffers for them are at most 2 MiB, and a unit's records 1 MiB.
	MaxUnitRecords = 8192
	// NumBuckets is how many parts of a stream have a digest of their own.
	NumBuckets = 256
	// DefaultDictionary is how many keys of each kind a connection remembers, with what it said of each last. Each costs up
	// to 100 bytes on either side, once it is used.
	DefaultDictionary = 65536
	// MaxDictionary is the most.
	MaxDictionary = 1 << 20
)
