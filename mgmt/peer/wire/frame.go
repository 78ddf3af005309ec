package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// A frame is, all numbers little-endian:
//
//	0   4  length of the whole frame, checksum included
//	4   1  type
//	5   3  zero
//	8   8  number of the frame in its connection and direction, from 1
//	16  n  payload
//	    4  CRC-32C of everything before it
//
// TLS below proves that a frame is as it was sent. The checksum finds what TLS cannot: memory that went wrong in either
// node before encryption or after it.
const (
	lengthBytes   = 4
	headerBytes   = 16
	checksumBytes = 4
)

// Type is what a frame carries. The values cross nodes of different versions: append only.
type Type uint8

// The types.
const (
	TypeNone      Type = iota
	TypeHello          // who I am, what I speak, what I have: the first of each direction
	TypeUnit           // records
	TypeAck            // what I have taken in, and applied
	TypeHeartbeat      // I live; stamps for round trips
	TypeWant           // send me this stream from there
	TypeDigest         // at this version my copy sums up to this
	TypeBuckets        // the same, in 256 parts
	TypeRepair         // all records of one part
	TypeMessage        // bytes for who is above: cluster configuration
	TypeBye            // I end this connection, because
	numTypes
)

var typeNames = [numTypes]string{"none", "hello", "unit", "ack", "heartbeat", "want", "digest", "buckets", "repair", "message", "bye"}

// String is the type's name, lower case, stable.
func (t Type) String() string {
	if t < numTypes {
		return typeNames[t]
	}
	return "unknown"
}

// Errors of reading. Each is the end of the connection.
var (
	ErrMalformed = errors.New("malformed")
	ErrChecksum  = errors.New("wrong checksum")
	ErrLength    = errors.New("length out of bounds")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Frame is one that was read. Its payload lies in what was given to Parse.
type Frame struct {
	Type     Type
	Sequence uint64
	Payload  []byte
}

// Length says how long the frame is that begins with these 4 bytes, so that a reader knows how much to read.
func Length(prefix []byte) (int, error) {
	if len(prefix) < lengthBytes {
		return 0, fmt.Errorf("frame: %w: %d bytes of a length", ErrMalformed, len(prefix))
	}
	n := binary.LittleEndian.Uint32(prefix)
	if n < Overhead || n > MaxFrame {
		return 0, fmt.Errorf("frame: %w: %d bytes", ErrLength, n)
	}
	return int(n), nil
}

// Begin appends the header of a frame. Then the payload is appended, and End completes it.
func Begin(dst []byte, t Type) []byte {
	dst = append(dst, make([]byte, headerBytes)...)
	dst[len(dst)-headerBytes+lengthBytes] = byte(t)
	return dst
}

// End completes the frame that begins at start, where Begin was called with len(dst) == start.
func End(dst []byte, start int, sequence uint64) ([]byte, error) {
	n := len(dst) - start + checksumBytes
	if n < Overhead || n > MaxFrame {
		return dst, fmt.Errorf("frame: %w: %d bytes", ErrLength, n)
	}
	frame := dst[start:]
	binary.LittleEndian.PutUint32(frame, uint32(n))
	binary.LittleEndian.PutUint64(frame[8:], sequence)
	return binary.LittleEndian.AppendUint32(dst, crc32.Checksum(frame, castagnoli)), nil
}

// Parse reads a whole frame, and nothing behind it.
func Parse(frame []byte) (Frame, error) {
	n, err := Length(frame)
	if err != nil {
		return Frame{}, err
	}
	if n != len(frame) {
		return Frame{}, fmt.Errorf("frame: %w: says %d bytes, has %d", ErrLength, n, len(frame))
	}
	body := frame[:n-checksumBytes]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(frame[n-checksumBytes:]) {
		return Frame{}, fmt.Errorf("frame: %w", ErrChecksum)
	}
	t := Type(body[lengthBytes])
	if t == TypeNone || t >= numTypes || body[5]|body[6]|body[7] != 0 {
		return Frame{}, fmt.Errorf("frame: %w: type %d, flags %x", ErrMalformed, t, body[5:8])
	}
	return Frame{Type: t, Sequence: binary.LittleEndian.Uint64(body[8:]), Payload: body[headerBytes:]}, nil
}
