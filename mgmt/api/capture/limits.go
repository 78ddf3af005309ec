package capture

import "time"

const (
	// maxDownloads bounds the downloads at a time: each holds a file open, one that follows a capture perhaps for hours.
	maxDownloads = 32
	// writeTime is how long a client may take to fetch what a write hands it.
	writeTime = 30 * time.Second
	// stopTime is how long a capture may take to be closed.
	stopTime = 10 * time.Second
)
