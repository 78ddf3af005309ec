package webhook

import "time"

const (
	// MaxHooks bounds the hooks of a node: each is asked about each event.
	MaxHooks = 16
	// MaxQueued bounds the events that wait for one hook: at most 8 KiB each, usually 500 bytes. For one more the oldest is
	// given up.
	MaxQueued = 256
	// giveUp is how long an event is tried.
	giveUp = 24 * time.Hour
	// The pause after a failed attempt doubles from firstPause to lastPause, give or take a fifth.
	firstPause = time.Second
	lastPause  = 5 * time.Minute
	// failing is how many attempts in a row fail before it is an alarm.
	failing = 3

	// tellEvery bounds how often it is told that events are given up, for each hook.
	tellEvery = time.Minute

	// What one attempt may take, and the parts of it.
	attemptTimeout = 10 * time.Second
	dialTimeout    = 5 * time.Second
	idleTimeout    = 30 * time.Second
	// Of an answer that much is read; the rest is not waited for.
	answerMax = 4 << 10
	headerMax = 16 << 10

	// saveEvery is how often it is written down how far each hook is: so much comes again after a crash.
	saveEvery = 2 * time.Second
	// readWait is how long a request for events waits for one.
	readWait = 20 * time.Second
	stateMax = 1 << 20

	urlMax, noteMax, caMax = 2048, 1024, 64 << 10
	// filterMax bounds each list of a filter.
	filterMax = 64
	errorMax  = 200
)
