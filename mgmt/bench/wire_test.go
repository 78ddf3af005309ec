package bench

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/shm"
)

func TestAWireBringsFramesByTheClockAndLosesWhatDoesNotFit(t *testing.T) {
	w := &wire{rate: 1e-3} // a frame every microsecond
	w.begin(1000)
	var waited shm.Histogram
	for _, step := range []struct {
		now         uint64
		most, taken int
		lost        uint64
	}{
		{1000, 32, 0, 0},
		{1999, 32, 0, 0},
		{2000, 32, 1, 0},
		{12_000, 4, 4, 0},
		{12_000, 32, 6, 0},
		{12_000 + 5000*1000, 32, 32, 5000 - receiveFrames},
		{12_000 + 5001*1000, 32, 32, 5000 - receiveFrames},
	} {
		if got := w.take(step.now, step.most); got != step.taken || w.lost != step.lost {
			t.Fatalf("at %d: %d taken and %d lost so far, want %d and %d", step.now, got, w.lost, step.taken, step.lost)
		}
		w.done(step.taken, step.now+100, &waited)
	}
	// The first frame came at 2000 and was done at 2100; of the burst at 12,000 the first came at 3000.
	if got := waited.Quantile(0); got < 90 || got > 110 {
		t.Errorf("the shortest wait was %d ns", got)
	}
	if waited.Max < 4_990_000 || waited.Max > 5_010_000 {
		t.Errorf("the longest wait was %d ns", waited.Max)
	}
}

func TestAWireWithoutARateAlwaysHasFrames(t *testing.T) {
	w := &wire{}
	w.begin(1)
	if w.take(1, 32) != 32 || w.take(1, 1) != 1 || w.lost != 0 {
		t.Errorf("%+v", w)
	}
}

// Whatever the pace of the poller: what came was taken, waits or was lost, never more waits than fits, and frames are
// done in the order in which they came.
func TestAWireLosesNoCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &wire{rate: rapid.Float64Range(1e-6, 1).Draw(t, "rate")}
		now := uint64(1)
		w.begin(now)
		var waited shm.Histogram
		var done uint64
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			now += rapid.Uint64Range(0, 100_000).Draw(t, "ns")
			n := w.take(now, rapid.IntRange(1, 64).Draw(t, "most"))
			w.done(n, now, &waited)
			done += uint64(n)
			var queued uint64
			for i, r := range w.runs {
				queued += r.count
				if r.count == 0 || i > 0 && r.first <= w.runs[i-1].first+w.runs[i-1].count {
					t.Fatalf("runs that wait: %+v", w.runs)
				}
			}
			if w.waiting > receiveFrames || queued != uint64(w.waiting) || done+queued+w.lost != w.arrived || waited.Count() != done {
				t.Fatalf("%d came, %d done, %d wait (%d in runs), %d lost", w.arrived, done, w.waiting, queued, w.lost)
			}
		}
	})
}

func TestTheTrafficIsStorageFramesOfBothDirectionsOfEachFlow(t *testing.T) {
	l := &lab{o: Options{Flows: 1000}, traffic: newTraffic(1000)}
	shard, err := l.newTable()
	if err != nil {
		t.Fatal(err)
	}
	if shard.Live() != 2000 {
		t.Fatalf("%d directions", shard.Live())
	}
	keys := slices.Clone(l.traffic.keys)
	slices.Sort(keys)
	if len(slices.Compact(keys)) != 2000 {
		t.Error("two frames have the same key")
	}
	for at, key := range l.traffic.keys {
		var h frame.Header
		b := l.traffic.memory[at*frameStride : at*frameStride+int(l.traffic.length)]
		if reason := frame.Decode(b, &h); reason != frame.OK || !h.CRCGood(b) {
			t.Fatalf("frame %d: %v", at, reason)
		}
		e := shard.Find(key)
		if e == nil || flow.MakeKey(0, 0, uint32(h.SID), uint32(h.DID)) != key {
			t.Fatalf("frame %d has no flow", at)
		}
		if from := shard.Info(e).Orient == flow.FromInitiator; from == h.FromResponder() {
			t.Fatalf("frame %d: from the initiator %v, from the responder %v", at, from, h.FromResponder())
		}
	}
}

// nothing owes nothing to the slow path.
type nothing struct{}

func (nothing) owed(*poller, int, uint64) error { return nil }
func (nothing) between(*poller, uint64)         {}
func (nothing) fresh() uint64                   { return 0 }
func (nothing) touch(*poller, *flow.Entry)      {}

func TestTheFastPathCountsEveryFrameOnItsFlow(t *testing.T) {
	const flows = 500
	l := &lab{o: Options{Flows: flows}, traffic: newTraffic(flows)}
	shard, err := l.newTable()
	if err != nil {
		t.Fatal(err)
	}
	p := newPoller(l.traffic, shard, burstFrames)
	const rounds = 3 * 2 * flows / 25
	for range rounds {
		p.load(25)
		p.read(25)
		p.act(25, p.now(), nothing{})
		if got := p.queued[0] + p.queued[1]; got != 25 {
			t.Fatalf("%d of 25 frames were sent", got)
		}
		p.queued = [2]int{}
	}
	for _, key := range l.traffic.keys {
		if e := shard.Find(key); e.Frames != 3 || e.Bytes != 3*uint64(l.traffic.length) {
			t.Fatalf("%x has %d frames of %d bytes", key, e.Frames, e.Bytes)
		}
	}
	if p.tally.odd != 0 {
		t.Errorf("%d frames without a flow", p.tally.odd)
	}
	steered := 0
	for at := range l.traffic.keys {
		if [6]byte(l.traffic.memory[at*frameStride:]) == [6]byte{0x02, 0xFC, 0x5E, 0, 0, 1} {
			steered++
		}
	}
	if steered < 2*flows/3-2 || steered > 2*flows/3+2 {
		t.Errorf("%d of %d directions were steered, a third should be", steered, 2*flows)
	}
}

func TestTheFastPathAllocatesNothing(t *testing.T) {
	l := &lab{o: Options{Flows: 500}, traffic: newTraffic(500)}
	shard, err := l.newTable()
	if err != nil {
		t.Fatal(err)
	}
	p := newPoller(l.traffic, shard, burstFrames)
	w := &wire{}
	if n := testing.AllocsPerRun(100, func() {
		n := w.take(p.now(), burstFrames)
		p.load(n)
		p.read(n)
		p.act(n, p.now(), nothing{})
		p.queued = [2]int{}
		w.done(n, p.now(), &p.tally.waited)
	}); n != 0 {
		t.Errorf("%v allocations a burst", n)
	}
}
