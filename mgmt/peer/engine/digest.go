package engine

import (
	"fmt"
	"math/bits"

	"fcredirect/mgmt/peer/record"
	"fcredirect/mgmt/peer/replica"
	"fcredirect/mgmt/peer/wire"
)

// Anti-entropy, from the finding to the cure:
//
//  1. with a unit, at most each DigestEvery, the origin tells what its table summed up to as the unit was cut; when there is
//     no unit for so long, it tells that all the same (tellDigests): what diverged last is found, too
//  2. a receiver that stands at exactly that version compares; if it differs, it answers with the sums of its buckets
//  3. the origin notes the buckets that differ; after a unit that brings the peer up to the present, it sends these whole
//  4. the receiver makes the buckets what they are at the origin

// digestOf sums up a stream as it is now.
func (e *Engine) digestOf(o *origin, s record.Stream) *wire.Digest {
	d := &wire.Digest{At: wire.At{Slot: o.slot, Stream: s, Incarnation: o.incarnation, Version: o.table.Head(s)}}
	d.Sum = wire.Sum(o.table.Digest(s))
	for _, k := range s.Kinds() {
		d.Records += uint64(o.table.Len(k))
	}
	return d
}

// sayDigest queues the digest that was taken with a unit, behind it.
func (c *Conn) sayDigest(f *flow) {
	if f.sum == nil {
		return
	}
	if frame, err := c.frame(nil, wire.TypeDigest, f.sum.Append); err == nil {
		c.queue = append(c.queue, frame)
	}
	f.sum = nil
}

// tellDigests tells peers who have been sent everything what that sums up to, when they were not told for a while.
func (e *Engine) tellDigests(now int64) {
	own := e.own()
	for _, p := range e.peers {
		if p == nil {
			continue
		}
		for s := range record.NumStreams {
			f := &p.flows[e.self][s]
			c := p.carrier(f)
			if c == nil || now < f.digest || f.cut != nil || f.behind() || f.acked < f.sent {
				continue
			}
			f.digest = now + int64(e.cfg.Settings.DigestEvery)
			f.sum = e.digestOf(own, s)
			c.sayDigest(f)
			e.wake(c, now)
		}
	}
}

// takeDigest compares.
func (c *Conn) takeDigest(now int64, payload []byte) error {
	var d wire.Digest
	if err := d.Parse(payload); err != nil {
		return err
	}
	if int(d.At.Slot) >= len(c.e.origins) || d.At.Slot != c.peer.slot {
		return fmt.Errorf("a digest of node %d", d.At.Slot)
	}
	o := c.e.origins[d.At.Slot]
	if o.at(d.At.Stream) != (mark{d.At.Incarnation, d.At.Version}) || wire.Sum(o.table.Digest(d.At.Stream)) == d.Sum {
		return nil
	}
	c.e.stats.Diverged++
	c.e.tell(Notice{Kind: Diverged, Peer: c.peer.name, Stream: d.At.Stream})
	c.askRepair(now, o, d.At.Stream)
	return nil
}

// askRepair tells the peer the sums of our copy of a stream of its own.
func (c *Conn) askRepair(now int64, o *origin, s record.Stream) {
	at := o.at(s)
	c.buckets = &wire.Buckets{At: wire.At{Slot: o.slot, Stream: s, Incarnation: at.incarnation, Version: at.version}}
	for i := range c.buckets.Sums {
		c.buckets.Sums[i] = wire.Sum(o.table.Bucket(s, i))
	}
	c.e.wake(c, now)
}

// takeBuckets notes which buckets the peer must get.
func (c *Conn) takeBuckets(now int64, payload []byte) error {
	var b wire.Buckets
	if err := b.Parse(payload); err != nil {
		return err
	}
	own := c.e.own()
	if b.At.Slot != c.e.self || b.At.Incarnation != own.incarnation {
		return nil
	}
	f := &c.peer.flows[c.e.self][b.At.Stream]
	for i, sum := range b.Sums {
		if wire.Sum(own.table.Bucket(b.At.Stream, i)) != sum {
			f.repairs[i/64] |= 1 << (i % 64)
		}
	}
	f.due = min(f.due, now)
	c.e.wake(c.peer.carrier(f), now)
	return nil
}

// repairing says whether the peer must get buckets of the flow.
func (f *flow) repairing() bool { return f.repairs != [len(f.repairs)]uint64{} }

// sayRepairs queues some of the buckets that the peer must get, if it has just been sent all that there is: what is in them
// fits to no other version.
func (c *Conn) sayRepairs(f *flow) {
	if !f.repairing() || f.behind() {
		return
	}
	s, records := &c.e.cfg.Settings, 0
	for _, k := range f.stream.Kinds() {
		records += f.origin.table.Len(k)
	}
	bucketBytes := max(s.BufferBytes, 2*records/wire.NumBuckets*recordBytes)
	for w := range f.repairs {
		for f.repairs[w] != 0 && len(c.queue) < s.BuffersPerConnection/2 && c.room(bucketBytes) {
			bit := bits.TrailingZeros64(f.repairs[w])
			if c.sayBucket(f, w*64+bit) != nil {
				return
			}
			f.repairs[w] &^= 1 << bit
		}
	}
	if f.repairing() && len(c.queue) > 0 { // else there is no room: an acknowledgement goes on
		f.due = 0
	}
}

// sayBucket queues all records of a bucket.
func (c *Conn) sayBucket(f *flow, bucket int) error {
	var all []record.Record
	f.origin.table.EachInBucket(f.stream, bucket, func(r *record.Record) bool {
		all = append(all, *r)
		return true
	})
	at := wire.At{Slot: f.origin.slot, Stream: f.stream, Incarnation: f.origin.incarnation, Version: f.origin.table.Head(f.stream)}
	for first := true; first || len(all) > 0; first = false {
		n := min(len(all), len(c.e.records))
		p := wire.Repair{At: at, Bucket: uint8(bucket), First: first, Last: n == len(all), Records: all[:n]}
		all = all[n:]
		frame, err := c.enc.AppendRepair(wire.Begin(nil, wire.TypeRepair), &p)
		if err != nil {
			return err
		}
		if frame, err = wire.End(frame, 0, c.out+1); err != nil {
			return err
		}
		c.out++
		c.queue = append(c.queue, frame)
		c.pool, c.inFlight = append(c.pool, sized{c.out, len(frame)}), c.inFlight+len(frame)
	}
	return nil
}

// takeRepair makes a bucket what it is at its origin.
func (c *Conn) takeRepair(now int64, payload []byte) error {
	var p wire.Repair
	if err := c.dec.Repair(payload, &p); err != nil {
		return err
	}
	e := c.e
	if p.At.Slot != c.peer.slot {
		return fmt.Errorf("a repair of node %d", p.At.Slot)
	}
	for i := range p.Records {
		if replica.BucketOf(p.Records[i].Key) != int(p.Bucket) {
			return fmt.Errorf("a repair of bucket %d has a record of another", p.Bucket)
		}
	}
	if p.First {
		c.repair, c.bucket = c.repair[:0], p.Bucket
	}
	if p.Bucket != c.bucket {
		return fmt.Errorf("a repair of bucket %d within that of %d", p.Bucket, c.bucket)
	}
	if len(c.repair)+len(p.Records) > e.repairMax() {
		return fmt.Errorf("a repair of more than %d records", e.repairMax())
	}
	if c.repair = append(c.repair, p.Records...); !p.Last {
		return nil
	}
	all, o := c.repair, e.origins[p.At.Slot]
	c.repair = nil
	if o.at(p.At.Stream) != (mark{p.At.Incarnation, p.At.Version}) {
		return nil // the next digest finds it again
	}
	e.changes = e.changes[:0]
	n, err := o.table.Repair(p.At.Stream, int(p.Bucket), all, func(r *record.Record) { e.changes = append(e.changes, *r) })
	if err != nil {
		return fmt.Errorf("repair of %s: %w", c.peer.name, err)
	}
	if n > 0 {
		e.stats.Repaired += uint64(n)
		e.tell(Notice{Kind: Repaired, Peer: c.peer.name, Stream: p.At.Stream, Number: uint64(n)})
		e.show(Applied{Origin: o.slot, Incarnation: o.incarnation, Stream: p.At.Stream, Repair: true, Records: e.changes})
	}
	return nil
}

// repairMax bounds the records of one bucket: keys spread evenly, but few of them not quite.
func (e *Engine) repairMax() int {
	return min(e.cfg.Settings.RecordsMax, 4096+8*e.cfg.Settings.RecordsMax/wire.NumBuckets)
}

var _ [wire.NumBuckets - replica.Buckets]struct{}
var _ [replica.Buckets - wire.NumBuckets]struct{}
