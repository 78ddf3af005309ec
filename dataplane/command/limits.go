package command

import "time"

const (
	// MaxRequest and MaxReply bound a request and a reply, in bytes. A longer text of an error is cut.
	MaxRequest = 16320
	MaxReply   = 4032
	// MaxDocument bounds a policy document, in bytes.
	MaxDocument = 8 << 20
	// MaxWindow bounds the time in which a change may be confirmed.
	MaxWindow = 24 * time.Hour

	// MaxLogins, MaxFlows and MaxAddresses are how many items one request holds.
	MaxLogins    = MaxRequest / loginBytes
	MaxFlows     = MaxRequest / hintBytes
	MaxAddresses = MaxRequest / 8

	// slots is how many requests can be under way. 16 KiB each in ctl, 4 in state.
	slots = 16
	// perPoll bounds the requests that the server takes up at a time, which is once a millisecond.
	perPoll = 4
	// lease is how long a slot may be held without a request in it, or after the reply: its client is dead or asleep.
	lease = 5 * time.Second
	// patience is how long a request may go without its answer before its slot is taken back: longer than any takes, but
	// one that waits for an lcore that is stalled. Others must get through meanwhile.
	patience = time.Minute

	// claimTime is how long a client looks for a free slot.
	claimTime = 2 * time.Second
	// A client looks for its reply after firstLook, then less and less often.
	firstLook = 200 * time.Microsecond
	lastLook  = 5 * time.Millisecond
	// lifeLook is how often it looks whether the data plane still lives.
	lifeLook = 100 * time.Millisecond

	// pathBytes is the room for the path of the folder of documents.
	pathBytes = 256
	// readTries bounds how often a reader of the change's page looks again when it changes meanwhile.
	readTries = 64
)
