package replica

import (
	"slices"
	"testing"

	"fcredirect/mgmt/peer/record"
	"pgregory.net/rapid"
)

// must is what has to go along with key for a peer at a version, by all changes that there ever were.
func (o *origin) must(key record.Key, after uint64, all map[record.Key]bool) {
	if all[key] {
		return
	}
	all[key] = true
	for v := o.now[key].Version; v > after; v = o.prior[v] {
		for _, r := range o.refs[v] {
			if r.Origin == 3 && r.Version > after {
				o.must(r.Key, after, all)
			}
		}
	}
}

func TestAClosureIsAllThatAPeerMustHaveAndNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := newOrigin()
		t.Repeat(map[string]func(*rapid.T){
			"change": o.change,
			"again":  o.change,
			"": func(t *rapid.T) {
				key := drawKey(t)
				after := rapid.Uint64Range(0, uint64(len(o.past))).Draw(t, "after")
				most := rapid.IntRange(1, 20).Draw(t, "max")
				if key.Kind == record.Count || o.now[key].Version <= after {
					return
				}
				want := map[record.Key]bool{}
				o.must(key, after, want)
				got, ok := o.table.Closure(key, after, most)
				if !ok {
					many := false
					for k := range want {
						others := map[record.Key]bool{}
						for v := o.now[k].Version; v != 0; v = o.prior[v] {
							for _, r := range o.refs[v] {
								others[r.Key] = true
							}
						}
						many = many || len(others) > RefsMax
					}
					if len(want) <= most && !many {
						t.Fatalf("no closure of %v after %d, though it has only %v", key, after, want)
					}
					return
				}
				if len(got) != len(want) || len(got) > most {
					t.Fatalf("closure of %v after %d: %v, want %v", key, after, got, want)
				}
				for i, r := range got {
					if !want[r.Key] || r != o.now[r.Key] || i > 0 && got[i-1].Version >= r.Version {
						t.Fatalf("closure of %v after %d: %v, want %v", key, after, got, want)
					}
				}
			},
		})
	})
}

func TestAClosureIsRefusedWhenItIsNotKnown(t *testing.T) {
	login, flow := record.Key{Kind: record.Login, ID: 1}, record.Key{Kind: record.Flow, ID: 1}
	put := func(t *testing.T, table *Table, key record.Key, refs ...record.Ref) uint64 {
		v, err := table.Put(key, []uint64{1}, refs...)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct {
		name  string
		make  func(t *testing.T, table *Table)
		key   record.Key
		after uint64
		want  int // records; -1: refused
	}{
		{"one record without refs", func(t *testing.T, table *Table) { put(t, table, login) }, login, 0, 1},
		{"one that the peer has", func(t *testing.T, table *Table) { put(t, table, login) }, login, 1, 0},
		{"one that there is not", func(t *testing.T, table *Table) { put(t, table, login) }, flow, 0, -1},
		{"totals", func(t *testing.T, table *Table) { put(t, table, record.Key{Kind: record.Count, ID: 1}) }, record.Key{Kind: record.Count, ID: 1}, 0, -1},
		{"a kind that is not known", func(t *testing.T, table *Table) { put(t, table, login) }, record.Key{Kind: 99}, 0, -1},
		{"a tombstone goes along", func(t *testing.T, table *Table) {
			put(t, table, login)
			v, _ := table.Delete(login)
			put(t, table, flow, record.Ref{Key: login, Version: v})
		}, flow, 1, 2},
		{"a tombstone that was collected, for a peer that has not seen it", func(t *testing.T, table *Table) {
			put(t, table, login)
			v, _ := table.Delete(login)
			put(t, table, flow, record.Ref{Key: login, Version: v})
			table.Collect([record.NumStreams]uint64{v, 0})
		}, flow, 1, -1},
		{"a tombstone that was collected, for a peer that has seen it", func(t *testing.T, table *Table) {
			put(t, table, login)
			v, _ := table.Delete(login)
			put(t, table, flow, record.Ref{Key: login, Version: v})
			table.Collect([record.NumStreams]uint64{v, 0})
		}, flow, 2, 1},
		{"one that came back after its tombstone was collected, with what that depended on", func(t *testing.T, table *Table) {
			put(t, table, login)
			table.Delete(login, record.Ref{Key: flow, Version: put(t, table, flow)})
			table.Collect([record.NumStreams]uint64{3, 0})
			put(t, table, login)
		}, login, 1, -1},
		{"what it depends on in other tables does not matter", func(t *testing.T, table *Table) {
			put(t, table, flow, record.Ref{Origin: 4, Key: login, Version: 1000})
		}, flow, 0, 1},
		{"more refs than are kept", func(t *testing.T, table *Table) {
			var refs []record.Ref
			for id := range uint64(RefsMax + 1) {
				k := record.Key{Kind: record.Node, ID: id}
				refs = append(refs, record.Ref{Key: k, Version: put(t, table, k)})
			}
			put(t, table, flow, refs...)
		}, flow, 0, -1},
		{"more refs than are kept over several changes, for a peer that has none of them", func(t *testing.T, table *Table) {
			for id := range uint64(RefsMax + 1) {
				k := record.Key{Kind: record.Node, ID: id}
				put(t, table, flow, record.Ref{Key: k, Version: put(t, table, k)})
			}
		}, flow, 0, -1},
		{"the same, for a peer that has all but the last", func(t *testing.T, table *Table) {
			for id := range uint64(RefsMax + 1) {
				k := record.Key{Kind: record.Node, ID: id}
				put(t, table, flow, record.Ref{Key: k, Version: put(t, table, k)})
			}
		}, flow, 2 * RefsMax, 2},
		{"a change before too many others", func(t *testing.T, table *Table) {
			put(t, table, login)
			for range changesMax {
				put(t, table, flow)
			}
		}, login, 0, -1},
		{"the last change that is remembered", func(t *testing.T, table *Table) {
			put(t, table, login)
			for range changesMax - 1 {
				put(t, table, flow)
			}
		}, login, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			table := New(0, 1, Limits{})
			c.make(t, table)
			got, ok := table.Closure(c.key, c.after, 64)
			if ok != (c.want >= 0) || ok && len(got) != c.want {
				t.Errorf("got %v %v, want %d records", got, ok, c.want)
			}
		})
	}
}

func TestRefsAreRememberedInBoundedMemory(t *testing.T) {
	table := New(0, 1, Limits{})
	refs := make([]record.Ref, RefsMax)
	for i := range refs {
		refs[i] = record.Ref{Origin: 1, Key: record.Key{Kind: record.Login, ID: uint64(i)}, Version: 1}
	}
	for id := range uint64(3 * changesMax) {
		refs[0].Version = id
		if _, err := table.Put(record.Key{Kind: record.Flow, ID: id % 5000}, nil, refs[:id%(RefsMax+1)]...); err != nil {
			t.Fatal(err)
		}
		if id%7 == 0 {
			if got, ok := table.Refs(record.Key{Kind: record.Flow, ID: id % 5000}); !ok || !slices.Equal(got, refs[:id%(RefsMax+1)]) && id < 5000 {
				t.Fatalf("refs of %d: %v %v", id, got, ok)
			}
		}
	}
	if most := 32 * (changesMax + refsKept); table.refs.memory() > most {
		t.Errorf("refs take %d bytes, want at most %d", table.refs.memory(), most)
	}
	if _, ok := table.Refs(record.Key{Kind: record.Count, ID: 1}); ok {
		t.Error("refs of totals are said to be remembered")
	}
}
