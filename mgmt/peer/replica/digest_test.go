package replica

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"fcredirect/mgmt/peer/record"
	"pgregory.net/rapid"
)

// Nodes of different versions compare these sums: they must never change.
func TestDigestsAreTheSameInEveryVersion(t *testing.T) {
	for _, c := range []struct {
		kind   record.Kind
		id     uint64
		v      uint64
		fields []uint64
		want   Digest
		bucket int
	}{
		{record.Login, 1, 1, []uint64{0, 0, 0, 0, 0, 0, 0, 0}, Digest{0x47bff393e7242ee1, 0xa4a184afd6b4c5ad}, 25},
		{record.Flow, 0xf00000001, 77, []uint64{1, 2, 3, 4, 5, 6}, Digest{0xc213740bffe2e4ca, 0x919321906e636a2f}, 50},
		{record.Count, 0xf00000001, 78, []uint64{1, 2, 3, 4, 5}, Digest{0x72961c7e9c80c041, 0x33226cb96fac3092}, 232},
	} {
		if got := mix(c.kind, c.id, c.v, c.fields); got != c.want {
			t.Errorf("%v: %#x, want %#x", c.kind, got, c.want)
		}
		if got := BucketOf(record.Key{Kind: c.kind, ID: c.id}); got != c.bucket {
			t.Errorf("%v: bucket %d, want %d", c.kind, got, c.bucket)
		}
	}
}

func TestEveryDifferenceMakesAnotherDigest(t *testing.T) {
	seen := map[Digest]string{}
	note := func(what string, d Digest) {
		if other, there := seen[d]; there {
			t.Errorf("%s is as %s", what, other)
		}
		seen[d] = what
	}
	base := []uint64{1, 2, 3, 4, 5}
	note("base", mix(record.Count, 7, 9, base))
	note("other kind", mix(record.Flow, 7, 9, base))
	note("id and version changed places", mix(record.Count, 9, 7, base))
	note("zeroes", mix(record.Count, 0, 0, make([]uint64, 5)))
	note("one more zero", mix(record.Count, 0, 0, make([]uint64, 6)))
	for bit := range uint(64) {
		note("id", mix(record.Count, 7^1<<bit, 9, base))
		note("version", mix(record.Count, 7, 9^1<<bit, base))
		for i := range base {
			other := append([]uint64(nil), base...)
			other[i] ^= 1 << bit
			note("field", mix(record.Count, 7, 9, other))
		}
	}
	for i := range base {
		for j := range i {
			other := append([]uint64(nil), base...)
			other[i], other[j] = other[j], other[i]
			note("fields changed places", mix(record.Count, 7, 9, other))
		}
	}
	var a, b Digest // two records that changed fields with each other
	a.add(mix(record.Count, 1, 1, []uint64{1, 2, 3, 4, 5}))
	a.add(mix(record.Count, 2, 2, []uint64{1, 2, 3, 4, 6}))
	b.add(mix(record.Count, 1, 1, []uint64{1, 2, 3, 4, 6}))
	b.add(mix(record.Count, 2, 2, []uint64{1, 2, 3, 4, 5}))
	if a == b {
		t.Error("two records that changed fields make no difference")
	}
}

func TestKeysSpreadOverBuckets(t *testing.T) {
	for _, step := range []uint64{1, 0x10001, 1 << 24, 1 << 48} {
		var n [Buckets]int
		for i := range uint64(Buckets * 64) {
			n[BucketOf(record.Key{Kind: record.Flow, ID: i * step})]++
		}
		for b := range n {
			if n[b] < 16 || n[b] > 256 {
				t.Errorf("step %#x: %d of 64 in bucket %d", step, n[b], b)
			}
		}
	}
}

// A replica that went wrong, in whatever way, is right after its buckets that differ were replaced, and can be relayed.
func TestRepairMakesAReplicaWhatTheOriginIs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := newOrigin()
		for range rapid.IntRange(1, 40).Draw(t, "changes") {
			o.change(t)
		}
		stream := record.State
		f := &follower{table: New(3, 1, Limits{}), mirror: map[record.Key]record.Record{}}
		s := f.table.Stage(stream, 0, o.table.Head(stream), false)
		taken := map[uint64]bool{}
		all := slices.SortedFunc(maps.Values(o.now), byVersion)
		for _, r := range all {
			k := r.Key
			if k.Kind.Stream() != stream || rapid.IntRange(0, 3).Draw(t, "missing") == 0 {
				continue
			}
			switch rapid.IntRange(0, 4).Draw(t, "wrong") {
			case 0:
				r.Fields[0]++
				r.Gone = false
			case 1:
				r.Version = rapid.Uint64Range(1, o.table.Head(stream)).Draw(t, "version")
			case 2:
				r = record.Record{Key: k, Version: r.Version, Gone: true}
			case 3:
				r.ID += 100
			}
			if taken[r.Version] {
				continue
			}
			taken[r.Version] = true
			if err := s.Add(&r); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Commit(f.changed(t)); err != nil {
			t.Fatal(err)
		}
		for i := range Buckets {
			if f.table.Bucket(stream, i) == o.table.Bucket(stream, i) {
				continue
			}
			var right []record.Record
			o.table.EachInBucket(stream, i, func(r *record.Record) bool {
				right = append(right, *r)
				return true
			})
			n, err := f.table.Repair(stream, i, right, f.changed(t))
			if n == 0 || err != nil {
				t.Fatalf("bucket %d: %d repaired, %v", i, n, err)
			}
		}
		want := o.live(stream, uint64(len(o.past)-1))
		check(t, f.table, stream, want)
		f.consistentWith(t, want)
		relayed := map[record.Key]record.Record{}
		var buf [7]record.Record
		for c, done := f.table.Cursor(stream, 0), false; !done; {
			var n int
			n, _, done = c.Next(buf[:])
			for _, r := range buf[:n] {
				if !r.Gone {
					relayed[r.Key] = r
				}
			}
		}
		f.mirror = relayed
		f.consistentWith(t, want)
	})
}

func (f *follower) consistentWith(t *rapid.T, want map[record.Key]record.Record) {
	t.Helper()
	if len(f.mirror) != len(want) {
		t.Fatalf("got %v, want %v", f.mirror, want)
	}
	for k, r := range want {
		if f.mirror[k] != r {
			t.Fatalf("got %v, want %v", f.mirror[k], r)
		}
	}
}

func TestARepairThatCannotBeRightIsRefused(t *testing.T) {
	table := New(0, 1, Limits{Records: 2})
	if _, err := unit(t, table, 0, 10, false, flow(1, 5), flow(2, 7)); err != nil {
		t.Fatal(err)
	}
	in := BucketOf(flow(1, 0).Key)
	var mates []record.Record
	for id := uint64(3); len(mates) < 2; id++ {
		if BucketOf(flow(id, 0).Key) == in {
			mates = append(mates, flow(id, uint64(8+len(mates))))
		}
	}
	digest := table.Digest(record.State)
	for _, c := range []struct {
		name    string
		records []record.Record
		want    error
	}{
		{"a record of another bucket", []record.Record{flow(2, 7)}, ErrUnknown},
		{"a record of another stream", []record.Record{{Key: record.Key{Kind: record.Count, ID: 1}, Version: 5}}, ErrUnknown},
		{"a record of no kind", []record.Record{{Version: 5}}, ErrUnknown},
		{"a deleted record", []record.Record{gone(1, 5)}, ErrVersion},
		{"a record without a version", []record.Record{flow(1, 0)}, ErrVersion},
		{"a record after the head", []record.Record{flow(1, 11)}, ErrVersion},
		{"a record twice", []record.Record{flow(1, 5), flow(1, 5)}, ErrVersion},
		{"more records than the table may have", []record.Record{flow(1, 5), mates[0], mates[1]}, ErrFull},
		{"nothing that differs", []record.Record{flow(1, 5)}, nil},
	} {
		n, err := table.Repair(record.State, in, c.records, func(r *record.Record) { t.Errorf("%s: %v changed", c.name, r) })
		if !errors.Is(err, c.want) || n != 0 || table.Digest(record.State) != digest {
			t.Errorf("%s: %d repaired, %v, want %v", c.name, n, err, c.want)
		}
	}
}

func TestNoTwoRecordsHaveOneVersionAfterARepair(t *testing.T) {
	table := New(0, 1, Limits{})
	if _, err := unit(t, table, 0, 10, false, flow(1, 5), flow(2, 7)); err != nil {
		t.Fatal(err)
	}
	for _, versions := range [][]uint64{{7}, {5}, {7}} { // of flow 1: that of flow 2, its own, and the other again
		if _, err := table.Repair(record.State, BucketOf(flow(1, 0).Key), []record.Record{flow(1, versions[0])}, nil); err != nil {
			t.Fatal(err)
		}
		records, n := make([]record.Record, 8), 0
		n, _ = table.Cut(record.State, 0).Next(records)
		if n != 1 || records[0].Version != versions[0] {
			t.Errorf("it has %v", records[:n])
		}
	}
	twice := flow(1, 5)
	for id := uint64(3); ; id++ {
		if twice = flow(id, 5); BucketOf(twice.Key) == BucketOf(flow(1, 0).Key) {
			break
		}
	}
	if _, err := table.Repair(record.State, BucketOf(twice.Key), []record.Record{flow(1, 5), twice}, nil); err == nil {
		t.Error("two records of one version are taken")
	}
}

func TestNoTwoRecordsGoAheadWithOneVersion(t *testing.T) {
	table := New(0, 1, Limits{})
	if err := table.Express([]record.Record{flow(1, 5), flow(2, 5)}, nil); err == nil || table.Early() != 0 {
		t.Errorf("at once: %v", err)
	}
	if err := table.Express([]record.Record{flow(1, 5)}, nil); err != nil {
		t.Fatal(err)
	}
	if err := table.Express([]record.Record{flow(2, 5)}, nil); err == nil || table.Early() != 1 {
		t.Errorf("one after the other: %v", err)
	}
}
