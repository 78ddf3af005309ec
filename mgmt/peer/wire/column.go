package wire

import (
	"encoding/binary"
	"math/bits"
)

// A column is so many numbers, written in the way that takes the fewest bytes. Its first byte says which. How many numbers
// there are is known to the reader. A column of none has no bytes.
const (
	wayZeros  = iota // each is 0
	waySame          // one number, which each is
	wayRuns          // how many runs; of each its number, and how much longer than 1 it is
	wayPlain         // each on its own
	wayPacked = 0x80 // and the width: how many exceptions, the low bits of each number, the exceptions
)

// An exception is a number that is wider than the rest: how far it is from the one before, and its high bits. They make a
// column of small numbers cheap though a few are large; with a width of 0, they are a column of zeros but a few.

// fewNumbers are not worth a look at how they are distributed.
const fewNumbers = 12

// spread is what a column is like.
type spread struct {
	runs   int
	widths [65]int // how many numbers have so many bits
}

func (s *spread) look(values []uint64) {
	*s = spread{runs: 1}
	last := values[0]
	for _, v := range values {
		s.widths[bits.Len64(v)]++
		if v != last {
			s.runs++
			last = v
		}
	}
}

// packed finds the width that takes the fewest bytes, and about how many those are. Wide ones are whole bytes, so that the
// compressor finds what repeats in them.
func (s *spread) packed(n int) (width, cost int) {
	widest := 64
	for widest > 0 && s.widths[widest] == 0 {
		widest--
	}
	cost, exceptions := n*8, 0
	width = 64
	for w := widest; w >= 0; w-- {
		if w <= 32 || w <= maxPacked && w%8 == 0 {
			c := packedBytes(n, w) + exceptions*(1+(widest-w+6)/7)
			if c < cost {
				width, cost = w, c
			}
		}
		exceptions += s.widths[w]
	}
	return width, cost
}

func uvarintBytes(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }

// runsCost is how many bytes the runs take, or more than enough.
func runsCost(values []uint64, enough int) (cost int) {
	for i := 0; i < len(values) && cost < enough; {
		n := runLength(values[i:])
		cost += uvarintBytes(values[i]) + uvarintBytes(uint64(n-1))
		i += n
	}
	return cost
}

func runLength(values []uint64) int {
	for i, v := range values {
		if v != values[0] {
			return i
		}
	}
	return len(values)
}

// appendColumn appends the column.
func appendColumn(dst []byte, values []uint64) []byte {
	if len(values) == 0 {
		return dst
	}
	var s spread
	if len(values) <= fewNumbers {
		s.runs = len(values)
		if runLength(values) == len(values) {
			s.runs = 1
		}
	} else {
		s.look(values)
	}
	switch {
	case s.runs == 1 && values[0] == 0:
		return append(dst, wayZeros)
	case s.runs == 1:
		return binary.AppendUvarint(append(dst, waySame), values[0])
	case len(values) <= fewNumbers:
		dst = append(dst, wayPlain)
		for _, v := range values {
			dst = binary.AppendUvarint(dst, v)
		}
		return dst
	}
	width, cost := s.packed(len(values))
	if 2*s.runs < cost && runsCost(values, cost) < cost {
		return appendRuns(dst, values, s.runs)
	}
	return appendExceptions(dst, values, width)
}

func appendRuns(dst []byte, values []uint64, runs int) []byte {
	dst = binary.AppendUvarint(append(dst, wayRuns), uint64(runs))
	for i := 0; i < len(values); {
		n := runLength(values[i:])
		dst = binary.AppendUvarint(dst, values[i])
		dst = binary.AppendUvarint(dst, uint64(n-1))
		i += n
	}
	return dst
}

func appendExceptions(dst []byte, values []uint64, width int) []byte {
	dst = append(dst, wayPacked|uint8(width))
	var exceptions uint64
	if width < 64 {
		for _, v := range values {
			if v>>uint(width) != 0 {
				exceptions++
			}
		}
	}
	dst = binary.AppendUvarint(dst, exceptions)
	dst = appendPacked(dst, values, width)
	for i, next := 0, 0; exceptions > 0; i++ {
		if high := values[i] >> uint(width); high != 0 {
			dst = binary.AppendUvarint(dst, uint64(i-next))
			dst = binary.AppendUvarint(dst, high)
			next = i + 1
			exceptions--
		}
	}
	return dst
}

// column reads as many numbers as there is room for.
func (r *reader) column(values []uint64) {
	if len(values) == 0 {
		return
	}
	switch way := r.byte(); way {
	case wayZeros:
		clear(values)
	case waySame:
		fill(values, r.uvarint())
	case wayRuns:
		r.runs(values)
	case wayPlain:
		for i := range values {
			values[i] = r.uvarint()
		}
	default:
		r.packed(values, int(way)-wayPacked)
	}
}

func fill(values []uint64, v uint64) {
	for i := range values {
		values[i] = v
	}
}

func (r *reader) runs(values []uint64) {
	for n := r.count(len(values)); n > 0; n-- {
		v, length := r.uvarint(), r.uvarint()
		if length >= uint64(len(values)) {
			r.fail()
			return
		}
		fill(values[:length+1], v)
		values = values[length+1:]
	}
	r.check(len(values) == 0)
}

func (r *reader) packed(values []uint64, width int) {
	if width < 0 || width > maxPacked && width != 64 {
		r.fail()
		return
	}
	exceptions := r.count(len(values))
	rest := r.rest
	if r.bytes(packedBytes(len(values), width)) == nil && width > 0 {
		return
	}
	unpack(values, rest, width)
	for next := 0; exceptions > 0; exceptions-- {
		next += r.count(len(values))
		high := r.uvarint()
		if next >= len(values) || width == 64 || high == 0 || high > ^uint64(0)>>uint(width) {
			r.fail()
			return
		}
		values[next] |= high << uint(width)
		next++
	}
}
