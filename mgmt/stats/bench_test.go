package stats

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"fcredirect/dataplane/frame"
	"fcredirect/mgmt/postgres/pgtest"
)

const (
	benchFlows   = 12_000 // two directions each
	benchMinutes = 12
)

// BenchmarkSamples takes 12,000 busy flows for 12 minutes, 17 million samples, through all that happens to them. It wants
// 4 GB of disk and some minutes; go test -bench Samples -benchtime 1x.
func BenchmarkSamples(b *testing.B) {
	if b.N > 1 {
		b.Skip("once says it")
	}
	w := newWorld(b, pgtest.DB(b))
	defer w.db.Close()
	k := w.keeper(Retention{Bytes: 1 << 40})
	var copied, rolled time.Duration
	for second := range benchMinutes * 60 {
		w.now = noon.Add(time.Duration(second) * time.Second)
		if second%600 == 0 {
			if err := EnsurePartitions(ctx, w.db.Q(), w.now); err != nil {
				b.Fatal(err)
			}
		}
		start := time.Now()
		w.benchSecond(b)
		copied += time.Since(start)
		if second%60 == 59 {
			w.now = w.now.Add(6 * time.Second)
			start = time.Now()
			w.pass(k)
			rolled += time.Since(start)
		}
	}
	w.now = noon.Add(benchMinutes * time.Minute)
	rows := float64(2 * benchFlows * benchMinutes * 60)
	b.ReportMetric(rows/copied.Seconds(), "copied/s")
	b.ReportMetric(rows/rolled.Seconds(), "rolled/s")
	b.ReportMetric(rolled.Seconds()/benchMinutes*1e3, "ms/minute")
	b.ReportMetric(float64(k.Stats().Bytes)/rows, "B/sample")
	start := time.Now()
	w.now = noon.Add(time.Hour + 10*time.Second)
	w.pass(k)
	b.ReportMetric(float64(time.Since(start).Milliseconds()), "ms/hour")
	w.now = noon.Add(benchMinutes * time.Minute)
	w.benchQuestions(b)
	start = time.Now()
	if err := drop(ctx, w.db.Q(), flowSeconds.at(noon)); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(time.Since(start).Microseconds())/1e3, "ms/drop")
}

// benchSecond copies what all flows did in a second.
func (w *world) benchSecond(b *testing.B) {
	_, err := w.db.Q().CopyFrom(ctx, pgx.Identifier{"flow_sample_1s"}, []string{"node_id", "vsan", "at", "epoch", "serial", "initiator", "target",
		"frames", "bytes", "errors", "in_port", "rule", "service"}, pgx.CopyFromSlice(2*benchFlows, func(i int) ([]any, error) {
		flow := i / 2
		return []any{w.node, int32(flow % 4), w.now, int64(1), int64(i), int64(0x2000<<48 + flow/100), int64(0x5000<<48 + flow%100), int64(i%7 + 1), int64(2048 * (i%7 + 1)),
			int32(0), fmt.Sprintf("port%d", i%2), fmt.Sprintf("rule-%d", flow%20), "inspect"}, nil
	}))
	if err != nil {
		b.Fatal(err)
	}
}

func (w *world) benchQuestions(b *testing.B) {
	s := w.service()
	s.limit = time.Minute
	end := noon.Add(benchMinutes * time.Minute)
	one := Key{Initiator: ptr(frame.WWN(0x2000<<48 + 7)), Target: ptr(frame.WWN(0x5000<<48 + 7))}
	host := Key{Initiator: one.Initiator}
	for _, q := range []struct {
		name string
		r    Request
	}{
		{"top flows", Request{Of: OfFlow, From: noon.Add(30 * time.Second), To: end.Add(-30 * time.Second)}},
		{"top initiators by rate", Request{Of: OfInitiator, By: Rate, From: noon, To: end}},
		{"top policies", Request{Of: OfPolicy, From: noon.Add(30 * time.Second), To: end.Add(-30 * time.Second)}},
		{"total of a VSAN", Request{Of: OfVSAN, Key: Key{VSAN: ptr(1)}, From: noon.Add(30 * time.Second), To: end.Add(-30 * time.Second)}},
		{"a flow by seconds", Request{Of: OfFlow, Key: one, From: noon, To: end, Step: 1}},
		{"a host by seconds", Request{Of: OfInitiator, Key: host, From: end.Add(-5 * time.Minute), To: end, Step: 1}},
		{"a host by minutes", Request{Of: OfInitiator, Key: host, From: noon, To: end, Step: 60}},
		{"a policy by minutes", Request{Of: OfPolicy, Key: Key{Policy: ptr("rule-3")}, From: noon, To: end, Step: 60}},
		{"a policy by 5 seconds", Request{Of: OfPolicy, Key: Key{Policy: ptr("rule-3")}, From: end.Add(-5 * time.Minute), To: end, Step: 5}},
	} {
		start := time.Now()
		var err error
		switch {
		case q.r.Step > 0:
			_, err = s.Series(ctx, q.r)
		case q.r.Key != (Key{}):
			_, err = s.Total(ctx, q.r)
		default:
			_, err = s.Top(ctx, q.r)
		}
		if err != nil {
			b.Fatal(q.name, err)
		}
		b.Logf("%-24s %7.1f ms", q.name, float64(time.Since(start).Microseconds())/1e3)
	}
}
