package eventlog

import (
	"errors"
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
