package wire

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"

	"fcredirect/mgmt/peer/record"
)

// The records of a frame, behind its head:
//
//	how many; if they are compressed, the length of what follows as it was before
//	versions: how far the first is above the lowest that there can be, then a column of distances less 1
//	kinds: a column; whether they are gone: a column
//	for each kind that there is, in the order of their numbers, of its records in the order of their versions:
//	  unless bulk: how places are said, and a column of places in the dictionary, 0 for a new key
//	  identities of new keys: a column of differences
//	  for each field: a column of residuals of the records that are not gone
//
// Records stay in the order of their versions. To order them by key would save about as much in keys as it costs in
// versions, and more in the times of the changes.

// Encoder writes the records of one direction of a connection.
type Encoder struct {
	options  Options
	stages   Stages
	thrift   thrift
	memories [kinds]*memory
	values   []uint64 // one for each record
	fields   []uint64 // columns of a kind
	members  []int32
	spots    []spot
	plain    []byte
}

// memory is a dictionary, and where each key is in it.
type memory struct {
	dictionary
	places map[uint64]int32
}

// NewEncoder makes one whose dictionary is empty.
func NewEncoder(o Options) *Encoder {
	e := &Encoder{options: o}
	for k := record.None + 1; k.Known(); k++ {
		e.memories[k] = &memory{dictionary{limit: o.Dictionary, changes: changesOf(k)}, map[uint64]int32{}}
	}
	return e
}

// Stages are what the stages have saved so far.
func (e *Encoder) Stages() Stages { return e.stages }

// Append appends a unit as the payload of a TypeUnit. After an error the connection must end. Records that are not in the
// order of their versions are put in order, in place.
func (e *Encoder) Append(dst []byte, u *Unit) ([]byte, error) {
	start := len(dst)
	dst, err := u.appendHead(dst)
	if err != nil {
		return dst, err
	}
	span := span{stream: u.Stream, after: u.From, upTo: u.To, bulk: u.Bulk}
	if u.Express {
		span.after = 0
	}
	if dst, err = e.records(dst, start, u.Records, span); err != nil {
		return dst, fmt.Errorf("unit of node %d, %s from %d to %d: %w", u.Origin, u.Stream, u.From, u.To, err)
	}
	return dst, nil
}

// AppendRepair appends a repair as the payload of a TypeRepair.
func (e *Encoder) AppendRepair(dst []byte, p *Repair) ([]byte, error) {
	start := len(dst)
	dst, err := p.appendHead(dst)
	if err != nil {
		return dst, err
	}
	span := span{stream: p.At.Stream, upTo: p.At.Version, bulk: true}
	if dst, err = e.records(dst, start, p.Records, span); err != nil {
		return dst, fmt.Errorf("repair of node %d, %s, bucket %d: %w", p.At.Slot, p.At.Stream, p.Bucket, err)
	}
	return dst, nil
}

// records appends records to the head that begins at start, whose first byte says whether they are compressed.
func (e *Encoder) records(dst []byte, start int, records []record.Record, s span) ([]byte, error) {
	if err := s.check(records); err != nil {
		return dst, err
	}
	dst = binary.AppendUvarint(dst, uint64(len(records)))
	columns := len(dst)
	dst = e.columns(dst, records, s)
	plain := len(dst)
	if e.options.Zstd && e.thrift.try(plain-columns) {
		e.plain = append(e.plain[:0], dst[columns:]...)
		dst = binary.AppendUvarint(dst[:columns], uint64(len(e.plain)))
		dst = compressor().EncodeAll(e.plain, dst)
		if e.thrift.paid(plain, len(dst)) {
			dst[start] |= bitZstd
		} else {
			dst = append(dst[:columns], e.plain...)
		}
	}
	n := uint64(len(records))
	e.stages.Add(Stages{Updates: n, Raw: n * RawBytes, Latest: n * RawBytes, Frames: 1,
		Columns: uint64(plain - start + Overhead), Zstd: uint64(len(dst) - start + Overhead)})
	return dst, nil
}

// span is what records of a frame may be.
type span struct {
	stream      record.Stream
	after, upTo uint64 // their versions
	bulk        bool   // they leave the dictionary alone
}

// check puts records into the order of their versions, and finds what cannot be said.
func (s *span) check(records []record.Record) error {
	if len(records) > MaxUnitRecords {
		return fmt.Errorf("%d records, at most %d", len(records), MaxUnitRecords)
	}
	byVersion := func(a, b record.Record) int { return cmp.Compare(a.Version, b.Version) }
	last := s.after
	for i := range records {
		if i > 0 && records[i].Version < last {
			slices.SortFunc(records, byVersion)
			return s.check(records)
		}
		r := &records[i]
		if r.Version <= last || r.Version > s.upTo || !r.Kind.Known() || r.Kind.Stream() != s.stream {
			return fmt.Errorf("%s %#x of version %d after %d", r.Kind, r.ID, r.Version, last)
		}
		last = r.Version
	}
	return nil
}

func (e *Encoder) columns(dst []byte, records []record.Record, s span) []byte {
	n := len(records)
	if n == 0 {
		return dst
	}
	e.values = slices.Grow(e.values[:0], n)[:n]
	dst = binary.AppendUvarint(dst, records[0].Version-s.after-1)
	for i := 1; i < n; i++ {
		e.values[i] = records[i].Version - records[i-1].Version - 1
	}
	dst = appendColumn(dst, e.values[1:])
	var count [kinds]int
	for i := range records {
		count[records[i].Kind]++
		e.values[i] = uint64(records[i].Kind)
	}
	dst = appendColumn(dst, e.values)
	for i := range records {
		e.values[i] = 0
		if records[i].Gone {
			e.values[i] = 1
		}
	}
	dst = appendColumn(dst, e.values)
	for k := range count {
		if count[k] > 0 {
			dst = e.group(dst, records, record.Kind(k), s.bulk)
		}
	}
	return dst
}

// group appends what is of one kind.
func (e *Encoder) group(dst []byte, records []record.Record, k record.Kind, bulk bool) []byte {
	e.members = e.members[:0]
	for i := range records {
		if records[i].Kind == k {
			e.members = append(e.members, int32(i))
		}
	}
	m := e.memories[k]
	e.spots = e.spots[:0]
	if bulk {
		for _, i := range e.members {
			if !records[i].Gone {
				e.spots = append(e.spots, spot{member: i, place: nowhere})
			}
		}
	} else {
		dst = e.places(dst, records, m)
	}
	ids, before := e.values[:0], uint64(0)
	for _, i := range e.members {
		ids = append(ids, zigzag(records[i].ID-before))
		before = records[i].ID
	}
	dst = appendColumn(dst, ids)
	n := len(e.spots)
	e.fields = slices.Grow(e.fields[:0], n*k.Fields())[:n*k.Fields()]
	m.reduce(e.fields, records, e.spots)
	for f := range k.Fields() {
		dst = appendColumn(dst, e.fields[f*n:f*n+n])
	}
	return dst
}

// Ways to say places.
const (
	placeAbsolute = iota // the place, and 1
	placeRelative        // how far it is from behind the place said before, and 1
)

// places finds the places of the members' keys, leaves those as members whose key is new, and appends the column.
func (e *Encoder) places(dst []byte, records []record.Record, m *memory) []byte {
	said, fresh := e.values[:0], e.members[:0]
	guess := int32(0)
	for _, i := range e.members {
		r := &records[i]
		place, ok := m.find(r.ID, guess)
		s := spot{member: i, place: place, known: ok}
		if ok {
			said = append(said, uint64(place)+1)
			guess = place + 1
		} else {
			said = append(said, 0)
			fresh = append(fresh, i)
		}
		switch {
		case !r.Gone:
			if !ok {
				s.place = m.learn(r.ID)
			}
			e.spots = append(e.spots, s)
		case ok:
			delete(m.places, r.ID)
			m.forget(place)
		}
	}
	e.members = fresh
	absolute, relative := 0, 0 // bits
	next := uint64(1)
	for _, p := range said {
		if p > 0 {
			absolute += bits.Len64(p)
			relative += bits.Len64(zigzag(p-next) + 1)
			next = p + 1
		}
	}
	if relative >= absolute {
		return appendColumn(append(dst, placeAbsolute), said)
	}
	next = 1
	for i, p := range said {
		if p > 0 {
			said[i] = zigzag(p-next) + 1
			next = p + 1
		}
	}
	return appendColumn(append(dst, placeRelative), said)
}

// find says where a key is, if it is. Keys tend to come in the turn in which they came first, so it looks there before.
func (m *memory) find(id uint64, guess int32) (int32, bool) {
	if int(guess) < len(m.ids) && m.ids[guess] == id && m.live[guess] {
		return guess, true
	}
	place, ok := m.places[id]
	return place, ok
}

// learn gives a new key a place, or nowhere.
func (m *memory) learn(id uint64) int32 {
	place, evicted, was := m.admit(id)
	if was {
		delete(m.places, evicted)
	}
	if place >= 0 {
		m.places[id] = place
	}
	return place
}
