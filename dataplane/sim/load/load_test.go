package load

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/sim/wire"
)

func shape(t testing.TB, flows, bytes int) Shape {
	t.Helper()
	s := Shape{Flows: flows, Bytes: bytes}
	if err := s.Complete(); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFlowsAreDistinctAndFound(t *testing.T) {
	s := shape(t, 10_000, 60)
	seen := make(map[[2]frame.FCID]bool)
	for i := range s.Flows {
		sid, did := s.Ports(i)
		if seen[[2]frame.FCID{sid, did}] {
			t.Fatalf("flow %d is %v to %v again", i, sid, did)
		}
		seen[[2]frame.FCID{sid, did}] = true
		if got, ok := s.Flow(sid, did); !ok || got != i {
			t.Fatalf("%v to %v is flow %d (%v), want %d", sid, did, got, ok, i)
		}
	}
	for _, p := range [][2]frame.FCID{{0, firstTarget}, {1, 1}, {firstTarget, 1}, {1, 0xFFFF}, {0x7FFF, firstTarget}} {
		if f, ok := s.Flow(p[0], p[1]); ok {
			t.Errorf("%v to %v is flow %d", p[0], p[1], f)
		}
	}
}

func TestEveryFrameIsGoodAndAsLongAsAsked(t *testing.T) {
	for _, tc := range []struct {
		bytes int
		vlan  uint16
	}{{60, 0}, {64, 100}, {172, 0}, {2172, 0}, {2176, 5}} {
		s := Shape{Flows: 50, Bytes: tc.bytes, VLAN: tc.vlan}
		if err := s.Complete(); err != nil {
			t.Fatal(err)
		}
		for flow := range s.Flows {
			b := stamp(s.template(flow), 77, tc.vlan != 0)
			var h frame.Header
			if r := frame.Decode(b, &h); r != frame.OK || !h.CRCGood(b) || len(b) != tc.bytes || h.Param != 77 || h.VLAN != tc.vlan {
				t.Fatalf("%d bytes: %v, %d bytes, number %d, VLAN %d", tc.bytes, r, len(b), h.Param, h.VLAN)
			}
		}
	}
}

func TestShapesThatCannotBeAreRefused(t *testing.T) {
	for _, s := range []Shape{
		{Flows: 0, Bytes: 60}, {Flows: MaxFlows + 1, Bytes: 60}, {Flows: 1, Bytes: 56}, {Flows: 1, Bytes: 61},
		{Flows: 1, Bytes: 2176}, {Flows: 1, Bytes: 60, VLAN: 1}, {Flows: 100_000, Targets: 1, Bytes: 60}, {Flows: 1, Targets: -1, Bytes: 60},
	} {
		if s.Complete() == nil {
			t.Errorf("%+v was accepted", s)
		}
	}
}

func TestClaimsNameTheAddressesTheFlowsUse(t *testing.T) {
	s := shape(t, 100, 60)
	for _, targets := range []bool{false, true} {
		frames := s.Claims(targets)
		if len(frames) != 20 {
			t.Fatalf("%d frames for 10 ports", len(frames))
		}
		for i, b := range frames {
			var f frame.FIPFrame
			if err := frame.ParseFIP(b, &f); err != nil {
				t.Fatal(err)
			}
			id := s.Initiator(i / 2)
			if targets {
				id = s.Target(i / 2)
			}
			vn, ok := f.Find(frame.DescVNPort).VNPort()
			if !ok || vn.ID != id || vn.WWPN != Name(id) || vn.MAC != frame.FPMA(frame.VN2VNFCMap, id) {
				t.Errorf("frame %d: %+v", i, vn)
			}
		}
	}
}

// carry runs a generator and a sink on the two ends of what makes and returns them.
func carry(t *testing.T, g *Generator, s *Sink, a, b wire.Wire) (GeneratorReport, SinkReport) {
	t.Helper()
	var wg sync.WaitGroup
	var sent GeneratorReport
	var got SinkReport
	var errG, errS error
	wg.Go(func() { got, errS = s.Run(b, true) })
	wg.Go(func() { sent, errG = g.Run(a) })
	wg.Wait()
	if errG != nil || errS != nil {
		t.Fatal(errG, errS)
	}
	return sent, got
}

func TestWhatIsSentIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := wire.Cable(1 << 16)
		sh := shape(t, 100, 172)
		sent, got := carry(t,
			&Generator{Shape: sh, Frames: 1050, Rate: 10_000, Announce: true},
			&Sink{Shape: sh, Idle: time.Second, Announce: true}, a, b)
		if sent.Sent != 1050 || sent.FramesPerFlow != 10 || sent.Remainder != 50 || sent.Announced != 20 {
			t.Errorf("sent %+v", sent)
		}
		if sent.Seconds < 0.1 || sent.Seconds > 0.2 {
			t.Errorf("took %.3f s at 10,000 a second", sent.Seconds)
		}
		if got.Received != 1050 || got.Unique != 1050 || got.Lost+got.Duplicates+got.Late+got.BadCRC+got.Foreign > 0 || got.FIP != 20 || got.Flows != 100 {
			t.Errorf("received %+v", got)
		}
		for i, n := range got.PerFlow {
			if want := sent.FramesPerFlow + uint64(b2i(uint64(i) < sent.Remainder)); n != want {
				t.Errorf("flow %d has %d frames, want %d", i, n, want)
			}
		}
	})
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestWhatIsLostOnTheWayIsMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := wire.Cable(1 << 16)
		sh := shape(t, 10, 172)
		dropper := &everyOther{Wire: a}
		sent, got := carry(t, &Generator{Shape: sh, Frames: 1000, Rate: 100_000}, &Sink{Shape: sh, Idle: time.Second}, dropper, b)
		if got.Unique+got.Lost+10 < sent.FramesPerFlow*10 || got.Lost < 400 || got.Unique != 1000-dropper.dropped {
			t.Errorf("dropped %d: received %+v", dropper.dropped, got)
		}
	})
}

// everyOther loses frames.
type everyOther struct {
	wire.Wire
	n, dropped uint64
}

func (e *everyOther) Send(b []byte) {
	if e.n++; e.n%11 < 5 {
		e.dropped++
		return
	}
	e.Wire.Send(b)
}

func TestTheSinkTellsWhatItSees(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := wire.Cable(1 << 10)
		sh := shape(t, 10, 172)
		bad := stamp(sh.template(0), 5, false)
		bad[100] ^= 1
		foreign := frame.AppendFCoE(nil, &frame.Header{SOF: frame.SOFi3, EOF: frame.EOFt, SID: 0x123456, DID: 1}, nil)
		short := append([]byte(nil), foreign...)
		short[13+14] = 0 // SOF
		for _, f := range [][]byte{
			stamp(sh.template(0), 1, false), stamp(sh.template(0), 3, false), stamp(sh.template(0), 2, false), stamp(sh.template(0), 3, false),
			bad, foreign, short, make([]byte, 60),
		} {
			a.Send(f)
		}
		s := &Sink{Shape: sh, Duration: time.Second}
		got, err := s.Run(b, false)
		if err != nil {
			t.Fatal(err)
		}
		want := SinkReport{Received: 4, Unique: 3, Bytes: 4 * 172, Duplicates: 1, Late: 1, BadCRC: 1, Malformed: 1, Foreign: 1, Other: 1, Flows: 1, Seconds: got.Seconds}
		if got.Seconds != 1 || got.Received != want.Received || got.Unique != want.Unique || got.Duplicates != want.Duplicates ||
			got.Late != want.Late || got.BadCRC != want.BadCRC || got.Malformed != want.Malformed || got.Foreign != want.Foreign ||
			got.Other != want.Other || got.Lost != 0 || got.Bytes != want.Bytes {
			t.Errorf("got %+v\nwant %+v", got, want)
		}
	})
}

func TestStopEndsBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := wire.Cable(1 << 16)
		sh := shape(t, 10, 60)
		g, s := &Generator{Shape: sh, Rate: 1000}, &Sink{Shape: sh}
		time.AfterFunc(3*time.Second, g.Stop)
		time.AfterFunc(4*time.Second, s.Stop)
		sent, got := carry(t, g, s, a, b)
		if sent.Sent < 2900 || sent.Sent != got.Unique {
			t.Errorf("sent %d, received %d", sent.Sent, got.Unique)
		}
	})
}

// Whatever the order within the window, each number is fresh exactly once.
func TestTheWindowCountsEachNumberOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var f flowState
		seen := make(map[uint32]bool)
		base := uint32(0)
		for range rapid.IntRange(1, 200).Draw(t, "frames") {
			n := base + rapid.Uint32Range(1, 60).Draw(t, "ahead")
			fresh, _ := f.see(n)
			if fresh == seen[n] {
				t.Fatalf("number %d: fresh %v, seen before %v", n, fresh, seen[n])
			}
			seen[n] = true
			if f.highest > 60 {
				base = max(base, f.highest-60)
			}
		}
		if f.unique != uint64(len(seen)) {
			t.Fatalf("%d unique, want %d", f.unique, len(seen))
		}
	})
}
