package engine

// What no setting changes.
const (
	maxNodes        = 16       // slots; a vector costs 24 bytes a slot
	maxFrameRecords = 65536    // what the codec takes of one frame
	maxMessage      = 64 << 10 // bytes of an opaque message
	maxReplaced     = 16       // instances of a node that are remembered as gone
)
