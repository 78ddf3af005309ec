package replication

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"fcredirect/mgmt/peer/record"
)

// event is a change that falls due.
type event struct {
	at   int64 // ns since the trace began
	key  int32
	lane record.Lane
	gone bool
}

// trace is what happens in a measurement, in the order of time.
type trace struct {
	name    string
	flows   int
	seconds float64
	filled  bool // everybody is logged in when it begins
	events  []event
	// next is the next change of the same key for each event, first the first one for each key; -1: none.
	next, first []int32
}

// The names of the traces, in the order of reports.
var traceNames = []string{"steady", "bursty", "login storm", "idle"}

// newTrace draws a trace. Equal arguments give equal traces.
func newTrace(name string, flows int, rate, seconds float64) (*trace, error) {
	t := &trace{name: name, flows: flows, seconds: seconds, filled: true}
	w := newWorld(flows)
	d := &drawer{w: w, random: rand.New(rand.NewPCG(5, uint64(len(name)))), length: int64(seconds * 1e9)}
	switch name {
	case "steady":
		d.even(rate, d.any)
	case "bursty":
		d.even(rate*(1-burstShare), d.any)
		d.bursts(rate * burstShare)
	case "login storm":
		t.filled = false
		d.storm(rate)
	case "idle":
		d.even(idleRate, d.any)
	default:
		return nil, fmt.Errorf("bench: no trace %q", name)
	}
	slices.SortStableFunc(d.events, func(a, b event) int { return int(min(max(a.at-b.at, -1), 1)) })
	t.events = d.events
	t.link(len(w.keys))
	return t, nil
}

// link finds for each event the next one of its key.
func (t *trace) link(keys int) {
	t.next, t.first = make([]int32, len(t.events)), make([]int32, keys)
	for i := range t.first {
		t.first[i] = -1
	}
	for i := len(t.events) - 1; i >= 0; i-- {
		key := t.events[i].key
		t.next[i], t.first[key] = t.first[key], int32(i)
	}
}

// drawer draws events.
type drawer struct {
	w      *world
	random *rand.Rand
	length int64
	events []event
}

func (d *drawer) add(at int64, key int, lane record.Lane, gone bool) {
	if at < d.length {
		d.events = append(d.events, event{at, int32(key), lane, gone})
	}
}

// any is a flow like any other.
func (d *drawer) any() int { return d.random.IntN(d.w.flows) }

// hot is a flow, mostly one of few.
func (d *drawer) hot() int {
	if d.random.Float64() < hotShare {
		return d.random.IntN(max(1, int(float64(d.w.flows)*hotFlows)))
	}
	return d.any()
}

// even draws changes that come one by one at random moments: totals, now and then a state, seldom a failure.
func (d *drawer) even(rate float64, pick func() int) {
	for at := d.random.ExpFloat64() / rate * 1e9; at < float64(d.length); at += d.random.ExpFloat64() / rate * 1e9 {
		d.one(int64(at), pick())
	}
}

func (d *drawer) one(at int64, flow int) {
	n := 2*flow + d.random.IntN(2)
	switch p := d.random.Float64(); {
	case p < shareImmediate:
		d.add(at, d.w.direction(n), record.Immediate, false)
	case p < shareImmediate+shareHigh:
		d.add(at, d.w.direction(n), record.High, false)
	default:
		d.add(at, d.w.totals(n), record.Normal, false)
	}
}

// bursts draws changes that come together: many hosts go on after a pause, a link comes back.
func (d *drawer) bursts(rate float64) {
	each := int(rate * burstEvery / 1e9)
	for begin := int64(burstEvery / 4); begin < d.length; begin += burstEvery {
		for range each {
			d.one(begin+d.random.Int64N(burstLasts), d.hot())
		}
	}
}

// storm draws hosts that all log in within half of the time, open their flows and begin to work; some leave again.
func (d *drawer) storm(rate float64) {
	w := d.w
	for key := w.hosts; key < w.hosts+w.targets; key++ {
		d.add(d.random.Int64N(d.length/20), key, record.High, false)
	}
	for host := range w.hosts {
		begin := d.length/20 + d.random.Int64N(d.length/2)
		leaves := d.length
		if d.random.Float64() < logoutShare {
			leaves = begin + d.random.Int64N(d.length/2)
		}
		d.add(begin, host, record.High, false)
		for i := host * fanOut; i < min((host+1)*fanOut, w.flows); i++ {
			for n := 2 * i; n <= 2*i+1; n++ {
				opened := begin + 1e6 + d.random.Int64N(20e6)
				if opened >= leaves {
					continue
				}
				d.add(opened, w.direction(n), record.High, false)
				every, counted := 1e9*float64(2*w.flows)/rate, false
				for at := float64(opened) + d.random.Float64()*every; at < float64(leaves); at += every {
					d.add(int64(at), w.totals(n), record.Normal, false)
					counted = true
				}
				if leaves < d.length {
					d.add(leaves+1e6, w.direction(n), record.High, true)
					if counted {
						d.add(leaves+2e6, w.totals(n), record.Normal, true)
					}
				}
			}
		}
		if leaves < d.length {
			d.add(leaves, host, record.Immediate, true)
		}
	}
}
