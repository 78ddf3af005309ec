package spool

import (
	"fmt"
	"hash/crc32"
	"math"
	"time"

	"fcredirect/mgmt/event"
)

// header is the beginning of a file: all that is known beside the records, so that the newest file is enough. It vouches
// for the group that was written with it: a file that lacks it was never finished, and must not make others void.
type header struct {
	group   []byte
	birth   uint64 // names this spool for ever
	first   uint64 // index of the first record; all before it were durable when the file was made
	created int64
	bases   []base
	marks   map[source]mark
}

// source is a producer of events; mark is the last of them that the log has.
type source struct {
	epoch    uint64
	producer uint32
}

type mark struct {
	seq   uint64
	index uint64 // of the record
}

// A header in a file, little endian:
//
//	 0 magic                    8 CRC-32C of the rest     12 bytes of the header
//	16 version                 20 number of bases         24 number of marks      28 bytes of the group
//	32 birth                   40 first                   48 created              56 CRC-32C of the group   60 zero
//	64 bases: from, add, lineage, then marks: epoch, seq, index, producer, zero
const (
	headerBytes = 64
	baseBytes   = 24
	markBytes   = 32
	magic       = 0x314c4f4f50535246 // "FRSPOOL1" in memory order
	version     = 1
)

func (h *header) append(b []byte) []byte {
	at := len(b)
	b = le.AppendUint64(b, magic)
	b = le.AppendUint32(b, 0)
	b = le.AppendUint32(b, uint32(headerBytes+len(h.bases)*baseBytes+len(h.marks)*markBytes))
	b = le.AppendUint32(b, version)
	b = le.AppendUint32(b, uint32(len(h.bases)))
	b = le.AppendUint32(b, uint32(len(h.marks)))
	b = le.AppendUint32(b, uint32(len(h.group)))
	b = le.AppendUint64(b, h.birth)
	b = le.AppendUint64(b, h.first)
	b = le.AppendUint64(b, uint64(h.created))
	b = le.AppendUint32(b, crc32.Checksum(h.group, castagnoli))
	b = le.AppendUint32(b, 0)
	for _, x := range h.bases {
		b = le.AppendUint64(b, x.from)
		b = le.AppendUint64(b, x.add)
		b = le.AppendUint64(b, x.lineage)
	}
	for s, m := range h.marks {
		b = le.AppendUint64(b, s.epoch)
		b = le.AppendUint64(b, m.seq)
		b = le.AppendUint64(b, m.index)
		b = le.AppendUint32(b, s.producer)
		b = le.AppendUint32(b, 0)
	}
	le.PutUint32(b[at+8:], crc32.Checksum(b[at+12:], castagnoli))
	return b
}

// parseHeader reads the header at the beginning of b; nil when it is not whole. Its group is nil when that is not. A header of a later version is an error:
// what follows it must not be taken for damage.
func parseHeader(b []byte) (h *header, size int, err error) {
	if len(b) < headerBytes || le.Uint64(b) != magic {
		return nil, 0, nil
	}
	size = int(le.Uint32(b[12:]))
	if size < headerBytes || size > len(b) || crc32.Checksum(b[12:size], castagnoli) != le.Uint32(b[8:]) {
		return nil, 0, nil
	}
	if v := le.Uint32(b[16:]); v != version {
		return nil, 0, fmt.Errorf("it has format %d, this program reads %d: use the program that wrote it", v, version)
	}
	bases, marks := int(le.Uint32(b[20:])), int(le.Uint32(b[24:]))
	if headerBytes+bases*baseBytes+marks*markBytes != size || bases == 0 {
		return nil, 0, nil
	}
	h = &header{birth: le.Uint64(b[32:]), first: le.Uint64(b[40:]), created: int64(le.Uint64(b[48:])), marks: map[source]mark{}}
	n := int(le.Uint32(b[28:]))
	if group := b[size:]; len(group) >= n && crc32.Checksum(group[:n], castagnoli) == le.Uint32(b[56:]) {
		h.group = group[:n:n]
	}
	b = b[headerBytes:size]
	for range bases {
		h.bases = append(h.bases, base{from: le.Uint64(b), add: le.Uint64(b[8:]), lineage: le.Uint64(b[16:])})
		b = b[baseBytes:]
	}
	for range marks {
		h.marks[source{le.Uint64(b), le.Uint32(b[24:])}] = mark{seq: le.Uint64(b[8:]), index: le.Uint64(b[16:])}
		b = b[markBytes:]
	}
	return h, size, nil
}

// segment is a file as the spool knows it.
type segment struct {
	name    string
	first   uint64 // its records are [first, end)
	end     uint64
	size    int64 // bytes that hold them, header included; what follows is void
	disk    int64 // bytes of the file
	created int64
	sparse  []place   // some of its records, by index
	drained time.Time // since when the database has all of it, zero when it has not
}

// place says at which offset of its file a record lies.
type place struct {
	index  uint64
	offset int64
}

// note remembers where a record is, if the last one remembered is far enough.
func (s *segment) note(index uint64, offset int64) {
	if n := len(s.sparse); n == 0 || offset-s.sparse[n-1].offset >= sparseBytes {
		s.sparse = append(s.sparse, place{index, offset})
	}
}

// before is the last known place at or before a record; the beginning of the file when there is none.
func (s *segment) before(index uint64) int64 {
	low, high := 0, len(s.sparse)
	for low < high {
		if mid := (low + high) / 2; s.sparse[mid].index <= index {
			low = mid + 1
		} else {
			high = mid
		}
	}
	if low == 0 {
		return 0
	}
	return s.sparse[low-1].offset
}

// scanned is what a file holds, up to a record that is void.
type scanned struct {
	segment
	head   *header
	whole  bool   // the group that came with the header is there
	synced uint64 // the highest that a record, void ones too, says was durable
	marks  map[source]mark
	seen   uint64 // records that are not void
}

// scan reads a file: its records below limit, in order, over damage.
func scan(b []byte, limit uint64) (*scanned, error) {
	s := &scanned{marks: map[source]mark{}}
	s.disk = int64(len(b))
	head, off, err := parseHeader(b)
	if err != nil {
		return nil, err
	}
	next := uint64(1)
	if s.head = head; head != nil {
		s.first, s.created, next = head.first, head.created, head.first
		s.whole, head.group = head.group != nil, nil // the group would keep all of b in memory, for each file
	}
	s.end, s.size = s.first, int64(off)
	for void := false; ; {
		at, ok := nextRecord(b, off, next, math.MaxUint64)
		if !ok {
			return s, nil
		}
		r, synced, size, _ := parseRecord(b[at:])
		off, next = at+size, r.Index+1
		s.synced = max(s.synced, synced)
		if void = void || r.Index >= limit; void {
			continue
		}
		if s.first == 0 {
			s.first = r.Index
		}
		s.note(r.Index, int64(at))
		s.end, s.size = r.Index+1, int64(off)
		s.seen++
		s.marks[source{r.Origin.Epoch, r.Origin.Producer}] = mark{r.Origin.Seq, r.Index}
	}
}

// finished says whether the file was ever synced. If its first group is damaged, a later record may tell.
func (s *scanned) finished() bool {
	return s.whole || s.synced >= s.first && s.first > 0
}

func sourceOf(o event.Origin) source { return source{o.Epoch, o.Producer} }
