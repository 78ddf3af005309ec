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

	"fcredirect/mgmt/attach"
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
	Written  uint64            `json:"written"`
	Failures uint64            `json:"failures"` // of writes: the next one has what they had
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

// Run looks, writes, keeps and answers until ctx ends. It is ready before there is a segment: questions about the past
// need none.
func (r *Role) Run(ctx context.Context, ready func()) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	remove := r.answer()
	defer remove()
	looks := make(chan written, 1)
	ended := make(chan error, 2)
	go func() { ended <- r.write(ctx, looks) }()
	go func() { ended <- r.keeper.Run(ctx) }()
	ready()
	err := r.lookOn(ctx, looks, ended)
	stop()
	for range 2 - r.over(err) {
		err = errors.Join(err, <-ended)
	}
	return err
}

// endedEarly is what one of the two other goroutines failed with.
type endedEarly struct{ error }

// over is how many of the other goroutines are known to have ended.
func (r *Role) over(err error) int {
	if early := (endedEarly{}); errors.As(err, &early) {
		return 1
	}
	return 0
}

// lookOn looks once a second at whatever segment there is.
func (r *Role) lookOn(ctx context.Context, looks chan written, ended <-chan error) error {
	tick := time.NewTicker(Every)
	defer tick.Stop()
	var seg *attach.Segment
	defer func() {
		if seg != nil {
			seg.Close()
		}
	}()
	var before *Look
	for {
		r.beat.Store(int64(time.Since(r.start)))
		if seg != nil && seg.Replaced() {
			seg.Close()
			seg, before = nil, nil
		}
		if seg == nil {
			seg, _ = attach.Open(r.Place) // there may be none: the next look sees
		}
		if seg != nil {
			l := look(seg, time.Now())
			r.history.add(l)
			r.count(func(s *Stats) { s.Looks++ })
			give(looks, written{l, l.stored(before)})
			before = l
		}
		select {
		case <-ctx.Done():
			return nil
		case err := <-ended:
			if ctx.Err() != nil {
				return endedEarly{err}
			}
			return endedEarly{fmt.Errorf("telemetry: ended by itself: %w", err)}
		case <-tick.C:
		}
	}
}

// give puts a look in the place of one that the writer has not taken yet. The span of flows holds only if both had it.
func give(looks chan written, w written) {
	select {
	case old := <-looks:
		w.stored = w.stored && old.stored
	default:
	}
	looks <- w
}

// write is the writer's loop.
func (r *Role) write(ctx context.Context, looks <-chan written) error {
	w := writer{db: r.DB}
	for {
		select {
		case <-ctx.Done():
			return nil
		case l := <-looks:
			err := w.put(ctx, l)
			if ctx.Err() != nil {
				return nil
			}
			if err != nil && !postgres.Kind(err).Retry() {
				return err
			}
			r.wrote(err)
		}
	}
}

func (r *Role) wrote(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		r.counts.Written++
	case r.err == nil:
		r.since = time.Now()
		r.Log.Warn("samples of ports are not written for the moment", "err", err)
		fallthrough
	default:
		r.counts.Failures++
	}
	r.err = err
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
	handle("telemetry.latest", func(context.Context, []byte) ([]byte, error) { return json.Marshal(r.history.last()) })
	handle("telemetry.stats", func(context.Context, []byte) ([]byte, error) { return json.Marshal(r.Stats()) })
	handle("telemetry.history", asked(func(_ context.Context, q HistoryRequest) ([]*Look, error) {
		if q.Most <= 0 || q.Most > maxAnswer {
			q.Most = maxAnswer
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
			return nil, fmt.Errorf("telemetry: request: %w", err)
		}
		a, err := answer(ctx, q)
		if err != nil {
			return nil, err
		}
		return json.Marshal(a)
	}
}
