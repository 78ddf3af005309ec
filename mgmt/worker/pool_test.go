package worker

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// item is an update of a flow: the n-th of its flow, number seq of its source.
type item struct {
	flow, n, seq uint64
	source       int32
}

func order(i *item) (int, uint64) { return int(i.source), i.seq }

// hash spreads flows over all 32 bits.
func hash(flow uint64) uint32 { return uint32(flow * 0x9e3779b97f4a7c15 >> 32) }

// log keeps what a worker was given. Of a flow whose last update has not been marked yet, a later one is merged.
type log struct {
	mu      sync.Mutex
	items   []item
	marks   []uint64
	upTo    []int // items seen when the mark came
	waiting map[uint64]bool
	hold    chan struct{} // nil, or what Handle waits for
	came    chan struct{}
}

func newLog() *log { return &log{waiting: map[uint64]bool{}, came: make(chan struct{}, 1)} }

func (l *log) Handle(i *item) Outcome {
	if l.hold != nil {
		<-l.hold
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if i.flow == 0 {
		return Dropped
	}
	l.items = append(l.items, *i)
	if l.waiting[i.flow] {
		return Merged
	}
	l.waiting[i.flow] = true
	return Applied
}

func (l *log) Mark(n uint64) {
	l.mu.Lock()
	l.marks, l.upTo = append(l.marks, n), append(l.upTo, len(l.items))
	clear(l.waiting)
	l.mu.Unlock()
	l.came <- struct{}{}
}

func start(t interface{ Fatal(...any) }, c Config[item]) (*Pool[item], []*log) {
	var logs []*log
	c.Handler = func(int) Handler[item] {
		logs = append(logs, newLog())
		return logs[len(logs)-1]
	}
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p, logs
}

func TestEachFlowIsHandledInOrderByOneWorkerAndNothingIsLost(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const sources = 3
		seen := make([]uint64, sources)
		for i := range seen {
			seen[i] = rapid.Uint64Range(0, 3).Draw(t, "seen")
		}
		p, logs := start(t, Config[item]{
			Workers: rapid.IntRange(1, 4).Draw(t, "workers"), Queue: 1 << rapid.IntRange(1, 6).Draw(t, "log2 queue"), Order: order, Seen: slices.Clone(seen),
		})
		want := map[uint64][]item{} // by flow
		var nth, next [16]uint64
		var stale, dropped, offered uint64
		marks := uint64(0)
		for range rapid.IntRange(0, 300).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0:
				p.Commit()
			case 1:
				marks++
				for !p.Mark(marks) {
					p.Commit()
					runtime.Gosched()
				}
				for _, l := range logs {
					<-l.came
				}
			default:
				flow, source := rapid.Uint64Range(0, 7).Draw(t, "flow"), rapid.IntRange(0, sources-1).Draw(t, "source")
				again := next[source] > 0 && rapid.IntRange(0, 9).Draw(t, "again") == 0
				if !again {
					next[source]++
				}
				i := item{flow: flow, n: nth[flow], seq: next[source], source: int32(source)}
				for !p.Offer(hash(flow), &i) {
					p.Commit()
					runtime.Gosched()
				}
				offered++
				// Each source's numbers rise over all workers, so a repeated one is stale where it was seen; the same worker
				// has it only when the flow is the same.
				switch {
				case i.seq <= seen[source] || again && lastOf(want, p, source, p.Of(hash(flow))) >= i.seq:
					stale++
				case flow == 0:
					dropped++
					want[0] = append(want[0], i)
				default:
					want[flow] = append(want[flow], i)
					nth[flow]++
				}
			}
		}
		p.Commit()
		p.Close()
		check(t, p, logs, want, Worker{Enqueued: offered + marks*uint64(p.Workers()), Stale: stale, Dropped: dropped})
	})
}

// lastOf is the last number of a source that a worker was given.
func lastOf(want map[uint64][]item, p *Pool[item], source, worker int) (last uint64) {
	for flow, items := range want {
		for _, i := range items {
			if int(i.source) == source && p.Of(hash(flow)) == worker {
				last = max(last, i.seq)
			}
		}
	}
	return last
}

func check(t *rapid.T, p *Pool[item], logs []*log, want map[uint64][]item, sum Worker) {
	delete(want, 0)
	got := map[uint64][]item{}
	for w, l := range logs {
		for _, i := range l.items {
			if p.Of(hash(i.flow)) != w {
				t.Fatalf("flow %d was handled by worker %d", i.flow, w)
			}
			got[i.flow] = append(got[i.flow], i)
			sum.Processed++
		}
	}
	for flow := range want {
		if !slices.Equal(got[flow], want[flow]) {
			t.Fatalf("flow %d: handled %v, want %v", flow, got[flow], want[flow])
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d flows were handled, want %d", len(got), len(want))
	}
	is := Sum(p.Stats())
	if is.Enqueued != sum.Enqueued || is.Processed != sum.Processed || is.Stale != sum.Stale || is.Dropped != sum.Dropped || is.Depth != 0 {
		t.Fatalf("enqueued %d processed %d stale %d dropped %d depth %d, want %d %d %d %d 0", is.Enqueued, is.Processed, is.Stale,
			is.Dropped, is.Depth, sum.Enqueued, sum.Processed, sum.Stale, sum.Dropped)
	}
	if n := is.Latency.Count(); n != is.Processed+is.Stale+is.Dropped {
		t.Fatalf("%d latencies of %d items", n, is.Processed+is.Stale+is.Dropped)
	}
}

func TestAFullQueueRefusesAndKeepsNothing(t *testing.T) {
	l := newLog()
	l.hold = make(chan struct{})
	p, err := New(Config[item]{Queue: 4, Handler: func(int) Handler[item] { return l }})
	if err != nil {
		t.Fatal(err)
	}
	taken := uint64(0)
	for n := uint64(1); n <= 5; n++ { // the worker holds none back: places are free again after the burst
		if !p.Offer(0, &item{flow: n}) {
			break
		}
		taken++
		p.Commit()
	}
	if taken != 4 {
		t.Fatalf("a queue of 4 took %d items", taken)
	}
	if p.Mark(1) {
		t.Fatal("a full queue took a mark")
	}
	close(l.hold)
	for !p.Mark(1) {
		runtime.Gosched()
	}
	<-l.came
	p.Close()
	if len(l.items) != 4 || l.upTo[0] != 4 {
		t.Fatalf("handled %v, marked at %v", l.items, l.upTo)
	}
}

func TestAMarkComesAfterWhatWasOfferedBeforeIt(t *testing.T) {
	p, logs := start(t, Config[item]{Workers: 3, Queue: 256})
	sum := 0
	for round := 1; round <= 20; round++ {
		for flow := uint64(1); flow <= 50; flow++ {
			for !p.Offer(hash(flow), &item{flow: flow}) {
				p.Commit()
				runtime.Gosched()
			}
			sum++
		}
		for !p.Mark(uint64(round)) {
			p.Commit()
			runtime.Gosched()
		}
		seen := 0
		for _, l := range logs {
			<-l.came
			l.mu.Lock()
			seen += l.upTo[round-1]
			l.mu.Unlock()
		}
		if seen != sum {
			t.Fatalf("mark %d came after %d items, want %d", round, seen, sum)
		}
	}
	p.Close()
}

func TestAWorkerWakesByTheDoorbellAndWaitsNoLongerThanItsBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, logs := start(t, Config[item]{Wait: time.Hour})
		synctest.Wait() // it sleeps
		began := time.Now()
		p.Offer(0, &item{flow: 1})
		p.Mark(1)
		<-logs[0].came
		if slept := time.Since(began); slept != 0 {
			t.Errorf("the doorbell took %v", slept)
		}
		// Without the doorbell it looks when its wait is over.
		synctest.Wait()
		w := p.workers[0]
		began = time.Now()
		p.reserve(w).mark = 2
		w.in.Commit()
		<-logs[0].came
		if slept := time.Since(began); slept > time.Hour {
			t.Errorf("it slept %v", slept)
		}
		p.Close()
	})
}

// where notes the CPUs that the worker may use.
type where struct{ got chan unix.CPUSet }

func (w *where) Handle(*item) Outcome {
	var set unix.CPUSet
	_ = unix.SchedGetaffinity(0, &set)
	w.got <- set
	return Applied
}

func (w *where) Mark(uint64) {}

func TestAWorkerIsPinnedToItsCPU(t *testing.T) {
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		t.Fatal(err)
	}
	cpu := 0
	for !all.IsSet(cpu) {
		cpu++
	}
	w := &where{got: make(chan unix.CPUSet, 1)}
	p, err := New(Config[item]{CPUs: []int{cpu}, Handler: func(int) Handler[item] { return w }})
	if err != nil {
		t.Fatal(err)
	}
	p.Offer(0, &item{flow: 1})
	p.Commit()
	set := <-w.got
	p.Close()
	if set.Count() != 1 || !set.IsSet(cpu) {
		t.Errorf("it may run on %d CPUs, want CPU %d alone", set.Count(), cpu)
	}
	if p.Stats()[0].CPU != cpu {
		t.Errorf("it says that it runs on CPU %d", p.Stats()[0].CPU)
	}
}

type withPointer struct{ text string }

type mute[T any] struct{}

func (mute[T]) Handle(*T) Outcome { return Applied }
func (mute[T]) Mark(uint64)       {}

func refusal[T any](c Config[T]) string {
	p, err := New(c)
	if err == nil {
		p.Close()
		return ""
	}
	return err.Error()
}

func TestWhatCannotWorkIsRefused(t *testing.T) {
	plain := func(int) Handler[item] { return mute[item]{} }
	for _, c := range []struct{ name, got, want string }{
		{"no handler", refusal(Config[item]{}), "no handler"},
		{"too many workers", refusal(Config[item]{Workers: 65, Handler: plain}), "65 workers"},
		{"a queue that is no power of two", refusal(Config[item]{Queue: 3, Handler: plain}), "3 items"},
		{"a CPU that is not there", refusal(Config[item]{CPUs: []int{1000}, Handler: plain}), "CPU 1000"},
		{"items with pointers", refusal(Config[withPointer]{Handler: func(int) Handler[withPointer] { return mute[withPointer]{} }}), "holds pointers"},
		{"items of a page and more", refusal(Config[[5000]byte]{Handler: func(int) Handler[[5000]byte] { return mute[[5000]byte]{} }}), "at most 4096"},
	} {
		if !strings.Contains(c.got, c.want) {
			t.Errorf("%s: %q, want %q in it", c.name, c.got, c.want)
		}
	}
}

func BenchmarkOfferToHandle(b *testing.B) {
	for _, workers := range []int{1, 2} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			p, err := New(Config[[128]byte]{Workers: workers, Handler: func(int) Handler[[128]byte] { return mute[[128]byte]{} }})
			if err != nil {
				b.Fatal(err)
			}
			var it [128]byte
			b.ReportAllocs()
			for i := range b.N {
				for !p.Offer(uint32(i)*0x9e3779b9, &it) {
					p.Commit()
					runtime.Gosched()
				}
				if i%64 == 63 {
					p.Commit()
				}
			}
			p.Commit()
			p.Close()
		})
	}
}
