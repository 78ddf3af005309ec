package revision

import "time"

const (
	// ackTimeout is how long the lcores may take to pick a snapshot up, which they do between bursts. An installation that
	// is not taken up by then is taken back.
	ackTimeout = 2 * time.Second
	// saveWindow is the window of what is confirmed at once: until it is on disk.
	saveWindow = time.Minute
	// Installations that others ask for are bounded, because a child's start leaves some garbage in a heap that is not
	// collected: so many in a row, and one more after each refill.
	burst  = 16
	refill = 500 * time.Millisecond
	// mostAhead bounds how far a revision may be above the one confirmed, or the last one that was taken back: with the
	// highest number that there is confirmed, nothing could be installed any more, not even from the console. This far at a
	// time, one each refill, that takes 68 years.
	mostAhead = 1 << 32

	// spareDocuments is how many documents stay beside those in use: of clients about to ask for their installation.
	// freshDocument is how long the others stay.
	spareDocuments = 16
	freshDocument  = time.Minute
	// mostEntries bounds the names that are looked at when spare documents are removed.
	mostEntries = 1024
	// maxFlat bounds the flat form on disk, as the policy slots do.
	maxFlat = 8 << 20
	// copyBytes is the buffer through which a document is copied.
	copyBytes = 64 << 10
)
