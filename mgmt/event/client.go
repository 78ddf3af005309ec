package event

import "context"

// Appender takes an event into the log. It returns when the event is queued, not when it is durable: Client.Flush waits
// for that. An error means that the event will not come to the log: its fields contradict the catalogue, or the queue
// was full until the context ended.
type Appender interface {
	Append(ctx context.Context, t Type, fields Fields) error
}

// Nowhere drops events. It is for programs and tests without a log.
type Nowhere struct{}

// Append checks the fields and forgets them.
func (Nowhere) Append(_ context.Context, t Type, f Fields) error {
	_, err := Encode(t, f)
	return err
}
