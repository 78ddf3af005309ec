package frame

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"unsafe"
)

func TestCRCOf28ZeroBytesIsTheMeasuredOne(t *testing.T) {
	wire := binary.LittleEndian.AppendUint32(nil, CRC(make([]byte, 28)))
	if !bytes.Equal(wire, []byte{0xe9, 0x77, 0x70, 0x80}) {
		t.Errorf("% x, want e9 77 70 80", wire)
	}
}

func TestCRCGoodSeesEverySingleByte(t *testing.T) {
	b := build(func(h *Header) { h.VFT, h.VFID = true, 9 }, 32)
	var h Header
	if Decode(b, &h) != OK || !h.CRCGood(b) {
		t.Fatal("the frame itself is not good")
	}
	for i := h.FCOffset - VFTHeaderLen; i < h.PayloadEnd+4; i++ {
		bad := bytes.Clone(b)
		bad[i] ^= 0x40
		var g Header
		if Decode(bad, &g) == OK && g.CRCGood(bad) {
			t.Errorf("byte %d was changed and the CRC is still good", i)
		}
	}
}

// random frame: any length, any payload, sometimes in a virtual fabric or with a tag.
func randomFrame(random *rand.Rand, payload int) []byte {
	h := command()
	h.SID, h.DID = FCID(1+random.IntN(1<<22)), FCID(1<<23+random.IntN(1<<22))
	h.VFT, h.Tagged = random.IntN(4) == 0, random.IntN(2) == 0
	data := make([]byte, payload)
	for i := range data {
		data[i] = uint8(random.Uint32())
	}
	return AppendFCoE(nil, &h, data)
}

func TestDeltaGivesTheCRCThatAFullComputationGives(t *testing.T) {
	const seed1, seed2 = 3, 4
	random := rand.New(rand.NewPCG(seed1, seed2))
	tables := NewCRCDelta()
	var h Header
	for i := range 20000 {
		payload := 4 * random.IntN(MaxPayload/4+1)
		if i%2 == 0 {
			payload = HotPayloads[i/2%len(HotPayloads)]
		}
		b := randomFrame(random, payload)
		if Decode(b, &h) != OK {
			t.Fatal("not a good frame")
		}
		// One in four has a CRC that was damaged on the way, in some of its bits.
		damage := uint32(0)
		if i%4 == 0 {
			damage = random.Uint32() | 1
			XORCRC(b, h.PayloadEnd, damage)
		}
		did, sid := FCID(random.IntN(1<<24)), FCID(random.IntN(1<<24))
		raw := AddressDelta(h.DID, h.SID, did, sid)
		size := h.PayloadEnd - h.FCOffset
		word := tables.Word(raw, size)
		flow := tables.Flow(raw)
		if got := flow.Word(tables, size); got != word {
			t.Fatalf("rewrite %d: the flow's word is %08x, not %08x", i, got, word)
		}
		RewriteAddresses(b, h.FCOffset, h.PayloadEnd, did, sid, word)

		start := h.crcStart()
		want := CRC(b[start:h.PayloadEnd]) ^ damage
		if got := binary.LittleEndian.Uint32(b[h.PayloadEnd:]); got != want {
			t.Fatalf("rewrite %d of %d bytes (seeds %d, %d): CRC %08x, want %08x", i, size, seed1, seed2, got, want)
		}
		if get24(b[h.FCOffset+1:]) != uint32(did) || get24(b[h.FCOffset+5:]) != uint32(sid) {
			t.Fatalf("rewrite %d: addresses were not written", i)
		}
	}
}

func TestDeltaWorksAtEveryLength(t *testing.T) {
	tables := NewCRCDelta()
	raw := AddressDelta(0x010203, 0x0a0b0c, 0x040506, 0x0d0e0f)
	before, after := make([]byte, MaxFCLen), make([]byte, MaxFCLen)
	put24(before[1:], 0x010203)
	put24(before[5:], 0x0a0b0c)
	put24(after[1:], 0x040506)
	put24(after[5:], 0x0d0e0f)
	for size := FCHeaderLen; size <= MaxFCLen; size += 4 {
		want := CRC(before[:size]) ^ CRC(after[:size])
		if got := tables.Word(raw, size); got != want {
			t.Fatalf("%d bytes: %08x, want %08x", size, got, want)
		}
	}
	for _, size := range []int{FCHeaderLen, FCHeaderLen + 2048, MaxFCLen} {
		if got, want := NewLengthDelta(size).Word(raw), tables.Word(raw, size); got != want {
			t.Errorf("tables of %d bytes alone: %08x, want %08x", size, got, want)
		}
	}
	if raw := AddressDelta(1, 2, 1, 2); raw != 0 || tables.Word(raw, 56) != 0 {
		t.Error("addresses that stay change the CRC")
	}
}

func TestSizesOfTheDeltaTables(t *testing.T) {
	if n := unsafe.Sizeof(CRCDelta{}); n != 196<<10 {
		t.Errorf("CRCDelta has %d bytes", n)
	}
	if n := unsafe.Sizeof(FlowDelta{}); n != 36 {
		t.Errorf("FlowDelta has %d bytes", n)
	}
	if len(HotPayloads) != numHot {
		t.Errorf("%d hot payloads, %d words", len(HotPayloads), numHot)
	}
}

func TestTheDeltaAllocatesNothing(t *testing.T) {
	tables := NewCRCDelta()
	b := build(same, 2048)
	flow := tables.Flow(AddressDelta(1, 2, 3, 4))
	if n := testing.AllocsPerRun(100, func() {
		RewriteAddresses(b, 28, 52+2048, 3, 4, flow.Word(tables, 24+2048))
		RewriteAddresses(b, 28, 52+2048, 3, 4, tables.Word(AddressDelta(1, 2, 3, 4), 24+1000))
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

var sink uint32

func BenchmarkCRC(b *testing.B) {
	for _, size := range []int{56, 2136} {
		b.Run(fmt.Sprintf("%d bytes", size), func(b *testing.B) {
			in := make([]byte, size)
			b.SetBytes(int64(size))
			for b.Loop() {
				sink ^= CRC(in)
			}
		})
	}
}

func BenchmarkDelta(b *testing.B) {
	tables := NewCRCDelta()
	raw := AddressDelta(0x010203, 0x0a0b0c, 0x040506, 0x0d0e0f)
	one := NewLengthDelta(FCHeaderLen + 2048)
	flow := tables.Flow(raw)
	sizes := [4]int{24 + 32, 24 + 2048, 24 + 24, 24 + 12}
	b.Run("finished word of the flow", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			sink ^= flow.Word(tables, sizes[i&3])
		}
	})
	b.Run("tables of one length", func(b *testing.B) {
		for i := uint32(0); b.Loop(); i++ {
			sink ^= one.Word(raw + i)
		}
	})
	b.Run("tables of all lengths", func(b *testing.B) {
		for i := uint32(0); b.Loop(); i++ {
			sink ^= tables.Word(raw+i, sizes[i&3])
		}
	})
	for _, size := range []int{32, 2048} {
		b.Run(fmt.Sprintf("rewrite of addresses, payload %d", size), func(b *testing.B) {
			// 32 frames, as a burst has: one alone would wait for its own last store.
			var burst [32][]byte
			for i := range burst {
				burst[i] = build(same, size)
			}
			for i := 0; b.Loop(); i++ {
				RewriteAddresses(burst[i&31], 28, 52+size, 3, 4, flow.Word(tables, 24+size))
			}
		})
	}
	b.Run("preparing a flow", func(b *testing.B) {
		for i := uint32(0); b.Loop(); i++ {
			f := tables.Flow(raw + i)
			sink ^= f[0]
		}
	})
	b.Run("building the tables", func(b *testing.B) {
		for b.Loop() {
			sink ^= NewCRCDelta().near[1][0][1]
		}
	})
}
