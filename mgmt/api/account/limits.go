package account

import "time"

const (
	// exportMax bounds the events of one export: some 100 MiB at the most. More are had by time.
	exportMax = 100_000
	// exportPage is how many are asked for at a time.
	exportPage = 500
	// exportTime bounds how long an export may take.
	exportTime = 5 * time.Minute
	// listTime bounds one question to the log of events.
	listTime = 10 * time.Second
)
