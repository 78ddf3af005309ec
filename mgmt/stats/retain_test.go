package stats

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// partitions lists those of a table, without the table's name.
func (w *world) partitions(of table) (names []string) {
	w.t.Helper()
	list, _, err := listPartitions(ctx, w.db.Q())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, p := range list {
		if p.table == of {
			names = append(names, strings.TrimPrefix(p.name(), of.name+"_"))
		}
	}
	return names
}

func TestEachLevelIsDroppedByItsAge(t *testing.T) {
	w := open(t)
	k := w.keeper(Retention{Seconds: time.Hour, Minutes: 48 * time.Hour, Hours: 60 * 24 * time.Hour})
	for _, step := range []struct {
		now                    string
		seconds, minutes, hour string // the oldest partitions that are there
		samples                int    // of a second
	}{
		{"2026-11-22T12:00:30Z", "20261122_1200", "20261122_0000", "20261103_0000", 1},
		{"2026-11-22T13:09:59Z", "20261122_1200", "20261122_0000", "20261103_0000", 2},
		{"2026-11-22T13:10:00Z", "20261122_1210", "20261122_0000", "20261103_0000", 2}, // the first ended an hour ago
		{"2026-11-24T23:00:00Z", "20261122_1310", "20261122_0000", "20261103_0000", 1}, // retention's clock goes an hour at a time
		{"2026-11-24T23:00:00Z", "20261124_2300", "20261122_0000", "20261103_0000", 2}, // the last lies in the one for all else
		{"", "20261124_2300", "20261122_0000", "20261103_0000", 3},
		{"2027-03-23T13:10:00Z", "20270323_1310", "20270323_0000", "20270303_0000", 1},
	} {
		if step.now != "" {
			var err error
			if w.now, err = time.Parse(time.RFC3339, step.now); err != nil {
				t.Fatal(err)
			}
		}
		if step.now == "" || w.now.Year() == 2027 { // as if it had caught up
			if _, err := w.db.Q().Exec(ctx, "UPDATE sample_clock SET at = $1", w.now); err != nil {
				t.Fatal(err)
			}
		}
		w.write(w.db.Q(), sample(1, w.now.Add(-time.Second)))
		w.pass(k)
		seconds, minutes, hours := w.partitions(flowSeconds), w.partitions(flowMinutes), w.partitions(flowHours)
		if seconds[0] != step.seconds || minutes[0] != step.minutes || hours[0] != step.hour || w.rows("flow_sample_1s") != step.samples {
			t.Errorf("%v: %v\n%v\n%v\n%d samples, want %+v", w.now, seconds, minutes, hours, w.rows("flow_sample_1s"), step)
		}
	}
	if n := len(w.partitions(portSeconds)) + len(w.partitions(groupMinutes)) + len(w.partitions(portHours)); n != 6 {
		t.Errorf("%d partitions of ports and groups are left", n)
	}
}

func TestAClockThatIsWrongForAWhileTakesLittleAlong(t *testing.T) {
	w := open(t)
	k := w.keeper(Retention{})
	w.pass(k)
	for i := range 120 {
		w.now = noon.Add(time.Duration(i) * time.Minute)
		w.write(w.db.Q(), sample(1, w.now))
		if i%30 == 0 {
			w.pass(k)
		}
	}
	before := w.total(Key{}, earliest, latest)
	right := w.now
	for _, years := range []int{10, -10, 100} {
		w.now = right.AddDate(years, 0, 0)
		w.pass(k)
		w.now = right
		w.pass(k)
	}
	if n := w.rows("flow_sample_1s"); n < 60 {
		t.Errorf("%d samples of 120 are left after a clock was wrong for three passes", n)
	}
	if got := w.rows("flow_sample_1m"); got < 110 {
		t.Errorf("%d minutes of 120 are left", got)
	}
	total, err := w.service().Total(ctx, Request{Of: OfAll, From: noon, To: right.Add(time.Minute)})
	if err != nil || total.Counts.bare() != before {
		t.Errorf("%+v, %v: want %+v", total, err, before)
	}
}

func TestOverItsBoundTheOldestOfTheLargestGoes(t *testing.T) {
	part := func(of table, hours int, bytes int64) stored {
		p := of.at(noon.Add(time.Duration(hours) * time.Hour))
		return stored{p, bytes}
	}
	for name, tc := range map[string]struct {
		list []stored
		want int
	}{
		"none":                   {nil, -1},
		"only the current one":   {[]stored{part(flowSeconds, 0, 1<<30)}, -1},
		"the oldest of seconds":  {[]stored{part(flowHours, -2000, 10), part(flowSeconds, -2, 500), part(flowSeconds, -1, 500), part(flowSeconds, 0, 500)}, 1},
		"minutes over share":     {[]stored{part(flowMinutes, -72, 400), part(flowMinutes, -48, 400), part(flowSeconds, -2, 500), part(flowSeconds, 0, 500)}, 0},
		"an empty one is no use": {[]stored{part(groupMinutes, -72, 0)}, -1},
	} {
		if got := surplus(tc.list, noon); got != tc.want {
			t.Errorf("%s: %d, want %d", name, got, tc.want)
		}
	}
}

func TestTheBoundOnDiskIsKeptAsFarAsCanBe(t *testing.T) {
	w := open(t)
	k := w.keeper(Retention{})
	for i := range 12 {
		w.now = noon.Add(time.Duration(i) * 10 * time.Minute)
		if err := EnsurePartitions(ctx, w.db.Q(), w.now); err != nil {
			t.Fatal(err)
		}
		w.write(w.db.Q(), sample(1, w.now), sample(2, w.now))
	}
	w.now = w.now.Add(time.Minute)
	k.keep.Bytes = 1 // less than anybody may ask for: everything must go that can
	if err := k.Pass(ctx); !errors.Is(err, errFull) || !passes(err) || k.Err() == nil {
		t.Errorf("%v: want that it is full", err)
	}
	if got := w.partitions(flowSeconds); len(got) != 2 || got[0] != w.now.Truncate(10*time.Minute).Format(partitionStamp) {
		t.Errorf("partitions %v are left, want the current one and the next", got)
	}
	total, err := w.service().Total(ctx, Request{Of: OfAll, From: noon, To: w.now})
	if err != nil || total.Counts.bare() != w.total(Key{}, noon, w.now) {
		t.Errorf("%+v, %v: what is gone must have been rolled up", total, err)
	}
	if s := k.Stats(); s.Dropped < 10 || s.Failures != 1 || s.Bytes <= 0 {
		t.Errorf("%+v", s)
	}
}

func TestNothingIsDroppedThatIsNotRolledUp(t *testing.T) {
	w := open(t)
	if err := EnsurePartitions(ctx, w.db.Q(), noon); err != nil {
		t.Fatal(err)
	}
	w.write(w.db.Q(), sample(1, noon))
	p := flowSeconds.at(noon)
	if err := drop(ctx, w.db.Q(), p); !errors.Is(err, errUnrolled) {
		t.Errorf("%v: want that it is not rolled up", err)
	}
	if n := w.rows("flow_sample_1s"); n != 1 {
		t.Errorf("%d samples", n)
	}
	// Another node in the same database, whose keeper never ran, is rolled up in its place.
	other := newWorld(t, w.dsn)
	defer other.db.Close()
	other.now = noon.Add(5 * time.Hour)
	other.pass(other.keeper(Retention{}))
	if n := w.rows("flow_sample_1s"); n != 0 {
		t.Errorf("%d samples are left", n)
	}
	w.same("after another node's retention")
}

func TestARetentionThatCannotBeIsRefused(t *testing.T) {
	for _, r := range []Retention{
		{Seconds: time.Second}, {Minutes: time.Hour}, {Hours: time.Hour}, {Seconds: -time.Hour}, {Seconds: 30 * 24 * time.Hour}, {Bytes: 1}, {Bytes: -1},
		{Hours: 1 << 62},
	} {
		if _, err := NewKeeper(nil, r, nil); err == nil {
			t.Errorf("%+v: no error", r)
		}
	}
	if _, err := NewKeeper(nil, Retention{}, nil); err != nil {
		t.Error(err)
	}
}
