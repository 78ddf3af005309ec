package wire

import (
	"encoding/binary"
	"fmt"

	"fcredirect/mgmt/peer/record"
)

// reader takes a payload apart. The first thing that is wrong makes it bad, and from then on it gives zeros.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) fail() { r.bad, r.rest = true, nil }

// check makes the reader bad unless it holds.
func (r *reader) check(holds bool) {
	if !holds {
		r.fail()
	}
}

// bytes are the next n, in place.
func (r *reader) bytes(n int) []byte {
	if n < 0 || n > len(r.rest) {
		r.fail()
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

func (r *reader) byte() uint8 {
	if len(r.rest) == 0 {
		r.fail()
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *reader) uint64() uint64 {
	if b := r.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// uvarint is a number in its shortest form: each message has one form only.
func (r *reader) uvarint() uint64 {
	if len(r.rest) > 0 && r.rest[0] < 0x80 {
		v := r.rest[0]
		r.rest = r.rest[1:]
		return uint64(v)
	}
	v, n := binary.Uvarint(r.rest)
	if n <= 0 || r.rest[n-1] == 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

// count is a number that must not be more than most.
func (r *reader) count(most int) int {
	n := r.uvarint()
	if n > uint64(most) {
		r.fail()
		return 0
	}
	return int(n)
}

// text is a string of at most so many bytes.
func (r *reader) text(most int) string { return string(r.bytes(r.count(most))) }

// flag is a byte that is 0 or 1.
func (r *reader) flag() bool {
	b := r.byte()
	r.check(b <= 1)
	return b == 1
}

// slot is the slot of a node.
func (r *reader) slot() uint8 {
	s := r.byte()
	r.check(s < MaxNodes)
	return s
}

// stream is one that this program knows.
func (r *reader) stream() record.Stream {
	s := record.Stream(r.byte())
	r.check(s < record.NumStreams)
	return s
}

// end is the verdict: everything was right, and nothing is left.
func (r *reader) end(what string) error {
	if r.bad || len(r.rest) > 0 {
		return fmt.Errorf("%s: %w", what, ErrMalformed)
	}
	return nil
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func appendFlag(dst []byte, is bool) []byte {
	if is {
		return append(dst, 1)
	}
	return append(dst, 0)
}
