package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"unsafe"

	"pgregory.net/rapid"

	"fcredirect/dataplane/shm"
)

func TestTheLayoutIsPinned(t *testing.T) {
	for _, s := range []struct {
		name      string
		got, want uintptr
	}{
		{"Page", unsafe.Sizeof(Page{}), 64 + MaxCaptures*32}, {"Slot", unsafe.Sizeof(Slot{}), 32},
		{"Lane", unsafe.Sizeof(Lane{}), 64 + MaxCaptures*64}, {"Count", unsafe.Sizeof(Count{}), 64},
		{"Lease", unsafe.Sizeof(Lease{}), 64}, {"Cursor", unsafe.Sizeof(Cursor{}), 64}, {"Record", unsafe.Sizeof(Record{}), 48},
		{"Spec", unsafe.Sizeof(Spec{}), 136}, {"StartRequest", unsafe.Sizeof(StartRequest{}), 144}, {"StartReply", unsafe.Sizeof(StartReply{}), 16},
		{"StopRequest", unsafe.Sizeof(StopRequest{}), 16}, {"StopReply", unsafe.Sizeof(StopReply{}), 4},
	} {
		if s.got != s.want {
			t.Errorf("%s has %d bytes, want %d: ABI goes up when it changes", s.name, s.got, s.want)
		}
	}
	if recordBytes%recordAlign != 0 || laneBytes%line != 0 || LaneMin < 4*(MaxSnap+recordBytes) {
		t.Error("records, lanes or the least ring do not fit each other")
	}
}

func TestRingsAreDealtOutAsPowersOfTwo(t *testing.T) {
	for _, c := range []struct{ ring, lcores, want int }{
		{4 << 20, 1, 4 << 20}, {4 << 20, 3, 1 << 20}, {64 << 10, 8, LaneMin}, {1<<30 - 1, 1, 1 << 29},
	} {
		if got := LaneRing(c.ring, c.lcores); got != c.want {
			t.Errorf("%d bytes for %d lcores: %d each, want %d", c.ring, c.lcores, got, c.want)
		}
	}
	if StateRegions(0, 1) != nil || CtlRegions(0, 1) != nil {
		t.Error("without a ring there are regions")
	}
}

func TestAMessageIsReadAsItWasWritten(t *testing.T) {
	in := StartRequest{Owner: 7, Spec: Everything()}
	in.Spec.A.WWPN, in.Spec.Types[0] = 0x20000002fc010001, 1<<8
	var out StartRequest
	if err := Decode(Encode(&in), &out); err != nil || out != in {
		t.Errorf("%v, %+v", err, out)
	}
	if err := Decode(Encode(&in)[1:], &out); err == nil {
		t.Error("a message that is too short was taken")
	}
	if EncodeTo(make([]byte, 3), &StopReply{}) != 0 {
		t.Error("a message was written where there is no room")
	}
}

func TestASpecThatCannotBeIsRefused(t *testing.T) {
	for name, change := range map[string]func(*Spec){
		"no snap": func(s *Spec) { s.Snap = 0 }, "a long snap": func(s *Spec) { s.Snap = MaxSnap + 1 },
		"no time": func(s *Spec) { s.Time = 0 }, "a long time": func(s *Spec) { s.Time = MaxTime + 1 },
		"VSAN": func(s *Spec) { s.VSAN = 4096 }, "fabric": func(s *Spec) { s.Fabric = 16 }, "FC_ID": func(s *Spec) { s.B.ID = 1 << 24 },
		"fate": func(s *Spec) { s.Fates = 1 << shm.NumFates }, "flag": func(s *Spec) { s.Flags = 4 }, "one way of nothing": func(s *Spec) { s.Flags = OneWay },
	} {
		s := Everything()
		if change(&s); s.Check() == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if s := Everything(); s.Check() != nil {
		t.Error(s.Check())
	}
}

// lane is both ends of one ring.
func newLane(size int) (*Writer, *Reader, []byte, *Cursor) {
	words := make([]uint64, (laneBytes+size)/8)
	memory := unsafe.Slice((*byte)(unsafe.Pointer(&words[0])), laneBytes+size)
	cursor := &Cursor{}
	w, r := newWriter(memory, cursor), &Reader{lanes: []readLane{newReadLane(memory, cursor)}}
	return w, r, memory, cursor
}

// Any order of puts, commits, takes and releases gives the frames in order, whole, and never more than the ring holds.
func TestTheRingGivesWhatWasPutInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, r, _, _ := newLane(LaneMin)
		var put, committed [][]byte
		held := 0
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				frame := make([]byte, rapid.IntRange(0, MaxSnap).Draw(t, "bytes"))
				for i := range frame {
					frame[i] = byte(len(put) + i)
				}
				data := unsafe.Pointer(unsafe.SliceData(append(frame, 0)))
				if w.Put(&Record{Len: uint32(len(frame)), Kept: uint16(len(frame))}, data) == nil {
					if held+recordBytes+len(frame)+recordAlign < LaneMin/2 {
						t.Fatalf("no room for %d bytes beside %d", len(frame), held)
					}
					return
				}
				put = append(put, frame)
				held += recordBytes + len(frame)
			},
			"commit": func(*rapid.T) { w.Commit(); committed, put = append(committed, put...), nil },
			"take": func(t *rapid.T) {
				var rec Record
				frame, ok, err := r.Peek(0, &rec)
				if err != nil || ok != (len(committed) > 0) {
					t.Fatalf("%v, %v; %d wait", ok, err, len(committed))
				}
				if !ok {
					return
				}
				if !bytes.Equal(frame, committed[0]) {
					t.Fatalf("%d bytes, want %d", len(frame), len(committed[0]))
				}
				r.Take(0)
				held -= recordBytes + len(frame)
				committed = committed[1:]
			},
			"release": func(*rapid.T) { r.Release(0) },
		})
	})
}

func TestACursorThatCannotBeRightLeavesNoRoomAndHarmsNothing(t *testing.T) {
	w, r, _, cursor := newLane(LaneMin)
	frame := make([]byte, 2000)
	put := func() bool {
		ok := w.Put(&Record{Len: 2000, Kept: 2000}, unsafe.Pointer(&frame[0])) != nil
		w.Commit()
		return ok
	}
	for put() { // until it is full
	}
	for _, nonsense := range []uint64{1 << 60, w.next + 1, ^uint64(0)} {
		atomic.StoreUint64(&cursor.Tail, nonsense)
		if put() {
			t.Fatalf("cursor %x made room", nonsense)
		}
	}
	r.Begin(0)
	if !put() {
		t.Fatal("a reader that began anew made no room")
	}
	var rec Record
	if _, ok, err := r.Peek(0, &rec); !ok || err != nil {
		t.Fatal(ok, err)
	}
}

func TestAWriterAndAReaderOfTwoThreads(t *testing.T) {
	w, r, _, _ := newLane(LaneMin)
	const frames = 20_000
	go func() {
		var frame [256]byte
		for n := uint64(0); n < frames; {
			binary.LittleEndian.PutUint64(frame[:], n)
			size := 8 + int(n%200)
			if w.Put(&Record{TSC: n, Len: uint32(size), Kept: uint16(size)}, unsafe.Pointer(&frame[0])) != nil {
				n++
			}
			w.Commit()
		}
	}()
	for n := uint64(0); n < frames; {
		var rec Record
		frame, ok, err := r.Peek(0, &rec)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			continue
		}
		if binary.LittleEndian.Uint64(frame) != n || rec.TSC != n {
			t.Fatalf("frame %d in place of %d", rec.TSC, n)
		}
		r.Take(0)
		r.Release(0)
		n++
	}
}

// FuzzReader: whatever stands in a lane, the reader gives frames within the ring, or says that it is torn, and comes to
// an end.
func FuzzReader(f *testing.F) {
	w, _, memory, _ := newLane(1 << 12)
	frame := make([]byte, 300)
	for i := range 8 {
		w.Put(&Record{Len: 300, Kept: uint16(35 * i)}, unsafe.Pointer(&frame[0]))
	}
	w.Commit()
	f.Add(bytes.Clone(memory), uint64(0), uint64(0))
	f.Add(bytes.Clone(memory[:laneBytes+200]), uint64(16), uint64(1))
	f.Add([]byte{1, 2, 3}, uint64(1<<63), uint64(7))
	f.Fuzz(func(t *testing.T, text []byte, next, seed uint64) {
		_, r, memory, _ := newLane(1 << 12)
		copy(memory, text)
		lane := &r.lanes[0]
		lane.next = next
		random := rand.New(rand.NewPCG(seed, 1))
		for range 500 {
			var rec Record
			frame, ok, err := r.Peek(0, &rec)
			switch {
			case err != nil:
				if !errors.Is(err, ErrTorn) {
					t.Fatal(err)
				}
				r.Begin(0)
				if _, ok, err := r.Peek(0, &rec); ok || err != nil {
					t.Fatal("behind Begin", ok, err)
				}
				return
			case !ok:
				return
			}
			inside := uintptr(unsafe.Pointer(unsafe.SliceData(frame))) - uintptr(unsafe.Pointer(&memory[0]))
			if len(frame) > 0 && (inside < uintptr(laneBytes) || inside+uintptr(len(frame)) > uintptr(len(memory))) {
				t.Fatalf("a frame at %d of %d bytes", inside, len(frame))
			}
			if before := lane.next; random.IntN(8) > 0 {
				if r.Take(0); lane.next <= before {
					t.Fatal("the reader does not come on")
				}
			}
		}
	})
}

// frameOf builds a header as Match reads it.
func frameOf(tagged, vft bool, rctl, kind uint8) []byte {
	b := make([]byte, 80)
	at := offFC
	b[offEtherType], b[offEtherType+1] = 0x89, 0x06
	if tagged {
		b[offEtherType], b[offEtherType+1] = 0x81, 0
		at += tagBytes
	}
	if vft {
		b[at] = rctlVFT
		at += vftBytes
	}
	b[at], b[at+offType] = rctl, kind
	return b
}

// The bits of a burst are what the conditions say of each frame by itself.
func TestMatchAgreesWithTheConditions(t *testing.T) {
	logins := map[uint64][]uint64{1: {0x000_000_010001, 0x000_007_010002}, 2: {0x000_000_020001}, 3: nil}
	where := func(wwpn uint64, found func(uint64) bool) {
		for _, a := range logins[wwpn] {
			if !found(a) {
				return
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		ids := []uint32{0, 0x010001, 0x010002, 0x020001, 0xfffffc}
		s := Everything()
		s.A = End{WWPN: rapid.SampledFrom([]uint64{0, 0, 1, 2, 3}).Draw(t, "a"), ID: rapid.SampledFrom(ids).Draw(t, "a id")}
		s.B = End{WWPN: rapid.SampledFrom([]uint64{0, 0, 1, 2}).Draw(t, "b"), ID: rapid.SampledFrom(ids).Draw(t, "b id")}
		s.VSAN = rapid.SampledFrom([]uint16{AnyVSAN, 0, 7}).Draw(t, "vsan")
		if rapid.Bool().Draw(t, "one way") {
			s.Flags = OneWay
		}
		for _, v := range rapid.SliceOfN(rapid.SampledFrom([]uint8{0, 1, 8, 0x28}), 0, 2).Draw(t, "types") {
			s.Types.Add(v)
		}
		for _, v := range rapid.SliceOfN(rapid.SampledFrom([]uint8{1, 6, 7, 0x22}), 0, 2).Draw(t, "r_ctls") {
			s.RCtls.Add(v)
		}
		var a Armed
		a.Arm(&s, []uint8{0}, where)
		var keys [64]uint64
		var data [64]unsafe.Pointer
		n, fc, want := rapid.IntRange(1, 64).Draw(t, "frames"), uint64(0), uint64(0)
		for i := range n {
			rctl, kind := rapid.SampledFrom([]uint8{1, 6, 7, 0x22}).Draw(t, "r_ctl"), rapid.SampledFrom([]uint8{0, 1, 8}).Draw(t, "type")
			b := frameOf(rapid.Bool().Draw(t, "tag"), rapid.Bool().Draw(t, "vft"), rctl, kind)
			data[i] = unsafe.Pointer(&b[0])
			vsan := rapid.SampledFrom([]uint16{0, 7, 8}).Draw(t, "of vsan")
			from, to := rapid.SampledFrom(ids).Draw(t, "from"), rapid.SampledFrom(ids).Draw(t, "to")
			keys[i] = uint64(vsan)<<48 | uint64(from)<<24 | uint64(to)
			plain := rapid.IntRange(0, 9).Draw(t, "plain") > 0
			if plain {
				fc |= 1 << i
			}
			at := func(e End, id uint32) bool {
				named := e.WWPN == 0 || slices.Contains(logins[e.WWPN], uint64(vsan)<<24|uint64(id))
				return named && (e.ID == 0 || e.ID == id)
			}
			ends := at(s.A, from) && at(s.B, to) || s.Flags&OneWay == 0 && at(s.A, to) && at(s.B, from)
			kinds := (s.Types == Bits{} || s.Types.Has(kind)) && (s.RCtls == Bits{} || s.RCtls.Has(rctl))
			if !s.fibreChannel() || plain && ends && kinds && (s.VSAN == AnyVSAN || s.VSAN == vsan) {
				want |= 1 << i
			}
		}
		if got := a.Confirm(a.Match(&keys, n), fc, &data); got != want {
			t.Fatalf("%b, want %b: %+v", got, want, s)
		}
	})
}

func TestPortsFollowFabrics(t *testing.T) {
	s := Everything()
	var a Armed
	if a.Arm(&s, []uint8{0, 1, 1, 0}, nil); a.Ports != 0b1111 {
		t.Errorf("any: %b", a.Ports)
	}
	s.Fabric = 1
	if a.Arm(&s, []uint8{0, 1, 1, 0}, nil); a.Ports != 0b0110 {
		t.Errorf("fabric 1: %b", a.Ports)
	}
	s.Ports = 0b1010
	if a.Arm(&s, []uint8{0, 1, 1, 0}, nil); a.Ports != 0b0010 {
		t.Errorf("ports 1 and 3 of fabric 1: %b", a.Ports)
	}
}

func TestTheBudgetGrowsWithTimeAndNoFurther(t *testing.T) {
	w, _, _, _ := newLane(LaneMin)
	const hz, rate = 1_000_000_000, 1 << 20
	w.Refill(5000, hz, rate) // the first time: what there is
	spend := func() (n int) {
		for w.Afford(1000 - recordBytes) {
			n++
		}
		return n
	}
	if n := spend(); n != rateBurst/1000 {
		t.Fatalf("%d records to begin with", n)
	}
	w.Refill(5000+hz/10, hz, rate)
	if n := spend(); n < rate/10_000-1 || n > rate/10_000+1 {
		t.Errorf("%d records after 100 ms", n)
	}
	w.Refill(4000, hz, rate) // a clock that goes back gives nothing
	if n := spend(); n != 0 {
		t.Errorf("%d records of a clock that went back", n)
	}
	w.Refill(3600*hz, hz, 1<<40)
	if n := spend(); n > rateBurst/1000 {
		t.Errorf("%d records after an hour", n)
	}
}

func TestWhoMapsASegmentReadsWhatItsLcoreWrote(t *testing.T) {
	seg, err := shm.Create(shm.Config{Dir: t.TempDir(), Node: "t", State: StateRegions(1<<20, 2), Ctl: CtlRegions(1<<20, 2)})
	if err != nil {
		t.Fatal(err)
	}
	defer seg.Close()
	writers := Writers(seg)
	page, sets, lease := Control(seg)
	reader, err := NewReader(seg.State, seg.Ctl)
	if err != nil || len(writers) != 2 || reader.Lanes() != 2 || len(sets) != Sets {
		t.Fatal(err, len(writers), len(sets))
	}
	reader.Renew(9)
	page.Owner = 9
	if lease.Owner != 9 || lease.Beat != 1 || reader.Owner() != 9 {
		t.Errorf("lease %+v", lease)
	}
	frame := []byte("frame")
	writers[1].Put(&Record{Len: 5, Kept: 5}, unsafe.Pointer(&frame[0]))
	writers[1].Commit()
	var rec Record
	if got, ok, err := reader.Peek(1, &rec); !ok || err != nil || string(got) != "frame" {
		t.Errorf("%q %v %v", got, ok, err)
	}
	for i, w := range writers {
		c := w.Count(&Armed{ID: 3, Slot: 2})
		c.Matched, c.Budget = uint64(i+1), 1
	}
	if sum := reader.Count(2, 3); sum.Matched != 3 || sum.Missed() != 2 {
		t.Errorf("%+v", sum)
	}
	if sum := reader.Count(2, 4); sum.Matched != 0 {
		t.Errorf("another capture's: %+v", sum)
	}
	none, err := shm.Create(shm.Config{Dir: t.TempDir(), Node: "t", State: []shm.RegionSpec{{Name: "x", Stride: 8, Count: 1}}, Ctl: []shm.RegionSpec{{Name: "x", Stride: 8, Count: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	defer none.Close()
	if _, err := NewReader(none.State, none.Ctl); !errors.Is(err, ErrNone) || Writers(none) != nil {
		t.Errorf("without regions: %v", err)
	}
}
