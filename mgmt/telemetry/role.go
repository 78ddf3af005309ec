package telemetry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/bus"
	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/stats"
)

// Bus is where the role answers.
type Bus interface {
	Handle(method string, answer func(context.Context, []byte) ([]byte, error)) (remove func())
}

// Options is what a Role is made of.
type Options struct {
	Place attach.Place
	DB    *postgres.DB
	Bus   Bus // nil: it answers nobody
	Keep  stats.Retention
	Log   *slog.Logger
}

// Role samples a node.
type Role struct {
	Options
	keeper  *stats.Keeper
	service *stats.Service
	history history
	queue   queue
	start   time.Time
	beat    atomic.Int64 // since start: the looker's last round

	mu     sync.Mutex
	counts Stats     // guarded by mu
	err    error     // guarded by mu: of the last write
	since  time.Time // guarded by mu: when writing began to fail
}

// Stats counts what the role did since it was made.
type Stats struct {
	Looks    uint64            `json:"looks"`
	Written  uint64            `json:"written"`  // looks in the database
	Waiting  int               `json:"waiting"`  // looks that are not yet
	Dropped  uint64            `json:"dropped"`  // looks that waited for too long: their counts come with the next
	Failures uint64            `json:"failures"` // of transactions
	Keeper   stats.KeeperStats `json:"keeper"`
}

// New makes the role.
func New(o Options) (*Role, error) {
	if o.DB == nil {
		return nil, errors.New("telemetry: no database")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	keeper, err := stats.NewKeeper(o.DB, o.Keep, o.Log)
	if err != nil {
		return nil, err
	}
	return &Role{Options: o, keeper: keeper, service: stats.NewService(o.DB), start: time.Now()}, nil
}

// Run looks, writes, keeps and answers until ctx ends; then it writes what waits, for a bounded time. It is ready before
// there is a segment: questions about the past need none.
func (r *Role) Run(ctx context.Context, ready func()) error {
	defer r.answer()()
	group, ctx := errgroup.WithContext(ctx)
	looked := make(chan struct{})
	group.Go(func() error { return r.write(ctx, looked) })
	group.Go(func() error { return r.keeper.Run(ctx) })
	group.Go(func() error {
		defer close(looked)
		return r.lookOn(ctx)
	})
	ready()
	return group.Wait()
}

// lookOn looks once a second at whatever segment there is.
func (r *Role) lookOn(ctx context.Context) error {
	tick := time.NewTicker(Every)
	defer tick.Stop()
	var seg *attach.Segment
	defer func() {
		if seg != nil {
			seg.Close()
		}
	}()
	var e *eye
	var before *Look
	for {
		r.beat.Store(int64(time.Since(r.start)))
		if seg == nil {
			seg, _ = attach.Open(r.Place) // there may be none: the next look sees
			if seg != nil {
				e, before = newEye(seg), nil
			}
		}
		if seg != nil {
			replaced := seg.Replaced()
			before = r.take(e, before) // of one that was replaced, too: its last counts
			if replaced {
				seg.Close()
				seg = nil
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// take looks once. Of a data plane that is dead one look is written: the others would say the same.
func (r *Role) take(e *eye, before *Look) *Look {
	now := time.Now()
	l := e.look(now)
	if l == nil {
		return before
	}
	r.history.add(l, e.busy(now))
	if l.Alive || before == nil || before.Alive || before.Boot != l.Boot {
		r.queue.add(waiting{l, l.stored(before)})
	}
	r.count(func(s *Stats) { s.Looks++ })
	return l
}

// write writes what waits, every few seconds, and once more when the looker has ended.
func (r *Role) write(ctx context.Context, looked <-chan struct{}) error {
	w := newWriter(r.DB)
	tick := time.NewTicker(writeEvery)
	defer tick.Stop()
	for {
		select {
		case <-looked:
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWrite)
			defer cancel()
			if err := r.flush(last, w); err != nil {
				r.Log.Warn("the last looks were not written; their counts come with the next", "err", err)
			}
			return nil
		case <-tick.C:
		}
		short, cancel := context.WithTimeout(ctx, writeTimeout)
		err := r.flush(short, w)
		cancel()
		if err != nil && ctx.Err() == nil && !postgres.Kind(err).Retry() {
			return err
		}
	}
}

// flush writes all that waits.
func (r *Role) flush(ctx context.Context, w *writer) error {
	looks, next := r.queue.all()
	err := w.put(ctx, looks)
	if err == nil {
		r.queue.done(next)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		r.counts.Written += uint64(len(looks))
	case r.err == nil:
		r.since = time.Now()
		r.Log.Warn("samples of ports are not written for the moment", "err", err)
		fallthrough
	default:
		r.counts.Failures++
	}
	r.err = err
	return err
}

// Healthy says what is wrong, from any goroutine.
func (r *Role) Healthy() error {
	if silent := time.Since(r.start) - time.Duration(r.beat.Load()); silent > silentAfter {
		return fmt.Errorf("telemetry: has not looked for %v", silent.Round(time.Second))
	}
	r.mu.Lock()
	err, since := r.err, r.since
	r.mu.Unlock()
	if err != nil && time.Since(since) > illAfter {
		return err
	}
	return r.keeper.Err()
}

// Stats may be asked for from any goroutine.
func (r *Role) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.counts
	s.Waiting, s.Dropped = r.queue.count()
	s.Keeper = r.keeper.Stats()
	return s
}

func (r *Role) count(add func(*Stats)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	add(&r.counts)
}

// HistoryRequest asks for the looks after a time, the last so many.
type HistoryRequest struct {
	Since time.Time `json:"since"`
	Most  int       `json:"most,omitempty"` // 0: all
}

// answer makes the role answer on the bus.
func (r *Role) answer() (remove func()) {
	if r.Bus == nil {
		return func() {}
	}
	var removes []func()
	handle := func(method string, answer func(context.Context, []byte) ([]byte, error)) {
		removes = append(removes, r.Bus.Handle(method, answer))
	}
	handle("telemetry.latest", func(context.Context, []byte) ([]byte, error) { return json.Marshal(r.history.latest()) })
	handle("telemetry.stats", func(context.Context, []byte) ([]byte, error) { return json.Marshal(r.Stats()) })
	handle("telemetry.history", asked(func(_ context.Context, q HistoryRequest) ([]*Look, error) {
		if q.Most <= 0 || q.Most > historyLooks {
			q.Most = historyLooks
		}
		return r.history.since(q.Since, q.Most), nil
	}))
	handle("stats.total", asked(r.service.Total))
	handle("stats.series", asked(r.service.Series))
	handle("stats.top", asked(r.service.Top))
	return func() {
		for _, remove := range removes {
			remove()
		}
	}
}

// asked makes a handler of JSON out of a function.
func asked[Q, A any](answer func(context.Context, Q) (A, error)) func(context.Context, []byte) ([]byte, error) {
	return func(ctx context.Context, b []byte) ([]byte, error) {
		var q Q
		d := json.NewDecoder(bytes.NewReader(b))
		d.DisallowUnknownFields()
		if err := d.Decode(&q); err != nil {
			return nil, &bus.Error{Code: "telemetry.bad_request", Text: fmt.Sprintf("telemetry: request: %v", err)}
		}
		a, err := answer(ctx, q)
		if wrong := (*stats.BadRequest)(nil); errors.As(err, &wrong) {
			return nil, &bus.Error{Code: "stats.bad_request", Text: wrong.Error()}
		}
		if errors.Is(err, stats.ErrTooMuch) {
			return nil, &bus.Error{Code: "stats.too_much", Text: stats.ErrTooMuch.Error()}
		}
		if err != nil {
			return nil, err
		}
		return json.Marshal(a)
	}
}
