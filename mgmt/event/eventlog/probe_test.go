package eventlog

import (
	"context"
	"testing"
	"time"

	"fcredirect/mgmt/event"
)

// An append of no events is how others ask whether anything would be written down now.
func TestAnAppendOfNothingIsAnsweredByWhoeverCanWrite(t *testing.T) {
	w := newNode(t)
	w.o.Spool.MaxBytes, w.o.Spool.SegmentBytes, w.o.Spool.GroupBytes = 24<<10, 4<<10, 4<<10
	w.db.shut.Store(true)
	w.start(t)
	probe := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		defer cancel()
		_, err := w.bus.Call(ctx, event.RoleName, event.MethodAppend, []byte(`{"instance":1,"events":[]}`))
		return err
	}
	eventually(t, "an answer", func() bool { return probe() == nil })
	eventually(t, "an answer that leaves the log as it is", func() bool { // the role tells events of its own meanwhile
		before := w.role.Stats().Number
		return probe() == nil && w.role.Stats().Number == before
	})
	var refused error
	for seq := 1; seq <= 1000 && refused == nil; seq++ {
		_, refused = tryAskFor(w, seq, 300*time.Millisecond)
	}
	if err := probe(); refused == nil || err == nil {
		t.Errorf("a full spool answers as if it took anything: %v, %v", refused, err)
	}
	w.settle(t)
	eventually(t, "an answer when there is room", func() bool { return probe() == nil })
}
