package wire

import (
	"encoding/binary"
	"fmt"

	"fcredirect/mgmt/peer/record"
)

// Options are what both ends of a direction must have the same.
type Options struct {
	Dictionary int  // keys of each kind that the connection remembers; 0: none
	Zstd       bool // compress what pays
}

// Unit is a frame of records: all of what moves a receiver of Stream from version From to version To, or a part of it.
// An express one is instead some records that go ahead of their stream, which it does not move.
type Unit struct {
	Origin      uint8
	Stream      record.Stream
	Incarnation uint64
	From, To    uint64          // versions of records are in (From, To]; of an express one, anything up to To
	First, Last bool            // frames of the unit; one that has both is a unit of one frame
	Reset       bool            // replaces everything of the stream that the receiver has; From is 0
	Express     bool            // goes ahead
	Bulk        bool            // leaves the dictionary of the connection alone
	Deps        []At            // what must be applied before, each stream of each node at most once
	Records     []record.Record // by version
}

// Repair is a frame of all records of one bucket of a stream, as they were at its version.
type Repair struct {
	At          At
	Bucket      uint8
	First, Last bool
	Records     []record.Record // by version
}

// Bits of the first byte of a unit and of a repair.
const (
	bitFirst = 1 << iota
	bitLast
	bitReset
	bitExpress
	bitBulk
	bitZstd
	allBits = 1<<iota - 1
)

func bit(is bool, b uint8) uint8 {
	if is {
		return b
	}
	return 0
}

// appendHead appends everything of a unit but its records.
func (u *Unit) appendHead(dst []byte) ([]byte, error) {
	if u.Origin >= MaxNodes || u.Stream >= record.NumStreams || u.To < u.From || len(u.Deps) > MaxDeps || u.Reset && u.From != 0 {
		return dst, fmt.Errorf("unit of node %d: %s from %d to %d with %d dependencies cannot be", u.Origin, u.Stream, u.From, u.To, len(u.Deps))
	}
	dst = append(dst, bit(u.First, bitFirst)|bit(u.Last, bitLast)|bit(u.Reset, bitReset)|bit(u.Express, bitExpress)|bit(u.Bulk, bitBulk),
		u.Origin, uint8(u.Stream))
	dst = binary.AppendUvarint(dst, u.Incarnation)
	dst = binary.AppendUvarint(dst, u.From)
	dst = binary.AppendUvarint(dst, u.To-u.From)
	dst = binary.AppendUvarint(dst, uint64(len(u.Deps)))
	for i := range u.Deps {
		dst = u.Deps[i].append(dst)
	}
	return dst, nil
}

// parseHead reads what appendHead wrote, and says whether the records are compressed.
func (u *Unit) parseHead(r *reader) (compressed bool) {
	bits := r.byte()
	r.check(bits <= allBits)
	u.First, u.Last, u.Reset = bits&bitFirst != 0, bits&bitLast != 0, bits&bitReset != 0
	u.Express, u.Bulk = bits&bitExpress != 0, bits&bitBulk != 0
	u.Origin, u.Stream = r.slot(), r.stream()
	u.Incarnation, u.From = r.uvarint(), r.uvarint()
	u.To = u.From + r.uvarint()
	r.check(u.To >= u.From && (!u.Reset || u.From == 0))
	u.Deps = u.Deps[:0]
	for n := r.count(MaxDeps); n > 0; n-- {
		var a At
		a.parse(r)
		u.Deps = append(u.Deps, a)
	}
	return bits&bitZstd != 0
}

// appendHead appends everything of a repair but its records.
func (p *Repair) appendHead(dst []byte) ([]byte, error) {
	if p.At.Slot >= MaxNodes || p.At.Stream >= record.NumStreams {
		return dst, fmt.Errorf("repair of node %d, %s: cannot be", p.At.Slot, p.At.Stream)
	}
	dst = append(dst, bit(p.First, bitFirst)|bit(p.Last, bitLast)|bitBulk)
	return append(p.At.append(dst), p.Bucket), nil
}

// parseHead reads what appendHead wrote, and says whether the records are compressed.
func (p *Repair) parseHead(r *reader) (compressed bool) {
	bits := r.byte()
	r.check(bits&^(bitFirst|bitLast|bitZstd) == bitBulk)
	p.First, p.Last = bits&bitFirst != 0, bits&bitLast != 0
	p.At.parse(r)
	p.Bucket = r.byte()
	return bits&bitZstd != 0
}
