package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"fcredirect/mgmt/peer/record"
)

// numbers are columns of many characters.
func numbers() *rapid.Generator[[]uint64] {
	one := rapid.OneOf(rapid.Uint64(), rapid.Uint64Range(0, 3), rapid.Just(uint64(0)), rapid.Just(^uint64(0)))
	return rapid.Custom(func(t *rapid.T) []uint64 {
		all := rapid.SliceOfN(one, 0, 60).Draw(t, "values")
		width := rapid.IntRange(0, 64).Draw(t, "width")
		for i := range all {
			if width < 64 && i%rapid.IntRange(1, 40).Draw(t, "odd") > 0 {
				all[i] &= 1<<uint(width) - 1
			}
		}
		if n := rapid.IntRange(0, 40).Draw(t, "run"); n > 0 && len(all) > 0 {
			all = slices.Insert(all, len(all)/2, slices.Repeat(all[:1], n)...)
		}
		return all
	})
}

func TestColumnsComeOutAsTheyWentIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := numbers().Draw(t, "column")
		behind := rapid.SliceOfN(rapid.Byte(), 0, 10).Draw(t, "behind")
		written := appendColumn(nil, values)
		if most := 10*fewNumbers + 3 + 8*len(values); len(written) > most {
			t.Fatalf("%d values take %d bytes", len(values), len(written))
		}
		r, got := reader{rest: append(written, behind...)}, make([]uint64, len(values))
		r.column(got)
		if r.bad || !slices.Equal(got, values) || !bytes.Equal(r.rest, behind) {
			t.Fatalf("%v came out of %x as %v, bad %v, left %x", values, written, got, r.bad, r.rest)
		}
	})
}

func TestEveryWidthIsPackedAndUnpacked(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for width := range maxPacked + 1 {
		for n := range 40 {
			values := make([]uint64, n)
			for i := range values {
				values[i] = r.Uint64() >> 8 >> (maxPacked - width)
			}
			packed, got := appendPacked([]byte{1}, values, width)[1:], make([]uint64, n)
			unpack(got, packed, width)
			if len(packed) != packedBytes(n, width) || !slices.Equal(got, values) {
				t.Fatalf("%d values of %d bits in %d bytes: %x, want %x", n, width, len(packed), got, values)
			}
		}
	}
}

func TestColumnsAreWrittenTheShortestWay(t *testing.T) {
	ramp := make([]uint64, 1000)
	for i := range ramp {
		ramp[i] = uint64(i) & 127
	}
	odd := slices.Clone(ramp)
	odd[500] = 1 << 60
	rare := make([]uint64, 1000)
	rare[3], rare[900] = 5, 1<<40
	for name, c := range map[string]struct {
		values []uint64
		most   int
	}{
		"zeros":               {make([]uint64, 1000), 1},
		"a number":            {slices.Repeat([]uint64{300}, 1000), 3},
		"two runs":            {append(slices.Repeat([]uint64{1}, 500), slices.Repeat([]uint64{2}, 500)...), 8},
		"seven bits":          {ramp, 875 + 2},
		"seven bits, one odd": {odd, 875 + 2 + 2 + 8},
		"zeros but two":       {rare, 2 + 2 + 8},
	} {
		if got := len(appendColumn(nil, c.values)); got > c.most {
			t.Errorf("%s: %d bytes, at most %d", name, got, c.most)
		}
	}
}

// units are the frames of a connection, of keys that come, change and go.
func drawUnit(t *rapid.T, version *uint64, stream record.Stream) Unit {
	u := Unit{Origin: 2, Stream: stream, Incarnation: 5, From: *version, First: rapid.Bool().Draw(t, "first"), Last: rapid.Bool().Draw(t, "last"),
		Bulk: rapid.IntRange(0, 3).Draw(t, "bulk") == 0, Express: rapid.IntRange(0, 4).Draw(t, "express") == 0}
	field := rapid.OneOf(rapid.Uint64(), rapid.Uint64Range(0, 2), rapid.Uint64Range(1<<40, 1<<40+1000))
	for range rapid.IntRange(0, 30).Draw(t, "records") {
		*version += rapid.Uint64Range(1, 4).Draw(t, "step")
		x := record.Record{Version: *version, Gone: rapid.IntRange(0, 5).Draw(t, "gone") == 0}
		x.Kind = rapid.SampledFrom(stream.Kinds()).Draw(t, "kind")
		x.ID = rapid.OneOf(rapid.Uint64Range(0, 12), rapid.Uint64()).Draw(t, "id")
		for f := range x.Kind.Fields() {
			if !x.Gone {
				x.Fields[f] = field.Draw(t, "field")
			}
		}
		u.Records = append(u.Records, x)
	}
	u.To = *version + rapid.Uint64Range(0, 3).Draw(t, "beyond")
	for i := range rapid.IntRange(0, 3).Draw(t, "dependencies") {
		u.Deps = append(u.Deps, At{Slot: uint8(i), Version: rapid.Uint64().Draw(t, "dependency")})
	}
	return u
}

func TestUnitsComeOutAsTheyWentInAndBothEndsRememberTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := Options{Dictionary: rapid.IntRange(0, 10).Draw(t, "dictionary"), Zstd: rapid.Bool().Draw(t, "zstd")}
		e, d := NewEncoder(o), NewDecoder(o)
		var got Unit
		var versions [record.NumStreams]uint64
		for range rapid.IntRange(1, 12).Draw(t, "units") {
			stream := rapid.SampledFrom([]record.Stream{record.State, record.Counts}).Draw(t, "stream")
			u := drawUnit(t, &versions[stream], stream)
			payload, err := e.Append(nil, &u)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Unit(payload, &got); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.Records, u.Records) || !slices.Equal(got.Deps, u.Deps) {
				t.Fatalf("got %+v, want %+v", got, u)
			}
			head, want := got, u
			head.Records, want.Records, head.Deps, want.Deps = nil, nil, nil, nil
			if !reflect.DeepEqual(head, want) {
				t.Fatalf("got %+v, want %+v", head, want)
			}
		}
		for k := record.None + 1; k.Known(); k++ {
			if !reflect.DeepEqual(&e.memories[k].dictionary, d.dictionaries[k]) || len(d.dictionaries[k].ids) > o.Dictionary {
				t.Fatalf("%s: the ends remember %+v and %+v", k, e.memories[k].dictionary, d.dictionaries[k])
			}
			for id, place := range e.memories[k].places {
				if !d.dictionaries[k].live[place] || d.dictionaries[k].ids[place] != id {
					t.Fatalf("%s %#x is thought to be at place %d", k, id, place)
				}
			}
		}
	})
}

func TestARepairComesOutAsItWentIn(t *testing.T) {
	e, d := NewEncoder(Options{100, true}), NewDecoder(Options{100, true})
	records := newTrace(100).flows(0, 100)
	want := Repair{At: At{Slot: 1, Stream: record.State, Incarnation: 2, Version: 1000}, Bucket: 77, Last: true, Records: slices.Clone(records)}
	slices.Reverse(records)
	sent := want
	sent.Records = records
	payload, err := e.AppendRepair(nil, &sent)
	var got Repair
	if err == nil {
		err = d.Repair(payload, &got)
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, error %v", got, err)
	}
	if len(d.dictionaries[record.Flow].ids) > 0 {
		t.Error("a repair got into the dictionary")
	}
}

func TestTheWorstRecordsFitIntoAFrame(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	records := make([]record.Record, MaxUnitRecords)
	kinds := record.State.Kinds()
	for i := range records {
		x := &records[i]
		*x = record.Record{Key: record.Key{Kind: record.Service, ID: r.Uint64()}, Version: uint64(i)<<48 + r.Uint64()>>17}
		if i%1024 == 0 {
			x.Kind = kinds[i/1024%len(kinds)]
		}
		for f := range x.Kind.Fields() {
			x.Fields[f] = r.Uint64()
		}
	}
	e, d := NewEncoder(Options{DefaultDictionary, true}), NewDecoder(Options{DefaultDictionary, true})
	u := Unit{To: ^uint64(0), Records: records, Deps: make([]At, MaxDeps)}
	for range 2 {
		frame, err := e.Append(Begin(nil, TypeUnit), &u)
		if err != nil {
			t.Fatal(err)
		}
		if worst := len(frame) + (record.MaxFields-10)*8*MaxUnitRecords; worst > MaxPayload {
			t.Errorf("%d records of %d fields would take %d bytes", MaxUnitRecords, record.MaxFields, worst)
		}
		if frame, err = End(frame, 0, 1); err != nil {
			t.Fatal(err)
		}
		var got Unit
		if err := d.Unit(frame[headerBytes:len(frame)-checksumBytes], &got); err != nil || !slices.Equal(got.Records, records) {
			t.Fatalf("%d records came out, error %v", len(got.Records), err)
		}
	}
}

func TestAnEncoderRefusesWhatCannotBeSaid(t *testing.T) {
	count := func(v uint64) record.Record {
		return record.Record{Key: record.Key{Kind: record.Count, ID: v}, Version: v}
	}
	state := record.Record{Key: record.Key{Kind: record.Flow}, Version: 5}
	for name, u := range map[string]Unit{
		"too many records":       {Stream: record.Counts, To: 1 << 40, Records: make([]record.Record, MaxUnitRecords+1)},
		"a version twice":        {Stream: record.Counts, To: 9, Records: []record.Record{count(5), count(5)}},
		"a version of before":    {Stream: record.Counts, From: 5, To: 9, Records: []record.Record{count(5)}},
		"a version of after":     {Stream: record.Counts, To: 4, Records: []record.Record{count(5)}},
		"a kind of no stream":    {Stream: record.State, To: 9, Records: []record.Record{{Version: 5}}},
		"a kind of another one":  {Stream: record.Counts, To: 9, Records: []record.Record{state}},
		"a node that cannot be":  {Origin: MaxNodes},
		"a way back":             {From: 2, To: 1},
		"a reset in the middle":  {From: 2, To: 3, Reset: true},
		"too many dependencies":  {Deps: make([]At, MaxDeps+1)},
		"a stream nobody knows":  {Stream: record.NumStreams},
		"version 0, going ahead": {Stream: record.Counts, To: 9, Express: true, Records: []record.Record{count(0)}},
	} {
		if _, err := NewEncoder(Options{}).Append(nil, &u); err == nil {
			t.Errorf("%s is said", name)
		}
	}
	if _, err := NewEncoder(Options{}).AppendRepair(nil, &Repair{At: At{Slot: MaxNodes}}); err == nil {
		t.Error("a repair of a node that cannot be is said")
	}
}

func TestAnEncoderPutsRecordsInOrder(t *testing.T) {
	e, d := NewEncoder(Options{10, false}), NewDecoder(Options{10, false})
	records := newTrace(50).flows(0, 50)
	want := slices.Clone(records)
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
	payload, err := e.Append(nil, &Unit{To: 50, Records: records})
	var got Unit
	if err == nil {
		err = d.Unit(payload, &got)
	}
	if err != nil || !slices.Equal(got.Records, want) {
		t.Errorf("error %v", err)
	}
}

func TestStagesAddUp(t *testing.T) {
	tr := newTrace(2000)
	e, d := NewEncoder(Options{DefaultDictionary, true}), NewDecoder(Options{DefaultDictionary, true})
	bytes := carry(t, e, d, tr.flows(0, 2000), false)
	got := e.Stages()
	got.Merged(10)
	if got.Updates != 2010 || got.Frames != 1 || got.Raw != 2010*RawBytes || got.Latest != 2000*RawBytes || got.Zstd != uint64(bytes) ||
		got.Columns <= got.Zstd || got.Columns > got.Latest/4 {
		t.Errorf("%+v, %d bytes of frames", got, bytes)
	}
	sum := got
	sum.Add(got)
	if sum.Zstd != 2*got.Zstd || sum.Columns != 2*got.Columns || sum.Latest != 2*got.Latest || sum.Frames != 2 {
		t.Errorf("twice %+v is %+v", got, sum)
	}
}

// The goals for bytes: 50,000 updates a second over 12,000 flows in windows of 50 ms, a tenth of a message each.
func TestCountersOfManyFlowsTakeLessThanATenth(t *testing.T) {
	const updates = 2500
	for _, kind := range []string{"random", "turns", "few"} {
		tr, next := newTrace(12000), chooser(kind, 12000)
		e, d := NewEncoder(Options{DefaultDictionary, true}), NewDecoder(Options{DefaultDictionary, true})
		for range 20 {
			carry(t, e, d, tr.window(nil, updates, 50e6, next), false)
		}
		before := e.Stages()
		bytes := 0
		for range 10 {
			bytes += carry(t, e, d, tr.window(nil, updates, 50e6, next), false)
		}
		columns := e.Stages().Columns - before.Columns
		if bytes > 10*updates*RawBytes/10 || columns > 10*updates*RawBytes/4 {
			t.Errorf("%s: %.2f bytes an update, %.2f before zstd", kind, float64(bytes)/10/updates, float64(columns)/10/updates)
		}
	}
}

func TestNothingIsAllocatedOnceTheBuffersAreThere(t *testing.T) {
	tr, next := newTrace(3000), chooser("random", 3000)
	e, d := NewEncoder(Options{DefaultDictionary, false}), NewDecoder(Options{DefaultDictionary, false})
	for range 20 {
		carry(t, e, d, tr.window(nil, 2500, 50e6, next), false)
	}
	u := Unit{Stream: record.Counts, From: tr.version, To: tr.version + 2500}
	u.Records = tr.window(nil, 2500, 50e6, next)
	frame, got := make([]byte, 0, MaxFrame), Unit{Records: make([]record.Record, MaxUnitRecords)}
	if n := testing.AllocsPerRun(20, func() {
		frame, _ = e.Append(frame[:0], &u)
		if d.Unit(frame, &got) != nil {
			t.Fatal("not read")
		}
	}); n > 0 {
		t.Errorf("%v allocations for a unit", n)
	}
}

// bodies are what a peer could put behind the head of a unit that claims to be compressed.
func TestABombDoesNotGoOff(t *testing.T) {
	w, err := zstd.NewWriter(nil, zstd.WithWindowSize(zstd.MaxWindowSize), zstd.WithSingleSegment(false))
	if err != nil {
		t.Fatal(err)
	}
	bomb := w.EncodeAll(make([]byte, 64<<20), nil)
	small := w.EncodeAll(make([]byte, 2000), nil)
	head, _ := (&Unit{To: 9000, Stream: record.Counts}).appendHead(nil)
	head[0] |= bitZstd
	payload := func(records, length uint64, body []byte) []byte {
		return append(binary.AppendUvarint(binary.AppendUvarint(slices.Clone(head), records), length), body...)
	}
	d := NewDecoder(Options{DefaultDictionary, true})
	for name, p := range map[string][]byte{
		"64 MiB that say they are 64 MiB":  payload(100, 64<<20, bomb),
		"64 MiB that say they are a frame": payload(100, MaxPayload, bomb),
		"64 MiB that say they are small":   payload(100, 100, bomb),
		"less than it says":                payload(100, 3000, small),
		"more than it says":                payload(100, 1999, small),
		"nothing":                          payload(100, 0, nil),
		"nothing that says it is much":     payload(100, MaxPayload, nil),
		"two in a row":                     payload(100, 3000, append(slices.Clone(small), small...)),
		"cut":                              payload(100, 2000, small[:len(small)-2]),
		"not zstd":                         payload(100, 2000, []byte("no magic number")),
		"more records than a frame has":    payload(MaxUnitRecords+1, 2000, small),
		"records with no end":              payload(1<<63, 2000, small),
	} {
		var u Unit
		if err := d.Unit(p, &u); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
		if cap(d.plain) > 2*MaxFrame || cap(u.Records) > 2*MaxUnitRecords || cap(d.values) > 2*MaxUnitRecords {
			t.Errorf("%s: it took %d bytes, %d records, %d values", name, cap(d.plain), cap(u.Records), cap(d.values))
		}
	}
}

// Whatever comes, a decoder does not panic, takes no more memory than frames and dictionary are allowed, and what it
// accepts is within what a unit may be.
func FuzzUnit(f *testing.F) {
	tr := newTrace(100)
	flows, counts := tr.flows(0, 60), tr.window(nil, 100, 50e6, chooser("random", 100))
	gone := record.Record{Key: flows[0].Key, Version: 5000, Gone: true}
	first := Unit{To: 60, First: true, Last: true, Reset: true, Records: flows}
	for _, u := range []Unit{
		{From: 4000, To: 5000, Deps: []At{{Slot: 1}}, Records: []record.Record{gone}},
		{Stream: record.Counts, To: 5000, Records: counts},
		{To: 5000, Express: true, Records: flows[:3]},
		{To: 60, Bulk: true, Records: flows},
	} {
		for _, zstd := range []bool{false, true} {
			e := NewEncoder(Options{50, zstd})
			if _, err := e.Append(nil, &first); err != nil {
				f.Fatal(err)
			}
			payload, err := e.Append(nil, &u)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(payload)
		}
	}
	known, err := NewEncoder(Options{50, true}).Append(nil, &first)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d := NewDecoder(Options{50, true})
		var u Unit
		if err := d.Unit(known, &u); err != nil {
			t.Fatal(err)
		}
		if d.Unit(data, &u) == nil {
			checkUnit(t, &u)
		}
		for k := record.None + 1; k.Known(); k++ {
			m := d.dictionaries[k]
			if len(m.ids) > 50 || len(m.free) > len(m.ids) || len(m.base) != len(m.ids)*len(m.changes) {
				t.Fatalf("%s: %d places, %d of them free", k, len(m.ids), len(m.free))
			}
		}
	})
}

// checkUnit demands of a unit that was read what an encoder demands of one that is written.
func checkUnit(t *testing.T, u *Unit) {
	t.Helper()
	if _, err := u.appendHead(nil); err != nil {
		t.Fatal(err)
	}
	span := span{stream: u.Stream, after: u.From, upTo: u.To}
	if u.Express {
		span.after = 0
	}
	if err := span.check(u.Records); err != nil {
		t.Fatal(err)
	}
	for _, x := range u.Records {
		if x.Gone && x.Fields != ([record.MaxFields]uint64{}) {
			t.Fatalf("what is gone has fields: %+v", x)
		}
	}
}

func FuzzRepair(f *testing.F) {
	p := Repair{At: At{Version: 100}, Bucket: 4, First: true, Records: newTrace(10).flows(0, 100)}
	for _, zstd := range []bool{false, true} {
		payload, err := NewEncoder(Options{50, zstd}).AppendRepair(nil, &p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var p Repair
		d := NewDecoder(Options{50, true})
		if d.Repair(data, &p) != nil {
			return
		}
		again, err := NewEncoder(Options{50, true}).AppendRepair(nil, &p)
		var got Repair
		if err == nil {
			err = d.Repair(again, &got)
		}
		if err != nil || !slices.Equal(got.Records, p.Records) || got.At != p.At || got.Bucket != p.Bucket {
			t.Fatalf("%+v came out as %+v, error %v", p, got, err)
		}
	})
}

func FuzzColumn(f *testing.F) {
	f.Add(uint16(1000), appendColumn(nil, slices.Repeat([]uint64{7}, 1000)))
	f.Add(uint16(13), appendColumn(nil, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 1 << 50, 13}))
	f.Add(uint16(13), appendColumn(nil, []uint64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 9}))
	f.Add(uint16(2), []byte{wayPacked | 64, 1, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, n uint16, data []byte) {
		values, again := make([]uint64, int(n)%MaxUnitRecords), make([]uint64, int(n)%MaxUnitRecords)
		r := reader{rest: data}
		if r.column(values); r.bad {
			return
		}
		r = reader{rest: appendColumn(nil, values)}
		if r.column(again); r.end("column") != nil || !slices.Equal(values, again) {
			t.Fatalf("%v came out as %v", values, again)
		}
	})
}
