package audit

import (
	"cmp"
	"net/netip"
	"slices"
	"sync"
	"time"

	"fcredirect/mgmt/problem"
)

// source is where refused attempts come from, and why they are refused.
type source struct {
	address string // a network, see Network
	who     string
	code    problem.Code
}

// Network is what stands for a client in counts: its address, or the 64 bits of IPv6 that one customer has.
func Network(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	if a = a.Unmap().WithZone(""); a.Is6() {
		p, _ := a.Prefix(64) // 64 bits are in range
		return p.String()
	}
	return a.String()
}

// flood bounds how many refused attempts are written one by one.
type flood struct {
	mu      sync.Mutex
	total   bucket
	sources map[source]*bucket
	counted map[summary]*tally
}

// bucket is filled with one permission each period, up to its size.
type bucket struct {
	left float64
	at   time.Time
}

// summary is what is told about attempts that were only counted.
type summary struct {
	address string
	code    problem.Code
}

type tally struct {
	summary
	count int
	since time.Time
}

func newFlood(now time.Time) *flood {
	return &flood{total: bucket{totalBurst, now}, sources: map[source]*bucket{}, counted: map[summary]*tally{}}
}

// admit says whether an attempt is written; else it is counted.
func (f *flood) admit(s source, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	b := f.sources[s]
	if b == nil {
		f.forget(now)
		if len(f.sources) < maxSources {
			b = &bucket{refusedBurst, now}
			f.sources[s] = b
		}
	}
	// A source that cannot be remembered has what is left for all.
	if (b == nil || b.has(refusedBurst, refusedEvery, now)) && f.total.has(totalBurst, totalEvery, now) {
		if f.total.left--; b != nil {
			b.left--
		}
		return true
	}
	f.count(summary{s.address, s.code}, now)
	return false
}

// has fills the bucket for the time that went by and says whether there is something in it.
func (b *bucket) has(size float64, every time.Duration, now time.Time) bool {
	if gone := now.Sub(b.at); gone > 0 {
		b.left = min(size, b.left+float64(gone)/float64(every))
	}
	b.at = now
	return b.left >= 1
}

// forget drops sources whose buckets are full again, when there are many.
func (f *flood) forget(now time.Time) {
	if len(f.sources) < maxSources {
		return
	}
	for s, b := range f.sources {
		if b.has(refusedBurst, refusedEvery, now); b.left >= refusedBurst {
			delete(f.sources, s)
		}
	}
}

func (f *flood) count(s summary, now time.Time) {
	if f.counted[s] == nil && len(f.counted) >= maxSummary {
		s.address = "" // of several
	}
	t := f.counted[s]
	if t == nil {
		t = &tally{summary: s, since: now}
		f.counted[s] = t
	}
	t.count++
}

// take gives what was counted since the last time, the largest first.
func (f *flood) take(time.Time) []tally {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := make([]tally, 0, len(f.counted))
	for _, t := range f.counted {
		list = append(list, *t)
	}
	clear(f.counted)
	slices.SortFunc(list, func(a, b tally) int { return cmp.Compare(b.count, a.count) })
	return list
}
