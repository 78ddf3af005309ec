package sim

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"fcredirect/dataplane/sim/scsi"
)

// pattern makes the content of blocks. Every block is different in every generation, so
// a block that is stale, torn, swapped or another host's is told from the right one.
//
// A block begins with its origin (LBA, generation, key), and the rest are pseudo-random
// words of all three: the origin makes a mismatch explain itself.
type pattern struct {
	key uint64 // of seed, initiator and target
}

const originBytes = 24

func newPattern(seed, initiator, target uint64) pattern {
	return pattern{key: mix(mix(mix(seed)^initiator) ^ target)}
}

// mix is the finaliser of splitmix64 (Steele, Lea, Flood 2014): every input bit moves
// every output bit.
func mix(x uint64) uint64 {
	x += 0x9E3779B97F4A7C15
	x = (x ^ x>>30) * 0xBF58476D1CE4E5B9
	x = (x ^ x>>27) * 0x94D049BB133111EB
	return x ^ x>>31
}

// fill makes the blocks from lba on, in the given generation.
func (p pattern) fill(dst []byte, lba uint64, generation uint32) {
	for len(dst) >= scsi.BlockSize {
		block := dst[:scsi.BlockSize]
		binary.LittleEndian.PutUint64(block, lba)
		binary.LittleEndian.PutUint64(block[8:], uint64(generation))
		binary.LittleEndian.PutUint64(block[16:], p.key)
		state := mix(p.key^lba<<24^uint64(generation)) | 1
		for at := originBytes; at < scsi.BlockSize; at += 8 {
			// xorshift64: a word takes about a nanosecond; it never reaches zero, its one dead end.
			state ^= state << 13
			state ^= state >> 7
			state ^= state << 17
			binary.LittleEndian.PutUint64(block[at:], state)
		}
		dst, lba = dst[scsi.BlockSize:], lba+1
	}
}

// check compares blocks that were read; want is scratch of the same length. The error
// names the first wrong block and says whose it is.
func (p pattern) check(got, want []byte, lba uint64, generation uint32) error {
	p.fill(want, lba, generation)
	if bytes.Equal(got, want) {
		return nil
	}
	for at := 0; at < len(got); at += scsi.BlockSize {
		g, w := got[at:at+scsi.BlockSize], want[at:at+scsi.BlockSize]
		if !bytes.Equal(g, w) {
			return fmt.Errorf("verify block %d generation %d: %s", lba+uint64(at/scsi.BlockSize), generation, p.explain(g, w))
		}
	}
	return nil
}

func (p pattern) explain(got, want []byte) string {
	if !bytes.ContainsFunc(got, func(r rune) bool { return r != 0 }) {
		return "holds zeros"
	}
	first := 0
	for got[first] == want[first] {
		first++
	}
	if bytes.Equal(got[:originBytes], want[:originBytes]) {
		return fmt.Sprintf("byte %d is %02x, should be %02x", first, got[first], want[first])
	}
	lba, generation := binary.LittleEndian.Uint64(got), binary.LittleEndian.Uint64(got[8:])
	if binary.LittleEndian.Uint64(got[16:]) == p.key {
		return fmt.Sprintf("holds block %d of generation %d", lba, generation)
	}
	return fmt.Sprintf("byte %d is %02x, should be %02x, and its origin is not ours", first, got[first], want[first])
}
