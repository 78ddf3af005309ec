package eventlog

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"fcredirect/mgmt/event"
	"fcredirect/mgmt/event/archive"
	"fcredirect/mgmt/event/spool/spooltest"
)

// What a spool that was set back takes while the database is away has numbers that the database has given to others.
func TestASpoolThatWasSetBackLosesNothingThatCameBeforeItMetTheDatabase(t *testing.T) {
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
	w.db.shut.Store(true)
	w.start(t)
	w.plane.put(0, 50)
	eventually(t, "a spool that is further on", func() bool { return w.role.Stats().Number > uint64(n) })
	w.settle(t)
	w.judge(t)
	// And a role that starts finds nothing to do.
	w.settle(t)
	w.stop(t)
	n = len(w.log(t))
	w.start(t)
	w.tellProcess(t, 1)
	w.drained(t)
	if got := len(w.log(t)); got != n+1 {
		t.Errorf("%d events, then %d", n, got)
	}
}

// A reader goes on where it was, although the spool that it read from is lost.
func TestAReaderOfALostSpoolMissesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		events  int  // that the new spool takes before it meets the database
		lineage bool // the reader says what it read from
		away    bool // the database is away
	}{
		"with few new events":               {5, true, true},
		"with more new events than old":     {50, true, true},
		"that says not what it read from":   {5, false, true},
		"that asks before the first event":  {0, true, true},
		"with the database there":           {0, true, false},
		"with the database there, no words": {0, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newNode(t)
			w.start(t)
			w.plane.put(0, 20)
			w.settle(t)
			q := event.ReadRequest{After: 12, Max: 1, WaitMS: 1}
			if c.lineage {
				q.Lineage = strconv.FormatUint(w.role.log.Load().spool.Lineage(), 16)
			}
			w.stop(t)
			old := len(w.log(t))
			w.disk = spooltest.NewDisk()
			w.o.Spool.Files = w.disk
			w.db.shut.Store(c.away)
			w.start(t)
			w.plane.put(1, c.events)
			eventually(t, "a spool with what is new", func() bool { return w.role.Stats().Number >= uint64(c.events) })
			read := func() (events []event.Event) {
				a := ask[event.ReadAnswer](t, w.bus, event.MethodRead, q)
				q.After, q.Lineage = a.After, a.Lineage
				return a.Events
			}
			got := read()
			if c.away && len(got) > 0 {
				t.Fatalf("it got event %d, of the new spool", got[0].Number)
			}
			w.db.shut.Store(false)
			w.tellProcess(t, 1)
			w.drained(t)
			eventually(t, "all that comes", func() bool {
				got = append(got, read()...)
				return len(got) > 0 && got[len(got)-1].Type == event.ProcessStarted && got[len(got)-1].Number > uint64(old)
			})
			for i, e := range got {
				if e.Number != uint64(13+i) {
					t.Fatalf("event %d where %d was due", e.Number, 13+i)
				}
			}
		})
	}
}

func TestWhatADatabaseForgetsIsOfferedAgainWhenNothingHappens(t *testing.T) {
	w := newNode(t)
	w.o.tempo.retain = 5 * time.Millisecond
	w.start(t)
	w.plane.put(0, 50)
	w.settle(t)
	n := len(w.log(t))
	w.lose(t, 30)
	eventually(t, "a database that has all again", func() bool { return len(w.log(t)) == n })
	w.judge(t)
}

func TestAReaderIsToldOfWhatRetentionDeleted(t *testing.T) {
	w := newNode(t)
	w.o.Spool.Keep, w.o.Spool.KeepRecords, w.o.Spool.SegmentBytes = -1, -1, 1<<10
	w.o.RetainEvents, w.o.tempo.retain = 20, 5*time.Millisecond
	w.start(t)
	for range 5 {
		w.plane.put(0, 30)
		w.settle(t)
	}
	cut := func() uint64 {
		s, err := archive.New(w.db).State(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return s.Cut
	}
	eventually(t, "a log that is cut", func() bool { return cut() == w.role.Stats().Number-20 && w.role.Stats().Spool.First > cut() })
	read := func(after uint64) event.ReadAnswer {
		return ask[event.ReadAnswer](t, w.bus, event.MethodRead, event.ReadRequest{After: after, Max: 1})
	}
	if a := read(3); len(a.Events) != 1 || a.Events[0].Number != cut()+1 || !strings.Contains(a.Partial, fmt.Sprintf("4 to %d", cut())) {
		t.Errorf("after 3, when %d are gone: %+v, %q", cut(), a.Events, a.Partial)
	}
	if a := read(cut()); len(a.Events) != 1 || a.Partial != "" {
		t.Errorf("%+v, %q", a.Events, a.Partial)
	}
}

// One event that the database refuses would hold up all that come after it, for ever.
func TestWhatTheDatabaseWouldRefuseIsRefusedAtOnce(t *testing.T) {
	w := newNode(t)
	w.start(t)
	for seq, fields := range []string{
		`{"name":"\u0000"}`, `{"name":"\ud800"}`, "{\"name\":\"\xff\"}", `{"a":{"b":["\uDFFF"]}}`, `{"number":1e3}`, `{"number":-0}`, `{"number":1.5}`,
		`{"number":1e999999}`,
	} {
		request := fmt.Sprintf(`{"instance":5,"events":[{"seq":%d,"at":1,"type":1,"fields":%s}]}`, seq+1, fields)
		if _, err := w.bus.Call(context.Background(), event.RoleName, event.MethodAppend, []byte(request)); err == nil {
			t.Errorf("taken: %s", fields)
		}
	}
	for seq, c := range []struct {
		of     event.Type
		fields string
	}{
		{event.FlowCreated, `{"serial":18446744073709551615,"created":"0000-01-01T00:00:00Z","last_seen":"2020-01-01T00:00:00+23:00"}`},
		{event.FlowCreated, `{"serial":3,"created":"9999-12-31T23:59:59-23:00","s_id":"a\\ud800 \u00e9 \\u0000"}`},
		{event.LogLost, `{"first":"x","last":"y"}`},
		{event.AlarmRaised, `{"code":7,"subject":{"a":[1,true,null]}}`},
	} {
		request := fmt.Sprintf(`{"instance":6,"events":[{"seq":%d,"at":%d,"type":%d,"fields":%s}]}`, seq+1, math.MinInt64, c.of, c.fields)
		if _, err := w.bus.Call(context.Background(), event.RoleName, event.MethodAppend, []byte(request)); err != nil {
			t.Errorf("%s: %v", c.fields, err)
		}
	}
	w.drained(t)
	if check := ask[event.CheckAnswer](t, w.bus, event.MethodRebuild, nil); !check.Equal() || check.Number != 4 {
		t.Errorf("%+v", check)
	}
}
