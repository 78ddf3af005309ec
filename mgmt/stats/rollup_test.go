package stats

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"fcredirect/dataplane/frame"
	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/postgres/pgtest"
)

// sample is one of a flow with the given number.
func sample(flow int, at time.Time) fact {
	return fact{at: at, initiator: frame.WWN(0x1000<<48 + flow/10), target: frame.WWN(0x2000<<48 + flow%10), vsan: flow % 3, rule: fmt.Sprint("rule-", flow%2),
		port: "edge0", frames: int64(flow + 1), bytes: int64(100 * (flow + 1)), errors: int64(flow % 2)}
}

// pass makes a pass of a keeper that must succeed.
func (w *world) pass(k *Keeper) {
	w.t.Helper()
	if err := k.Pass(ctx); err != nil {
		w.t.Fatal(err)
	}
}

// same says that all levels hold what was written, read from the tables as they are. At rest after a pass an hour later
// nothing is missing anywhere.
func (w *world) same(when string) {
	w.t.Helper()
	want := w.total(Key{}, earliest, latest)
	for _, table := range []string{"flow_sample_1m", "flow_sample_1h", "group_sample_1m", "group_sample_1h"} {
		var c Counts
		err := w.db.Q().QueryRow(ctx, "SELECT coalesce(sum(frames), 0)::bigint, coalesce(sum(bytes), 0)::bigint, coalesce(sum(errors), 0)::bigint FROM "+
			table+" WHERE node_id = $1", w.node).Scan(&c.Frames, &c.Bytes, &c.Errors)
		if err != nil {
			w.t.Fatal(err)
		}
		if c != want {
			w.t.Errorf("%s: %s holds %+v, want %+v", when, table, c, want)
		}
	}
	total, err := w.service().Total(ctx, Request{Of: OfAll, From: noon.Add(-90 * 365 * 24 * time.Hour), To: noon.Add(9 * 365 * 24 * time.Hour)})
	if err != nil {
		w.t.Fatal(err)
	}
	if total.Counts.bare() != want {
		w.t.Errorf("%s: the total is %+v, want %+v", when, total.Counts, want)
	}
}

func TestAMinuteThatIsOverTakesOneRowOfEachFlow(t *testing.T) {
	w := open(t)
	k := w.keeper(Retention{})
	for second := range 3*60 + 30 {
		w.now = noon.Add(time.Duration(second) * time.Second)
		var facts []fact
		for flow := range 5 {
			facts = append(facts, sample(flow, w.now.Add(time.Duration(flow)*time.Millisecond)))
		}
		w.write(w.db.Q(), facts...)
		if second%10 == 5 { // far more often than need be
			w.pass(k)
		}
	}
	if n := w.rows("flow_sample_1m"); n != 3*5 {
		t.Errorf("%d rows of three minutes of five flows, want 15", n)
	}
	if n := w.rows("group_sample_1m"); n != 3*5 { // each of the flows has a VSAN and rule of its own
		t.Errorf("%d rows of groups, want 15", n)
	}
	w.now = noon.Add(2 * time.Hour)
	w.pass(k)
	if n := w.rows("flow_sample_1h"); n != 5 {
		t.Errorf("%d rows of an hour of five flows, want 5", n)
	}
	w.same("an hour later")
}

func TestSamplesThatComeLateAreCountedOnce(t *testing.T) {
	w := open(t)
	k := w.keeper(Retention{})
	if err := EnsurePartitions(ctx, w.db.Q(), noon); err != nil {
		t.Fatal(err)
	}
	// A flush begins and is not through before its minute and its hour are rolled up.
	tx, err := w.db.Q().Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(ctx)
	slow := []fact{sample(1, noon), sample(2, noon.Add(time.Second))}
	w.copyIn(tx, slow)
	w.write(w.db.Q(), sample(1, noon.Add(2*time.Second)), sample(3, noon))
	for _, later := range []time.Duration{time.Minute, 2 * time.Minute, time.Hour, 90 * time.Minute} {
		w.now = noon.Add(later)
		if err := k.Pass(ctx); err != nil && !passes(err) { // partitions for the next hour must wait for it, rollups need not
			t.Fatal(err)
		}
	}
	w.same("while it is under way")
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	w.facts = append(w.facts, slow...)
	// Others were written late, of a time that was rolled up, and of one whose seconds retention has dropped.
	w.write(w.db.Q(), sample(4, noon.Add(-time.Minute)), sample(1, noon))
	w.now = noon.Add(4 * time.Hour)
	w.pass(k)
	w.write(w.db.Q(), sample(5, noon), sample(1, noon.Add(-10*24*time.Hour)))
	w.pass(k)
	w.now = noon.Add(6 * time.Hour)
	w.pass(k)
	w.now = noon.Add(7 * time.Hour)
	w.pass(k)
	w.same("at the end")
	if n := w.rows("flow_sample_1s"); n != 0 {
		t.Errorf("%d samples of a second are left after 7 hours", n)
	}
}

// What a fault may leave half done is tried at each operation; a whole pass, which is these again and again, at some.
func TestAFaultAtAnyOperationLosesNothingAndCountsNothingTwice(t *testing.T) {
	dsn := pgtest.DB(t)
	old := noon.Add(-5 * time.Hour)
	for name, tc := range map[string]struct {
		stride int
		run    func(*world, *Keeper) error
	}{
		"a rollup": {1, func(w *world, k *Keeper) error {
			err := makeMarks(ctx, k.db.Q(), w.node)
			for _, s := range []step{steps[0], steps[2]} {
				if err == nil {
					_, err = rollup(ctx, k.db.Q(), w.node, s, w.now, maxReach)
				}
			}
			return err
		}},
		"a drop":       {1, func(_ *world, k *Keeper) error { return drop(ctx, k.db.Q(), flowSeconds.at(old)) }},
		"a new one":    {1, func(_ *world, k *Keeper) error { return ensure(ctx, k.db.Q(), []table{flowSeconds}, noon, 0) }},
		"a whole pass": {29, func(_ *world, k *Keeper) error { return k.Pass(ctx) }},
	} {
		for _, when := range []pgtest.When{pgtest.Before, pgtest.After} {
			for n := 1; ; n += tc.stride {
				w := newWorld(t, dsn)
				k := w.keeper(Retention{})
				for _, s := range steps {
					k.reach[s.mark()] = maxReach
				}
				if err := ensure(ctx, w.q, []table{flowSeconds}, old, 0); err != nil {
					t.Fatal(err)
				}
				w.write(w.q, sample(1, old), sample(2, old.Add(time.Minute)), sample(3, noon.Add(-90*time.Second)), sample(4, noon.AddDate(3, 0, 0)))
				if name == "a drop" {
					w.pass(w.keeper(Retention{Seconds: 6 * time.Hour}))
				}
				real, faulty := w.q, pgtest.Faulty(w.q, n, when)
				w.q = faulty
				if err := tc.run(w, k); err != nil && (!faulty.Hit() || !passes(err)) {
					t.Fatalf("%s, operation %d, %v: %v", name, n, when, err)
				}
				w.q = real
				if _, err := w.q.Exec(ctx, "DELETE FROM sample_clock WHERE node_id = $1", w.node); err != nil { // it would go an hour at a time
					t.Fatal(err)
				}
				w.now = w.now.Add(4 * time.Hour)
				w.pass(k)
				w.same(fmt.Sprintf("%s, operation %d, %v", name, n, when))
				if got := w.rows("flow_sample_1s"); got != 1 { // that of the future
					t.Errorf("%s, operation %d, %v: %d samples are left", name, n, when, got)
				}
				w.db.Close()
				if !faulty.Hit() {
					t.Logf("%s: %d operations", name, faulty.Ops())
					break
				}
			}
		}
	}
}

func TestManyWhoMakePartitionsAndWriteAtOnceDoNotDisturbEachOther(t *testing.T) {
	w := open(t)
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			for j := range 5 {
				at := noon.Add(time.Duration(j) * 7 * time.Minute)
				w.copyIn(w.db.Q(), []fact{sample(i, at)})
				if err := EnsurePartitions(ctx, w.db.Q(), at); err != nil && !postgres.Kind(err).Retry() {
					t.Error(err)
				}
				w.copyIn(w.db.Q(), []fact{sample(i, at)})
			}
		})
	}
	wg.Wait()
	if n := w.rows("flow_sample_1s"); n != 60 {
		t.Errorf("%d samples, want 60", n)
	}
	if err := EnsurePartitions(ctx, w.db.Q(), noon); err != nil {
		t.Fatal(err)
	}
	var rest int
	if err := w.db.Q().QueryRow(ctx, "SELECT count(*) FROM flow_sample_1s_else WHERE at < $1", noon.Add(20*time.Minute)).Scan(&rest); err != nil || rest != 0 {
		t.Errorf("%d samples lie in the partition for all else, %v", rest, err)
	}
}

func TestTimesFarAwayFailNoCopy(t *testing.T) {
	w := open(t)
	k := w.keeper(Retention{})
	for _, at := range []time.Time{
		time.Unix(0, 0), time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(1969, 12, 31, 23, 59, 59, 999999000, time.UTC), time.Date(2500, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC), noon,
	} {
		if err := EnsurePartitions(ctx, w.db.Q(), at); err != nil {
			t.Errorf("%v: %v", at, err)
		}
		w.write(w.db.Q(), sample(1, at))
	}
	w.now = noon.Add(time.Minute)
	w.pass(k)
	w.now = noon.Add(2 * time.Hour)
	w.pass(k)
	var frames int64 // what is older than the hours are kept went after it was counted there
	if err := w.db.Q().QueryRow(ctx, "SELECT sum(frames)::bigint FROM flow_sample_1h WHERE at > $1", noon.Add(-time.Hour)).Scan(&frames); err != nil || frames != 4*2 {
		t.Errorf("%d frames in hours, want 8, %v", frames, err)
	}
	total, err := w.service().Total(ctx, Request{Of: OfAll, From: noon.Add(-time.Hour), To: noon.Add(time.Hour)})
	if err != nil || total.Counts.Frames != 2 {
		t.Errorf("%+v, %v: want 2 frames around noon", total, err)
	}
}

// A database that comes from another cluster goes on counting above that one's transactions.
func TestSamplesRestoredIntoAnotherClusterAreCountedOnce(t *testing.T) {
	w := open(t)
	k := w.keeper(Retention{})
	w.write(w.db.Q(), sample(1, noon), sample(2, noon))
	w.now = noon.Add(time.Minute)
	w.pass(k)
	w.write(w.db.Q(), sample(3, noon.Add(time.Minute))) // not rolled up when the backup is made
	for _, sql := range []string{
		"UPDATE sample_level SET upto = upto + 1000000000", "UPDATE flow_sample_1s SET tx = tx + 1000000000", "UPDATE flow_sample_1m SET tx = tx + 1000000000",
	} {
		if _, err := w.db.Q().Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 { // the second finds nothing to do
		if err := EnsurePartitions(ctx, w.db.Q(), w.now); err != nil {
			t.Fatal(err)
		}
		w.write(w.db.Q(), sample(4, w.now), sample(1, w.now))
		w.now = w.now.Add(time.Hour)
		w.pass(k)
		w.now = w.now.Add(time.Hour)
		w.pass(k)
		w.same("after the restore")
	}
}
