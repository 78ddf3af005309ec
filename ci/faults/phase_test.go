package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"fcredirect/dataplane/shm"
)

// moment is what the lcore counted up to a time, and what the kernel says of its thread.
type moment struct {
	at      time.Time
	frames  uint64
	stalls  uint64
	latency shm.Histogram
	hz      uint64
	usage
}

// usage is what became of a thread's time, beside what it waited for.
type usage struct {
	onCPU  time.Duration
	waited time.Duration // for its CPU, which another program had
	stolen time.Duration // from its CPU by the machine that this one is a guest of: the kernel counts it as neither
}

func (p *place) look() moment {
	p.t.Helper()
	m := moment{at: time.Now(), hz: p.seg.state.Header().TSCHz}
	for i := range shm.Items[shm.Lcore](p.seg.state, shm.RegionLcores) {
		l := &shm.Items[shm.Lcore](p.seg.state, shm.RegionLcores)[i]
		m.frames += l.Frames
		m.stalls += l.Stalls
		m.latency.Plus(&l.Latency)
	}
	var err error
	m.usage, err = usageOf(p.load.lcore, cpus.lcore)
	must(p.t, err)
	return m
}

// lcoreThread is the /proc folder of the one thread of a process that is bound to the lcore's CPU and has used it most.
func lcoreThread(pid int, cpu string) (dir string, err error) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid)) // the pattern is good
	most := int64(-1)
	for _, t := range tasks {
		status, err := os.ReadFile(filepath.Join(t, "status"))
		if err != nil || !strings.Contains(string(status), "\nCpus_allowed_list:\t"+cpu+"\n") {
			continue // ended, or another
		}
		var on int64
		if b, err := os.ReadFile(filepath.Join(t, "schedstat")); err != nil {
			continue
		} else if _, err := fmt.Sscan(string(b), &on); err == nil && on > most {
			most, dir = on, t
		}
	}
	if dir == "" {
		return "", fmt.Errorf("process %d has no thread on CPU %s", pid, cpu)
	}
	return dir, nil
}

// phase is what happened between two moments.
type phase struct {
	seconds float64
	frames  float64
	stalls  float64       // passes that began more than 10 ms after the one before
	worst   time.Duration // of a burst, from received to sent
	p9999   time.Duration
	onCPU   float64       // seconds
	waited  float64       // seconds without its CPU, which another program had
	stolen  float64       // seconds without its CPU, which another machine had
	longest time.Duration // that it waited for something else than its CPU, at a time
	slowest float64       // rate of the slowest part, of phases that were joined
	robbed  time.Duration // the most that another machine took of its CPU within stealWithin
}

// observe looks at the lcore until the function that it gives is called.
func (p *place) observe() (end func() phase) {
	p.t.Helper()
	before := p.look()
	type looks struct{ idle, stolen []time.Duration }
	stop, rest := make(chan struct{}), make(chan looks)
	go func() {
		var l looks
		for tick := time.NewTicker(lookEvery); ; {
			if u, err := usageOf(p.load.lcore, cpus.lcore); err == nil {
				l.idle = append(l.idle, time.Since(before.at)-u.onCPU-u.waited-u.stolen)
				l.stolen = append(l.stolen, u.stolen)
			}
			select {
			case <-stop:
				tick.Stop()
				rest <- l
				return
			case <-tick.C:
			}
		}
	}()
	return func() phase {
		p.t.Helper()
		close(stop)
		l := <-rest
		ph := between(before, p.look())
		ph.longest, ph.robbed = longestWait(l.idle), mostWithin(l.stolen, int(stealWithin/lookEvery))
		return ph
	}
}

// usageOf is that of a thread, by its /proc folder, which is bound to a CPU.
func usageOf(thread, cpu string) (u usage, err error) {
	b, err := os.ReadFile(filepath.Join(thread, "schedstat"))
	if err != nil {
		return u, err
	}
	if _, err = fmt.Sscan(string(b), &u.onCPU, &u.waited); err != nil {
		return u, err
	}
	if b, err = os.ReadFile("/proc/stat"); err != nil {
		return u, err
	}
	u.stolen, err = stolenFrom(string(b), cpu)
	return u, err
}

// stolenFrom reads, of /proc/stat, the eighth time of a CPU, in hundredths of a second.
func stolenFrom(stat, cpu string) (time.Duration, error) {
	for line := range strings.Lines(stat) {
		if f := strings.Fields(line); len(f) > 8 && f[0] == "cpu"+cpu {
			n, err := strconv.ParseInt(f[8], 10, 64)
			return time.Duration(n) * 10 * time.Millisecond, err
		}
	}
	return 0, fmt.Errorf("/proc/stat says nothing of CPU %s", cpu)
}

// longestWait is the longest time at once in which a thread neither ran nor waited for its CPU, of what it did neither of
// up to each of many looks. The kernel counts a wait for the CPU only when it is over: until then it looks like one for
// something else, and what is taken back later was none.
func longestWait(idle []time.Duration) (longest time.Duration) {
	for i := len(idle) - 2; i >= 0; i-- {
		idle[i] = min(idle[i], idle[i+1])
		longest = max(longest, idle[i+1]-idle[i])
	}
	return longest
}

// mostWithin is by how much what only grows has grown at most within so many looks.
func mostWithin(seen []time.Duration, looks int) (most time.Duration) {
	for i := range seen {
		most = max(most, seen[i]-seen[max(0, i-looks)])
	}
	return most
}

func between(a, b moment) phase {
	lat := b.latency.Minus(&a.latency)
	in := func(q float64) time.Duration { return time.Duration(float64(lat.Quantile(q)) / float64(b.hz) * 1e9) }
	return phase{
		seconds: b.at.Sub(a.at).Seconds(), frames: float64(b.frames - a.frames), stalls: float64(b.stalls - a.stalls), worst: in(1), p9999: in(.9999),
		onCPU: (b.onCPU - a.onCPU).Seconds(), waited: (b.waited - a.waited).Seconds(), stolen: (b.stolen - a.stolen).Seconds(),
	}
}

// and joins two phases that need not lie side by side.
func (p phase) and(q phase) phase {
	return phase{
		seconds: p.seconds + q.seconds, frames: p.frames + q.frames, stalls: p.stalls + q.stalls, worst: max(p.worst, q.worst), p9999: max(p.p9999, q.p9999),
		onCPU: p.onCPU + q.onCPU, waited: p.waited + q.waited, stolen: p.stolen + q.stolen, longest: max(p.longest, q.longest), robbed: max(p.robbed, q.robbed), slowest: min(p.slow(), q.slow()),
	}
}

// rate is in frames for each second of CPU time: what another program took is no concern here.
func (p phase) rate() float64 { return p.frames / p.onCPU }

// slow is the rate of the slowest part. The speed of a shared machine changes by a fifth within a minute: what is as fast
// as the slower of the times before and after is not slowed by what happened in between.
func (p phase) slow() float64 {
	if p.slowest > 0 {
		return p.slowest
	}
	return p.rate()
}

// blocked is the share of time in which the lcore neither ran nor wanted to: it waited for something. A poll loop does so
// only while the Go runtime takes it off its thread's P and gives it another, a hundred times a second.
func (p phase) blocked() float64 { return max(0, (p.seconds-p.onCPU-p.waited-p.stolen)/p.seconds) }

// shared says that other programs had the lcore's CPU for so long that its clock says nothing of the slow path.
func (p phase) shared() bool { return p.waited > sharedMost*p.seconds }

func (p phase) String() string {
	return fmt.Sprintf("%.1f s, %.2f Mpps (%.2f in each second on its CPU), %.0f stalls (%.1f s its CPU was another's, %.2f s another machine's, %v of it at a time), burst P99.99 %v, worst %v; waited for %v at most, %.2f %% of the time",
		p.seconds, p.frames/p.seconds/1e6, p.rate()/1e6, p.stalls, p.waited, p.stolen, p.robbed, p.p9999.Round(time.Microsecond), p.worst.Round(time.Microsecond),
		p.longest.Round(10*time.Microsecond), 100*p.blocked())
}

// watch looks at the lcore for a time.
func (p *place) watch(d time.Duration) phase {
	p.t.Helper()
	end := p.observe()
	time.Sleep(d)
	return end()
}

// differences says what the fault did to the fast path, beside the same load without.
func differences(calm, fault phase) []string {
	var c complaints
	floor := waitFloor
	if calm.shared() || fault.shared() {
		floor = waitShared
	}
	if most := max(floor, stallFactor*calm.longest); fault.longest > most {
		c.add("the lcore waited for %v at a time with faults, %v without", fault.longest, calm.longest)
	}
	if fault.blocked() > calm.blocked()+blockedMore {
		c.add("the lcore waited for %.1f %% of the time with faults, %.1f %% without", 100*fault.blocked(), 100*calm.blocked())
	}
	if fault.rate() < rateLeast*calm.slow() {
		c.add("the rate fell from %.2f to %.2f Mpps", calm.slow()/1e6, fault.rate()/1e6)
	}
	if calm.shared() || fault.shared() {
		return c.list()
	}
	if most := max(stallFloor, stallFactor*calm.worst) + fault.robbed; fault.worst > most {
		c.add("the worst burst took %v with faults, %v without", fault.worst, calm.worst)
	}
	if a, b := calm.stalls/calm.seconds*60, fault.stalls/fault.seconds*60; b > 2*a+stallsMore {
		c.add("%.0f stalls a minute with faults, %.0f without", b, a)
	}
	return c.list()
}

// asCalm fails when the lcore was held up by a fault.
func asCalm(t *testing.T, calm, fault phase) {
	t.Helper()
	t.Logf("without faults: %v", calm)
	t.Logf("with faults:    %v", fault)
	for _, d := range differences(calm, fault) {
		t.Error(d)
	}
}

func TestTheJudgeOfTheFastPathSeesEveryDifference(t *testing.T) {
	ms := time.Millisecond
	calm := phase{seconds: 10, frames: 1e8, stalls: 10, worst: 100 * ms, onCPU: 9.7, waited: 0.2, longest: 8 * ms}
	for _, c := range []struct {
		name  string
		spoil func(p *phase)
		says  string
	}{
		{"the same is the same", func(*phase) {}, ""},
		{"one long stall", func(p *phase) { p.worst = time.Second }, "worst burst"},
		{"many stalls", func(p *phase) { p.stalls = 100 }, "600 stalls a minute"},
		{"stalls while another program had the CPU", func(p *phase) { p.stalls, p.worst, p.waited, p.onCPU, p.frames = 100, time.Second, 4, 5.9, 6e7 }, ""},
		{"one long wait", func(p *phase) { p.longest = 100 * ms }, "waited for 100ms at a time"},
		{"one long wait, whoever had the CPU", func(p *phase) { p.longest, p.waited, p.onCPU, p.frames = time.Second, 4, 5.9, 6e7 }, "waited for 1s at a time"},
		{"many waits", func(p *phase) { p.onCPU, p.frames = 9, 9.3e7 }, "waited for 8.0 %"},
		{"slower", func(p *phase) { p.frames = 7e7 }, "the rate fell"},
	} {
		t.Run(c.name, func(t *testing.T) {
			fault := calm
			c.spoil(&fault)
			said(t, differences(calm, fault), c.says)
		})
	}
}

func TestAWaitForTheCPUIsNoWait(t *testing.T) {
	ms := func(list ...int) (out []time.Duration) {
		for _, n := range list {
			out = append(out, time.Duration(n)*time.Millisecond)
		}
		return out
	}
	for _, c := range []struct {
		name string
		idle []time.Duration
		want time.Duration
	}{
		{"nothing was looked at", nil, 0},
		{"it ran", ms(1, 1, 2, 2, 3), time.Millisecond},
		{"it waited for its CPU: that is known when it is over", ms(1, 20, 40, 60, 2, 2), time.Millisecond},
		{"it waited for something", ms(1, 20, 40, 40, 41), 20 * time.Millisecond},
		{"both at once", ms(1, 20, 70, 31, 31), 19 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := longestWait(c.idle); got != c.want {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}
