package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"time"
)

// Options say what to measure. The zero value of each is its default.
type Options struct {
	Flows   int
	Rounds  int
	Seconds float64  // of each measurement; there are two for each variant and round
	Offered float64  // frames per second of the measurement at a fixed rate
	Ring    int      // items of a ring of state; what the boot file has by itself
	Dir     string   // where the scratch folder is made: on the disk that is to be measured; empty: the usual one
	Command []string // that runs this program as a helper
	Log     io.Writer
}

// Complete fills in the defaults and says what is wrong.
func (o *Options) Complete() error {
	o.Flows, o.Rounds = cmp.Or(o.Flows, DefaultFlows), cmp.Or(o.Rounds, DefaultRounds)
	o.Seconds, o.Offered = cmp.Or(o.Seconds, DefaultSeconds), cmp.Or(o.Offered, DefaultOffered)
	o.Ring = cmp.Or(o.Ring, DefaultRing)
	if o.Log == nil {
		o.Log = io.Discard
	}
	switch {
	case o.Flows < MinFlows || o.Flows > MaxFlows:
		return fmt.Errorf("bench: %d flows: want %d to %d", o.Flows, MinFlows, MaxFlows)
	case o.Rounds < 1 || o.Rounds > MaxRounds:
		return fmt.Errorf("bench: %d rounds: want 1 to %d", o.Rounds, MaxRounds)
	case !(o.Seconds >= MinSeconds && o.Seconds <= MaxSeconds):
		return fmt.Errorf("bench: %v seconds: want %v to %v", o.Seconds, MinSeconds, MaxSeconds)
	case !(o.Offered >= 1 && o.Offered <= MaxOffered):
		return fmt.Errorf("bench: %v frames/s: want 1 to %d", o.Offered, MaxOffered)
	case ringSpec(o.Ring).Check() != nil:
		return fmt.Errorf("bench: %w", ringSpec(o.Ring).Check())
	case len(o.Command) == 0:
		return errors.New("bench: no command that runs a helper")
	}
	return nil
}

// variant is one way to do the slow work.
type variant interface {
	slow
	begin(context.Context, *lab) (*poller, error)
	counts() (counts, error)
	pids() []int                          // of further processes that take part
	end(*poller) (exact *bool, err error) // nil poller: it has not begun
}

// counts are what a variant did so far.
type counts struct {
	updates      uint64 // that storage took
	operations   uint64 // of storage, for these updates
	commits      uint64 // of these
	peerUpdates  uint64 // that the peer took
	peerMessages uint64
	peerBytes    uint64
	syncs        uint64 // of files of ours
	dropped      uint64 // items that found a queue full and were not to wait
	conflated    uint64 // updates merged in the rings
	events       uint64
}

func (c counts) minus(d counts) counts {
	return counts{
		c.updates - d.updates, c.operations - d.operations, c.commits - d.commits, c.peerUpdates - d.peerUpdates, c.peerMessages - d.peerMessages,
		c.peerBytes - d.peerBytes, c.syncs - d.syncs, c.dropped - d.dropped, c.conflated - d.conflated, c.events - d.events,
	}
}

// The names of the variants, in the order of reports.
var variantNames = []string{"synchronous", "asynchronous", "ours"}

func newVariant(name string) variant {
	switch name {
	case "synchronous":
		return &synchronous{}
	case "asynchronous":
		return &asynchronous{}
	}
	return &ours{}
}

// Slowpath measures.
func Slowpath(ctx context.Context, o Options) (*Result, error) {
	if err := o.Complete(); err != nil {
		return nil, err
	}
	l, err := openLab(ctx, o)
	if err != nil {
		return nil, err
	}
	r, err := l.measure(ctx)
	return r, errors.Join(err, l.close())
}

func (l *lab) measure(ctx context.Context) (*Result, error) {
	machine, err := l.machine()
	if err != nil {
		return nil, err
	}
	samples := map[string][]sample{}
	for round := range l.o.Rounds {
		for i := range variantNames { // another one first in each round
			name := variantNames[(i+round)%len(variantNames)]
			fmt.Fprintf(l.log, "round %d of %d: %s\n", round+1, l.o.Rounds, name)
			s, err := l.sample(ctx, name)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			samples[name] = append(samples[name], s)
		}
	}
	return newResult(l.o, machine, samples), nil
}

// sample measures a variant once: with frames always waiting, then at the fixed rate.
func (l *lab) sample(ctx context.Context, name string) (s sample, err error) {
	if err := l.run(ctx, newVariant(name), 0, &s); err != nil {
		return s, err
	}
	return s, l.run(ctx, newVariant(name), l.o.Offered, &s)
}

// run is one measurement, from nothing to nothing.
func (l *lab) run(ctx context.Context, v variant, rate float64, s *sample) (err error) {
	if err := errors.Join(l.empty(ctx), l.startHelpers()); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.stopHelpers()) }()
	p, err := v.begin(ctx, l)
	if err != nil {
		_, e := v.end(nil)
		return errors.Join(err, e)
	}
	defer func() {
		if p != nil { // it failed
			_, e := v.end(nil)
			err = errors.Join(err, e)
		}
	}()
	time.Sleep(settle)
	before, err := l.look(ctx, v)
	if err != nil {
		return err
	}
	w := &wire{rate: rate / 1e9}
	if err := l.forward(p, w, v); err != nil {
		return err
	}
	after, err := l.look(ctx, v)
	if err != nil {
		return err
	}
	exact, err := v.end(p)
	table := p
	p = nil
	if err != nil {
		return err
	}
	final, err := l.served(ctx)
	if err != nil {
		return err
	}
	if rate == 0 {
		s.free(table, before, after, final, exact)
	} else {
		s.paced(table, w, exact)
	}
	return nil
}

// looked is everything that is counted, at one moment.
type looked struct {
	at     time.Time
	counts counts
	cpu    time.Duration
	server served
}

func (l *lab) look(ctx context.Context, v variant) (at looked, err error) {
	if at.counts, err = v.counts(); err != nil {
		return at, err
	}
	if at.server, err = l.served(ctx); err != nil {
		return at, err
	}
	at.at = time.Now()
	at.cpu, err = l.cpu(v.pids()...)
	return at, err
}

// forward runs the fast path on a thread of its own. The collector is off meanwhile, as in the data plane; the fast path
// leaves no garbage.
func (l *lab) forward(p *poller, w *wire, v variant) error {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	runtime.GC()
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		begun, before := time.Now(), queued()
		if err := l.cores.fast(); err != nil {
			result <- err
			return
		}
		err := p.run(w, v, time.Duration(l.o.Seconds*float64(time.Second)))
		p.tally.robbed = float64(queued()-before) / float64(time.Since(begun))
		result <- err
	}()
	return <-result
}

// median of values that need not be sorted; 0 of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	v := slices.Sorted(slices.Values(values))
	if n := len(v); n%2 == 0 {
		return (v[n/2-1] + v[n/2]) / 2
	}
	return v[len(v)/2]
}
