package alarm

import "time"

const (
	// MaxAlarms bounds the conditions that a Book remembers, cleared ones included: about 500 bytes each. Above it the ones
	// cleared longest ago are forgotten, and when all of them hold, further ones are counted (Dropped) and not kept.
	MaxAlarms = 512
	// FlapRaises within FlapWindow make an alarm that flaps: five in ten minutes are more than anybody reads.
	FlapRaises = 5
	FlapWindow = 10 * time.Minute
	// MaxMutes bounds the mutes in force; a further one is refused. MuteMost is the longest: what is muted for good should
	// not be an alarm, and one that was forgotten ends by itself.
	MaxMutes = 64
	MuteMost = 90 * 24 * time.Hour
	// detailMax bounds the text of a detail in bytes; the rest is cut.
	detailMax = 400
)
