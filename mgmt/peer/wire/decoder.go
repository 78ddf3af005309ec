package wire

import "fcredirect/mgmt/peer/record"

// Decoder reads the records of one direction of a connection.
type Decoder struct {
	options Options
}

// NewDecoder makes one whose dictionary is empty.
func NewDecoder(o Options) *Decoder { return &Decoder{options: o} }

// Unit reads the payload of a TypeUnit into u, and uses the memory of its slices again. After an error the connection must
// end.
func (d *Decoder) Unit(payload []byte, u *Unit) error {
	r := reader{rest: payload}
	u.parseHead(&r)
	u.Records = d.records(&r, u.Records[:0])
	return r.end("unit")
}

// Repair reads the payload of a TypeRepair into p, and uses the memory of its slice again.
func (d *Decoder) Repair(payload []byte, p *Repair) error {
	r := reader{rest: payload}
	p.parseHead(&r)
	p.Records = d.records(&r, p.Records[:0])
	return r.end("repair")
}

func (d *Decoder) records(r *reader, records []record.Record) []record.Record {
	for n := r.count(MaxUnitRecords); n > 0 && !r.bad; n-- {
		var x record.Record
		x.Kind, x.Gone = record.Kind(r.byte()), r.flag()
		r.check(x.Kind.Known())
		x.ID, x.Version = r.uvarint(), r.uvarint()
		for f := range x.Kind.Fields() {
			x.Fields[f] = r.uvarint()
		}
		records = append(records, x)
	}
	return records
}
