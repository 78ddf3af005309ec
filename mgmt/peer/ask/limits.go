package ask

const (
	// MaxBody bounds a question and an answer: what the engine carries, less the header.
	MaxBody = 64<<10 - headerBytes
	// maxAnswering questions of one node are being answered at a time; one more is dropped.
	maxAnswering = 16
	// maxAsked questions wait for an answer at a time.
	maxAsked = 1024

	headerBytes = 9 // kind and number
)
