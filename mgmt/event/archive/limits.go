package archive

const (
	// replayEvents is how many events a replay reads at a time: a few MB.
	replayEvents = 5000
	// SliceEvents is how many events one step of retention deletes: a transaction of some 100 ms.
	SliceEvents = 5000
	// maxDifferences is how many rows a check prints of each view.
	maxDifferences = 5
)
