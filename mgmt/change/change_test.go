package change

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"fcredirect/dataplane/command"
	"fcredirect/mgmt/change/draft"
	"fcredirect/mgmt/event"
	"fcredirect/mgmt/problem"
	"fcredirect/mgmt/settings"
)

func TestTheWayOfAChangeToBeConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memory(t))
		w.settle()
		if s := w.State(); s.Phase != Idle || s.Active.Revision != 0 || s.Pending != nil || s.Lock != nil || !s.Dataplane {
			t.Fatalf("at first: %+v", s)
		}
		w.mustEdit("alice", alias("a", 1))
		w.mustEdit("alice", draft.Edit{Op: draft.Put, Kind: draft.KindPolicy, Name: "p", Policy: &draft.Policy{Match: draft.Match{Initiator: []string{"a"}}, Action: "drop"}})
		if s := w.State(); s.Pending == nil || s.Pending.Edits != 2 || s.Lock == nil || s.Lock.Owner != "alice" {
			t.Fatalf("after edits: %+v", s)
		}
		text := w.pendingText()
		a := w.mustApply("alice", time.Minute)
		if _, runs := w.plane.Active(); runs != text || a.Revision != 1 || a.Document != hashOf([]byte(text)) || a.SecondsLeft != 60 {
			t.Fatalf("applied %+v, and runs\n%s", a, runs)
		}
		time.Sleep(45 * time.Second)
		w.settle()
		s := w.State()
		if s.Phase != Window || s.Window == nil || s.Window.SecondsLeft != 15 || s.Pending == nil || s.Active.Revision != 1 || s.Confirmed.Revision != 0 {
			t.Fatalf("in the window: %+v %+v", s, s.Window)
		}
		time.Sleep(10 * time.Second)
		w.settle()
		if now := w.State(); now.Window.SecondsLeft != 5 || !Unmoved(&s, &now, 10*time.Second) || Unmoved(&s, &now, 12*time.Second) {
			t.Fatalf("ten seconds later: %+v %+v", now, now.Window)
		}
		want(t, w.edit("alice", alias("b", 2)), problem.ConfirmWindowOpen)
		want(t, w.Discard(t.Context(), "alice"), problem.ConfirmWindowOpen)
		_, err := w.apply("alice", time.Minute)
		want(t, err, problem.ConfirmWindowOpen)
		want(t, w.Confirm(t.Context(), "bob", 7), problem.NothingToConfirm)
		want(t, w.Confirm(t.Context(), "bob", 1), "")
		want(t, w.Confirm(t.Context(), "bob", 1), "") // once more is the same
		s = w.State()
		if s.Phase != Idle || s.Pending != nil || s.Lock != nil || s.Confirmed.Revision != 1 || s.Last == nil || s.Last.What != "confirmed" || s.Last.By != "bob" {
			t.Fatalf("confirmed: %+v %+v", s, s.Last)
		}
		time.Sleep(time.Hour)
		w.settle()
		if w.plane.Confirmed() != text || w.State().Active.Revision != 1 {
			t.Error("what was confirmed does not stay")
		}
		_, err = w.apply("alice", time.Minute)
		want(t, err, problem.NothingPending)
		for _, e := range []event.Type{event.ChangeLocked, event.ChangeApplied, event.ChangeConfirmed} {
			if w.events.has(e) != 1 {
				t.Errorf("%v was told %d times", e, w.events.has(e))
			}
		}
	})
}

func TestWhatIsNotConfirmedIsTakenBackAndIsPendingStill(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(t *testing.T, w *world)
		want string
		told event.Type
	}{
		{"nobody confirms", func(t *testing.T, w *world) { time.Sleep(61 * time.Second) }, "expired", event.ChangeExpired},
		{"somebody reverts", func(t *testing.T, w *world) { want(t, w.Revert(t.Context(), "bob", 0), "") }, "reverted", event.ChangeReverted},
		{"this process is dead at the deadline", func(t *testing.T, w *world) { w.faults.dead = true; time.Sleep(2 * time.Minute); w.start() }, "expired", event.ChangeExpired},
		{"the data plane restarts in the window", func(t *testing.T, w *world) { w.plane.Stop(); w.plane.Start(true) }, "reverted", event.ChangeReverted},
		{"without a database", func(t *testing.T, w *world) { w.faults.database = true; time.Sleep(61 * time.Second) }, "expired", event.ChangeExpired},
		{"without a database somebody reverts", func(t *testing.T, w *world) { w.faults.database = true; want(t, w.Revert(t.Context(), "bob", 2), "") }, "reverted", event.ChangeReverted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, memory(t))
				w.settle()
				w.mustEdit("alice", alias("old", 1))
				w.mustApply("alice", 0)
				_, before := w.plane.Active()
				w.mustEdit("alice", alias("a", 2))
				pending := w.pendingText()
				w.mustApply("alice", time.Minute)
				tt.do(t, w)
				w.settle()
				s := w.State()
				if _, runs := w.plane.Active(); runs != before || s.Phase != Idle || s.Last.What != tt.want || s.Last.Revision != 2 || s.Active.Revision != 1 || s.Drift != nil {
					t.Errorf("%+v %+v", s, s.Last)
				}
				if w.pendingText() != pending || s.Pending == nil || s.Lock == nil || s.Lock.Owner != "alice" || s.Pending.Outdated {
					t.Errorf("pending is lost: %+v", s.Pending)
				}
				if w.events.has(tt.told) != 1 {
					t.Errorf("%v was told %d times", tt.told, w.events.has(tt.told))
				}
				want(t, w.Confirm(t.Context(), "alice", 2), problem.NothingToConfirm, tt.want)
				w.faults.database = false
				if a := w.mustApply("alice", time.Minute); a.Revision != 3 {
					t.Errorf("applied again: %+v", a)
				}
				want(t, w.Confirm(t.Context(), "alice", 3), "")
			})
		})
	}
}

func TestTwoEditorsAtOnce(t *testing.T) {
	w := newWorld(t, memory(t))
	w.settle()
	w.mustEdit("alice", alias("a", 1))
	want(t, w.edit("bob", alias("b", 2)), problem.Locked, "alice edits since")
	_, err := w.apply("bob", time.Minute)
	want(t, err, problem.Locked)
	want(t, w.Discard(t.Context(), "bob"), problem.Locked)
	want(t, w.Unlock(t.Context(), "bob"), problem.Locked)
	want(t, w.Lock(t.Context(), "bob", false), problem.Locked)
	want(t, w.Lock(t.Context(), "bob", true), "")
	if l := w.State().Lock; l.Owner != "bob" || l.From != "alice" || w.events.has(event.ChangeTakenOver) != 1 {
		t.Errorf("taken over: %+v", l)
	}
	want(t, w.edit("alice", alias("c", 3)), problem.Locked, "bob")
	w.mustEdit("bob", alias("b", 2))
	if d := w.Draft(PendingOne); len(d.Aliases) != 2 {
		t.Errorf("alice's edit is lost: %s", d.YAML())
	}
	want(t, w.Unlock(t.Context(), "bob"), "")
	want(t, w.Unlock(t.Context(), "bob"), problem.NotLocked)
	w.mustEdit("alice", alias("c", 3))
	want(t, w.Discard(t.Context(), "alice"), "")
	want(t, w.Discard(t.Context(), "bob"), "")
	if s := w.State(); s.Pending != nil || s.Lock != nil || w.pendingText() != emptyText {
		t.Errorf("discarded: %+v", s)
	}
	stale := problem.New(problem.PreconditionFailed, "")
	_, err = w.Edit(t.Context(), "bob", alias("d", 4), false, func(*draft.Draft) error { return stale })
	want(t, err, problem.PreconditionFailed)
	if _, err = w.Edit(t.Context(), "bob", alias("d", 4), true, nil); err != nil || w.State().Lock != nil || w.State().Pending != nil {
		t.Errorf("a dry run changed something: %v", err)
	}
}

func TestWithoutADatabaseEditsAreRefusedAndTheRestWorks(t *testing.T) {
	w := newWorld(t, memory(t))
	w.settle()
	w.mustEdit("alice", alias("a", 1))
	w.mustApply("alice", time.Minute)
	w.faults.database = true
	want(t, w.Confirm(t.Context(), "alice", 1), "")
	for _, err := range []error{
		w.edit("alice", alias("b", 2)), w.Lock(t.Context(), "alice", false),
		func() error { _, err := w.Put(t.Context(), "alice", &draft.Draft{}, false, nil); return err }(),
	} {
		want(t, err, problem.DatabaseUnavailable)
	}
	if s := w.State(); s.Pending != nil || s.Lock != nil || s.Confirmed.Revision != 1 {
		t.Errorf("%+v", s)
	}
	page, err := w.History(t.Context(), 0, 10)
	if err != nil || len(page.Revisions) != 1 || page.Revisions[0].Outcome != "confirmed" || page.Revisions[0].Settler != "alice" {
		t.Errorf("%+v %v", page, err)
	}
}

func TestWhatNobodyHereAppliedBecomesARevisionAndDrift(t *testing.T) {
	w := newWorld(t, memory(t))
	const first = "# from the boot disk\npolicies: [{name: boot, match: {}, action: forward}]\n"
	w.plane.Load(4, first)
	w.settle()
	s := w.State()
	if s.Active.Revision != 4 || s.Confirmed.Revision != 4 || s.Drift != nil || w.events.has(event.ChangeAdopted) != 1 {
		t.Fatalf("at the first contact: %+v", s)
	}
	if p, _ := w.Draft(ActiveOne).Policy("boot"); p == nil {
		t.Fatal("its policy is not there")
	}
	w.mustEdit("alice", alias("a", 1))
	a := w.mustApply("alice", time.Minute)
	want(t, w.Confirm(t.Context(), "alice", a.Revision), "")
	_, ours := w.plane.Active()
	w.mustEdit("alice", alias("b", 2))

	w.plane.Load(a.Revision+1, "policies: [{name: signal, match: {}, action: drop}]\n")
	w.settle()
	s = w.State()
	if s.Drift == nil || s.Drift.Expected.Revision != a.Revision || s.Active.Revision != a.Revision+1 || s.Confirmed.Revision != a.Revision || w.events.has(event.ChangeDrift) != 1 {
		t.Fatalf("after a signal: %+v", s)
	}
	if !s.Pending.Outdated {
		t.Error("what is pending is not told to be outdated")
	}
	_, err := w.apply("alice", time.Minute)
	want(t, err, problem.Conflict, "rebase")

	again, err := w.Reapply(t.Context(), Order{By: "bob", Window: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	want(t, w.Confirm(t.Context(), "bob", 0), "")
	_, runs := w.plane.Active()
	if s = w.State(); s.Drift != nil || runs != ours || again.Revision != a.Revision+2 || s.Pending == nil || s.Pending.Outdated {
		t.Errorf("applied again: %+v", s)
	}

	w.plane.Load(4, first) // a cold start with an older one
	w.settle()
	if s = w.State(); s.Drift == nil || s.Active.Revision != 4 || s.Drift.Expected.Revision != again.Revision {
		t.Fatalf("after a cold start: %+v %+v", s, s.Drift)
	}
	if page, _ := w.History(t.Context(), 0, 100); len(page.Revisions) != 4 {
		t.Errorf("a revision that was known became another one: %+v", page.Revisions)
	}
	want(t, w.Accept(t.Context(), "bob"), "")
	if s = w.State(); s.Drift != nil || s.Confirmed.Revision != 4 {
		t.Errorf("accepted: %+v", s)
	}
	want(t, w.Rebase(t.Context(), "alice"), "")
	if p, _ := w.Draft(PendingOne).Policy("boot"); p == nil || w.Draft(PendingOne).Alias("b") == nil || w.Draft(PendingOne).Alias("a") != nil {
		t.Errorf("rebased:\n%s", w.pendingText())
	}
	if last := w.mustApply("alice", time.Minute); last.Revision <= again.Revision {
		t.Errorf("revisions go back: %+v", last)
	}
}

func TestAWindowThatSomebodyElseOpenedIsTakenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memory(t))
		w.plane.Load(1, "policies: [{name: boot, match: {}, action: forward}]\n")
		other := newWorld(t, memory(t))
		other.plane = w.plane
		other.start()
		other.settle()
		other.mustEdit("carol", alias("x", 1))
		other.mustApply("carol", time.Minute)
		w.settle()
		if s := w.State(); s.Phase != Window || s.Window == nil || s.Window.By != dataplane {
			t.Fatalf("%+v", s)
		}
		want(t, w.Revert(t.Context(), "alice", 0), "")
		if s := w.State(); s.Drift != nil || s.Confirmed.Document == emptyDocument || s.Active != (ActiveRevision{Ref: s.Confirmed, Generation: s.Active.Generation, Policy: s.Active.Policy, Since: s.Active.Since}) {
			t.Errorf("what it came back to is not taken for confirmed: %+v", s)
		}
		other.settle()
		if s := other.State(); s.Phase != Idle || s.Last.What != "reverted" {
			t.Errorf("the other one does not know: %+v", s)
		}
	})
}

func TestARefusalLeavesEverythingAsItWas(t *testing.T) {
	w := newWorld(t, memory(t))
	w.settle()
	w.mustEdit("alice", alias("a", 1))
	text := w.pendingText()
	w.plane.Refuse("there is no port svc9")
	_, err := w.apply("alice", time.Minute)
	want(t, err, problem.DataplaneRefused, "svc9")
	if s := w.State(); s.Phase != Idle || s.Pending == nil || w.pendingText() != text || s.Last.What != "failed" {
		t.Errorf("%+v", s)
	}
	w.plane.Refuse("")
	w.plane.Stop()
	_, err = w.apply("alice", time.Minute)
	want(t, err, problem.DataplaneUnavailable)
	if s := w.State(); s.Dataplane {
		t.Error("it is told to answer")
	}
	w.mustEdit("alice", alias("b", 2)) // edits do not need it
	w.plane.Start(false)
	_, err = w.apply("alice", time.Second)
	want(t, err, problem.Invalid, "window_s")
	if a := w.mustApply("alice", 0); a.Revision != 2 || !a.Deadline.IsZero() || w.State().Confirmed.Revision != 2 {
		t.Errorf("%+v", a)
	}
}

func TestARevisionIsRestoredAsPending(t *testing.T) {
	w := newWorld(t, memory(t))
	w.settle()
	var texts []string
	for i, name := range []string{"a", "b", "c"} {
		w.mustEdit("alice", alias(name, i+1))
		texts = append(texts, w.pendingText())
		w.mustApply("alice", 0)
	}
	if _, err := w.Restore(t.Context(), "bob", 9, false); !problem.Is(err, problem.NotFound) {
		t.Error(err)
	}
	if _, err := w.Restore(t.Context(), "bob", 1, false); err != nil || w.pendingText() != texts[0] || w.State().Lock.Owner != "bob" {
		t.Fatalf("%v\n%s", err, w.pendingText())
	}
	if _, err := w.Restore(t.Context(), "bob", 2, false); !problem.Is(err, problem.Conflict) {
		t.Errorf("it replaces what was edited: %v", err)
	}
	d := w.Diff()
	if len(d.Changes) != 2 || !strings.Contains(d.Text, "-  c: 20:00") {
		t.Errorf("%+v\n%s", d.Changes, d.Text)
	}
	w.mustApply("bob", 0)
	w.start()
	w.settle()
	if _, runs := w.plane.Active(); runs != texts[0] || w.State().Active.Revision != 4 {
		t.Errorf("%+v", w.State())
	}
	page, _ := w.History(t.Context(), 0, 2)
	if len(page.Revisions) != 2 || !page.More || page.Revisions[0].Revision != 4 {
		t.Errorf("%+v", page)
	}
	if page, _ = w.History(t.Context(), 3, 2); len(page.Revisions) != 2 || page.More || page.Revisions[0].Revision != 2 {
		t.Errorf("%+v", page)
	}
}

func TestManyEditsBecomeADocumentAndAreStillThereAfterARestart(t *testing.T) {
	w := newWorld(t, memory(t))
	w.settle()
	w.edits = 100
	const n = 330
	for i := range n {
		w.mustEdit("ansible", alias("host-"+number(uint64(i)), i))
	}
	if got := len(w.store.List(kindEdit)); got == 0 || got > 100 {
		t.Errorf("%d edits stand one by one", got)
	}
	text := w.pendingText()
	w.start()
	if s := w.State(); w.pendingText() != text || s.Pending.Edits != n || len(w.Draft(PendingOne).Aliases) != n {
		t.Errorf("after a restart: %+v", s.Pending)
	}
	w.settle()
	w.mustApply("ansible", 0)
	if docs := w.store.List(kindDocument); len(docs) != 1 || len(w.store.List(kindEdit)) != 0 {
		t.Errorf("%d documents and %d edits are kept", len(docs), len(w.store.List(kindEdit)))
	}
}

func TestWhoWatchesSeesTheLastState(t *testing.T) {
	w := newWorld(t, memory(t))
	w.settle()
	ctx, stop := context.WithCancel(t.Context())
	states := w.Watch(ctx)
	if s := <-states; s.Phase != Idle {
		t.Errorf("at first %+v", s)
	}
	for i, name := range []string{"a", "b", "c"} {
		w.mustEdit("alice", alias(name, i+1))
	}
	if s := <-states; s.Pending == nil || s.Pending.Edits != 3 {
		t.Errorf("not the last one: %+v", s.Pending)
	}
	w.mustApply("alice", time.Minute)
	if s := <-states; s.Phase != Window {
		t.Errorf("%+v", s)
	}
	stop()
	for range states { //nolint:revive // until it is closed
	}
}

func TestWhatCannotBeReadAnyMoreStopsNobodyFromConfirming(t *testing.T) {
	w := newWorld(t, memory(t))
	w.settle()
	w.mustEdit("alice", alias("a", 1))
	w.mustApply("alice", time.Minute)
	damage := func(tx *settings.Tx) error { tx.Put(kindEdit, editName(1), "no edit"); return nil }
	if err := w.store.UpdateLocal(t.Context(), damage); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.settle()
	want(t, w.Revert(t.Context(), "alice", 1), "")
	want(t, w.edit("alice", alias("b", 2)), problem.Conflict, "discard it")
	_, err := w.apply("alice", time.Minute)
	want(t, err, problem.Conflict, "discard it")
	want(t, w.Rebase(t.Context(), "alice"), problem.Conflict)
	if len(w.Diff().Changes) != 0 || w.State().Pending == nil {
		t.Errorf("%+v", w.State())
	}
	if _, err := w.Put(t.Context(), "alice", many(3), false, nil); err != nil {
		t.Fatal(err)
	}
	w.mustEdit("alice", alias("b", 1<<15))
	w.mustApply("alice", 0)
}

func TestARevisionDoesNotGetTheNumberOfOneThatWasTakenBackUnseen(t *testing.T) {
	w := newWorld(t, memory(t))
	if _, err := w.plane.Install(t.Context(), command.Install{Revision: 9, Document: []byte("aliases: {x: 20:00:02:fc:01:00:00:01}\npolicies: []\n"), Window: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.plane.Revert(t.Context(), 9); err != nil {
		t.Fatal(err)
	}
	w.mustEdit("alice", alias("a", 1))
	if a := w.mustApply("alice", time.Minute); a.Revision != 10 {
		t.Errorf("%+v", a)
	}
}
