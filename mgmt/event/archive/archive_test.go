package archive_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"fcredirect/mgmt/event"
	"fcredirect/mgmt/event/archive"
	"fcredirect/mgmt/postgres"
	"fcredirect/mgmt/postgres/pgtest"
)

func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "20"); err != nil { // each asks a server; the command line may say more
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// database is a *postgres.DB whose Querier a test may replace.
type database struct {
	*postgres.DB
	q postgres.Querier
}

func (d *database) Q() postgres.Querier { return d.q }

func open(t testing.TB) *database {
	t.Helper()
	db := openNode(t, pgtest.DB(t), "a")
	t.Cleanup(db.Close)
	return db
}

func openNode(t interface{ Fatal(...any) }, dsn, node string) *database {
	db, err := postgres.Open(postgres.Config{DSN: dsn, Node: node, App: "test"})
	if err != nil {
		t.Fatal(err)
	}
	return &database{db, db.Q()}
}

var start = time.Date(2026, 1, 1, 0, 0, 0, 123456789, time.UTC)

// maker makes events in the order of their numbers.
type maker struct {
	number uint64
	epoch  uint64
	log    []event.Event
}

func (m *maker) make(t event.Type, f event.Fields) event.Event {
	m.number++
	fields, err := event.Encode(t, f)
	if err != nil {
		panic(err)
	}
	e := event.Event{
		Number: m.number, At: start.Add(time.Duration(m.number) * 1500 * time.Millisecond), Type: t, Fields: fields,
		Origin: event.Origin{Epoch: m.epoch, Producer: 1, Seq: m.number},
	}
	m.log = append(m.log, e)
	return e
}

// draw makes an event about one of a few things.
func (m *maker) draw(t *rapid.T) event.Event {
	small := func(what string) int { return rapid.IntRange(0, 4).Draw(t, what) }
	types := []event.Type{
		event.FlowCreated, event.FlowVerdict, event.FlowFailed, event.FlowRecovered, event.FlowEnded, event.LoginUp, event.LoginChanged, event.LoginDown,
		event.LoginConflict, event.PortUp, event.PortDown, event.ServiceUp, event.ServiceDown, event.PolicyApplied, event.DataplaneStarted, event.DataplaneStopped,
		event.RoleStarted, event.RoleStopped, event.RoleFailed, event.AlarmRaised, event.AlarmCleared, event.LogGap, event.SpoolReady,
	}
	kind := rapid.SampledFrom(types).Draw(t, "type")
	f := event.Fields{}
	switch c := event.Lookup(kind); {
	case kind == event.DataplaneStarted:
		if rapid.Bool().Draw(t, "cold") {
			m.epoch++
		}
		f["name"] = "node"
	case c.Category == event.Flow:
		f["serial"], f["frames"], f["verdict"], f["state"] = small("serial"), small("frames"), "forward", "active"
		if rapid.Bool().Draw(t, "known") {
			f["initiator"], f["created"], f["from_initiator"], f["fabric"] = "21:00:00:00:00:00:00:01", start, true, 1
		}
	case c.Category == event.Login || c.Category == event.Security:
		f["fabric"], f["vsan"], f["fc_id"], f["state"] = 0, 100, fmt.Sprint(small("id")), "live"
		f["wwpn"], f["first_seen"] = fmt.Sprint(small("wwpn")), start.Add(time.Duration(small("seen")))
	case c.Category == event.Port || c.Category == event.Service:
		f["name"] = fmt.Sprint(small("name"))
	case c.Category == event.Role:
		f["role"], f["shard"] = "store", small("shard")
		if kind == event.RoleFailed {
			f["error"] = "a \x00 \"message\" \xff"
		}
	case c.Category == event.Alarms:
		f["code"] = fmt.Sprint(small("code"))
	}
	return m.make(kind, f)
}

func check(t interface {
	Helper()
	Fatalf(string, ...any)
}, a *archive.Archive) event.CheckAnswer {
	t.Helper()
	c, err := a.Check(context.Background())
	if err != nil {
		t.Fatalf("check: %v", err)
	}
	if !c.Equal() {
		t.Fatalf("the views are not what the log says: %+v", c)
	}
	return c
}

// what follows from the log, as simply as can be: the last word on each port, flow and login, and how often.
func model(log []event.Event) (flows, logins, ports map[string][2]string) {
	flows, logins, ports = map[string][2]string{}, map[string][2]string{}, map[string][2]string{}
	counts := map[string]int{}
	for i := range log {
		e := &log[i]
		f := fields(e)
		put := func(into map[string][2]string, key, state string, counted bool) {
			if counted {
				counts[key]++
			}
			into[key] = [2]string{state, fmt.Sprint(counts[key])}
		}
		flow, login := fmt.Sprint("f", e.Origin.Epoch, ".", f["serial"]), fmt.Sprint("l", e.Origin.Epoch, ".", f["fc_id"])
		switch e.Type {
		case event.FlowCreated:
			put(flows, flow, "active", false)
		case event.FlowVerdict, event.FlowFailed, event.FlowRecovered:
			put(flows, flow, "active", true)
		case event.FlowEnded:
			put(flows, flow, "ended", false)
		case event.LoginUp:
			put(logins, login, "live", true)
		case event.LoginChanged:
			put(logins, login, "live", false)
		case event.LoginDown:
			put(logins, login, "gone", false)
		case event.LoginConflict:
			put(logins, login, logins[login][0], false)
		case event.PortUp:
			put(ports, fmt.Sprint("p", f["name"]), "up", true)
		case event.PortDown:
			put(ports, fmt.Sprint("p", f["name"]), "down", false)
		}
	}
	return flows, logins, ports
}

// The log in any batches, with retention in between: the views are what a replay gives, and without retention what the
// model says.
func TestViewsFollowFromTheLogHoweverItIsCut(t *testing.T) {
	dsn, nodes := pgtest.DB(t), 0
	rapid.Check(t, func(rt *rapid.T) {
		nodes++ // one database for all: nodes do not see each other
		db := openNode(rt, dsn, fmt.Sprint("node", nodes))
		defer db.Close()
		ctx, a := context.Background(), archive.New(db)
		if err := a.Begin(ctx, 7, 0); err != nil {
			rt.Fatal(err)
		}
		m := &maker{epoch: 1 << 63} // beyond what a bigint counts: only its bits matter
		retained := false
		for range rapid.IntRange(1, 8).Draw(rt, "batches") {
			after := m.number
			for range rapid.IntRange(1, 30).Draw(rt, "size") {
				m.draw(rt)
			}
			if err := a.Insert(ctx, 7, after, m.log[after:]); err != nil {
				rt.Fatal(err)
			}
			switch rapid.IntRange(0, 5).Draw(rt, "then") {
			case 0:
				upTo := m.log[rapid.IntRange(0, len(m.log)-1).Draw(rt, "before")]
				if _, err := a.Retain(ctx, upTo.At, 0); err != nil {
					rt.Fatal(err)
				}
				retained = true
			case 1:
				if _, err := a.Retain(ctx, time.Time{}, uint64(rapid.IntRange(1, 60).Draw(rt, "most"))); err != nil {
					rt.Fatal(err)
				}
				retained = true
			case 2:
				if err := a.Rebuild(ctx); err != nil {
					rt.Fatal(err)
				}
			case 3:
				check(rt, a)
			}
		}
		check(rt, a)
		if retained {
			return
		}
		flows, logins, ports := model(m.log)
		for sql, want := range map[string]map[string][2]string{
			"SELECT 'f' || (epoch::numeric + 18446744073709551616) % 18446744073709551616 || '.' || serial, state, changes::text FROM view_flow WHERE node_id = $1":              flows,
			"SELECT 'l' || (epoch::numeric + 18446744073709551616) % 18446744073709551616 || '.' || fc_id, coalesce(state, ''), logins::text FROM view_login WHERE node_id = $1": logins,
			"SELECT 'p' || name, state, ups::text FROM view_port WHERE node_id = $1":                                                                                             ports,
		} {
			if got := rows(rt, db, sql); !reflect.DeepEqual(got, want) {
				rt.Fatalf("%s\n%v\nwant %v", sql, got, want)
			}
		}
	})
}

func rows(t *rapid.T, db *database, sql string) map[string][2]string {
	node, err := db.NodeID(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	found, err := db.Q().Query(context.Background(), sql, node)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][2]string{}
	var key, one, two string
	if _, err := pgx.ForEachRow(found, []any{&key, &one, &two}, func() error { got[key] = [2]string{one, two}; return nil }); err != nil {
		t.Fatal(err)
	}
	return got
}

func TestAViewThatWasTamperedWithIsFoundAndRebuilt(t *testing.T) {
	db := open(t)
	ctx, a, m := context.Background(), archive.New(db), &maker{epoch: 3}
	if err := a.Begin(ctx, 7, 0); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		m.make(event.PortUp, event.Fields{"name": fmt.Sprint("port", i%4)})
		m.make(event.FlowCreated, event.Fields{"serial": i})
	}
	if err := a.Insert(ctx, 7, 0, m.log); err != nil {
		t.Fatal(err)
	}
	if c := check(t, a); c.Number != 40 || c.Events != 40 || len(c.Views) != 8 || c.Views[0].Rows != 40 || c.Views[2].Rows != 20 || c.Views[2].Expected != 20 {
		t.Errorf("%+v", c)
	}
	for _, spoil := range []string{
		"UPDATE view_port SET ups = ups + 1 WHERE name = 'port1'", "DELETE FROM view_flow WHERE serial = 5",
		"INSERT INTO view_flow (node_id, epoch, serial, changes, failures, number) SELECT node_id, 99, 1, 0, 0, 7 FROM node",
	} {
		if _, err := db.Q().Exec(ctx, spoil); err != nil {
			t.Fatal(err)
		}
		if c, err := a.Check(ctx); err != nil || c.Equal() {
			t.Fatalf("after %s: %+v, %v", spoil, c, err)
		}
		if err := a.Rebuild(ctx); err != nil {
			t.Fatal(err)
		}
		check(t, a)
	}
	if _, err := db.Q().Exec(ctx, "DELETE FROM event WHERE number = 12"); err != nil {
		t.Fatal(err)
	}
	if c, err := a.Check(ctx); err != nil || c.Views[0].Equal || c.Views[0].Rows != 39 || c.Views[0].Expected != 40 {
		t.Fatalf("with an event missing: %+v, %v", c, err)
	}
}

// drain brings the log to the database as the role does: after each error it asks where the database is.
func drain(ctx context.Context, a *archive.Archive, lineage uint64, log []event.Event, batch int) error {
	for {
		s, err := a.State(ctx)
		if err == nil && !s.Known {
			err = a.Begin(ctx, lineage, 0)
		}
		for err == nil && int(s.Number) < len(log) {
			n := min(int(s.Number)+batch, len(log))
			if err = a.Insert(ctx, lineage, s.Number, log[s.Number:n]); err == nil {
				s.Number = uint64(n)
			}
		}
		if fault := (*pgtest.Fault)(nil); err == nil || !errors.As(err, &fault) && !errors.Is(err, archive.ErrMoved) {
			return err
		}
	}
}

func TestTheNthOperationFailsAndEachEventLandsOnce(t *testing.T) {
	dsn := pgtest.DB(t)
	for _, when := range []pgtest.When{pgtest.Before, pgtest.After} {
		for n := 1; ; n++ {
			db := openNode(t, dsn, fmt.Sprint(when, n))
			defer db.Close()
			q := pgtest.Faulty(db.q, n, when)
			db.q = q
			ctx, a, m := context.Background(), archive.New(db), &maker{epoch: 3}
			for i := range 12 {
				m.make(event.PortUp, event.Fields{"name": fmt.Sprint("port", i%2)})
			}
			if err := drain(ctx, a, 7, m.log, 5); err != nil {
				t.Fatalf("operation %d, fault %s: %v", n, when, err)
			}
			for deleted := uint64(0); deleted < 6; { // a retention whose commit was not answered deletes nothing the next time
				d, err := a.Retain(ctx, m.log[6].At.Truncate(time.Microsecond), 0)
				if deleted += d; err == nil && d == 0 {
					break
				}
			}
			db.q = db.DB.Q()
			c := check(t, a)
			if c.Number != 12 || c.Cut != 6 || c.Views[0].Rows != 6 {
				t.Fatalf("operation %d, fault %s: %+v", n, when, c)
			}
			events, err := a.List(ctx, archive.Filter{}, 100)
			if err != nil || len(events) != 6 || events[0].Number != 7 || events[5].Origin != m.log[11].Origin || !events[5].At.Equal(m.log[11].At.Truncate(time.Microsecond)) {
				t.Fatalf("operation %d: %v, %v", n, events, err)
			}
			if !q.Hit() {
				if n < 10 {
					t.Fatalf("%d operations: the test does little", n)
				}
				break
			}
		}
	}
}

func TestASecondWriterAndAnEventThatIsThereAreNoticed(t *testing.T) {
	db := open(t)
	ctx, a, m := context.Background(), archive.New(db), &maker{epoch: 3}
	for range 6 {
		m.make(event.PortUp, event.Fields{"name": "port"})
	}
	if err := errors.Join(a.Begin(ctx, 7, 0), a.Insert(ctx, 7, 0, m.log[:4])); err != nil {
		t.Fatal(err)
	}
	if err := a.Begin(ctx, 7, 0); !errors.Is(err, archive.ErrMoved) {
		t.Errorf("a second log of the node: %v", err)
	}
	for name, err := range map[string]error{
		"the same once more":  a.Insert(ctx, 7, 0, m.log[:4]),
		"too far on":          a.Insert(ctx, 7, 5, m.log[5:]),
		"of another lineage":  a.Insert(ctx, 8, 4, m.log[4:]),
		"adoption of the old": a.Adopt(ctx, archive.State{Lineage: 7, Number: 3}, 8),
	} {
		if !errors.Is(err, archive.ErrMoved) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Two events that the database has come under new numbers, between others.
	again := []event.Event{m.log[4], m.log[1], m.log[5], m.log[2]}
	for i := range again {
		again[i].Number = uint64(5 + i)
	}
	if err := errors.Join(a.Adopt(ctx, archive.State{Lineage: 7, Number: 4}, 8), a.Insert(ctx, 8, 4, again)); err != nil {
		t.Fatal(err)
	}
	check(t, a)
	events, err := a.List(ctx, archive.Filter{After: 4}, 100)
	if err != nil || len(events) != 4 || events[0].Type != event.PortUp || events[1].Type != event.LogDuplicate || events[3].Text() != "an event came a second time and is event 3" {
		t.Errorf("%v, %v", events, err)
	}
}

func TestEventsAreFoundByTypeTimeAndEnd(t *testing.T) {
	db := open(t)
	ctx, a, m := context.Background(), archive.New(db), &maker{epoch: 3}
	for i := range 10 {
		m.make(event.PortUp, event.Fields{"name": fmt.Sprintf("port%%_%d", i)})
		m.make(event.PortDown, event.Fields{"name": "port"})
	}
	if err := errors.Join(a.Begin(ctx, 7, 0), a.Insert(ctx, 7, 0, m.log)); err != nil {
		t.Fatal(err)
	}
	numbers := func(f archive.Filter, limit int) (list []uint64) {
		events, err := a.List(ctx, f, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			list = append(list, e.Number)
		}
		return list
	}
	for _, c := range []struct {
		name  string
		f     archive.Filter
		limit int
		want  []uint64
	}{
		{"the first", archive.Filter{}, 3, []uint64{1, 2, 3}},
		{"the last", archive.Filter{Newest: true}, 3, []uint64{18, 19, 20}},
		{"after a number", archive.Filter{After: 18}, 5, []uint64{19, 20}},
		{"of a type", archive.Filter{Types: []event.Type{event.PortDown}, Newest: true}, 2, []uint64{18, 20}},
		{"since", archive.Filter{Since: m.log[16].At.Truncate(time.Microsecond)}, 9, []uint64{17, 18, 19, 20}},
		{"until", archive.Filter{Until: m.log[2].At.Truncate(time.Microsecond)}, 9, []uint64{1, 2}},
		{"by a field", archive.Filter{Match: map[string]string{"name": "port%_3"}}, 9, []uint64{7}},
		{"by a field's beginning", archive.Filter{Match: map[string]string{"name": "port%*"}}, 2, []uint64{1, 3}},
		{"by nothing in a field", archive.Filter{Match: map[string]string{"name": ""}}, 9, nil},
		{"by a field that is no text", archive.Filter{Match: map[string]string{"index": ""}}, 1, []uint64{1}},
		{"by what would be SQL", archive.Filter{Match: map[string]string{"name') OR true --": "' OR true --"}}, 9, nil},
		{"none", archive.Filter{Types: []event.Type{event.LogGap}}, 9, nil},
	} {
		if got := numbers(c.f, c.limit); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		for _, e := range m.log {
			if in := slices.Contains(numbers(archive.Filter{Match: c.f.Match}, 99), e.Number); in != event.Matches(e.Fields, c.f.Match) {
				t.Errorf("%s: the database and the spool differ about %s", c.name, e.Fields)
			}
		}
	}
	if o, err := a.Origins(ctx, 3, 4); err != nil || len(o) != 2 || o[3] != m.log[2].Origin {
		t.Errorf("origins: %v, %v", o, err)
	}
}

// The figures of the README: events that no view follows from, and lives of flows.
func BenchmarkInsert(b *testing.B) {
	b.Run("events", func(b *testing.B) { benchmarkInsert(b, event.LogGap, event.LogGap) })
	b.Run("lives of flows", func(b *testing.B) { benchmarkInsert(b, event.FlowCreated, event.FlowEnded) })
}

func benchmarkInsert(b *testing.B, first, second event.Type) {
	db := open(b)
	ctx, a, m := context.Background(), archive.New(db), &maker{epoch: 3}
	if err := a.Begin(ctx, 7, 0); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		after := m.number
		m.log = m.log[:0]
		for i := range 2000 {
			if first == event.LogGap {
				m.make(first, event.Fields{"producer": 1, "lost": 100, "since": start})
				continue
			}
			m.make([]event.Type{first, second}[i%2], event.Fields{
				"serial": int(after) + i/2, "from_initiator": true, "fabric": 0, "vsan": 100, "s_id": "0x010203", "d_id": "0x040506",
				"initiator": "21:00:00:00:00:00:00:01", "target": "50:00:00:00:00:00:00:01", "in_port": "edge0", "verdict": "forward", "state": "active",
				"generation": 1, "frames": 100, "bytes": 10000, "errors": 0, "created": start, "last_seen": start,
			})
		}
		if err := a.Insert(ctx, 7, after, m.log); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(m.number)/b.Elapsed().Seconds(), "events/s")
}

func fields(e *event.Event) map[string]any {
	values := map[string]any{}
	if err := json.Unmarshal(e.Fields, &values); err != nil {
		panic(err)
	}
	return values
}
