package flowindex

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"fcredirect/dataplane/flow"
	"fcredirect/dataplane/frame"
)

// million is a world of a million flows between 1,000 initiators and 1,000 targets, who have aliases.
func million(b *testing.B, flows int) *world {
	b.Helper()
	w := newWorld(b, flows+1024)
	text := []byte("aliases:\n")
	for i := range 1000 {
		text = fmt.Appendf(text, "  host-%03d: %v\n  array-%03d: %v\n", i, frame.WWN(0x200002fc01000000+i), i, frame.WWN(0x500002fc0a000000+i))
	}
	w.setPolicy(0, string(append(text, "policies: []\n"...)))
	random := rand.New(rand.NewPCG(1, 2))
	for i := range flows {
		h, a := i%1000, i/1000%1000
		to, back := w.flow(i&1, uint16(i/1_000_000), uint32(0x10000+h), uint32(0x20000+a), frame.WWN(0x200002fc01000000+h), frame.WWN(0x500002fc0a000000+a))
		to.Frames, back.Frames = random.Uint64N(1e6), random.Uint64N(1e6)
		to.Bytes, back.Bytes = 2000*to.Frames, 60*back.Frames
		to.LastSeen = epoch + random.Uint64N(3600e9)
		if i%3 == 0 {
			to.Verdict = flow.MakeVerdict(flow.Drop, 0, 1, 0, 0)
		}
	}
	return w
}

// BenchmarkPage asks for pages of a million flows as people do: by many orders and filters, a few pages each, while images
// are made beside it. The figures are those of whole questions.
func BenchmarkPage(b *testing.B) {
	const flows = 1_000_000
	w := million(b, flows)
	x := New(Options{Segment: w})
	run(b, x)
	ctx := context.Background()
	began := time.Now()
	if _, err := x.List(ctx, &Query{Limit: 100}); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(time.Since(began).Milliseconds()), "first-ms")
	vsan := uint16(0)
	filters := []Filter{
		{}, {Verdicts: []string{"drop"}}, {Initiator: "host-007"}, {Target: "500002fc0a*"}, {Text: "array-04"}, {MinBytes: 1e9},
		{VSAN: &vsan, MinFrames: 1000, SeenSince: time.Unix(0, epoch+1800e9)}, {Text: "nothing has this"},
	}
	var took []time.Duration
	question := 0
	b.ResetTimer()
	for b.Loop() {
		q := &Query{Limit: 100, Filter: filters[question%len(filters)], Sort: Orders()[question/len(filters)%len(Orders())]}
		if question/7%2 == 1 {
			q.Sort = "-" + q.Sort
		}
		if question++; question%5 == 0 {
			q.Limit = MaxLimit
		}
		for range 3 {
			began := time.Now()
			page, err := x.List(ctx, q)
			if err != nil {
				b.Fatal(err)
			}
			took = append(took, time.Since(began))
			if q.After = page.Next; page.Next == nil {
				break
			}
		}
	}
	b.StopTimer()
	slices.Sort(took)
	at := func(share float64) float64 {
		return float64(took[int(share*float64(len(took)-1))].Microseconds()) / 1000
	}
	b.ReportMetric(at(0.5), "p50-ms")
	b.ReportMetric(at(0.99), "p99-ms")
	b.ReportMetric(at(1), "max-ms")
	s := x.Stats()
	b.ReportMetric(float64(s.Scan.Milliseconds()), "scan-ms")
	b.ReportMetric(float64(s.Bytes)/(1<<20), "MiB")
}

func BenchmarkGet(b *testing.B) {
	const flows = 1_000_000
	w := million(b, flows)
	x := New(Options{Segment: w})
	ctx := context.Background()
	for b.Loop() {
		if _, err := x.Get(ctx, ID{0, 0, 0x200002fc01000007, 0x500002fc0a000009}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkScan makes images of a million flows, the first and those after it.
func BenchmarkScan(b *testing.B) {
	const flows = 1_000_000
	w := million(b, flows)
	s := &scanner{policies: &Policies{}}
	s.reset(1)
	var img, before *image = &image{}, nil
	spare := &image{}
	began := time.Now()
	scan := func() {
		if err := s.scan(w.seg.State, img, before, time.Now()); err != nil {
			b.Fatal(err)
		}
		if before == nil {
			before = spare
		}
		img, before = before, img
	}
	scan()
	first := time.Since(began)
	scan()
	for b.Loop() {
		scan()
	}
	b.ReportMetric(float64(first.Milliseconds()), "first-ms")
	b.ReportMetric(float64(s.size(img, before))/(1<<20), "MiB")
	s.memory.give(img, before)
}
