package frame

import (
	"testing"
	"unsafe"
)

func classifyOne(b []byte, fabric uint8) (uint64, Class) {
	var p [64]unsafe.Pointer
	var n [64]uint32
	var out Parsed
	if len(b) > 0 {
		p[0] = unsafe.Pointer(&b[0])
	}
	n[0] = uint32(len(b))
	Classify(&p, &n, 0, 1, uint64(fabric)<<60, &out)
	return out.Keys[0], out.Classes[0]
}

// Decode is the judge; Classify must never disagree with it.
func FuzzClassifyAgreesWithDecode(f *testing.F) {
	h := Header{SOF: SOFi3, EOF: EOFt, RCtl: RCtlUnsolicitedCmd, Type: TypeFCP, SID: 0x010203, DID: 0x0a0b0c}
	plain := AppendFCoE(nil, &h, make([]byte, 32))
	h.Tagged, h.VLAN = true, 100
	tagged := AppendFCoE(nil, &h, make([]byte, 32))
	h.VFT, h.VFID = true, 77
	vft := AppendFCoE(nil, &h, nil)
	h = Header{SOF: SOFi3, EOF: EOFt, RCtl: RCtlABTS, SID: 1, DID: 0xfffffe, FCtl: FCtlExchangeContext}
	for _, b := range [][]byte{plain, tagged, vft, AppendFCoE(nil, &h, nil), tagged[:62], make([]byte, 60), nil} {
		f.Add(b, uint16(0), byte(0))
		for at := 12; at < len(b); at += 3 {
			f.Add(b, uint16(at), byte(0x41))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, at uint16, v byte) {
		if int(at) < len(b) {
			b[at] = v
		}
		if len(b) > 4000 {
			return
		}
		key, class := classifyOne(b, 3)
		var h Header
		reason := Decode(b, &h)
		if class.Reason() != reason {
			t.Fatalf("Classify says %v, Decode %v", class.Reason(), reason)
		}
		if reason != OK {
			if reason != Runt && class.Is(ClassControl) != (reason == FIP) {
				t.Fatalf("class %x of a %v frame", class, reason)
			}
			return
		}
		vf := h.VLAN
		if h.VFT {
			vf = h.VFID
		}
		if want := uint64(3)<<60 | uint64(vf)<<48 | uint64(h.SID)<<24 | uint64(h.DID); key != want {
			t.Fatalf("key %x, want %x", key, want)
		}
		storage := h.Type == TypeFCP || h.Type == TypeNVMe
		for name, c := range map[string]struct{ got, want bool }{
			"storage":   {class.Is(ClassStorage), storage},
			"command":   {class.Is(ClassCommand), storage && h.RCtl == RCtlUnsolicitedCmd},
			"responder": {class.Is(ClassResponder), h.FromResponder()},
			"control":   {class.Is(ClassControl), h.Type == TypeELS || h.Type == TypeCT},
			"no flow":   {class.Is(ClassNoFlow), h.SID.WellKnown() || h.DID.WellKnown() || h.SID == 0 || h.DID == 0},
			"error":     {class.Is(ClassError), h.RCtl == RCtlABTS || h.RCtl == RCtlBARjt || h.RCtl == RCtlPRjt || h.RCtl == RCtlFRjt},
		} {
			if c.got != c.want {
				t.Fatalf("%s: %v, want %v", name, c.got, c.want)
			}
		}
	})
}

func TestAFIPFrameWithoutPaddingStillReachesTheLearner(t *testing.T) {
	fip := append(make([]byte, 12), 0x89, 0x14, 0x10, 0)
	tagged := append(make([]byte, 12), 0x81, 0, 0, 100, 0x89, 0x14, 0x10, 0)
	for name, c := range map[string]struct {
		b    []byte
		want bool
	}{"plain": {fip, true}, "tagged": {tagged, true}, "cut in the tag": {tagged[:17], false}, "a cut header": {fip[:13], false}, "FCoE": {append(make([]byte, 12), 0x89, 6, 0), false}} {
		if _, class := classifyOne(c.b, 0); class.Reason() != Runt || class.Is(ClassControl) != c.want {
			t.Errorf("%s: class %x", name, class)
		}
	}
}

func TestAFrameOfTheOldFormatMayBeShorterThanARunt(t *testing.T) {
	old := append(make([]byte, 12), 0x89, 0x06, 0x02, 0x8e, 0x22)
	if _, class := classifyOne(old, 0); class.Reason() != OldFormat {
		t.Errorf("class %x", class)
	}
}

func BenchmarkClassifyBurstOf32(b *testing.B) {
	h := Header{SOF: SOFi3, EOF: EOFt, RCtl: RCtlSolicitedData, Type: TypeFCP, SID: 0x010203, DID: 0x0a0b0c}
	var p [64]unsafe.Pointer
	var n [64]uint32
	var out Parsed
	for i := range 32 {
		h.SID = FCID(0x010200 + i)
		buf := AppendFCoE(nil, &h, make([]byte, 28))
		p[i], n[i] = unsafe.Pointer(&buf[0]), uint32(len(buf))
	}
	b.ReportAllocs()
	for range b.N {
		Classify(&p, &n, 0, 32, 0, &out)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/32, "ns/frame")
}
