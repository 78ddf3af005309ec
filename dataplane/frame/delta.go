package frame

import (
	"encoding/binary"
	"hash/crc32"
)

// Correcting the CRC of a frame whose addresses are rewritten, without reading it.
//
// A CRC is linear: for two runs of bytes of one length, crc(a) XOR crc(b) depends only on
// a XOR b. A rewrite of S_ID and D_ID changes bytes 1–3 and 5–7 of the FC header and
// nothing else, so a XOR b is eight bytes (the same for all frames of a flow) followed by
// as many zeros as the frame is long. Hence two steps:
//
//	raw  = register of the CRC after those eight bytes   AddressDelta: once per flow
//	word = raw advanced over the zeros                   CRCDelta.Word: 8 loads, any length
//
// and the new CRC is the old one XOR word. Advancing over n zeros is a linear map of 32
// bits, kept as 4 tables of 256 words. A table for each of the 529 lengths would be 2 MiB;
// since the map for n+m zeros is one after the other, 32 + 17 of them (196 KiB) reach every
// length in two steps. The lengths that make up nearly all traffic have their finished word
// beside the flow (FlowDelta): one load.
//
// The old CRC is never looked at, so a bad one stays bad by the very same bits: computing
// it anew would certify damaged data.

// advance is the linear map of a number of zero bytes.
type advance [4][256]uint32

func (a *advance) apply(raw uint32) uint32 {
	return a[0][raw&0xFF] ^ a[1][raw>>8&0xFF] ^ a[2][raw>>16&0xFF] ^ a[3][raw>>24]
}

// advanceBy builds the map for n zero bytes.
func advanceBy(n int) (a advance) {
	var basis [32]uint32
	for bit := range basis {
		raw := uint32(1) << bit
		for range n {
			raw = step(raw, 0)
		}
		basis[bit] = raw
	}
	for lane := range a {
		for value := range a[lane] {
			var raw uint32
			for bit := range 8 {
				if value>>bit&1 != 0 {
					raw ^= basis[8*lane+bit]
				}
			}
			a[lane][value] = raw
		}
	}
	return a
}

// step takes one byte into the register.
func step(raw uint32, b byte) uint32 {
	return crc32.IEEETable[byte(raw)^b] ^ raw>>8
}

const (
	deltaWords   = (MaxFCLen-2*4)/4 + 1 // zeros behind the eight bytes, in words: 0 to 532
	deltaNear    = 32
	deltaFar     = (deltaWords + deltaNear - 1) / deltaNear
	deltaChanged = 8 // bytes of the FC header up to the end of S_ID
)

// CRCDelta advances over every FC length. It is 196 KiB, read-only after NewCRCDelta, and
// may be shared.
type CRCDelta struct {
	near [deltaNear]advance // 0 to 31 words
	far  [deltaFar]advance  // multiples of 32 words
}

// NewCRCDelta builds the tables, about 2 ms of work.
func NewCRCDelta() *CRCDelta {
	d := new(CRCDelta)
	for i := range d.near {
		d.near[i] = advanceBy(4 * i)
	}
	for i := range d.far {
		d.far[i] = advanceBy(4 * deltaNear * i)
	}
	return d
}

// AddressDelta is the register after the first eight bytes of an FC header in which the
// addresses were changed from old to new.
func AddressDelta(oldDID, oldSID, newDID, newSID FCID) uint32 {
	var diff [deltaChanged]byte
	put24(diff[1:], uint32(oldDID^newDID))
	put24(diff[5:], uint32(oldSID^newSID))
	var raw uint32
	for _, b := range diff {
		raw = step(raw, b)
	}
	return raw
}

// Word is what to XOR onto the CRC of a frame whose FC header and payload have fcLen bytes
// together, a multiple of 4 from 24 to MaxFCLen, as Decode guarantees. A VFT header does
// not count: what stands before the change does not matter.
func (d *CRCDelta) Word(raw uint32, fcLen int) uint32 {
	words := (uint(fcLen) - deltaChanged) / 4
	return d.near[words%deltaNear].apply(d.far[words/deltaNear].apply(raw))
}

// LengthDelta is the same for one length: 4 KiB, four loads.
type LengthDelta struct {
	zeros advance
}

// NewLengthDelta builds the tables of one FC length.
func NewLengthDelta(fcLen int) *LengthDelta {
	return &LengthDelta{advanceBy(fcLen - deltaChanged)}
}

// Word is what to XOR onto the CRC of a frame of this length.
func (d *LengthDelta) Word(raw uint32) uint32 { return d.zeros.apply(raw) }

// HotPayloads are the payload sizes whose words a FlowDelta keeps: no payload (ABTS),
// FCP_XFER_RDY, FCP_RSP, FCP_CMND, one sector, and full frames as Linux sends them: writes
// in 2,048 bytes; reads in 2,112, of which 4 KiB leave 1,984.
var HotPayloads = [...]int{0, 12, 24, 32, 512, 1984, 2048, 2112}

const numHot = 8

// hotIndex says which of HotPayloads a length in words is, or numHot.
var hotIndex = func() (index [MaxFCLen/4 + 1]uint8) {
	for i := range index {
		index[i] = numHot
	}
	for i, payload := range HotPayloads {
		index[(FCHeaderLen+payload)/4] = uint8(i)
	}
	return index
}()

// FlowDelta has the finished words of one direction of one flow, and behind them its
// AddressDelta for the other lengths: 36 bytes, no pointers.
type FlowDelta [numHot + 1]uint32

// Flow prepares the words of a direction from its AddressDelta.
func (d *CRCDelta) Flow(raw uint32) (f FlowDelta) {
	for i, payload := range HotPayloads {
		f[i] = d.Word(raw, FCHeaderLen+payload)
	}
	f[numHot] = raw
	return f
}

// Word is what to XOR onto the CRC of a frame of the flow; fcLen as for CRCDelta.Word.
func (f *FlowDelta) Word(d *CRCDelta, fcLen int) uint32 {
	i := hotIndex[fcLen>>2]
	if i == numHot {
		return d.Word(f[numHot], fcLen)
	}
	return f[i]
}

// RewriteAddresses changes D_ID and S_ID of frame b in place and corrects the CRC by word.
// The offsets are those of Header.
func RewriteAddresses(b []byte, fcOffset, payloadEnd int, did, sid FCID, word uint32) {
	// One load and one store for both: R_CTL, D_ID, CS_CTL, S_ID.
	const keep = 0xFF000000_FF000000
	fc := b[fcOffset : fcOffset+8]
	head := binary.BigEndian.Uint64(fc)&keep | uint64(did&0xFFFFFF)<<32 | uint64(sid&0xFFFFFF)
	binary.BigEndian.PutUint64(fc, head)
	XORCRC(b, payloadEnd, word)
}

// XORCRC changes the CRC in the trailer at payloadEnd. For a frame of which more than the
// addresses was changed, word is CRC(before) XOR CRC(after): a bad CRC stays bad so too.
func XORCRC(b []byte, payloadEnd int, word uint32) {
	crc := b[payloadEnd : payloadEnd+4]
	binary.LittleEndian.PutUint32(crc, binary.LittleEndian.Uint32(crc)^word)
}
