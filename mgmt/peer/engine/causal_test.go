package engine

import (
	"testing"

	"fcredirect/mgmt/peer/record"
)

func slotOf(w *world, name string) uint8 {
	slot, _ := w.engines[w.names[0]].Slot(name)
	return slot
}

// late makes connections and lets what a sends over its to c wait.
func late(w *world) *cable {
	w.connect([2]string{"a", "b"}, [2]string{"b", "c"})
	held := w.dial("a", "c", Urgent)
	w.run(30 * ms)
	return held
}

func TestWhatDependsOnAnotherNodesChangeIsNotSeenBeforeIt(t *testing.T) {
	for _, defect := range []Defect{NoDefect, DropDependency} {
		w := newWorld(t, func(c *Config) { c.Defect = defect }, "a", "b", "c")
		held := late(w)
		held.mute[0] = true // a's frames to c are lost from here on
		for i := range uint64(2 * alongRecords) {
			w.put("a", record.Immediate, login(i), 1+i)
		}
		w.run(ms)
		w.put("b", record.Immediate, flowKey(1), 1, record.Ref{Origin: slotOf(w, "a"), Key: login(5)})
		seen := false
		for range 10 {
			w.run(ms)
			if w.value("c", "b", flowKey(1)) == 1 && w.value("c", "a", login(5)) != 6 {
				seen = true
			}
		}
		if seen != (defect == DropDependency) {
			t.Errorf("defect %d: the flow is seen without its login: %v", defect, seen)
		}
		w.run(1500 * ms) // a was not heard of for a while by then
		if w.value("c", "b", flowKey(1)) != 1 || w.value("c", "a", login(5)) != 6 {
			t.Error("b does not relay what c waits for")
		}
	}
}

func TestALittleOfAnotherNodeIsTakenAlong(t *testing.T) {
	w := newWorld(t, nil, "a", "b", "c")
	held := late(w)
	w.cut(held)
	w.put("a", record.Immediate, login(5), 6)
	w.run(ms)
	w.put("b", record.Immediate, flowKey(1), 1, record.Ref{Origin: slotOf(w, "a"), Key: login(5)})
	w.run(ms)
	if w.value("c", "b", flowKey(1)) != 1 || w.value("c", "a", login(5)) != 6 {
		t.Error("the flow has to wait for its login to come another way")
	}
}

func TestCountsWaitForTheirFlow(t *testing.T) {
	w := newWorld(t, nil, "a", "b")
	w.dial("a", "b", Bulk)
	urgent := w.dial("a", "b", Urgent)
	w.run(20 * ms)
	urgent.mute[0] = true
	w.put("a", record.High, flowKey(1), 1)
	w.put("a", record.High, counts(1), 1, record.Ref{Key: flowKey(1)})
	w.run(30 * ms)
	if w.value("b", "a", counts(1)) != 0 {
		t.Error("counts are seen before their flow")
	}
	if p := w.engines["b"].Peers(w.now)[0]; p.Streams[record.Counts].Held != 1 {
		t.Errorf("held: %+v", p.Streams)
	}
	w.run(3000 * ms) // the connection is found silent
	w.dial("a", "b", Urgent)
	w.run(100 * ms)
	if w.value("b", "a", counts(1)) != 1 || w.value("b", "a", flowKey(1)) != 1 {
		t.Error("they are not there when the flow can come")
	}
}

// slowStart gives a a stream so long that its unit takes many frames, and a pool so small that each waits for the peer.
func slowStart(w *world) {
	for i := range uint64(20_000) {
		w.put("a", record.High, flowKey(i*0x9e3779b97f4a7c15), ^i*0x9e3779b97f4a7c15)
	}
}

func small(c *Config) {
	c.Settings.BuffersPerConnection, c.Settings.BufferBytes, c.Settings.FrameRecords = 2, 4<<10, 16
}

func TestAnImmediateChangeGoesAheadOfALongUnitWithWhatItDependsOn(t *testing.T) {
	w := newWorld(t, small, "a", "b")
	w.all()
	w.delay = ms
	w.run(20 * ms)
	slowStart(w)
	w.run(20 * ms)
	w.put("a", record.High, login(1), 5)
	w.put("a", record.Immediate, flowKey(1), 77, record.Ref{Key: login(1)})
	if w.value("b", "a", flowKey(0x9e3779b97f4a7c15)) != 0 {
		t.Fatal("the long unit is already there: the test tests nothing")
	}
	w.run(3 * ms)
	if w.value("b", "a", flowKey(1)) != 77 || w.value("b", "a", login(1)) != 5 {
		t.Error("the change waits for the long unit, or came without what it depends on")
	}
	if w.value("b", "a", flowKey(0x9e3779b97f4a7c15)) != 0 || w.engines["a"].Stats().Expresses != 1 {
		t.Error("the long unit went first")
	}
	w.run(1000 * ms)
	w.same()
}

func TestWhatDependsOnAChangeThatWentAheadIsNotSeenBeforeIt(t *testing.T) {
	w := newWorld(t, small, "a", "b", "c")
	w.connect([2]string{"a", "b"}, [2]string{"b", "c"})
	w.delay = ms
	w.run(20 * ms)
	slowStart(w)
	w.run(20 * ms)
	w.put("a", record.Immediate, login(1), 5)
	w.run(3 * ms)
	if w.value("b", "a", login(1)) != 5 || w.value("b", "a", flowKey(0x9e3779b97f4a7c15)) != 0 {
		t.Fatal("it did not go ahead: the test tests nothing")
	}
	w.kill("a") // its stream never comes
	w.put("b", record.Immediate, flowKey(1), 1, record.Ref{Origin: 0, Key: login(1)})
	for range 50 {
		w.run(ms)
		if w.value("c", "b", flowKey(1)) == 1 && w.value("c", "a", login(1)) != 5 {
			t.Fatal("c sees the flow without its login")
		}
	}
	w.run(1000 * ms)
	if w.value("c", "b", flowKey(1)) != 1 || w.value("c", "a", login(1)) != 5 {
		t.Error("c never sees the flow, because a is dead")
	}
}
