package relay

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Shape is what one direction of the link does to what crosses it. The zero value lets everything through at once.
type Shape struct {
	Rate    float64       // bits per second, headers included; 0: no limit
	Queue   time.Duration // of waiting for the rate, at most; 0: DefaultQueue
	Delay   time.Duration // of everything
	Jitter  time.Duration // on top, drawn for each chunk from 0 to this; order within a connection is kept
	Loss    float64       // chance that a chunk is lost and sent again
	Resend  time.Duration // how much later it then comes
	Corrupt float64       // chance that one bit of a chunk is turned
	Stop    bool          // nothing crosses, and nobody is told: connections stand
}

// transmitter is one direction of the link, for all connections together.
type transmitter struct {
	mu      sync.Mutex
	shape   Shape
	changed chan struct{} // closed when the shape changes
	free    time.Time     // when the link has sent what it has taken
	random  *rand.Rand
	stats   Direction
}

// Direction is what crossed in one direction.
type Direction struct {
	Bytes, Packets  uint64
	Lost, Corrupted uint64 // chunks
}

func newTransmitter(seed, n uint64) *transmitter {
	return &transmitter{changed: make(chan struct{}), random: rand.New(rand.NewPCG(seed, n))}
}

func (t *transmitter) set(s Shape) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.shape = s
	close(t.changed)
	t.changed = make(chan struct{})
}

// now gives the shape, and what tells when it is another.
func (t *transmitter) now() (Shape, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.shape, t.changed
}

// full is how long the queue has no room; 0 when it has.
func (t *transmitter) full(now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.shape.Rate <= 0 || !t.free.After(now) {
		return 0
	}
	queue := t.shape.Queue
	if queue == 0 {
		queue = DefaultQueue
	}
	return max(0, t.free.Sub(now)-queue)
}

// take accepts a chunk and says when it arrives. It may turn a bit of it.
func (t *transmitter) take(now time.Time, chunk []byte, packets int) time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stats.Bytes, t.stats.Packets = t.stats.Bytes+uint64(len(chunk)), t.stats.Packets+uint64(packets)
	at, s := now, &t.shape
	if s.Rate > 0 {
		bits := 8 * float64(len(chunk)+packets*Overhead)
		if t.free.Before(now) {
			t.free = now
		}
		t.free = t.free.Add(time.Duration(bits / s.Rate * float64(time.Second)))
		at = t.free
	}
	at = at.Add(s.Delay)
	if s.Jitter > 0 {
		at = at.Add(time.Duration(t.random.Int64N(int64(s.Jitter))))
	}
	if s.Loss > 0 && t.random.Float64() < s.Loss {
		t.stats.Lost++
		at = at.Add(s.Resend)
	}
	if s.Corrupt > 0 && t.random.Float64() < s.Corrupt {
		t.stats.Corrupted++
		bit := t.random.IntN(8 * len(chunk))
		chunk[bit/8] ^= 1 << (bit % 8)
	}
	return at
}

func (t *transmitter) counted() Direction {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.stats
}
