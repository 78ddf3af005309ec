package wire

import "time"

// Cable returns the two ends of a cable in memory. Each direction holds depth frames on
// their way; what is sent into a full one is lost and counted at the receiver, as an
// interface without flow control does it.
func Cable(depth int) (*End, *End) {
	ab, ba := make(chan []byte, depth), make(chan []byte, depth)
	a := &End{out: ab, in: ba, wake: make(chan struct{}, 1)}
	b := &End{out: ba, in: ab, wake: make(chan struct{}, 1)}
	return a, b
}

// End is one end of a Cable.
type End struct {
	out  chan<- []byte
	in   <-chan []byte
	wake chan struct{}
	n    Counters
}

// Send puts a copy of the frame on the cable at once.
func (e *End) Send(frame []byte) {
	select {
	case e.out <- append([]byte(nil), frame...):
		e.n.Sent++
	default:
		e.n.SendDropped++
	}
}

// Flush has nothing to do.
func (e *End) Flush() error { return nil }

// Queued is always 0: frames are on the cable, or lost.
func (e *End) Queued() int { return 0 }

// Room is what the cable still holds in this direction.
func (e *End) Room() int { return cap(e.out) - len(e.out) }

// Receive implements Wire.
func (e *End) Receive(wait time.Duration, deliver func([]byte)) error {
	if wait != 0 && !e.first(wait, deliver) {
		return nil
	}
	for range BatchFrames {
		select {
		case b := <-e.in:
			e.n.Received++
			deliver(b)
		default:
			return nil
		}
	}
	return nil
}

// first waits for one frame and reports whether there was one.
func (e *End) first(wait time.Duration, deliver func([]byte)) bool {
	var expired <-chan time.Time
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		expired = t.C
	}
	select {
	case b := <-e.in:
		e.n.Received++
		deliver(b)
		return true
	case <-e.wake:
	case <-expired:
	}
	return false
}

// Wake implements Wire.
func (e *End) Wake() {
	select {
	case e.wake <- struct{}{}:
	default: // one wake-up is already waiting
	}
}

// Counters implements Wire.
func (e *End) Counters() Counters { return e.n }

// Close has nothing to free.
func (e *End) Close() error { return nil }
