package eventlog

import (
	"strconv"
	"testing"

	"fcredirect/mgmt/event"
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
