package eventlog

import (
	"context"
	"fmt"
	"testing"

	"fcredirect/dataplane/feed"
	"fcredirect/mgmt/event/spool"
	"fcredirect/mgmt/postgres/pgtest"
)

// The figures of the README: from a ring to a subscriber, on a real disk, and on to a database.
func BenchmarkFromTheRingToSubscriberAndDatabase(b *testing.B) {
	w := newWorld(b, pgtest.DB(b), b.TempDir())
	defer w.close(b)
	w.plane.spec.Events = 1 << 14
	w.plane.dir = b.TempDir()
	w.o.Place.Dir = w.plane.dir
	if err := w.plane.seg.Close(); err != nil {
		b.Fatal(err)
	}
	w.plane.start(b, true)
	w.o.Spool, w.o.Dir, w.o.Batch, w.o.tempo.linger = spool.Options{}, b.TempDir(), 0, DrainLinger
	w.start(b)
	sub, err := w.role.Subscribe(0)
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	told, seen := 0, 0
	for seen < b.N {
		if n := min(256, b.N-told, feedRoom(w)); n > 0 {
			w.plane.put(0, n)
			told += n
		}
		if told == b.N || feedRoom(w) == 0 {
			events, err := sub.Next(context.Background(), readEvents)
			if err != nil {
				b.Fatal(err)
			}
			seen += len(events)
		}
	}
	published := b.Elapsed().Seconds()
	w.drained(b)
	b.StopTimer()
	s := w.role.Stats()
	b.ReportMetric(float64(b.N)/published, "published/s")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "drained/s")
	b.ReportMetric(float64(s.Spool.Commits)/b.Elapsed().Seconds(), "fsyncs/s")
	b.Log(fmt.Sprintf("P50 and P99: a commit %d and %d µs, told to published %d and %d ms, told to the database %d and %d ms",
		s.Commit.Quantile(.5)/1e3, s.Commit.Quantile(.99)/1e3, s.Publish.Quantile(.5)/1e6, s.Publish.Quantile(.99)/1e6, s.Lag.Quantile(.5)/1e6, s.Lag.Quantile(.99)/1e6))
}

func feedRoom(w *world) int {
	r := feed.Rings(w.plane.seg.State, w.plane.seg.Ctl)[w.plane.index(0)]
	return r.Items - int(r.Depth) - 1
}
