package replica

import "errors"

// Limits bound a table. Zero stands for the default.
type Limits struct {
	Records    int // live records of all kinds; a flow with its totals is two
	Tombstones int // deleted ones that are still kept, of all kinds; beyond it the oldest are collected
}

// Defaults and bounds.
const (
	RecordsDefault    = 2_500_000 // some 120 bytes each: 300 MB
	TombstonesDefault = 100_000
	RecordsMax        = 1 << 27 // what a handle can name, for each kind; also what New makes of a higher limit
	EarlyMax          = 4096    // records that came ahead of their stream; 128 bytes each
	RefsMax           = 8       // changes that one record is remembered to depend on; with more, its closure is the stream
	VersionMax        = 1<<63 - 1

	changesMax  = 1 << 12 // last changes of State whose refs are remembered; 32 bytes each. Small enough for the cache: each Put looks
	refsKept    = 1 << 14 // refs of all of these; 32 bytes each
	scanMax     = 8192    // entries of a log that one call of Next looks at: 0.1 ms when all of them are stale
	sweepChunks = 3       // chunks of a log that are swept when one has been filled, see log.go
	spareRows   = 8192    // a staging of at most as many is kept for the next unit
)

// What a table refuses.
var (
	ErrFull    = errors.New("table is full")
	ErrUnknown = errors.New("kind is not known, or of another stream")
	ErrFields  = errors.New("more fields than the kind has")
	ErrVersion = errors.New("version is outside of its unit, or there twice")
	ErrGap     = errors.New("unit begins after what is applied")
)

func (l Limits) orDefaults() Limits {
	if l.Records <= 0 {
		l.Records = RecordsDefault
	}
	if l.Tombstones <= 0 {
		l.Tombstones = TombstonesDefault
	}
	l.Records, l.Tombstones = min(l.Records, RecordsMax), min(l.Tombstones, RecordsMax)
	return l
}
