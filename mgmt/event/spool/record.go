package spool

import (
	"encoding/binary"
	"hash/crc32"

	"fcredirect/mgmt/event"
)

// Record is one event in the spool.
type Record struct {
	Index   uint64
	At      int64 // ns since 1970
	Type    event.Type
	Origin  event.Origin
	Payload []byte
	Damaged bool // what it was cannot be read any more: only the index is right
}

// A record in a file, little endian, at a multiple of 8:
//
//	 0 CRC-32C of the rest      4 length of the payload
//	 8 index                   16 index up to which all was durable when this was written
//	24 at                      32 epoch
//	40 seq                     48 producer
//	52 type                    54 zero
//	56 payload, padded with zeros to a multiple of 8
const headBytes = 56

var (
	le         = binary.LittleEndian
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
)

func recordBytes(payload int) int { return headBytes + (payload+7)&^7 }

func appendRecord(b []byte, r *Record, synced uint64) []byte {
	at := len(b)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint32(b, uint32(len(r.Payload)))
	b = le.AppendUint64(b, r.Index)
	b = le.AppendUint64(b, synced)
	b = le.AppendUint64(b, uint64(r.At))
	b = le.AppendUint64(b, r.Origin.Epoch)
	b = le.AppendUint64(b, r.Origin.Seq)
	b = le.AppendUint32(b, r.Origin.Producer)
	b = le.AppendUint16(b, uint16(r.Type))
	b = le.AppendUint16(b, 0)
	b = append(b, r.Payload...)
	for len(b)%8 != 0 { // groups and headers are multiples of 8 too
		b = append(b, 0)
	}
	le.PutUint32(b[at:], crc32.Checksum(b[at+4:], castagnoli))
	return b
}

// parseRecord reads the record at the beginning of b, if one is there whole. The payload stays in b.
func parseRecord(b []byte) (r Record, synced uint64, size int, ok bool) {
	if len(b) < headBytes {
		return r, 0, 0, false
	}
	n := le.Uint32(b[4:])
	if n > MaxPayload {
		return r, 0, 0, false
	}
	if size = recordBytes(int(n)); len(b) < size || le.Uint32(b) != crc32.Checksum(b[4:size], castagnoli) {
		return r, 0, 0, false
	}
	r = Record{
		Index: le.Uint64(b[8:]), At: int64(le.Uint64(b[24:])), Type: event.Type(le.Uint16(b[52:])),
		Origin:  event.Origin{Epoch: le.Uint64(b[32:]), Seq: le.Uint64(b[40:]), Producer: le.Uint32(b[48:])},
		Payload: b[headBytes : headBytes+n : headBytes+n],
	}
	return r, le.Uint64(b[16:]), size, r.Index > 0
}

// nextRecord finds the first whole record at or after offset off whose index is in [low, high).
func nextRecord(b []byte, off int, low, high uint64) (at int, ok bool) {
	for ; off+headBytes <= len(b); off += 8 {
		// The index first: it spares the checksum of what is none.
		if i := le.Uint64(b[off+8:]); i < low || i >= high {
			continue
		}
		if _, _, _, ok := parseRecord(b[off:]); ok {
			return off, true
		}
	}
	return len(b), false
}
