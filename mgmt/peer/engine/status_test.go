package engine

import (
	"testing"
	"time"

	"fcredirect/mgmt/peer/record"
)

func TestAHistogramTellsUpperBounds(t *testing.T) {
	var h, all Histogram
	if h.Quantile(0.99) != 0 {
		t.Error("of nothing")
	}
	for range 99 {
		h.add(int64(900 * time.Microsecond))
	}
	h.add(int64(time.Hour))
	h.add(-5)
	all.Add(&h)
	if p50, p100 := all.Quantile(0.5), all.Quantile(1); p50 != 1024 || p100 != 1<<23 {
		t.Errorf("P50 %d, P100 %d", p50, p100)
	}
}

func TestWhatIsKnownOfAPeerIsShown(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		skew := int64(0)
		if c.Self == "b" {
			skew = int64(time.Hour)
		}
		c.Wall = func() int64 { return 1_700_000_000_000_000_000 + skew }
	}, "a", "b")
	w.all()
	w.run(600 * ms)
	w.put("a", record.High, login(1), 1)
	p := w.engines["a"].Peers(w.now)[0]
	if s := p.Streams[record.State]; s.Head != 1 || s.Acked != 0 || s.Lag != 1 {
		t.Errorf("before it is sent: %+v", s)
	}
	w.run(20 * ms)
	p = w.engines["a"].Peers(w.now)[0]
	if s := p.Streams[record.State]; s.Acked != 1 || s.Sent != 1 || s.Lag != 0 || s.LagTime != 0 {
		t.Errorf("afterwards: %+v", s)
	}
	if p.Name != "b" || p.Slot != 1 || !p.Connected[Urgent] || !p.Connected[Bulk] || !p.Synced || p.Stale || p.Incarnation != 1 || p.InFlight != 0 {
		t.Errorf("%+v", p)
	}
	if p.RTT < 2*w.delay || p.RTT > 4*w.delay {
		t.Errorf("a round trip takes %v", time.Duration(p.RTT))
	}
	if skew := time.Duration(p.Skew); skew < time.Hour-time.Millisecond || skew > time.Hour+time.Millisecond {
		t.Errorf("skew %v", skew)
	}
	if got := p.Waits[record.High].Quantile(1); got < 4096 || got > 16384 {
		t.Errorf("waited up to %d µs", got)
	}
	if w.engines["b"].Peers(w.now)[0].Records[record.State] != 1 || w.engines["b"].Stats().Memory == 0 {
		t.Error("b does not say that it has a record")
	}
}
