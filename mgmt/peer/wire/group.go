package wire

import "fcredirect/mgmt/peer/record"

// kinds is one more than the last kind.
const kinds = int(record.Node) + 1

// spot is where a record that is not gone has its fields, and where what it is compared with.
type spot struct {
	member int32 // of the records of the frame
	base   int32 // place in the dictionary of what was said of the key last
	keep   int32 // place where what is said now is remembered
}

// A field's residual is what is written instead of it. Known keys: what differs from the last that was said, in the way
// that the field changes. New ones: the difference from the record before, since neighbours tend to be alike. Clocks go by
// the record before in either case: records are in the order of their changes, and so are the times of changes.

func zigzag(d uint64) uint64   { return d<<1 ^ uint64(int64(d)>>63) }
func unzigzag(z uint64) uint64 { return z>>1 ^ -(z & 1) }

// reduce turns a column of fields into residuals.
func (d *dictionary) reduce(values []uint64, records []record.Record, spots []spot, field int, change record.Change) {
	var before uint64
	for i, s := range spots {
		v := records[s.member].Fields[field]
		switch {
		case s.base >= 0 && change == record.Same:
			values[i] = v ^ d.base[int(s.base)*d.fields+field]
		case s.base >= 0 && change == record.Counter:
			values[i] = v - d.base[int(s.base)*d.fields+field]
		case s.base >= 0 && i == 0:
			values[i] = zigzag(v - d.base[int(s.base)*d.fields+field])
		case change == record.Counter:
			values[i] = v
		default:
			values[i] = zigzag(v - before)
		}
		before = v
		if s.keep >= 0 {
			d.base[int(s.keep)*d.fields+field] = v
		}
	}
}

// restore turns residuals back into fields.
func (d *dictionary) restore(values []uint64, records []record.Record, spots []spot, field int, change record.Change) {
	var before uint64
	for i, s := range spots {
		v := values[i]
		switch {
		case s.base >= 0 && change == record.Same:
			v ^= d.base[int(s.base)*d.fields+field]
		case s.base >= 0 && change == record.Counter:
			v += d.base[int(s.base)*d.fields+field]
		case s.base >= 0 && i == 0:
			v = unzigzag(v) + d.base[int(s.base)*d.fields+field]
		case change == record.Counter:
		default:
			v = unzigzag(v) + before
		}
		before = v
		records[s.member].Fields[field] = v
		if s.keep >= 0 {
			d.base[int(s.keep)*d.fields+field] = v
		}
	}
}
