package shm

const (
	// NameLen bounds every name in the segment: node, port, region, service (64 characters, as in product use).
	NameLen = 64
	// MaxRegions bounds the directory: 64 lcores need 2 each, and 8 more.
	MaxRegions = 160
	// MaxPorts and MaxLcores bound the counter matrix: 1 KiB each cell, so 16 MiB at the most.
	MaxPorts  = 64
	MaxLcores = 64
	// MaxServices bounds the services of one policy: a verdict names one in 8 bits, 0 being none.
	MaxServices = 255
	// MaxSegmentBytes is what a reader accepts as a file size: far above the 4,194,304 directions a boot file may ask for.
	MaxSegmentBytes = 8 << 30

	// clockTries bounds how long a reader of the clock waits for a writer, who takes some 10 ns: longer only when it was
	// killed in the middle, and then until the next start.
	clockTries = 100

	pageBytes = 4096
	hugeBytes = 2 << 20 // every file's size is a multiple, so that the same layout fits hugetlbfs
)
