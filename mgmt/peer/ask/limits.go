package ask

const (
	// MaxBody bounds a question and an answer: what the engine carries, less the header.
	MaxBody = 64<<10 - headerBytes
	// maxAnswering questions of all nodes are being answered at a time; one more is refused.
	maxAnswering = 64
	// maxAsked questions wait for an answer at a time.
	maxAsked = 1024

	headerBytes = 9 // kind and number
)
