package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/worker"
)

// session serves one segment. Its goroutine is the reader.
type session struct {
	*Role
	seg     *attach.Segment
	readers []*feed.Reader
	held    []*feed.Item // per reader: read, and its worker had no room
	synced  []uint64     // per reader: the nonce of the last KindSynced
	pool    *worker.Pool[feed.Item]
	parts   []*part

	n       uint64    // of the last cut
	began   time.Time // when the first item since was read
	lastCut time.Time
	ending  bool // read no more: what is there is to be written

	// between reader and flusher
	want  atomic.Uint32 // what the flusher asks for: a cut, a cut at once
	cuts  chan *cut
	final atomic.Bool // the cut that was given last is the last one

	mu      sync.Mutex
	durable []uint64 // guarded by mu: to be released
}

// What the flusher asks for.
const (
	wantNothing uint32 = iota
	wantCut
	wantCutNow
)

// place looks where the rings of a shard stand.
func place(seg *attach.Segment, shard int) *position {
	p := &position{epoch: seg.Epoch, boots: seg.State.Header().Boots}
	for _, r := range feed.Rings(seg.State, seg.Ctl) {
		if r.Consumer == feed.Store && r.Shard == shard {
			p.released, p.offered = append(p.released, r.Released), append(p.offered, r.Offered)
			p.unreported += r.Unreported
		}
	}
	return p
}

// serve stays with a segment until ctx ends or another has taken its place, and then until what was read is written, for
// a bounded time.
func (r *Role) serve(ctx context.Context, seg *attach.Segment, ready func()) (err error) {
	f := &flusher{Role: r, seg: seg, pending: newBatch(), rows: rowsPerTx, names: newNames(seg.State), budget: budget{rate: float64(r.sampleRows)}}
	if err := f.awaitStart(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	if len(place(seg, r.shard).released) == 0 {
		return fmt.Errorf("store: the data plane has no rings for shard %d: see rings: {shards: N} in its boot file", r.shard)
	}
	settled, err := f.start(ctx)
	if err != nil || ctx.Err() != nil {
		return err
	}
	s := &session{Role: r, seg: seg, cuts: make(chan *cut, 1), lastCut: time.Now()}
	if s.readers, err = feed.Open(seg.State, seg.Ctl, feed.Store, r.shard); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	for i, reader := range s.readers {
		if reader.Producer() != i || len(s.readers) != len(f.cursor.seq) {
			return fmt.Errorf("store: rings of shard %d are not one per producer", r.shard)
		}
		f.durable = append(f.durable, max(f.cursor.seq[i], reader.Released()))
	}
	s.held, s.synced, s.durable = make([]*feed.Item, len(s.readers)), make([]uint64, len(s.readers)), slices.Clone(f.durable)
	f.readers = s.readers
	if err := s.startWorkers(f); err != nil {
		return err
	}
	defer s.stopWorkers()
	f.settle.waits = make([]bool, len(f.durable))
	if f.forget(); !settled {
		f.begin()
	}
	r.epoch.Store(seg.Epoch)
	defer r.epoch.Store(0)
	if r.bus != nil && r.shard == 0 {
		defer r.bus.Handle(FlowsMethod, r.answerFlows)()
	}
	ready()
	return s.both(ctx, f)
}

// start takes the shard, as soon as there is a database. It gives up when the segment has been replaced.
func (f *flusher) start(ctx context.Context) (settled bool, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		settled, err = f.claim(ctx)
		if err == nil {
			f.well()
			return settled, nil
		}
		if ctx.Err() != nil {
			return false, nil
		}
		if !passing(err) {
			return false, err
		}
		f.ill(err)
		if f.seg.Replaced() {
			return false, errReplaced
		}
		if !sleep(ctx, pause/2+rand.N(pause)/2) {
			return false, nil
		}
	}
}

// calibrate takes over the clock of the data plane that runs now. One that is starting has it half written; what was
// read from the one before holds as well, for TSCs go on.
func (f *flusher) calibrate() bool {
	h := f.seg.State.Header()
	if boots := atomic.LoadUint64(&h.Boots); atomic.LoadUint32(&h.State) != shm.Starting && boots != f.clock.Boots {
		f.clock = *h
	}
	return f.clock.TSCHz != 0
}

// awaitStart waits until the data plane has made its rings and its clock. Of one that died while it started we take what
// there is.
func (f *flusher) awaitStart(ctx context.Context) error {
	for end := time.Now().Add(startPatience); !f.calibrate(); {
		if f.seg.Replaced() {
			return errReplaced
		}
		if h := *f.seg.State.Header(); time.Now().After(end) && h.TSCHz != 0 && h.TSCStart != 0 {
			f.clock = h
		}
		if !sleep(ctx, quietWait) {
			return nil
		}
	}
	return nil
}

// claim takes the shard once. If it was ours before, on another segment, commits may have been lost since.
func (f *flusher) claim(ctx context.Context) (settled bool, err error) {
	if f.cursor.owner != 0 && !f.resolved {
		end, err := f.cursor.resolve(ctx, f.db, f.shard)
		if err != nil {
			return false, err
		}
		f.lost, f.resolved = end == lostSome, true
	}
	p := place(f.seg, f.shard)
	settled, err = f.cursor.take(ctx, f.db, f.shard, p, f.lost)
	if err == nil && f.lost {
		err = f.rewrite(ctx)
	}
	if err == nil {
		f.lost = false
		// What was compared, and not what is there now: the data plane may have begun anew since.
		f.settle.boots, f.settle.unreported = p.boots, p.unreported
	}
	return settled, err
}

// errReplaced ends a session before it began to read.
var errReplaced = errors.New("store: the segment was replaced")

func (s *session) startWorkers(f *flusher) (err error) {
	f.cut = make(chan given, worker.MaxWorkers)
	over := make(chan struct{})
	s.pool, err = worker.New(worker.Config[feed.Item]{
		CPUs: s.cpus, Seen: f.durable, Order: func(i *feed.Item) (int, uint64) { return int(i.Header().Producer), i.Header().Seq },
		Handler: func(int) worker.Handler[feed.Item] {
			p := &part{batch: newBatch(), cut: f.cut, free: make(chan *batch, 1), over: over}
			p.free <- newBatch()
			s.parts = append(s.parts, p)
			return p
		},
	})
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	f.parts = s.parts
	s.use(s.pool)
	return nil
}

func (s *session) stopWorkers() {
	close(s.parts[0].over)
	s.pool.Close()
	s.use(nil)
}

// both runs reader and flusher until one of them ends.
func (s *session) both(ctx context.Context, f *flusher) error {
	// The flusher goes on for a while when the reader is told to stop.
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- f.run(work, s) }()
	return s.read(ctx, stop, ended)
}

// read is the reader's loop. It ends when the flusher has ended, which it tells it to do when there is nothing more to
// write, after a bounded time, or when the rings are of no use.
func (s *session) read(ctx context.Context, stop func(), ended chan error) error {
	wait := time.NewTimer(0)
	defer wait.Stop()
	var failed error
	var bounds []*time.Timer
	stopping, checked := ctx.Done(), time.Now()
	for {
		now := time.Now()
		n := s.poll(now)
		if n == 0 && !s.ending && now.Sub(checked) > idleCut {
			if checked = now; s.seg.Replaced() {
				s.ending, bounds = true, append(bounds, time.AfterFunc(s.leave, stop))
			}
		}
		if err := cmp.Or(s.broken(), s.releaseDurable()); err != nil && failed == nil {
			failed = err
			stop()
		}
		s.giveCut(now)
		wait.Reset(pauseAfter(n))
		select {
		case err := <-ended:
			for _, b := range bounds {
				b.Stop()
			}
			if err := cmp.Or(failed, err, s.releaseDurable()); err != nil {
				return err
			}
			if depth := s.depth.Load(); depth > 0 && stopping != nil {
				s.log.Warn("store: the rings of a data plane that was replaced are given up", "shard", s.shard, "items", depth)
			}
			return nil
		case <-stopping:
			s.ending, stopping, bounds = true, nil, append(bounds, time.AfterFunc(s.drain, stop))
		case <-wait.C:
		}
	}
}

// pauseAfter is how long to wait after a look that found n items.
func pauseAfter(n int) time.Duration {
	switch {
	case n >= readAtOnce:
		return 0
	case n > 0:
		return busyWait
	}
	return quietWait
}

// poll hands what waits in the rings to the workers, and says how many items that were.
func (s *session) poll(now time.Time) int {
	n := 0
	for i, r := range s.readers {
		for range readAtOnce {
			item := s.held[i]
			if s.held[i] = nil; item == nil && !s.ending {
				if item = r.Next(); item != nil {
					n++
				}
			}
			if item == nil {
				break
			}
			if !s.hand(i, item) {
				s.held[i] = item
				break
			}
		}
	}
	s.pool.Commit()
	if n > 0 && s.began.IsZero() {
		s.began = now
		s.readSince.Store(s.mark(now))
	}
	s.count(func(st *Stats) { st.Updates += uint64(n) })
	return n
}

func (s *session) hand(i int, item *feed.Item) bool {
	switch h := item.Header(); h.Kind {
	case feed.KindFlow:
		return s.pool.Offer(feed.Hash(item.Flow().Key), item)
	case feed.KindLogin:
		return s.pool.Offer(uint32(item.Login().Addr*0x9e3779b97f4a7c15>>32), item)
	case feed.KindSynced:
		s.synced[i] = item.Sync().Nonce
	}
	return true
}

// broken says that a ring is of no use any more.
func (s *session) broken() error {
	for _, r := range s.readers {
		if err := r.Err(); err != nil {
			return fmt.Errorf("store: ring of producer %d: %w", r.Producer(), err)
		}
	}
	return nil
}

// giveCut ends the batch, when the flusher wants it and it is full or old enough.
func (s *session) giveCut(now time.Time) {
	want := s.want.Load()
	if want == wantNothing {
		return
	}
	size := int64(0)
	for _, p := range s.parts {
		size += p.size.Load()
	}
	old := !s.began.IsZero() && now.Sub(s.began) >= s.linger || now.Sub(s.lastCut) >= idleCut
	if want != wantCutNow && !s.ending && !old && size < int64(s.batch) {
		return
	}
	c := &cut{n: s.n + 1, synced: slices.Clone(s.synced), began: s.began}
	for i, r := range s.readers {
		seq := r.Read()
		if s.held[i] != nil {
			seq--
		}
		c.seq = append(c.seq, seq)
	}
	if !s.pool.Mark(c.n) {
		return // a queue is full: soon it is not
	}
	s.n, s.began, s.lastCut = c.n, time.Time{}, now
	s.readSince.Store(0)
	if !c.began.IsZero() {
		s.unsaved.CompareAndSwap(0, s.mark(c.began))
	}
	if s.ending && !slices.ContainsFunc(s.held, func(i *feed.Item) bool { return i != nil }) {
		s.final.Store(true)
	}
	s.want.Store(wantNothing)
	s.cuts <- c // has room: one is wanted at a time
}

// next is the flusher's way to a cut, nil when there is none any more.
func (s *session) next(ctx context.Context, now bool) *cut {
	want := wantCut
	if now {
		want = wantCutNow
	}
	s.want.Store(want)
	select {
	case c := <-s.cuts:
		return c
	case <-ctx.Done():
		return nil
	}
}

// finished says that nothing comes after the cut that the flusher had last.
func (s *session) finished() bool { return s.final.Load() }

// release lets the reader give items back up to these numbers.
func (s *session) release(seq []uint64) {
	s.mu.Lock()
	copy(s.durable, seq)
	s.mu.Unlock()
}

func (s *session) releaseDurable() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	depth := uint64(0)
	for i, r := range s.readers {
		if seq := min(s.durable[i], r.Read()); seq > r.Released() {
			if err := r.Release(seq); err != nil {
				if errors.Is(err, feed.ErrFenced) {
					return ErrFenced
				}
				return fmt.Errorf("store: release items of producer %d: %w", i, err)
			}
		}
		depth += uint64(max(0, r.Depth()))
	}
	s.depth.Store(depth)
	return nil
}
