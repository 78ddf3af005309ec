package wire

import (
	"slices"

	"fcredirect/mgmt/peer/record"
)

// Decoder reads the records of one direction of a connection.
type Decoder struct {
	dictionaries [kinds]*dictionary
	values, said []uint64 // one for each record
	fields       []uint64 // columns of a kind
	members      []int32
	spots        []spot
	plain        []byte
}

// NewDecoder makes one whose dictionary is empty.
func NewDecoder(o Options) *Decoder {
	d := &Decoder{}
	for k := record.None + 1; k.Known(); k++ {
		d.dictionaries[k] = &dictionary{limit: o.Dictionary, changes: changesOf(k)}
	}
	return d
}

// Unit reads the payload of a TypeUnit into u, and uses the memory of its slices again. After an error the connection must
// end, and what is in u means nothing.
func (d *Decoder) Unit(payload []byte, u *Unit) error {
	r := reader{rest: payload}
	compressed := u.parseHead(&r)
	span := span{stream: u.Stream, after: u.From, upTo: u.To, bulk: u.Bulk}
	if u.Express {
		span.after = 0
	}
	u.Records = d.records(&r, u.Records, compressed, span)
	return r.end("unit")
}

// Repair reads the payload of a TypeRepair into p, and uses the memory of its slice again.
func (d *Decoder) Repair(payload []byte, p *Repair) error {
	r := reader{rest: payload}
	compressed := p.parseHead(&r)
	p.Records = d.records(&r, p.Records, compressed, span{stream: p.At.Stream, upTo: p.At.Version, bulk: true})
	return r.end("repair")
}

func (d *Decoder) records(r *reader, records []record.Record, compressed bool, s span) []record.Record {
	n := r.count(MaxUnitRecords)
	if compressed {
		d.expand(r)
	}
	if n == 0 || r.bad {
		return records[:0]
	}
	records = slices.Grow(records[:0], n)[:n]
	clear(records)
	d.values = slices.Grow(d.values[:0], n)[:n]
	d.versions(r, records, s)
	count := d.sorts(r, records, s)
	for k := range count {
		if count[k] > 0 && !r.bad {
			d.group(r, records, record.Kind(k), count[k], s.bulk)
		}
	}
	return records
}

// expand puts what is compressed in the rest in its place. What it becomes is no longer than a payload, and exactly as long
// as was said: nothing that compresses well makes the memory for it larger.
func (d *Decoder) expand(r *reader) {
	n := r.count(MaxPayload)
	if n == 0 || r.bad {
		r.fail()
		return
	}
	d.plain = slices.Grow(d.plain[:0], n)[:n]
	if !decompress(d.plain, r.rest) {
		r.fail()
		return
	}
	r.rest = d.plain
}

// versions reads the versions. They go up, and stay within the span.
func (d *Decoder) versions(r *reader, records []record.Record, s span) {
	first, distances := r.uvarint(), d.values[1:len(records)]
	r.column(distances)
	last := s.after
	for i := range records {
		distance := first
		if i > 0 {
			distance = distances[i-1]
		}
		if distance >= s.upTo-last { // which is not 0 once something is left to come
			r.fail()
			return
		}
		last += distance + 1
		records[i].Version = last
	}
}

// sorts reads of which kind each record is, and whether it is gone.
func (d *Decoder) sorts(r *reader, records []record.Record, s span) (count [kinds]int) {
	values := d.values[:len(records)]
	r.column(values)
	for i, v := range values {
		if v >= uint64(kinds) || !record.Kind(v).Known() || record.Kind(v).Stream() != s.stream {
			r.fail()
			return [kinds]int{}
		}
		records[i].Kind = record.Kind(v)
		count[v]++
	}
	r.column(values)
	for i, v := range values {
		r.check(v <= 1)
		records[i].Gone = v == 1
	}
	return count
}

// group reads what is of one kind.
func (d *Decoder) group(r *reader, records []record.Record, k record.Kind, n int, bulk bool) {
	m := d.dictionaries[k]
	d.members, d.spots = d.members[:0], d.spots[:0]
	for i := range records {
		if records[i].Kind == k {
			d.members = append(d.members, int32(i))
		}
	}
	if bulk {
		ids := d.values[:n]
		r.column(ids)
		var before uint64
		for j, i := range d.members {
			before += unzigzag(ids[j])
			records[i].ID = before
			if !records[i].Gone {
				d.spots = append(d.spots, spot{member: i, place: nowhere})
			}
		}
	} else {
		d.places(r, records, m)
	}
	n = len(d.spots)
	d.fields = slices.Grow(d.fields[:0], n*k.Fields())[:n*k.Fields()]
	for f := range k.Fields() {
		r.column(d.fields[f*n : f*n+n])
	}
	if !r.bad {
		m.restore(d.fields, records, d.spots)
	}
}

// places reads the places of the members' keys and the identities of new ones.
func (d *Decoder) places(r *reader, records []record.Record, m *dictionary) {
	said := slices.Grow(d.said[:0], len(d.members))[:len(d.members)]
	d.said = said
	way := r.byte()
	r.check(way <= placeRelative)
	r.column(said)
	fresh := 0
	for _, p := range said {
		if p == 0 {
			fresh++
		}
	}
	ids := d.values[:fresh]
	r.column(ids)
	if r.bad {
		return
	}
	var id uint64
	next := uint64(1)
	for j, i := range d.members {
		x, p := &records[i], said[j]
		if p == 0 {
			id += unzigzag(ids[0])
			ids = ids[1:]
			x.ID = id
			if !x.Gone {
				place, _, _ := m.admit(id)
				d.spots = append(d.spots, spot{member: i, place: place})
			}
			continue
		}
		if way == placeRelative {
			p = unzigzag(p-1) + next
		}
		next = p + 1
		place := p - 1
		if place >= uint64(len(m.live)) || !m.live[place] {
			r.fail()
			return
		}
		x.ID = m.ids[place]
		if x.Gone {
			m.forget(int32(place))
		} else {
			d.spots = append(d.spots, spot{member: i, place: int32(place), known: true})
		}
	}
}
