package wire

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"fcredirect/mgmt/peer/record"
)

// trace makes units as a node would: flows between initiators and targets, whose counters grow.
type trace struct {
	r       *rand.Rand
	now     uint64 // ns since 1970
	version uint64
	counts  []record.Record
	touched []int
}

func newTrace(flows int) *trace {
	t := &trace{r: rand.New(rand.NewPCG(1, 2)), now: 1_790_000_000_000_000_000}
	t.counts = make([]record.Record, flows)
	for i := range t.counts {
		c := &t.counts[i]
		c.Key = record.Key{Kind: record.Count, ID: flowKey(i)}
		c.Fields[record.CountSerial] = uint64(i) + 1<<20
	}
	return t
}

// flowKey is like flow.Key: VSAN, D_ID and S_ID.
func flowKey(i int) uint64 {
	initiator, target := uint64(i/24), uint64(i%24)
	return 1<<48 | (0x010000+initiator<<8)<<24 | 0x020000 + target<<8
}

// window is what a window of so many updates, of flows that next chooses, comes to: the latest of each flow.
func (t *trace) window(dst []record.Record, updates int, length uint64, next func() int) []record.Record {
	t.touched = t.touched[:0]
	for i := range updates {
		f := next()
		c := &t.counts[f]
		t.version++
		frames := 1 + uint64(t.r.ExpFloat64()*40)
		c.Version = t.version
		c.Fields[record.CountFrames] += frames
		c.Fields[record.CountBytes] += frames*1100 + t.r.Uint64N(1024)*frames
		c.Fields[record.CountLastSeen] = t.now + uint64(i)*length/uint64(updates) + t.r.Uint64N(2000)
		t.touched = append(t.touched, f)
	}
	t.now += length
	slices.Sort(t.touched)
	for _, f := range slices.Compact(t.touched) {
		dst = append(dst, t.counts[f])
	}
	slices.SortFunc(dst, func(a, b record.Record) int { return cmp.Compare(a.Version, b.Version) })
	return dst
}

// flows are new flows, and logins the N_Ports that they are between.
func (t *trace) flows(from, to int) (all []record.Record) {
	for i := from; i < to; i++ {
		t.version++
		f := record.Record{Key: record.Key{Kind: record.Flow, ID: flowKey(i)}, Version: t.version}
		f.Fields = [record.MaxFields]uint64{uint64(i) + 1<<20, wwpn(i / 24), wwpn(1<<16 + i%24),
			[]uint64{0x0102, 0x0102_0000_0007, 0x0103_0000_0001}[t.r.IntN(3)], 17, t.now + uint64(i)*3000 + t.r.Uint64N(2000)}
		all = append(all, f)
	}
	return all
}

func (t *trace) logins(n int) (all []record.Record) {
	for i := range n {
		t.version++
		l := record.Record{Key: record.Key{Kind: record.Login, ID: uint64(1)<<32 | 0x010000 + uint64(i)<<8}, Version: t.version}
		seen := t.now + uint64(i)*50_000 + t.r.Uint64N(20_000)
		l.Fields = [record.MaxFields]uint64{wwpn(i), wwpn(i) &^ (1 << 60), 0x0efc00_010000 + uint64(i)<<8, 0x0025b5_000000 + uint64(i),
			0x000dec_112233, 0x0000_0102_0003_1f40, seen, seen + t.r.Uint64N(1_000_000)}
		all = append(all, l)
	}
	return all
}

func wwpn(i int) uint64 { return 0x2100_0024_ff00_0000 | uint64(i)*0x35 }

// carry sends records through a connection as units of at most so many records, and says how many bytes its frames had.
func carry(tb testing.TB, e *Encoder, d *Decoder, records []record.Record, bulk bool) (bytes int) {
	tb.Helper()
	var u, got Unit
	var frame []byte
	for part := range slices.Chunk(records, MaxUnitRecords) {
		u = Unit{Origin: 1, Stream: part[0].Kind.Stream(), Incarnation: 3, From: part[0].Version - 1, To: part[len(part)-1].Version,
			First: true, Last: true, Bulk: bulk, Records: part}
		var err error
		if frame, err = e.Append(Begin(frame[:0], TypeUnit), &u); err != nil {
			tb.Fatal(err)
		}
		if frame, err = End(frame, 0, 1); err != nil {
			tb.Fatal(err)
		}
		bytes += len(frame)
		f, err := Parse(frame)
		if err != nil {
			tb.Fatal(err)
		}
		if err := d.Unit(f.Payload, &got); err != nil {
			tb.Fatal(err)
		}
		if !slices.Equal(got.Records, part) {
			tb.Fatal("other records came out than went in")
		}
	}
	return bytes
}
