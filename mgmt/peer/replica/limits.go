package replica

import "errors"

// Limits bound a table. Zero stands for the default.
type Limits struct {
	Records    int // live records of all kinds
	Tombstones int // deleted ones that are still kept, of all kinds
}

// Defaults and bounds.
const (
	RecordsDefault    = 2_500_000
	TombstonesDefault = 100_000
	EarlyMax          = 4096 // records that came ahead of their stream
	RefsMax           = 8    // changes of others that one record is remembered to depend on
)

// What a table refuses.
var (
	ErrFull    = errors.New("table is full")
	ErrUnknown = errors.New("kind is not known, or of another stream")
	ErrVersion = errors.New("version is outside of its unit")
	ErrGap     = errors.New("unit begins after what is applied")
)
