package replica

import (
	"math/bits"

	"fcredirect/mgmt/peer/record"
)

// Buckets is how many parts the records of a stream are divided into, by their keys, to find a divergence.
const Buckets = 256

// Digest is the sum over live records of a hash of key, version and fields: it does not depend on their order, and a change
// takes the old hash away and adds the new. It finds what went wrong, not who lies: an origin can say of itself what it likes anyway.
type Digest struct{ Lo, Hi uint64 }

func (d *Digest) add(o Digest) {
	var carry uint64
	d.Lo, carry = bits.Add64(d.Lo, o.Lo, 0)
	d.Hi, _ = bits.Add64(d.Hi, o.Hi, carry)
}

func (d *Digest) sub(o Digest) {
	var borrow uint64
	d.Lo, borrow = bits.Sub64(d.Lo, o.Lo, 0)
	d.Hi, _ = bits.Sub64(d.Hi, o.Hi, borrow)
}

// The constants of the hash cross nodes of different versions: they never change. (Digits of the fractions of the square roots of
// the first primes, as in SHA-512.)
const (
	mixA = 0x6a09e667f3bcc908
	mixB = 0xbb67ae8584caa73b
	mixC = 0x3c6ef372fe94f82b
	mixD = 0xa54ff53a5f1d36f1
	mixE = 0x510e527fade682d1
	mixF = 0x9b05688c2b3e6c1f
)

// mix hashes a record: two words a step, one multiplication to 128 bits each. The rotated halves are added to the product so that a
// factor that happens to be zero does not make the step forget the other.
func mix(kind record.Kind, id, version uint64, fields []uint64) Digest {
	a, b := step(mixA^uint64(kind)*mixE, mixB, id, version)
	for ; len(fields) >= 2; fields = fields[2:] {
		a, b = step(a, b, fields[0], fields[1])
	}
	if len(fields) == 1 {
		a, b = step(a, b, fields[0], mixC)
	}
	a, b = step(a, b, mixD, mixE)
	a, b = step(a, b, mixF, mixC)
	return Digest{a, b}
}

func step(a, b, x, y uint64) (uint64, uint64) {
	a, b = a^x, b^y
	hi, lo := bits.Mul64(a^mixD, b^mixF)
	return lo + bits.RotateLeft64(b, 23), hi + bits.RotateLeft64(a, 41)
}

// BucketOf is the bucket of a key, the same on all nodes.
func BucketOf(key record.Key) int {
	hi, lo := bits.Mul64(key.ID^mixA, mixB+uint64(key.Kind)<<8)
	return int((hi ^ lo) * mixE >> 56)
}

// Digest is that of all of a stream, up to its head: records ahead of their stream do not count.
func (t *Table) Digest(stream record.Stream) (sum Digest) {
	for i := range t.sets[stream].buckets {
		sum.add(t.sets[stream].buckets[i])
	}
	return sum
}

// Bucket is the digest of one bucket.
func (t *Table) Bucket(stream record.Stream, i int) Digest { return t.sets[stream].buckets[i] }

// EachInBucket calls f for each live record of a bucket, up to the stream's head, until f returns false. As with Each.
func (t *Table) EachInBucket(stream record.Stream, i int, f func(*record.Record) bool) {
	var r record.Record
	for _, s := range t.sets[stream].slabs {
		if s == nil {
			continue
		}
		for _, slot := range s.inBucket(i) {
			row := s.row(slot)
			if row[rowVersion]&1 != 0 {
				continue
			}
			if s.load(&r, row); !f(&r) {
				return
			}
		}
	}
}

// Repair makes the live records of a bucket those that are given, whatever their versions were, at once. They must be those that
// the origin had at this table's head. changed is as in Commit. It returns how many differed. ErrUnknown, ErrVersion, ErrFull:
// nothing was changed.
func (t *Table) Repair(stream record.Stream, i int, records []record.Record, changed func(*record.Record)) (repaired int, err error) {
	s := t.sets[stream]
	right, versions := make(map[record.Key]bool, len(records)), make(map[uint64]bool, len(records))
	for n := range records {
		r := &records[n]
		switch {
		case !r.Kind.Known() || r.Kind.Stream() != stream || BucketOf(r.Key) != i:
			return 0, ErrUnknown
		case r.Gone || r.Version == 0 || r.Version > t.heads[stream] || right[r.Key] || versions[r.Version]:
			return 0, ErrVersion
		}
		right[r.Key], versions[r.Version] = true, true
	}
	var different, evicted []record.Record
	t.EachInBucket(stream, i, func(r *record.Record) bool {
		if !right[r.Key] {
			different = append(different, record.Record{Key: r.Key, Version: t.heads[stream], Gone: true})
		}
		return true
	})
	removed := len(different)
	grows := -removed
	for n := range records {
		r := records[n]
		clear(r.Fields[r.Kind.Fields():])
		old, known := s.get(r.Key)
		if !known || old.Gone {
			grows++
		}
		if !known || old != r {
			different = append(different, r)
		}
	}
	if t.live()+grows > t.limits.Records {
		return 0, ErrFull
	}
	for n := range different {
		r := &different[n]
		p := s.find(r.Key)
		if n < removed {
			s.remove(&p)
			continue
		}
		known := p.found && p.row[rowVersion]>>1 == r.Version
		handle := s.write(&p, r.Version, false, r.Fields[:r.Kind.Fields()])
		if !known {
			lived, there := s.exhume(r.Version, handle)
			for _, key := range lived {
				if !right[key] {
					evicted = append(evicted, record.Record{Key: key, Version: t.heads[stream], Gone: true})
				}
			}
			if !there {
				s.history.insert(r.Version, handle)
			}
		}
	}
	different = append(different, evicted...)
	if changed != nil {
		for n := range different {
			if _, hidden := t.early[different[n].Key]; !hidden {
				changed(&different[n])
			}
		}
	}
	return len(different), nil
}

// exhume removes what has a version that is known to be another record's. A tombstone is in no digest, so nothing else would
// find that it is wrong; of a living record the own bucket is repaired too, but until then no two may have one version. there says
// that the history has the record of the handle at that version by now: it had it before.
func (s *set) exhume(version uint64, handle uint32) (lived []record.Key, there bool) {
	var wrong []uint32
	for at, i := s.history.after(version - 1); at < len(s.history.chunks) && s.history.chunks[at].version(i) == version; {
		switch found := s.history.chunks[at].at[i].handle; {
		case found == handle:
			there = true
		case !s.stale(version, found):
			wrong = append(wrong, found)
		}
		if i++; i == s.history.chunks[at].n {
			at, i = at+1, 0
		}
	}
	for _, found := range wrong {
		if s.stale(version, found) { // it was there twice
			continue
		}
		p := s.placed(found)
		if p.row[rowVersion]&1 == 0 {
			lived = append(lived, p.key)
		}
		s.remove(&p)
	}
	return lived, there
}
