package wire

import (
	"encoding/binary"
	"slices"
)

// maxPacked is the widest number that is packed into less than 64 bits: with up to 7 bits before it in its first byte, it
// still is within 8 bytes, and so is read with one load.
const maxPacked = 56

// packedBytes is how many bytes n numbers of so many bits take.
func packedBytes(n, width int) int { return (n*width + 7) / 8 }

// appendPacked appends the low bits of each value, the first value in the lowest bits.
func appendPacked(dst []byte, values []uint64, width int) []byte {
	if width == 0 {
		return dst
	}
	start, size := len(dst), packedBytes(len(values), width)
	dst = slices.Grow(dst, size+8)[:start+size+8]
	out, mask := dst[start:], ^uint64(0)>>(64-uint(width))
	var word uint64
	var used uint
	for _, v := range values {
		v &= mask
		word |= v << used
		used += uint(width)
		if used >= 64 {
			binary.LittleEndian.PutUint64(out, word)
			out = out[8:]
			used -= 64
			word = v >> (uint(width) - used)
		}
	}
	binary.LittleEndian.PutUint64(out, word)
	return dst[:start+size]
}

// unpack reads what appendPacked wrote. src may go on behind it.
func unpack(values []uint64, src []byte, width int) {
	if width == 0 {
		clear(values)
		return
	}
	if width > maxPacked {
		for i := range values {
			values[i] = binary.LittleEndian.Uint64(src[i*8:])
		}
		return
	}
	mask := ^uint64(0) >> (64 - uint(width))
	whole := 0 // values that 8 bytes can be loaded for
	if len(src) >= 8 {
		whole = min(len(values), (len(src)-8)*8/width+1)
	}
	at := uint(0)
	for i := range values[:whole] {
		values[i] = binary.LittleEndian.Uint64(src[at>>3:]) >> (at & 7) & mask
		at += uint(width)
	}
	var last [16]byte // what is left begins in the last 7 bytes
	tail := int(at >> 3)
	if whole < len(values) {
		copy(last[:], src[tail:])
	}
	for i := whole; i < len(values); i++ {
		from := at - uint(tail)*8
		values[i] = binary.LittleEndian.Uint64(last[from>>3:]) >> (from & 7) & mask
		at += uint(width)
	}
}
