package spool

import "time"

const (
	// SegmentBytes is how large a file becomes before the next one begins. One is read as a whole at start.
	SegmentBytes = 8 << 20
	// MaxBytes bounds all files together. Beyond it Append says ErrFull.
	MaxBytes = 1 << 30
	// Keep and KeepRecords are how long, and how many, records stay that the database has: a standby that takes over may
	// not have what its primary acknowledged. When the room is needed, or the disk is full, they go sooner.
	Keep        = 10 * time.Minute
	KeepRecords = 10_000
	// MaxPayload bounds one record's payload.
	MaxPayload = 16 << 10
	// GroupBytes bounds a group: what Append takes before Commit must have succeeded.
	GroupBytes = 1 << 20
	// maxMarks bounds the producers whose last sequence is remembered; the one that was silent longest is forgotten.
	maxMarks = 1024
	// maxBases bounds the changes of numbering that are remembered; the oldest are forgotten.
	maxBases = 32
	// maxHeader is the largest header with these two, and some.
	maxHeader = 64 << 10
	// maxFile is what is read of a file: a spool may have been set to larger ones once.
	maxFile = 256 << 20
	// sparseBytes is the distance of the entries by which a record is found in its file.
	sparseBytes = 16 << 10
	// readBytes is what one Read reads at most at once, more than a record has.
	readBytes = 256 << 10
)
