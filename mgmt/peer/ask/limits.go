package ask

const (
	// MaxBody bounds a question and an answer: what the engine carries, less the header.
	MaxBody = 64<<10 - headerBytes
	// maxAnswering questions of one node are being answered at a time; it puts no more, and one more is refused. Part of what
	// nodes say to each other: one that puts more than another answers is refused by it.
	maxAnswering = 16
	// maxAsked questions wait for an answer at a time.
	maxAsked = 1024

	headerBytes = 9 // kind and number
)
