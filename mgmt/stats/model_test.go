package stats

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"fcredirect/dataplane/frame"
	"fcredirect/mgmt/postgres/pgtest"
)

// Whatever is written in whatever order, by transactions that overlap, late or with clocks that step; however rollups are
// cut and whatever retention drops between: the counts of a range are what was written there, as far as hours are kept.
func TestCountsOfAnyRangeAreWhatWasWritten(t *testing.T) {
	few(t, "8")
	dsn := pgtest.DB(t)
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, dsn)
		defer w.db.Close()
		m := &machine{world: w, keep: w.keeper(Retention{})}
		defer m.end()
		rt.Repeat(rapid.StateMachineActions(m))
	})
}

type machine struct {
	*world
	keep *Keeper
	late []pending
}

// pending is a transaction that has written and not committed.
type pending struct {
	tx    pgx.Tx
	facts []fact
}

var ctx = context.Background()

func (m *machine) end() {
	for _, p := range m.late {
		_ = p.tx.Rollback(ctx)
	}
}

// drawTime is near the present, sometimes hours away, rarely where a clock is that is wrong.
func (m *machine) drawTime(rt *rapid.T) time.Time {
	at := m.now.Add(-time.Duration(rapid.Int64Range(0, int64(90*time.Second)).Draw(rt, "ago")))
	switch rapid.IntRange(0, 19).Draw(rt, "where") {
	case 0, 1, 2:
		at = at.Add(-time.Duration(rapid.IntRange(0, 200).Draw(rt, "minutes")) * time.Minute)
	case 3:
		at = at.AddDate(rapid.SampledFrom([]int{-56, -1, 1, 10}).Draw(rt, "years"), 0, 0)
	case 4:
		at = floor(at, rapid.SampledFrom(bucket[:]).Draw(rt, "whole"))
	}
	return at.Truncate(time.Microsecond)
}

func (m *machine) drawFacts(rt *rapid.T) []fact {
	return rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) fact {
		return fact{
			at: m.drawTime(rt), initiator: frame.WWN(rapid.Uint64Range(1, 3).Draw(rt, "initiator") << 60), target: frame.WWN(rapid.IntRange(0, 2).Draw(rt, "target")),
			vsan: rapid.IntRange(0, 2).Draw(rt, "vsan"), rule: rapid.SampledFrom([]string{"", "a", "b"}).Draw(rt, "rule"),
			service: rapid.SampledFrom([]string{"", "s"}).Draw(rt, "service"), port: rapid.SampledFrom([]string{"e0", "f0"}).Draw(rt, "port"),
			frames: rapid.Int64Range(0, 1000).Draw(rt, "frames"), bytes: rapid.Int64Range(0, 1<<40).Draw(rt, "bytes"), errors: rapid.Int64Range(0, 3).Draw(rt, "errors"),
		}
	}), 1, 12).Draw(rt, "facts")
}

// Write is a flush of the store.
func (m *machine) Write(rt *rapid.T) { m.write(m.db.Q(), m.drawFacts(rt)...) }

// Prepare is what the store does before.
func (m *machine) Prepare(rt *rapid.T) {
	if err := EnsurePartitions(ctx, m.db.Q(), m.drawTime(rt)); err != nil && len(m.late) == 0 {
		rt.Fatal(err)
	}
}

// Begin is a flush that takes long.
func (m *machine) Begin(rt *rapid.T) {
	if len(m.late) == 3 {
		rt.Skip("enough of them")
	}
	facts := m.drawFacts(rt)
	tx, err := m.db.Q().Begin(ctx)
	if err != nil {
		rt.Fatal(err)
	}
	m.copyIn(tx, facts)
	m.late = append(m.late, pending{tx, facts})
}

// Commit ends one of those.
func (m *machine) Commit(rt *rapid.T) {
	if len(m.late) == 0 {
		rt.Skip("none")
	}
	i := rapid.IntRange(0, len(m.late)-1).Draw(rt, "which")
	p := m.late[i]
	m.late = append(m.late[:i], m.late[i+1:]...)
	if rapid.IntRange(0, 4).Draw(rt, "how") == 0 {
		if err := p.tx.Rollback(ctx); err != nil {
			rt.Fatal(err)
		}
		return
	}
	if err := p.tx.Commit(ctx); err != nil {
		rt.Fatal(err)
	}
	m.facts = append(m.facts, p.facts...)
}

// Pass lets time go by.
func (m *machine) Pass(rt *rapid.T) {
	m.now = m.now.Add(time.Duration(rapid.Int64Range(int64(-5*time.Second), int64(40*time.Minute)).Draw(rt, "time"))).Truncate(time.Microsecond)
}

// Roll takes a slice.
func (m *machine) Roll(rt *rapid.T) {
	if err := makeMarks(ctx, m.db.Q(), m.node); err != nil {
		rt.Fatal(err)
	}
	s := rapid.SampledFrom([]step{steps[0], steps[0], steps[2]}).Draw(rt, "step")
	now := rapid.SampledFrom([]time.Time{m.now, {}}).Draw(rt, "now")
	if _, err := rollup(ctx, m.db.Q(), m.node, s, now, rapid.SampledFrom([]int64{1, 7, maxReach, maxReach}).Draw(rt, "reach")); err != nil {
		rt.Fatal(err)
	}
}

// Keep is a whole pass: rollups, and retention, which cannot drop what is being written.
func (m *machine) Keep(rt *rapid.T) {
	if len(m.late) > 0 {
		rt.Skip("a writer would hold it up")
	}
	if err := m.keep.Pass(ctx); err != nil {
		rt.Fatal(err)
	}
}

// Drop takes a partition away as soon as nobody needs it.
func (m *machine) Drop(rt *rapid.T) {
	if len(m.late) > 0 {
		rt.Skip("a writer would hold it up")
	}
	list, _, err := listPartitions(ctx, m.db.Q())
	if err != nil {
		rt.Fatal(err)
	}
	if len(list) == 0 {
		rt.Skip("none")
	}
	p := rapid.SampledFrom(list).Draw(rt, "partition")
	if p.table.width == Hours || p.to.After(m.now) {
		rt.Skip("what it holds would be gone")
	}
	if err := drop(ctx, m.db.Q(), p.partition); err != nil && !errors.Is(err, errUnrolled) {
		rt.Fatal(err)
	}
}

func (m *machine) drawRequest(rt *rapid.T) Request {
	from, to := m.drawTime(rt), m.drawTime(rt)
	if rapid.IntRange(0, 2).Draw(rt, "long") == 0 {
		from, to = m.now.Add(-5*time.Hour), m.now.Add(time.Hour)
	}
	if to.Before(from) {
		from, to = to, from
	}
	if !from.Before(to) {
		to = from.Add(time.Microsecond)
	}
	r := Request{Of: rapid.SampledFrom([]Kind{OfFlow, OfInitiator, OfTarget, OfPolicy, OfService, OfVSAN, OfAll}).Draw(rt, "of"), From: from, To: to}
	if len(m.facts) > 0 {
		f := rapid.SampledFrom(m.facts).Draw(rt, "named")
		r.Key = f.key(r.Of)
	} else {
		r.Key = (&fact{}).key(r.Of)
	}
	if rapid.IntRange(0, 4).Draw(rt, "port?") == 0 {
		r.Port = ptr("e0")
	}
	return r
}

// Total is checked.
func (m *machine) Total(rt *rapid.T) {
	r := m.drawRequest(rt)
	got, err := m.service().Total(ctx, r)
	if err != nil {
		rt.Fatal(err)
	}
	if want := m.total(r.Key, got.From, got.To); !m.dropped(rt, got.From) && got.Counts.bare() != want {
		rt.Fatalf("%+v\nof %v to %v\ngot  %+v\nwant %+v", r, got.From, got.To, got.Counts, want)
	}
	m.covers(rt, r, got.Range, hour)
}

// dropped says whether retention has dropped hours after a time, as it does those of a clock that stood in 1970: an answer about
// them has what is left.
func (m *machine) dropped(rt *rapid.T, from time.Time) bool {
	marks, err := readMarks(ctx, m.db.Q(), m.node)
	if err != nil {
		rt.Fatal(err)
	}
	return from.Before(marks[flowHours.level()].floor) || from.Before(marks[groupHours.level()].floor)
}

// covers: an answer is about the range asked for, or wider by less than the bucket that the answer needs.
func (m *machine) covers(rt *rapid.T, r Request, got Range, level int) {
	if got.From.After(r.From) || got.To.Before(r.To) || r.From.Sub(got.From) >= bucket[level] || got.To.Sub(r.To) >= bucket[level] {
		rt.Fatalf("asked for %v to %v, the answer is about %v to %v", r.From, r.To, got.From, got.To)
	}
}

// Top is checked.
func (m *machine) Top(rt *rapid.T) {
	r := m.drawRequest(rt)
	if rapid.Bool().Draw(rt, "all") {
		r.Key = Key{}
	}
	r.By, r.N = rapid.SampledFrom(Counters).Draw(rt, "by"), rapid.IntRange(0, 5).Draw(rt, "n")
	got, err := m.service().Top(ctx, r)
	if err != nil {
		rt.Fatal(err)
	}
	width := time.Second
	for i, n := range levelNames {
		if n == got.Bucket {
			width = bucket[i]
		}
	}
	m.covers(rt, r, got.Range, hour)
	if m.dropped(rt, got.From) {
		return
	}
	want := m.top(r.Of, r.Key, r.By, width, got.From, got.To)
	if r.Of != OfAll && int(got.Groups) != len(want) {
		rt.Fatalf("%d groups, want %d", got.Groups, len(want))
	}
	if r.N == 0 {
		r.N = 10
	}
	if all := m.total(r.Key, got.From, got.To); len(want) > 0 && got.All.bare() != all {
		rt.Fatalf("all together %+v, want %+v", got.All, all)
	}
	want = want[:min(r.N, len(want))]
	for i := range got.Rows {
		got.Rows[i].Counts = got.Rows[i].Counts.bare()
	}
	if r.Of == OfAll && len(want) == 0 {
		want = []TopRow{{}} // a total of nothing
	}
	if len(want) != len(got.Rows) || len(want) > 0 && !reflect.DeepEqual(got.Rows, want) {
		rt.Fatalf("%+v\ngot  %+v\nwant %+v", r, got.Rows, want)
	}
}

// Series is checked.
func (m *machine) Series(rt *rapid.T) {
	r := m.drawRequest(rt)
	r.Step = rapid.SampledFrom([]int{0, 0, 1, 7, 60, 90, 300, 3600, 86400}).Draw(rt, "step")
	got, err := m.service().Series(ctx, r)
	if wrong := (*BadRequest)(nil); errors.As(err, &wrong) && r.To.Sub(r.From) > MaxPoints*time.Second {
		return
	}
	if err != nil {
		rt.Fatal(err)
	}
	step := time.Duration(got.Step) * time.Second
	if n := int(got.To.Sub(got.From) / step); n != len(got.Points) || n > MaxPoints+1 {
		rt.Fatalf("%d points for %v to %v by %v", len(got.Points), got.From, got.To, step)
	}
	old := m.dropped(rt, got.From)
	for i, p := range got.Points {
		if want := got.From.Add(time.Duration(i) * step); !p.At.Equal(want) {
			rt.Fatalf("point %d is of %v, want %v", i, p.At, want)
		}
		if old && m.dropped(rt, p.At) {
			continue
		}
		want := m.total(r.Key, p.At, p.At.Add(step))
		if p.Counts == nil && want != (Counts{}) || p.Counts != nil && p.Counts.bare() != want {
			rt.Fatalf("%+v\nat %v got %+v, want %+v", r, p.At, p.Counts, want)
		}
	}
	if got.From.After(r.From) || got.To.Before(r.To) {
		rt.Fatalf("asked for %v to %v, the answer is about %v to %v", r.From, r.To, got.From, got.To)
	}
}

// Check is what must hold at any time.
func (m *machine) Check(*rapid.T) {}
