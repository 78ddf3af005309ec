package bus

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fcredirect/dataplane/ring"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/registry"
)

// BenchOptions say how to measure. The zero value: half a second each, on the first two processors, in /dev/shm.
type BenchOptions struct {
	Dir  string        // for a segment of its own; a folder on tmpfs, where none is given
	CPUs [2]int        // of the caller's and the handler's side, 0 and 1 where both are 0
	Each time.Duration // how long to measure each figure, in runs of a millisecond
}

// benchRun is short, so that some runs are free of what else the machine does: the best one shows what the bus takes,
// the median what it takes beside the others.
const benchRun = time.Millisecond

// Figure is the best and the median over all runs, in ns.
type Figure struct {
	Best   float64 `json:"best_ns"`
	Median float64 `json:"median_ns"`
}

// BenchResult is what the bus takes between two processors. One way is half of a round trip, both sides polling.
type BenchResult struct {
	RingOneWay Figure `json:"ring_one_way"` // one 256-byte message, by the bare ring
	RingItem   Figure `json:"ring_item"`    // each of many, in batches of 32
	CallOneWay Figure `json:"call_one_way"` // Call with a handler that runs where it is received: half of the round trip
	CallRound  Figure `json:"call_round"`   // the same, the whole
	CallWorker Figure `json:"call_worker"`  // round trip with a handler in a goroutine of its own, its process not pinned
	CallMany   Figure `json:"call_many"`    // per call, of 64 goroutines that call at the same time
	CallLocal  Figure `json:"call_local"`   // to a handler in the same process
	Bulk       Figure `json:"bulk_mib"`     // per MiB of answers of one MiB

	CallsPerSend float64 `json:"calls_per_send"` // of the 64 goroutines': how many shared a publication, median
}

// Bench measures the bus between two of its ends that map the same segment, each pinned to a processor. They are two
// threads of this process: what they share is what processes share, and nothing else.
func Bench(ctx context.Context, o BenchOptions) (*BenchResult, error) {
	if o.CPUs == [2]int{} {
		o.CPUs = [2]int{0, 1}
	}
	o.Each = cmp.Or(o.Each, 500*time.Millisecond)
	if o.Dir == "" {
		dir, err := os.MkdirTemp("/dev/shm", "fcr-bus-bench-")
		if err != nil {
			return nil, fmt.Errorf("bus: bench: %w", err)
		}
		defer os.RemoveAll(dir)
		o.Dir = filepath.Join(dir, "segment")
	}
	b := &bench{o: o}
	if err := b.open(); err != nil {
		return nil, err
	}
	defer b.close()
	r := &BenchResult{}
	for _, m := range []struct {
		into *Figure
		run  func(time.Duration) (float64, error)
	}{
		{&r.RingOneWay, b.ringPing}, {&r.RingItem, b.ringStream}, {&r.CallRound, b.calls("there", "bench.inline")}, {&r.CallWorker, b.calls("anywhere", "bench.worker")},
		{&r.CallMany, b.many}, {&r.CallLocal, b.local}, {&r.Bulk, b.bulk},
	} {
		var runs []float64
		for start := time.Now(); len(runs) == 0 || time.Since(start) < o.Each; {
			if ctx.Err() != nil {
				return nil, fmt.Errorf("bus: bench: %w", ctx.Err())
			}
			v, err := m.run(benchRun)
			if err != nil {
				return nil, err
			}
			runs = append(runs, v)
		}
		slices.Sort(runs)
		*m.into = Figure{runs[0], runs[len(runs)/2]}
	}
	r.CallOneWay = Figure{r.CallRound.Best / 2, r.CallRound.Median / 2}
	slices.Sort(b.shared)
	r.CallsPerSend = b.shared[len(b.shared)/2]
	return r, nil
}

type bench struct {
	o       BenchOptions
	segment *shm.Segment
	regs    [3]*registry.Registry
	ends    [3]*Bus   // the caller's, one that is pinned, one that is not
	shared  []float64 // calls per publication in the runs with many callers
}

func (b *bench) open() (err error) {
	b.segment, err = shm.Create(shm.Config{
		Dir: b.o.Dir, Node: "bench", TSCHz: 1e9, TSCNow: 1, State: []shm.RegionSpec{{Name: shm.RegionPorts, Stride: shm.PortInfoBytes, Count: 1}},
		Ctl: []shm.RegionSpec{
			{Name: shm.RegionRoles, Stride: shm.RoleBytes, Count: shm.MaxRoles}, {Name: shm.RegionMembers, Stride: shm.MemberBytes, Count: shm.MaxMembers},
			{Name: shm.RegionBus, Stride: shm.ChannelBytes, Count: shm.MaxMembers * shm.MaxMembers},
		},
	})
	if err != nil {
		return fmt.Errorf("bus: bench: %w", err)
	}
	for i := range b.ends {
		if b.regs[i], err = registry.Open(registry.Options{Place: attach.Place{Dir: b.o.Dir}, Name: "bench"}); err != nil {
			return err
		}
		cpu := -1
		if i == 1 {
			cpu = b.o.CPUs[1]
		}
		if b.ends[i], err = open(b.regs[i], nil, cpu); err != nil {
			return err
		}
	}
	for i, role := range []string{"here", "there", "anywhere"} {
		c, err := b.regs[i].Claim(registry.Instance{Role: role})
		if err != nil {
			return err
		}
		c.Beat(registry.Running, "")
	}
	echo := func(_ context.Context, r []byte) ([]byte, error) { return r, nil }
	large := make([]byte, 1<<20)
	b.ends[0].HandleInline("bench.local", echo)
	b.ends[1].HandleInline("bench.inline", echo)
	b.ends[2].Handle("bench.worker", echo)
	b.ends[1].Handle("bench.bulk", func(context.Context, []byte) ([]byte, error) { return large, nil })
	return nil
}

func (b *bench) close() {
	for i := range b.ends {
		b.ends[i].Close()
		b.regs[i].Close()
	}
	b.segment.Close()
}

// pinned runs do on the first processor.
func (b *bench) pinned(do func()) error {
	done := make(chan error)
	go func() { // a goroutine of its own, whose thread ends with it
		err := pin(b.o.CPUs[0])
		do()
		done <- err
	}()
	return <-done
}

// calls measures ns per call of one caller.
func (b *bench) calls(role, method string) func(time.Duration) (float64, error) {
	return func(d time.Duration) (float64, error) {
		var per float64
		var problem error
		err := b.pinned(func() { per, problem = b.loop(b.ends[0], role, method, d) })
		return per, cmp.Or(err, problem)
	}
}

func (b *bench) local(d time.Duration) (per float64, err error) {
	return b.loop(b.ends[0], "here", "bench.local", d)
}

// loop calls one after the other and gives ns per call.
func (b *bench) loop(end *Bus, role, method string, d time.Duration) (float64, error) {
	request := make([]byte, 64)
	start, n := time.Now(), 0
	for ; n%8 != 0 || time.Since(start) < d; n++ {
		if _, err := end.Call(context.Background(), role, method, request); err != nil {
			return 0, err
		}
	}
	return float64(time.Since(start).Nanoseconds()) / float64(n), nil
}

// many gives ns per call of 64 callers.
func (b *bench) many(d time.Duration) (float64, error) {
	d *= 20 // until all have begun
	var total atomic.Int64
	var problem atomic.Value
	var all sync.WaitGroup
	before, start := b.ends[0].Stats(), time.Now()
	for range 64 {
		all.Go(func() {
			request, mine := make([]byte, 64), int64(0)
			for time.Since(start) < d {
				if _, err := b.ends[0].Call(context.Background(), "there", "bench.inline", request); err != nil {
					problem.Store(err)
					return
				}
				mine++
			}
			total.Add(mine)
		})
	}
	all.Wait()
	took, after := time.Since(start), b.ends[0].Stats()
	if err, ok := problem.Load().(error); ok {
		return 0, err
	}
	b.shared = append(b.shared, float64(after.Calls-before.Calls)/float64(max(1, after.Commits-before.Commits)))
	return float64(took.Nanoseconds()) / float64(total.Load()), nil
}

// bulk gives ns per answer of one MiB.
func (b *bench) bulk(d time.Duration) (float64, error) {
	return b.loop(b.ends[0], "there", "bench.bulk", d)
}

// pair makes both sides of two rings in a channel each that nobody uses: places 14 and 15.
func (b *bench) pair() (out *ring.Producer, in *ring.Consumer, err error) {
	all := b.segment.Ctl.Bytes(shm.RegionBus)
	there, back := channelOf(all, shm.MaxMembers-2, shm.MaxMembers-1), channelOf(all, shm.MaxMembers-1, shm.MaxMembers-2)
	if out, err = there.producer(); err != nil {
		return nil, nil, err
	}
	in, err = back.consumer()
	return out, in, err
}

// echoRing sends back what it gets, until stop.
func (b *bench) echoRing(stop *atomic.Bool, reply bool) (done chan error) {
	done = make(chan error, 1)
	all := b.segment.Ctl.Bytes(shm.RegionBus)
	in, err := channelOf(all, shm.MaxMembers-2, shm.MaxMembers-1).consumer()
	if err != nil {
		done <- err
		return done
	}
	out, err := channelOf(all, shm.MaxMembers-1, shm.MaxMembers-2).producer()
	if err != nil {
		done <- err
		return done
	}
	go func() {
		err := pin(b.o.CPUs[1])
		var sum uint64
		for i := 0; !stop.Load(); i++ {
			if i%4096 == 0 {
				runtime.Gosched()
			}
			n := 0
			for ; n < 32; n++ {
				m := (*message)(in.Next())
				if m == nil {
					break
				}
				sum += m.ID
				if reply {
					*(*message)(out.Reserve()) = *m
				}
			}
			if n > 0 && reply {
				out.Commit()
			}
			if n > 0 {
				in.Release()
			}
		}
		done <- err
	}()
	return done
}

// ringPing gives half of a round trip of one message over two bare rings.
func (b *bench) ringPing(d time.Duration) (float64, error) {
	var stop atomic.Bool
	done := b.echoRing(&stop, true)
	out, in, err := b.pair()
	if err != nil {
		return 0, err
	}
	n := 0
	var took time.Duration
	perr := b.pinned(func() {
		start := time.Now()
		for ; n%256 != 0 || time.Since(start) < d; n++ {
			(*message)(out.Reserve()).ID = uint64(n)
			out.Commit()
			for i := 1; in.Next() == nil; i++ {
				if i%4096 == 0 {
					runtime.Gosched()
				}
			}
			in.Release()
		}
		took = time.Since(start)
	})
	stop.Store(true)
	return float64(took.Nanoseconds()) / float64(n) / 2, cmp.Or(perr, <-done)
}

// ringStream gives ns per message sent in batches of 32.
func (b *bench) ringStream(d time.Duration) (float64, error) {
	var stop atomic.Bool
	done := b.echoRing(&stop, false)
	out, _, err := b.pair()
	if err != nil {
		return 0, err
	}
	n := 0
	var took time.Duration
	perr := b.pinned(func() {
		var m message
		start := time.Now()
		for ; n%8192 != 0 || time.Since(start) < d; n += 32 {
			for out.Free(32) < 32 {
				runtime.Gosched()
			}
			for range 32 {
				m.ID++
				*(*message)(out.Reserve()) = m
			}
			out.Commit()
		}
		took = time.Since(start)
	})
	stop.Store(true)
	return float64(took.Nanoseconds()) / float64(n), cmp.Or(perr, <-done)
}
