package job

import "time"

const (
	// Workers is how many jobs run at a time. They are disk and processor work beside the slow path, so few.
	Workers = 2
	// MaxQueued bounds the jobs that wait; one more is refused as busy. A job costs about 500 bytes.
	MaxQueued = 32
	// MaxJobs bounds all jobs that are known. When all of them are open or ended less than KeepLeast ago, one more is refused.
	MaxJobs = 256
	// KeepLeast and KeepMost are how long an ended job is known: between them only while there is room.
	KeepLeast = time.Hour
	KeepMost  = 7 * 24 * time.Hour
	// endTimeout bounds how long Run waits for work whose context has ended.
	endTimeout = 10 * time.Second
	// phaseMax bounds the text of a phase, detailMax what is kept of a failure, in bytes.
	phaseMax  = 120
	detailMax = 1 << 10
	// fileMax bounds the file that is read back.
	fileMax = 4 << 20
)
