package operation

import "time"

const (
	// askTime is how long another role may take to answer.
	askTime = 5 * time.Second
	// orderTime is how long a request waits for a role to do what it was told, lookTime how often it is looked.
	orderTime = 20 * time.Second
	lookTime  = 20 * time.Millisecond
	// exportMax bounds the events of an export, exportPage those that are asked for at a time, exportTime the whole.
	exportMax  = 100_000
	exportPage = 1000
	exportTime = 5 * time.Minute
	// writeTime is how long a client may take to fetch what a write hands it; maxDownloads bounds downloads at a time.
	writeTime    = 30 * time.Second
	maxDownloads = 8
	// watchEvery is how often it is looked at what only this role knows.
	watchEvery = 5 * time.Second
	// certificateSoon is when a certificate ends soon.
	certificateSoon = 30 * 24 * time.Hour
	// muteDefault is how long a mute lasts that does not say.
	muteDefault = time.Hour
)
