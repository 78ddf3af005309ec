package faults

import (
	"fmt"
	"path/filepath"
	"time"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/shm"
)

// lifeID names one life of one direction for ever.
type lifeID struct{ epoch, serial uint64 }

// life is what the segment, or the database, says of it.
type life struct {
	key              uint64
	frames, bytes    uint64
	errors           uint64
	initiator        uint64
	target           uint64
	sampled, samples total // of the database: what the flow says was sampled, and the sum of the samples
	ended            bool
}

type total struct{ frames, bytes uint64 }

// segment is a mapped segment.
type segment struct{ state, ctl *shm.File }

func openSegment(dir string) (*segment, error) {
	state, err := shm.Open(filepath.Join(dir, "state"), false)
	if err != nil {
		return nil, err
	}
	ctl, err := shm.Open(filepath.Join(dir, "ctl"), false)
	if err != nil {
		state.Close()
		return nil, err
	}
	return &segment{state, ctl}, nil
}

func (s *segment) close() {
	s.state.Close()
	s.ctl.Close()
}

func (s *segment) epoch() uint64 { return s.state.Header().Epoch }

// lives reads the flow tables. A direction on which no storage frame was seen is no flow yet.
func (s *segment) lives() map[lifeID]life {
	all := map[lifeID]life{}
	for i := range shm.Items[shm.Lcore](s.state, shm.RegionLcores) {
		v := flow.NewView(shm.Items[flow.Entry](s.state, fmt.Sprintf(shm.RegionFlows, i)), shm.Items[flow.Info](s.state, fmt.Sprintf(shm.RegionInfos, i)))
		for d := range v.All() {
			if d.Info.Orient == flow.OrientUnknown {
				continue
			}
			all[lifeID{s.epoch(), uint64(i)<<serialBits | d.Info.Serial}] = life{
				key: uint64(d.Key), frames: d.Frames, bytes: d.Bytes, errors: uint64(d.Errors), initiator: d.Info.Initiator, target: d.Info.Target,
			}
		}
	}
	return all
}

// serialBits: above them stands the lcore's index (dataplane/lcore/report.go).
const serialBits = 56

// rings lists the rings of one consumer.
func (s *segment) rings(c feed.Consumer) (list []feed.Ring) {
	for _, r := range feed.Rings(s.state, s.ctl) {
		if r.Consumer == c {
			list = append(list, r)
		}
	}
	return list
}

// moment is what the lcores counted up to a time.
type moment struct {
	at      time.Time
	frames  uint64
	stalls  uint64
	latency shm.Histogram
	hz      uint64
}

func (s *segment) look() moment {
	m := moment{at: time.Now(), hz: s.state.Header().TSCHz}
	for i := range shm.Items[shm.Lcore](s.state, shm.RegionLcores) {
		l := &shm.Items[shm.Lcore](s.state, shm.RegionLcores)[i]
		m.frames += l.Frames
		m.stalls += l.Stalls
		m.latency.Plus(&l.Latency)
	}
	return m
}

// phase is what happened between two moments.
type phase struct {
	seconds float64
	mpps    float64
	stalls  uint64        // passes that began more than 10 ms after the one before
	worst   time.Duration // of a burst, from received to sent
	p9999   time.Duration
}

func between(a, b moment) phase {
	lat := b.latency.Minus(&a.latency)
	in := func(q float64) time.Duration { return time.Duration(float64(lat.Quantile(q)) / float64(b.hz) * 1e9) }
	s := b.at.Sub(a.at).Seconds()
	return phase{seconds: s, mpps: float64(b.frames-a.frames) / s / 1e6, stalls: b.stalls - a.stalls, worst: in(1), p9999: in(.9999)}
}

// and joins two phases that need not lie side by side.
func (p phase) and(q phase) phase {
	s := p.seconds + q.seconds
	return phase{seconds: s, mpps: (p.mpps*p.seconds + q.mpps*q.seconds) / s, stalls: p.stalls + q.stalls, worst: max(p.worst, q.worst), p9999: max(p.p9999, q.p9999)}
}

func (p phase) String() string {
	return fmt.Sprintf("%.1f s at %.2f Mpps, %d stalls, burst P99.99 %v, worst %v", p.seconds, p.mpps, p.stalls, p.p9999.Round(time.Microsecond), p.worst.Round(time.Microsecond))
}
