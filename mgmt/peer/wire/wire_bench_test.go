package wire

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"fcredirect/mgmt/peer/record"
)

// chooser says whose turn it is among the flows.
func chooser(kind string, flows int) func() int {
	r := rand.New(rand.NewPCG(3, 4))
	turn := 0
	zipf := rand.NewZipf(r, 1.2, 8, uint64(flows-1))
	switch kind {
	case "turns":
		return func() int { turn++; return turn % flows }
	case "few":
		return func() int { return int(zipf.Uint64()) }
	default:
		return func() int { return r.IntN(flows) }
	}
}

// Counters at 50,000 updates a second: B/update is all of the frames, divided by all updates, also those that were merged.
func BenchmarkCounts(b *testing.B) {
	for _, flows := range []int{1000, 12000, 100000} {
		for _, kind := range []string{"random", "turns", "few"} {
			for _, zstd := range []bool{false, true} {
				b.Run(fmt.Sprintf("flows=%d/%s/zstd=%v", flows, kind, zstd), func(b *testing.B) { benchCounts(b, flows, kind, zstd) })
			}
		}
	}
}

func benchCounts(b *testing.B, flows int, kind string, zstd bool) {
	const updates, windows = 2500, 40
	t, next := newTrace(flows), chooser(kind, flows)
	o := Options{DefaultDictionary, zstd}
	e, d := NewEncoder(o), NewDecoder(o)
	for range max(2, flows/updates*3) {
		carry(b, e, d, t.window(nil, updates, 50e6, next), false)
	}
	var units []Unit
	for range windows {
		from := t.version
		units = append(units, Unit{Stream: record.Counts, From: from, To: from + updates, First: true, Last: true,
			Records: t.window(nil, updates, 50e6, next)})
	}
	var frame []byte
	var got Unit
	var bytes, records, all int
	b.ResetTimer()
	for i := range b.N {
		u := &units[i%windows]
		frame, _ = e.Append(Begin(frame[:0], TypeUnit), u)
		frame, _ = End(frame, 0, uint64(i))
		f, err := Parse(frame)
		if err == nil {
			err = d.Unit(f.Payload, &got)
		}
		if err != nil {
			b.Fatal(err)
		}
		if i < windows {
			bytes += len(frame)
			all += updates
		}
		records += len(u.Records)
	}
	b.ReportMetric(float64(bytes)/float64(all), "B/update")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(records), "ns/record")
}

// What a newcomer gets, and a storm of logins: nothing is known of any key.
func BenchmarkNew(b *testing.B) {
	t := newTrace(100000)
	t.window(nil, 200000, 50e6, chooser("random", 100000))
	for _, c := range []struct {
		name    string
		records []record.Record
		bulk    bool
	}{
		{"flows, bulk", t.flows(0, 100000), true},
		{"counts, bulk", t.window(nil, 200000, 50e6, chooser("turns", 100000)), true},
		{"flows, live", t.flows(0, 12000), false},
		{"logins, live", t.logins(12000), false},
	} {
		for _, zstd := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/zstd=%v", c.name, zstd), func(b *testing.B) { benchNew(b, c.records, c.bulk, zstd) })
		}
	}
}

// A newcomer's first hour: a million flows and their counts. ns/flow is of both, written and read.
func BenchmarkMillion(b *testing.B) {
	const flows = 1_000_000
	o := Options{DefaultDictionary, true}
	var bytes int
	for range b.N {
		e, d, t := NewEncoder(o), NewDecoder(o), newTrace(MaxUnitRecords)
		bytes = 0
		for at := 0; at < flows; at += MaxUnitRecords {
			b.StopTimer()
			state := t.flows(at, min(flows, at+MaxUnitRecords))
			counts := t.window(nil, len(state), 50e6, chooser("turns", len(state)))
			b.StartTimer()
			bytes += carry(b, e, d, state, true) + carry(b, e, d, counts, true)
		}
	}
	b.ReportMetric(float64(bytes)/flows, "B/flow")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/flows, "ns/flow")
}

func benchNew(b *testing.B, records []record.Record, bulk, zstd bool) {
	o := Options{DefaultDictionary, zstd}
	var bytes int
	var frame []byte
	var got Unit
	for range b.N {
		e, d := NewEncoder(o), NewDecoder(o)
		bytes = 0
		for part := range slices.Chunk(records, MaxUnitRecords) {
			u := Unit{Stream: part[0].Kind.Stream(), From: part[0].Version - 1, To: part[len(part)-1].Version, Bulk: bulk, Records: part}
			frame, _ = e.Append(Begin(frame[:0], TypeUnit), &u)
			frame, _ = End(frame, 0, 1)
			bytes += len(frame)
			f, err := Parse(frame)
			if err == nil {
				err = d.Unit(f.Payload, &got)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(bytes)/float64(len(records)), "B/record")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(records)), "ns/record")
}
