package replica

import (
	"slices"

	"fcredirect/mgmt/peer/record"
)

// Cursor goes through a stream in the order of versions, and sees changes that are made meanwhile. A record that changes before
// the cursor has come to it is met once, later. So what lies behind the cursor is complete only for records that do not depend
// on each other (Counts), or when it has come to the end; where a unit must be whole, take a Cut.
//
// It is a place in a stream and holds nothing: it may be copied, kept and dropped. A cursor below the floor misses deletions.
type Cursor struct {
	table  *Table
	stream record.Stream
	at     uint64
	needs  uint64
}

// Cursor starts after a version.
func (t *Table) Cursor(stream record.Stream, after uint64) Cursor {
	return Cursor{table: t, stream: stream, at: after}
}

// Next fills buf with the next records, tombstones included. Everything up to version to that has not changed again has been
// given; done says that this is the head. It may be called again later, for what came since. Before done n may be less than
// len(buf), even 0, because the work of a call is bounded.
func (c *Cursor) Next(buf []record.Record) (n int, to uint64, done bool) {
	t := c.table
	head := t.heads[c.stream]
	if c.at >= head {
		return 0, c.at, true
	}
	n, c.at, done = t.sets[c.stream].read(c.at, head, buf, &c.needs)
	if c.stream == record.Counts && t.last == 0 {
		c.needs = t.heads[record.State]
	}
	return n, c.at, done
}

// Needs is the highest State version of this origin that the records given so far refer to; 0 if they are of State. For the
// table of another origin, which does not know what they refer to, it is the State that is applied.
func (c *Cursor) Needs() uint64 { return c.needs }

// read gives the records whose versions lie after one and up to another.
func (s *set) read(after, upTo uint64, buf []record.Record, needs *uint64) (n int, to uint64, done bool) {
	to = after
	at, i := s.history.after(after)
	for left := scanMax; at < len(s.history.chunks); at, i = at+1, 0 {
		c := s.history.chunks[at]
		for i < c.n {
			if n == len(buf) || left <= 0 {
				return n, to, false
			}
			some := c.at[i:min(i+ahead, c.n, i+len(buf)-n)]
			s.touch(some)
			left -= len(some)
			for _, e := range some {
				version := c.base + uint64(e.delta)
				if version > upTo {
					return n, upTo, true
				}
				b, row := s.at(e.handle)
				if row[rowVersion]>>1 != version {
					to = max(to, version-1) // after a repair the entry that counts may stand behind one that does not
					continue
				}
				to = version
				b.load(&buf[n], row)
				n++
				if b.kind.Stream() == record.Counts {
					*needs = max(*needs, *b.extra(row))
				}
			}
			i += len(some)
		}
	}
	return n, upTo, true
}

// ahead is how many rows are touched before the first of them is used, so that their cache misses overlap: they are all over the memory
// when a stream has gone on for a while.
const ahead = 16

func (s *set) touch(some []entry) {
	var sum uint64
	for _, e := range some {
		_, row := s.at(e.handle)
		sum += row[rowVersion]
	}
	s.touched = sum
}

// Cut is what a stream has between two versions, as it is now: what changes afterwards is given as it was. It always ends, however
// fast changes come. What it costs is a copy of each record that changes before the cut has come to it, so at most all records
// of the stream. It must be closed, unless it came to its end.
type Cut struct {
	set      *set // that of the table when the cut was made: a reset puts another in its place
	from, to uint64
	at       uint64
	needs    uint64
	state    uint64   // what all records of the cut need at most
	saved    []uint64 // records that have changed since: kind, then the row
	closed   bool
}

// Cut makes one of everything after a version, up to the head.
func (t *Table) Cut(stream record.Stream, after uint64) *Cut {
	c := &Cut{set: t.sets[stream], from: after, at: after, to: max(after, t.heads[stream])}
	if stream == record.Counts {
		c.state = t.heads[record.State]
	}
	c.set.cuts = append(c.set.cuts, c)
	return c
}

// From is the version that it starts after, exclusive.
func (c *Cut) From() uint64 { return c.from }

// To is the version that whoever has all of it stands at.
func (c *Cut) To() uint64 { return c.to }

// Needs is the State version of this origin that suffices for all records of the cut; 0 if they are of State.
func (c *Cut) Needs() uint64 { return c.state }

// Next fills buf with the next records, tombstones included: in the order of versions, but for those that have changed since,
// which come last. After done it is closed. Before done n may be less than len(buf), even 0.
func (c *Cut) Next(buf []record.Record) (n int, done bool) {
	if c.closed {
		return 0, true
	}
	if c.at < c.to {
		if n, c.at, done = c.set.read(c.at, c.to, buf, &c.needs); !done {
			return n, false
		}
	}
	for ; len(c.saved) > 0; n++ {
		if n == len(buf) {
			return n, false
		}
		b := c.set.slabs[c.saved[0]]
		b.load(&buf[n], c.saved[1:])
		c.saved = c.saved[1+rowFields+b.fields:]
	}
	c.Close()
	return n, true
}

// Close gives up what it holds.
func (c *Cut) Close() {
	if c.closed {
		return
	}
	c.closed, c.saved = true, nil
	i := slices.Index(c.set.cuts, c)
	c.set.cuts = slices.Delete(c.set.cuts, i, i+1)
}

// save keeps a row that is about to change, if the cut has not come to it.
func (c *Cut) save(b *slab, row []uint64) {
	if version := row[rowVersion] >> 1; version > c.at && version <= c.to {
		c.saved = append(append(c.saved, uint64(b.kind)), row[:rowFields+b.fields]...)
	}
}

// Pending is how many records, at most, a stream has after a version.
func (t *Table) Pending(stream record.Stream, after uint64) int {
	s := t.sets[stream]
	return min(s.history.behind(after), s.rows)
}
