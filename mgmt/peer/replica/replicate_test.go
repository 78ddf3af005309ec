package replica

import (
	"maps"
	"testing"

	"fcredirect/mgmt/peer/record"
	"pgregory.net/rapid"
)

// An origin is a table of ours and all that it ever was, kept apart from it: the state at each version, and what each change depends on.
type origin struct {
	table *Table
	now   map[record.Key]record.Record // tombstones too
	past  []map[record.Key]record.Record
	refs  map[uint64][]record.Ref
	of    map[uint64]record.Key
	prior map[uint64]uint64 // the version before, of the same record
}

func newOrigin() *origin {
	return &origin{table: New(3, 1, Limits{}), now: map[record.Key]record.Record{}, past: []map[record.Key]record.Record{{}},
		refs: map[uint64][]record.Ref{}, of: map[uint64]record.Key{}, prior: map[uint64]uint64{}}
}

var someKinds = []record.Kind{record.Login, record.Flow, record.Count, record.Node}

func drawKey(t *rapid.T) record.Key {
	return record.Key{Kind: rapid.SampledFrom(someKinds).Draw(t, "kind"), ID: uint64(rapid.IntRange(0, 11).Draw(t, "id"))}
}

// change makes one, with refs to things that there are.
func (o *origin) change(t *rapid.T) {
	key := drawKey(t)
	var refs []record.Ref
	for range rapid.IntRange(0, 3).Draw(t, "refs") {
		if r, known := o.now[drawKey(t)]; known && r.Kind != record.Count && r.Key != key {
			refs = append(refs, record.Ref{Origin: 3, Key: r.Key, Version: r.Version})
		}
	}
	if key.Kind == record.Count && rapid.Bool().Draw(t, "foreign") {
		refs = append(refs, record.Ref{Origin: 4, Key: key, Version: 1 << 40})
	}
	r := record.Record{Key: key, Gone: rapid.IntRange(0, 3).Draw(t, "gone") == 0}
	var err error
	if r.Gone {
		ok := false
		if r.Version, ok = o.table.Delete(key, refs...); ok != (o.now[key].Version != 0 && !o.now[key].Gone) {
			t.Fatalf("delete of %v is %v", o.now[key], ok)
		} else if !ok {
			return
		}
	} else {
		n := rapid.IntRange(0, key.Kind.Fields()).Draw(t, "fields")
		for i := range n {
			r.Fields[i] = rapid.Uint64Range(0, 3).Draw(t, "field")
		}
		if r.Version, err = o.table.Put(key, r.Fields[:n], refs...); err != nil {
			t.Fatal(err)
		}
	}
	if int(r.Version) != len(o.past) {
		t.Fatalf("version %d after %d changes", r.Version, len(o.past)-1)
	}
	o.refs[r.Version], o.of[r.Version], o.prior[r.Version] = refs, key, o.now[key].Version
	o.now[key] = r
	o.past = append(o.past, maps.Clone(o.now))
}

// live is what of a stream could be seen at a version.
func (o *origin) live(stream record.Stream, version uint64) map[record.Key]record.Record {
	all := maps.Clone(o.past[version])
	maps.DeleteFunc(all, func(k record.Key, r record.Record) bool { return r.Gone || k.Kind.Stream() != stream })
	return all
}

// seen is all that a table shows.
func seen(table *Table, streams ...record.Stream) map[record.Key]record.Record {
	all := map[record.Key]record.Record{}
	for _, stream := range streams {
		for _, kind := range stream.Kinds() {
			n := 0
			table.Each(kind, func(r *record.Record) bool {
				n++
				all[r.Key] = *r
				return true
			})
			if n != table.Len(kind) {
				panic("Len and Each differ")
			}
		}
	}
	return all
}

func digestOf(records map[record.Key]record.Record) (d Digest) {
	for k, r := range records {
		d.add(mix(k.Kind, k.ID, r.Version, r.Fields[:k.Kind.Fields()]))
	}
	return d
}

func check(t *rapid.T, table *Table, stream record.Stream, want map[record.Key]record.Record) {
	t.Helper()
	if table.Early() == 0 {
		if got := seen(table, stream); !maps.Equal(got, want) {
			t.Fatalf("%v at %d: got %v, want %v", stream, table.Head(stream), got, want)
		}
	}
	if table.Digest(stream) != digestOf(want) {
		t.Fatalf("%v at %d: digest", stream, table.Head(stream))
	}
	buckets := map[record.Key]record.Record{}
	for i := range Buckets {
		one := map[record.Key]record.Record{}
		table.EachInBucket(stream, i, func(r *record.Record) bool {
			one[r.Key], buckets[r.Key] = *r, *r
			return BucketOf(r.Key) == i
		})
		if table.Bucket(stream, i) != digestOf(one) {
			t.Fatalf("%v: digest of bucket %d", stream, i)
		}
	}
	if !maps.Equal(buckets, want) {
		t.Fatalf("%v at %d: in buckets %v, want %v", stream, table.Head(stream), buckets, want)
	}
}

// A follower has a replica, and a mirror that is made of what changed alone.
type follower struct {
	table  *Table
	mirror map[record.Key]record.Record
	held   [record.NumStreams]*Staging
	units  [record.NumStreams]*transfer // on their way
}

type transfer struct {
	cut *Cut
	s   *Staging
}

func (f *follower) changed(t *rapid.T) func(*record.Record) {
	return func(r *record.Record) {
		if r.Gone {
			if _, there := f.mirror[r.Key]; !there {
				t.Fatalf("%v went, and was not there", r.Key)
			}
			delete(f.mirror, r.Key)
			return
		}
		if f.mirror[r.Key] == *r {
			t.Fatalf("%v changed to what it was", r)
		}
		f.mirror[r.Key] = *r
	}
}

// step moves a unit of a stream a little: from is the origin's table, or that of another follower.
func (f *follower) step(t *rapid.T, stream record.Stream, from *Table) {
	u := f.units[stream]
	if u == nil {
		after := f.table.Head(stream)
		if f.held[stream] != nil {
			after = f.held[stream].To()
		}
		reset := after < from.Floor(stream)
		if reset {
			after = 0
		}
		cut := from.Cut(stream, after)
		u = &transfer{cut, f.table.Stage(stream, after, cut.To(), reset)}
		f.units[stream] = u
	}
	buf := make([]record.Record, rapid.IntRange(1, 5).Draw(t, "buffer"))
	n, done := u.cut.Next(buf)
	for i := range buf[:n] {
		if err := u.s.Add(&buf[i]); err != nil {
			t.Fatal(err)
		}
	}
	switch {
	case !done && rapid.IntRange(0, 19).Draw(t, "lost") == 0:
		u.cut.Close()
		u.s.Discard()
		f.units[stream] = nil
	case done && f.held[stream] != nil:
		if err := f.held[stream].Extend(u.s); err != nil {
			t.Fatal(err)
		}
		f.units[stream] = nil
	case done:
		f.held[stream], f.units[stream] = u.s, nil
	}
}

func (f *follower) commit(t *rapid.T, stream record.Stream, o *origin) {
	s := f.held[stream]
	if s == nil {
		return
	}
	head := max(s.To(), f.table.Head(stream))
	if err := s.Commit(f.changed(t)); err != nil {
		t.Fatal(err)
	}
	f.held[stream] = nil
	if f.table.Head(stream) != head {
		t.Fatalf("head is %d, want %d", f.table.Head(stream), head)
	}
	check(t, f.table, stream, o.live(stream, head))
}

// express sends a closure, and checks that it has all that it must.
func (f *follower) express(t *rapid.T, o *origin) {
	key := drawKey(t)
	head := f.table.Head(record.State)
	if key.Kind == record.Count || o.now[key].Version <= head {
		return
	}
	records, ok := o.table.Closure(key, head, 64)
	if !ok {
		return
	}
	if err := f.table.Express(records, f.changed(t)); err != nil {
		t.Fatal(err)
	}
}

// consistent checks that everything that can be seen has what it depends on.
func (f *follower) consistent(t *rapid.T, o *origin) {
	if got := seen(f.table, record.State, record.Counts); !maps.Equal(got, f.mirror) {
		t.Fatalf("changes lead to %v, there is %v", f.mirror, got)
	}
	for _, r := range f.mirror {
		for v := r.Version; v != 0 && r.Kind != record.Count; v = o.prior[v] {
			for _, ref := range o.refs[v] {
				if at := f.table.Version(ref.Key); at < ref.Version && f.table.Floor(record.State) < ref.Version {
					t.Fatalf("%v is there, and its %v is at %d only", r, ref, at)
				}
			}
		}
	}
}

func TestReplicasAreWhatTheOriginWasAndNeverInBetween(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := newOrigin()
		followers := make([]*follower, 3)
		for i := range followers {
			followers[i] = &follower{table: New(3, 1, Limits{}), mirror: map[record.Key]record.Record{}}
		}
		one := func(t *rapid.T) *follower { return followers[rapid.IntRange(0, len(followers)-1).Draw(t, "follower")] }
		stream := func(t *rapid.T) record.Stream {
			return record.Stream(rapid.IntRange(0, int(record.NumStreams)-1).Draw(t, "stream"))
		}
		t.Repeat(map[string]func(*rapid.T){
			"change": o.change,
			"origin": func(t *rapid.T) { one(t).step(t, stream(t), o.table) },
			"relay": func(t *rapid.T) {
				if f, r := one(t), one(t); f != r {
					f.step(t, stream(t), r.table)
				}
			},
			"commit":  func(t *rapid.T) { one(t).commit(t, stream(t), o) },
			"express": func(t *rapid.T) { one(t).express(t, o) },
			"collect": func(t *rapid.T) {
				table := o.table
				if rapid.Bool().Draw(t, "at a follower") {
					table = one(t).table
				}
				s := stream(t)
				var upTo [record.NumStreams]uint64
				upTo[s] = uint64(rapid.IntRange(0, len(o.past)).Draw(t, "up to"))
				before := table.Tombstones()
				if n := table.Collect(upTo); table.Tombstones() != before-n || n > 0 && table.Floor(s) > upTo[s] {
					t.Fatalf("collected %d of %d up to %d: %d are left, floor %d", n, before, upTo[s], table.Tombstones(), table.Floor(s))
				}
			},
			"": func(t *rapid.T) {
				for s := range record.NumStreams {
					check(t, o.table, s, o.live(s, uint64(len(o.past)-1)))
				}
				for _, f := range followers {
					f.consistent(t, o)
				}
			},
		})
		for _, f := range followers {
			for s := range record.NumStreams {
				for f.table.Head(s) < o.table.Head(s) {
					f.step(t, s, o.table)
					if f.units[s] == nil {
						f.commit(t, s, o)
					}
				}
				check(t, f.table, s, o.live(s, uint64(len(o.past)-1)))
			}
			if f.table.Early() != 0 {
				t.Fatalf("%d records are early at the end", f.table.Early())
			}
		}
	})
}
