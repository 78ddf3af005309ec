package engine

import (
	"testing"
	"time"

	"fcredirect/mgmt/peer/record"
)

// seen is when b first had a value of a's record, from now on.
func (w *world) seen(at, of string, key record.Key, value uint64, within int64) int64 {
	w.t.Helper()
	begin := w.now
	for w.now < begin+within {
		w.run(100_000)
		if w.value(at, of, key) == value {
			return w.now - begin
		}
	}
	w.t.Fatalf("%v is not %d at %s after %v", key, value, at, time.Duration(within))
	return 0
}

func TestAChangeIsThereWithinTheBoundOfItsLane(t *testing.T) {
	for lane, bound := range map[record.Lane]int64{record.Immediate: 0, record.High: 10 * ms, record.Normal: 50 * ms} {
		t.Run(lane.String(), func(t *testing.T) {
			w := newWorld(t, nil, "a", "b")
			w.all()
			w.run(20 * ms)
			w.put("a", lane, login(1), 7)
			took := w.seen("b", "a", login(1), 7, 200*ms)
			if took > bound+w.delay+200_000 {
				t.Errorf("took %v", time.Duration(took))
			}
			if took < bound/2 {
				t.Errorf("took %v: it was not gathered", time.Duration(took))
			}
		})
	}
}

func TestAnUrgentChangeTakesWhatWaitsAlong(t *testing.T) {
	w := newWorld(t, nil, "a", "b")
	w.all()
	w.run(20 * ms)
	w.put("a", record.Normal, login(1), 1)
	w.put("a", record.Immediate, flowKey(1), 1, record.Ref{Key: login(1)})
	w.run(ms)
	if w.value("b", "a", login(1)) != 1 || w.value("b", "a", flowKey(1)) != 1 {
		t.Error("it is not there, or not what it depends on")
	}
}

func TestOfManyChangesOfAFlowOnlyTheLatestIsSent(t *testing.T) {
	w := newWorld(t, nil, "a", "b")
	w.all()
	w.run(20 * ms)
	before := w.engines["a"].Peers(w.now)[0].Sent.Records
	for i := range uint64(100) {
		w.put("a", record.High, flowKey(1), i)
	}
	w.run(20 * ms)
	p := w.engines["a"].Peers(w.now)[0]
	if n := p.Sent.Records - before; n != 1 {
		t.Errorf("%d records were sent", n)
	}
	if p.Savings.Updates != 100 {
		t.Errorf("%d updates are counted as sent or merged", p.Savings.Updates)
	}
}

func TestWindowsAreShortWhenChangesAreManyAndGoneInABurst(t *testing.T) {
	s := Defaults()
	window := func(l *lanes, now int64, lane record.Lane) time.Duration {
		return time.Duration(l.window(now, lane, &s))
	}
	var l lanes
	var bursts uint64
	if got := window(&l, 0, record.Normal); got != s.NormalMax-s.LaneMargin {
		t.Errorf("idle: %v", got)
	}
	now := int64(1e9)
	for range 2000 { // 20,000 a second, evenly
		now += 50_000
		l.count(now, &s, &bursts)
	}
	if got := window(&l, now, record.Normal); got != s.BusyWindow || bursts != 0 {
		t.Errorf("busy: %v, %d bursts", got, bursts)
	}
	if got := window(&l, now, record.High); got != s.HighMax-s.LaneMargin {
		t.Errorf("the bound of the lane wins: %v", got)
	}
	for range 600 { // all at once
		l.count(now, &s, &bursts)
	}
	if got := window(&l, now, record.Normal); got != s.BurstGap || bursts != 1 {
		t.Errorf("burst: %v, %d bursts", got, bursts)
	}
	now += int64(s.BurstFor) + 1
	if got := window(&l, now, record.Normal); got == s.BurstGap {
		t.Errorf("after the burst: %v", got)
	}
	now += int64(time.Second)
	l.count(now, &s, &bursts)
	if got := window(&l, now, record.Normal); got != s.NormalMax-s.LaneMargin {
		t.Errorf("idle again: %v", got)
	}
}

func TestABurstLeavesAtOnce(t *testing.T) {
	w := newWorld(t, nil, "a", "b")
	w.all()
	w.run(20 * ms)
	for i := range uint64(1000) {
		w.put("a", record.Normal, flowKey(i), i)
	}
	if took := w.seen("b", "a", flowKey(999), 999, 100*ms); took > 3*ms {
		t.Errorf("took %v", time.Duration(took))
	}
}

func TestMuchLeavesBeforeItsTime(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Settings.UnitBytes, c.Settings.BurstUpdates = 4<<10, 1_000_000 }, "a", "b")
	w.all()
	w.run(20 * ms)
	for i := range uint64(1000) {
		w.put("a", record.Normal, flowKey(i), i)
	}
	if took := w.seen("b", "a", flowKey(999), 999, 100*ms); took > 3*ms {
		t.Errorf("took %v", time.Duration(took))
	}
}

func TestAPeerThatDoesNotReadCostsNoMoreThanThePool(t *testing.T) {
	w := newWorld(t, func(c *Config) {
		c.Settings.BuffersPerConnection, c.Settings.BufferBytes, c.Settings.SilentAfter = 4, 4<<10, time.Hour
	}, "a", "b")
	w.all()
	w.run(20 * ms)
	for _, c := range w.wires { // b's acknowledgements are lost
		for i := range c.ends {
			c.mute[i] = c.ends[i].e == w.engines["b"]
		}
	}
	a := w.engines["a"]
	for round := range uint64(100) {
		for i := range uint64(200) {
			w.put("a", record.High, flowKey(i), round<<32|i*0x9e3779b97f4a7c15)
		}
		w.run(12 * ms)
		if p := a.Peers(w.now)[0]; p.InFlight > int(NumGroups)*4*4<<10 {
			t.Fatalf("%d bytes are in flight", p.InFlight)
		}
	}
	if s := a.Stats(); s.Exhausted == 0 {
		t.Error("the pool was never used up")
	}
	p := a.Peers(w.now)[0]
	if p.Streams[record.State].Lag > 200 {
		t.Errorf("%d changes wait: more than there are flows", p.Streams[record.State].Lag)
	}
	if p.Streams[record.State].LagTime < int64(time.Second) {
		t.Errorf("the oldest change is %v old", time.Duration(p.Streams[record.State].LagTime))
	}
}
