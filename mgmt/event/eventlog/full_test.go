package eventlog

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"fcredirect/mgmt/event"
	"fcredirect/mgmt/event/spool/spooltest"
)

func TestARoleOnAFullDiskServesAndDrainsWhatItHas(t *testing.T) {
	w := newNode(t)
	w.db.shut.Store(true)
	w.start(t)
	w.plane.put(0, 20)
	eventually(t, "events in the spool", func() bool { return w.role.Stats().Number >= 20 })
	w.stop(t)
	fresh := map[string]bool{}
	w.disk.Reset(func(o spooltest.Op) spooltest.Fault {
		if o.Kind == "create" {
			fresh[o.Name] = true
		}
		if o.Kind == "write" && fresh[o.Name] {
			return spooltest.NoRoom
		}
		return spooltest.None
	})
	w.start(t)
	had := w.role.Stats().Number
	if err := w.role.Healthy(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("the disk is full, and its health is %v", err)
	}
	if a := ask[event.ReadAnswer](t, w.bus, event.MethodRead, event.ReadRequest{Max: 100}); uint64(len(a.Events)) != had || had < 20 {
		t.Errorf("it gives %d of %d events", len(a.Events), had)
	}
	w.db.shut.Store(false)
	eventually(t, "events in the database", func() bool { return uint64(len(w.log(t))) == had })
	w.stop(t) // nothing waits: it ends in good order
	w.start(t)
	w.plane.put(1, 5)
	w.settle(t)
	w.judge(t)
	if err := w.role.Healthy(); err != nil {
		t.Errorf("there is room: %v", err)
	}
	if failed := only(w.log(t), event.SpoolFailed); len(failed) != 1 {
		t.Errorf("told %d times that the disk was full", len(failed))
	}
}

// A reader that says not what it read from, and was further than the log is: it would wait, and miss all up to there.
func TestAReaderThatIsFurtherThanTheLogIsToldOfTheNewNumbering(t *testing.T) {
	for name, database := range map[string]bool{"with a database": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			w := newNode(t)
			if !database {
				w.o.DB = nil
			}
			w.start(t)
			read := func(q event.ReadRequest) event.ReadAnswer {
				return ask[event.ReadAnswer](t, w.bus, event.MethodRead, q)
			}
			var none event.ReadAnswer
			eventually(t, "an answer without events", func() bool {
				none = read(event.ReadRequest{After: 500, WaitMS: 1})
				return none.After == 0
			})
			if len(none.Events) != 0 || !strings.Contains(none.Partial, "to 0 and not to 500") {
				t.Errorf("a log without events: %+v", none)
			}
			w.tellProcess(t, 10)
			a := read(event.ReadRequest{After: 500, Max: 3, WaitMS: 1})
			if len(a.Events) != 3 || a.Events[0].Number != 1 || !strings.Contains(a.Partial, "the numbering is a new one") {
				t.Errorf("after 500 of 10: %+v", a)
			}
			if a = read(event.ReadRequest{After: a.After, Lineage: a.Lineage}); len(a.Events) != 7 || a.Partial != "" {
				t.Errorf("and then: %+v", a)
			}
			if a = read(event.ReadRequest{After: 10}); len(a.Events) != 0 || a.After != 10 || a.Partial != "" {
				t.Errorf("after the newest: %+v", a)
			}
		})
	}
}
