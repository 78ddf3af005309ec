package frame

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"testing"
)

// command is a header with a different value in every field.
func command() Header {
	return Header{
		Dst: FPMA(DefaultFCMap, 0x010203), Src: FPMA(DefaultFCMap, 0x0a0b0c),
		SOF: SOFi3, EOF: EOFt,
		RCtl: RCtlUnsolicitedCmd, DID: 0x010203, CSCtl: 0x11, SID: 0x0a0b0c, Type: TypeFCP,
		FCtl: FCtlRequest, SeqID: 0x12, DFCtl: 0x13, SeqCnt: 0x1415, OXID: 0x1617, RXID: 0x1819,
		Param: 0x1a1b1c1d,
	}
}

func build(change func(h *Header), payload int) []byte {
	h := command()
	change(&h)
	return AppendFCoE(nil, &h, make([]byte, payload))
}

func same(*Header) {}

func tagged(h *Header) { h.Tagged, h.PCP, h.VLAN = true, 3, 100 }

func edit(b []byte, at int, values ...byte) []byte {
	if at < 0 {
		at += len(b)
	}
	copy(b[at:], values)
	return b
}

func vft(h *Header) { h.VFT, h.VFID, h.Hops = true, 7, 5 }

type verdict struct {
	name string
	in   []byte
	want Reason
}

func checkVerdicts(t *testing.T, tests []verdict) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var h Header
			if got := Decode(tt.in, &h); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

func TestDecodeTakesFCoEAndNamesWhatIsNot(t *testing.T) {
	checkVerdicts(t, []verdict{
		{"an empty payload is the least frame", build(same, 0), OK},
		{"a full payload", build(same, MaxPayload), OK},
		{"a tag", build(tagged, 32), OK},
		{"a tag with priority alone", build(func(h *Header) { h.Tagged = true }, 32), OK},
		{"a virtual fabric", build(vft, 32), OK},
		{"a virtual fabric with a tag and a full payload",
			build(func(h *Header) { vft(h); tagged(h) }, MaxPayload), OK},
		{"S_ID and D_ID zero", build(func(h *Header) { h.SID, h.DID = 0, 0 }, 0), OK},
		{"a switch speaking to a switch, from controller to controller",
			build(func(h *Header) { h.SID, h.DID = FabricController, FabricController }, 32), OK},
		{"reserved bits of the FCoE header and trailer are not looked at",
			edit(edit(edit(build(same, 32), 14, 0x0F), 16, 0xFF), -3, 1, 2, 3), OK},

		{"nothing at all", nil, Runt},
		{"less than an Ethernet header", build(same, 0)[:13], Runt},
		{"59 bytes", build(same, 0)[:59], Runt},
		{"59 bytes with a tag", build(tagged, 0)[:59], Runt},
		{"a tag and no more", build(tagged, 0)[:17], Runt},
		{"IPv4", edit(build(same, 32), 12, 0x08, 0x00), NotFCoE},
		{"IPv4 with a tag", edit(build(tagged, 32), 16, 0x08, 0x00), NotFCoE},
		{"an 802.3 length", edit(build(same, 32), 12, 0x00, 0x40), NotFCoE},
		{"FCoE behind one service tag", edit(build(tagged, 32), 12, 0x88, 0xA8), NotFCoE},
		{"a tag in a tag", edit(build(tagged, 32), 16, 0x81, 0x00), NestedTag},
		{"a tag in a service tag", edit(edit(build(tagged, 32), 12, 0x88, 0xA8), 16, 0x81, 0x00), NestedTag},
		{"a service tag in a tag", edit(build(tagged, 32), 16, 0x88, 0xA8), NestedTag},
		{"double tags of old", edit(edit(build(tagged, 32), 12, 0x91, 0x00), 16, 0x91, 0x00), NestedTag},
		{"FIP", edit(build(same, 32), 12, 0x89, 0x14), FIP},
		{"FIP with a tag", edit(build(tagged, 32), 16, 0x89, 0x14), FIP},
	})
}

func TestDecodeNamesWhatIsMalformed(t *testing.T) {
	checkVerdicts(t, []verdict{
		{"a second byte in the FCoE header", edit(build(same, 32), 15, 0x2E), OldFormat},
		{"the old format with a tag", edit(build(tagged, 32), 19, 0x2E), OldFormat},
		{"the old format with bits where the version is", edit(build(same, 32), 14, 0x1F, 0x36), OldFormat},
		{"an old frame as short as they come", edit(build(same, 0), 15, 0x36)[:49], OldFormat},
		{"version 1", edit(build(same, 32), 14, 0x10), BadVersion},
		{"version 15", edit(build(same, 32), 14, 0xF0), BadVersion},
		{"SOF zero", build(func(h *Header) { h.SOF = 0 }, 32), BadSOF},
		{"an SOF between two known ones", build(func(h *Header) { h.SOF = 0x2F }, 32), BadSOF},
		{"EOF zero", build(func(h *Header) { h.EOF = 0 }, 32), BadEOF},
		{"padding behind the trailer", append(build(same, 32), 0, 0, 0, 0), BadEOF},
		{"a frame cut at the end", build(same, 32)[:80], BadEOF},
		{"EOFni", build(func(h *Header) { h.EOF = EOFni }, 32), InvalidEOF},
		{"EOFdti", build(func(h *Header) { h.EOF = EOFdti }, 32), InvalidEOF},
		{"EOFrti", build(func(h *Header) { h.EOF = EOFrti }, 32), InvalidEOF},
		{"EOFa", build(func(h *Header) { h.EOF = EOFa }, 32), InvalidEOF},
		{"a payload of 33 bytes", build(same, 33), BadLength},
		{"a payload of 34 bytes", build(same, 34), BadLength},
		{"a virtual fabric tag, and no room for the FC header", edit(build(same, 4), 28, RCtlVFT), BadLength},
		{"four bytes too many", build(same, MaxPayload+4), Oversize},
		{"eight bytes too many", build(same, MaxPayload+8), Oversize},
		{"four bytes too many in a virtual fabric", build(vft, MaxPayload+4), Oversize},
		{"a jumbo frame", build(same, 9000), Oversize},
		{"inter-fabric routing", edit(build(same, 32), 28, RCtlIFR), BadExtHeader},
		{"encapsulation", edit(build(same, 32), 28, RCtlEncapsulation), BadExtHeader},
		{"an unassigned extended header", edit(build(same, 32), 28, 0x5F), BadExtHeader},
		{"a virtual fabric tag of version 1", edit(build(vft, 32), 29, 0x40), BadExtHeader},
		{"a virtual fabric tag in another", edit(build(vft, 32), 36, RCtlVFT), BadExtHeader},
		{"S_ID equal to D_ID", build(func(h *Header) { h.SID = h.DID }, 32), Loop},
		{"S_ID equal to D_ID in a virtual fabric", build(func(h *Header) { vft(h); h.SID = h.DID }, 32), Loop},
	})
}

// A tagged frame of 60 to 63 bytes has no room for a whole FC header, whatever it says.
func TestATaggedFrameMustHold64Bytes(t *testing.T) {
	whole := build(tagged, 0)
	for size := MinFrame; size < len(whole); size++ {
		b := edit(append([]byte(nil), whole[:size]...), -4, EOFt)
		var h Header
		if got := Decode(b, &h); got != BadLength {
			t.Errorf("%d bytes: %v, want %v", size, got, BadLength)
		}
	}
}

func TestDecodeReadsWhatAppendWrote(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	sofs := []uint8{SOFf, SOFi4, SOFi2, SOFi3, SOFn4, SOFn2, SOFn3, SOFc4}
	eofs := []uint8{EOFn, EOFt, EOFrt, EOFdt}
	for i := range 2000 {
		h := Header{
			EtherType: EtherTypeFCoE,
			SOF:       sofs[random.IntN(len(sofs))], EOF: eofs[random.IntN(len(eofs))],
			RCtl: uint8(random.IntN(0x50)), DID: FCID(random.IntN(1 << 23)), CSCtl: uint8(i),
			SID: FCID(1<<23 + random.IntN(1<<23)), Type: uint8(random.IntN(256)),
			FCtl: random.Uint32() & 0xFFFFFF, SeqID: uint8(random.IntN(256)), DFCtl: uint8(random.IntN(256)),
			SeqCnt: uint16(random.Uint32()), OXID: uint16(random.Uint32()), RXID: uint16(random.Uint32()),
			Param: random.Uint32(),
		}
		for j := range h.Dst {
			h.Dst[j], h.Src[j] = uint8(random.IntN(256)), uint8(random.IntN(256))
		}
		if i%2 != 0 {
			h.Tagged, h.PCP, h.DEI, h.VLAN = true, uint8(i%8), i%3 == 0, uint16(random.IntN(4096))
		}
		if i%3 != 0 {
			h.VFT, h.VFTType, h.VFTPriority = true, uint8(i%16), uint8(i%8)
			h.VFID, h.Hops = uint16(random.IntN(4096)), uint8(i)
		}
		payload := make([]byte, 4*random.IntN(MaxPayload/4+1))
		for j := range payload {
			payload[j] = uint8(random.Uint32())
		}
		b := AppendFCoE([]byte("before"), &h, payload)[len("before"):]

		var got Header
		if reason := Decode(b, &got); reason != OK {
			t.Fatalf("frame %d: %v", i, reason)
		}
		if !got.CRCGood(b) || !bytes.Equal(got.Payload(b), payload) {
			t.Fatalf("frame %d: CRC %v, payload of %d bytes, want %d", i, got.CRCGood(b), len(got.Payload(b)), len(payload))
		}
		h.CRC, h.FCOffset, h.PayloadOffset, h.PayloadEnd = got.CRC, got.FCOffset, got.PayloadOffset, got.PayloadEnd
		if got != h {
			t.Fatalf("frame %d:\ngot  %+v\nwant %+v", i, got, h)
		}
	}
}

func TestOffsetsPointIntoTheFrame(t *testing.T) {
	tests := []struct {
		name             string
		change           func(*Header)
		fc, payload, end int
	}{
		{"untagged", same, 28, 52, 84},
		{"tagged", tagged, 32, 56, 88},
		{"in a virtual fabric", func(h *Header) { h.VFT = true }, 36, 60, 92},
	}
	for _, tt := range tests {
		b := build(tt.change, 32)
		var h Header
		if Decode(b, &h) != OK || h.FCOffset != tt.fc || h.PayloadOffset != tt.payload || h.PayloadEnd != tt.end {
			t.Errorf("%s: offsets %d %d %d, want %d %d %d", tt.name,
				h.FCOffset, h.PayloadOffset, h.PayloadEnd, tt.fc, tt.payload, tt.end)
		}
		if len(b) != tt.end+FCoETrailerLen {
			t.Errorf("%s: %d bytes", tt.name, len(b))
		}
	}
	if n := len(build(func(h *Header) { tagged(h); h.VFT = true }, MaxPayload)); n != MaxFCoEFrame {
		t.Errorf("the longest frame has %d bytes, MaxFCoEFrame says %d", n, MaxFCoEFrame)
	}
}

// The bytes are written out by hand from the standard's layout.
func TestAFrameOnTheWire(t *testing.T) {
	h := command()
	tagged(&h)
	b := AppendFCoE(nil, &h, []byte{0xde, 0xad, 0xbe, 0xef})
	want, err := hex.DecodeString("0efc00010203" + "0efc000a0b0c" + "8100" + "6064" + "8906" +
		"00" + "000000000000000000000000" + "2e" +
		"06" + "010203" + "11" + "0a0b0c" + "08" + "290000" + "12" + "13" + "1415" + "1617" + "1819" + "1a1b1c1d" +
		"deadbeef")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b[:len(want)], want) {
		t.Errorf("got  % x\nwant % x", b[:len(want)], want)
	}
	if tail := b[len(want)+4:]; !bytes.Equal(tail, []byte{EOFt, 0, 0, 0}) {
		t.Errorf("trailer ends % x", tail)
	}
}

func TestWhatAHeaderSays(t *testing.T) {
	h := command()
	if h.FromResponder() || !h.FirstOfExchange() || h.FillBytes() != 0 {
		t.Errorf("a command: responder %v, first %v, fill %d", h.FromResponder(), h.FirstOfExchange(), h.FillBytes())
	}
	h.FCtl = FCtlReply | 3
	if !h.FromResponder() || h.FirstOfExchange() || h.FillBytes() != 3 {
		t.Errorf("a reply: responder %v, first %v, fill %d", h.FromResponder(), h.FirstOfExchange(), h.FillBytes())
	}
	h.FCtl, h.SOF = FCtlRequest, SOFn3
	if h.FirstOfExchange() {
		t.Error("a later frame of the first sequence is called the first")
	}
	for sof, class := range map[uint8]uint8{SOFi3: 3, SOFn3: 3, SOFi2: 2, SOFn2: 2, SOFi4: 4, SOFn4: 4, SOFc4: 4, SOFf: 0xF, 0x30: 0} {
		if SOFClass(sof) != class {
			t.Errorf("SOF %02x is class %d, want %d", sof, SOFClass(sof), class)
		}
	}
}

func TestDecodeAllocatesNothing(t *testing.T) {
	frames := [][]byte{build(same, 32), build(tagged, MaxPayload), build(same, 33), nil}
	var h Header
	if n := testing.AllocsPerRun(100, func() {
		for _, b := range frames {
			if Decode(b, &h) == OK {
				h.CRCGood(b)
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, size := range []int{32, 2112} {
		b.Run(map[int]string{32: "92 bytes", 2112: "2172 bytes"}[size], func(b *testing.B) {
			in := build(same, size)
			var h Header
			for b.Loop() {
				if Decode(in, &h) != OK {
					b.Fatal("not a good frame")
				}
			}
		})
	}
}
