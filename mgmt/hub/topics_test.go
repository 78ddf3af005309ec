package hub

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fcredirect/dataplane/shm"
	"fcredirect/mgmt/attach"
	"fcredirect/mgmt/auth"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/flowindex"
	"fcredirect/mgmt/problem"
)

// Whoever takes, at whatever pace, what a room gives has its state in the end, whatever the room did meanwhile.
func TestTakersOfARoomHaveItsStateInTheEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		room := newRoom("x", func() {})
		l := &lister{room: room}
		state := map[string]int{}
		type taker struct {
			place place
			items map[string]json.RawMessage
		}
		takers := make([]taker, rapid.IntRange(1, 3).Draw(t, "takers"))
		take := func(k *taker) bool {
			kind, _, data := room.take(&k.place, false)
			switch kind {
			case "":
				return false
			case "snapshot", "resync":
				var w struct{ Items []struct{ K string } }
				var raw struct{ Items []json.RawMessage }
				if json.Unmarshal(data, &w) != nil || json.Unmarshal(data, &raw) != nil {
					t.Fatalf("%s", data)
				}
				k.items = map[string]json.RawMessage{}
				for i, item := range w.Items {
					k.items[item.K] = raw.Items[i]
				}
			case "update":
				var c change
				if err := json.Unmarshal(data, &c); err != nil {
					t.Fatal(err)
				}
				for n, list := range [][]json.RawMessage{c.Added, c.Changed} {
					for _, item := range list {
						var name struct{ K string }
						if _ = json.Unmarshal(item, &name); (k.items[name.K] != nil) != (n == 1) {
							t.Fatalf("%s is added or changed wrongly: %s", name.K, data)
						}
						k.items[name.K] = item
					}
				}
				for _, key := range c.Removed {
					delete(k.items, key)
				}
			}
			return true
		}
		for range rapid.IntRange(1, 120).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "step") {
			case 0:
				l.fail(errNoRole)
			case 1, 2, 3, 4, 5:
				for range rapid.IntRange(0, 3).Draw(t, "changes") {
					key := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "key")
					if state[key] += rapid.IntRange(-1, 2).Draw(t, "by"); state[key] <= 0 {
						delete(state, key)
					}
				}
				var items []Item
				for key, n := range state {
					items = append(items, Item{key, struct {
						K string
						N int
					}{key, n}})
				}
				l.take(time.Now(), items, -1)
			default:
				take(&takers[rapid.IntRange(0, len(takers)-1).Draw(t, "who")])
			}
		}
		l.take(time.Now(), nil, -1)
		var items []Item
		for key, n := range state {
			items = append(items, Item{key, struct {
				K string
				N int
			}{key, n}})
		}
		l.take(time.Now(), items, -1)
		for i := range takers {
			for take(&takers[i]) {
			}
			if len(takers[i].items) != len(state) {
				t.Fatalf("%v, want %v", takers[i].items, state)
			}
			for key, n := range state {
				if got := string(takers[i].items[key]); got != fmt.Sprintf(`{"K":%q,"N":%d}`, key, n) {
					t.Fatalf("%s is %s, want %d", key, got, n)
				}
			}
		}
	})
}

// fakeLog is an event log that grows.
type fakeLog struct {
	mu     sync.Mutex
	events []event.Event
	first  uint64 // those before are not kept
	fails  int
}

func (l *fakeLog) add(types ...event.Type) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range types {
		l.events = append(l.events, event.Event{Number: uint64(len(l.events) + 1), Type: t, At: time.Unix(0, 0), Fields: json.RawMessage(`{}`)})
	}
}

func (l *fakeLog) Call(ctx context.Context, role, method string, request []byte) ([]byte, error) {
	var q event.ReadRequest
	if err := json.Unmarshal(request, &q); err != nil || role != event.RoleName || method != event.MethodRead {
		return nil, fmt.Errorf("%s %s: %w", role, method, err)
	}
	for {
		l.mu.Lock()
		a := event.ReadAnswer{Lineage: "1f", After: q.After, Events: []event.Event{}}
		if l.fails > 0 {
			l.fails--
			l.mu.Unlock()
			return nil, errNoRole
		}
		if q.Newest {
			a.After = uint64(len(l.events))
		} else {
			for _, e := range l.events[min(int(q.After), len(l.events)):] {
				if e.Number >= l.first && len(a.Events) < q.Max {
					a.Events = append(a.Events, e)
					a.After = e.Number
				}
			}
		}
		l.mu.Unlock()
		if len(a.Events) > 0 || q.WaitMS == 0 || ctx.Err() != nil {
			return json.Marshal(a)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestNoEventIsMissedOrComesTwiceWhereverOneBegins(t *testing.T) {
	log := &fakeLog{}
	r := newRig(t, Events(log))
	for range 700 { // more than are read at a time
		log.add(event.FlowCreated, event.LoginUp)
	}
	p := r.dial()
	p.say(`{"op":"subscribe","id":"now","topic":"events"}`)
	if m := p.expect("snapshot"); string(m.Data) != `{"after":1400,"lineage":"1f","events":[]}` {
		t.Fatalf("%s", m.Data)
	}
	p.say(`{"op":"subscribe","id":"all","topic":"events","params":{"after":0}}`)
	p.say(`{"op":"subscribe","id":"some","topic":"events","params":{"after":1290,"lineage":"1f","types":["login"]}}`)
	p.say(`{"op":"subscribe","id":"beyond","topic":"events","params":{"after":5000}}`)
	log.mu.Lock()
	log.fails = 2
	log.mu.Unlock()
	log.add(event.FlowCreated)
	got := map[string][]uint64{}
	go func() {
		for range 300 { // while they are read
			log.add(event.LoginUp, event.FlowCreated)
			runtime.Gosched()
		}
	}()
	for len(got["now"]) < 601 || len(got["all"]) < 2001 || len(got["some"]) < 355 {
		m := p.next()
		switch m.Kind {
		case "unavailable", "snapshot":
			continue
		case "update":
		default:
			t.Fatalf("%s of %s: %s", m.Kind, m.ID, m.Data)
		}
		var d eventsData
		if err := json.Unmarshal(m.Data, &d); err != nil || len(d.Events) == 0 || d.Events[len(d.Events)-1].Number > d.After {
			t.Fatalf("%s: %v", m.Data, err)
		}
		for _, e := range d.Events {
			got[m.ID] = append(got[m.ID], e.Number)
		}
	}
	for id, want := range map[string][2]int{"now": {1401, 1}, "all": {1, 1}} {
		for i, n := range got[id] {
			if n != uint64(want[0]+i) {
				t.Fatalf("%s: event %d where %d was due", id, n, want[0]+i)
			}
		}
	}
	log.mu.Lock()
	defer log.mu.Unlock()
	for i, n := range got["some"] {
		if log.events[n-1].Type != event.LoginUp || i > 0 && n <= got["some"][i-1] {
			t.Fatalf("some: %v", got["some"][:i+1])
		}
	}
}

func TestEventsOfTheAuditLogAreForThoseWhoMayReadIt(t *testing.T) {
	audit := slices.IndexFunc(event.Catalogue(), func(e event.Entry) bool { return len(e.Name) > 6 && e.Name[:6] == "audit." })
	if audit < 0 {
		t.Skip("the catalogue has no events of the audit log")
	}
	e := event.Event{Type: event.Catalogue()[audit].Type}
	topic := Events(nil)
	keys := map[string]bool{}
	for _, role := range auth.Roles() {
		a := &auth.Actor{Role: role}
		o, err := topic.Open(a, json.RawMessage(`{"types":["audit","flow","flow"]}`))
		if err != nil {
			t.Fatal(err)
		}
		keys[o.Key] = true
		f := eventFilter{Types: []string{"audit", "flow"}, Audit: a.May(auth.AuditRead)}
		if got := f.selects(&e); got != (role == auth.Admin) {
			t.Errorf("%s sees the audit log: %v", role, got)
		}
	}
	if len(keys) != 2 {
		t.Errorf("who sees more shares a room with who sees less: %v", keys)
	}
}

// fakeIndex gives pages that the test sets.
type fakeIndex struct {
	mu   sync.Mutex
	page *flowindex.Page
	err  error
	next chan struct{}
	asks int
}

func (x *fakeIndex) set(err error, flows ...flowindex.Flow) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.page, x.err = &flowindex.Page{Flows: flows, Total: len(flows), At: time.Now()}, err
	if x.next != nil {
		close(x.next)
	}
	x.next = make(chan struct{})
}

func (x *fakeIndex) List(context.Context, *flowindex.Query) (*flowindex.Page, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.asks++
	return x.page, x.err
}

func (x *fakeIndex) Wait(ctx context.Context, after time.Time) (time.Time, error) {
	for {
		x.mu.Lock()
		page, err, next := x.page, x.err, x.next
		x.mu.Unlock()
		if err != nil || page.At.After(after) {
			return page.At, err
		}
		select {
		case <-next:
		case <-ctx.Done():
			return time.Time{}, ctx.Err()
		}
	}
}

func TestFlowsAreASnapshotAndThenWhatWasAddedChangedAndRemoved(t *testing.T) {
	x := &fakeIndex{}
	flow := func(id string, frames uint64) flowindex.Flow { return flowindex.Flow{ID: id, FramesOut: frames} }
	x.set(nil, flow("a", 1), flow("b", 2))
	r := newRig(t, Flows(x))
	p := r.dial()
	p.say(`{"op":"subscribe","id":"f","topic":"flows","params":{"filter":{"initiator":"host-1"},"sort":"-bytes","limit":500}}`)
	var snapshot struct {
		Total int
		Items []flowindex.Flow
	}
	if err := json.Unmarshal(p.expect("snapshot").Data, &snapshot); err != nil || snapshot.Total != 2 || len(snapshot.Items) != 2 || snapshot.Items[1].ID != "b" {
		t.Fatalf("%+v, %v", snapshot, err)
	}
	x.set(nil, flow("b", 3), flow("c", 1), flow("d", 1))
	var c struct {
		Total          int
		Added, Changed []flowindex.Flow
		Removed        []string
	}
	if err := json.Unmarshal(p.expect("update").Data, &c); err != nil || c.Total != 3 || len(c.Added) != 2 || len(c.Changed) != 1 || c.Changed[0].FramesOut != 3 ||
		!slices.Equal(c.Removed, []string{"a"}) {
		t.Fatalf("%+v, %v", c, err)
	}
	x.set(problem.New(problem.DataplaneUnavailable, ""))
	p.expect("unavailable")
	x.set(nil, flow("a", 1))
	p.expect("snapshot")
	before := r.hub.Stats().Rooms
	p.say(`{"op":"subscribe","id":"g","topic":"flows","params":{"filter":{"initiator":"host-1"},"sort":"-bytes","limit":500}}`)
	p.expect("snapshot")
	if r.hub.Stats().Rooms != before {
		t.Error("the same question is asked twice")
	}
	for _, bad := range []string{`{"limit":501}`, `{"limit":-1}`, `{"sort":"colour"}`, `{"filter":{"colour":1}}`, `[]`} {
		p.say(`{"op":"subscribe","id":"bad","topic":"flows","params":` + bad + `}`)
		p.expect("refused")
	}
}

func TestAlarmsAreFollowedByTheirCodeAndSubject(t *testing.T) {
	bus := &fakeBus{}
	say := func(text string, err error) {
		bus.set(func(_ context.Context, role, method string, _ []byte) ([]byte, error) {
			if role != "monitor" || method != "alarm.list" {
				t.Errorf("%s %s", role, method)
			}
			return []byte(text), err
		})
	}
	say(`{"alarms":[{"code":"x","subject":"s","count":1}]}`, nil)
	r := newRig(t, Alarms(bus))
	p := r.dial()
	p.say(`{"op":"subscribe","id":"a","topic":"alarms"}`)
	if m := p.expect("snapshot"); string(m.Data) != `{"items":[{"code":"x","subject":"s","count":1}]}` {
		t.Errorf("%s", m.Data)
	}
	say(`{"alarms":[{"code":"y"}]}`, nil)
	if m := p.expect("update"); string(m.Data) != `{"added":[{"code":"y"}],"removed":["x/s"]}` {
		t.Errorf("%s", m.Data)
	}
	say("", errNoRole)
	p.expect("unavailable")
}

// pages is a segment with two ports and an lcore.
type pages struct{ seg *shm.Segment }

func (p pages) Use(do func(*attach.Segment) error) error {
	return do(&attach.Segment{State: p.seg.State, Ctl: p.seg.Ctl})
}

func newPages(t testing.TB) pages {
	seg, err := shm.Create(shm.Config{Dir: t.TempDir(), Node: "fcr-t", TSCHz: 1e9, State: []shm.RegionSpec{
		{Name: shm.RegionControl, Stride: shm.ControlBytes, Count: 1},
		{Name: shm.RegionPorts, Stride: shm.PortInfoBytes, Count: 2},
		{Name: shm.RegionLcores, Stride: shm.LcoreBytes, Count: 1},
		{Name: shm.RegionCounters, Stride: shm.CountersBytes, Count: 2},
		{Name: shm.RegionServices, Stride: shm.ServiceBytes, Count: 1},
	}, Ctl: []shm.RegionSpec{{Name: "cursors", Stride: 64, Count: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { seg.Close() })
	seg.State.Header().State = shm.Running
	shm.Items[shm.Control](seg.State, shm.RegionControl)[0].PolicySlot = shm.NoPolicy
	return pages{seg}
}

func TestASampleHasRatesAndLatenciesSinceTheOneBefore(t *testing.T) {
	p := newPages(t)
	var first, second *look
	lcore := &shm.Items[shm.Lcore](p.seg.State, shm.RegionLcores)[0]
	counters := shm.Items[shm.Counters](p.seg.State, shm.RegionCounters)
	lcore.Latency.Add(1_000_000, 5) // before the first look
	_ = p.Use(func(s *attach.Segment) error { first = lookAt(s); return nil })
	if s := first.sample(nil); s.Total != nil || s.Ports[0].Rates != nil || s.Lcores[0].P99 != nil || len(s.Ports) != 2 || s.Services == nil || s.Rings == nil {
		t.Fatalf("the first: %s", marshal(s))
	}
	counters[0].RxFrames, counters[0].RxBytes = 1000, 64_000
	counters[0].Fates[shm.FateSteered], counters[0].Fates[shm.FateDropSOF] = 300, 10
	lcore.Frames, lcore.BusyTSC, lcore.IdleTSC = 1000, 250, 750
	lcore.Latency.Add(2000, 1000)
	_ = p.Use(func(s *attach.Segment) error { second = lookAt(s); return nil })
	second.at = first.at.Add(2 * time.Second)
	s := second.sample(first)
	if s.Total.Frames != 500 || s.Total.Bytes != 32_000 || s.Total.Redirected != 150 || s.Total.Dropped != 5 || s.Ports[0].Rates.FramesIn != 500 ||
		*s.Lcores[0].Busy != 0.25 || *s.Lcores[0].FrameRate != 500 || *s.Lcores[0].P99 > 2.2 || *s.Lcores[0].P50 < 2 {
		t.Errorf("%s", marshal(s))
	}
	p.seg.State.Header().BootID[0]++
	_ = p.Use(func(s *attach.Segment) error { second = lookAt(s); return nil })
	if s := second.sample(first); s.Total != nil {
		t.Errorf("rates over a restart: %s", marshal(s))
	}
	p.seg.State.Header().State = shm.Starting
	_ = p.Use(func(s *attach.Segment) error { second = lookAt(s); return nil })
	if second != nil {
		t.Error("a look while the data plane starts")
	}
}

func TestSamplesComeEvery100Milliseconds(t *testing.T) {
	r := newRig(t, Samples(newPages(t)))
	p := r.dial()
	p.say(`{"op":"subscribe","id":"s","topic":"samples","params":{"period_ms":100}}`)
	p.expect("snapshot")
	for range 3 {
		var s Sample
		if err := json.Unmarshal(p.expect("update").Data, &s); err != nil || s.Total == nil {
			t.Fatalf("%+v, %v", s, err)
		}
	}
	p.say(`{"op":"subscribe","id":"bad","topic":"samples","params":{"period_ms":1}}`)
	for p.next().Kind != "refused" {
	}
}

func TestMoreFollowersOfEventsThanPlacesAtTheLogAllHear(t *testing.T) {
	log := &fakeLog{}
	r := newRig(t, Events(log))
	var peers []*peer
	for n := range 2 {
		p := r.dial()
		peers = append(peers, p)
		for i := range eventWaits/2 + 2 {
			p.say(fmt.Sprintf(`{"op":"subscribe","id":"%d","topic":"events","params":{"types":["flow","other%d-%d"]}}`, i, n, i))
			p.expect("snapshot")
		}
	}
	log.add(event.FlowCreated)
	for _, p := range peers {
		heard := map[string]bool{}
		for len(heard) < eventWaits/2+2 {
			heard[p.expect("update").ID] = true
		}
	}
}

// A countdown goes on by itself: those who follow are not told of it, and who comes gets it as it is.
func TestAStateThatMovesByItselfIsNoUpdateAndFreshForWhoComes(t *testing.T) {
	type countdown struct{ Name, Left int }
	var mu sync.Mutex
	now := countdown{1, 1000}
	looks := 0
	r := newRig(t, State("countdown", auth.FlowRead, "", 5*time.Millisecond, func(context.Context) (countdown, error) {
		mu.Lock()
		defer mu.Unlock()
		now.Left--
		looks++
		return now, nil
	}, func(published, now *countdown, since time.Duration) bool {
		return since >= 0 && published.Name == now.Name
	}))
	left := func(m Message) (c countdown) {
		if err := json.Unmarshal(m.Data, &c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	first := r.dial()
	first.say(`{"op":"subscribe","id":"a","topic":"countdown"}`)
	one := first.expect("snapshot")
	r.until("twenty looks", func() bool { mu.Lock(); defer mu.Unlock(); return looks > 20 })

	second := r.dial()
	second.say(`{"op":"subscribe","id":"a","topic":"countdown"}`)
	two := second.expect("snapshot")
	if a, b := left(one), left(two); b.Left > a.Left-15 || !two.At.After(one.At) {
		t.Fatalf("who came later got %+v of %v, after %+v of %v", b, two.At, a, one.At)
	}
	mu.Lock()
	now.Name = 2
	mu.Unlock()
	for _, p := range []*peer{first, second} { // and nothing before it
		if m := p.expect("update"); left(m).Name != 2 {
			t.Fatalf("%s", m.Data)
		}
	}
}
