package eventlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"fcredirect/dataplane/feed"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/event/archive"
	"fcredirect/mgmt/event/spool"
	"fcredirect/mgmt/event/spool/spooltest"
	"fcredirect/mgmt/postgres/pgtest"
)

// tellProcess tells n events of the process and waits until they are durable.
func (w *world) tellProcess(t tester, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for range n {
		if err := w.client.Append(ctx, event.ProcessStarted, w.roles()); err != nil {
			t.Fatalf("%v", err)
		}
	}
	if err := w.client.Flush(ctx); err != nil {
		t.Fatalf("%v", err)
	}
}

func (w *world) drained(t tester) {
	t.Helper()
	eventually(t, "a database that has all", func() bool { return w.role.Stats().Waiting == 0 })
}

// only gives the events of a type.
func only(events []event.Event, t event.Type) (list []event.Event) {
	for _, e := range events {
		if e.Type == t {
			list = append(list, e)
		}
	}
	return list
}

func newNode(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, pgtest.DB(t), t.TempDir())
	t.Cleanup(func() { w.close(t) })
	return w
}

func next(t tester, s *Subscription, max int) []event.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	events, err := s.Next(ctx, max)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return events
}

func nextN(t tester, s *Subscription, n int) (events []event.Event) {
	t.Helper()
	for len(events) < n {
		events = append(events, next(t, s, n-len(events))...)
	}
	return events
}

// The disk is lost while the database is away: the new spool begins at 1, and finds out later.
func TestANewSpoolTakesUpTheNumbersOfTheDatabase(t *testing.T) {
	w := newNode(t)
	w.start(t)
	w.plane.put(0, 20)
	w.settle(t)
	w.stop(t)
	before := len(w.log(t))

	w.disk = spooltest.NewDisk()
	w.o.Spool.Files = w.disk
	w.db.shut.Store(true)
	w.start(t)
	w.plane.put(1, 5)
	sub, err := w.role.Subscribe(0)
	if err != nil {
		t.Fatal(err)
	}
	early := nextN(t, sub, 3)
	if early[0].Number != 1 || early[2].Number != 3 {
		t.Fatalf("without the database the numbers are %d to %d", early[0].Number, early[2].Number)
	}
	answer := ask[event.ReadAnswer](t, w.bus, event.MethodRead, event.ReadRequest{Max: 4})
	eventually(t, "a role that is not well", func() bool {
		err := w.role.Healthy()
		return err != nil && strings.Contains(err.Error(), "wait for the database")
	})
	w.db.shut.Store(false)
	w.drained(t)
	w.tellProcess(t, 1)

	late := nextN(t, sub, 2) // goes on with the 4th, which has another number now
	if got, want := late[0].Number, uint64(before+4); got != want || late[0].Origin == early[2].Origin {
		t.Errorf("the subscriber goes on with event %d, %+v, want event %d", got, late[0].Origin, want)
	}
	rest := ask[event.ReadAnswer](t, w.bus, event.MethodRead, event.ReadRequest{After: answer.After, Lineage: answer.Lineage, Max: 1})
	if len(rest.Events) != 1 || rest.Events[0].Number != uint64(before+5) || rest.Lineage == answer.Lineage {
		t.Errorf("the reader goes on with %+v after %d of %s", rest, answer.After, answer.Lineage)
	}
	again, err := w.role.Subscribe(uint64(before) - 2) // what only the database has, then what the spool has
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range nextN(t, again, 6) {
		if e.Number != uint64(before-1+i) {
			t.Errorf("event %d where %d was due", e.Number, before-1+i)
		}
	}
	w.drained(t)
	told := only(w.log(t), event.LogRenumber)
	if len(told) != 1 || fields(&told[0]).First != 1 || fields(&told[0]).By != before {
		t.Errorf("told of the renumbering: %v", told)
	}
	w.judge(t)
}

func TestASpoolThatWasSetBackRepeatsNothingAndLosesNothing(t *testing.T) {
	w := newNode(t)
	w.start(t)
	w.plane.put(0, 20)
	w.settle(t)
	w.stop(t)
	copied := w.disk.Clone()
	w.start(t)
	w.plane.put(0, 10)
	w.settle(t)
	w.stop(t)
	n := len(w.log(t))

	w.disk = copied
	w.o.Spool.Files = copied
	w.start(t)
	w.plane.put(0, 7)
	w.settle(t)
	w.judge(t)
	// And settle's own; and log.renumbered, if something came before the first contact.
	if got, told := len(w.log(t)), len(only(w.log(t), event.LogRenumber)); got != n+7+1+told || told > 1 {
		t.Errorf("%d events, then %d, renumbered %d times", n, got, told)
	}
}

// lose takes the last n events from the database, as a standby does that had not got them yet.
func (w *world) lose(t tester, n int) {
	t.Helper()
	ctx := context.Background()
	node, err := w.db.NodeID(ctx)
	if err != nil {
		t.Fatalf("%v", err)
	}
	for _, sql := range []string{
		"UPDATE event_log SET number = number - $2 WHERE node_id = $1",
		"DELETE FROM event WHERE node_id = $1 AND number > (SELECT number FROM event_log WHERE node_id = $1) + 0 * $2",
	} {
		if _, err := w.db.DB.Q().Exec(ctx, sql, node, n); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	if err := archive.New(w.db).Rebuild(ctx); err != nil {
		t.Fatalf("%v", err)
	}
}

func TestWhatADatabaseForgetsIsOfferedAgain(t *testing.T) {
	w := newNode(t)
	w.start(t)
	w.plane.put(0, 50)
	w.settle(t)
	w.lose(t, 30)
	w.plane.put(1, 5) // the next batch notices
	w.settle(t)
	w.judge(t)
	w.stop(t)
	w.lose(t, 20) // and so does a role that starts
	w.start(t)
	w.drained(t)
	w.judge(t)
}

// A real pair: what the primary acknowledged and the standby never got is there after the failover.
func TestAFailoverLosesNothing(t *testing.T) {
	pair := pgtest.Pair(t)
	w := newWorld(t, pair.Database(t), t.TempDir())
	defer w.close(t)
	w.start(t)
	w.plane.put(0, 30)
	w.settle(t)
	pair.CatchUp(t)
	pair.Cut(t)
	w.plane.put(0, 20)
	w.plane.put(1, 20)
	w.settle(t)
	pair.Kill(t)
	w.plane.put(2, 20)
	pair.Promote(t)
	w.settle(t)
	w.settle(t) // what the role had to say of it
	w.judge(t)
	told := only(w.log(t), event.DatabaseFailedOver)
	if len(told) != 1 || fields(&told[0]).Offered < 40 || w.role.Stats().OfferedAgain < 40 {
		t.Errorf("%d failovers are told: %v", len(told), told)
	}
}

func TestWhatNobodyHasIsSaidToBeLost(t *testing.T) {
	w := newNode(t)
	w.o.Spool.Keep, w.o.Spool.KeepRecords, w.o.Spool.SegmentBytes = -1, -1, 1<<10
	w.start(t)
	for range 10 {
		w.plane.put(0, 30)
		w.settle(t)
	}
	first := w.role.Stats().Spool.First
	if first < 100 {
		t.Fatalf("the spool still has events from %d on", first)
	}
	w.stop(t)
	n := len(w.log(t))
	w.lose(t, n-50)
	w.start(t)
	w.drained(t)
	events := w.log(t)
	lost := only(events, event.LogLost)
	if len(lost) != 1 || fields(&lost[0]).First != 51 || lost[0].Number != uint64(fields(&lost[0]).Last) || lost[0].Number >= first || lost[0].Number < 60 {
		t.Fatalf("lost: %+v; the spool has events from %d on", lost, first)
	}
	if c, err := archive.New(w.db).Check(context.Background()); err != nil || !c.Equal() {
		t.Fatalf("%+v, %v", c, err)
	}
	// A subscriber that begins before gets what there is, the hole explained.
	sub, err := w.role.Subscribe(48)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range nextN(t, sub, 4) {
		if want := []uint64{49, 50, lost[0].Number, lost[0].Number + 1}[i]; e.Number != want {
			t.Errorf("event %d where %d was due", e.Number, want)
		}
	}
}

func TestADamagedRecordKeepsItsNumber(t *testing.T) {
	w := newNode(t)
	w.db.shut.Store(true)
	w.start(t)
	w.plane.put(0, 40)
	for range 3 {
		w.tellProcess(t, 1)
	}
	w.stop(t)
	names := w.disk.Names()
	for _, name := range names {
		if at := bytes.Index(w.disk.Content(name), []byte(`"name":"port0","index":17}`)); at > 0 {
			w.disk.Flip(name, at, 1)
		}
	}
	w.db.shut.Store(false)
	w.start(t)
	w.drained(t)
	events := w.log(t)
	for i, e := range events {
		if e.Number != uint64(i)+1 {
			t.Fatalf("event %d has the number %d", i+1, e.Number)
		}
	}
	damaged := only(events, event.LogDamaged)
	if len(damaged) != 1 || fields(&damaged[0]).Index != int(damaged[0].Number) || len(only(events, event.PortUp)) != 39 || len(only(events, event.SpoolReady)) != 1 {
		t.Errorf("%v", damaged)
	}
}

func TestAFullSpoolHoldsTheRingsAndGapsAreTold(t *testing.T) {
	w := newNode(t)
	w.o.Spool.MaxBytes, w.o.Spool.SegmentBytes, w.o.Spool.GroupBytes = 24<<10, 4<<10, 4<<10
	w.db.shut.Store(true)
	w.start(t)
	eventually(t, "a full spool", func() bool {
		w.plane.put(0, 5)
		err := w.role.Healthy()
		return err != nil && strings.Contains(err.Error(), "the spool is full")
	})
	w.plane.put(0, 200) // the ring has room for 64
	if depth := feed.Rings(w.plane.seg.State, w.plane.seg.Ctl)[w.plane.index(0)].Depth; depth < feed.MinItems-5 {
		t.Errorf("the ring has %d items: somebody releases them", depth)
	}
	// A small event may fit where those of the rings did not, but there is an end to that.
	var refused error
	for seq := 1; seq <= 100 && refused == nil; seq++ {
		_, refused = tryAskFor(w, seq, 200*time.Millisecond)
	}
	if refused == nil {
		t.Error("a full spool takes one event of a process after the other")
	}
	w.settle(t)
	w.judge(t)
	events := w.log(t)
	if gaps, full := only(events, event.LogGap), only(events, event.SpoolFull); len(gaps) == 0 || len(full) == 0 {
		t.Errorf("%d gaps, %d times told that it was full", len(gaps), len(full))
	}
	if away, back := only(events, event.DatabaseUnavailable), only(events, event.DatabaseAvailable); len(away) != 1 || len(back) != 1 {
		t.Errorf("the database was away: told %d times, back %d times", len(away), len(back))
	}
}

// tryAskFor brings an event of another process to the log, for a while.
func tryAskFor(w *world, seq int, d time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return w.bus.Call(ctx, event.RoleName, event.MethodAppend, fmt.Appendf(nil, `{"instance":9,"events":[{"seq":%d,"at":1,"type":1108,"fields":{"of":1}}]}`, seq))
}

func TestADiskThatFailsIsToldOfWhenItWorks(t *testing.T) {
	w := newNode(t)
	w.start(t)
	w.disk.Reset(func(o spooltest.Op) spooltest.Fault {
		if o.Kind == "sync" {
			return spooltest.Error
		}
		return spooltest.None
	})
	w.plane.put(0, 3)
	eventually(t, "a role that is not well", func() bool { return w.role.Healthy() != nil })
	if n := w.role.Stats().Number; n != 0 {
		t.Errorf("event %d is published and not durable", n)
	}
	w.settle(t)
	w.judge(t)
	if failed := only(w.log(t), event.SpoolFailed); len(failed) != 1 {
		t.Errorf("told %d times", len(failed))
	}
}

func TestTheLastItemsOfAReplacedSegmentAreRead(t *testing.T) {
	w := newNode(t)
	w.start(t)
	w.plane.put(0, 1)
	w.settle(t) // it is attached
	for range 3 {
		w.plane.put(2, 60)
		w.plane.restart(t, true)
		w.plane.put(1, 10)
		w.settle(t)
	}
	w.judge(t)
	if got := w.role.Stats().FromRings; got != 1+3*70 {
		t.Errorf("%d events came from rings, want %d", got, 1+3*70)
	}
}

func TestAStandbyTakesOver(t *testing.T) {
	w := newNode(t)
	w.start(t)
	w.tellProcess(t, 3)
	first := *w
	second := *w
	second.role = nil
	role, err := New(w.o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- role.Run(ctx, func() { close(ready) }) }()
	eventually(t, "a standby", func() bool {
		err := role.Healthy()
		return err != nil && strings.Contains(err.Error(), "another process")
	})
	first.stop(t)
	<-ready
	w.role, w.cancel, w.ended = role, cancel, ended
	w.tellProcess(t, 2)
	w.drained(t)
	w.judge(t)
}

func TestAStandbyThatIsNotNeededEnds(t *testing.T) {
	w := newNode(t)
	w.start(t)
	role, err := New(w.o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := role.Run(ctx, func() { t.Error("two are ready") }); err != nil {
		t.Errorf("the standby ended with %v", err)
	}
	if _, err := role.Subscribe(0); !errors.Is(err, ErrStopped) {
		t.Errorf("subscribe to a standby: %v", err)
	}
}

func TestRetentionKeepsTheViewsAndTheNumbers(t *testing.T) {
	w := newNode(t)
	w.o.RetainEvents, w.o.tempo.retain = 20, 5*time.Millisecond
	w.start(t)
	w.plane.put(0, 60)
	w.plane.put(1, 30)
	w.settle(t)
	eventually(t, "a log that is cut", func() bool {
		s, err := archive.New(w.db).State(context.Background())
		return err == nil && s.Number-s.Cut == 20 && w.role.Stats().Deleted == s.Cut
	})
	check := ask[event.CheckAnswer](t, w.bus, event.MethodCheck, nil)
	if !check.Equal() || check.Views[4].Name != "view_port" || check.Views[4].Rows != 2 || check.Cut == 0 {
		t.Errorf("%+v", check)
	}
	if _, err := w.db.DB.Q().Exec(context.Background(), "UPDATE view_port SET ups = 0"); err != nil {
		t.Fatal(err)
	}
	if check = ask[event.CheckAnswer](t, w.bus, event.MethodCheck, nil); check.Equal() {
		t.Error("a view that was spoilt is as it should be")
	}
	if check = ask[event.CheckAnswer](t, w.bus, event.MethodRebuild, nil); !check.Equal() {
		t.Errorf("%+v", check)
	}
}

func TestARoleWithoutADatabaseKeepsWhatFits(t *testing.T) {
	w := newNode(t)
	w.o.DB, w.o.Spool.MaxBytes, w.o.Spool.SegmentBytes, w.o.Spool.GroupBytes = nil, 32<<10, 4<<10, 4<<10
	w.start(t)
	w.tellProcess(t, 500)
	if err := w.role.Healthy(); err != nil {
		t.Error(err)
	}
	st := w.role.Stats()
	if st.Number != 500 || st.Spool.First == 1 || st.Spool.Bytes > 32<<10 || st.Waiting != 0 {
		t.Errorf("%+v", st.Spool)
	}
	if _, err := tryAsk[event.CheckAnswer](w.bus, event.MethodCheck, nil); err == nil {
		t.Error("views without a database were checked")
	}
	if _, err := tryAsk[event.CheckAnswer](w.bus, event.MethodRebuild, nil); err == nil {
		t.Error("and made anew")
	}
	a := ask[event.ReadAnswer](t, w.bus, event.MethodRead, event.ReadRequest{After: 3, Max: 1})
	if len(a.Events) != 1 || a.Events[0].Number != st.Spool.First {
		t.Errorf("%+v, the spool begins with %d", a, st.Spool.First)
	}
}

func TestRequestsAreAnsweredOrRefused(t *testing.T) {
	w := newNode(t)
	w.start(t)
	w.plane.put(0, 10)
	w.settle(t)
	list := func(r event.ListRequest) string {
		t.Helper()
		var all []string
		for _, e := range ask[event.ReadAnswer](t, w.bus, event.MethodList, r).Events {
			all = append(all, fmt.Sprint(e.Number, " ", e.Type))
		}
		return strings.Join(all, " ")
	}
	for _, shut := range []bool{false, true} {
		w.db.shut.Store(shut)
		if shut {
			w.tellProcess(t, 1) // is in the spool alone
		} else {
			w.tellProcess(t, 1)
			w.drained(t)
		}
		last := w.role.Stats().Number
		if got, want := list(event.ListRequest{Types: []string{"port"}, Max: 2}), "9 port.up 10 port.up"; got != want {
			t.Errorf("the last of a type: %s, want %s", got, want)
		}
		if got, want := list(event.ListRequest{After: last - 1}), fmt.Sprint(last, " process.started"); got != want {
			t.Errorf("after a number: %s, want %s", got, want)
		}
		if got, want := list(event.ListRequest{After: 8, Max: 2}), "9 port.up 10 port.up"; got != want {
			t.Errorf("the first after a number: %s, want %s", got, want)
		}
		if got, want := list(event.ListRequest{Oldest: true, Types: []string{"port"}, Max: 1}), list(event.ListRequest{Types: []string{"port"}}); got == "" || !strings.HasPrefix(want, got+" ") {
			t.Errorf("the oldest one of %q is %q", want, got)
		}
		if got := list(event.ListRequest{Since: time.Now().Add(time.Hour)}); got != "" {
			t.Errorf("since tomorrow: %s", got)
		}
	}
	w.db.shut.Store(false)
	for name, c := range map[string]struct{ method, request string }{
		"no JSON":                  {event.MethodRead, "{"},
		"a type that is not":       {event.MethodList, `{"types":["flows"]}`},
		"fields that are none":     {event.MethodAppend, `{"instance":1,"events":[{"seq":1,"type":1,"fields":[]}]}`},
		"no instance":              {event.MethodAppend, `{"events":[{"seq":1,"type":1,"fields":{}}]}`},
		"no sequence":              {event.MethodAppend, `{"instance":1,"events":[{"type":1,"fields":{}}]}`},
		"fields that are too many": {event.MethodAppend, `{"instance":1,"events":[{"seq":1,"type":1,"fields":{"a":"` + strings.Repeat("x", event.MaxFields) + `"}}]}`},
	} {
		if _, err := w.bus.Call(context.Background(), event.RoleName, c.method, []byte(c.request)); err == nil {
			t.Errorf("%s: answered", name)
		}
	}
	// A type of a later version is kept as it is.
	later := `{"instance":77,"events":[{"seq":1,"at":1,"type":60000,"fields":{"a":1}}]}`
	for range 2 {
		if _, err := w.bus.Call(context.Background(), event.RoleName, event.MethodAppend, []byte(later)); err != nil {
			t.Fatal(err)
		}
	}
	w.drained(t)
	if got := only(w.log(t), 60000); len(got) != 1 || string(got[0].Fields) != `{"a": 1}` || got[0].Type.String() != "unknown.60000" {
		t.Errorf("%+v", got)
	}
	if w.role.Stats().Duplicates != 1 {
		t.Errorf("%d duplicates", w.role.Stats().Duplicates)
	}
}

func TestAReaderWaitsForWhatComes(t *testing.T) {
	w := newNode(t)
	w.start(t)
	w.tellProcess(t, 3)
	if a := ask[event.ReadAnswer](t, w.bus, event.MethodRead, event.ReadRequest{After: 3, WaitMS: 1}); len(a.Events) != 0 || a.After != 3 {
		t.Errorf("%+v", a)
	}
	got := make(chan event.ReadAnswer, 1)
	failed := make(chan error, 1)
	go func() {
		a, err := tryAsk[event.ReadAnswer](w.bus, event.MethodRead, event.ReadRequest{Newest: true, WaitMS: 20_000})
		got <- a
		failed <- err
	}()
	var a event.ReadAnswer
	eventually(t, "an answer", func() bool { // whether it asked before or after the event: it asks for the newest
		w.tellProcess(t, 1)
		select {
		case a = <-got:
			return true
		default:
			return false
		}
	})
	if err := <-failed; err != nil || len(a.Events) == 0 || a.Events[0].Number < 4 || a.After != a.Events[len(a.Events)-1].Number {
		t.Errorf("%+v, %v", a, err)
	}
	// A role that ends sends those who wait away, so that they ask the next one.
	asked := make(chan struct{})
	go func() {
		close(asked)
		a, err := tryAsk[event.ReadAnswer](w.bus, event.MethodRead, event.ReadRequest{After: a.After + 1000, WaitMS: 25_000})
		got <- a
		failed <- err
	}()
	<-asked
	began := time.Now()
	w.stop(t)
	<-got
	if <-failed; time.Since(began) > 20*time.Second {
		t.Errorf("a role that ends lets a reader wait for %v", time.Since(began))
	}
	if _, err := tryAsk[event.ReadAnswer](w.bus, event.MethodRead, event.ReadRequest{}); err == nil {
		t.Error("a role that has ended answers")
	}
}

func TestARoleNeedsAFolder(t *testing.T) {
	if _, err := New(Options{}); err == nil {
		t.Error("made without one")
	}
	r, err := New(Options{Dir: t.TempDir() + "/a/b"})
	if err != nil {
		t.Fatal(err)
	}
	if r.Healthy() == nil || r.Stats().Number != 0 {
		t.Error("a role that does not run is well")
	}
	var _ spool.Stats = r.Stats().Spool
}
