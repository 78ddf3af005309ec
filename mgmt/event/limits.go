package event

import "time"

const (
	// MaxFields bounds the encoded fields of one event.
	MaxFields = 8 << 10
	// MaxText bounds one text in them, as it is written. What is longer is cut: an error message may quote anything.
	MaxText = 1 << 10
	// MaxDocument bounds one document in them, as it is written.
	MaxDocument = 3 << 10
	// keptPolicies is how many policies are remembered, to name what was before a change.
	keptPolicies = 8
	// QueueEvents bounds what a process keeps for the event role while that is away: about 1 MiB. Beyond it Append waits
	// for its context.
	QueueEvents = 4096
	// SendEvents and SendBytes bound one request to the event role.
	SendEvents = 256
	SendBytes  = 64 << 10
	// SendTimeout bounds one request; then it is sent again, which does no harm.
	SendTimeout = 5 * time.Second
	// RetryMin and RetryMax bound the pause before a request is sent again.
	RetryMin = 50 * time.Millisecond
	RetryMax = 2 * time.Second
)
