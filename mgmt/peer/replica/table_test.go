package replica

import (
	"errors"
	"testing"

	"fcredirect/mgmt/peer/record"
)

func put(tb testing.TB, t *Table, kind record.Kind, id uint64, fields ...uint64) uint64 {
	tb.Helper()
	v, err := t.Put(record.Key{Kind: kind, ID: id}, fields)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func TestATableTakesNoMoreThanItMay(t *testing.T) {
	table := New(1, 7, Limits{Records: 2, Tombstones: 2})
	put(t, table, record.Flow, 1)
	put(t, table, record.Count, 1)
	for _, c := range []struct {
		name   string
		key    record.Key
		fields []uint64
		want   error
	}{
		{"a third", record.Key{Kind: record.Flow, ID: 2}, nil, ErrFull},
		{"a change of one that it has", record.Key{Kind: record.Flow, ID: 1}, []uint64{1}, nil},
		{"no kind", record.Key{}, nil, ErrUnknown},
		{"a kind that is not known", record.Key{Kind: 250}, nil, ErrUnknown},
		{"too many fields", record.Key{Kind: record.Flow, ID: 1}, make([]uint64, record.MaxFields), ErrFields},
	} {
		head := table.Head(record.State)
		if v, err := table.Put(c.key, c.fields); !errors.Is(err, c.want) || (err != nil) != (v == 0) || err != nil && table.Head(record.State) != head {
			t.Errorf("%s: version %d, %v, want %v", c.name, v, err, c.want)
		}
	}
	if v, ok := table.Delete(record.Key{Kind: record.Flow, ID: 9}); ok || v != 0 {
		t.Errorf("what is not there was deleted: %d", v)
	}
	if _, ok := table.Delete(record.Key{Kind: 77}); ok {
		t.Error("a kind that is not known was deleted")
	}
	if _, ok := table.Delete(record.Key{Kind: record.Flow, ID: 1}); !ok {
		t.Error("nothing was deleted")
	}
	put(t, table, record.Flow, 2)
	if _, err := table.Put(record.Key{Kind: record.Flow, ID: 1}, nil); !errors.Is(err, ErrFull) {
		t.Errorf("a deleted one that comes back counts: %v", err)
	}
	if table.Origin() != 1 || table.Incarnation() != 7 {
		t.Errorf("origin %d, incarnation %d", table.Origin(), table.Incarnation())
	}
}

func TestTheOldestTombstonesGoFirst(t *testing.T) {
	const most = 100
	table := New(0, 1, Limits{Tombstones: most})
	kinds := []record.Kind{record.Flow, record.Count}
	for id := range uint64(5 * most) {
		for _, kind := range kinds {
			put(t, table, kind, id)
		}
	}
	for id := range uint64(5 * most) {
		for _, kind := range kinds {
			before := table.Floor(kind.Stream())
			v, ok := table.Delete(record.Key{Kind: kind, ID: id})
			if !ok || table.Tombstones() > most || table.Floor(kind.Stream()) < before || table.Version(record.Key{Kind: kind, ID: id}) != v {
				t.Fatalf("%v %d: %d tombstones, floor %d", kind, id, table.Tombstones(), table.Floor(kind.Stream()))
			}
			for _, s := range []record.Stream{record.State, record.Counts} { // nothing older is left in either stream
				c := table.Cursor(s, 0)
				var r [1]record.Record
				for n, _, done := c.Next(r[:]); !done; n, _, done = c.Next(r[:]) {
					if n == 1 && r[0].Gone && (r[0].Version <= table.Floor(s) || r[0].Version < max(table.Floor(record.State), table.Floor(record.Counts))) {
						t.Fatalf("%v is left below the floors %d and %d", r[0].Key, table.Floor(record.State), table.Floor(record.Counts))
					}
				}
			}
		}
	}
	if table.Tombstones() < most*3/4 {
		t.Errorf("only %d tombstones are left", table.Tombstones())
	}
}

func TestAFlowTakesAtMostTwoHundredBytes(t *testing.T) {
	const n = 98_000 // its index is as full as it becomes
	table := New(0, 1, Limits{})
	flows(t, table, n)
	if each := table.Memory() / n; each > 200 {
		t.Errorf("%d bytes for a flow and its totals", each)
	}
	for range 3 { // the history is swept as it grows
		for id := range uint64(n) {
			put(t, table, record.Count, id*0x10001, id)
		}
	}
	if each := table.Memory() / n; each > 220 {
		t.Errorf("%d bytes after changes", each)
	}
}

func TestChangesAndReadingAllocateNothing(t *testing.T) {
	table := New(0, 1, Limits{})
	flows(t, table, 1000)
	replica := New(0, 1, Limits{})
	buf := make([]record.Record, 256)
	ref := record.Ref{Key: record.Key{Kind: record.Flow}, Version: 1}
	fields := []uint64{1, 2, 3}
	id := uint64(0)
	for _, c := range []struct {
		name string
		most float64
		run  func()
	}{
		{"put", 0.5, func() { // a chunk of the history now and then
			id++
			put(t, table, record.Count, id%1000*0x10001, fields...)
			if _, err := table.Put(record.Key{Kind: record.Flow, ID: id % 1000 * 0x10001}, fields, ref); err != nil {
				t.Fatal(err)
			}
		}},
		{"read", 0, func() {
			c := table.Cursor(record.Counts, 0)
			for done := false; !done; {
				_, _, done = c.Next(buf)
			}
		}},
		{"apply", 3, func() { // the staging itself, and chunks
			put(t, table, record.Flow, 1)
			cut := table.Cut(record.State, replica.Head(record.State))
			s := replica.Stage(record.State, cut.From(), cut.To(), false)
			for done := false; !done; {
				var n int
				n, done = cut.Next(buf)
				for i := range buf[:n] {
					if err := s.Add(&buf[i]); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := s.Commit(nil); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		for range 2000 {
			c.run()
		}
		if got := testing.AllocsPerRun(1000, c.run); got > c.most {
			t.Errorf("%s: %v allocations, want %v", c.name, got, c.most)
		}
	}
}
