package replica

import (
	"math/rand/v2"
	"testing"

	"fcredirect/mgmt/peer/record"
)

// flows fills a table with flows and their totals.
func flows(tb testing.TB, t *Table, n int) {
	tb.Helper()
	for id := range uint64(n) {
		flow := record.Key{Kind: record.Flow, ID: id * 0x10001}
		v, err := t.Put(flow, []uint64{id, 1, 2, 3, 4, 5}, record.Ref{Origin: t.Origin(), Key: record.Key{Kind: record.Login, ID: id % 64}, Version: 1})
		if err != nil {
			tb.Fatal(err)
		}
		if _, err = t.Put(record.Key{Kind: record.Count, ID: flow.ID}, []uint64{id, 1, 2, 3, 4}, record.Ref{Origin: t.Origin(), Key: flow, Version: v}); err != nil {
			tb.Fatal(err)
		}
	}
}

var sizes = []struct {
	name string
	n    int
}{{"12k", 12_000}, {"1M", 1_000_000}}

func BenchmarkPut(b *testing.B) {
	for _, size := range sizes {
		for _, kind := range []record.Kind{record.Flow, record.Count} {
			b.Run(kind.String()+"/"+size.name, func(b *testing.B) {
				t := New(0, 1, Limits{})
				flows(b, t, size.n)
				fields := []uint64{1, 2, 3, 4, 5}
				ref := record.Ref{Key: record.Key{Kind: record.Flow, ID: 1}, Version: 1}
				b.ReportAllocs()
				for b.Loop() {
					fields[1]++
					if _, err := t.Put(record.Key{Kind: kind, ID: rand.Uint64N(uint64(size.n)) * 0x10001}, fields, ref); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkApply is one unit of 2,500 totals: Add of each, and Commit.
func BenchmarkApply(b *testing.B) {
	const unit = 2500
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			t := New(0, 1, Limits{})
			var head uint64
			apply := func(n int, id func(i int) uint64) {
				s := t.Stage(record.Counts, head, head+uint64(n), false)
				for i := range n {
					head++
					r := record.Record{Key: record.Key{Kind: record.Count, ID: id(i)}, Version: head, Fields: [record.MaxFields]uint64{1, head}}
					if err := s.Add(&r); err != nil {
						b.Fatal(err)
					}
				}
				if err := s.Commit(func(*record.Record) {}); err != nil {
					b.Fatal(err)
				}
			}
			apply(size.n, func(i int) uint64 { return uint64(i) * 0x10001 })
			b.ReportAllocs()
			for b.Loop() {
				apply(unit, func(int) uint64 { return rand.Uint64N(uint64(size.n)) * 0x10001 })
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*unit), "ns/record")
		})
	}
}

func BenchmarkNext(b *testing.B) {
	for _, size := range sizes {
		for _, order := range []string{"made", "random"} {
			b.Run(size.name+"/"+order, func(b *testing.B) {
				t := New(0, 1, Limits{})
				flows(b, t, size.n)
				if order == "random" {
					for range 2 * size.n {
						t.Put(record.Key{Kind: record.Count, ID: rand.Uint64N(uint64(size.n)) * 0x10001}, []uint64{1})
					}
				}
				buf := make([]record.Record, 1024)
				records := 0
				b.ReportAllocs()
				for b.Loop() {
					c := t.Cursor(record.Counts, 0)
					for done := false; !done; {
						var n int
						n, _, done = c.Next(buf)
						records += n
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(records), "ns/record")
			})
		}
	}
}

// BenchmarkNewcomer is a million flows, staged and applied to an empty table.
func BenchmarkNewcomer(b *testing.B) {
	from := New(0, 1, Limits{})
	flows(b, from, 1_000_000)
	buf := make([]record.Record, 1024)
	b.ReportAllocs()
	for b.Loop() {
		to := New(0, 1, Limits{})
		for stream := range record.NumStreams {
			cut := from.Cut(stream, 0)
			s := to.Stage(stream, cut.From(), cut.To(), true)
			for done := false; !done; {
				var n int
				n, done = cut.Next(buf)
				for i := range buf[:n] {
					if err := s.Add(&buf[i]); err != nil {
						b.Fatal(err)
					}
				}
			}
			if err := s.Commit(nil); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(to.Memory())/(1<<20), "MiB")
	}
}

func BenchmarkEachInBucket(b *testing.B) {
	t := New(0, 1, Limits{})
	flows(b, t, 1_000_000)
	for b.Loop() {
		t.EachInBucket(record.State, 7, func(*record.Record) bool { return true })
	}
}
