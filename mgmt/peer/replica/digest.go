package replica

import "fcredirect/mgmt/peer/record"

// Buckets is how many parts the records of a stream are divided into, by their keys, to find a divergence.
const Buckets = 256

// Digest is the sum over live records of a hash of key, version and fields: it does not depend on their order.
type Digest struct{ Lo, Hi uint64 }

// BucketOf is the bucket of a key, the same on all nodes.
func BucketOf(key record.Key) int { return 0 }

// Digest is that of all of a stream, up to its head: Early records do not count.
func (t *Table) Digest(stream record.Stream) Digest { return Digest{} }

// Bucket is the digest of one bucket.
func (t *Table) Bucket(stream record.Stream, i int) Digest { return Digest{} }

// EachInBucket calls f for each live record of a bucket, up to the stream's head, until f returns false. As with Each.
func (t *Table) EachInBucket(stream record.Stream, i int, f func(*record.Record) bool) {}

// Repair makes the live records of a bucket those that are given, whatever their versions were, at once. They must be those that
// the origin had at this table's head. changed is as in Commit. It returns how many differed. ErrUnknown, ErrVersion, ErrFull:
// nothing was changed.
func (t *Table) Repair(stream record.Stream, i int, records []record.Record, changed func(*record.Record)) (repaired int, err error) {
	return 0, nil
}
