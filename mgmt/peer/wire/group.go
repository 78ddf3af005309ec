package wire

import "fcredirect/mgmt/peer/record"

// kinds is one more than the last kind.
const kinds = int(record.Node) + 1

// spot is a record that has fields, and the place of its key in the dictionary.
type spot struct {
	member int32 // of the records of the frame
	place  int32 // or nowhere
	known  bool  // what was said of the key last is there
}

// A field's residual is what is written instead of it. Known keys: what differs from the last that was said, in the way
// that the field changes. New ones: the difference from the record before, since neighbours tend to be alike; counters go
// as they are. Clocks go by the record before in either case: records are in the order of their changes, and so are the
// times of changes.

func zigzag(d uint64) uint64   { return d<<1 ^ uint64(int64(d)>>63) }
func unzigzag(z uint64) uint64 { return z>>1 ^ -(z & 1) }

// row are the fields of a record.
type row = [record.MaxFields]uint64

// changesOf is how each field of a kind changes.
func changesOf(k record.Kind) []record.Change {
	changes := make([]record.Change, k.Fields())
	for f := range changes {
		changes[f] = k.Change(f)
	}
	return changes
}

// reduce turns the fields of the spots into columns of residuals: that of field f begins at f*len(spots).
func (d *dictionary) reduce(columns []uint64, records []record.Record, spots []spot) {
	var before row
	n := len(spots)
	for i, s := range spots {
		fields := &records[s.member].Fields
		if !s.known {
			for f, change := range d.changes {
				v := fields[f]
				if change != record.Counter {
					v = zigzag(v - before[f])
				}
				columns[f*n+i] = v
			}
			if s.place >= 0 {
				copy(d.said(s.place), fields[:])
			}
			before = *fields
			continue
		}
		said := d.said(s.place)
		if i == 0 {
			copy(before[:], said)
		}
		for f, change := range d.changes {
			v, last := fields[f], said[f]
			said[f] = v
			switch change {
			case record.Same:
				last ^= v
			case record.Counter:
				last = v - last
			default:
				last = zigzag(v - before[f])
			}
			columns[f*n+i] = last
			before[f] = v
		}
	}
}

// restore turns columns of residuals back into fields.
func (d *dictionary) restore(columns []uint64, records []record.Record, spots []spot) {
	var before row
	n := len(spots)
	for i, s := range spots {
		fields := &records[s.member].Fields
		if !s.known {
			for f, change := range d.changes {
				v := columns[f*n+i]
				if change != record.Counter {
					v = unzigzag(v) + before[f]
				}
				fields[f] = v
			}
			if s.place >= 0 {
				copy(d.said(s.place), fields[:])
			}
			before = *fields
			continue
		}
		said := d.said(s.place)
		if i == 0 {
			copy(before[:], said)
		}
		for f, change := range d.changes {
			v := columns[f*n+i]
			switch change {
			case record.Same:
				v ^= said[f]
			case record.Counter:
				v += said[f]
			default:
				v = unzigzag(v) + before[f]
			}
			fields[f], said[f], before[f] = v, v, v
		}
	}
}
