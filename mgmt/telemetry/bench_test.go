package telemetry

import (
	"testing"
	"time"

	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/postgres/pgtest"
)

// BenchmarkLook reads the pages of a segment without flows; what the search for the busiest costs says
// dataplane/report's README.
func BenchmarkLook(b *testing.B) {
	dir := b.TempDir()
	newPlane(b, dir)
	seg, err := attach.Open(attach.Place{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	defer seg.Close()
	e := newEye(seg)
	b.ReportAllocs()
	for b.Loop() {
		if e.look(base) == nil {
			b.Fatal("no look")
		}
	}
}

// BenchmarkWrite writes 5 looks at 4 ports.
func BenchmarkWrite(b *testing.B) {
	db, err := postgres.Open(postgres.Config{DSN: pgtest.DB(b), Node: "n", App: "telemetry bench"})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	w, at := newWriter(db), 0
	for b.Loop() {
		var looks []waiting
		for range 5 {
			at++
			l := seen(at, first, uint64(at), 0)
			l.look.Ports = append(l.look.Ports, Port{Name: "fabric0", FramesIn: uint64(at)}, Port{Name: "svc0"}, Port{Name: "svc1", BytesIn: uint64(at)})
			looks = append(looks, l)
		}
		if err := w.put(b.Context(), looks); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed())/float64(time.Millisecond)/float64(b.N), "ms/write")
}
