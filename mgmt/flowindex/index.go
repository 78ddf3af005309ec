package flowindex

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/problem"
)

// Segment is where the flows are: an *attach.Live. Its errors are problems.
type Segment interface {
	Use(func(*attach.Segment) error) error
}

// Options of an Index.
type Options struct {
	Segment Segment
	// Document is the active policy as it was written: it names the members of sets. Nil, or a nil document: sets cannot be
	// asked for.
	Document Documents
	Log      *slog.Logger
	heap     bool // chunks lie on the heap
}

// Index lists flows.
type Index struct {
	o     Options
	wake  chan struct{}
	slots chan struct{} // for questions that go through a large image
	asked atomic.Int64  // ns since 1970: when somebody asked last

	mu      sync.Mutex
	current *image        // guarded by mu
	left    sync.Cond     // on mu: a reader has left an image
	next    chan struct{} // guarded by mu: closed when a scan has ended
	failure error         // guarded by mu: of the last scan
	stats   Stats         // guarded by mu
	running bool          // guarded by mu

	names    names
	matchers matchers
	policies Policies
}

// Stats says what the index does.
type Stats struct {
	Flows   int           `json:"flows"`   // in the image, 0 without one
	Omitted uint64        `json:"omitted"` // flows above MaxFlows
	Bytes   int           `json:"bytes"`   // of images and what makes them
	Scans   uint64        `json:"scans"`
	Scan    time.Duration `json:"scan_ns"` // of the last one
}

// New makes an index. It answers while Run runs.
func New(o Options) *Index {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	x := &Index{o: o, wake: make(chan struct{}, 1), next: make(chan struct{}), slots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2))}
	x.left.L = &x.mu
	return x
}

// Run makes images while somebody asks, until ctx ends.
func (x *Index) Run(ctx context.Context) {
	x.mu.Lock()
	x.running = true
	x.mu.Unlock()
	s := x.scanner()
	var spare *image
	defer func() {
		x.mu.Lock()
		x.running = false
		x.mu.Unlock()
		x.drop(s, &spare, problem.New(problem.Busy, "The index of flows has ended."))
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case <-x.wake:
		}
		for ctx.Err() == nil && time.Since(time.Unix(0, x.asked.Load())) < idleAfter {
			began := time.Now()
			pause := retryAfter
			if err := x.scan(s, &spare); err != nil {
				x.drop(s, &spare, err)
			} else {
				pause = max(Every-time.Since(began), share*time.Since(began)-time.Since(began))
			}
			if !x.sleep(ctx, pause) {
				break
			}
		}
		x.drop(s, &spare, nil)
	}
}

func (x *Index) scanner() *scanner {
	return &scanner{memory: memory{heap: x.o.heap}, policies: &x.policies}
}

// sleep waits; false when ctx has ended.
func (x *Index) sleep(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// scan makes one image and publishes it.
func (x *Index) scan(s *scanner, spare **image) error {
	before := x.image()
	if *spare == nil {
		*spare = new(image)
	}
	img := *spare
	x.await(img)
	began := time.Now()
	err := x.o.Segment.Use(func(seg *attach.Segment) error {
		if s.epoch != seg.Epoch || s.numbers == nil || s.crowded() {
			s.reset(seg.Epoch)
			before = nil // rows mean nothing beyond it
		}
		return s.scan(seg.State, img, before, time.Now())
	})
	if err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	*spare, x.current, x.failure = x.current, img, nil
	x.stats = Stats{Flows: img.flows, Omitted: s.omitted, Bytes: s.size(img, *spare), Scans: x.stats.Scans + 1, Scan: time.Since(began)}
	x.told()
	return nil
}

// size is what images and their making take.
func (s *scanner) size(images ...*image) int {
	n := 8*cap(s.keys) + 4*cap(s.free) + 4*len(s.byKey.slots) + 8*cap(s.wwpns) + 40*len(s.numbers)
	for _, rows := range s.rowOf {
		n += 4 * len(rows)
	}
	for _, i := range images {
		if i != nil {
			n += len(i.chunks) * chunkBytes
		}
	}
	return n
}

// told wakes those who wait for a scan. x.mu is locked.
func (x *Index) told() {
	close(x.next)
	x.next = make(chan struct{})
}

// drop gives all images back and tells who waits why there is none.
func (x *Index) drop(s *scanner, spare **image, why error) {
	x.mu.Lock()
	last := x.current
	x.current, x.failure = nil, why
	x.stats.Flows, x.stats.Bytes, x.stats.Omitted = 0, 0, 0
	if why != nil {
		x.told()
	}
	x.mu.Unlock()
	x.await(last)
	x.await(*spare)
	s.memory.give(last, *spare)
	*spare = nil
	s.reset(0)
	s.numbers = nil
	x.names.forget()
	x.matchers.forget()
}

// await waits until nobody reads an image that is not the current one. A question takes milliseconds.
func (x *Index) await(i *image) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i != nil && i.readers > 0 {
		x.left.Wait()
	}
}

func (x *Index) image() *image {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.current
}

// acquire gives the image of now, and waits for the first. The image must be released.
func (x *Index) acquire(ctx context.Context) (*image, error) {
	x.asked.Store(time.Now().UnixNano())
	for {
		x.mu.Lock()
		if !x.running {
			x.mu.Unlock()
			return nil, problem.New(problem.Busy, "The index of flows does not run.")
		}
		if i := x.current; i != nil {
			i.readers++
			x.mu.Unlock()
			return i, nil
		}
		next := x.next
		x.mu.Unlock()
		select {
		case x.wake <- struct{}{}:
		default:
		}
		select {
		case <-next:
		case <-ctx.Done():
			return nil, problem.Wrap(problem.Timeout, ctx.Err(), "The flows were not read in time.")
		}
		x.mu.Lock()
		failure := x.failure
		x.mu.Unlock()
		if failure != nil {
			return nil, failure
		}
	}
}

func (x *Index) release(i *image) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if i.readers--; i.readers == 0 {
		x.left.Broadcast()
	}
}

// Wait returns when there is an image other than the one of version after, and its version: whoever shows flows live asks
// again then.
func (x *Index) Wait(ctx context.Context, after time.Time) (time.Time, error) {
	for {
		i, err := x.acquire(ctx)
		if err != nil {
			return time.Time{}, err
		}
		began := i.began
		x.mu.Lock()
		if i.readers--; i.readers == 0 {
			x.left.Broadcast()
		}
		next := x.next
		x.mu.Unlock()
		if began.After(after) {
			return began, nil
		}
		select {
		case <-next:
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		}
	}
}

// Stats may be asked for at any time.
func (x *Index) Stats() Stats {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.stats
}
