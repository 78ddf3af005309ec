package lcore

import (
	"runtime"
	"testing"
	"time"

	"fcredirect/dataplane/dpdk/dpdktest"
	"fcredirect/dataplane/feed"
	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/shm"
)

// ears are the ends of the rings that a slow path would read.
type ears struct {
	t             *testing.T
	seg           *shm.Segment
	peer, store   *feed.Reader
	event         *feed.Reader
	silent        *feed.Reader // that hear leaves alone
	stored, heard []feed.Item
}

// listen gives the box's worker rings of 64 items, over a table of few directions.
func (b *box) listen(t *testing.T) *ears {
	spec := feed.Spec{Producers: 1, State: 64, Events: 64, Shards: 1}
	seg, err := shm.Create(shm.Config{Dir: t.TempDir(), Node: "ears", TSCHz: 1e9, State: spec.StateRegions(), Ctl: spec.CtlRegions()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { seg.Close() })
	c := feed.Config{Spec: spec, Report: 10 * dpdktest.TicksPerRun, Now: b.worker.Cycle.TSCRx, Source: b.worker}
	outlets, err := feed.NewOutlets(seg.State, seg.Ctl, c)
	if err != nil {
		t.Fatal(err)
	}
	events, err := feed.NewEvents(seg.State, seg.Ctl, c)
	if err != nil {
		t.Fatal(err)
	}
	b.worker.Feed(outlets, events)
	e := &ears{t: t, seg: seg}
	for consumer, reader := range map[feed.Consumer]**feed.Reader{feed.Peer: &e.peer, feed.Store: &e.store, feed.Event: &e.event} {
		readers, err := feed.Open(seg.State, seg.Ctl, consumer, 0)
		if err != nil {
			t.Fatal(err)
		}
		*reader = readers[0]
	}
	return e
}

// hear reads all rings and releases what it read.
func (e *ears) hear() {
	for _, r := range []*feed.Reader{e.peer, e.store, e.event} {
		for item := r.Next(); item != nil; item = r.Next() {
			switch r {
			case e.store:
				e.stored = append(e.stored, *item)
			case e.event:
				e.heard = append(e.heard, *item)
			}
		}
		if err := r.Release(r.Read()); err != nil || r.Err() != nil {
			e.t.Fatal(err, r.Err())
		}
	}
}

func (b *box) passes(n int) {
	for range n {
		b.worker.Poll()
		b.worker.Rest()
	}
}

func TestAFlowIsToldOfWhenItBeginsChangesAndEnds(t *testing.T) {
	b := newBox(t)
	e := b.listen(t)
	b.publish(2, testPolicy)
	b.send(edge0, command(host1, array1, 1), data(host1, array1, 2))
	b.send(fabric0, response(array1, host1, 3))
	b.passes(400)
	e.hear()
	last := map[uint64]*feed.FlowItem{}
	for i := range e.stored {
		f := e.stored[i].Flow()
		last[f.Serial] = f
	}
	if len(last) != 2 || last[1].Frames != 2 || last[2].Frames != 1 || last[1].Initiator != uint64(wwpns[host1]) || last[1].Target != uint64(wwpns[array1]) {
		t.Fatalf("told of %d directions: %+v", len(last), last)
	}
	if first := e.stored[0].Flow(); first.Lane != feed.High || first.Flags&feed.FlagChanged == 0 {
		t.Errorf("a flow that begins goes in lane %d with flags %x", first.Lane, first.Flags)
	}
	if len(e.heard) != 1 || e.heard[0].Header().Type != feed.FlowCreated || e.heard[0].Flow().Rule != 0 {
		t.Fatalf("%d events: %+v", len(e.heard), e.heard)
	}

	// Its service fails: the flow is bypassed, which is an event of the most urgent lane.
	s := *b.shared.Snapshot()
	s.Generation, s.Services = 3, append([]Service(nil), s.Services...)
	s.Services[0].Up = false
	b.shared.Publish(&s)
	b.send(edge0, command(host1, array1, 4))
	b.passes(400)
	e.stored, e.heard = nil, nil
	e.hear()
	if len(e.heard) != 1 || e.heard[0].Header().Type != feed.FlowVerdict || e.heard[0].Header().Lane != feed.Immediate || e.heard[0].Flow().State != feed.Bypassed || e.heard[0].Flow().OldState != feed.Active {
		t.Fatalf("%d events: %+v", len(e.heard), e.heard)
	}
	if f := e.stored[0].Flow(); f.State != feed.Bypassed || f.Lane != feed.Immediate {
		t.Errorf("told of the bypassed flow in lane %d as %v", f.Lane, f.State)
	}

	// It goes idle and ends, with its final totals.
	b.worker.FlowIdle = dpdktest.TicksPerRun
	b.passes(sweepEvery * len(b.entries) / sweepSlots * 2)
	e.stored, e.heard = nil, nil
	e.hear()
	ended := 0
	for i := range e.stored {
		if f := e.stored[i].Flow(); f.Flags&feed.FlagEnded != 0 && f.State == feed.Ended {
			ended++
			if want := map[uint64]uint64{1: 3, 2: 1}[f.Serial]; f.Frames != want {
				t.Errorf("life %d ended with %d frames, want %d", f.Serial, f.Frames, want)
			}
		}
	}
	if ended != 2 || len(e.heard) != 1 || e.heard[0].Header().Type != feed.FlowEnded || b.worker.Shard.Live() != 0 {
		t.Fatalf("%d ended, %d events, %d live", ended, len(e.heard), b.worker.Shard.Live())
	}
}

func TestAChangeOfVerdictSaysWhatItWas(t *testing.T) {
	b := newBox(t)
	b.worker.Index = 3
	e := b.listen(t)
	b.publish(2, testPolicy)
	b.send(edge0, command(host1, array2, 1)) // the second rule, the second service
	b.publish(3, "")
	b.send(edge0, command(host1, array2, 2))
	b.passes(400)
	e.hear()
	if len(e.heard) != 2 || e.heard[1].Header().Type != feed.FlowVerdict {
		t.Fatalf("%d events: %+v", len(e.heard), e.heard)
	}
	if f := e.heard[1].Flow(); f.OldRule != 1 || f.OldService != 1 || f.OldAction != flow.Redirect || f.Rule != -1 || f.Action != flow.Forward {
		t.Fatalf("%+v", f)
	}
	if serial := e.stored[0].Flow().Serial; serial != 3<<56|1 {
		t.Fatalf("the first life of lcore 3 has number %x", serial)
	}
}

func TestADirectionWithoutStorageFramesIsNotToldOf(t *testing.T) {
	b := newBox(t)
	e := b.listen(t)
	b.send(edge0, build(frame.Header{RCtl: frame.RCtlABTS, SID: host1, DID: array1}, 0))
	b.passes(400)
	if e.hear(); len(e.stored) > 0 || len(e.heard) > 0 || b.worker.Shard.Live() != 1 {
		t.Fatalf("%d items, %d events, %d live", len(e.stored), len(e.heard), b.worker.Shard.Live())
	}
}

// Bursts and offers at chosen moments, in one period.
func TestNoFrameHidesBehindOneThatWasToldOf(t *testing.T) {
	for name, between := range map[string]func(w *Worker){
		"a new flow is told of at once": func(w *Worker) { w.outlets.Offer(w.Cycle.TSCRx, reportItems) },
		"a period begins with a burst":  func(w *Worker) { w.outlets.Flush(w.Cycle.TSCRx, reportItems) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBox(t)
			e := b.listen(t)
			w := b.worker
			b.nics.Offer(edge0, 0, command(host1, array1, 1))
			w.Poll()
			between(w)
			w.fresh = w.outlets.Fresh()
			b.nics.Offer(edge0, 0, data(host1, array1, 2))
			w.Poll()
			b.passes(400)
			e.hear()
			if n := len(e.stored); n == 0 || e.stored[0].Flow().Frames != 1 || e.stored[n-1].Flow().Frames != 2 {
				t.Fatalf("%d items: %+v", n, e.stored)
			}
		})
	}
}

// The flow's end is a fact that must not be lost either.
func TestAFlowEndsOnlyWhenTheEventOfItFits(t *testing.T) {
	b := newBoxOf(t, 256)
	e := b.listen(t)
	e.event, e.silent = e.peer, e.event // nobody hears of events
	for i := range 80 {
		b.send(edge0, command(host1+frame.FCID(i), array1, 1))
		e.hear()
	}
	b.worker.FlowIdle = dpdktest.TicksPerRun
	for range 20 {
		b.passes(sweepEvery * len(b.entries) / sweepSlots * 2)
		e.hear()
	}
	if live := b.worker.Shard.Live(); live != 80 {
		t.Fatalf("%d of 80 flows live", live)
	}
	for range 20 {
		for e.silent.Next() != nil {
		}
		if err := e.silent.Release(e.silent.Read()); err != nil {
			t.Fatal(err)
		}
		b.passes(sweepEvery * len(b.entries) / sweepSlots * 2)
		e.hear()
	}
	if live := b.worker.Shard.Live(); live != 0 {
		t.Fatalf("%d flows live", live)
	}
}

func TestAFlowEndsOnlyWhenItsFinalTotalsFit(t *testing.T) {
	b := newBoxOf(t, 256)
	e := b.listen(t)
	for i := range 80 { // more than the rings hold
		b.send(edge0, command(host1+frame.FCID(i), array1, 1))
	}
	b.passes(400)
	b.worker.FlowIdle = dpdktest.TicksPerRun
	sweep := sweepEvery * len(b.entries) / sweepSlots * 2
	b.passes(sweep)
	if live := b.worker.Shard.Live(); live != 80 {
		t.Fatalf("%d of 80 flows live while nobody reads", live)
	}
	for range 20 {
		e.hear()
		b.passes(sweep)
	}
	e.hear()
	ended := map[uint64]bool{}
	for i := range e.stored {
		if f := e.stored[i].Flow(); f.Flags&feed.FlagEnded != 0 {
			ended[f.Serial] = f.Frames == 1
		}
	}
	if len(ended) != 80 || b.worker.Shard.Live() != 0 {
		t.Fatalf("%d flows told of their end, %d live", len(ended), b.worker.Shard.Live())
	}
}

func TestAFullTableEndsFlowsThatNobodyHearsOf(t *testing.T) {
	b := newBoxOf(t, 64)
	b.listen(t)
	for i := range 64 {
		b.send(edge0, command(host1+frame.FCID(i), array1, 1))
	}
	b.worker.FlowIdle = dpdktest.TicksPerRun
	b.passes(sweepEvery * len(b.entries) / sweepSlots * 2)
	if live := b.worker.Shard.Live(); live > 60 {
		t.Fatalf("%d flows live: the table is still full of idle ones", live)
	}
}

func TestAnOrderlyStopTellsOfTheLastFrames(t *testing.T) {
	b := newBoxOf(t, 1024)
	e := b.listen(t)
	const flows = 300 // more than the rings hold
	for i := range flows {
		b.nics.Offer(edge0, 0, command(host1+frame.FCID(i), array1, 1))
		b.worker.Poll()
	}
	stop, told := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(told)
		for {
			e.hear()
			select {
			case <-stop:
				e.hear()
				return
			default:
				runtime.Gosched()
			}
		}
	}()
	b.worker.Drain(100)
	// It gives up on a consumer that does not read for a while, as ours may on a loaded machine.
	for deadline := time.Now().Add(20 * time.Second); !b.worker.outlets.Idle() && time.Now().Before(deadline); {
		b.worker.lastWords()
	}
	close(stop)
	<-told
	last := map[uint64]uint64{}
	for i := range e.stored {
		last[e.stored[i].Flow().Serial] = e.stored[i].Flow().Frames
	}
	if n := b.worker.Shard.Live(); len(last) != n || n < flows-32 {
		t.Fatalf("told of %d flows, %d live", len(last), n)
	}
	if !b.worker.outlets.Idle() {
		t.Error("something waits")
	}
}

func TestAnOrderlyStopWaitsForNoConsumerThatDoesNotRead(t *testing.T) {
	b := newBoxOf(t, 1024)
	b.listen(t)
	for i := range 300 {
		b.send(edge0, command(host1+frame.FCID(i), array1, 1))
	}
	begin := time.Now()
	b.worker.lastWords()
	if took := time.Since(begin); took > wordsMost || b.worker.outlets.Idle() {
		t.Fatalf("it took %v", took)
	}
}

func TestNoAllocationForTheSlowPath(t *testing.T) {
	b := newBox(t)
	e := b.listen(t)
	b.publish(2, testPolicy)
	frames := [][]byte{command(host1, array1, 1), data(host1, array1, 2), command(host2, array1, 3)}
	b.send(edge0, frames...)
	w, c, generation := b.worker, b.worker.Cycle, uint32(2)
	for i, f := range frames {
		c.Rx[i] = b.nics.Mbuf(f)
		c.Data[i], c.Len[i] = c.Rx[i].Data(), uint32(len(f))
	}
	s := *b.shared.Snapshot()
	w.FlowIdle = 1
	n := testing.AllocsPerRun(1000, func() {
		generation++ // every flow is evaluated, and one has another verdict
		s.Generation, s.Services[0].Up = generation, generation%2 == 0
		w.snap = &s
		c.TSCRx += 1000 * dpdktest.TicksPerRun
		w.now, w.in, w.row = c.TSCRx, &w.own[0], &w.Counters[edge0]
		w.burst(len(frames))
		for range sweepEvery {
			w.Rest()
		}
		for _, r := range []*feed.Reader{e.peer, e.store, e.event} {
			for r.Next() != nil {
			}
			if r.Release(r.Read()) != nil {
				t.Fatal("fenced")
			}
		}
		for q := range w.portOf {
			c.Tx[q].N = 0
		}
		c.NFree, c.NClone = 0, 0
		for range b.control.Depth() {
			b.control.Next()
		}
		b.control.Release()
	})
	if n != 0 {
		t.Fatalf("%v allocations per burst", n)
	}
	if e.store.Read() < 1000 || e.event.Read() < 1000 {
		t.Fatalf("told of %d snapshots and %d events", e.store.Read(), e.event.Read())
	}
}

func TestAFlowIsToldOfAtMostOncePerReportPeriod(t *testing.T) {
	b := newBox(t)
	e := b.listen(t)
	b.send(edge0, command(host1, array1, 1))
	b.passes(400)
	e.hear()
	begin, frames := b.worker.Cycle.TSCRx, 0
	e.stored = nil
	for range 20 {
		burst := make([][]byte, 32)
		for i := range burst {
			burst[i] = data(host1, array1, 2)
		}
		b.nics.Offer(edge0, 0, burst...)
		b.passes(3)
		frames += len(burst)
		e.hear()
	}
	periods := int(b.worker.Cycle.TSCRx-begin)/(10*dpdktest.TicksPerRun) + 1
	if n := len(e.stored); n == 0 || n > periods {
		t.Fatalf("%d items in %d periods, for %d frames", n, periods, frames)
	}
}
