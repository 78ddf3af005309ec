package sim

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fcredirect/dataplane/frame"
	"fcredirect/dataplane/sim/scsi"
)

func TestTimersFireInTheOrderOfTimeThenOfArming(t *testing.T) {
	var c clock
	var fired []string
	note := func(s string) func() { return func() { fired = append(fired, s) } }
	late := timer{fire: note("late")}
	c.arm(&late, 20)
	c.after(10, note("first"))
	c.after(10, note("second"))
	moved := timer{fire: note("moved")}
	c.arm(&moved, 5)
	c.arm(&moved, 15)
	stopped := c.after(12, note("stopped"))
	c.stop(stopped)
	c.stop(stopped) // a second time is nothing
	if due, ok := c.next(); !ok || due != 10 {
		t.Errorf("next is %v %v, want 10", due, ok)
	}
	c.advance(15)
	if want := []string{"first", "second", "moved"}; !slices.Equal(fired, want) {
		t.Errorf("fired %v, want %v", fired, want)
	}
	c.advance(100)
	if fired[len(fired)-1] != "late" || len(fired) != 4 {
		t.Errorf("fired %v", fired)
	}
	if _, ok := c.next(); ok {
		t.Error("a timer is left")
	}
}

func TestATimerThatArmsItselfForNowDoesNotHoldUpTheClock(t *testing.T) {
	var c clock
	var again timer
	n := 0
	again.fire = func() { n++; c.arm(&again, 0) }
	c.arm(&again, 0)
	c.advance(1)
	if n != 1 {
		t.Errorf("fired %d times in one advance", n)
	}
	c.advance(1)
	if n != 2 {
		t.Errorf("fired %d times after the second", n)
	}
}

func TestCoverageCountsEachByteOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const size = 96
		var c coverage
		var have [size]bool
		for range rapid.IntRange(0, 60).Draw(t, "frames") {
			from := rapid.IntRange(0, size).Draw(t, "from")
			to := rapid.IntRange(from, size).Draw(t, "to")
			want := 0
			for i := from; i < to; i++ {
				if !have[i] {
					want++
				}
				have[i] = true
			}
			got, ok := c.add(from, to)
			if !ok || got != want {
				t.Fatalf("add [%d,%d): fresh %d ok %v, want %d", from, to, got, ok, want)
			}
		}
		total := 0
		for _, h := range have {
			if h {
				total++
			}
		}
		if c.bytes != total {
			t.Fatalf("%d bytes, want %d", c.bytes, total)
		}
	})
}

func TestCoverageRefusesWhatIsTooScattered(t *testing.T) {
	var c coverage
	for i := range maxSpans {
		if _, ok := c.add(i*10, i*10+5); !ok {
			t.Fatalf("span %d refused", i)
		}
	}
	if _, ok := c.add(maxSpans*10, maxSpans*10+5); ok {
		t.Error("one more span was taken")
	}
	if fresh, ok := c.add(5, 10); !ok || fresh != 5 {
		t.Errorf("closing a gap: fresh %d ok %v", fresh, ok)
	}
}

func TestOXIDsAreReusedAtOnceUnlessTheyRoll(t *testing.T) {
	reuse := newXIDs(false)
	for range 3 {
		id, _ := reuse.take()
		if id != 0 {
			t.Errorf("serial use took %d, want 0 again", id)
		}
		reuse.give(id)
	}
	roll := newXIDs(true)
	for i := range uint16(maxExchanges) {
		id, _ := roll.take()
		if id != i {
			t.Fatalf("take %d gave %d", i, id)
		}
		roll.give(id)
	}
	if id, _ := roll.take(); id != 0 {
		t.Errorf("after a round %d, want 0", id)
	}
	for _, x := range []*xids{newXIDs(false), newXIDs(true)} {
		seen := make(map[uint16]bool)
		for range maxExchanges {
			id, ok := x.take()
			if !ok || seen[id] {
				t.Fatalf("id %d ok %v seen %v", id, ok, seen[id])
			}
			seen[id] = true
		}
		if _, ok := x.take(); ok {
			t.Error("one more than there are")
		}
	}
}

func TestVerificationNamesWhatIsWrong(t *testing.T) {
	p := newPattern(7, uint64(hostOne), uint64(arrayOne))
	blocks := func(p pattern, lba uint64, generation uint32) []byte {
		b := make([]byte, 2*scsi.BlockSize)
		p.fill(b, lba, generation)
		return b
	}
	for _, tc := range []struct {
		name string
		got  func() []byte
		want string // in the error; "" for none
	}{
		{"the right data", func() []byte { return blocks(p, 100, 3) }, ""},
		{"an older generation", func() []byte { return blocks(p, 100, 2) }, "block 100 generation 3: holds block 100 of generation 2"},
		{"a block of elsewhere", func() []byte { return blocks(p, 101, 3) }, "holds block 101 of generation 3"},
		{"another host's data", func() []byte { return blocks(newPattern(7, uint64(hostTwo), uint64(arrayOne)), 100, 3) }, "its origin is not ours"},
		{"zeros", func() []byte { return make([]byte, 2*scsi.BlockSize) }, "holds zeros"},
		{"one bit in the second block", func() []byte {
			b := blocks(p, 100, 3)
			b[scsi.BlockSize+300] ^= 0x10
			return b
		}, "block 101 generation 3: byte 300"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := p.check(tc.got(), make([]byte, 2*scsi.BlockSize), 100, 3)
			if (tc.want == "") != (err == nil) || (err != nil && !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

// dataFrame is a good FCP_DATA frame.
func dataFrame() []byte {
	return frame.AppendFCoE(nil, &frame.Header{
		Dst: frame.FPMA(frame.VN2VNFCMap, 1), Src: frame.FPMA(frame.VN2VNFCMap, 10),
		SOF: frame.SOFi3, EOF: frame.EOFt, RCtl: frame.RCtlSolicitedData, Type: frame.TypeFCP,
		DID: 1, SID: 10, FCtl: frame.FCtlLastRead,
	}, bytes.Repeat([]byte{0x5a}, 512))
}

func TestEachFaultMakesTheFrameThatItNames(t *testing.T) {
	good := dataFrame()
	for _, tc := range []struct {
		name   string
		faults Faults
		judge  func(b []byte, h *frame.Header, r frame.Reason) bool
		frames int // sent for 100
		count  func(c *FaultCounters) uint64
	}{
		{"loss", Faults{Loss: 1}, nil, 0, func(c *FaultCounters) uint64 { return c.Loss }},
		{"bad CRC", Faults{BadCRC: 1}, func(b []byte, h *frame.Header, r frame.Reason) bool {
			return (r == frame.OK && !h.CRCGood(b)) || r == frame.BadExtHeader
		}, 100, func(c *FaultCounters) uint64 { return c.BadCRC }},
		{"short", Faults{Short: 1}, func(b []byte, h *frame.Header, r frame.Reason) bool {
			return r.Malformed() || r == frame.Runt || (r == frame.OK && !h.CRCGood(b))
		}, 100, func(c *FaultCounters) uint64 { return c.Short }},
		{"wrong end of frame", Faults{WrongEOF: 1}, func(_ []byte, _ *frame.Header, r frame.Reason) bool {
			return r == frame.BadEOF || r == frame.InvalidEOF
		}, 100, func(c *FaultCounters) uint64 { return c.WrongEOF }},
		{"duplicate", Faults{Duplicate: 1}, func(b []byte, _ *frame.Header, _ frame.Reason) bool {
			return bytes.Equal(b, good)
		}, 200, func(c *FaultCounters) uint64 { return c.Duplicate }},
		{"corrupt", Faults{Corrupt: 1}, func(b []byte, h *frame.Header, r frame.Reason) bool {
			return r == frame.OK && h.CRCGood(b) && !bytes.Equal(b, good)
		}, 100, func(c *FaultCounters) uint64 { return c.Corrupt }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			j := newInjector(tc.faults, 1)
			sent := 0
			for range 100 {
				j.apply(append([]byte(nil), good...), func(b []byte) {
					sent++
					var h frame.Header
					if r := frame.Decode(b, &h); tc.judge != nil && !tc.judge(b, &h, r) {
						t.Errorf("sent a frame that is %v, CRC good %v", r, r == frame.OK && h.CRCGood(b))
					}
				})
			}
			if sent != tc.frames || tc.count(&j.n) != 100 || j.n.Total() != 100 {
				t.Errorf("sent %d, counted %+v", sent, j.n)
			}
		})
	}
}

func TestReorderLosesNothing(t *testing.T) {
	j := newInjector(Faults{Reorder: 0.3}, 5)
	var got []byte
	for i := range 200 {
		b := dataFrame()
		b[len(b)-1] = byte(i) // a reserved byte of the trailer
		j.apply(b, func(b []byte) { got = append(got, b[len(b)-1]) })
	}
	j.flush(func(b []byte) { got = append(got, b[len(b)-1]) })
	if slices.IsSorted(got) || j.n.Reorder == 0 {
		t.Error("nothing was reordered")
	}
	slices.Sort(got)
	for i, n := range got {
		if int(n) != i {
			t.Fatalf("frame %d is missing or there twice", i)
		}
	}
	if len(got) != 200 {
		t.Errorf("%d frames of 200", len(got))
	}
}

func TestFaultsKeepToTheirScope(t *testing.T) {
	plogi := frame.AppendFCoE(nil, &frame.Header{
		SOF: frame.SOFi3, EOF: frame.EOFt, RCtl: frame.RCtlELSRequest, Type: frame.TypeELS, SID: 1, DID: 2,
	}, make([]byte, 116))
	beacon := frame.AppendFIP(nil, &frame.FIPFrame{Op: frame.FIPVN2VN, Sub: frame.FIPBeacon})
	for _, tc := range []struct {
		scope          string
		fcp, els, fips bool
	}{{"", true, false, false}, {"fcp", true, false, false}, {"fc", true, true, false}, {"all", true, true, true}} {
		j := newInjector(Faults{Loss: 1, Scope: tc.scope}, 1)
		lost := func(b []byte) bool {
			sent := false
			j.apply(b, func([]byte) { sent = true })
			return !sent
		}
		if lost(dataFrame()) != tc.fcp || lost(plogi) != tc.els || lost(beacon) != tc.fips {
			t.Errorf("scope %q touches the wrong frames", tc.scope)
		}
	}
}

func TestFaultsAreValidated(t *testing.T) {
	for _, f := range []Faults{{Loss: -0.1}, {BadCRC: 1.1}, {Scope: "some"}} {
		if f.validate() == nil {
			t.Errorf("%+v was accepted", f)
		}
	}
	nan := 0.0
	if f := (Faults{Short: nan / nan}); f.validate() == nil {
		t.Error("a probability that is no number was accepted")
	}
}
