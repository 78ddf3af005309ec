package lcore

import (
	"bytes"
	"testing"

	"fcredirect/dataplane/capture"
	"fcredirect/dataplane/dpdk"
	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/shm"
)

// watched is a box with a segment for its captures and somebody who reads them.
type watched struct {
	*box
	reader *capture.Reader
	set    *capture.Set
}

// copied is one record with a copy of its frame.
type copied struct {
	capture.Record
	frame []byte
}

func newWatched(t testing.TB, ring int) *watched {
	t.Helper()
	b := newBox(t)
	seg, err := shm.Create(shm.Config{Dir: t.TempDir(), Node: "test", State: capture.StateRegions(ring, 1), Ctl: capture.CtlRegions(ring, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { seg.Close() })
	b.worker.Watch(capture.Writers(seg)[0])
	w := &watched{box: b, set: &capture.Set{Frames: capture.PassFrames, Rate: capture.Rate}}
	if w.reader, err = capture.NewReader(seg.State, seg.Ctl); err != nil {
		t.Fatal(err)
	}
	w.reader.Begin(0)
	return w
}

// start adds a capture and publishes the set.
func (w *watched) start(change func(*capture.Spec)) *capture.Armed {
	spec := capture.Everything()
	change(&spec)
	next := *w.set
	a := &next.Armed[next.N]
	a.ID, a.Slot = uint32(next.N+1), uint8(next.N)
	a.Arm(&spec, []uint8{0, 0, 0}, func(wwpn uint64, found func(uint64) bool) {
		for id, w := range wwpns {
			if uint64(w) == wwpn && !found(uint64(id)) {
				return
			}
		}
	})
	next.N++
	next.Revision++
	w.set = &next
	w.shared.Capture(w.set)
	return a
}

// read takes all that was copied.
func (w *watched) read() (all []copied) {
	w.t.Helper()
	for {
		var c copied
		f, ok, err := w.reader.Peek(0, &c.Record)
		if err != nil {
			w.t.Fatal(err)
		}
		if !ok {
			w.reader.Release(0)
			return all
		}
		c.frame = bytes.Clone(f)
		all = append(all, c)
		w.reader.Take(0)
	}
}

func TestACaptureHasEachFrameAsReceivedWithItsFate(t *testing.T) {
	for _, test := range []struct {
		name  string
		port  uint16
		frame []byte
		fate  shm.Fate
		rule  int32
		sent  int // port of the frame as sent, -1 none
	}{
		{"steered", edge0, data(host1, array1, 1), shm.FateSteered, 0, svc0},
		{"mirrored, and forwarded", edge0, command(host2, array1, 2), shm.FateForwarded, 2, fabric0},
		{"dropped by policy", edge0, data(host2, array2, 3), shm.FateDropPolicy, 3, -1},
		{"forwarded without a rule", fabric0, data(array1, host2, 4), shm.FateForwarded, -1, edge0},
		{"an ELS", edge0, build(frame.Header{RCtl: frame.RCtlELSRequest, Type: frame.TypeELS, SID: host1, DID: array1}, 3), shm.FateForwarded, -1, fabric0},
		{"to a well-known address", edge0, build(frame.Header{RCtl: frame.RCtlELSRequest, Type: frame.TypeELS, SID: host1, DID: 0xfffffc}, 3), shm.FateWellKnown, -1, fabric0},
		{"a runt", edge0, data(host1, array1, 1)[:40], shm.FateRunt, -1, fabric0},
		{"malformed", edge0, append(data(host1, array1, 1), 0), shm.FateDropEOF, -1, -1},
		{"returned by nobody's service", svc0, data(host2, array1, 7), shm.FateDropUnmatched, -1, -1},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWatched(t, 1<<20)
			w.publish(2, testPolicy)
			w.start(func(s *capture.Spec) { s.Flags = capture.AsSent })
			w.send(test.port, bytes.Clone(test.frame))
			all := w.read()
			if len(all) == 0 {
				t.Fatal("nothing was captured")
			}
			got := all[0]
			if !bytes.Equal(got.frame, test.frame) || int(got.Len) != len(test.frame) || got.Port != uint8(test.port) || got.Flags != 0 {
				t.Errorf("%+v\n%x, want\n%x", got.Record, got.frame, test.frame)
			}
			if shm.Fate(got.Fate) != test.fate || got.Rule != test.rule {
				t.Errorf("%v by rule %d, want %v by %d", shm.Fate(got.Fate), got.Rule, test.fate, test.rule)
			}
			if f := w.fates(int(test.port)); f[test.fate] != 1 {
				t.Errorf("the counters say %v", f)
			}
			if test.sent < 0 {
				if len(all) != 1 {
					t.Fatalf("%d records", len(all))
				}
				return
			}
			sent := w.nics.Sent(uint16(test.sent), 0)
			if len(all) != 2 || len(sent) != 1 || all[1].Flags != capture.FlagSent || int(all[1].Port) != test.sent || !bytes.Equal(all[1].frame, sent[0]) {
				t.Errorf("as sent: %+v, sent were %x", all[1:], sent)
			}
			w.nics.Sent(fabric0, 0)
			w.nics.Sent(svc0, 0)
			w.balance()
		})
	}
}

func TestACaptureSeesWhatAServiceReturnsAsItGoesOn(t *testing.T) {
	w := newWatched(t, 1<<20)
	w.publish(2, testPolicy)
	original := data(host1, array1, 9)
	w.send(edge0, bytes.Clone(original))
	returned := w.nics.Sent(svc0, 0)[0]
	w.start(func(s *capture.Spec) { s.Ports, s.Flags = 1<<svc0, capture.AsSent })
	w.send(svc0, bytes.Clone(returned))
	all, on := w.read(), w.nics.Sent(fabric0, 0)
	if len(all) != 2 || len(on) != 1 || !bytes.Equal(on[0], original) {
		t.Fatalf("%d records, %d went on", len(all), len(on))
	}
	if shm.Fate(all[0].Fate) != shm.FateHandedBack || !bytes.Equal(all[0].frame, returned) || all[0].Rule != 0 {
		t.Errorf("%+v %x", all[0].Record, all[0].frame)
	}
	if all[1].Port != fabric0 || !bytes.Equal(all[1].frame, original) {
		t.Errorf("%+v %x", all[1].Record, all[1].frame)
	}
	w.balance()
}

func TestACaptureTellsWhetherTheServiceTookTheFrame(t *testing.T) {
	for _, test := range []struct {
		to   frame.FCID
		fate shm.Fate
	}{{array1, shm.FateBypassed}, {array2, shm.FateDropBlocked}} {
		w := newWatched(t, 4<<20)
		w.set.Frames, w.set.Rate = 64, 1<<40
		w.publish(2, testPolicy)
		w.nics.Limit(svc0, 0, 0) // the service takes nothing
		w.start(func(s *capture.Spec) { s.Snap = capture.MinSnap })
		w.send(edge0, numbered(host1, test.to, 300)...)
		want, got := w.fates(edge0), map[shm.Fate]uint64{}
		last := -1
		for _, c := range w.read() {
			got[shm.Fate(c.Fate)]++
			if n := number(c.frame); n != last+1 {
				t.Fatalf("frame %d after %d", n, last)
			}
			last++
		}
		if got[shm.FateSteered] != queueHeldMax || got[test.fate] == 0 || got[test.fate] != want[test.fate] || got[shm.FateSteered] != want[shm.FateSteered] {
			t.Errorf("captured %v, counted %v", got, want)
		}
	}
}

func TestEachCaptureGetsWhatItAsksFor(t *testing.T) {
	w := newWatched(t, 1<<20)
	w.publish(2, testPolicy)
	asked := []func(*capture.Spec){
		func(s *capture.Spec) { s.A.WWPN, s.B.WWPN = uint64(wwpns[host1]), uint64(wwpns[array1]) },
		func(s *capture.Spec) { s.A.ID, s.Flags = uint32(array1), capture.OneWay },
		func(s *capture.Spec) { s.Fates = 1 << shm.FateDropPolicy },
		func(s *capture.Spec) { s.RCtls.Add(frame.RCtlUnsolicitedCmd) },
		func(s *capture.Spec) { s.Ports = 1 << fabric0; s.Frames = 1 },
		func(s *capture.Spec) { s.A.WWPN = 0x5000000000000001 }, // logged in nowhere
		func(s *capture.Spec) { s.VSAN = 7 },
	}
	for _, change := range asked {
		w.start(func(s *capture.Spec) { change(s); s.Snap = capture.MinSnap + 8*uint32(w.set.N) })
	}
	w.send(edge0, command(host1, array1, 1), data(host2, array2, 2))
	w.send(fabric0, response(array1, host1, 3), response(array1, host2, 4))
	var got [capture.MaxCaptures][]byte // the fill byte of each frame
	for _, c := range w.read() {
		for slot := range got {
			if c.Slots>>slot&1 != 0 {
				got[slot] = append(got[slot], c.frame[60])
			}
		}
	}
	for slot, want := range [][]byte{{1, 3}, {3, 4}, {2}, {1}, {3}, nil, nil} {
		count := w.reader.Count(uint32(slot), uint32(slot+1))
		if !bytes.Equal(got[slot], want) || count.Copied != uint64(len(want)) || count.Matched != uint64(len(want)) {
			t.Errorf("capture %d has frames %v, want %v; %+v", slot, got[slot], want, count)
		}
	}
}

func TestWhatTheBudgetOrTheRingRefusesIsCountedAndTheFrameGoesOn(t *testing.T) {
	w := newWatched(t, capture.LaneMin)
	w.start(func(s *capture.Spec) {})
	w.nics.Offer(edge0, 0, numbered(host1, array1, 32)...)
	w.worker.Poll()
	if count := w.reader.Count(0, 1); count.Matched != 32 || count.Copied != capture.PassFrames || count.Budget != 32-capture.PassFrames || count.Full != 0 {
		t.Fatalf("of one burst: %+v", count)
	}
	w.set.Frames, w.set.Rate = 64, 1<<40 // nobody reads: the ring fills
	w.send(edge0, numbered(host1, array1, 1000)...)
	count := w.reader.Count(0, 1)
	if count.Matched != 1032 || count.Full == 0 || count.Copied+count.Full+count.Budget != 1032 {
		t.Fatalf("%+v", count)
	}
	if n := len(w.read()); uint64(n) != count.Copied {
		t.Fatalf("%d read, %d copied", n, count.Copied)
	}
	w.set.Rate = 0 // and no tokens come
	w.send(edge0, numbered(host1, array1, 10_000)...)
	if after := w.reader.Count(0, 1); after.Budget <= count.Budget || after.Matched != 11_032 {
		t.Fatalf("%+v", after)
	}
	if n := len(w.nics.Sent(fabric0, 0)); n != 11_032 {
		t.Fatalf("%d frames left", n)
	}
	w.balance()
}

func TestACaptureIsOverAtItsTime(t *testing.T) {
	w := newWatched(t, 1<<20)
	a := w.start(func(s *capture.Spec) {})
	a.Until = w.worker.Cycle.TSCRx + 1
	w.shared.Capture(w.set)
	w.send(edge0, data(host1, array1, 1))
	if all := w.read(); len(all) != 0 {
		t.Fatalf("%d records", len(all))
	}
}

// The fast path is the same, frame by frame, whether somebody captures or not.
func TestACaptureChangesNothing(t *testing.T) {
	outcome := func(capturing bool) (out [3][][]byte, fates [3]map[shm.Fate]uint64) {
		w := newWatched(t, capture.LaneMin)
		w.publish(2, testPolicy)
		if capturing {
			w.start(func(s *capture.Spec) { s.Flags = capture.AsSent })
		}
		for port, from := range [][]frame.FCID{{host1, host2}, {array1, array2}} {
			for i := range 200 {
				f := data(from[i%2], [][]frame.FCID{{array1, array2}, {host1, host2}}[port][i/2%2], byte(i))
				w.send(uint16(port), f)
				for _, back := range w.nics.Sent(svc0, 0) {
					out[svc0] = append(out[svc0], back)
					w.send(svc0, bytes.Clone(back))
				}
			}
		}
		for port := range out {
			out[port] = append(out[port], w.nics.Sent(uint16(port), 0)...)
			fates[port] = w.fates(port)
		}
		w.balance()
		return out, fates
	}
	plain, plainFates := outcome(false)
	seen, seenFates := outcome(true)
	for port := range plain {
		if len(plain[port]) == 0 || len(plain[port]) != len(seen[port]) {
			t.Fatalf("port %d: %d frames, captured %d", port, len(plain[port]), len(seen[port]))
		}
		for i := range plain[port] {
			if !bytes.Equal(plain[port][i], seen[port][i]) {
				t.Fatalf("port %d, frame %d: %x, captured %x", port, i, plain[port][i], seen[port][i])
			}
		}
		for f, n := range plainFates[port] {
			if seenFates[port][f] != n {
				t.Errorf("port %d: %v %d, captured %d", port, f, n, seenFates[port][f])
			}
		}
	}
}

func TestNoAllocationPerCapturedFrame(t *testing.T) {
	w := newWatched(t, 1<<20)
	w.publish(2, testPolicy)
	w.start(func(s *capture.Spec) { s.Flags = capture.AsSent })
	w.start(func(s *capture.Spec) { s.A.WWPN, s.Fates = uint64(wwpns[host1]), 1<<shm.FateSteered })
	if n := testing.AllocsPerRun(1000, w.burstInMemory()); n != 0 {
		t.Fatalf("%v allocations per burst", n)
	}
	if w.reader.Count(0, 1).Copied == 0 {
		t.Fatal("nothing was copied")
	}
}

// burstInMemory is a pass over the same 32 frames, a third of them steered, from where Poll has received them.
func (w *watched) burstInMemory() func() {
	hosts, c := []frame.FCID{host1, host2, host2}, w.worker.Cycle
	for i := range BurstFrames {
		f := data(hosts[i%3], array1, byte(i))
		w.send(edge0, f) // the entries are made
		c.Rx[i] = w.nics.Mbuf(f)
		c.Data[i], c.Len[i] = c.Rx[i].Data(), uint32(len(f))
	}
	for _, port := range []uint16{edge0, fabric0, svc0} {
		w.nics.Sent(port, 0)
	}
	worker, n := w.worker, BurstFrames
	worker.Config.Run = func(c *dpdk.Cycle) { c.RxN, c.RxAt = uint16(n), 0 }
	return func() {
		for q := range worker.portOf { // as if all had been sent
			c.Tx[q].N = 0
		}
		c.NFree, c.NClone = 0, 0
		c.TSCRx += 2000
		worker.Poll()
		w.reader.Begin(0)
	}
}

// BenchmarkPass is what a burst costs without a capture, with one that wants nothing of it, with one that wants only
// drops, and with one that wants all and is held to its budget.
func BenchmarkPass(b *testing.B) {
	for _, test := range []struct {
		name  string
		start func(w *watched)
	}{
		{"off", func(*watched) {}},
		{"on-no-match", func(w *watched) { w.start(func(s *capture.Spec) { s.A.ID, s.B.ID = 0x123456, 0x654321 }) }},
		{"on-drops", func(w *watched) { w.start(func(s *capture.Spec) { s.Fates = 1 << shm.FateDropPolicy }) }},
		{"on-other-port", func(w *watched) { w.start(func(s *capture.Spec) { s.Ports = 1 << fabric0 }) }},
		{"on-match", func(w *watched) { w.start(func(s *capture.Spec) {}) }},
	} {
		b.Run(test.name, func(b *testing.B) {
			w := newWatched(b, 1<<20)
			w.publish(2, testPolicy)
			test.start(w)
			pass := w.burstInMemory()
			b.ReportAllocs()
			for b.Loop() {
				pass()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/BurstFrames, "ns/frame")
		})
	}
}

func TestACaptureFollowsAFrameAcrossLcores(t *testing.T) {
	b := newTwins(t)
	seg, err := shm.Create(shm.Config{Dir: t.TempDir(), Node: "test", State: capture.StateRegions(1<<20, 2), Ctl: capture.CtlRegions(1<<20, 2)})
	if err != nil {
		t.Fatal(err)
	}
	defer seg.Close()
	for i, out := range capture.Writers(seg) {
		b.workers[i].Watch(out)
	}
	reader, err := capture.NewReader(seg.State, seg.Ctl)
	if err != nil {
		t.Fatal(err)
	}
	spec, set := capture.Everything(), &capture.Set{N: 1, Revision: 1, Frames: capture.PassFrames, Rate: capture.Rate}
	spec.A.WWPN, spec.Flags = uint64(wwpns[host1]), capture.AsSent
	set.Armed[0].ID = 1
	set.Armed[0].Arm(&spec, make([]uint8, 6), func(_ uint64, found func(uint64) bool) { found(uint64(host1)) })
	b.shared.Capture(set)
	original := data(host1, array1, 5)
	b.nics[1].Offer(edgeB, 0, bytes.Clone(original))
	b.poll(4)
	steered := b.nics[0].Sent(svcA, 0)
	if len(steered) != 1 {
		t.Fatalf("%d steered", len(steered))
	}
	b.nics[0].Offer(svcA, 0, bytes.Clone(steered[0]))
	b.poll(4)
	for lane, want := range [][]struct {
		port, flags uint8
		fate        shm.Fate
		frame       []byte
	}{
		{{svcA, capture.FlagCarried, shm.FateHandedBack, steered[0]}},
		{{edgeB, 0, shm.FateSteered, original}, {svcA, capture.FlagSent, shm.FateSteered, steered[0]}},
	} {
		for _, want := range want {
			var rec capture.Record
			f, ok, err := reader.Peek(lane, &rec)
			if !ok || err != nil || rec.Port != want.port || rec.Flags != want.flags || shm.Fate(rec.Fate) != want.fate || !bytes.Equal(f, want.frame) {
				t.Errorf("lcore %d: %v %v %+v %x, want %+v", lane, ok, err, rec, f, want)
			}
			reader.Take(lane)
		}
		var rec capture.Record
		if _, more, _ := reader.Peek(lane, &rec); more {
			t.Errorf("lcore %d captured more: %+v", lane, rec)
		}
	}
	if on := b.nics[1].Sent(fabricB, 0); len(on) != 1 || !bytes.Equal(on[0], original) {
		t.Errorf("%d went on", len(on))
	}
	b.balance()
}

func TestAPortWithoutAPairIsCapturedToo(t *testing.T) {
	w := newWatched(t, 1<<20)
	w.start(func(*capture.Spec) {})
	w.worker.own[0].pairTx = -1
	f := data(host1, array1, 1)
	w.send(edge0, bytes.Clone(f))
	all := w.read()
	if len(all) != 1 || shm.Fate(all[0].Fate) != shm.FateDropNoPath || !bytes.Equal(all[0].frame, f) {
		t.Errorf("%+v", all)
	}
}
