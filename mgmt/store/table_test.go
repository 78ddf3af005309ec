package store

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"fcredirect/dataplane/feed"
	"fcredirect/mgmt/postgres/pgtest"
)

func TestUpdatesOfLivingFlowsTouchNoIndex(t *testing.T) {
	db, _ := database(t, pgtest.DB(t))
	p := newPlane(t, 2, 600, 4096, 1)
	r := run(t, Options{Place: p.place(), DB: db, Linger: 5 * time.Millisecond})
	for round := range 60 {
		p.mu.Lock()
		for _, l := range p.lcores {
			for slot := range l.live {
				switch {
				case !l.live[slot]:
					p.make(l, slot)
				case (slot+round)%97 == 0:
					p.change(l, slot) // another verdict now and then
				case (slot+round)%3 > 0:
					p.count(l, slot, 3)
				}
			}
		}
		p.mu.Unlock()
		p.rest()
	}
	p.same(db.Q())
	r.end()
	if _, err := db.Q().Exec(t.Context(), "SELECT pg_stat_force_next_flush()"); err != nil {
		t.Fatal(err)
	}
	var updates, hot int64
	eventually(t, "the server has counted", func() bool {
		if err := db.Q().QueryRow(t.Context(), "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'flow'").Scan(&updates, &hot); err != nil {
			t.Fatal(err)
		}
		return updates > 10000
	})
	t.Logf("%d updates, %.1f %% of them HOT", updates, 100*float64(hot)/float64(updates))
	if float64(hot) < 0.95*float64(updates) {
		t.Errorf("%d of %d updates are HOT: a changing column is in an index, or pages are too full", hot, updates)
	}
}

func TestSamplesAddUpToTheTotalsWhenFlowsAreQuiet(t *testing.T) {
	db, _ := database(t, pgtest.DB(t))
	p := newPlane(t, 2, 64, 1024, 1)
	r := run(t, Options{Place: p.place(), DB: db})
	began := time.Now()
	for time.Since(began) < 4*sampleEvery {
		p.mu.Lock()
		for _, l := range p.lcores {
			for slot := range 40 {
				if !l.live[slot] {
					p.make(l, slot)
				}
				p.count(l, slot, 2)
			}
		}
		p.end(p.lcores[0], 39)
		p.mu.Unlock()
		p.rest()
		if err := sumsDiffer(db.Q()); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all is sampled", func() bool {
		return number(t, db.Q(), "SELECT count(*) FROM flow WHERE (frames, bytes) <> (sampled_frames, sampled_bytes)") == 0
	})
	p.same(db.Q())
	frames, total := number(t, db.Q(), "SELECT sum(frames)::bigint FROM flow_sample_1s"), number(t, db.Q(), "SELECT sum(frames)::bigint FROM flow")
	if frames != total {
		t.Errorf("samples have %d frames, flows %d", frames, total)
	}
	// A busy flow is sampled once a second, and most of these samples went with its updates.
	most := number(t, db.Q(), "SELECT max(n) FROM (SELECT count(*) AS n FROM flow_sample_1s GROUP BY serial) s")
	if most < 2 || most > 2+int64(time.Since(began)/sampleEvery) {
		t.Errorf("a flow has %d samples after %v", most, time.Since(began))
	}
	r.end()
}

func TestSamplesStayWithinTheirBudgetAndAllGetTheirTurn(t *testing.T) {
	db, _ := database(t, pgtest.DB(t))
	p := newPlane(t, 1, 400, 4096, 1)
	const budget = 100
	r := run(t, Options{Place: p.place(), DB: db, SampleRows: budget})
	began := time.Now()
	for time.Since(began) < 6*time.Second || number(t, db.Q(), "SELECT count(DISTINCT serial) FROM flow_sample_1s") < 400 {
		if time.Since(began) > patienceOfTests {
			t.Fatal("some are never sampled")
		}
		p.mu.Lock()
		for slot := range p.slots {
			if l := p.lcores[0]; !l.live[slot] {
				p.make(l, slot)
			} else {
				p.count(l, slot, 1)
			}
		}
		p.mu.Unlock()
		p.rest()
	}
	if n, most := number(t, db.Q(), "SELECT count(*) FROM flow_sample_1s"), int64(budget*(time.Since(r.born).Seconds()+1)); n > most {
		t.Errorf("%d samples, the budget was %d", n, most)
	}
	if err := sumsDiffer(db.Q()); err != nil {
		t.Error(err)
	}
	r.end()
}

const watched = `
services: [{name: inspect, mode: steer, port: svc0, mac: "02:fc:5e:00:00:01"}]
policies:
  - {name: watch, match: {initiator: 20:00:02:fc:01:00:00:01}, action: redirect, service: inspect}
  - {name: rest, match: {}, action: forward}
`

func TestRowsHaveTheNamesOfTheConfigurationThatTheirVerdictIsFrom(t *testing.T) {
	db, _ := database(t, pgtest.DB(t))
	p := newPlane(t, 1, 8, 128, 1)
	p.apply(watched, 2)
	r := run(t, Options{Place: p.place(), DB: db})
	p.mu.Lock()
	l := p.lcores[0]
	for slot := range 4 {
		p.make(l, slot)
		f := &l.flows[slot]
		f.Generation, f.Rule, f.Service, f.Action = 2, 0, 0, 1
	}
	l.flows[1].Rule, l.flows[1].Service, l.flows[1].Action = 1, -1, 0
	l.flows[2].Generation = 7 // gone before anybody looked
	l.flows[3].Generation = 0 // waits to be evaluated
	p.mu.Unlock()
	p.rest()
	name := func(serial int, column string) (text string) {
		if err := db.Q().QueryRow(t.Context(), "SELECT "+column+" FROM flow WHERE serial = $1", serial).Scan(&text); err != nil {
			t.Fatal(err)
		}
		return text
	}
	for _, c := range []struct {
		serial              int
		rule, service, port string
		action              string
	}{
		{1, "watch", "inspect", "edge0", "redirect"}, {2, "rest", "", "fab0", "forward"}, {3, "#0", "#0", "edge0", "redirect"}, {4, "watch", "inspect", "fab0", "redirect"},
	} {
		if rule, service, port, action := name(c.serial, "rule"), name(c.serial, "service"), name(c.serial, "in_port"), name(c.serial, "action"); rule != c.rule ||
			service != c.service || port != c.port || action != c.action {
			t.Errorf("flow %d: rule %q, service %q, port %q, action %q; want %q, %q, %q, %q", c.serial, rule, service, port, action, c.rule, c.service, c.port, c.action)
		}
	}
	// The configuration goes; a role that has not seen it leaves the names that the row has.
	r.end()
	p.apply(strings.ReplaceAll(watched, "watch", "guard"), 3)
	r = run(t, Options{Place: p.place(), DB: db})
	p.mu.Lock()
	p.count(l, 0, 5)
	p.mu.Unlock()
	p.rest()
	if rule := name(1, "rule"); rule != "watch" {
		t.Errorf("the rule became %q", rule)
	}
	p.same(db.Q())
	r.end()
}

func TestFlowsAreListedInPagesBothDirectionsTogether(t *testing.T) {
	db, _ := database(t, pgtest.DB(t))
	p := newPlane(t, 1, 24, 128, 1)
	bus := &methods{}
	r := run(t, Options{Place: p.place(), DB: db, Bus: bus})
	p.mu.Lock()
	for slot := range 20 {
		p.make(p.lcores[0], slot)
		p.count(p.lcores[0], slot, uint64(1+slot))
	}
	p.mu.Unlock()
	p.rest()
	var all []string
	request := FlowsRequest{Limit: 3}
	for pages := 1; ; pages++ {
		page := bus.ask(t, &request)
		for _, f := range page.Flows {
			all = append(all, f.InitiatorID)
			if f.FramesIn != f.FramesOut+1 || f.Verdict != "forward" || f.Initiator == "" || f.TargetID != "0x020000" {
				t.Errorf("%+v", f)
			}
		}
		if request.After = page.Next; page.Next == nil {
			if pages != 4 || len(all) != 10 {
				t.Errorf("%d flows in %d pages, want 10 in 4", len(all), pages)
			}
			break
		}
	}
	if page := bus.ask(t, &FlowsRequest{VSAN: new(uint16(100)), Initiator: "20:00:02:fc:01:00:00:01"}); len(page.Flows) != 1 || page.Flows[0].VSAN != 100 {
		t.Errorf("one initiator in one VSAN: %+v", page.Flows)
	}
	if page := bus.ask(t, &FlowsRequest{Verdict: "drop"}); page.Flows == nil || len(page.Flows) != 0 || page.Next != nil {
		t.Errorf("nothing is dropped: %+v", page)
	}
	r.end()
	if bus.answer.Load() != nil {
		t.Error("a role that has ended still answers")
	}
}

// methods is a bus with one method.
type methods struct {
	answer atomic.Pointer[func(context.Context, []byte) ([]byte, error)]
}

func (m *methods) Handle(method string, answer func(context.Context, []byte) ([]byte, error)) func() {
	if method == FlowsMethod {
		m.answer.Store(&answer)
	}
	return func() { m.answer.Store(nil) }
}

func (m *methods) ask(t *testing.T, request *FlowsRequest) *FlowsPage {
	t.Helper()
	question, err := json.Marshal(request)
	if err != nil {
		t.Fatal(err)
	}
	b, err := (*m.answer.Load())(t.Context(), question)
	if err != nil {
		t.Fatal(err)
	}
	page := &FlowsPage{}
	if err := json.Unmarshal(b, page); err != nil {
		t.Fatal(err)
	}
	return page
}

func TestOldRowsOfEndedFlowsAreDeleted(t *testing.T) {
	db, _ := database(t, pgtest.DB(t))
	p := newPlane(t, 1, 16, 256, 1)
	r := run(t, Options{Place: p.place(), DB: db})
	p.mu.Lock()
	for slot := range 16 {
		p.make(p.lcores[0], slot)
	}
	for slot := range 10 {
		p.end(p.lcores[0], slot)
	}
	p.mu.Unlock()
	p.rest()
	r.end()
	if _, err := db.Q().Exec(t.Context(), "UPDATE flow SET ended_at = ended_at - interval '1 day' WHERE serial <= 3"); err != nil {
		t.Fatal(err)
	}
	r = run(t, Options{Place: p.place(), DB: db, Keep: 12 * time.Hour, KeepRows: 4})
	eventually(t, "old and surplus rows are gone", func() bool {
		p.mu.Lock()
		r.retireNow()
		p.mu.Unlock()
		p.rest()
		return number(t, db.Q(), "SELECT count(*) FROM flow WHERE ended_at IS NOT NULL") == 4
	})
	if n := number(t, db.Q(), "SELECT count(*) FROM flow WHERE serial <= 3"); n > 0 {
		t.Errorf("%d rows are older than they may be", n)
	}
	if n := number(t, db.Q(), "SELECT count(*) FROM flow WHERE ended_at IS NULL"); n != 6 {
		t.Errorf("%d flows live, want 6", n)
	}
	if n := r.Stats().Retired; n != 6 {
		t.Errorf("%d rows were retired, want 6", n)
	}
	r.end()
}

func TestWhatCannotWorkIsRefusedByNew(t *testing.T) {
	db, _ := database(t, "host=/nowhere dbname=x user=y")
	for _, c := range []struct {
		name, want string
		o          Options
	}{
		{"no database", "no database", Options{}},
		{"a shard that cannot be", "shard 8", Options{DB: db, Shard: feed.MaxShards}},
		{"a batch of nothing", "batch of 1", Options{DB: db, Batch: 1}},
		{"a negative retention", "negative", Options{DB: db, Keep: -1}},
	} {
		if _, err := New(c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q in it", c.name, err, c.want)
		}
	}
}
