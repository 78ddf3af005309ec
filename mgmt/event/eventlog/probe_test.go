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
	seq := 0
	eventually(t, "a full spool that answers nobody", func() bool { // nor does a role that gets no CPU for so long, but that has an end
		seq++
		_, refused := tryAskFor(w, seq, 300*time.Millisecond)
		return refused != nil && probe() != nil
	})
	w.settle(t)
	eventually(t, "an answer when there is room", func() bool { return probe() == nil })
}
