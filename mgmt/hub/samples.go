package hub

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"math"
	"strconv"
	"sync/atomic"
	"time"

	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/report"
	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/problem"
)

// Sample is what the pages of the segment said at a moment. Rates and shares are those since the sample before, absent in
// the first of a boot of the data plane.
type Sample struct {
	At         time.Time       `json:"at"`
	Boot       string          `json:"boot"`
	Alive      bool            `json:"alive"` // the data plane runs
	Generation uint32          `json:"generation"`
	Policy     string          `json:"policy,omitempty"`
	Total      *TotalSample    `json:"total,omitempty"`
	Ports      []PortSample    `json:"ports"`
	Lcores     []LcoreSample   `json:"lcores"`
	Services   []ServiceSample `json:"services"`
	Rings      []RingSample    `json:"rings"`
}

// TotalSample is of all ports together, per second.
type TotalSample struct {
	Frames     float64 `json:"frames_per_second"` // received
	Bytes      float64 `json:"bytes_per_second"`
	Redirected float64 `json:"redirected_per_second"`
	Mirrored   float64 `json:"mirrored_per_second"`
	Dropped    float64 `json:"dropped_per_second"`
}

// PortSample is a port.
type PortSample struct {
	Name      string     `json:"name"`
	Up        bool       `json:"up"`
	FramesIn  uint64     `json:"frames_in"`
	BytesIn   uint64     `json:"bytes_in"`
	FramesOut uint64     `json:"frames_out"`
	BytesOut  uint64     `json:"bytes_out"`
	Dropped   uint64     `json:"dropped"`
	Errors    uint64     `json:"device_errors"`
	Rates     *PortRates `json:"rates,omitempty"`
}

// PortRates are per second.
type PortRates struct {
	FramesIn  float64 `json:"frames_in"`
	BytesIn   float64 `json:"bytes_in"`
	FramesOut float64 `json:"frames_out"`
	BytesOut  float64 `json:"bytes_out"`
	Dropped   float64 `json:"dropped"`
}

// LcoreSample is a poll-mode core. Latencies are those since the sample before, in microseconds, 0 without frames.
type LcoreSample struct {
	Index      int      `json:"index"`
	Frames     uint64   `json:"frames"`
	Directions uint64   `json:"directions"`
	Stalls     uint64   `json:"stalls"`
	Busy       *float64 `json:"busy,omitempty"` // share of the time
	FrameRate  *float64 `json:"frames_per_second,omitempty"`
	P50        *float64 `json:"latency_p50_us,omitempty"`
	P99        *float64 `json:"latency_p99_us,omitempty"`
	P9999      *float64 `json:"latency_p9999_us,omitempty"`
}

// ServiceSample is a service of the active policy.
type ServiceSample struct {
	Name string `json:"name"`
	Up   bool   `json:"up"`
}

// RingSample is a ring to the slow path.
type RingSample struct {
	Consumer  string `json:"consumer"`
	Shard     int    `json:"shard"`
	Producer  int    `json:"producer"`
	Depth     uint64 `json:"depth"`
	Items     int    `json:"items"`
	Offered   uint64 `json:"offered"`
	Conflated uint64 `json:"conflated"`
	Lost      uint64 `json:"lost"`
}

// Segment is what is sampled: an *attach.Live.
type Segment interface {
	Use(func(*attach.Segment) error) error
}

// Samples is the topic of samples.
func Samples(live Segment) Topic {
	return Topic{
		Name: "samples", Permission: auth.StatisticsRead,
		Text: "Counters and rates of ports, lcores, services and rings. `period_ms` is 1000 (usual) or 100. Each update is a whole sample.",
		Open: func(_ *auth.Actor, text json.RawMessage) (*Offer, error) {
			var p struct {
				Period int `json:"period_ms"`
			}
			if err := params(text, &p); err != nil {
				return nil, err
			}
			if p.Period = cmp.Or(p.Period, 1000); p.Period != 1000 && p.Period != 100 {
				return nil, problem.New(problem.Invalid, "").At("params/period_ms", "must be 1000 or 100")
			}
			every := time.Duration(p.Period) * time.Millisecond
			return &Offer{Key: "samples " + strconv.Itoa(p.Period), Run: func(ctx context.Context, r *Room) { sample(ctx, r, live, every) }}, nil
		},
	}
}

// sample samples until ctx ends.
func sample(ctx context.Context, r *Room, live Segment, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var before *look
	for {
		var now *look
		err := live.Use(func(seg *attach.Segment) error {
			now = lookAt(seg)
			return nil
		})
		switch {
		case err != nil:
			before = nil
			r.Fail(err)
		case now == nil: // it starts: its counters are nobody's
		default:
			s := now.sample(before)
			data := marshal(s)
			r.Publish(s.At, func() any { return json.RawMessage(data) }, data)
			before = now
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// look is what was read of the pages.
type look struct {
	at       time.Time
	boot     string
	hz       uint64
	segment  report.Segment
	ports    []report.Port
	lcores   []report.Lcore
	services []report.Service
	rings    []feed.Ring
}

// lookAt reads the pages; nil while the data plane starts. A start first says so, then clears them, and is named last.
func lookAt(seg *attach.Segment) *look {
	boot, ok := running(seg.State)
	if !ok {
		return nil
	}
	l := &look{
		at: time.Now(), boot: boot, hz: max(seg.State.Header().TSCHz, 1), segment: report.SegmentOf(seg.State), ports: report.Ports(seg.State),
		lcores: report.Lcores(seg.State), services: report.Services(seg.State), rings: feed.Rings(seg.State, seg.Ctl),
	}
	if again, ok := running(seg.State); !ok || again != boot {
		return nil
	}
	return l
}

func running(f *shm.File) (boot string, ok bool) {
	h := f.Header()
	before := atomic.LoadUint32(&h.State)
	id := h.BootID
	return hex.EncodeToString(id[:]), before != shm.Starting && atomic.LoadUint32(&h.State) != shm.Starting
}

// sample compares a look with the one before.
func (l *look) sample(before *look) *Sample {
	s := &Sample{
		At: l.at.Round(0).UTC(), Boot: l.boot, Alive: l.segment.Alive, Generation: l.segment.Generation, Policy: l.segment.Policy,
		Ports: make([]PortSample, 0, len(l.ports)), Lcores: make([]LcoreSample, 0, len(l.lcores)), Services: []ServiceSample{}, Rings: []RingSample{},
	}
	seconds := 0.0
	if before != nil && before.boot == l.boot && len(before.ports) == len(l.ports) && len(before.lcores) == len(l.lcores) {
		seconds = l.at.Sub(before.at).Seconds()
	}
	rate := func(now, then uint64) float64 { return tenth(float64(now-min(then, now)) / seconds) }
	if seconds > 0 {
		s.Total = &TotalSample{}
	}
	for i := range l.ports {
		now := &l.ports[i]
		p := PortSample{
			Name: now.Name, Up: now.Up, FramesIn: now.FramesIn, BytesIn: now.BytesIn, FramesOut: now.FramesOut, BytesOut: now.BytesOut,
			Dropped: now.Dropped + now.TxStalled, Errors: now.DeviceErrors,
		}
		if seconds > 0 {
			then := &before.ports[i]
			p.Rates = &PortRates{
				rate(now.FramesIn, then.FramesIn), rate(now.BytesIn, then.BytesIn), rate(now.FramesOut, then.FramesOut), rate(now.BytesOut, then.BytesOut),
				rate(p.Dropped, then.Dropped+then.TxStalled),
			}
			s.Total.Frames += p.Rates.FramesIn
			s.Total.Bytes += p.Rates.BytesIn
			s.Total.Dropped += p.Rates.Dropped
			s.Total.Redirected += rate(now.Counters.Fates[shm.FateSteered], then.Counters.Fates[shm.FateSteered])
			s.Total.Mirrored += rate(now.Mirrored, then.Mirrored)
		}
		s.Ports = append(s.Ports, p)
	}
	if t := s.Total; t != nil {
		*t = TotalSample{tenth(t.Frames), tenth(t.Bytes), tenth(t.Redirected), tenth(t.Mirrored), tenth(t.Dropped)}
	}
	for i := range l.lcores {
		c := LcoreSample{Index: l.lcores[i].Index, Frames: l.lcores[i].Frames, Directions: l.lcores[i].Flows, Stalls: l.lcores[i].Stalls}
		if seconds > 0 {
			c.compare(&l.lcores[i].Page, &before.lcores[i].Page, l.hz)
			frames := rate(l.lcores[i].Frames, before.lcores[i].Frames)
			c.FrameRate = &frames
		}
		s.Lcores = append(s.Lcores, c)
	}
	for _, v := range l.services {
		s.Services = append(s.Services, ServiceSample{v.Name, v.Up})
	}
	for _, r := range l.rings {
		s.Rings = append(s.Rings, RingSample{r.Consumer.String(), r.Shard, r.Producer, r.Depth, r.Items, r.Offered, r.Conflated, r.Lost})
	}
	return s
}

// tenth is a rate as it is shown.
func tenth(rate float64) float64 { return math.Round(rate*10) / 10 }

// compare makes the busy share and the latencies between two states of an lcore's page.
func (c *LcoreSample) compare(now, then *shm.Lcore, hz uint64) {
	busy, idle := now.BusyTSC-min(then.BusyTSC, now.BusyTSC), now.IdleTSC-min(then.IdleTSC, now.IdleTSC)
	share := math.Round(float64(busy)/float64(max(busy+idle, 1))*1e4) / 1e4
	latency := now.Latency.Minus(&then.Latency)
	us := func(q float64) *float64 {
		v := math.Round(float64(latency.Quantile(q))*1e9/float64(hz)) / 1e3
		return &v
	}
	c.Busy, c.P50, c.P99, c.P9999 = &share, us(0.5), us(0.99), us(0.9999)
}
