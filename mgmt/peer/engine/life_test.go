package engine

import (
	"strings"
	"testing"
	"time"

	"fcredirect/mgmt/peer/record"
)

func TestANodeThatBeginsAnewReplacesWhatItWasAtOnce(t *testing.T) {
	w := newWorld(t, nil, "a", "b")
	w.put("a", record.High, login(1), 1)
	w.put("a", record.High, login(2), 2)
	w.all()
	w.run(50 * ms)
	w.start("a", 2, 9, nil)
	w.put("a", record.High, login(2), 22)
	w.put("a", record.High, login(3), 33)
	if w.value("b", "a", login(1)) != 1 {
		t.Error("what was known is gone before the new is here")
	}
	w.applied["b"] = nil
	w.all()
	w.run(50 * ms)
	w.same()
	if w.value("b", "a", login(1)) != 0 || w.value("b", "a", login(2)) != 22 || w.value("b", "a", login(3)) != 33 {
		t.Error("the old and the new are mixed")
	}
	if w.told("b", PeerRestarted) != 1 {
		t.Errorf("notices: %v", w.notices["b"])
	}
	state := 0
	for _, a := range w.applied["b"] {
		if a.Stream == record.State && (!a.Reset || len(a.Records) != 2) {
			t.Errorf("applied %+v", a)
		} else if a.Stream == record.State {
			state++
		}
	}
	if state != 1 {
		t.Errorf("applied in %d parts", state)
	}
}

func TestANodeThatForgotItsIncarnationLearnsItFromPeers(t *testing.T) {
	w := newWorld(t, nil, "a", "b")
	w.kill("a")
	w.start("a", 7, 5, nil)
	w.put("a", record.High, login(1), 1)
	w.all()
	w.run(50 * ms)
	w.start("a", 1, 6, nil)
	w.put("a", record.High, login(1), 2)
	w.all()
	w.run(50 * ms)
	w.same()
	if w.engines["a"].Incarnation() != 8 || w.told("a", NewIncarnation) != 1 || w.value("b", "a", login(1)) != 2 {
		t.Errorf("incarnation %d, notices %v", w.engines["a"].Incarnation(), w.notices["a"])
	}
}

func TestASecondNodeByTheSameNameIsRefusedWhileTheFirstIsThere(t *testing.T) {
	w := newWorld(t, nil, "a", "b")
	w.all()
	w.run(50 * ms)
	first := w.engines["a"]
	w.engines["a"] = nil
	delete(w.engines, "a")
	w.start("a", 5, 77, nil) // the first still runs: its connections are replaced by those of this one
	w.all()
	w.run(50 * ms)
	if w.told("b", DuplicateNode) != 0 {
		t.Errorf("a new start is taken for a second node: %v", w.notices["b"])
	}
	second := w.engines["a"]
	w.engines["a"] = first // it dials again
	w.all()
	w.run(20 * ms)
	if w.told("b", DuplicateNode) == 0 || w.told("a", DuplicateNode) == 0 {
		t.Errorf("notices of b: %v, of a: %v", w.notices["b"], w.notices["a"])
	}
	w.engines["a"] = second
	w.put("a", record.Immediate, login(1), 5)
	w.run(10 * ms)
	if w.value("b", "a", login(1)) != 5 {
		t.Error("the one that was there is cut off")
	}
}

func TestAConnectionThatEndsIsResumedWhereThePeerStands(t *testing.T) {
	w := newWorld(t, nil, "a", "b")
	for i := range uint64(1000) {
		w.put("a", record.High, login(i), i)
	}
	w.all()
	w.run(50 * ms)
	for _, c := range w.wires {
		w.cut(c)
	}
	w.put("a", record.High, login(1), 77)
	before := w.engines["a"].Peers(w.now)[0].Sent.Records
	w.all()
	w.run(50 * ms)
	w.same()
	if n := w.engines["a"].Peers(w.now)[0].Sent.Records - before; n != 1 {
		t.Errorf("%d records were sent", n)
	}
}

func TestDeletionsAreForgottenWhenAllHaveThem(t *testing.T) {
	w := newWorld(t, nil, "a", "b", "c")
	for i := range uint64(100) {
		w.put("a", record.High, login(i), i)
	}
	w.all()
	w.run(50 * ms)
	w.kill("c")
	for i := range uint64(50) {
		if err := w.engines["a"].Delete(w.now, record.High, login(i)); err != nil {
			t.Fatal(err)
		}
	}
	w.run(3000 * ms)
	if n := w.engines["a"].own().table.Tombstones(); n != 50 {
		t.Errorf("%d tombstones while c is away", n)
	}
	w.start("c", 2, 33, nil)
	w.connect([2]string{"a", "c"}, [2]string{"b", "c"})
	w.run(3000 * ms)
	for name, e := range w.engines {
		if n := e.origins[0].table.Tombstones(); n != 0 {
			t.Errorf("%d tombstones at %s when all have them", n, name)
		}
	}
	w.same()
}

func TestWhoWasAwayForTooLongIsToldEverythingAnew(t *testing.T) {
	w := newWorld(t, func(c *Config) { c.Settings.TombstoneKeep = time.Second }, "a", "b")
	for i := range uint64(100) {
		w.put("a", record.High, login(i), i)
	}
	w.all()
	w.run(50 * ms)
	for _, c := range w.wires {
		w.cut(c)
	}
	_ = w.engines["a"].Delete(w.now, record.High, login(7))
	w.run(5000 * ms)
	if n := w.engines["a"].own().table.Tombstones(); n != 0 {
		t.Errorf("%d tombstones after their time", n)
	}
	w.all()
	w.run(50 * ms)
	w.same()
	if _, there := w.engines["b"].Get(0, login(7)); there || w.engines["a"].Stats().Resets < 2 {
		t.Error("the deletion was never told")
	}
}

func TestADivergenceIsFoundAndRepaired(t *testing.T) {
	w := newWorld(t, nil, "a", "b")
	for i := range uint64(1000) {
		w.put("a", record.High, login(i), i)
	}
	w.all()
	w.run(1100 * ms)
	// Bits flip in b's memory.
	bad := []record.Record{}
	table := w.engines["b"].origins[0].table
	r, _ := table.Get(login(5))
	bucket := 0
	for i := range 256 {
		table.EachInBucket(record.State, i, func(x *record.Record) bool {
			if x.Key == r.Key {
				bucket = i
			}
			return true
		})
	}
	table.EachInBucket(record.State, bucket, func(x *record.Record) bool {
		if x.Key == r.Key {
			x.Fields[0] = 999
		}
		bad = append(bad, *x)
		return true
	})
	if _, err := table.Repair(record.State, bucket, bad, nil); err != nil || w.value("b", "a", login(5)) != 999 {
		t.Fatal("cannot spoil it", err)
	}
	w.put("a", record.High, login(2000), 1) // the digest goes with a unit
	w.run(1100 * ms)
	w.same()
	if w.value("b", "a", login(5)) != 5 || w.told("b", Diverged) != 1 || w.told("b", Repaired) != 1 || w.engines["b"].Stats().Repaired != 1 {
		t.Errorf("value %d, notices %v", w.value("b", "a", login(5)), w.notices["b"])
	}
}

func TestMessagesComeInOrder(t *testing.T) {
	w := newWorld(t, nil, "a", "b")
	if err := w.engines["a"].Send("b", []byte("x")); err == nil {
		t.Error("a message to a peer that is not connected")
	}
	w.all()
	w.run(20 * ms)
	for _, m := range []string{"one", "two", "three"} {
		if err := w.engines["a"].Send("b", []byte(m)); err != nil {
			t.Fatal(err)
		}
	}
	w.run(5 * ms)
	if got := strings.Join(w.inbox["b"], " "); got != "a: one a: two a: three" {
		t.Errorf("b got %q", got)
	}
	for i := range 100 {
		if err := w.engines["a"].Send("b", []byte("much")); err != nil {
			if i != Defaults().MessagesMax {
				t.Errorf("%d messages wait", i)
			}
			return
		}
	}
	t.Error("there is no end to messages that wait")
}

func TestTwoThatCannotReachEachOtherHearByAThird(t *testing.T) {
	w := newWorld(t, nil, "a", "b", "c")
	w.connect([2]string{"a", "b"}, [2]string{"b", "c"})
	for i := range uint64(100) {
		w.put("a", record.High, login(i), i)
		w.put("a", record.Normal, counts(i), i, record.Ref{Key: login(i)})
		w.put("c", record.High, login(i), 2*i)
	}
	w.run(1000 * ms)
	w.same()
	w.put("a", record.High, login(7), 70)
	w.run(700 * ms)
	w.same()
}

func TestResyncPutsRightWhatDiffersAndNothingElse(t *testing.T) {
	w := newWorld(t, nil, "a", "b")
	for i := range uint64(100) {
		w.put("a", record.High, login(i), i)
	}
	if err := w.engines["b"].Resync(w.now, "a"); err == nil {
		t.Error("with a peer that is not connected")
	}
	w.all()
	w.run(50 * ms)
	if err := w.engines["b"].Resync(w.now, "a"); err != nil {
		t.Fatal(err)
	}
	before := w.engines["a"].Peers(w.now)[0].Sent.Records
	w.run(50 * ms)
	if n := w.engines["a"].Peers(w.now)[0].Sent.Records - before; n != 0 {
		t.Errorf("%d records were sent", n)
	}
	w.same()
}

func TestAStreamThatWeHaveNoRoomForReplacesNothing(t *testing.T) {
	w := newWorld(t, nil, "a", "b")
	w.start("b", 1, 2, func(c *Config) { c.Settings.RecordsMax, c.Settings.TombstonesMax = 50, 10 })
	w.put("a", record.High, login(1), 7)
	w.all()
	w.run(50 * ms)
	w.start("a", 2, 9, nil)
	for i := range uint64(100) {
		w.put("a", record.High, login(i), i)
	}
	w.all()
	w.run(5000 * ms)
	if w.value("b", "a", login(1)) != 7 || w.engines["b"].Vector()[0].Incarnation != 1 {
		t.Error("what was known is gone")
	}
	if n := w.told("b", Refused); n != 1 || w.told("b", Disconnected) != 2 {
		t.Errorf("refused %d times: %v", n, w.notices["b"])
	}
	if w.engines["a"].Stats().Wants > 1 {
		t.Error("it is asked for again and again")
	}
}
