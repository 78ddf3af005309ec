package stats

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"fcredirect/dataplane/frame"
)

func TestAQuestionReadsOnlyThePartitionsOfItsRange(t *testing.T) {
	w := open(t)
	k := w.keeper(Retention{})
	for i := range 30 {
		at := noon.Add(time.Duration(i) * 10 * time.Minute)
		if err := EnsurePartitions(ctx, w.db.Q(), at); err != nil {
			t.Fatal(err)
		}
		w.write(w.db.Q(), sample(1, at), sample(12, at.Add(5*time.Second)))
	}
	w.now = noon.Add(5 * time.Hour)
	k.keep.Seconds = 10 * time.Hour
	w.pass(k)
	for name, tc := range map[string]struct {
		from, to string
		of       Kind
		reads    []string
	}{
		"ten seconds":               {"12:00:10", "12:00:20", OfFlow, []string{"flow_sample_1s_20261122_1200"}},
		"minutes in two partitions": {"12:08:30", "12:13:10", OfFlow, []string{"flow_sample_1m_20261122_0000", "flow_sample_1s_20261122_1200", "flow_sample_1s_20261122_1210"}},
		"whole hours of a policy": {"13:00:00", "15:00:00", OfPolicy, []string{"flow_sample_1s_20261122_1300", "flow_sample_1s_20261122_1310",
			"flow_sample_1s_20261122_1320", "flow_sample_1s_20261122_1330", "flow_sample_1s_20261122_1340", "flow_sample_1s_20261122_1350",
			"flow_sample_1s_20261122_1400", "flow_sample_1s_20261122_1410", "flow_sample_1s_20261122_1420", "flow_sample_1s_20261122_1430",
			"flow_sample_1s_20261122_1440", "flow_sample_1s_20261122_1450", "group_sample_1h_20261103_0000", "group_sample_1m_20261122_0000"}},
	} {
		r := Request{Of: tc.of, From: clock(tc.from), To: clock(tc.to)}
		var plans []string
		err := w.service().ask(ctx, &r, false, func(_ context.Context, q *question) error {
			_, _, list := plan(q.From, q.To, q.floors(), hour)
			rows, err := q.tx.Query(ctx, "EXPLAIN "+q.rows(list, r.Of.keys(), ""), q.args...)
			if err == nil {
				plans, err = pgx.CollectRows(rows, pgx.RowTo[string])
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		var reads []string
		for _, line := range plans {
			if _, after, ok := strings.Cut(line, " on "); ok && strings.Contains(line, "Scan") {
				if table, _, _ := strings.Cut(after, " "); strings.Contains(table, "_sample_") && !strings.Contains(table, "_idx") {
					reads = append(reads, table)
				}
			}
		}
		slices.Sort(reads)
		if reads = slices.Compact(reads); !slices.Equal(reads, tc.reads) {
			t.Errorf("%s: reads %v, want %v\n%s", name, reads, tc.reads, strings.Join(plans, "\n"))
		}
	}
}

// clock is a time of the day around noon.
func clock(s string) time.Time {
	at, err := time.Parse(time.DateTime, "2026-11-22 "+s)
	if err != nil {
		panic(err)
	}
	return at
}

func TestNoTrafficIsZeroAndNobodyWhoMeasuredIsAGap(t *testing.T) {
	w := open(t)
	for _, span := range [][2]string{{"12:00:00", "12:00:20"}, {"12:00:45", "12:01:00"}, {"12:00:44", "12:00:50"}} {
		if err := PutSpan(ctx, w.db.Q(), w.node, Span{SpanFlow, clock(span[0]), clock(span[1]).Add(-time.Second)}); err != nil {
			t.Fatal(err)
		}
		if err := PutSpan(ctx, w.db.Q(), w.node, Span{SpanFlow, clock(span[0]), clock(span[1])}); err != nil { // it goes on
			t.Fatal(err)
		}
	}
	w.write(w.db.Q(), sample(3, clock("12:00:05")), sample(3, clock("12:00:09")), sample(3, clock("12:00:38")), sample(4, clock("12:00:55")))
	f := sample(3, noon)
	key := Key{Initiator: &f.initiator, Target: &f.target}
	series, err := w.service().Series(ctx, Request{Of: OfFlow, Key: key, From: clock("12:00:00"), To: clock("12:01:00"), Step: 10})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range series.Points {
		s := "gap"
		if p.Counts != nil {
			s = fmt.Sprintf("%d, %g a second", p.Counts.Frames, p.Counts.FrameRate)
		}
		got = append(got, fmt.Sprintf("%s %.1f %s", p.At.Format("04:05"), p.Measured, s))
	}
	want := []string{
		"00:00 1.0 8, 0.8 a second", "00:10 1.0 0, 0 a second", "00:20 0.0 gap",
		"00:30 0.0 4, 0.4 a second", // counted all the same
		"00:40 0.6 0, 0 a second", "00:50 1.0 0, 0 a second",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	total, err := w.service().Total(ctx, Request{Of: OfFlow, Key: key, From: clock("12:00:00"), To: clock("12:01:00")})
	if err != nil || total.Measured != 36 || total.Counts.Frames != 12 || total.Counts.FrameRate != 12.0/36 {
		t.Errorf("%+v, %v", total, err)
	}
}

func TestPortsAreAddedUpOverBootsAndLevels(t *testing.T) {
	w := open(t)
	k := w.keeper(Retention{})
	put := func(at time.Time, boot byte, port string, n int64) {
		t.Helper()
		_, err := w.db.Q().CopyFrom(ctx, pgx.Identifier{"port_sample_1s"}, []string{"node_id", "at", "boot", "span_us", "frames_in", "bytes_in", "frames_out",
			"bytes_out", "drops", "stalled", "mirror_lost", "device_errors", "pauses_in", "pauses_out", "port"},
			pgx.CopyFromRows([][]any{{w.node, at, [16]byte{boot}, int64(1_000_000), n, 100 * n, 2 * n, 200 * n, n, n, n, n, int64(1), int64(2), port}}))
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 100 {
		put(clock("11:59:00").Add(time.Duration(i)*time.Second), byte(i/70), "edge0", 1)
		put(clock("11:59:00").Add(time.Duration(i)*time.Second), byte(i/70), "fabric0", 10)
	}
	for _, now := range []string{"12:00:40", "12:02:00", "13:02:00"} {
		w.now = clock(now)
		w.pass(k)
		r := Request{Of: OfPort, Key: Key{Port: ptr("edge0")}, From: clock("11:59:10"), To: clock("12:00:30")}
		total, err := w.service().Total(ctx, r)
		want := Counts{Frames: 240, Bytes: 24000, Errors: 320, FrameRate: 3, ByteRate: 300, Port: &PortCounts{80, 8000, 160, 16000, 80, 80, 80, 80, 80, 160}}
		if err != nil || fmt.Sprintf("%+v", *total.Counts.Port) != fmt.Sprintf("%+v", *want.Port) {
			t.Fatalf("%s: %+v, %v", now, total, err)
		}
		total.Counts.Port = want.Port
		if total.Counts != want {
			t.Errorf("%s: %+v, want %+v", now, total.Counts, want)
		}
		for _, by := range Counters {
			top, err := w.service().Top(ctx, Request{Of: OfPort, From: r.From, To: r.To, By: by})
			if err != nil || len(top.Rows) != 2 || *top.Rows[0].Port != "fabric0" || *top.Rows[1].Port != "edge0" || top.All.Frames != 11*240 || top.Groups != 2 {
				t.Errorf("%s by %s: %+v, %v", now, by, top, err)
			}
			if by == Rate && (top.Bucket != "1s" || top.Rows[1].Peak != 300) {
				t.Errorf("%s: peaks of %s: %+v", now, top.Bucket, top.Rows)
			}
		}
		series, err := w.service().Series(ctx, Request{Of: OfPort, Key: r.Key, From: clock("11:59:00"), To: clock("12:01:00"), Step: 60})
		if err != nil || len(series.Points) != 2 || series.Points[0].Counts.Frames != 180 || series.Points[1].Counts.Frames != 120 || series.Points[1].Counts.FrameRate != 3 {
			t.Errorf("%s: %+v, %v", now, series, err)
		}
	}
}

func TestARequestThatCannotBeAnsweredSaysWhy(t *testing.T) {
	w := open(t)
	wwn := frame.WWN(1)
	for want, r := range map[string]Request{
		"counts of":                       {Of: "frames"},
		"the range is empty":              {Of: OfAll, From: noon, To: noon},
		"empty":                           {Of: OfAll, From: noon.Add(time.Second), To: noon},
		"want times from 1900 to 9000":    {Of: OfAll, From: time.Date(1800, 1, 1, 0, 0, 0, 0, time.UTC), To: noon},
		"a range of":                      {Of: OfAll, From: time.Date(1901, 1, 1, 0, 0, 0, 0, time.UTC), To: noon},
		"VSAN 4096":                       {Of: OfVSAN, Key: Key{VSAN: ptr(4096)}},
		"a step of -1 s":                  {Of: OfAll, Step: -1},
		"a step of 9223372036854775807 s": {Of: OfAll, Step: 1<<63 - 1},
		"top by":                          {Of: OfAll, By: "size"},
		"the first 1001":                  {Of: OfAll, N: 1001},
		"the first -1":                    {Of: OfAll, N: -1},
		"only a port can be named":        {Of: OfPort, Key: Key{Port: ptr("x"), Initiator: &wwn}},
		"a name of 257 bytes":             {Of: OfPolicy, Key: Key{Policy: ptr(strings.Repeat("x", 257))}},
		"without a zero byte":             {Of: OfPolicy, Key: Key{Policy: ptr("a\x00b")}},
		"which flow?":                     {Of: OfFlow, Key: Key{Initiator: &wwn}},
		"which policy?":                   {Of: OfPolicy},
		"points: ask for 2000":            {Of: OfAll, From: noon.Add(-time.Hour), To: noon, Step: 1},
	} {
		var wrong *BadRequest
		_, err := w.service().Series(ctx, r)
		if _, other := w.service().Top(ctx, r); err == nil || strings.Contains(want, "top by") {
			err = other
		}
		if !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", r, err, want)
		}
	}
}

func TestAQuestionThatTakesTooLongIsEnded(t *testing.T) {
	w := open(t)
	tx, err := w.db.Q().Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(ctx)
	if _, err := tx.Exec(ctx, "LOCK TABLE flow_sample_1s"); err != nil {
		t.Fatal(err)
	}
	s := w.service()
	s.limit = 20 * time.Millisecond
	if _, err := s.Total(ctx, Request{Of: OfAll}); !errors.Is(err, ErrTooMuch) {
		t.Errorf("%v", err)
	}
}

// Without a database: whatever the range and whatever is gone, the segments of a plan cover it without gap or overlap, are
// whole buckets of their level, and read no samples that retention has dropped.
func TestAPlanCoversItsRange(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		drawTime := func(name string) time.Time {
			at := noon.Add(time.Duration(rapid.Int64Range(-int64(5*time.Hour), int64(5*time.Hour)).Draw(t, name)))
			return floor(at, rapid.SampledFrom([]time.Duration{time.Microsecond, time.Second, time.Minute, time.Hour}).Draw(t, "whole"))
		}
		from, to := drawTime("from"), drawTime("to")
		if to.Before(from) {
			from, to = to, from
		}
		if !from.Before(to) {
			to = from.Add(time.Microsecond)
		}
		var floors [numLevels]time.Time
		floors[second], floors[minute] = drawTime("seconds"), drawTime("minutes")
		if rapid.Bool().Draw(t, "nothing gone") {
			floors = [numLevels]time.Time{}
		}
		a, b, list := plan(from, to, floors, hour)
		if a.After(from) || b.Before(to) || from.Sub(a) >= time.Hour || b.Sub(to) >= time.Hour {
			t.Fatalf("%v to %v became %v to %v", from, to, a, b)
		}
		if floors == ([numLevels]time.Time{}) && (!a.Equal(from) || !b.Equal(to)) {
			t.Fatalf("%v to %v became %v to %v though nothing is gone", from, to, a, b)
		}
		at := a
		for _, s := range list {
			if !s.from.Equal(at) || !s.from.Before(s.to) {
				t.Fatalf("%+v does not follow on %v: %+v", s, at, list)
			}
			whole := bucket[s.level]
			if s.level > second && (!floor(s.from, whole).Equal(s.from) || !floor(s.to, whole).Equal(s.to)) {
				t.Fatalf("%+v is not whole", s)
			}
			if s.from.Before(floors[s.level]) {
				t.Fatalf("%+v: of that level nothing is left before %v", s, floors[s.level])
			}
			at = s.to
		}
		if !at.Equal(b) || len(list) > 5 {
			t.Fatalf("%v to %v: %+v", a, b, list)
		}
	})
}
