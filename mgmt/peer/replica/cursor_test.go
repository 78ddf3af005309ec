package replica

import (
	"testing"

	"fcredirect/mgmt/peer/record"
	"pgregory.net/rapid"
)

// A cursor that changes are made under meets the latest of each record at least once, and none that is not the latest.
func TestACursorMeetsTheLatestOfEveryRecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := newOrigin()
		got := map[record.Key]uint64{}
		c := o.table.Cursor(record.Counts, 0)
		var needs uint64
		read := func(t *rapid.T, size int) (done bool) {
			buf := make([]record.Record, size)
			n, to, done := c.Next(buf)
			for i, r := range buf[:n] {
				if r != o.now[r.Key] || r.Version > to || i > 0 && buf[i-1].Version >= r.Version {
					t.Fatalf("met %v, the latest is %v, up to %d", r, o.now[r.Key], to)
				}
				got[r.Key] = r.Version
				for v := r.Version; v != 0; v = o.prior[v] {
					for _, ref := range o.refs[v] {
						if ref.Origin == 3 {
							needs = max(needs, ref.Version)
						}
					}
				}
			}
			for k, r := range o.now {
				if k.Kind == record.Count && r.Version <= to && got[k] != r.Version {
					t.Fatalf("missed %v, which is not after %d", r, to)
				}
			}
			if done && to != max(o.table.Head(record.Counts), 0) {
				t.Fatalf("done at %d of %d", to, o.table.Head(record.Counts))
			}
			if c.Needs() != needs {
				t.Fatalf("needs %d, want %d", c.Needs(), needs)
			}
			return done
		}
		t.Repeat(map[string]func(*rapid.T){
			"change": o.change,
			"read":   func(t *rapid.T) { read(t, rapid.IntRange(1, 5).Draw(t, "buffer")) },
			"": func(t *rapid.T) {
				after := rapid.Uint64Range(0, uint64(len(o.past))).Draw(t, "after")
				n := 0
				for k, r := range o.now {
					if k.Kind == record.Count && r.Version > after {
						n++
					}
				}
				if p := o.table.Pending(record.Counts, after); p < n || p > max(n, 12) {
					t.Fatalf("%d pending after %d, want %d", p, after, n)
				}
			},
		})
		for !read(t, 5) {
		}
	})
}

// What a cut gives does not depend on what happens meanwhile, and it ends though more is written than read.
func TestACutIsWhatWasHoweverFastChangesCome(t *testing.T) {
	const n = 5000
	table := New(0, 1, Limits{})
	flows(t, table, n)
	want := seen(table, record.Counts)
	cut := table.Cut(record.Counts, 0)
	if cut.Needs() != table.Head(record.State) {
		t.Errorf("needs %d of %d", cut.Needs(), table.Head(record.State))
	}
	head := table.Head(record.Counts)
	var buf [50]record.Record
	for id, done := uint64(0), false; !done; {
		var m int
		m, done = cut.Next(buf[:])
		for _, r := range buf[:m] {
			if r != want[r.Key] {
				t.Fatalf("got %v, want %v", r, want[r.Key])
			}
			delete(want, r.Key)
		}
		for range 100 {
			id++
			key := record.Key{Kind: record.Count, ID: (n - id*13%n) % n * 0x10001}
			if id%9 == 0 {
				table.Delete(key)
			} else {
				put(t, table, record.Count, key.ID, id)
			}
		}
		table.Collect([record.NumStreams]uint64{0, table.Head(record.Counts)})
		if id > 10*n {
			t.Fatal("it does not end")
		}
	}
	if len(want) != 0 || cut.To() != head || len(table.sets[record.Counts].cuts) != 0 {
		t.Errorf("%d are missing, to %d of %d, %d cuts are open", len(want), cut.To(), head, len(table.sets[record.Counts].cuts))
	}
	if m, done := cut.Next(buf[:]); m != 0 || !done {
		t.Error("a cut goes on after its end")
	}
}

func TestAClosedCutHoldsNothing(t *testing.T) {
	table := New(0, 1, Limits{})
	flows(t, table, 1000)
	for id := range uint64(2000) { // rings and histories are as large as they become
		put(t, table, record.Flow, id%1000*0x10001, 1)
	}
	before := table.Memory()
	cut := table.Cut(record.State, 0)
	for id := range uint64(1000) {
		put(t, table, record.Flow, id*0x10001, 1)
	}
	if held := table.Memory() - before; held < 1000*8*8 || held > 1000*8*8*4 {
		t.Errorf("an open cut holds %d bytes", held)
	}
	cut.Close()
	cut.Close()
	if held := table.Memory() - before; held > 20_000 { // some chunks of the history
		t.Errorf("a closed cut holds %d bytes", held)
	}
}

func TestOneCallReadsBoundedlyMany(t *testing.T) {
	table := New(0, 1, Limits{})
	flows(t, table, 4*scanMax)
	for id := range uint64(4*scanMax - 1) {
		put(t, table, record.Count, id*0x10001)
	}
	c := table.Cursor(record.Counts, 0)
	var buf [1]record.Record
	for calls := 1; ; calls++ {
		if n, _, done := c.Next(buf[:]); n == 1 || done {
			if calls < 2 || calls > 20 {
				t.Errorf("the first record came with call %d", calls)
			}
			return
		}
	}
}
