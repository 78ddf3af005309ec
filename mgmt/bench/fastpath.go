package bench

// The fast path, in the order in which it runs:
//
//	wire.take   how many frames have come by now
//	load        their addresses
//	read        classify, look up: the misses of a burst overlap
//	act         account, verdict, MACs, transmit queue: what dataplane/lcore/burst.go does
//	owed        what the variant does for the slow path, before the frames count as done
//	between     what it does for it between bursts

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/shm"
)

// slow is a variant's part of the fast path. All its methods run on the fast path's goroutine.
type slow interface {
	owed(p *poller, n int, now uint64) error
	between(p *poller, now uint64)
	fresh() uint64 // a flow not seen since then is touched
	touch(p *poller, e *flow.Entry)
}

// poller is an lcore in memory.
type poller struct {
	// constant
	t     *traffic
	shard *flow.Shard
	start time.Time
	burst int

	// of the burst
	data   [64]unsafe.Pointer
	length [64]uint32
	parsed frame.Parsed
	places [64]flow.Place
	hit    [64]uint32 // slots
	marks  [2]mark
	tx     [2][64]unsafe.Pointer
	queued [2]int

	next  int
	loops uint64
	tally tally
}

// mark is what becomes of the first 8 bytes of a frame.
type mark struct{ keep, mac uint64 }

// tally is what was counted since the last reset.
type tally struct {
	frames  uint64
	odd     uint64        // frames without a flow: there are none
	latency shm.Histogram // ns from the receipt of a burst until it is done
	robbed  float64       // share of the time in which its thread waited for a CPU that others had
	waited  shm.Histogram // ns from a frame's arrival on the wire until it is done; only at a fixed rate
}

func newPoller(t *traffic, s *flow.Shard, burst int) *poller {
	p := &poller{t: t, shard: s, start: time.Now(), burst: burst, marks: [2]mark{{keep: ^uint64(0)}, {keep: macMask, mac: serviceMAC}}}
	for i := range p.length {
		p.length[i] = t.length
	}
	return p
}

// now is the clock of everything here: ns since the poller was made, and never 0.
func (p *poller) now() uint64 { return uint64(time.Since(p.start)) + 1 }

// run forwards frames from the wire until the time given, and for it.
func (p *poller) run(w *wire, s slow, d time.Duration) error {
	p.tally = tally{}
	end := p.now() + uint64(d)
	w.begin(p.now())
	idle, sleep := 0, firstSleep
	for {
		now := p.now()
		if now >= end {
			return nil
		}
		n := w.take(now, p.burst)
		p.loops++
		s.between(p, now)
		if n == 0 {
			if idle++; idle > spinPolls {
				rest(sleep)
				sleep = min(2*sleep, lastSleep)
			}
			continue
		}
		idle, sleep = 0, firstSleep
		p.load(n)
		p.read(n)
		p.act(n, now, s)
		if err := s.owed(p, n, now); err != nil {
			return err
		}
		p.queued = [2]int{}
		done := p.now()
		p.tally.frames += uint64(n)
		p.tally.latency.Add(done-now, uint64(n))
		w.done(n, done, &p.tally.waited)
	}
}

// rest is a nap of the thread: a timer of the runtime would cost more to wake from.
func rest(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	_ = unix.Nanosleep(&ts, nil) // woken early is awake
}

func (p *poller) load(n int) {
	for i := range min(n, 64) {
		p.data[i] = p.t.frame(p.next)
		if p.next++; p.next == len(p.t.keys) {
			p.next = 0
		}
	}
}

// lookAhead and lag are those of dataplane/lcore.
const (
	lookAhead = 8
	lag       = 2 * lookAhead
)

func (p *poller) read(n int) {
	for first := 0; first < n+lag; first += lookAhead {
		if end := min(first+lookAhead, n); first < end {
			frame.Classify(&p.data, &p.length, first, end, 0, &p.parsed)
			p.shard.Seek(&p.parsed.Keys, &p.places, first, end)
		}
		if before := first - lag; before >= 0 {
			p.shard.Probe(&p.parsed.Keys, &p.places, before, min(before+lookAhead, n))
		}
	}
}

const ordinary = 0xff | frame.ClassNoFlow

func (p *poller) act(n int, now uint64, s slow) {
	fresh := s.fresh()
	for i := range min(n, 64) {
		e := p.shard.At(p.places[i])
		if key := flow.Key(p.parsed.Keys[i]); e.Key != key {
			e = p.shard.Find(key)
		}
		if e == nil || p.parsed.Classes[i]&ordinary != 0 {
			p.tally.odd++
			continue
		}
		e.Frames++
		e.Bytes += uint64(p.length[i])
		if int64(e.LastSeen-fresh) <= 0 {
			s.touch(p, e)
		}
		e.LastSeen = now
		data := p.data[i]
		if macs := (*[12]byte)(data); *macs != e.MAC && e.MAC == [12]byte{} {
			e.MAC = *macs
		}
		m := &p.marks[e.Verdict.Mark()&1]
		*(*uint64)(data) = *(*uint64)(data)&m.keep | m.mac
		q := e.Verdict.Queue() & 1
		p.tx[q][p.queued[q]&63] = data
		p.queued[q]++
		p.hit[i] = p.shard.Slot(e)
	}
}

// wire says which frames have come: as many as are taken, or at a fixed rate into a bounded queue. Frame number n comes
// n/rate after the beginning. It belongs to the fast path.
type wire struct {
	rate float64 // per ns; 0: always as many as wanted

	start   uint64
	arrived uint64 // that came, lost ones included
	lost    uint64
	waiting int
	runs    []run // of numbers of frames that wait or are being done; a gap between two is loss
}

// run is frames that came one after the other.
type run struct{ first, count uint64 }

// begin starts the clock of the wire.
func (w *wire) begin(now uint64) { *w = wire{rate: w.rate, start: now, runs: w.runs[:0]} }

// take is how many frames of those that wait may be had, at most most.
func (w *wire) take(now uint64, most int) int {
	if w.rate == 0 {
		return most
	}
	came := uint64(float64(now-w.start)*w.rate) - w.arrived
	if room := uint64(receiveFrames - w.waiting); came > 0 {
		taken := min(came, room)
		if n := len(w.runs); n > 0 && w.runs[n-1].first+w.runs[n-1].count == w.arrived {
			w.runs[n-1].count += taken
		} else if taken > 0 {
			w.runs = append(w.runs, run{w.arrived, taken})
		}
		w.waiting += int(taken)
		w.lost += came - taken
		w.arrived += came
	}
	return min(w.waiting, most)
}

// done says that the n oldest frames are done, and notes how long ago each came.
func (w *wire) done(n int, now uint64, waited *shm.Histogram) {
	if w.rate == 0 {
		return
	}
	w.waiting -= n
	for n > 0 {
		r := &w.runs[0]
		take := min(uint64(n), r.count)
		for i := range take {
			came := w.start + uint64(float64(r.first+i+1)/w.rate)
			waited.Add(now-min(now, came), 1)
		}
		r.first, r.count, n = r.first+take, r.count-take, n-int(take)
		if r.count == 0 {
			w.runs = w.runs[:copy(w.runs, w.runs[1:])]
		}
	}
}
