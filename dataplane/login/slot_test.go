package login

import (
	"encoding/binary"
	"reflect"
	"testing"
	"time"
	"unsafe"

	"fcredirect/dataplane/frame"
)

// fullLogin has another value in every field, so that none can hide behind another.
func fullLogin() Login {
	return Login{
		Addr: At(3, 100, 0x010203), WWPN: 0x2000_02fc_0100_0001, WWNN: 0x1000_02fc_0100_0001,
		MAC: frame.MAC{0x0e, 0xfc, 0, 1, 2, 3}, ENode: frame.MAC{2, 0xfc, 1, 0, 0, 1}, FCF: frame.MAC{2, 0xfc, 0xfc, 0, 0, 9},
		Port: 7, State: Suspect, Claimed: Initiator | Target, Observed: Target, How: ByFDISC,
		Flags: Vouched | KeepsAlive, KeepAlive: 8 * time.Second,
		FirstSeen: 1_700_000_000_000_000_001, LastSeen: 1_700_000_000_000_000_002,
		ENodeSeen: 1_700_000_000_000_000_003, Marked: 1_700_000_000_000_000_004, Incarnation: 5,
	}
}

func TestTheSlotLayoutIsPinned(t *testing.T) {
	var s slot
	for _, f := range []struct {
		name     string
		got, pin uintptr
	}{
		{"size", unsafe.Sizeof(s), 128},
		{"Seq", unsafe.Offsetof(s.Seq), 0},
		{"Incarnation", unsafe.Offsetof(s.Incarnation), 4},
		{"Addr", unsafe.Offsetof(s.Addr), 8},
		{"WWPN", unsafe.Offsetof(s.WWPN), 16},
		{"WWNN", unsafe.Offsetof(s.WWNN), 24},
		{"MAC", unsafe.Offsetof(s.MAC), 32},
		{"Port", unsafe.Offsetof(s.Port), 38},
		{"State", unsafe.Offsetof(s.State), 39},
		{"Claimed", unsafe.Offsetof(s.Claimed), 40},
		{"Observed", unsafe.Offsetof(s.Observed), 41},
		{"How", unsafe.Offsetof(s.How), 42},
		{"Flags", unsafe.Offsetof(s.Flags), 43},
		{"KeepAliveMS", unsafe.Offsetof(s.KeepAliveMS), 44},
		{"FirstSeen", unsafe.Offsetof(s.FirstSeen), 48},
		{"LastSeen", unsafe.Offsetof(s.LastSeen), 56},
		{"ENode", unsafe.Offsetof(s.ENode), 64},
		{"FCF", unsafe.Offsetof(s.FCF), 72},
		{"ENodeSeen", unsafe.Offsetof(s.ENodeSeen), 80},
		{"Marked", unsafe.Offsetof(s.Marked), 88},
		{"Check", unsafe.Offsetof(s.Check), 120},
	} {
		if f.got != f.pin {
			t.Errorf("%s: %d, the segment's readers know it as %d", f.name, f.got, f.pin)
		}
	}
}

func TestTheWordsOfASlotAreItsFields(t *testing.T) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		t.Skip("the layout is defined for little-endian machines")
	}
	var w words
	want := fullLogin()
	var img wordImage
	img.encode(&want)
	w.store(&img, want.Incarnation)
	s := (*slot)(unsafe.Pointer(&w))
	got := Login{
		Addr: Addr(s.Addr), WWPN: frame.WWN(s.WWPN), WWNN: frame.WWN(s.WWNN), MAC: s.MAC, ENode: s.ENode, FCF: s.FCF,
		Port: s.Port, State: State(s.State), Claimed: Functions(s.Claimed), Observed: Functions(s.Observed),
		How: How(s.How), Flags: Flags(s.Flags), KeepAlive: time.Duration(s.KeepAliveMS) * time.Millisecond,
		FirstSeen: s.FirstSeen, LastSeen: s.LastSeen, ENodeSeen: s.ENodeSeen, Marked: s.Marked, Incarnation: s.Incarnation,
	}
	if got != want {
		t.Errorf("through the fields\n%+v, through the words\n%+v", got, want)
	}
	if s.Seq == 0 || s.Seq&1 != 0 {
		t.Errorf("sequence at rest is %d, want even and not 0", s.Seq)
	}
}

func TestALoginComesBackFromItsSlotWhole(t *testing.T) {
	want := fullLogin()
	for v, i := reflect.ValueOf(want), 0; i < v.NumField(); i++ {
		if v.Field(i).IsZero() {
			t.Fatalf("%s is zero: the test would not see it get lost", v.Type().Field(i).Name)
		}
	}
	var w words
	var img wordImage
	img.encode(&want)
	w.store(&img, want.Incarnation)
	var back wordImage
	if !w.load(&back) {
		t.Fatal("a slot at rest cannot be read")
	}
	if got := back.decode(); got != want {
		t.Errorf("got\n%+v want\n%+v", got, want)
	}
	if back[wCheck] != back.check() {
		t.Error("a slot at rest fails its check")
	}
}

func TestTheCheckSeesEveryBitThatStandsUnderTheSequence(t *testing.T) {
	l := fullLogin()
	var img wordImage
	img.encode(&l)
	for i := range img {
		free := i == wSeq || i == wLastSeen || i == wENodeSeen
		for bit := range 64 {
			img[i] ^= 1 << bit
			if ok := img.check() == img[wCheck]; ok != free {
				t.Fatalf("word %d bit %d flipped: check passes %v, want %v", i, bit, ok, free)
			}
			img[i] ^= 1 << bit
		}
	}
}

func TestAReaderGivesUpOnAWriteThatDoesNotEnd(t *testing.T) {
	var w words
	w[wSeq].Store(7)
	var img wordImage
	if w.load(&img) {
		t.Error("a slot in the middle of a write was read")
	}
}
